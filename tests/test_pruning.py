"""Pruning: exact orders and counts, nested masks, nothing revives; control tests can say no."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_analysis import particle
from torch.nn.utils import prune

from srnn.config import RunConfig
from srnn.history import TrainingState
from srnn.metanet import MacroShape, accuracy, forward
from srnn.particles import position_encoding, weight_count
from srnn.pruning.controls import CALIPER, MATCHINGS, control_tests, pair
from srnn.pruning.criteria import CRITERIA, order_of
from srnn.pruning.curves import curves, natural_points, over_draws
from srnn.pruning.dense import (
    Rules,
    accuracies,
    forward_many,
    initial_scalars,
    right_answers,
    squared_gradients,
    train_dense,
)
from srnn.pruning.masks import count_of, drop_first, masks_of, natural_count
from srnn.pruning.retrain import masked_state, retrain
from srnn.pruning.scratch import (
    RATES,
    SCRATCH,
    Setup,
    best_rate,
    grown,
    pixel_masks,
    sensitivities,
    shuffled_masks,
    smallest_dropped,
    validation_split,
)
from srnn.pruning.subject import Subject
from srnn.pruning.sweeps import epsilon_sentence, epsilon_sweep, pareto
from srnn.runs import obtain
from srnn.statistics import Outcome
from srnn.tasks import Task, load_task
from srnn.vocabulary import EPSILON, IDENTITY, OTHER, ZERO

SHAPE = MacroShape(6, 3, 4, 3, "each", "none")


def made_up_task(seed: int = 0) -> Task:
    """Three classes that three of six pixels tell apart; the last two pixels never change."""
    random = np.random.default_rng(seed)
    y = np.arange(300) % 3
    x = random.random((300, 6)).astype(np.float32) * 0.3
    x[np.arange(300), y] += 0.7
    x[:, 4:] = 0.5
    return Task(x, y, x, y, 0, 3)


def subject_of(scalars: np.ndarray, replicates: np.ndarray, shape: MacroShape = SHAPE) -> Subject:
    """Particles with these scalar weights that replicate themselves exactly, or not."""
    parts = [particle(1.0 if one else 0.5, w) for w, one in zip(scalars, replicates, strict=True)]
    return Subject(np.stack(parts, axis=1), position_encoding(2), shape, made_up_task())


@pytest.fixture
def hand_made() -> Subject:
    """A network that answers through few connections: the others replicate and carry nothing."""
    scalars, replicates = np.zeros(SHAPE.particles), np.ones(SHAPE.particles, dtype=bool)
    first = np.zeros((4, 6))
    first[0, 0] = first[1, 1] = first[2, 2] = 1.0
    last = np.zeros((3, 4))
    last[0, 0] = last[1, 1] = last[2, 2] = 5.0
    scalars[SHAPE.starts[0] : SHAPE.starts[1]] = first.ravel()
    scalars[SHAPE.starts[2] :] = last.ravel()
    replicates[scalars != 0] = False
    return subject_of(scalars, replicates)


@pytest.fixture
def trained(small: RunConfig) -> Subject:
    return Subject.of(obtain(small)[0])


def test_the_hand_made_network_has_the_types_it_was_made_with(hand_made: Subject):
    workers = hand_made.scalars.numpy() != 0
    assert (hand_made.types[workers] == OTHER).all()
    assert (hand_made.types[~workers] == IDENTITY).all()
    assert hand_made.accuracy() == 1.0


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_order_is_a_permutation_and_repeats(criterion: str, trained: Subject):
    order = order_of(criterion, trained, 3)
    assert sorted(order) == list(range(trained.particles))
    assert (order == order_of(criterion, trained, 3)).all()


@pytest.mark.parametrize("criterion", ["magnitude", "magnitude-last", "fisher", "replicators"])
def test_ties_go_by_index(criterion: str):
    alike = subject_of(np.full(SHAPE.particles, 0.0), np.ones(SHAPE.particles, dtype=bool))
    assert (order_of(criterion, alike) == np.arange(SHAPE.particles)).all()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=2, max_size=6))
def test_drop_k_drops_exactly_k_and_masks_are_nested(counts: list[int]):
    order = np.random.default_rng(0).permutation(40)
    masks = masks_of(order, sorted(counts))
    assert ((~masks).sum(1) == sorted(counts)).all()
    for wide, narrow in itertools.pairwise(masks):
        assert not (narrow & ~wide).any()


@pytest.mark.parametrize("count", [-1, 41])
def test_an_impossible_count_is_refused(count: int):
    with pytest.raises(ValueError, match="cannot drop"):
        drop_first(np.arange(40), count)


def test_fractions_round_to_the_nearest_count():
    assert [count_of(share, 10) for share in (0, 0.04, 0.05, 0.5, 1)] == [0, 0, 1, 5, 10]
    with pytest.raises(ValueError, match="from 0 to 1"):
        count_of(1.1, 10)


def test_replicators_without_a_count_drops_all_zero_and_identity_particles(trained: Subject):
    count = natural_count("replicators", trained)
    mask = drop_first(order_of("replicators", trained), count)
    assert ((trained.types == ZERO) | (trained.types == IDENTITY) == ~mask).all()
    zeros = drop_first(order_of("zeros", trained), natural_count("zeros", trained))
    assert ((trained.types == ZERO) == ~zeros).all()


def test_zeros_go_before_identities_and_those_before_the_rest(trained: Subject):
    kinds = trained.at(1e-3).types[order_of("zeros", trained.at(1e-3))]
    rank = np.select([kinds == ZERO, kinds == IDENTITY], [0, 1], 2)
    assert (np.diff(rank) >= 0).all()


def test_magnitude_is_the_order_of_the_scalar_weights_and_reversed_the_other_way(trained: Subject):
    size = trained.scalars.abs().numpy()
    assert (np.diff(size[order_of("magnitude", trained)]) >= 0).all()
    assert (np.diff(size[order_of("magnitude-last", trained)]) <= 0).all()


def test_activity_counts_dead_pixels_as_nothing(hand_made: Subject):
    inputs = np.tile(np.arange(6), 4)
    assert (hand_made.input_std[: SHAPE.starts[1]][inputs >= 4] == 0).all()
    assert (hand_made.input_std[: SHAPE.starts[1]][inputs < 3] > 0.1).all()
    np.testing.assert_array_equal(
        hand_made.contribution, hand_made.scalars.abs().numpy() * hand_made.input_std
    )
    assert (np.diff(hand_made.contribution[order_of("activity", hand_made)]) >= 0).all()


def test_input_std_of_deeper_layers_is_that_of_their_real_input(trained: Subject):
    from srnn.analysis.collapse import collapse

    network = collapse(trained.weights, trained.shape)
    with torch.no_grad():
        hidden = network.layers[0](torch.from_numpy(trained.task.x_train)).double()
    start, stop = trained.shape.starts[1:3]
    expected = np.tile(hidden.std(0, correction=0).numpy(), trained.shape.layers[1][0])
    np.testing.assert_allclose(trained.input_std[start:stop], expected, rtol=1e-4)


def test_a_diverged_particle_is_dropped_last(hand_made: Subject):
    weights = hand_made.weights.copy()
    weights[0, 5] = np.nan
    sick = replace(hand_made, weights=weights)
    for criterion in CRITERIA:
        assert order_of(criterion, sick)[-1] == 5, criterion


def test_an_unknown_criterion_is_refused_with_the_names(trained: Subject):
    with pytest.raises(ValueError, match="did you mean replicators"):
        order_of("replicator", trained)


def test_dropping_replicators_that_carry_nothing_costs_nothing(hand_made: Subject):
    points = natural_points(hand_made).set_index("rival")
    assert points.loc["replicators", "accuracy"] == 1.0
    assert points.loc["replicators-last", "accuracy"] < 0.5
    assert points.loc["random", "accuracy"] < 0.9


def test_curves_have_exact_counts_and_thirty_random_draws(trained: Subject):
    table = curves(trained, ["magnitude", "random"], [0.25, 0.5], draws=30)
    assert (table["dropped"] + table["surviving"] == trained.particles).all()
    draws = table[table["rival"] == "random"]
    assert len(draws) == 60 and draws.groupby("sparsity")["accuracy"].std().min() > 0
    short = over_draws(table)
    assert short["rival"].tolist() == ["magnitude"] * 2 + ["random"] * 2
    assert (
        short["low"].isna().tolist() == short["high"].isna().tolist() == [True, True, False, False]
    )
    half = draws[draws["sparsity"] == 0.5]["accuracy"]
    last = short.iloc[-1]
    assert last["accuracy"] == pytest.approx(half.mean())
    assert (last["low"], last["high"]) == tuple(half.quantile([0.025, 0.975]))


def test_masked_accuracies_are_those_of_particles_set_to_zero(trained: Subject):
    masks = masks_of(order_of("random", trained), [10, 100, 200])
    dropped = [np.where(mask, trained.weights, 0) for mask in masks]
    slow = [replace(trained, weights=weights).accuracy() for weights in dropped]
    assert trained.accuracies(masks).tolist() == slow


# --- control tests -------------------------------------------------------------------------------


def test_pairing_is_one_to_one_within_layer_and_caliper():
    random = np.random.default_rng(0)
    layer, marked = random.integers(0, 3, 300), random.random(300) < 0.4
    usable = random.random(300) < 0.9
    values = random.normal(size=(2, 300)) * 0.2
    ours, theirs = pair(marked, usable, layer, values, random)
    assert len(ours) > 40
    assert marked[ours].all() and not marked[theirs].any()
    assert usable[ours].all() and usable[theirs].all()
    assert (layer[ours] == layer[theirs]).all()
    assert len(set(ours)) == len(ours) == len(set(theirs)) == len(theirs)
    assert (np.abs(values[:, ours] - values[:, theirs]) < CALIPER).all()


def test_the_nearest_partner_in_the_worst_of_all_values_is_taken():
    marked = np.array([True, False, False, False])
    values = np.array([[0.0, 0.05, 0.02, 0.0], [0.0, 0.00, 0.04, 0.06]])
    ours, theirs = pair(
        marked, np.ones(4, dtype=bool), np.zeros(4), values, np.random.default_rng(0)
    )
    assert (ours.tolist(), theirs.tolist()) == ([0], [2])


def test_without_values_partners_are_drawn_at_random_within_the_layer():
    marked, layer = np.arange(40) < 4, np.zeros(40)
    all_, nothing, random = np.ones(40, dtype=bool), np.zeros((0, 40)), np.random.default_rng(0)
    draws = [tuple(pair(marked, all_, layer, nothing, random)[1]) for _ in range(60)]
    assert len(set(draws)) == 60
    assert set(np.ravel(draws)) == set(range(4, 40))


def big_subject(replicates: np.ndarray, scalars: np.ndarray) -> Subject:
    """A network of one hidden layer of 40 cells on the made-up task."""
    return subject_of(scalars, replicates, MacroShape(6, 2, 40, 3, "none", "none"))


def controls_of(subject: Subject, seed: int = 0) -> pd.DataFrame:
    """The control tests by their matching, a column each."""
    return control_tests(subject, pairings=4, permutations=100, seed=seed).set_index("matching").T


def redundant(seed: int, planted: bool) -> Subject:
    """Thirteen cells vote for each class, all other connections are noise; who replicates is drawn
    at random, or (planted) only noise does."""
    random = np.random.default_rng(seed)
    first, last = np.zeros((40, 6)), np.zeros((3, 40))
    first[np.arange(40), np.arange(40) % 3] = 1.0
    last[np.arange(40) % 3, np.arange(40)] = 1.0
    carries = np.concatenate([first.ravel(), last.ravel()]) != 0
    scalars = np.where(carries, 1.0, 0.2 * random.standard_normal(360))
    return big_subject(random.random(360) < 0.65 * (~carries if planted else 0.6), scalars)


@pytest.fixture
def in_layers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the control tests only the one that every network has support for."""
    monkeypatch.setattr("srnn.pruning.controls.MATCHINGS", {"layer": MATCHINGS["layer"]})


