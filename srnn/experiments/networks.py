"""Networks to compare a MetaNet with: the same macro shape, skips and data, other micro structures.

Each is a module whose forward pass gives logits ``(..., B, outputs)`` for inputs ``(B, inputs)``.
None has particles:

- :class:`Wide`: a dense network of ordinary layers.
- :class:`Hyper`: one small generator makes every weight from a learned embedding of its connection
  (static hypernetwork, Ha, Dai, Le 2016).
- :class:`FromNoise`: a generator makes whole networks from noise, with a term in its loss that
  keeps them apart (Deutsch, Nijkamp, Yang 2019).
"""

import math

import torch
from torch import Tensor, nn

from srnn.metanet import MacroShape, forward, through_layers


def fan_in_scale(shape: MacroShape) -> Tensor:
    """1/sqrt(fan_in) of every connection, ``(P,)``."""
    return torch.cat([torch.full((out * inp,), 1 / math.sqrt(inp)) for out, inp in shape.layers])


class Wide(nn.Module):
    """A dense network of ordinary layers, as wide as the machine bears."""

    def __init__(self, shape: MacroShape, seed: int) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.shape = shape
        self.layers = nn.ParameterList(
            (torch.rand(out, inp, generator=rng) * 2 - 1) / math.sqrt(inp)
            for out, inp in shape.layers
        )

    def forward(self, x: Tensor) -> Tensor:
        return through_layers(x, self.shape, lambda layer, x: x @ self.layers[layer].T)


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
