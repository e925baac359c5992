"""What particles do to weights without learning: applications, and the types they come to.

Populations are ``(P, n)``, particle by particle, because a soup's particles act one after the
other; everything here is done to all of them at once.
"""

import numpy as np

from srnn.fixpoints import classify_measures
from srnn.life import aggregating, recurrent, weightwise
from srnn.life.recipes import Recipe


def applied(weights: np.ndarray, others: np.ndarray, recipe: Recipe) -> np.ndarray:
    """What each particle makes of the weights beside it: twice ``(P, n)`` -> ``(P, n)``. This is an
    attack on the other; of a particle on itself, a self-application."""
    with np.errstate(all="ignore"):  # particles may diverge
        if recipe.kind == "weightwise":
            encoding = recipe.encoding.astype(weights.dtype)
            return weightwise.applied(weights, others, encoding, recipe.neurons, recipe.inputs)
        kind = aggregating if recipe.kind == "aggregating" else recurrent
        return kind.applied(weights, others, recipe.neurons)


def measures(weights: np.ndarray, recipe: Recipe) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What types are decided by, of particles ``(P, n)``: the largest weight (NaN: divergent), and
    the largest errors after one and two applications, ``(P,)`` each."""
    once = applied(weights, weights, recipe)
    twice = applied(weights, once, recipe)
    with np.errstate(all="ignore"):
        size = np.abs(weights).max(1)
        size[~np.isfinite(weights).all(1)] = np.nan
        return size, np.abs(once - weights).max(1), np.abs(twice - weights).max(1)


def types(weights: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Types ``(P,)`` of particles ``(P, n)``: codes of :data:`srnn.vocabulary.TYPES`."""
    return classify_measures(*measures(weights, recipe), recipe.epsilon)


def lengths(weights: np.ndarray) -> np.ndarray:
    """Euclidean norms ``(P,)`` of weights, or of differences of weights, ``(P, n)``."""
    with np.errstate(all="ignore"):
        return np.sqrt((weights.astype(float) ** 2).sum(-1))


def self_apply(
    weights: np.ndarray, recipe: Recipe, steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each particle applied to itself until it is zero or diverged, at most ``steps`` times.

    Returns the weights ``(P, n)``, the steps that each took before it was zero or diverged
    ``(P,)``, and in how many of them, from the first on, it was still a fixpoint ``(P,)``.
    """
    w = weights.copy()
    verged, kept = np.zeros(len(w), np.int64), np.zeros(len(w), np.int64)
    alive, faithful = np.arange(len(w)), np.ones(len(w), bool)
    now, new = w, applied(w, w, recipe)
    for _ in range(steps):
        w[alive] = new
        with np.errstate(invalid="ignore"):
            going = np.isfinite(new).all(1) & (np.abs(new).max(1) > recipe.epsilon)
        alive, now, faithful = alive[going], new[going], faithful[going]
        new = applied(now, now, recipe)
        with np.errstate(invalid="ignore"):
            faithful = faithful & (np.abs(new - now).max(1) < recipe.epsilon)
        verged[alive] += 1
        kept[alive] += faithful
    return w, verged, kept
