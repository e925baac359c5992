"""One module per particle, asked one by one in Python: the original code's way (row 17)."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor, nn

from srnn.experiments.fitting import cross_entropy
from srnn.metanet import MacroShape, through_layers
from srnn.particles import INPUTS, neurons_of


class ModuleLoop:
    """P particles in training: ``weights (n, P)``, ``encoding (n, 3)``, as an engine's one network
    (SGD, one shared momentum buffer), hundreds of times as slow as a plain dense network."""

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
        h = neurons_of(len(weights))
        self.shape, self.alpha, self.coupled = shape, alpha, coupled
        self.places = torch.from_numpy(np.array(encoding))
        self.particles = [_module(h, column) for column in weights.T]
        parameters = list(itertools.chain(*(one.parameters() for one in self.particles)))
        self.optimizer = torch.optim.SGD(parameters, lr=lr, momentum=momentum, foreach=False)

    def weights(self) -> np.ndarray:
        """``(n, P)``, in the order of a population."""
        return torch.stack([_own(one) for one in self.particles], 1).detach().numpy().copy()

    def replication_step(self) -> float:
        """One step on alpha times the sum of all replication losses, which is returned."""
        losses = []
        for one in self.particles:
            own = _own(one) if self.coupled else _own(one).detach()
            questions = torch.cat([own[:, None], self.places, torch.zeros(len(own), 1)], 1)
            losses.append((one(questions)[:, 0] - own).square().mean())
        return self._step(self.alpha * sum(losses, torch.zeros(())))

    def task_step(self, x: Tensor, y: Tensor) -> float:
        """One step on the cross-entropy of a batch, which is returned."""
        each = iter(self.particles)

        def sums(layer: int, x: Tensor) -> Tensor:
            out, inp = self.shape.layers[layer]
            questions = torch.zeros(inp, len(x), INPUTS)
            questions[..., INPUTS - 1] = x.T
            cells = [[next(each)(one) for one in questions] for _ in range(out)]
            return torch.cat([torch.stack(parts).sum(0) for parts in cells], 1)

        return self._step(cross_entropy(through_layers(x, self.shape, sums), y))

    def _step(self, loss: Tensor) -> float:
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())


def _module(h: int, weights: np.ndarray) -> nn.Sequential:
    sizes = ((INPUTS, h), (h, h), (h, 1))
    layers = [nn.Linear(inp, out, bias=False) for inp, out in sizes]
    parameters = [layer.weight for layer in layers]
    nn.utils.vector_to_parameters(torch.from_numpy(weights.copy()), parameters)
    return nn.Sequential(*layers)


def _own(particle: nn.Sequential) -> Tensor:
    return torch.cat([weight.reshape(-1) for weight in particle.parameters()])