@pytest.mark.usefixtures("in_layers_only")
def test_random_labels_are_called_a_difference_in_at_most_a_twentieth_of_networks():
    found = [controls_of(redundant(seed, planted=False))["layer"] for seed in range(20)]
    assert all(one.support for one in found)
    assert sum(one.p_value <= 0.05 for one in found) <= 1
    assert abs(np.mean([one.difference for one in found])) < 0.05


@pytest.mark.usefixtures("in_layers_only")
def test_a_planted_difference_is_found_and_has_the_right_sign():
    subjects = [redundant(seed, planted=True) for seed in range(10)]
    found = [controls_of(subject)["layer"] for subject in subjects]
    assert sum(one.outcome == Outcome.BETTER for one in found) >= 8
    assert all(one.difference > 0 for one in found)
    for one, subject in zip(found, subjects, strict=True):
        assert one.difference == pytest.approx(one.without_replicators - one.without_others)
        assert one.low <= one.difference <= one.high
        assert one.base_accuracy == subject.accuracy()


def test_replicators_that_do_the_work_are_the_worse_ones_to_drop():
    subject = redundant(0, planted=True)
    scalars = subject.scalars.numpy()
    found = controls_of(big_subject(scalars == 1, scalars))["layer"]
    assert found.outcome == Outcome.WORSE and found.difference < 0
    assert "worse ones to drop" in found.sentence


