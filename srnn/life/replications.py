"""The experiments of 2019, run again: published figure, what comes out here, how far apart.

Each experiment gives one row per published setting. The **unit** is what chance acts on as a whole:
the soup, or for particles that are alone an experiment of the published size. ``obtained`` and
``sd`` are mean and standard deviation over ``units`` units, and

    z = (obtained - published) / (sd sqrt(1 / published units + 1 / units))

Counts of rare things are skewed, so ``p`` says the same without a normal distribution: how often
the mean of as many units as were published, drawn from those here, is at least as far away.

Every experiment takes ``placebo``: the same without the one thing that the claim is about
(learning; being a replicator; the size of the initial weights). The figures must not come out then.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from srnn.life import published
from srnn.life.population import applied, self_apply, types
from srnn.life.recipes import KINDS, Kind, Recipe, identity, newborn
from srnn.life.soup import Rules, evolve, self_train
from srnn.vocabulary import DIVERGENT, IDENTITY, TYPES, ZERO

Row = dict[str, Any]

DRAWS = 2000
"""Means drawn for a ``p``."""


def row(setting: str | float, figures: Any, size: int, units: np.ndarray, **more: Any) -> Row:
    """One row of a table: ``figures`` published (a number, two, or None) as the mean of ``size``
    units; ``units (U,)`` or ``(U, 2)`` what came out here, one number (or two) per unit.

    Of two figures ``z`` is the larger and ``p`` the smaller; where nothing varies here, ``z`` is 0
    or, if the figures differ, null.
    """
    mean, sd = units.mean(0), units.std(0, ddof=1)
    z = p = None
    if figures is not None:
        away = np.atleast_1d(mean - np.asarray(figures, float))
        error = np.atleast_1d(sd * math.sqrt(1 / size + 1 / len(units)))
        scores = np.where(away == 0, 0, away / np.where(error > 0, error, np.nan))
        z = None if np.isnan(scores).any() else round(float(max(scores, key=abs)), 3)
        rng = np.random.default_rng(len(units))
        drawn = units[rng.integers(len(units), size=(DRAWS, size))].mean(1) - mean
        far = np.abs(drawn.reshape(DRAWS, -1)) >= np.abs(away) - 1e-12
        p = round(float(far.mean(0).min()), 4)
    return {
        "setting": setting,
        "published": np.asarray(figures).tolist() if figures is not None else None,
        "obtained": np.round(mean, 4).tolist(),
        "sd": np.round(sd, 4).tolist(),
        "units": len(units),
        "z": z,
        "p": p,
        **more,
    }


def _counts(codes: np.ndarray) -> np.ndarray:
    """Census per unit: ``(U, P)`` codes -> ``(U, 5)``."""
    return (codes[:, :, None] == np.arange(len(TYPES))).sum(1)


def _census(prefix: str, figures: tuple[int, ...], counts: np.ndarray, unit: str) -> list[Row]:
    return [
        row(prefix + kind, figures[code], 1, counts[:, code], unit=unit)
        for code, kind in enumerate(TYPES)
    ]


def self_application(quick: bool = False, seed: int = 0, placebo: bool = False) -> list[Row]:
    """Census after 100 self-applications, all three kinds. Placebo: initial weights halved."""
    units, rows = 40 if quick else 400, []
    for kind in KINDS:
        recipe, rng = Recipe(kind), np.random.default_rng([seed, 1, KINDS.index(kind)])
        start = newborn(recipe, units * 50, rng) * np.float32(0.5 if placebo else 1)
        codes = types(self_apply(start, recipe, 100)[0], recipe).reshape(units, 50)
        rows += _census(
            f"{kind} ", published.SELF_APPLICATION[kind], _counts(codes), "50 particles"
        )
    return rows


def self_training(quick: bool = False, seed: int = 0, placebo: bool = False) -> list[Row]:
    """Census after 1,000 epochs of self-training, all three kinds. Placebo: learning rate 0."""
    units, rows = 10 if quick else 40, []
    for kind in KINDS:
        rng = np.random.default_rng([seed, 2, KINDS.index(kind)])
        recipe = Recipe(kind, lr=0.0 if placebo else 0.01)
        trained = self_train(newborn(recipe, units * 50, rng), recipe, 1000, rng)
        codes = types(trained, recipe).reshape(units, 50)
        rows += _census(f"{kind} ", published.SELF_TRAINING[kind], _counts(codes), "50 particles")
    return rows


def noisy(weights: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Weights plus U(0, noise) with a random sign, in float32."""
    sign = np.where(rng.random(weights.shape) < 0.5, 1, -1)
    return (weights + sign * rng.random(weights.shape) * noise).astype(np.float32)


