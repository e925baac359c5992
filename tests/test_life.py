"""Free particles and soups, against a slow oracle, hand-made particles and published figures."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from srnn.cli import main
from srnn.life import published, recurrent, replications
from srnn.life.population import applied, self_apply, types
from srnn.life.recipes import FREE_2022, KINDS, Recipe, identity, newborn
from srnn.life.soup import Rules, evolve, self_train
from srnn.vocabulary import DIVERGENT, IDENTITY, OTHER, SECOND_ORDER, ZERO
from tests import life_oracle


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("h", [2, 3])
def test_whole_numbers_are_applied_exactly_as_one_particle_at_a_time(kind, h):
    recipe, oracle = Recipe(kind, neurons=h), life_oracle.KINDS[kind](h)
    rng = np.random.default_rng(5)
    w = rng.integers(-2, 3, size=(7, recipe.weights)).astype(float)
    if kind == "recurrent":  # cells that forget, so that the numbers stay whole
        w[:, h : h + h * h] = w[:, h + 2 * h * h : h + 3 * h * h] = w[:, -1:] = 0
    x = 60.0 * rng.integers(-2, 3, size=w.shape)  # 60: means stay whole
    expected = [oracle.answers(*map(torch.tensor, pair)).numpy() for pair in zip(w, x, strict=True)]
    assert recipe.weights == oracle.n
    assert (applied(w, x, recipe) == expected).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_soup_is_what_one_particle_after_the_other_does(kind):
    recipe = Recipe(kind, lr=0.01 if kind == "weightwise" else 1e-4)
    rules = Rules(attack=0.4, learn_from=0.5, severity=2, train=1)
    start = newborn(recipe, 5, np.random.default_rng(1)) / np.float32(2)
    got, events = evolve(start, recipe, rules, 3, np.random.default_rng(2), record=True)
    rng, soup = np.random.default_rng(2), [torch.tensor(row).double() for row in start]
    oracle = life_oracle.KINDS[kind](2)
    for step in range(3):
        soup = life_oracle.soup_step(oracle, soup, 0.4, 0.5, 2, 1, float(recipe.lr), rng)
        np.testing.assert_allclose(events.history[step], torch.stack(soup), rtol=1e-4, atol=1e-5)
    assert (got == events.history[-1]).all()
    assert (events.attacked >= 0).any() and (events.learned >= 0).any()


def test_learning_at_once_is_the_gradient_of_the_mean_coupled_or_not():
    for coupled in (False, True):
        recipe = dataclasses.replace(FREE_2022, coupled=coupled, lr=0.1)
        w = newborn(recipe, 1, np.random.default_rng(3))
        v = torch.tensor(w[0], dtype=torch.float64, requires_grad=True)
        x = v if coupled else v.detach()
        w1, w2, w3 = v[:10].reshape(2, 5), v[10:14].reshape(2, 2), v[14:].reshape(1, 2)
        e = torch.tensor(recipe.encoding, dtype=torch.float64)
        questions = torch.cat([x[:, None], e, torch.zeros(16, 1, dtype=torch.float64)], 1)
        loss = ((questions @ (w3 @ w2 @ w1)[0] - x) ** 2).mean()
        expected = w[0] - 0.1 * torch.autograd.grad(loss, v)[0].numpy()
        got = self_train(w, recipe, 1, np.random.default_rng(0))[0]
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_types_of_particles_made_by_hand():
    recipe = Recipe()
    replicator = identity(recipe)
    mirror = replicator * np.array([-1] + [1] * 13)  # answers -w
    broken, other = np.append(replicator[:-1], np.nan), np.ones(14)
    population = np.stack([broken, replicator * 0, replicator, mirror, other])
    expected = [DIVERGENT, ZERO, IDENTITY, SECOND_ORDER, OTHER]
    assert types(population, recipe).tolist() == expected
    for recipe in (Recipe(neurons=5), FREE_2022):
        assert types(identity(recipe)[None], recipe).tolist() == [IDENTITY]
    with pytest.raises(ValueError, match="weightwise"):
        identity(Recipe("recurrent"))


def test_steps_to_zero_and_as_fixpoint_are_counted():
    recipe = Recipe()
    half = identity(recipe) / 2  # f(w) = w / 8; then v0 = 2^-12, so the third one is zero
    grown = identity(recipe) * 2  # v0 = 8, 2^12, 2^39, 2^120: the fifth one overflows
    _, verged, kept = self_apply(np.stack([half, grown, identity(recipe)]), recipe, 10)
    assert verged.tolist() == [1, 3, 10]
    assert kept.tolist() == [0, 0, 10]


def test_the_dead_are_replaced_and_the_living_are_not():
    recipe, rng = Recipe(), np.random.default_rng(0)
    w = np.stack([identity(recipe), identity(recipe) * 0, np.full(14, np.inf, np.float32)])
    got, events = evolve(w, recipe, Rules(attack=0, respawn=True), 1, rng)
    assert events.died.tolist() == [[0, 2, 1]]
    assert (got[0] == w[0]).all() and np.isfinite(got).all() and (got[1] != 0).all()
    kept, events = evolve(w, recipe, Rules(attack=0), 1, rng)
    assert events.died.tolist() == [[0, 0, 0]] and (kept[1] == 0).all()


def test_the_same_seed_gives_the_same_soup_and_the_input_stays():
    recipe, rules = Recipe(), Rules(attack=0.3, learn_from=0.2, train=2, respawn=True)
    w = newborn(recipe, 6, np.random.default_rng(1))
    before = w.copy()
    one, first = evolve(w, recipe, rules, 5, np.random.default_rng(9))
    two, second = evolve(w, recipe, rules, 5, np.random.default_rng(9))
    assert (one == two).all() and (first.attacked == second.attacked).all()
    assert (w == before).all()
    assert (evolve(w, recipe, rules, 5, np.random.default_rng(8))[0] != one).any()


def test_newborns_have_the_spread_of_their_recipe():
    rng = np.random.default_rng(4)
    w = newborn(Recipe(), 4000, rng)
    assert np.abs(w[:, :8]).max() == pytest.approx(1, abs=0.01)  # sqrt(6 / (4 + 2))
    assert np.abs(w[:, 12:]).max() == pytest.approx(2**0.5, abs=0.01)
    again = newborn(Recipe("recurrent"), 50, rng)[:, 2:6].reshape(50, 2, 2)
    np.testing.assert_allclose(
        again @ again.transpose(0, 2, 1), np.tile(np.eye(2), (50, 1, 1)), atol=1e-6
    )


def test_a_row_says_how_far_a_figure_is():
    units = np.array([1.0, 2.0, 3.0, 4.0, 5.0] * 20)
    got = replications.row("x", 4.0, 4, units)
    sd = float(units.std(ddof=1))
    assert got["z"] == pytest.approx(-1 / (sd * (1 / 4 + 1 / 100) ** 0.5), abs=1e-3)
    assert 0.1 < got["p"] < 0.5  # means of four differ by 1 in a fifth of the cases
    assert replications.row("x", 2.0, 1, np.full(9, 2.0))["z"] == 0
    assert replications.row("x", 3.0, 1, np.full(9, 2.0))["z"] is None
    two = replications.row("x", (3.0, 0.0), 1, np.stack([units, units * 0], 1))
    assert two["z"] == 0 and two["obtained"] == [3, 0]


@pytest.mark.parametrize("name", replications.EXPERIMENTS)
def test_published_figures_come_out_and_not_without_what_they_are_about(name):
    experiment = replications.EXPERIMENTS[name]
    real, placebo = experiment(quick=True), experiment(quick=True, placebo=True)
    far = [row["setting"] for row in real if row["z"] is None or abs(row["z"]) > 3]
    assert far == []
    assert [row for row in placebo if row["z"] is None or abs(row["z"]) > 3]


def test_every_published_setting_has_its_row():
    rows = replications.robustness(quick=True)
    assert [row["setting"] for row in rows] == list(published.NOISE) and len(rows) == 10
    assert rows[0]["published"] == [3.63, 0]
    settings = [row["setting"] for row in replications.learn_from(quick=True)]
    assert settings == list(range(0, 101, 10))


def test_a_sequence_loss_summed_over_time_gives_the_published_divergence_averaged_does_not():
    sums, _, _, averaged = (Recipe("recurrent", lr=0.01 / d) for d in (1, 2, 4, 17))
    start, rng = newborn(sums, 1000, np.random.default_rng(0)), np.random.default_rng(1)
    share = [
        (types(self_train(start, recipe, 100, rng), recipe) == DIVERGENT).mean()
        for recipe in (sums, averaged)
    ]
    z = [(38 / 50 - s) / np.sqrt(s * (1 - s) / 50) for s in share]
    assert abs(z[0]) < 3 < abs(z[1])
    assert recurrent.shapes(2)[-1] == (1, 1)


def test_a_recipe_is_refused_with_the_names_that_there_are():
    for wrong in ({"kind": "x"}, {"inputs": 3}, {"neurons": 0}, {"lr": -1.0}, {"batch": "two"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Recipe(**wrong)
    with pytest.raises(ValueError, match="5 inputs"):  # or positions and weights would not match
        Recipe(positions="l2", inputs=4)
    with pytest.raises(ValueError, match="less than or equal to 1"):
        Rules(attack=2)


def test_the_command_prints_rows_last(capsys):
    assert main(["particles", "robustness", "--quick", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"setting", "published", "obtained", "sd", "units", "z"} <= rows[0].keys()
    assert main(["particles", "self-application", "--quick"]) == 0
    assert "weightwise divergent" in capsys.readouterr().out
    assert main(["particles", "soup", "--kind", "recurrent"]) == 2
