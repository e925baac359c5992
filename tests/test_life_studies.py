"""Fertility, basins, interactions, arithmetic and selection, against answers worked out by hand."""

import math

import numpy as np
import pytest
import torch

from srnn import interactions
from srnn.acts import nearest_replicators
from srnn.analysis.moment import look
from srnn.fixpoints import classify
from srnn.life import arithmetic, basins, fertility, selection
from srnn.life.population import applied, self_apply, types
from srnn.life.recipes import FREE_2022, Recipe, identity, newborn
from srnn.metanet import MacroShape, forward
from srnn.particles import initial_weights, position_encoding, scalar_weights
from srnn.tasks import Task
from srnn.vocabulary import DIVERGENT, IDENTITY, ZERO
from tests import life_oracle

RECIPE = Recipe()


@pytest.fixture(scope="module")
def replicators():
    return fertility.replicators(RECIPE, 6, 0)


@pytest.mark.parametrize("recipe", [RECIPE, FREE_2022], ids=["2019", "2022"])
def test_the_jacobian_is_what_small_changes_do(recipe):
    w = newborn(recipe, 2, np.random.default_rng(1)).astype(float)
    exact, step = fertility.jacobians(w, recipe), 1e-6
    for s in range(recipe.weights):
        change = np.zeros(recipe.weights)
        change[s] = step
        difference = applied(w + change, w + change, recipe)
        difference -= applied(w - change, w - change, recipe)
        np.testing.assert_allclose(exact[:, :, s], difference / (2 * step), atol=1e-6)


def test_every_replicator_repels_fourfold_along_itself(replicators):
    hand = identity(RECIPE).astype(float)
    jacobian = fertility.jacobians(hand[None], RECIPE)[0]
    np.testing.assert_allclose(jacobian @ hand, 4 * hand, atol=1e-6)
    dead = np.zeros((1, 14))
    assert fertility.spectral_radius(dead, RECIPE) == 0
    radii = fertility.spectral_radius(np.vstack([hand, replicators]), RECIPE)
    assert radii[0] == pytest.approx(4) and (radii > fertility.LEAST_RADIUS - 0.01).all()


def test_lines_end_when_an_offspring_does_not_replicate():
    rng = np.random.default_rng(0)
    both = np.stack([identity(RECIPE), identity(RECIPE) * np.float32(0.9)])
    assert fertility.generations(both, RECIPE, 0.0, 7, rng).tolist() == [7, 0]
    lines = np.tile(identity(RECIPE), (200, 1))
    small, large = (
        fertility.generations(lines, RECIPE, noise, 60, rng).mean() for noise in (1e-6, 1e-5)
    )
    assert 1.2 < small - large < 2.1  # log(10) / log(4) = 1.66


def test_drift_grows_fourfold_a_generation_and_as_a_root_with_repair(replicators):
    wild = fertility.drift(replicators[0], RECIPE, 1e-6, 7, 0, np.random.default_rng(0))
    assert wild["distance"][0] == 0 and wild["replicators"][0] == 1
    growth = (wild["distance"][6] / wild["distance"][3]) ** (1 / 3)
    assert 3.3 < growth < 5.5
    kept = fertility.drift(replicators[0], RECIPE, 1e-3, 40, 50, np.random.default_rng(0))
    assert 1.5 < kept["distance"][40] / kept["distance"][10] < 2.6  # a random walk: 2


def test_clones_settle_on_the_sheet_of_replicators_and_do_not_come_back(replicators):
    found = basins.clones(replicators[0], RECIPE, 0.01, 150, 1000, 0)
    assert (found["type"] == "identity").all() and set(found["fate"]) == {"elsewhere"}
    np.testing.assert_allclose(found["before"], 0.01, rtol=1e-3)
    # 14 weights, 4 equations v = (1, 0, 0, 0): 10 directions keep their share of the distance
    share = math.sqrt((found["after"] ** 2).mean()) / 0.01
    assert share == pytest.approx(math.sqrt(10 / 14), abs=0.03)
    assert set(basins.clones(replicators[0], RECIPE, 0.01, 5, 0, 0)["fate"]) == {"lost"}


def test_the_line_between_two_replicators_ends_at_both(replicators):
    line = basins.between(replicators[0], replicators[1], RECIPE, 5, 1000, 0)
    assert line["share"].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert line["to_one"].iloc[0] < 1e-3 and line["to_other"].iloc[-1] < 1e-3
    assert line["to_one"].is_monotonic_increasing


def test_a_map_shows_where_each_of_its_points_ends():
    axes = basins.directions(14, 3)
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-12)
    codes, taken = basins.slice_map(identity(RECIPE), axes, RECIPE, 2.0, points=61)
    assert codes[30, 30] == IDENTITY and taken[30, 30] == 100
    for i, j in ((0, 0), (5, 50), (29, 30)):
        at = identity(RECIPE) + (i / 30 - 1) * 2 * axes[1] + (j / 30 - 1) * 2 * axes[0]
        end, verged, _ = self_apply(at.astype(np.float32)[None], RECIPE, 100)
        assert codes[i, j] == types(end, RECIPE)[0] and taken[i, j] == verged[0]
    assert {DIVERGENT, ZERO} <= set(codes.ravel().tolist())
    trained = basins.slice_map(identity(RECIPE), axes, RECIPE, 0.5, points=9, steps=0, epochs=1000)
    assert (trained[0] == IDENTITY).mean() > 0.9