def test_a_test_without_partners_has_no_support_and_no_numbers():
    subject = redundant(0, planted=True)
    alone = big_subject(np.arange(360) < 350, subject.scalars.numpy())
    found = controls_of(alone)["weight"]
    assert not found.support and found[["p_value", "difference", "low"]].isna().all()
    assert found.outcome == Outcome.UNDECIDED
    assert found.sentence == (
        f"No support (the same |scalar weight|): 350 replicators, 10 survivors to pair them with, "
        f"{found.pairs} pairs."
    )


def test_the_input_is_balanced_as_a_continuous_quantity(trained: Subject):
    values = MATCHINGS["weight and input"].values(trained)
    half = np.arange(trained.particles) % 2 == 0
    usable = np.ones(trained.particles, dtype=bool)
    ours, theirs = pair(half, usable, trained.shape.layer, values, np.random.default_rng(0))
    a, b = (np.maximum(trained.input_std[side], 0.01) for side in (ours, theirs))
    assert len(ours) > 10 and (np.maximum(a, b) / np.minimum(a, b) < 1.1 + 1e-9).all()
    c, d = (np.maximum(trained.scalars.abs().numpy()[side], 1e-6) for side in (ours, theirs))
    assert (np.maximum(c, d) / np.minimum(c, d) < 1.1 + 1e-5).all()


