"""Fertility and drift: do a replicator's offspring replicate, and for how long?

A weightwise particle's self-application F(w) = w v0(w) + E v(w), with v0 and v of third degree in
w. Near a replicator w* an error grows by the Jacobian J of F, per generation by its spectral
radius. Because v0 and v are homogeneous, J w* = 4 w* for **every** replicator with v0 = 1, v = 0:
the radius is at least 4, so no linear replicator but the dead one contracts. An error of size e
is beyond epsilon after about log(epsilon / e) / log(radius) generations: 1.66 more per decade of
e, as the published robustness shows. With **drift** each generation is a noisy copy of the last;
with repair, a few epochs of self-training follow.

Sources: Randazzo, Versari, Mordvintsev, "Recursively Fertile Self-replicating Neural Agents" (ALIFE
2021); Sinapayen, "Self-Replication, Spontaneous Mutations, and Exponential Genetic Drift in Neural
Cellular Automata" (ALIFE 2023). Theirs are other networks; the questions are theirs.
"""

import numpy as np
import pandas as pd

from srnn.life.population import applied, lengths, types
from srnn.life.recipes import Recipe, newborn
from srnn.life.soup import self_train
from srnn.life.weightwise import composites
from srnn.vocabulary import IDENTITY

LEAST_RADIUS = 4.0
"""Spectral radius that no linear weightwise replicator goes below."""


def jacobians(weights: np.ndarray, recipe: Recipe) -> np.ndarray:
    """dF/dw of each particle: ``(P, n)`` -> ``(P, n, n)`` float64; weightwise only."""
    w = weights.astype(np.float64)
    count, n = w.shape
    h, inputs = recipe.neurons, recipe.inputs
    second, third = inputs * h, inputs * h + h * h
    w1, w2, w3 = w[:, :second].reshape(-1, h, inputs), w[:, second:third], w[:, third:]
    w2 = w2.reshape(-1, h, h)
    half = np.einsum("pk,pki->pi", w3, w2)
    by = np.zeros((count, 4, n))  # dv_c / dw_r
    for c in range(4):
        by[:, c, c:second:inputs] = half
        by[:, c, second:third] = np.einsum("pk,pi->pki", w3, w1[..., c]).reshape(count, -1)
        by[:, c, third:] = np.einsum("pki,pi->pk", w2, w1[..., c])
    encoding = recipe.encoding.astype(np.float64)
    v0 = composites(w, h, inputs)[:, 0]
    through = w[:, :, None] * by[:, None, 0] + np.einsum("rc,pcs->prs", encoding, by[:, 1:])
    return through + v0[:, None, None] * np.eye(n)


def spectral_radius(weights: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Largest |eigenvalue| of each particle's Jacobian, ``(P,)``: below 1 errors shrink."""
    return np.abs(np.linalg.eigvals(jacobians(weights, recipe))).max(1)


def replicators(recipe: Recipe, count: int, seed: int, epochs: int = 1000) -> np.ndarray:
    """Replicators (identities) found by self-training ``count`` newborns: ``(<= count, n)``."""
    rng = np.random.default_rng([seed, 11])
    found = self_train(newborn(recipe, count, rng), recipe, epochs, rng)
    return found[types(found, recipe) == IDENTITY]


def offspring(
    parents: np.ndarray, recipe: Recipe, noise: float, rng: np.random.Generator
) -> np.ndarray:
    """What particles ``(P, n)`` make of themselves, noise U(-e, e) added."""
    child = applied(parents, parents, recipe)
    return (child + noise * rng.uniform(-1, 1, child.shape)).astype(parents.dtype)


def generations(
    parents: np.ndarray, recipe: Recipe, noise: float, most: int, rng: np.random.Generator
) -> np.ndarray:
    """Generations in a row whose offspring, noise U(-e, e) added, still replicate; ``(P,)``, at
    most ``most``. Noise 0 asks for fertility itself: are the offspring replicators again?"""
    now, alive = parents, np.ones(len(parents), bool)
    survived = np.zeros(len(parents), np.int64)
    for _ in range(most):
        now = offspring(now, recipe, noise, rng)
        alive &= types(now, recipe) == IDENTITY
        survived += alive
    return survived


def fertility_table(
    recipe: Recipe, count: int, seed: int, noises: tuple[float, ...] = (0.0, 1e-7, 1e-6, 1e-5)
) -> pd.DataFrame:
    """One row per replicator: ``radius`` and, per noise, the mean ``generations`` of 20 lines."""
    found = replicators(recipe, count, seed)
    table = pd.DataFrame({"radius": spectral_radius(found, recipe)})
    for number, noise in enumerate(noises):
        rng = np.random.default_rng([seed, 12, number])
        lines = np.repeat(found, 20, axis=0)
        survived = generations(lines, recipe, noise, 60, rng).reshape(len(found), 20)
        table[f"noise {noise:g}"] = survived.mean(1)
    return table


def drift(
    ancestor: np.ndarray,
    recipe: Recipe,
    noise: float,
    length: int,
    repair: int,
    rng: np.random.Generator,
    lines: int = 50,
) -> pd.DataFrame:
    """Distance from the ancestor by generation: each generation is the last one's offspring plus
    noise, then ``repair`` epochs of self-training.

    Columns ``generation``, ``distance`` (median over the lines of |w - ancestor|), ``low, high``
    (quartiles), ``replicators`` (share of lines).
    """
    now, rows = np.tile(ancestor, (lines, 1)), []
    for generation in range(length + 1):
        with np.errstate(all="ignore"):
            distance = lengths(now - ancestor)
        distance[~np.isfinite(distance)] = np.inf
        low, middle, high = np.quantile(distance, (0.25, 0.5, 0.75), method="nearest")
        share = float((types(now, recipe) == IDENTITY).mean())
        rows.append((generation, middle, low, high, share))
        now = self_train(offspring(now, recipe, noise, rng), recipe, repair, rng)
    return pd.DataFrame(rows, columns=["generation", "distance", "low", "high", "replicators"])
