"""Networks to compare a MetaNet with, and how they are trained: the same macro shape, skips and
data in the same order, other micro structures.

Each is a module whose forward pass gives logits ``(..., B, outputs)`` for inputs ``(B, inputs)``.
None has particles:

- :func:`wide`: a dense network of ordinary layers.
- :class:`Hyper`: one small generator makes every weight from a learned embedding of its connection
  (static hypernetwork, Ha, Dai, Le 2016).
- :class:`FromNoise`: a generator makes whole networks from noise, with a term in its loss that
  keeps them apart (Deutsch, Nijkamp, Yang 2019).
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from srnn.analysis.collapse import DenseNet, dense
from srnn.metanet import MacroShape, forward
from srnn.pruning.scratch import validation_split
from srnn.tasks import Task
from srnn.training import data_order

DIVERSITY = 0.1
"""Weight of the diversity term."""
CHUNK = 2000
"""Test images at once: a network of thousands of cells keeps its activations of all of them."""


def fan_in_scale(shape: MacroShape) -> Tensor:
    """1/sqrt(fan_in) of every connection, ``(P,)``."""
    return torch.cat([torch.full((out * inp,), 1 / math.sqrt(inp)) for out, inp in shape.layers])


def wide(shape: MacroShape, seed: int) -> DenseNet:
    """An untrained dense network of any width (a MetaNet's own ends at 1,024)."""
    rng = torch.Generator().manual_seed(seed)
    layers = [
        (torch.rand(out, inp, generator=rng) * 2 - 1) / math.sqrt(inp) for out, inp in shape.layers
    ]
    return dense(torch.cat([layer.flatten() for layer in layers]).numpy(), shape)


class Hyper(nn.Module):
    """One generator network for all weights: embedding ``(P, size)`` -> hidden (tanh) -> weight.

    What it gives is scaled by the layer's 1/sqrt(fan_in), as initial weights usually are; without
    that the first layer's sums over 225 pixels are far too large.
    """

    def __init__(self, shape: MacroShape, seed: int, size: int = 4, hidden: int = 16) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.shape = shape
        self.embeddings = nn.Parameter(torch.randn(shape.particles, size, generator=rng))
        self.first = nn.Parameter(torch.randn(size, hidden, generator=rng) / math.sqrt(size))
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.second = nn.Parameter(torch.randn(hidden, generator=rng) / math.sqrt(hidden))
        self.scale = fan_in_scale(shape)

    def scalars(self) -> Tensor:
        """The generated weight of every connection, ``(P,)``."""
        hidden = torch.tanh(self.embeddings @ self.first + self.bias)
        return (hidden @ self.second) * self.scale

    def forward(self, x: Tensor) -> Tensor:
        return forward(self.scalars(), x, self.shape)


class FromNoise(nn.Module):
    """A generator of networks: noise ``(S, size)`` -> hidden (ReLU) -> ``(S, P)`` weights.

    Every forward pass draws ``samples`` networks. :meth:`diversity` is the estimate of their
    entropy by nearest neighbours (Kozachenko and Leonenko), up to constants: the mean log distance
    of a network to the nearest other one. The weights of each layer are first divided by their
    norm, because scaling a layer changes no answer of a linear network (the paper's *gauge*);
    permutations of cells are not divided out here.
    """

    def __init__(
        self, shape: MacroShape, seed: int, size: int = 16, hidden: int = 64, samples: int = 8
    ) -> None:
        super().__init__()
        self.rng = torch.Generator().manual_seed(seed)
        self.shape, self.size, self.samples = shape, size, samples
        rng = self.rng
        self.first = nn.Parameter(torch.randn(size, hidden, generator=rng) / math.sqrt(size))
        self.second = nn.Parameter(
            torch.randn(hidden, shape.particles, generator=rng) / math.sqrt(hidden)
        )
        self.offset = nn.Parameter(torch.randn(shape.particles, generator=rng))
        self.scale = fan_in_scale(shape) / math.sqrt(3)
        self.last = torch.empty(0)

    def sample(self, count: int) -> Tensor:
        """``count`` networks' weights, ``(count, P)``."""
        noise = torch.randn(count, self.size, generator=self.rng)
        return (torch.relu(noise @ self.first) @ self.second + self.offset) * self.scale

    def forward(self, x: Tensor) -> Tensor:
        self.last = self.sample(self.samples)
        return forward(self.last, x, self.shape)

    def diversity(self) -> Tensor:
        """Mean log distance to the nearest other network of the last forward pass."""
        layers = [part.flatten(1) for part in self.shape.split(self.last)]
        gauged = torch.cat([part / part.norm(dim=1, keepdim=True) for part in layers], dim=1)
        square = (gauged[:, None] - gauged[None]).square().sum(-1)
        square = square + torch.eye(len(square)) * 1e9
        return 0.5 * torch.log(square.min(1).values + 1e-12).mean()


def fit(
    network: nn.Module, task: Task, epochs: int, batch_size: int, *, lr: float, data_seed: int = 0
) -> None:
    """Train on cross-entropy: dense networks by SGD with momentum 0.9, generators by Adam (plain
    SGD needs several times as long for them), and :class:`FromNoise` with its diversity."""
    optimizer = (
        torch.optim.SGD(network.parameters(), lr=lr, momentum=0.9)
        if isinstance(network, DenseNet)
        else torch.optim.Adam(network.parameters(), lr=lr)
    )
    x, y = torch.from_numpy(task.x_train), torch.from_numpy(task.y_train)
    for epoch in range(1, epochs + 1):
        order = torch.from_numpy(data_order(data_seed, epoch, len(x)))
        for part in order.split(batch_size):
            loss = cross_entropy(network(x.index_select(0, part)), y[part])
            if isinstance(network, FromNoise):
                loss = loss - DIVERSITY * network.diversity()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()


def chosen_rate(
    train: Callable[[Task, float], nn.Module], task: Task, rates: Sequence[float]
) -> float:
    """The learning rate with which what ``train`` makes of a task answers the most images rightly
    of a validation part of the training images; a single one need not be tried."""
    if len(rates) == 1:
        return rates[0]
    split = validation_split(task)
    return max(rates, key=lambda rate: accuracy_of(train(split, rate), split))


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy of logits ``(..., B, outputs)``; over all networks if there are many."""
    flat = logits.reshape(-1, logits.shape[-1])
    return nn.functional.cross_entropy(flat, y.repeat(len(flat) // len(y)))


def accuracy_of(network: nn.Module, task: Task) -> float:
    """Test accuracy, 0..1; the mean if the network stands for many."""
    right = 0
    with torch.no_grad():
        for start in range(0, len(task.y_test), CHUNK):
            part = slice(start, start + CHUNK)
            logits = network(torch.from_numpy(task.x_test[part]))
            hits = logits.argmax(-1) == torch.from_numpy(task.y_test[part])
            right += float(hits.double().sum()) / (hits.numel() // hits.shape[-1])
    return right / len(task.y_test)