def test_lively_inputs_are_those_that_vary_much(trained: Subject):
    found = control_tests(trained.at(1e-2), 2, 2).set_index("matching")["replicators"]
    lively = (trained.input_std >= 0.15) & trained.at(1e-2).replicators
    assert found["weight, lively"] == lively.sum()
    assert found["weight"] == trained.at(1e-2).replicators.sum()


def test_the_table_of_controls_has_outcomes_and_sentences():
    table = control_tests(redundant(0, planted=True), 3, 20)
    assert table["matching"].tolist() == list(MATCHINGS)
    assert set(table["outcome"]) <= {str(one) for one in Outcome}
    assert table["sentence"].str.len().min() > 20


def test_one_pairing_is_held_against_permutations_of_that_pairing(monkeypatch: pytest.MonkeyPatch):
    """The observed value is that of the first pairing, not the mean over pairings."""
    seen = []

    def spy(observed: float, permuted: np.ndarray) -> float:
        seen.append((observed, permuted))
        return 1.0

    monkeypatch.setattr("srnn.pruning.controls.two_sided", spy)
    subject = redundant(3, planted=False)
    controls_of(subject)
    observed, permuted = seen[0]
    assert len(permuted) == 200
    assert permuted[:100].tolist() == (-permuted[100:]).tolist()
    images = len(subject.task.y_test)
    assert round(observed * images, 6) == int(round(observed * images, 6))  # one network's count


# --- threshold and Pareto map --------------------------------------------------------------------


def test_the_epsilon_sweep_counts_more_replicators_with_a_wider_epsilon(trained: Subject):
    table = epsilon_sweep(trained)
    assert (np.diff(table["dropped"]) >= 0).all()
    assert EPSILON in table["epsilon"].tolist()
    decades = np.log10(table["epsilon"].max() / table["epsilon"].min())
    assert decades == pytest.approx(5)
    at = table[table["epsilon"] == EPSILON].iloc[0]
    assert at["dropped"] == natural_count("replicators", trained)
    assert "epsilon" in epsilon_sentence(table)


