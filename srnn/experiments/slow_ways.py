"""Two slow ways of training particles, to be timed beside the engines (row 17).

Both hold P particles, ``weights (n, P)``, as an engine's one network, and do what an engine's steps
do (SGD, one shared momentum buffer).
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from srnn.engines import Problem
from srnn.metanet import forward, through_layers
from srnn.particles import INPUTS, neurons_of


class SlowWay(ABC):
    """What both have in common: the problem, and SGD on what they make of the weights."""

    def __init__(self, problem: Problem, weights: np.ndarray) -> None:
        self.problem, self.shape = problem, problem.shape
        self.encoding = torch.from_numpy(np.array(problem.encoding))
        parameters, rules = self._take(np.array(weights)), (problem.lr, problem.momentum)
        self.optimizer = torch.optim.SGD(parameters, *rules, foreach=False)

    @abstractmethod
    def _take(self, weights: np.ndarray) -> Iterable[Tensor]:
        """Make the network; returns what is trained."""

    @abstractmethod
    def _population(self) -> Tensor:
        """``(n, P)``, in the order of a population."""

    @abstractmethod
    def _replication_loss(self) -> Tensor:
        """The sum over all particles, without alpha."""

    @abstractmethod
    def _logits(self, x: Tensor) -> Tensor:
        """What the network answers to images ``(B, inputs)``."""

    def weights(self) -> np.ndarray:
        """``(n, P)``, in the order of a population."""
        return self._population().detach().numpy().copy()

    def train(self, order: np.ndarray, batch_size: int) -> None:
        """One step pair per batch: rows ``order`` of the data, cut into batches."""
        x, y = torch.from_numpy(self.problem.x), torch.from_numpy(self.problem.y)
        for rows in torch.from_numpy(order).split(batch_size):
            self._step(self.problem.alpha * self._replication_loss())
            self._step(cross_entropy(self._logits(x.index_select(0, rows)), y[rows]))

    def _step(self, loss: Tensor) -> None:
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


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

    def _replication_loss(self) -> Tensor:
        weights = self._population()
        asked = weights if self.problem.target_gradient else weights.detach()
        questions = torch.zeros(self.particles, INPUTS, len(weights))
        questions[:, 1:4] = self.encoding.T
        questions = torch.cat([asked.T[:, None], questions[:, 1:]], 1)
        return (self.ask(questions) - asked.T).square().mean(1).sum()

    def _logits(self, x: Tensor) -> Tensor:
        question = torch.zeros(self.particles, INPUTS, 1)
        question[:, INPUTS - 1] = 1
        return forward(self.ask(question)[:, 0], x, self.shape)


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

    def _replication_loss(self) -> Tensor:
        losses = []
        for one in self.particles:
            own = _own(one) if self.problem.target_gradient else _own(one).detach()
            questions = torch.cat([own[:, None], self.encoding, torch.zeros(len(own), 1)], 1)
            losses.append((one(questions)[:, 0] - own).square().mean())
        return torch.stack(losses).sum()

    def _logits(self, x: Tensor) -> Tensor:
        each = iter(self.particles)

        def sums(layer: int, x: Tensor) -> Tensor:
            out, inp = self.shape.layers[layer]
            questions = torch.zeros(inp, len(x), INPUTS)
            questions[..., INPUTS - 1] = x.T
            cells = [[next(each)(one) for one in questions] for _ in range(out)]
            return torch.cat([torch.stack(parts).sum(0) for parts in cells], 1)

        return through_layers(x, self.shape, sums)


def _module(h: int, weights: np.ndarray) -> nn.Sequential:
    sizes = ((INPUTS, h), (h, h), (h, 1))
    layers = [nn.Linear(inp, out, bias=False) for inp, out in sizes]
    parameters = [layer.weight for layer in layers]
    nn.utils.vector_to_parameters(torch.from_numpy(weights.copy()), parameters)
    return nn.Sequential(*layers)


def _own(particle: nn.Sequential) -> Tensor:
    return torch.cat([weight.reshape(-1) for weight in particle.parameters()])
