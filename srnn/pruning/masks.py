"""Masks: which particles survive, ``(P,)`` bool, True for a survivor.

Counts are exact: dropping ``k`` of an order drops its first ``k`` particles, no more and no fewer.
Two masks of one order are therefore nested: what a smaller count drops, a larger one drops too.
"""

from collections.abc import Iterable

import numpy as np

from srnn.pruning.criteria import order_of
from srnn.pruning.subject import Subject
from srnn.vocabulary import ZERO


def count_of(fraction: float, particles: int) -> int:
    """How many of ``particles`` a fraction (0..1) is, rounded to the nearest, halves up.

    Raises:
        ValueError: the fraction is not from 0 to 1.

    >>> count_of(0.5, 1518), count_of(0.95, 1518)
    (759, 1442)
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction = {fraction}: must be from 0 to 1")
    return int(fraction * particles + 0.5)


def drop_first(order: np.ndarray, count: int) -> np.ndarray:
    """The mask after dropping the first ``count`` particles of an order ``(P,)``.

    Raises:
        ValueError: the count is negative or larger than the number of particles.

    >>> drop_first(np.array([2, 0, 1]), 1)
    array([ True,  True, False])
    """
    if not 0 <= count <= len(order):
        raise ValueError(f"cannot drop {count} of {len(order)} particles")
    mask = np.ones(len(order), dtype=bool)
    mask[order[:count]] = False
    return mask


def masks_of(order: np.ndarray, counts: Iterable[int]) -> np.ndarray:
    """One mask per count, ``(S, P)``."""
    return np.stack([drop_first(order, count) for count in counts])


def natural_count(criterion: str, subject: Subject) -> int:
    """How many particles a criterion drops when nobody says how many: ``zeros`` all zero
    particles, every other one as many as there are zero and identity particles (so that
    ``replicators`` drops exactly those, and the others can be compared with it)."""
    if criterion == "zeros":
        return int((subject.types == ZERO).sum())
    return int(subject.replicators.sum())


def kept_by(criterion: str, subject: Subject, seed: int = 0) -> np.ndarray:
    """What survives, ``(P,)`` bool, when a criterion drops as many particles as it drops by itself
    (:func:`natural_count`)."""
    order = order_of(criterion, subject, seed)
    return drop_first(order, natural_count(criterion, subject))