def test_the_pareto_front_holds_what_nothing_beats(small: RunConfig):
    runs = [obtain(small.replace(neurons=h, alpha=alpha))[0] for h, alpha in ((2, 100.0), (3, 1.0))]
    table = pareto(runs)
    assert table["front"].any()
    best = table.loc[table["pruned_accuracy"].idxmax()]
    assert best["front"]
    np.testing.assert_allclose(
        table["drop_cost"], table["accuracy"] - table["pruned_accuracy"], atol=1e-12
    )
    assert len(pareto([])) == 0


# --- training what survived ----------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["manual", "autograd", "auto"])
@pytest.mark.parametrize("coupled", [True, False])
def test_nothing_revives_while_retraining(engine: str, coupled: bool, small: RunConfig):
    config = small.replace(target_gradient=coupled)
    run, _ = obtain(config, engine)
    one = Subject.of(run)
    masks = masks_of(order_of("random", one), [50, 150])
    assert run.state.momentum.any()
    weights = retrain(config, one.task, [run.state] * 2, masks, 2)
    for member, mask in zip(weights, masks, strict=True):
        assert not member[:, ~mask].any()
        assert (member[:, mask] != run.weights[:, mask]).any()


def test_retraining_wins_back_accuracy(small: RunConfig):
    config = small.replace(neurons=6, width=6, batch_size=25, epochs=8)
    run, _ = obtain(config)
    one = Subject.of(run)
    mask = drop_first(order_of("random", one), one.particles // 3)
    (weights,) = retrain(config, one.task, [run.state], mask[None], 5)
    assert replace(one, weights=weights).accuracy() > one.accuracy(mask) + 0.1


def test_a_reviving_particle_is_an_error(small: RunConfig, monkeypatch: pytest.MonkeyPatch):
    run, _ = obtain(small)
    one = Subject.of(run)
    masks = masks_of(order_of("magnitude", one), [50])

    def forgetful(state: TrainingState, mask: np.ndarray) -> TrainingState:
        """Two that should be dropped are not."""
        return masked_state(state, mask | (np.cumsum(~mask) <= 2))

    monkeypatch.setattr("srnn.pruning.retrain.masked_state", forgetful)
    with pytest.raises(RuntimeError, match="2 dropped particles revived in epoch 4"):
        retrain(small, one.task, [run.state], masks, 1)


def test_retraining_refuses_a_mask_too_few(small: RunConfig):
    count = weight_count(3)
    state = TrainingState(0, np.zeros((count, 4)), np.zeros((count, 4)), True, "manual")
    with pytest.raises(ValueError, match="masks for"):
        retrain(small, made_up_task(), [state, state], np.ones((1, 4), dtype=bool), 1)


# --- dense rivals --------------------------------------------------------------------------------


@pytest.mark.parametrize("residual", ["none", "each", "pairs"])
@pytest.mark.parametrize("activation", ["none", "relu"])
def test_many_dense_networks_equal_the_metanets_forward_pass(residual: str, activation: str):
    shape = MacroShape(6, 4, 4, 3, residual, activation)
    networks = torch.stack([initial_scalars(shape, seed) for seed in range(3)])
    x, y = (torch.from_numpy(one) for one in (made_up_task().x_test, made_up_task().y_test))
    assert accuracies(networks, x, y, shape).tolist() == [
        accuracy(one, x, y, shape) for one in networks
    ]


def test_batched_dense_training_is_plain_sgd_with_momentum():
    task, rules = made_up_task(), Rules(batch_size=60, lr=0.1)
    start, mask = initial_scalars(SHAPE, 0), torch.ones(2, SHAPE.particles, dtype=torch.bool)
    mask[1, ::3] = False
    both = torch.stack([start, start])
    trained, _ = train_dense(both, mask, SHAPE, task, range(1, 4), rules)
    from srnn.training import data_order

    for member in range(2):
        w = (start * mask[member]).clone().requires_grad_()
        optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9)
        for epoch in range(1, 4):
            order = torch.from_numpy(data_order(0, epoch, 300))
            for batch in order.split(60):
                optimizer.zero_grad()
                x, y = torch.from_numpy(task.x_train)[batch], torch.from_numpy(task.y_train)[batch]
                logits = forward_many(w[None], x, SHAPE)[0].T
                torch.nn.functional.cross_entropy(logits, y).backward()
                w.grad *= mask[member]
                optimizer.step()
        torch.testing.assert_close(trained[member], w.detach(), rtol=1e-4, atol=1e-5)


