"""Networks without particles that a MetaNet is compared with (log rows 9, 15 and 17)."""

import numpy as np
import pytest
import torch

from srnn.config import RunConfig, make_config
from srnn.engines import Problem, make_engine
from srnn.experiments import baselines, comparisons, experiments, networks
from srnn.experiments.comparisons import (
    ADAM_GRID,
    CHANCE,
    DENSE,
    GRID,
    KINDS,
    LOTTERY,
    PRUNED,
    compare,
    compare_wide,
    pruned,
)
from srnn.experiments.networks import accuracy_of, chosen_rate, cross_entropy, fit
from srnn.experiments.slow_ways import BlockSparse, ModuleLoop
from srnn.metanet import MacroShape, forward, macro_shape
from srnn.particles import initial_weights
from srnn.pruning.dense import Rules, accuracies, initial_scalars, train_dense
from srnn.pruning.scratch import Setup, best_rate, validation_split
from srnn.tasks import load_task


@pytest.fixture
def tiny(small):
    """The smallest training that still is a MetaNet, as a JSON value."""
    return small.replace(epochs=1).to_dict()


# row 9


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_rival_trains_and_counts_its_connections(kind, tiny):
    facts, _ = compare(kind, tiny, 2)
    assert 0 <= facts["accuracy"] <= 1 and facts["parameters"] > 0
    assert facts["connections"] == MacroShape(64, 3, 4, 10).particles


def test_pruned_dense_networks_are_those_of_the_pruning_lab(tiny):
    numbers = pruned(tiny)[1]["numbers"].set_index("arm")
    kept = round(353 / 1518 * MacroShape(64, 3, 4, 10).particles)
    assert numbers["connections"].to_dict() == {DENSE: 312, PRUNED: kept, LOTTERY: kept}
    (chance,) = pruned(tiny, [CHANCE], 1)[1]["numbers"].to_dict("records")
    assert chance["connections"] == kept and 0 <= chance["outputs_reached"] <= 10
    assert numbers.loc[DENSE, "outputs_reached"] == 10
    run, task = RunConfig.from_dict(tiny), load_task("digits")
    shape = macro_shape(run)
    start = initial_scalars(shape, run.seed)[None]
    everything = torch.ones_like(start, dtype=torch.bool)
    rates = set(numbers["rate"])
    first = Rules.of(run.replace(seed=1, data_seed=1))
    setup = Setup(task, shape, first, (1,), np.array([[0]]), 1, 1)
    assert rates == {best_rate(setup, GRID)}
    rules = Rules.of(run, *rates)
    whole, _ = train_dense(start, everything, shape, task, range(1, 2), rules)
    x, y = torch.from_numpy(task.x_test), torch.from_numpy(task.y_test)
    assert numbers.loc[DENSE, "accuracy"] == accuracies(whole, x, y, macro_shape(run))[0]


def test_a_rate_is_chosen_on_training_images_that_were_held_back():
    """Of two answers to everything: what is true of the last sixth of the training images wins."""
    task = load_task("digits")
    split = validation_split(task)
    digits = np.bincount(split.y_test).argmax(), np.bincount(split.y_test).argmin()
    seen = []

    def train(given, rate):
        seen.append(given)
        return lambda x: torch.eye(10)[int(rate)].expand(len(x), 10)

    assert chosen_rate(train, task, [float(digit) for digit in digits]) == digits[0]
    assert chosen_rate(train, task, [float(digit) for digit in digits[::-1]]) == digits[0]
    tried = len(seen)
    assert chosen_rate(train, task, [0.5]) == 0.5 and len(seen) == tried
    held = len(task.x_train) // 6
    for given in seen:
        assert np.array_equal(given.x_train, task.x_train[:-held])
        assert np.array_equal(given.x_test, task.x_train[-held:])


def test_a_rate_is_chosen_once_with_the_first_seed_on_true_labels(tiny, monkeypatch):
    asked = []

    def chosen(train, task, rates):
        asked.append((task.y_train.tolist(), rates))
        return 0.05 if rates == GRID else 0.01

    monkeypatch.setattr(comparisons, "chosen_rate", chosen)
    other = {**tiny, "seed": 7, "data_seed": 7, "labels": "shuffled"}
    assert compare_wide(other, 7, 1)[0]["rate"] == compare_wide(tiny, 7, 1)[0]["rate"] == 0.05
    assert compare_wide(tiny, 8, 1)[0]["rate"] == 0.05
    for kind in KINDS:
        rates = {compare(kind, config, 4)[0]["rate"] for config in (other, tiny)}
        assert rates == {0.01}
    labels = load_task("digits").y_train.tolist()
    assert asked == [(labels, GRID)] * 2 + [(labels, ADAM_GRID)] * len(KINDS)


