"""A soup as a film: every step's weights, types and deeds; to be wounded and continued."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import networkx as nx
import numpy as np
import pandas as pd

from srnn.fixpoints import classify_measures
from srnn.life.population import measures
from srnn.life.recipes import Recipe, newborn
from srnn.life.soup import Rules, evolve
from srnn.vocabulary import IDENTITY, TYPES, ZERO


@dataclass(frozen=True)
class Film:
    """T steps of a soup: ``weights (T + 1, P, n)`` and what their types are decided by,
    ``measured (3, T + 1, P)``, from the beginning on; whom each particle ``attacked`` and
    ``learned`` from in a step, and how it ``died`` in it, as in :class:`~srnn.life.soup.Events`,
    ``(T, P)``; ``wounds`` as (step, identities before, what was done)."""

    recipe: Recipe
    rules: Rules
    seed: int
    weights: np.ndarray
    measured: np.ndarray
    attacked: np.ndarray
    learned: np.ndarray
    died: np.ndarray
    wounds: tuple[tuple[int, int, str], ...] = ()

    @property
    def steps(self) -> int:
        return len(self.attacked)

    @cached_property
    def codes(self) -> np.ndarray:
        """Types ``(T + 1, P)``."""
        size, error, second = self.measured
        return classify_measures(size, error, second, self.recipe.epsilon)

    def census(self) -> pd.DataFrame:
        """``step`` and a count per type."""
        counts = {name: (self.codes == code).sum(1) for code, name in enumerate(TYPES)}
        return pd.DataFrame({"step": np.arange(self.steps + 1), **counts})


def begin(recipe: Recipe, rules: Rules, size: int, seed: int) -> Film:
    """A soup of newborns, before its first step."""
    start = newborn(recipe, size, np.random.default_rng([seed, 0]))[None]
    none = np.empty((0, size), np.int32)
    return Film(recipe, rules, seed, start, _measured(start, recipe), none, none, none)


def _measured(weights: np.ndarray, recipe: Recipe) -> np.ndarray:
    return np.stack([measures(step, recipe) for step in weights], 1)


def go_on(film: Film, steps: int) -> Film:
    """The film some steps longer. The same seed and the same deeds give the same film."""
    rng = np.random.default_rng([film.seed, 1, film.steps, len(film.wounds)])
    _, events = evolve(film.weights[-1], film.recipe, film.rules, steps, rng, record=True)
    return replace(
        film,
        weights=np.concatenate([film.weights, events.history]),
        measured=np.concatenate([film.measured, _measured(events.history, film.recipe)], 1),
        attacked=np.concatenate([film.attacked, events.attacked]),
        learned=np.concatenate([film.learned, events.learned]),
        died=np.concatenate([film.died, events.died]),
    )


def until(film: Film, step: int) -> Film:
    """The film up to a step."""
    kept = {name: getattr(film, name)[:step] for name in ("attacked", "learned", "died")}
    wounds = tuple(wound for wound in film.wounds if wound[0] <= step)
    weights, measured = film.weights[: step + 1], film.measured[:, : step + 1]
    return replace(film, weights=weights, measured=measured, wounds=wounds, **kept)


def wound(film: Film, killed: float, noise: float) -> Film:
    """The film with its last picture changed: a share of the particles, chosen by chance, set to
    zero, and noise U(-e, e) on the weights of the rest."""
    rng = np.random.default_rng([film.seed, 2, film.steps, len(film.wounds)])
    weights, size = film.weights.copy(), film.weights.shape[1]
    weights[-1] += (noise * rng.uniform(-1, 1, weights[-1].shape)).astype(weights.dtype)
    dead = rng.permutation(size)[: round(killed * size)]
    weights[-1, dead] = 0
    measured = np.concatenate([film.measured[:, :-1], _measured(weights[-1:], film.recipe)], 1)
    before = int((film.codes[-1] == IDENTITY).sum())
    done = (film.steps, before, f"{len(dead)} killed, noise {noise:g}")
    return replace(film, weights=weights, measured=measured, wounds=(*film.wounds, done))


def path(film: Film, reach: float = 5.0) -> tuple[np.ndarray, list[float]]:
    """All particles at all steps along their three principal components, ``(T + 1, P, 3)``, and
    their shares of the variance. Particles with a weight beyond ``reach`` are left out (NaN)."""
    with np.errstate(invalid="ignore"):
        seen = (np.abs(film.weights) < reach).all(-1)
    points = film.weights[seen]
    places = np.full((*seen.shape, 3), np.nan, np.float32)
    if len(points) < 2:
        return places, [0.0] * 3
    spread, axes = np.linalg.eigh(np.cov(points.T, dtype=float))
    axes = axes[:, :-4:-1] * np.sign(axes[np.abs(axes).argmax(0), np.arange(len(axes))])[:-4:-1]
    places[seen] = (points - points.mean(0)) @ axes
    return places, (spread[:-4:-1] / max(spread.sum(), 1e-30)).tolist()


def layout(size: int) -> np.ndarray:
    """Where the places of a soup are drawn, ``(P, 2)`` within the unit circle: around it, or, where
    they are many, evenly all over it."""
    if size <= 80:
        return np.array(list(nx.circular_layout(range(size)).values()), float)
    k = np.arange(size)
    turn = k * math.pi * (3 - math.sqrt(5))  # as the seeds of a sunflower
    return np.sqrt((k + 0.5) / size)[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1)


def attacks(film: Film) -> nx.DiGraph:
    """Who attacked whom: a node per place in the soup with the ``type`` that stands there last, an
    edge with the number of attacks (``count``)."""
    graph = nx.DiGraph()
    graph.add_nodes_from((p, {"type": TYPES[code]}) for p, code in enumerate(film.codes[-1]))
    steps, attackers = np.nonzero(film.attacked >= 0)
    pairs = np.stack([attackers, film.attacked[steps, attackers]], 1)
    for (p, q), count in zip(*np.unique(pairs, axis=0, return_counts=True), strict=True):
        graph.add_edge(int(p), int(q), count=int(count))
    return graph


def lives(film: Film) -> pd.DataFrame:
    """Lineage: one row per particle that lived, ``place, born, died`` (steps; -1: still alive),
    ``cause`` (diverged, zero, alive) and the step at which it was first a replicator that is not
    zero (``replicated``, -1: never)."""
    rows = []
    for p in range(film.codes.shape[1]):
        ends = [int(step) for step in np.flatnonzero(film.died[:, p]) + 1]
        for born, end in zip([0, *ends], [*ends, film.steps + 1], strict=True):
            first = np.flatnonzero(film.codes[born:end, p] == IDENTITY)
            alive = end > film.steps
            cause = "alive" if alive else ("diverged", "zero")[film.died[end - 1, p] - 1]
            replicated = born + int(first[0]) if len(first) else -1
            rows.append((p, born, -1 if alive else end, cause, replicated))
    return pd.DataFrame(rows, columns=["place", "born", "died", "cause", "replicated"])


def healing(film: Film) -> list[dict[str, int]]:
    """Per wound: its ``step`` and the identities ``before``, right ``after`` and at the ``end`` (of
    the film, or before the next wound); and the zeros at the end."""
    identities = (film.codes == IDENTITY).sum(1)
    ends = [step - 1 for step, *_ in film.wounds[1:]] + [film.steps]
    return [
        {
            "step": step,
            "before": before,
            "after": int(identities[step]),
            "end": int(identities[end]),
            "zeros": int((film.codes[end] == ZERO).sum()),
        }
        for (step, before, _), end in zip(film.wounds, ends, strict=False)
    ]