def test_a_growing_mask_is_refused():
    start = initial_scalars(SHAPE, 0)[None]
    with pytest.raises(RuntimeError, match="mask grew"):
        nothing = torch.zeros_like(start, dtype=torch.bool)
        about = SHAPE, made_up_task(), range(1, 2), Rules(60)
        train_dense(start, nothing, *about, before_epoch=lambda epoch, scalars, masks: ~masks)


def torch_pruned(scalars: torch.Tensor, count: int) -> torch.Tensor:
    """Global magnitude pruning by PyTorch's own ``torch.nn.utils.prune``."""
    layers = [torch.nn.Linear(inp, out, bias=False) for out, inp in SHAPE.layers]
    with torch.no_grad():
        for layer, matrix in zip(layers, SHAPE.split(scalars), strict=True):
            layer.weight.copy_(matrix)
    named = [(layer, "weight") for layer in layers]
    prune.global_unstructured(named, pruning_method=prune.L1Unstructured, amount=count)
    return torch.cat([layer.weight_mask.flatten() for layer in layers]).bool()


def test_our_masks_equal_those_of_torchs_own_pruning():
    network = initial_scalars(SHAPE, 0)
    for count in (0, 1, 17, SHAPE.particles - 1):
        ours = smallest_dropped(network[None], [count])[0]
        assert (ours == torch_pruned(network, count)).all()
        assert (~ours).sum() == count


def test_what_is_gone_already_counts_and_too_much_is_refused():
    values, masks = torch.tensor([[5.0, 1.0, 4.0, 2.0]]), torch.tensor([[False, True, True, True]])
    assert smallest_dropped(values, [2], masks).tolist() == [[False, False, True, True]]
    with pytest.raises(ValueError, match="gone already"):
        smallest_dropped(values, [0], masks)


@pytest.fixture
def setup() -> Setup:
    kept = np.random.default_rng(0).random((2, 3, SHAPE.particles)) < 0.5
    counts = (~kept).sum(-1)
    return Setup(made_up_task(), SHAPE, Rules(60, 0.1), (0, 1), counts, 6, 2, kept)


@pytest.mark.parametrize("rival", SCRATCH)
def test_every_rival_has_exactly_the_sparsity_asked_for(rival: str, setup: Setup):
    networks = SCRATCH[rival].make(setup)
    assert ((networks == 0).sum(1) == torch.from_numpy(setup.counts.ravel())).all()
    x, y = (torch.from_numpy(one) for one in (setup.task.x_test, setup.task.y_test))
    assert accuracies(networks, x, y, SHAPE).max() > 0.6


def test_a_lottery_ticket_goes_back_to_the_first_epoch_and_trains_the_rest(setup: Setup):
    everything = torch.ones(2, SHAPE.particles).bool()
    early = setup.fit(setup.start, everything, range(1, 2))
    late = setup.fit(setup.start, everything, range(1, 7))
    masks = smallest_dropped(late.repeat_interleave(3, 0), setup.drops)
    expected = setup.fit(early.repeat_interleave(3, 0), masks, range(2, 7))
    assert torch.equal(SCRATCH["lottery"].make(setup), expected)
    again = setup.fit(late.repeat_interleave(3, 0), masks, range(7, 9))
    assert torch.equal(SCRATCH["one-shot-retrained"].make(setup), again)
    assert torch.equal(SCRATCH["one-shot"].make(setup), late.repeat_interleave(3, 0) * masks)


def test_gradual_pruning_follows_its_cubic_ramp(setup: Setup, monkeypatch: pytest.MonkeyPatch):
    # of 20 epochs the ramp takes 15: before epoch e a share 1 - (1 - (e - 1) / 15)^3
    assert grown(1, 20) == 0 and grown(16, 20) == 1 and grown(20, 20) == 1
    assert grown(6, 20) == pytest.approx(1 - (2 / 3) ** 3)
    assert grown(1, 1) == 0 and grown(2, 1) == 1
    seen: list[int] = []

    def spy(
        values: torch.Tensor, counts: list[int], masks: torch.Tensor | None = None
    ) -> torch.Tensor:
        seen.append(counts[0])
        return smallest_dropped(values, counts, masks)

    monkeypatch.setattr("srnn.pruning.scratch.smallest_dropped", spy)
    SCRATCH["gradual"].make(setup)
    count = setup.drops[0]
    assert seen == [int(grown(epoch, 6) * count) for epoch in range(1, 7)] + [count]


