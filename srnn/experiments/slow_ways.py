"""Two slow ways of training particles, to be timed beside the engines (row 17).

Both hold P particles, ``weights (n, P)`` and ``encoding (n, 3)``, as an engine's one network, and
do what an engine's steps do (SGD, one shared momentum buffer).
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from srnn.experiments.fitting import cross_entropy
from srnn.metanet import MacroShape, forward, through_layers
from srnn.particles import INPUTS, neurons_of


class SlowWay(ABC):
    """What both begin with: the rules, and parameters that they make of the weights."""

    def __init__(
        self,
        weights: np.ndarray,
        encoding: np.ndarray,
        shape: MacroShape,
        *,
        alpha: float,
        lr: float,
        momentum: float,
        coupled: bool,
    ) -> None:
        self.shape, self.alpha, self.coupled = shape, alpha, coupled
        self.encoding = torch.from_numpy(np.array(encoding))
        parameters = self._take(np.array(weights))
        self.optimizer = torch.optim.SGD(parameters, lr=lr, momentum=momentum, foreach=False)

    @abstractmethod
    def _take(self, weights: np.ndarray) -> Iterable[Tensor]:
        """Make the network; returns what is trained."""

    @abstractmethod
    def _population(self) -> Tensor:
        """``(n, P)``, in the order of a population."""

    @abstractmethod
    def replication_step(self) -> float:
        """One step on alpha times the sum of all replication losses, which is returned."""

    @abstractmethod
    def task_step(self, x: Tensor, y: Tensor) -> float:
        """One step on the cross-entropy of a batch, which is returned."""

    def weights(self) -> np.ndarray:
        """``(n, P)``, in the order of a population."""
        return self._population().detach().numpy().copy()

    def _step(self, loss: Tensor) -> float:
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())


class BlockSparse(SlowWay):
    """The log's idea for faster research: all particles as one block-diagonal network.

    W1, W2 and W3 of P particles are the blocks of three sparse matrices ``(P h, P 5)``,
    ``(P h, P h)`` and ``(P, P h)``; then one sparse product a layer asks all particles at once.
    ``torch.sparse`` derives a sparse factor by way of the dense product of both sides, which here
    would be hundreds of megabytes, so :class:`_Product` takes only the entries that exist.
    """

    def _take(self, weights: np.ndarray) -> list[Tensor]:
        count, particles = weights.shape
        h = neurons_of(count)
        rows = torch.from_numpy(weights).T  # (P, n)
        cuts = (INPUTS * h, h * h, h)
        self.particles = particles
        self.values = [part.reshape(-1).clone().requires_grad_() for part in rows.split(cuts, 1)]
        self.sizes = [(particles * h, particles * INPUTS), (particles * h, particles * h)]
        self.sizes.append((particles, particles * h))
        self.places = [_places(particles, *block) for block in ((h, INPUTS), (h, h), (1, h))]
        return self.values

    def _population(self) -> Tensor:
        return torch.cat([value.view(self.particles, -1) for value in self.values], 1).T

    def ask(self, questions: Tensor) -> Tensor:
        """All particles' answers: questions ``(P, 5, k)`` -> ``(P, k)``."""
        x = questions.reshape(self.particles * INPUTS, -1)
        for values, places, size in zip(self.values, self.places, self.sizes, strict=True):
            x = _Product.apply(values, x, places, size)
        return x

    def replication_step(self) -> float:
        weights = self._population()
        asked = weights if self.coupled else weights.detach()
        questions = torch.zeros(self.particles, INPUTS, len(weights))
        questions[:, 1:4] = self.encoding.T
        questions = torch.cat([asked.T[:, None], questions[:, 1:]], 1)
        loss = self.alpha * (self.ask(questions) - asked.T).square().mean(1).sum()
        return self._step(loss)

    def task_step(self, x: Tensor, y: Tensor) -> float:
        question = torch.zeros(self.particles, INPUTS, 1)
        question[:, INPUTS - 1] = 1
        scalars = self.ask(question)[:, 0]
        return self._step(cross_entropy(forward(scalars, x, self.shape), y))


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


def _places(particles: int, rows: int, columns: int) -> Tensor:
    """Row and column of every entry of P blocks on the diagonal, ``(2, P rows columns)``, block
    by block and row-major in each: that is also the order of a coalesced matrix."""
    block = torch.arange(particles).repeat_interleave(rows * columns)
    inner = torch.arange(rows * columns).repeat(particles)
    row = torch.div(inner, columns, rounding_mode="floor")
    return torch.stack([block * rows + row, block * columns + inner % columns])


class ModuleLoop(SlowWay):
    """One module per particle, asked one by one in Python: the original code's way, hundreds of
    times as slow as a plain dense network."""

    def _take(self, weights: np.ndarray) -> list[Tensor]:
        h = neurons_of(len(weights))
        self.particles = [_module(h, column) for column in weights.T]
        return list(itertools.chain(*(one.parameters() for one in self.particles)))

    def _population(self) -> Tensor:
        return torch.stack([_own(one) for one in self.particles], 1)

    def replication_step(self) -> float:
        losses = []
        for one in self.particles:
            own = _own(one) if self.coupled else _own(one).detach()
            questions = torch.cat([own[:, None], self.encoding, torch.zeros(len(own), 1)], 1)
            losses.append((one(questions)[:, 0] - own).square().mean())
        return self._step(self.alpha * sum(losses, torch.zeros(())))

    def task_step(self, x: Tensor, y: Tensor) -> float:
        each = iter(self.particles)

        def sums(layer: int, x: Tensor) -> Tensor:
            out, inp = self.shape.layers[layer]
            questions = torch.zeros(inp, len(x), INPUTS)
            questions[..., INPUTS - 1] = x.T
            cells = [[next(each)(one) for one in questions] for _ in range(out)]
            return torch.cat([torch.stack(parts).sum(0) for parts in cells], 1)

        return self._step(cross_entropy(through_layers(x, self.shape, sums), y))


def _module(h: int, weights: np.ndarray) -> nn.Sequential:
    sizes = ((INPUTS, h), (h, h), (h, 1))
    layers = [nn.Linear(inp, out, bias=False) for inp, out in sizes]
    parameters = [layer.weight for layer in layers]
    nn.utils.vector_to_parameters(torch.from_numpy(weights.copy()), parameters)
    return nn.Sequential(*layers)


def _own(particle: nn.Sequential) -> Tensor:
    return torch.cat([weight.reshape(-1) for weight in particle.parameters()])
