"""Networks without particles that a MetaNet is compared with (log rows 9, 15 and 17)."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from srnn.config import make_config
from srnn.engines import Problem, make_engine
from srnn.experiments import baselines, networks
from srnn.experiments.block_sparse import BlockSparse
from srnn.experiments.comparisons import KINDS, compare, largest
from srnn.experiments.fitting import fit
from srnn.experiments.literature import literature_table
from srnn.metanet import MacroShape, macro_shape
from srnn.particles import (
    initial_weights,
)
from srnn.tasks import load_task


@pytest.fixture
def tiny(small):
    """The smallest training that still is a MetaNet, as a JSON value."""
    return small.replace(epochs=1).to_dict()


# row 9


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_rival_trains_and_counts_its_connections(kind, tiny):
    facts, tables = compare(kind, tiny, 2)[0], compare(kind, tiny, 2)[1]
    shape = MacroShape(64, 3, 4, 10, "each")
    assert 0 <= facts["accuracy"] <= 1 and facts["seconds"] > 0
    assert facts["parameters"] > 0 and len(tables["curve"])
    if kind in ("magnitude pruning", "lottery ticket", "torch.sparse"):
        assert facts["connections"] == round(353 / 1518 * shape.particles)
    elif kind == "dense":
        assert facts["connections"] == facts["parameters"] == shape.particles


def test_an_unknown_rival_is_refused(tiny):
    with pytest.raises(ValueError, match="hypernetwork"):
        compare("capsules", tiny, 1)


def test_a_hypernetwork_learns_the_digits():
    network = networks.Hyper(MacroShape(64, 3, 6, 10, "each"), 0)
    curve, _ = fit(network, load_task("digits"), 25, 50, lr=0.003, adam=True)
    assert curve["test_accuracy"].iloc[-1] > 0.8
    assert curve["loss"].iloc[-1] < curve["loss"].iloc[0]


def test_pruned_connections_stay_dead_through_training():
    shape = MacroShape(64, 3, 4, 10)
    mask = torch.arange(shape.particles) % 2 == 0
    network = networks.Plain(shape, 0, mask)
    fit(network, load_task("digits"), 1, 100)
    assert not network.scalars()[~mask].any() and network.scalars()[mask].all()


def test_sparse_layers_answer_as_a_masked_dense_network():
    shape = MacroShape(64, 4, 5, 10, "each", "relu")
    mask = torch.rand(shape.particles, generator=torch.Generator().manual_seed(3)) < 0.5
    x = torch.rand(7, 64)
    sparse, masked = networks.Sparse(shape, 4, mask), networks.Plain(shape, 4, mask)
    torch.testing.assert_close(sparse(x), masked(x))


def test_the_largest_weights_are_kept_exactly_ties_by_index():
    mask = largest(torch.tensor([0.5, -2.0, 0.5, 0.0]), 2)
    assert mask.tolist() == [True, True, False, False]


def test_diversity_grows_as_networks_move_apart_but_not_with_their_scale():
    network = networks.FromNoise(MacroShape(9, 2, 3, 2), 0)
    network.last = network.sample(6)
    before = network.diversity().item()
    network.last = network.last * 5
    assert network.diversity().item() == pytest.approx(before, abs=1e-4)
    network.last = network.last[:1].repeat(6, 1) + 1e-4 * network.last
    assert network.diversity().item() < before - 3


def test_the_literature_names_all_seven_works():
    table = literature_table()
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
    wide, plain = networks.Wide(shape, 0), networks.Plain(shape, 1)
    flat = torch.cat([matrix.detach().flatten() for matrix in wide.layers])
    plain.weights.data.copy_(flat)
    torch.testing.assert_close(wide(x), plain(x))


# row 17


@pytest.mark.parametrize("coupled", [True, False])
def test_the_block_sparse_network_trains_as_the_autograd_engine(small, coupled):
    config = small.replace(target_gradient=coupled)
    task = load_task("digits")
    problem, shape = Problem.of(config, task), macro_shape(config)
    start = initial_weights(config.neurons, shape.particles, 0)
    engine = make_engine("autograd", problem, start[None], np.zeros_like(start)[None])
    order = np.arange(200)
    engine.train(order, 100, np.array([True]))
    sparse = BlockSparse(
        start,
        problem.encoding,
        shape,
        alpha=config.alpha,
        lr=config.lr,
        momentum=config.momentum,
        coupled=coupled,
    )
    for rows in (order[:100], order[100:]):
        sparse.replication_step()
        sparse.task_step(torch.from_numpy(task.x_train[rows]), torch.from_numpy(task.y_train[rows]))
    np.testing.assert_allclose(sparse.weights(), engine.weights()[0], atol=2e-5)