def test_snip_is_the_weight_times_the_gradient_before_training(setup: Setup):
    x, y = torch.from_numpy(setup.task.x_train), torch.from_numpy(setup.task.y_train)
    w = initial_scalars(SHAPE, 1).requires_grad_()
    torch.nn.functional.cross_entropy(forward(w, x, SHAPE), y).backward()
    torch.testing.assert_close(sensitivities(setup)[1], (w * w.grad).abs().detach())
    values = sensitivities(setup).repeat_interleave(3, 0)
    masks = smallest_dropped(values, setup.drops)
    assert torch.equal(SCRATCH["snip"].make(setup), setup.from_start(masks))


def test_the_shuffled_mask_keeps_each_layers_count_and_little_else(setup: Setup):
    shuffled = shuffled_masks(setup)
    for start, stop in itertools.pairwise(SHAPE.starts):
        before, after = setup.kept[..., start:stop], shuffled[..., start:stop]
        assert (before.sum(-1) == after.sum(-1)).all()
    assert (shuffled != setup.kept).any(-1).all()
    assert not (shuffled[:, 0] == shuffled[:, 1]).all()


def test_the_liveliest_pixels_are_kept_with_all_their_cells_first(setup: Setup):
    kept = np.ones((2, 1, SHAPE.particles), dtype=bool)
    kept[0, 0, :14] = False  # 10 of 24 connections of the first layer are left
    kept[1, 0, 30] = False  # one of a later layer
    masks = pixel_masks(replace(setup, kept=kept, counts=(~kept).sum(-1)))
    first = masks[0, 0, :24].reshape(4, 6)
    order = np.argsort(-setup.task.x_train.std(0), kind="stable")
    assert first[:, order[:2]].all() and not first[:, order[3:]].any()
    assert first[:, order[2]].tolist() == [True, True, False, False]
    assert (masks[1] == kept[1]).all() and (masks[0, 0, 24:] == kept[0, 0, 24:]).all()


def test_the_liveliest_pixels_of_a_network_with_few_outputs():
    shape = MacroShape(6, 2, 4, 3)
    kept = np.ones((1, 1, shape.particles), dtype=bool)
    kept[0, 0, :12] = False  # 12 of 24 connections are left: those of three pixels
    counts = (~kept).sum(-1)
    masks = pixel_masks(Setup(made_up_task(), shape, Rules(), (0,), counts, 2, 1, kept))
    assert sorted(masks[0, 0, :24].reshape(4, 6).sum(0)) == [0, 0, 0, 4, 4, 4]
    assert masks[0, 0, 24:].all()


def test_the_penalty_is_tried_for_as_many_epochs_as_all_rivals_train(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
):
    seen: list[range] = []

    def spy(start, masks, shape, task, epochs, *rules, **more):
        seen.append(epochs)
        return train_dense(start, masks, shape, task, epochs, *rules, **more)

    monkeypatch.setattr("srnn.pruning.scratch.train_dense", spy)
    first, again = (SCRATCH[name].make(setup) for name in ("l1", "l1"))
    assert seen[:3] == [range(1, 7), range(1, 7), range(7, 9)] and torch.equal(first, again)


def test_what_is_dropped_at_random_is_the_seeds(setup: Setup):
    one, other = (SCRATCH["random-start"].make(setup) for _ in range(2))
    assert torch.equal(one, other)
    gone = (one == 0).reshape(2, 3, -1)
    assert not (gone[0, 0] & ~gone[0, 1]).any() or not (gone[0, 1] & ~gone[0, 0]).any()
    assert (gone[0] != gone[1]).any(1).all()


def test_the_momentum_of_what_is_dropped_is_gone():
    ones = np.ones((3, 4), dtype=np.float32)
    mask = np.array([True, False, True, False])
    state = masked_state(TrainingState(1, ones, 2 * ones, True, "manual"), mask)
    assert (state.weights == mask).all() and (state.momentum == 2 * mask).all()
    assert state.engine == "manual" and ones.all()
    unknown = masked_state(TrainingState(1, ones, ones, True, "of another machine"), mask)
    assert unknown.engine == "auto"


