"""A soup as a film: every step's weights, types and deeds; to be wounded and continued."""

from __future__ import annotations

from dataclasses import dataclass, replace

import networkx as nx
import numpy as np
import pandas as pd

from srnn.life.population import types
from srnn.life.recipes import Recipe, newborn
from srnn.life.soup import Rules, evolve
from srnn.vocabulary import IDENTITY, TYPES, ZERO


@dataclass(frozen=True)
class Film:
    """T steps of a soup: ``weights (T + 1, P, n)`` and ``codes (T + 1, P)``, from the beginning on;
    whom each particle ``attacked`` and ``learned`` from in a step, and how it ``died`` in it, as in
    :class:`~srnn.life.soup.Events`, ``(T, P)``; ``wounds`` as (step,
    identities before, what was done)."""

    recipe: Recipe
    rules: Rules
    seed: int
    weights: np.ndarray
    codes: np.ndarray
    attacked: np.ndarray
    learned: np.ndarray
    died: np.ndarray
    wounds: tuple[tuple[int, int, str], ...] = ()

    @property
    def steps(self) -> int:
        return len(self.attacked)

    def census(self) -> pd.DataFrame:
        """``step`` and a count per type."""
        counts = {name: (self.codes == code).sum(1) for code, name in enumerate(TYPES)}
        return pd.DataFrame({"step": np.arange(self.steps + 1), **counts})


def begin(recipe: Recipe, rules: Rules, size: int, seed: int) -> Film:
    """A soup of newborns, before its first step."""
    start = newborn(recipe, size, np.random.default_rng([seed, 0]))[None]
    none = np.empty((0, size), np.int32)
    return Film(recipe, rules, seed, start, types(start[0], recipe)[None], none, none, none)


def go_on(film: Film, steps: int, rules: Rules | None = None) -> Film:
    """The film some steps longer, with other rules from here on if they are given. The same seed
    and the same deeds give the same film."""
    rules = rules or film.rules
    rng = np.random.default_rng([film.seed, 1, film.steps, len(film.wounds)])
    _, events = evolve(film.weights[-1], film.recipe, rules, steps, rng, record=True)
    codes = np.stack([types(weights, film.recipe) for weights in events.history])
    return replace(
        film,
        rules=rules,
        weights=np.concatenate([film.weights, events.history]),
        codes=np.concatenate([film.codes, codes]),
        attacked=np.concatenate([film.attacked, events.attacked]),
        learned=np.concatenate([film.learned, events.learned]),
        died=np.concatenate([film.died, events.died]),
    )


def wound(film: Film, killed: float, noise: float) -> Film:
    """The film with its last picture changed: a share of the particles, chosen by chance, set to
    zero, and noise U(-e, e) on the weights of the rest."""
    rng = np.random.default_rng([film.seed, 2, film.steps, len(film.wounds)])
    weights, size = film.weights.copy(), film.weights.shape[1]
    weights[-1] += (noise * rng.uniform(-1, 1, weights[-1].shape)).astype(weights.dtype)
    dead = rng.permutation(size)[: round(killed * size)]
    weights[-1, dead] = 0
    codes = np.vstack([film.codes[:-1], types(weights[-1], film.recipe)[None]])
    before = int((film.codes[-1] == IDENTITY).sum())
    done = (film.steps, before, f"{len(dead)} killed, noise {noise:g}")
    return replace(film, weights=weights, codes=codes, wounds=(*film.wounds, done))


def path(film: Film, reach: float = 5.0) -> tuple[np.ndarray, float]:
    """All particles at all steps in the plane of their two principal components, ``(T + 1, P, 2)``,
    and the share of variance in it. Particles with a weight beyond ``reach`` are left out (NaN).
    """
    with np.errstate(invalid="ignore"):
        seen = (np.abs(film.weights) < reach).all(-1)
    points = film.weights[seen].astype(float)
    places = np.full((*seen.shape, 2), np.nan)
    if len(points) < 3:
        return places, 0.0
    centre = points.mean(0)
    _, spread, axes = np.linalg.svd(points - centre, full_matrices=False)
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, None]
    places[seen] = (points - centre) @ axes[:2].T
    total = float((spread**2).sum())
    return places, float((spread[:2] ** 2).sum()) / total if total else 0.0


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