def noise_trials(clones: int, seed: int = 0, placebo: bool = False) -> dict[float, np.ndarray]:
    """For each noise, steps until a noisy clone of the hand-made replicator is zero or diverges,
    and as fixpoint: ``(clones, 2)``."""
    recipe, trials = Recipe(), {}
    for number, noise in enumerate(published.NOISE):
        rng = np.random.default_rng([seed, 3, number])
        parent = np.roll(identity(recipe), 1) if placebo else identity(recipe)
        start = noisy(np.tile(parent, (clones, 1)), noise, rng)
        _, verged, kept = self_apply(start, recipe, 100)
        trials[noise] = np.stack([verged, kept], 1)
    return trials


def robustness(quick: bool = False, seed: int = 0, placebo: bool = False) -> list[Row]:
    """Steps until a noisy clone of the hand-made replicator is zero or diverges, and as fixpoint.
    Placebo: the clones are of a particle with the same weights in another order, no replicator."""
    return robustness_rows(noise_trials(500 if quick else 4000, seed, placebo))


def robustness_rows(trials: dict[float, np.ndarray]) -> list[Row]:
    """:func:`noise_trials` beside the published figures."""
    return [
        row(noise, published.ROBUSTNESS[noise], 100, units, unit="clone")
        for noise, units in trials.items()
    ]


def soup_census(
    recipe: Recipe, rules: Rules, size: int, steps: int, soups: int, seed: list[int]
) -> np.ndarray:
    """Census of some soups at their end, ``(soups, 5)``; each soup has a generator of its own."""
    codes = np.empty((soups, size), np.uint8)
    for number in range(soups):
        rng = np.random.default_rng([*seed, number])
        weights, _ = evolve(newborn(recipe, size, rng), recipe, rules, steps, rng)
        codes[number] = types(weights, recipe)
    return _counts(codes)


def learn_from(quick: bool = False, seed: int = 0, placebo: bool = False) -> list[Row]:
    """Identities a soup by severity of learning from others. Placebo: learning rate 0."""
    soups, rows = 40 if quick else 200, []
    recipe = Recipe(lr=0.0 if placebo else 0.01)
    for severity, figure in published.LEARN_FROM.items():
        rules = Rules(attack=0, learn_from=0.1, severity=severity)
        counts = soup_census(recipe, rules, 10, 100, soups, [seed, 4, severity])
        rows.append(row(severity, figure, 10, counts[:, IDENTITY], unit="soup of 10"))
    return rows


def mixed(
    quick: bool = False,
    seed: int = 0,
    placebo: bool = False,
    kind: Kind = "weightwise",
    count: str = "identity",
) -> list[Row]:
    """Fixpoints a soup by trainings a step, under attack. Placebo: learning rate 0."""
    soups, rows = 40 if quick else 400, []
    recipe = Recipe(kind, lr=0.0 if placebo else 0.01)
    figures = published.MIXED.get((kind, count), (None,) * len(published.TENS))
    for trainings, figure in zip(published.TENS, figures, strict=True):
        rules = Rules(attack=0.1, train=trainings)
        counts = soup_census(recipe, rules, 10, 5, soups, [seed, 5, KINDS.index(kind), trainings])
        rows.append(row(trainings, figure, 10, counts[:, TYPES.index(count)], unit="soup of 10"))
    return rows


def mixed_alone(
    quick: bool = False, seed: int = 0, placebo: bool = False, kind: Kind = "weightwise"
) -> list[Row]:
    """Share of fixpoints, zeros included, by trainings after each self-application; a particle
    stops at a fixpoint or when it diverges. Placebo: learning rate 0."""
    units, rows = 20 if quick else 100, []
    recipe = Recipe(kind, lr=0.0 if placebo else 0.01)
    for trainings, figure in zip(published.FIFTIES, published.MIXED_ALONE[kind], strict=True):
        rng = np.random.default_rng([seed, 6, KINDS.index(kind), trainings])
        weights = newborn(recipe, units * 20, rng)
        going, codes = np.arange(len(weights)), types(weights, recipe)
        for _ in range(4):
            weights[going] = applied(weights[going], weights[going], recipe)
            weights[going] = self_train(weights[going], recipe, trainings, rng)
            codes[going] = types(weights[going], recipe)
            going = going[~np.isin(codes[going], (DIVERGENT, ZERO, IDENTITY))]
        share = np.isin(codes, (ZERO, IDENTITY)).reshape(units, 20).mean(1)
        rows.append(row(trainings, figure, 1, share, unit="20 particles"))
    return rows


def soup(quick: bool = False, seed: int = 0, placebo: bool = False) -> list[Row]:
    """Census of soups of 20 with attack, self-training and respawn. Placebo: learning rate 0."""
    rules = Rules(attack=0.1, train=30, respawn=True)
    recipe = Recipe(lr=0.0 if placebo else 0.01)
    counts = soup_census(recipe, rules, 20, 100, 40 if quick else 200, [seed, 7])
    return _census("", published.SOUP, counts, "soup of 20")


EXPERIMENTS: dict[str, Callable[..., list[Row]]] = {
    "self-application": self_application,
    "self-training": self_training,
    "robustness": robustness,
    "learn-from": learn_from,
    "mixed": mixed,
    "mixed-alone": mixed_alone,
    "soup": soup,
}
"""The experiments by the names of the command line."""