def test_the_survivors_mask_is_trained_from_fresh_weights(setup: Setup):
    masks = torch.from_numpy(setup.kept.reshape(6, -1))
    fresh = torch.stack([initial_scalars(SHAPE, seed) for seed in (0, 0, 0, 1, 1, 1)])
    assert torch.equal(SCRATCH["mask"].make(setup), setup.fit(fresh, masks, range(1, 7)))


def test_choices_are_made_on_the_last_training_images_only():
    task = load_task("digits")
    split = validation_split(task)
    cut = len(task.x_train) - len(task.x_train) // 6
    assert (split.x_train == task.x_train[:cut]).all()
    assert (split.x_test == task.x_train[cut:]).all() and (split.y_test == task.y_train[cut:]).all()
    assert (split.y_train == task.y_train[:cut]).all()
    big = replace(task, x_train=np.zeros((70_000, 1)), y_train=np.arange(70_000))
    assert validation_split(big).y_test.tolist() == list(range(60_000, 70_000))


def test_the_rate_that_serves_the_validation_images_best_is_chosen(setup: Setup):
    split = validation_split(setup.task)
    x, y = torch.from_numpy(split.x_test), torch.from_numpy(split.y_test)
    means = []
    for rate in RATES:
        rules = replace(setup.rules, lr=rate)
        trained, _ = train_dense(setup.start, None, SHAPE, split, range(1, 7), rules)
        means.append(accuracies(trained, x, y, SHAPE).mean())
    assert best_rate(setup) == RATES[int(np.argmax(means))]
    assert len(set(means)) > 1


def test_test_images_choose_nothing(setup: Setup):
    blind = replace(setup.task, x_test=setup.task.x_test[:1] * 0, y_test=setup.task.y_test[:1])
    for rival in ("l1", "lottery", "gradual", "snip"):
        same = SCRATCH[rival].make(replace(setup, task=blind))
        assert torch.equal(same, SCRATCH[rival].make(setup)), rival
    assert best_rate(replace(setup, task=blind)) == best_rate(setup)


def test_squared_gradients_are_those_of_single_images():
    shape = MacroShape(6, 4, 4, 3, "each", "relu")
    task, w = made_up_task(), initial_scalars(shape, 3)
    x, y = torch.from_numpy(task.x_train[:9]), torch.from_numpy(task.y_train[:9])
    total = torch.zeros(shape.particles)
    for image, label in zip(x, y, strict=True):
        v = w.clone().requires_grad_()
        torch.nn.functional.cross_entropy(forward(v, image[None], shape), label[None]).backward()
        total += v.grad**2
    torch.testing.assert_close(squared_gradients(w, x, y, shape), total / 9)


def test_fisher_saliency_is_half_the_squared_weight_times_the_squared_gradient(trained: Subject):
    x = torch.from_numpy(trained.task.x_train[:10_000])
    y = torch.from_numpy(trained.task.y_train[:10_000])
    squares = squared_gradients(trained.scalars, x, y, trained.shape)
    np.testing.assert_allclose(trained.fisher, trained.scalars**2 * squares / 2, rtol=1e-6)
    assert (np.diff(trained.fisher[order_of("fisher", trained)]) >= 0).all()


def test_an_answer_with_an_infinite_logit_is_no_answer():
    scalars = initial_scalars(SHAPE, 0)[None].repeat(2, 1)
    scalars[1, SHAPE.starts[2]] = torch.inf
    x = torch.from_numpy(made_up_task().x_test[:20])
    own = forward_many(scalars, x, SHAPE).argmax(1)
    for network, right in ((0, True), (1, False)):
        assert (right_answers(scalars, x, own[network], SHAPE)[network] == right).all()


def test_the_digits_are_learned_by_a_dense_network():
    task = load_task("digits")
    shape = MacroShape(64, 3, 6, 10, "each", "none")
    start = initial_scalars(shape, 0)[None]
    done, _ = train_dense(start, None, shape, task, range(1, 21), Rules(50, 0.02))
    x, y = (torch.from_numpy(one) for one in (task.x_test, task.y_test))
    assert accuracies(done, x, y, shape)[0] > 0.85
