"""All particles as one block-diagonal ``torch.sparse`` network (row 17).

The log's idea for faster research: W1, W2 and W3 of P particles are the blocks of three sparse
matrices ``(P h, P 5)``, ``(P h, P h)`` and ``(P, P h)``; then one sparse product a layer asks all
particles at once. ``torch.sparse`` derives a sparse factor by way of the dense product of both
sides, which here would be hundreds of megabytes, so :class:`_Product` takes only the entries that
exist.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from srnn.experiments.fitting import cross_entropy
from srnn.metanet import MacroShape, forward
from srnn.particles import INPUTS, neurons_of


class _Product(torch.autograd.Function):
    """Sparse ``values`` at ``(rows, columns)`` times a dense matrix ``(columns, k)``."""

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, dense: Tensor, places: Tensor, size: tuple[int, int]
    ) -> Tensor:
        ctx.save_for_backward(values, dense, places)
        ctx.size = size
        return torch.sparse.mm(_matrix(values, places, size), dense)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        values, dense, places = ctx.saved_tensors
        of_values = (gradient[places[0]] * dense[places[1]]).sum(1)
        turned = _matrix(values, places.flip(0), ctx.size[::-1], sorted_=False)
        return of_values, torch.sparse.mm(turned, gradient), None, None


def _matrix(values: Tensor, places: Tensor, size: tuple[int, int], sorted_: bool = True) -> Tensor:
    return torch.sparse_coo_tensor(
        places, values, size, is_coalesced=True if sorted_ else None, check_invariants=False
    )


class BlockSparse:
    """P particles in training: ``weights (n, P)``, ``encoding (n, 3)``, as an engine's one network.

    :meth:`replication_step` and :meth:`task_step` do what an engine's steps do (SGD, one shared
    momentum buffer).
    """

    def __init__(
        self,
        weights: np.ndarray,
        encoding: np.ndarray,
        shape: MacroShape,
        *,
        alpha: float,
        lr: float,
        momentum: float,
        coupled: bool = True,
    ) -> None:
        count, particles = weights.shape
        h = self.h = neurons_of(count)
        self.shape, self.alpha, self.coupled, self.particles = shape, alpha, coupled, particles
        rows = torch.from_numpy(np.array(weights)).T  # (P, n)
        cuts = (INPUTS * h, h * h, h)
        self.values = [part.reshape(-1).clone().requires_grad_() for part in rows.split(cuts, 1)]
        self.sizes = [(particles * h, particles * INPUTS), (particles * h, particles * h)]
        self.sizes.append((particles, particles * h))
        self.places = [_places(particles, *block) for block in ((h, INPUTS), (h, h), (1, h))]
        self.encoding = torch.from_numpy(np.array(encoding))
        self.optimizer = torch.optim.SGD(self.values, lr=lr, momentum=momentum)

    def weights(self) -> np.ndarray:
        """``(n, P)``, in the order of a population."""
        return self._population().detach().numpy().copy()

    def _population(self) -> Tensor:
        parts = [value.view(self.particles, -1) for value in self.values]
        return torch.cat(parts, 1).T

    def ask(self, questions: Tensor) -> Tensor:
        """All particles' answers: questions ``(P, 5, k)`` -> ``(P, k)``."""
        x = questions.reshape(self.particles * INPUTS, -1)
        for values, places, size in zip(self.values, self.places, self.sizes, strict=True):
            x = _Product.apply(values, x, places, size)
        return x

    def replication_step(self) -> float:
        """One step on alpha times the sum of all replication losses, which is returned."""
        weights = self._population()
        asked = weights if self.coupled else weights.detach()
        questions = torch.zeros(self.particles, INPUTS, len(weights))
        questions[:, 1:4] = self.encoding.T
        questions = torch.cat([asked.T[:, None], questions[:, 1:]], 1)
        loss = self.alpha * (self.ask(questions) - asked.T).square().mean(1).sum()
        return self._step(loss)

    def task_step(self, x: Tensor, y: Tensor) -> float:
        """One step on the cross-entropy of a batch, which is returned."""
        question = torch.zeros(self.particles, INPUTS, 1)
        question[:, INPUTS - 1] = 1
        scalars = self.ask(question)[:, 0]
        return self._step(cross_entropy(forward(scalars, x, self.shape), y))

    def _step(self, loss: Tensor) -> float:
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())


def _places(particles: int, rows: int, columns: int) -> Tensor:
    """Row and column of every entry of P blocks on the diagonal, ``(2, P rows columns)``, block
    by block and row-major in each: that is also the order of a coalesced matrix."""
    block = torch.arange(particles).repeat_interleave(rows * columns)
    inner = torch.arange(rows * columns).repeat(particles)
    row = torch.div(inner, columns, rounding_mode="floor")
    return torch.stack([block * rows + row, block * columns + inner % columns])
