"""Pruning: exact orders and counts, nested masks, nothing revives; control tests can say no."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from srnn.config import RunConfig
from srnn.fixpoints import EPSILON, IDENTITY, OTHER, ZERO
from srnn.history import TrainingState
from srnn.jobs import obtain
from srnn.metanet import MacroShape, accuracy
from srnn.particles import position_encoding, weight_count
from srnn.pruning import CRITERIA, Subject, count_of, drop_first, natural_count, order_of
from srnn.pruning.controls import control_tests, match, strata_of
from srnn.pruning.curves import curves, natural_points, summary
from srnn.pruning.dense import (
    Rules,
    accuracies,
    forward_many,
    initial_scalars,
    train_dense,
)
from srnn.pruning.masks import apply, masks_of
from srnn.pruning.retrain import retrain
from srnn.pruning.sweeps import epsilon_sentence, epsilon_sweep, pareto
from srnn.pruning.trained import TRAINED, Setup, smallest_dropped, torch_pruned
from srnn.tasks import Task, load_task

SHAPE = MacroShape(6, 3, 4, 3, "each", "none")


def made_up_task(seed: int = 0) -> Task:
    """Three classes that three of six pixels tell apart; the last two pixels never change."""
    random = np.random.default_rng(seed)
    y = np.arange(300) % 3
    x = random.random((300, 6)).astype(np.float32) * 0.3
    x[np.arange(300), y] += 0.7
    x[:, 4:] = 0.5
    return Task("made up", "", x, y, x, y, 0, 3)


def particle(scalar: float, replicates: bool, neurons: int = 2) -> np.ndarray:
    """A particle ``(n,)`` with that scalar weight that replicates itself exactly, or not.

    One way through the network (weights a, b, c) makes the composite ``abc``: with v[0] = 1, v[1:4]
    = 0 the self-application is the identity.
    """
    w1, w2 = np.zeros((neurons, 5)), np.zeros((neurons, neurons))
    w3 = np.zeros((1, neurons))
    w1[0, 0] = w2[0, 0] = w3[0, 0] = 1.0
    w1[0, 4] = scalar
    if not replicates:
        w1[0, 0] = 0.5
    return np.concatenate([w1.ravel(), w2.ravel(), w3.ravel()]).astype(np.float32)


def subject_of(scalars: np.ndarray, replicates: np.ndarray, task: Task | None = None) -> Subject:
    weights = np.stack([particle(*pair) for pair in zip(scalars, replicates, strict=True)], axis=1)
    return Subject(weights, position_encoding(2), SHAPE, task or made_up_task())


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


@pytest.mark.parametrize("criterion", ["magnitude", "magnitude-last", "gradient", "replicators"])
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
    assert hand_made.constant_input.sum() == 2 * 4


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
    points = natural_points(hand_made).set_index("criterion")
    assert points.loc["replicators", "accuracy"] == 1.0
    assert points.loc["replicators-last", "accuracy"] < 0.5
    assert points.loc["random", "accuracy"] < 0.9


def test_curves_have_exact_counts_and_thirty_random_draws(trained: Subject):
    table = curves(trained, ["magnitude", "random"], [0.25, 0.5], draws=30)
    assert (table["dropped"] + table["surviving"] == trained.particles).all()
    assert (table["criterion"] == "random").sum() == 60
    assert table[table["criterion"] == "random"].groupby("sparsity")["accuracy"].std().min() > 0
    short = summary(table)
    assert short["values"].tolist() == [1, 1, 30, 30]
    assert (short["low"] <= short["accuracy"]).all() and (short["accuracy"] <= short["high"]).all()


def test_masked_accuracies_are_those_of_particles_set_to_zero(trained: Subject):
    masks = masks_of(order_of("random", trained), [10, 100, 200])
    slow = [replace(trained, weights=apply(trained.weights, mask)).accuracy() for mask in masks]
    assert trained.accuracies(masks).tolist() == slow


# --- control tests -------------------------------------------------------------------------------


def test_matching_is_one_to_one_within_strata():
    random = np.random.default_rng(0)
    strata = random.integers(0, 5, 200)
    replicator = random.random(200) < 0.4
    ours, theirs = match(replicator, strata, np.ones(200, dtype=bool), random)
    assert replicator[ours].all() and not replicator[theirs].any()
    assert (strata[ours] == strata[theirs]).all()
    assert len(set(ours)) == len(ours) == len(set(theirs))
    per_stratum = [
        min((strata[replicator] == one).sum(), (strata[~replicator] == one).sum())
        for one in range(5)
    ]
    assert len(ours) == sum(per_stratum)


def test_matched_scalar_weights_differ_by_under_the_tolerance(trained: Subject):
    size = trained.scalars.abs().numpy()
    strata = strata_of(trained)["layer and scalar weight"]
    every = np.ones(trained.particles, dtype=bool)
    half = np.arange(trained.particles) % 2 == 0
    ours, theirs = match(half, strata, every, np.random.default_rng(0))
    a, b = np.maximum(size[ours], 1e-6), np.maximum(size[theirs], 1e-6)
    assert len(ours) > 10
    assert (np.maximum(a, b) / np.minimum(a, b) <= 1.1 + 1e-5).all()


def big_subject(replicates: np.ndarray, scalars: np.ndarray) -> Subject:
    """A network of one hidden layer of 40 cells on the made-up task."""
    shape = MacroShape(6, 2, 40, 3, "none", "none")
    weights = np.stack([particle(*pair) for pair in zip(scalars, replicates, strict=True)], axis=1)
    return Subject(weights, position_encoding(2), shape, made_up_task())


def test_the_control_test_finds_no_difference_where_labels_are_random():
    random = np.random.default_rng(1)
    scalars = np.sign(random.standard_normal(360)) * 0.3
    replicates = random.random(360) < 0.4
    found = control_tests(big_subject(replicates, scalars), draws=60)
    same = next(one for one in found if one.matching == "layer" and one.pixels == "all")
    assert same.support and same.p_value > 0.05
    assert same.low <= 0 <= same.high
    assert "no different" in same.sentence


def test_the_control_test_finds_the_difference_where_replicators_carry_nothing():
    random = np.random.default_rng(1)
    shape = MacroShape(6, 2, 40, 3, "none", "none")
    first = np.zeros((40, 6))
    first[np.arange(40), np.arange(40) % 3] = 1.0
    last = np.tile(np.eye(3), (1, 14))[:, :40]
    scalars = np.concatenate([first.ravel(), last.ravel()])
    assert len(scalars) == shape.particles
    replicates = (scalars == 0) & (random.random(360) < 0.5)
    scalars[(scalars == 0) & ~replicates] = 0.4 * random.standard_normal(
        ((scalars == 0) & ~replicates).sum()
    )
    found = control_tests(big_subject(replicates, scalars), draws=60)
    same = next(one for one in found if one.matching == "layer" and one.pixels == "all")
    assert same.matched + same.unmatched == replicates.sum()
    assert same.support and same.difference > 0
    matched = next(one for one in found if one.matching == "layer and scalar weight")
    assert not matched.support and np.isnan(matched.p_value)
    assert matched.sentence.startswith("No support")


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

    def forgetful(weights: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return weights.copy()

    monkeypatch.setattr("srnn.pruning.retrain.apply", forgetful)
    with pytest.raises(RuntimeError, match="revived"):
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
    assert accuracies(networks, x, y, shape).tolist() == accuracy(networks, x, y, shape)


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
        train_dense(
            start,
            torch.zeros_like(start, dtype=torch.bool),
            SHAPE,
            made_up_task(),
            range(1, 2),
            Rules(60),
            before_epoch=lambda epoch, scalars, masks: ~masks,
        )


def test_our_masks_equal_those_of_torchs_own_pruning():
    network = initial_scalars(SHAPE, 0)
    for count in (0, 1, 17, SHAPE.particles - 1):
        ours = smallest_dropped(network[None], [count], torch.ones(1, SHAPE.particles).bool())[0]
        assert (ours == torch_pruned(network, count, SHAPE)).all()
        assert (~ours).sum() == count


@pytest.mark.parametrize("rival", TRAINED)
def test_every_rival_has_exactly_the_sparsity_asked_for(rival: str):
    setup = Setup(made_up_task(), SHAPE, Rules(60, 0.1), range(2), (0.25, 0.5, 0.9), 6, 2)
    networks = TRAINED[rival].make(setup)
    assert ((networks == 0).sum(1) == torch.tensor(setup.counts * 2)).all()
    x, y = (torch.from_numpy(one) for one in (setup.task.x_test, setup.task.y_test))
    assert accuracies(networks, x, y, SHAPE).reshape(2, 3)[:, 0].min() > 0.6
    assert TRAINED[rival].epochs(setup) >= setup.epochs


def test_the_digits_are_learned_by_a_dense_network():
    task = load_task("digits")
    shape = MacroShape(64, 3, 6, 10, "each", "none")
    start = initial_scalars(shape, 0)[None]
    done, _ = train_dense(
        start, torch.ones_like(start).bool(), shape, task, range(1, 21), Rules(50, 0.02)
    )
    x, y = (torch.from_numpy(one) for one in (task.x_test, task.y_test))
    assert accuracies(done, x, y, shape)[0] > 0.85
