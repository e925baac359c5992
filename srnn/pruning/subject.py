"""The subject of a pruning study: a trained MetaNet and what its particles can be judged by.

Everything derived is computed once, when first asked for. A dropped particle has scalar weight 0,
so accuracy after pruning needs the scalar weights and a mask, never the particles themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from srnn.analysis.settle import settle
from srnn.fixpoints import classify_measures, measures
from srnn.metanet import MacroShape, accuracy, forward, layer_values
from srnn.particles import scalar_weights
from srnn.pruning.dense import accuracies, right_answers, squared_gradients
from srnn.runs import Run
from srnn.tasks import Task, task_of
from srnn.vocabulary import EPSILON, SETTLED, is_replicator

FISHER_IMAGES = 10_000
"""Training images, from the first, over which squared gradients are averaged."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained MetaNet with its task.

    ``weights`` is ``(n, P)`` float32, ``encoding`` ``(n, 3)``; ``epsilon`` decides the types.
    """

    weights: np.ndarray
    encoding: np.ndarray
    shape: MacroShape
    task: Task
    epsilon: float = EPSILON

    @classmethod
    def of(cls, run: Run, epsilon: float = EPSILON) -> Subject:
        """The subject that a finished run left.

        Raises:
            DataError: its data set cannot be read any more.
        """
        weights = np.array(run.weights)
        return cls(weights, run.encoding, run.shape, task_of(run.config), epsilon)

    @classmethod
    def settled(cls, run: Run) -> Subject:
        """The same network after :data:`SETTLED` replication-only steps; raises as :meth:`of`."""
        weights = settle(run.weights, run.config, [SETTLED])[0]
        return replace(cls.of(run), weights=weights)

    def at(self, epsilon: float) -> Subject:
        """The same network judged with another epsilon; what does not depend on it is kept.

        Raises:
            ValueError: epsilon is negative or not a number.
        """
        if not epsilon >= 0:
            raise ValueError(f"epsilon = {epsilon}: must be zero or more")
        other = replace(self, epsilon=epsilon)
        kept = ("scalars", "_measures", "input_std", "fisher")
        other.__dict__.update({name: self.__dict__[name] for name in kept if name in self.__dict__})
        return other

    @property
    def particles(self) -> int:
        """Number of connections P."""
        return self.shape.particles

    @cached_property
    def scalars(self) -> Tensor:
        """Scalar weights ``(P,)``; not finite where a particle diverged."""
        return scalar_weights(torch.tensor(self.weights))

    @cached_property
    def _measures(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return measures(torch.from_numpy(self.weights), torch.from_numpy(self.encoding))

    @property
    def size(self) -> np.ndarray:
        """Largest |w| of every particle ``(P,)``; NaN where it diverged."""
        return self._measures[0]

    @property
    def error(self) -> np.ndarray:
        """Replication error of every particle ``(P,)``."""
        return self._measures[1]

    @cached_property
    def types(self) -> np.ndarray:
        """Type codes ``(P,)`` at this epsilon."""
        return classify_measures(*self._measures, self.epsilon)

    @property
    def replicators(self) -> np.ndarray:
        """What self-replication pruning drops, ``(P,)`` bool."""
        return is_replicator(self.types)

    @cached_property
    def input_std(self) -> np.ndarray:
        """Standard deviation, over the training images, of what every particle reads, ``(P,)``."""
        matrices = self.shape.split(self.scalars)
        x = torch.from_numpy(self.task.x_train)
        read = layer_values(x, self.shape, lambda layer, x: x @ matrices[layer].T)
        parts = [
            x_in.double().std(0, correction=0).repeat(out)
            for x_in, (out, _) in zip(read, self.shape.layers, strict=False)
        ]
        return torch.cat(parts).numpy()

    @property
    def contribution(self) -> np.ndarray:
        """|scalar weight x input std| of every particle, ``(P,)``: how much the connection's output
        varies from image to image; not finite where the particle diverged."""
        return self.scalars.abs().numpy() * self.input_std

    @cached_property
    def fisher(self) -> np.ndarray:
        """Fisher saliency of every connection, ``(P,)``: half its squared scalar weight times the
        mean *squared* gradient of single images' training losses; NaN where a particle diverged.

        Source: Theis, Korshunova, Tejani, Huszar, "Faster gaze prediction with dense networks and
        Fisher pruning" (2018).
        """
        alive = torch.isfinite(self.scalars)
        scalars = torch.where(alive, self.scalars, 0)
        x = torch.from_numpy(self.task.x_train[:FISHER_IMAGES])
        y = torch.from_numpy(self.task.y_train[:FISHER_IMAGES])
        squares = squared_gradients(scalars, x, y, self.shape)
        return torch.where(alive, scalars**2 * squares / 2, torch.nan).numpy()

    @property
    def test(self) -> tuple[Tensor, Tensor]:
        """The test images ``(B, inputs)`` and their classes ``(B,)``."""
        return torch.from_numpy(self.task.x_test), torch.from_numpy(self.task.y_test)

    def masked(self, mask: np.ndarray | None) -> Tensor:
        """Scalar weights with what is dropped at 0, ``(..., P)``; None drops nothing."""
        if mask is None:
            return self.scalars
        return torch.where(torch.from_numpy(mask), self.scalars, 0)

    def accuracy(self, mask: np.ndarray | None = None) -> float:
        """Test accuracy, 0..1, of what the mask ``(P,)`` (True: survives) leaves."""
        return accuracy(self.masked(mask), *self.test, self.shape)

    def right(self, masks: np.ndarray) -> np.ndarray:
        """Whether what every mask leaves answers each test image rightly, ``(S, P)`` -> ``(S, B)``;
        an answer with a non-finite logit is wrong."""
        return right_answers(self.masked(masks), *self.test, self.shape).numpy()

    def accuracies(self, masks: np.ndarray) -> np.ndarray:
        """Test accuracy of every mask, ``(S, P)`` bool -> ``(S,)``."""
        return self.answered(self.masked(masks))

    def answered(self, scalars: Tensor) -> np.ndarray:
        """Test accuracy of other networks of the same shape, ``(S, P)`` -> ``(S,)``."""
        return accuracies(scalars, *self.test, self.shape)

    def logits(self, mask: np.ndarray | None) -> Tensor:
        """Logits of all test images, ``(B, classes)`` float64, of what the mask leaves."""
        return forward(self.masked(mask).double(), self.test[0].double(), self.shape)
