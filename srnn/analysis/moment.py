"""A network at one moment: its census, its accuracy, and what dropping its replicators costs."""

from dataclasses import dataclass

import numpy as np
import torch

from srnn.analysis.collapse import scalars
from srnn.analysis.dropout import accuracy_of, drop
from srnn.fixpoints import classify
from srnn.metanet import MacroShape
from srnn.particles import replication_loss
from srnn.tasks import Task
from srnn.vocabulary import EPSILON, count_types, is_replicator


@dataclass(frozen=True)
class Moment:
    """Type codes ``(P,)``, test accuracy 0..1 with all particles (``before``) and with the
    survivors only (``after``), and the replication ``loss`` (sum over particles, without alpha)."""

    codes: np.ndarray
    before: float
    after: float
    loss: float

    @property
    def types(self) -> dict[str, int]:
        """Particles of each type."""
        return count_types(self.codes)

    @property
    def share(self) -> float:
        """Replicators among the particles, 0..1."""
        return float(is_replicator(self.codes).mean())

    @property
    def cost(self) -> float:
        """Accuracy lost by dropping the replicators, a fraction (negative: it gains)."""
        return self.before - self.after


def look(
    weights: np.ndarray,
    encoding: np.ndarray,
    shape: MacroShape,
    task: Task,
    epsilon: float = EPSILON,
) -> Moment:
    """Look at a network of weights ``(n, P)``, encoding ``(n, 3)``.

    A diverged particle leaves no answer: it is no replicator, so both accuracies are then 0.

    Raises:
        ValueError: the weights do not fit the shape, or epsilon is below zero.
    """
    own = torch.from_numpy(np.array(weights)), torch.from_numpy(encoding)
    codes, scalar = classify(*own, epsilon), scalars(weights)
    test = task.x_test, task.y_test, shape
    after = accuracy_of(drop(scalar, is_replicator(codes)), *test)
    return Moment(codes, accuracy_of(scalar, *test), after, float(replication_loss(*own).sum()))