def test_an_unknown_rival_is_refused(tiny):
    with pytest.raises(ValueError, match="hypernetwork"):
        compare("capsules", tiny, 1)


def test_a_hypernetwork_learns_the_digits():
    network, task = networks.Hyper(MacroShape(64, 3, 6, 10, "each"), 0), load_task("digits")
    losses = []
    for epochs in (1, 25):
        fit(network, task, epochs, 50, lr=0.003)
        logits = network(torch.from_numpy(task.x_train))
        losses.append(cross_entropy(logits, torch.from_numpy(task.y_train)).item())
    assert accuracy_of(network, task) > 0.8 and losses[1] < losses[0] / 2


def test_the_order_of_the_data_changes_what_is_learned():
    def weights(data_seed):
        network = networks.wide(MacroShape(64, 3, 4, 10), 0)
        fit(network, load_task("digits"), 1, 100, lr=0.008, data_seed=data_seed)
        return network.layers[0].weight

    assert torch.equal(weights(1), weights(1)) and not torch.equal(weights(1), weights(2))


def test_diversity_grows_as_networks_move_apart_but_not_with_their_scale():
    network = networks.FromNoise(MacroShape(9, 2, 3, 2), 0)
    network.last = network.sample(6)
    before = network.diversity().item()
    network.last = network.last * 5
    assert network.diversity().item() == pytest.approx(before, abs=1e-4)
    network.last = network.last[:1].repeat(6, 1) + 1e-4 * network.last
    assert network.diversity().item() < before - 3


def test_the_literature_names_all_seven_works():
    table = experiments()["9"].tables()["literature"]
    assert table["year"].tolist() == [2013, 2016, 2018, 2019, 2019, 2021, 2022]
    assert not table.isna().any().any() and table["source"].is_unique


# row 15


def test_dense_baselines_match_neurons_and_weights():
    config = make_config("2022-02", neurons=4)
    assert baselines.total_neurons(config) == 34 + 1518 * 9
    goal, width = 1518 * 40, baselines.width_for(config, "weights")

    def weights(width):
        return sum(out * inp for out, inp in MacroShape(225, 5, width, 10).layers)

    assert abs(weights(width) - goal) <= min(
        abs(weights(width - 1) - goal), abs(weights(width + 1) - goal)
    )
    wide = 4 * baselines.width_for(config, "neurons") + 10
    assert abs(wide - baselines.total_neurons(config)) <= 4
    with pytest.raises(ValueError, match="neurons, weights"):
        baselines.width_for(config, "colours")


def test_a_wide_network_answers_as_a_plain_one():
    shape, x = MacroShape(9, 4, 3, 2, "pairs", "tanh"), torch.rand(5, 9)
    wide = networks.wide(shape, 0)
    flat = torch.cat([layer.weight.detach().flatten() for layer in wide.layers])
    torch.testing.assert_close(wide(x), forward(flat, x, shape))


def test_a_dense_baseline_counts_its_cells_and_weights(tiny):
    facts, _ = compare_wide(tiny, 7, 1)
    assert (facts["neurons"], facts["parameters"]) == (7 + 7 + 10, 64 * 7 + 7 * 7 + 7 * 10)


# row 17


@pytest.mark.parametrize("coupled", [True, False])
@pytest.mark.parametrize("kind", [BlockSparse, ModuleLoop])
def test_what_is_timed_trains_as_the_autograd_engine(kind, small, coupled):
    config = small.replace(target_gradient=coupled)
    task = load_task("digits")
    problem, shape = Problem.of(config, task), macro_shape(config)
    start = initial_weights(config.neurons, shape.particles, 0)
    engine = make_engine("autograd", problem, start[None], np.zeros_like(start)[None])
    order = np.arange(200)
    engine.train(order, 100, np.array([True]))
    network = kind(problem, start)
    network.train(order, 100)
    np.testing.assert_allclose(network.weights(), engine.weights()[0], atol=2e-5)
