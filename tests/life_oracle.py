"""Free particles said as plainly as possible: one particle, one weight, one number at a time.

Nothing of ``srnn.life``'s mathematics: networks are nested lists, gradients come from nudging no
formula but autograd, randomness is drawn in the order in which a soup's steps say it.
"""

import numpy as np
import torch
from torch import Tensor

from tests import oracle


def split(weights: Tensor, shapes: list[tuple[int, int]]) -> list[Tensor]:
    parts, start = [], 0
    for rows, columns in shapes:
        parts.append(weights[start : start + rows * columns].reshape(rows, columns))
        start += rows * columns
    return parts


def places(h: int, inputs: int) -> list[tuple[float, float, float]]:
    """Layer, input and unit of each weight, each over its layer's largest (2019), in float32."""
    table = []
    for layer, (cells, wide) in enumerate([(h, inputs), (h, h), (1, h)]):
        for cell in range(cells):
            for index in range(wide):
                place = (layer / 2, index / max(wide - 1, 1), cell / max(cells - 1, 1))
                table.append(tuple(float(np.float32(value)) for value in place))
    return table


class Weightwise:
    def __init__(self, h: int) -> None:
        self.h, self.n = h, 4 * h + h * h + h
        self.order = list(range(self.n))

    def answer(self, weights: Tensor, value: Tensor, place: tuple) -> Tensor:
        signal = torch.stack([value, *(torch.tensor(p, dtype=value.dtype) for p in place)])
        for matrix in split(weights, [(self.h, 4), (self.h, self.h), (1, self.h)]):
            signal = matrix @ signal
        return signal[0]

    def answers(self, weights: Tensor, other: Tensor) -> Tensor:
        pairs = zip(other, places(self.h, 4), strict=True)
        return torch.stack([self.answer(weights, value, place) for value, place in pairs])

    def learn(self, weights: Tensor, samples: Tensor, lr: float, rng: np.random.Generator):
        order = self.order
        for i in range(self.n - 1, 0, -1):
            j = int(rng.random() * (i + 1))
            order[i], order[j] = order[j], order[i]
        for r in order:
            w = weights.clone().requires_grad_()
            loss = (self.answer(w, samples[r], places(self.h, 4)[r]) - samples[r]) ** 2
            weights = weights - lr * torch.autograd.grad(loss, w)[0]
        return weights


class Aggregating:
    def __init__(self, h: int) -> None:
        self.h, self.n = h, 8 * h + h * h
        size = self.n // 4
        self.group = [min(r // size, 3) for r in range(self.n)]

    def means(self, other: Tensor) -> Tensor:
        groups = [[other[r] for r in range(self.n) if self.group[r] == j] for j in range(4)]
        return torch.stack([sum(group) / len(group) for group in groups])

    def through(self, weights: Tensor, signal: Tensor) -> Tensor:
        for matrix in split(weights, [(4, self.h), (self.h, self.h), (self.h, 4)]):
            signal = signal @ matrix
        return signal

    def answers(self, weights: Tensor, other: Tensor) -> Tensor:
        return self.through(weights, self.means(other))[self.group]

    def learn(self, weights: Tensor, samples: Tensor, lr: float, rng: np.random.Generator):
        w, target = weights.clone().requires_grad_(), self.means(samples)
        loss = ((self.through(w, target) - target) ** 2).mean()
        return weights - lr * torch.autograd.grad(loss, w)[0]


class Recurrent:
    def __init__(self, h: int) -> None:
        self.h, self.n = h, 3 * h * h + 2 * h + 1

    def answers(self, weights: Tensor, other: Tensor) -> Tensor:
        h, sequence = self.h, [value.reshape(1) for value in other]
        parts = split(weights, [(1, h), (h, h), (h, h), (h, h), (h, 1), (1, 1)])
        for kernel, again in zip(parts[::2], parts[1::2], strict=True):
            before, after = torch.zeros(kernel.shape[1], dtype=other.dtype), []
            for signal in sequence:
                before = signal @ kernel + before @ again
                after.append(before)
            sequence = after
        return torch.cat(sequence)

    def learn(self, weights: Tensor, samples: Tensor, lr: float, rng: np.random.Generator):
        w = weights.clone().requires_grad_()
        loss = ((self.answers(w, samples) - samples) ** 2).sum()
        return weights - lr * torch.autograd.grad(loss, w)[0]


KINDS = {"weightwise": Weightwise, "aggregating": Aggregating, "recurrent": Recurrent}


def soup_step(
    kind, particles: list[Tensor], attack: float, learn_from: float, severity: int, train: int,
    lr: float, rng: np.random.Generator,
) -> list[Tensor]:  # fmt: skip
    """One step of a soup without deaths; every particle acts in turn."""
    particles = list(particles)
    for p in range(len(particles)):
        if rng.random() < attack:
            q = int(rng.random() * len(particles))
            particles[q] = kind.answers(particles[p], particles[q])
        if rng.random() < learn_from:
            q = int(rng.random() * len(particles))
            for _ in range(severity):
                particles[p] = kind.learn(particles[p], particles[q], lr, rng)
        for _ in range(train):
            particles[p] = kind.learn(particles[p], particles[p], lr, rng)
    return particles


def a_round(
    weights: np.ndarray, h: int, places: np.ndarray, groups: list[list[int]], kind: str,
    ratio: float, rng: np.random.Generator,
) -> tuple[np.ndarray, list[tuple[int, int]]]:  # fmt: skip
    """One round of attack or melt in a MetaNet ``(n, P)``, and who acted on whom."""
    particles, pairs = [list(column) for column in weights.T], []
    for group in groups:
        for p, q in zip(group, map(int, rng.permutation(group)), strict=True):
            if rng.random() >= ratio or p == q:
                continue
            pairs.append((p, q))
            if kind == "attack":
                attacker = oracle.Particle(h, np.array(particles[p]))
                asked = [
                    [value, *place, 0.0] for value, place in zip(particles[q], places, strict=True)
                ]
                particles[q] = [attacker(torch.tensor(one).double()).item() for one in asked]
            else:
                for r in rng.permutation(len(weights))[len(weights) // 2 :]:
                    particles[p][r] = particles[q][r]
    return np.array(particles).T, pairs
