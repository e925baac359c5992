"""Criteria: orders in which particles are dropped, the first ones first.

A criterion is a row of :data:`CRITERIA` with a function from a subject (and a seed) to *keys*
``(K, P)``: particles are sorted by the first key, ties by the next, and in the end by index, so an
order is exact and the same everywhere. A reversed criterion negates the keys (ties still go by
index). What is not a number, a diverged particle, is dropped last.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from srnn.vocabulary import IDENTITY, ZERO

if TYPE_CHECKING:  # which needs torch, and the command line only the names
    from srnn.pruning.subject import Subject

Keys = Callable[["Subject", int], "tuple[np.ndarray, ...]"]


@dataclass(frozen=True)
class Criterion:
    """A rule and what it says; ``draws`` marks an order that the seed decides."""

    title: str
    about: str
    keys: Keys
    draws: bool = False

    @property
    def phrase(self) -> str:
        """The title within a sentence."""
        return self.title[0].lower() + self.title[1:]


def _replicators(subject: Subject, seed: int) -> tuple[np.ndarray, ...]:
    return ~subject.replicators, subject.error


def _zeros(subject: Subject, seed: int) -> tuple[np.ndarray, ...]:
    zero, identity = subject.types == ZERO, subject.types == IDENTITY
    rank = np.where(zero, 0, np.where(identity, 1, 2))
    return rank, np.where(zero, subject.size, subject.error)


def _magnitude(subject: Subject, seed: int) -> tuple[np.ndarray, ...]:
    return (subject.scalars.abs().numpy(),)


def _reversed(keys: Keys) -> Keys:
    def negated(subject: Subject, seed: int) -> tuple[np.ndarray, ...]:
        return tuple(-np.asarray(key, dtype=np.float64) for key in keys(subject, seed))

    return negated


CRITERIA: dict[str, Criterion] = {
    "replicators": Criterion(
        "Replicators first",
        "Zero and identity particles first, by their replication error; then the rest by it.",
        _replicators,
    ),
    "zeros": Criterion(
        "Zeros, then replicators",
        "Zero particles by their largest weight, then identity particles, then the rest, "
        "by replication error.",
        _zeros,
    ),
    "magnitude": Criterion(
        "Smallest |scalar weight|",
        "What the connection multiplies its input by: classical magnitude pruning.",
        _magnitude,
    ),
    "activity": Criterion(
        "Smallest |scalar weight × input std|",
        "How much the connection's output varies over the training images.",
        lambda subject, seed: (subject.contribution,),
    ),
    "fisher": Criterion(
        "Smallest Fisher saliency",
        "Scalar weight² × mean squared gradient of single images' losses (Theis et al. 2018).",
        lambda subject, seed: (subject.fisher,),
    ),
    "random": Criterion(
        "Random",
        "Particles in a random order; the seed decides.",
        lambda subject, seed: (np.random.default_rng([seed, 0x5EED]).random(subject.particles),),
        draws=True,
    ),
    "replicators-last": Criterion(
        "Replicators last",
        "The reverse of replicators first: the workers go first.",
        _reversed(_replicators),
    ),
    "magnitude-last": Criterion(
        "Largest |scalar weight| first",
        "The reverse of magnitude pruning.",
        _reversed(_magnitude),
    ),
}
"""All criteria, by the name that the command line and the page use."""


def order_of(criterion: str, subject: Subject, seed: int = 0) -> np.ndarray:
    """Particle indices ``(P,)``, the first to be dropped first. ``seed`` matters to ``random``.

    Raises:
        ValueError: unknown criterion; the message lists the names.
    """
    if criterion not in CRITERIA:
        near = difflib.get_close_matches(criterion, CRITERIA, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(f"unknown criterion {criterion!r}{hint}; criteria: {', '.join(CRITERIA)}")
    keys = CRITERIA[criterion].keys(subject, seed)
    lost = ~np.isfinite(subject.error)
    return np.lexsort((*keys[::-1], lost))
