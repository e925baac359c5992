"""A MetaNet said as plainly as possible: one particle, one connection, one number at a time.

No batching, no closed form, no composite, nothing of ``srnn``'s mathematics: particles are small
``torch.nn`` networks that are asked one question after the other, gradients are autograd's, steps
``torch.optim.SGD``'s. Slow; it exists to be compared with.
"""

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn


class Particle(nn.Module):
    """Three bias-free linear layers, 5 inputs, ``h`` neurons twice, one output."""

    def __init__(self, h: int, weights: np.ndarray) -> None:
        super().__init__()
        sizes = ((5, h), (h, h), (h, 1))
        self.layers = nn.ModuleList(
            nn.Linear(inputs, outputs, bias=False, dtype=torch.float64) for inputs, outputs in sizes
        )
        numbers = iter(weights)
        with torch.no_grad():
            for layer in self.layers:
                for cell in range(layer.out_features):
                    for index in range(layer.in_features):
                        layer.weight[cell, index] = float(next(numbers))

    def forward(self, question: Tensor) -> Tensor:
        """One question of 5 numbers, one answer."""
        for layer in self.layers:
            question = layer(question)
        return question[0]

    def own_weights(self) -> Iterator[tuple[int, int, int, Tensor]]:
        """``layer, cell, index, weight``, in order."""
        for number, layer in enumerate(self.layers):
            for cell in range(layer.out_features):
                for index in range(layer.in_features):
                    yield number, cell, index, layer.weight[cell, index]

    def numbers(self) -> list[float]:
        return [weight.item() for *_, weight in self.own_weights()]


def positions(particle: Particle, kind: str) -> list[list[float]]:
    """Normalised ``layer, cell, index`` of every weight, rounded as the original's float32."""
    rows = [[layer, cell, index] for layer, cell, index, _ in particle.own_weights()]
    table = []
    for column in zip(*rows, strict=True):
        if kind == "l2":
            size = math.sqrt(sum(value * value for value in column)) or 1.0
        else:
            size = max(column) + 1e-8
        table.append([np.float32(np.float32(value / size) + 1e-8) for value in column])
    return [list(map(float, row)) for row in zip(*table, strict=True)]


def replication_loss(particle: Particle, kind: str, coupled: bool) -> Tensor:
    """Mean squared difference between a particle's answers about its weights and the weights."""
    total = torch.zeros((), dtype=torch.float64)
    count = 0
    for place, (*_, weight) in zip(positions(particle, kind), particle.own_weights(), strict=True):
        asked = weight if coupled else weight.detach()
        question = torch.stack(
            [asked, *(torch.tensor(value, dtype=torch.float64) for value in (*place, 0.0))]
        )
        total = total + (particle(question) - asked) ** 2
        count += 1
    return total / count


class MetaNet:
    """``particles[layer][cell][input]`` is the particle on that connection."""

    def __init__(self, sizes: list[int], h: int, weights: np.ndarray, residual: str) -> None:
        columns = iter(weights.T)
        self.residual = residual
        self.particles = [
            [[Particle(h, next(columns)) for _ in range(inputs)] for _ in range(outputs)]
            for inputs, outputs in pairwise(sizes)
        ]

    def each_particle(self) -> list[Particle]:
        return [particle for layer in self.particles for cell in layer for particle in cell]

    def parameters(self) -> list[nn.Parameter]:
        return [one for particle in self.each_particle() for one in particle.parameters()]

    def weights(self) -> np.ndarray:
        """``(n, P)``."""
        return np.array([particle.numbers() for particle in self.each_particle()]).T

    def forward(self, image: Tensor) -> Tensor:
        """Logits of one image."""
        zero = torch.zeros((), dtype=torch.float64)
        values, before = list(image), []
        last = len(self.particles) - 1
        for number, layer in enumerate(self.particles):
            before.append(values)
            sums = []
            for cell in layer:
                total = zero
                for particle, value in zip(cell, values, strict=True):
                    total = total + particle(torch.stack([zero, zero, zero, zero, value]))
                sums.append(total)
            if 0 < number < last:
                if self.residual == "each":
                    sums = [a + b for a, b in zip(sums, values, strict=True)]
                elif self.residual == "pairs" and number % 2 == 0:
                    sums = [a + b for a, b in zip(sums, before[number - 1], strict=True)]
            values = sums
        return torch.stack(values)


def train(net: MetaNet, recipe: dict, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """One batch per row of ``x (steps, batch, inputs)``, as the recipe says; the losses before
    their own updates (replication: of the first step of a batch, alpha included)."""
    task = torch.optim.SGD(net.parameters(), lr=recipe["lr"], momentum=recipe["momentum"])
    losses: dict[str, list[float]] = {"replication": [], "task": []}
    for images, labels in zip(x, y, strict=True):
        replication = task
        if not recipe["shared_optimizer"]:
            replication = torch.optim.SGD(
                net.parameters(), lr=recipe["replication_lr"], momentum=recipe["momentum"]
            )
        for step in range(recipe["replication_steps"]):
            loss = recipe["alpha"] * sum(
                replication_loss(particle, recipe["encoding"], recipe["target_gradient"])
                for particle in net.each_particle()
            )
            if step == 0:
                losses["replication"].append(loss.item())
            replication.zero_grad()
            loss.backward()
            replication.step()
        logits = torch.stack([net.forward(torch.tensor(image)) for image in images])
        loss = nn.functional.cross_entropy(logits, torch.tensor(labels))
        losses["task"].append(loss.item())
        task.zero_grad()
        loss.backward()
        task.step()
    return {name: np.array(values) for name, values in losses.items()}