SHAPE = MacroShape(3, 3, 2, 2)
CELLS = [[0, 1, 2], [3, 4, 5], [6, 7], [8, 9], [10, 11], [12, 13]]
LAYERS = [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9], [10, 11, 12, 13]]
GROUPS = {"cell": CELLS, "layer": LAYERS, "anywhere": [list(range(14))]}


@pytest.mark.parametrize("level", interactions.LEVELS)
@pytest.mark.parametrize("kind", interactions.KINDS)
def test_a_round_inside_a_metanet_is_one_particle_after_the_other(kind, level):
    """Whole numbers, so that nothing is rounded: the same bits."""
    rng = np.random.default_rng(2)
    start = rng.integers(-1, 2, size=(16, SHAPE.particles)).astype(float)  # h = 2
    places = rng.integers(0, 2, size=(16, 3)).astype(float)
    before, one, other = start.copy(), np.random.default_rng(4), np.random.default_rng(4)
    got, pairs = interactions.interact(start, places, SHAPE, kind, one, 0.8, level)
    expected, acted = life_oracle.a_round(start, 2, places, GROUPS[level], kind, 0.8, other)
    assert pairs == acted and len(pairs) > 1 and np.abs(expected).max() < 2**53
    assert (got == expected).all() and (start == before).all()
    acting, hurt = {p for p, _ in pairs}, {q for _, q in pairs}
    changed = set(np.flatnonzero((got != start).any(0)).tolist())
    assert changed and changed <= (hurt if kind == "attack" else acting)


def test_no_ratio_no_change_and_replicators_leave_each_other_as_they_are():
    shape, encoding = MacroShape(4, 3, 3, 2), position_encoding(3)
    weights = initial_weights(3, shape.particles, 0)
    rng = np.random.default_rng(0)
    same, pairs = interactions.interact(weights, encoding, shape, "attack", rng, 0.0)
    assert pairs == [] and (same == weights).all()
    hand = identity(Recipe(neurons=3, inputs=5)).astype(float)
    perfect = np.tile(hand[:, None], (1, shape.particles))
    after, pairs = interactions.interact(perfect, encoding, shape, "attack", rng, 1.0, "layer")
    assert len(pairs) > 10 and (after == perfect).all()
    data = np.eye(4, dtype=np.float32), np.zeros(4, np.int64)
    found = look(perfect.astype(np.float32), encoding, shape, Task(*data, *data, (4,), 2))
    assert found.types["identity"] == shape.particles and found.loss == 0 and found.share == 1
    for wrong in ({"kind": "x"}, {"level": "x"}, {"ratio": 2.0}):
        settings = {"kind": "attack", "level": "cell", "ratio": 0.5, **wrong}
        with pytest.raises(ValueError, match=r"ratio|level"):
            interactions.interact(weights, encoding, shape, rng=rng, **settings)


def test_a_linear_metanet_adds_and_cannot_multiply():
    history, weights, shape = arithmetic.train("addition", seeds=3, steps=400, every=400)
    last = history[history["step"] == 400]
    assert (last["mae"] < 0.01).all() and (history.iloc[:3]["mae"] > 0.3).all()
    answer = forward(scalar_weights(torch.tensor(weights[0])), torch.eye(2), shape)
    np.testing.assert_allclose(answer, [[1], [1]], atol=0.02)
    history, _, _ = arithmetic.train("multiplication", seeds=3, steps=400, every=400)
    last = history[history["step"] == 400]
    assert last["mae"].mean() == pytest.approx(arithmetic.BEST_LINEAR_PRODUCT, abs=0.03)
    with pytest.raises(ValueError, match="addition, multiplication"):
        arithmetic.train("division")


def test_attacks_before_every_step_ruin_the_adding():
    calm, attacked = (
        arithmetic.train("addition", seeds=3, steps=400, disturb=how, every=400)[0].iloc[-3:]["mae"]
        for how in (None, "attack")
    )
    assert (calm < 0.1).all() and not (attacked < 0.1).any()


def test_melting_breaks_replicators_and_their_attacks_do_not():
    shape, encoding = MacroShape(4, 3, 3, 2), position_encoding(3)
    weights = nearest_replicators(initial_weights(3, shape.particles, 0))
    weights[:, ::4] = initial_weights(3, shape.particles, 0)[:, ::4]  # some others, who look on
    kept = np.arange(shape.particles) % 4 > 0
    left = {}
    for kind in interactions.KINDS:
        rng = np.random.default_rng(1)
        args = (weights, encoding, shape, kind, rng, 1.0, "anywhere", kept)
        after, pairs = interactions.interact(*args)
        assert pairs and all(kept[p] and kept[q] for p, q in pairs)
        assert (after[:, ~kept] == weights[:, ~kept]).all()
        codes = classify(torch.tensor(after), torch.tensor(encoding), 1e-4)
        left[kind] = (codes[kept] == IDENTITY).mean()
    assert left["attack"] == 1 and left["melt"] < 0.2


def test_selection_moves_what_is_selected_and_a_life_is_not_inherited():
    setting = selection.Setting("accuracy", networks=12, generations=12, batches=60)
    table = selection.select(setting)
    assert len(table) == 144 and (table["parent"][:12] == -1).all()
    assert selection.trend(table, "accuracy") > 0.05
    assert table.equals(selection.select(setting))
    neutral = selection.select(selection.Setting("neutral", 12, 12, 60))
    first = [part[part["generation"] == 0]["accuracy"].tolist() for part in (table, neutral)]
    assert first[0] == first[1]
    assert abs(selection.trend(neutral, "replicators")) < 0.02
    with pytest.raises(ValueError, match="replicators"):
        selection.Setting("size")
