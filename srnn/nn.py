"""Particles in anybody's network: layers that stand where ``nn.Linear`` and ``nn.Conv2d`` stand.

Every connection of a :class:`MetaLinear` is a particle (:mod:`srnn.particles`); to the rest of the
model it is a dense layer of the particles' scalar weights. A training loop stays what it is, with
one more term in its loss:

>>> model = nn.Sequential(MetaLinear(64, 20), nn.ReLU(), MetaLinear(20, 10))
>>> x, y = torch.rand(8, 64), torch.arange(8)
>>> loss = F.cross_entropy(model(x), y) + replication_loss(model)
>>> loss.backward()

Afterwards :func:`census` counts who replicates, :func:`prune_` drops these particles for good, and
:func:`collapse` gives the plain dense network that computes the same.

The particles of one layer are one parameter, ``particles (n, P)``: weights before particles,
particles ordered by output, then input, as in the lab's MetaNet, which is a composition of these
layers.
"""

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, overload

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import prune

from srnn import particles as population
from srnn.fixpoints import classify
from srnn.vocabulary import EPSILON, count_types, is_replicator

__all__ = [
    "MetaConv2d",
    "MetaLinear",
    "census",
    "collapse",
    "prune_",
    "replication_loss",
    "replicator_mask",
]


class _MetaLayer(nn.Module):
    """Particles in the place of a layer's weights, whose shape is ``shape``; ``kind`` makes the
    plain layer."""

    particles: Tensor
    particles_orig: Tensor
    particles_mask: Tensor
    encoding: Tensor
    bias: nn.Parameter | None

    def __init__(
        self,
        kind: Callable[..., nn.Linear | nn.Conv2d],
        shape: tuple[int, ...],
        h: int,
        bias: bool,
        encoding: str,
        initial_weights: str,
        generator: torch.Generator | None,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        self.kind, self.shape, self.h, self.initial_weights = kind, shape, h, initial_weights
        room: dict[str, Any] = {"device": device, "dtype": dtype}
        size = (population.weight_count(h), math.prod(shape))
        self.particles = nn.Parameter(torch.empty(size, **room))
        positions = torch.as_tensor(population.position_encoding(h, encoding), **room)
        self.register_buffer("encoding", positions.to(self.particles.dtype), persistent=False)
        self.bias = nn.Parameter(torch.empty(shape[0], **room)) if bias else None
        self.reset_parameters(generator)

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the particles anew, by the recipe's law, and the bias as ``nn.Linear`` does.

        One number of the generator (PyTorch's own by default) seeds them all.
        """
        seed = int(torch.randint(2**62, (), generator=generator))
        count = math.prod(self.shape)
        start = population.initial_weights(self.h, count, seed, self.initial_weights)
        _free(self).copy_(torch.from_numpy(start))
        if self.bias is not None:
            bound = 1 / math.sqrt(math.prod(self.shape[1:]))
            draws = torch.rand(self.bias.shape, generator=generator)
            self.bias.copy_((2 * draws - 1) * bound)

    @property
    def weight(self) -> Tensor:
        """The scalar weights, shaped like those of the plain layer; differentiable."""
        return population.scalar_weights(_current(self)).view(self.shape)

    def plain(self) -> nn.Module:
        """The plain layer with these scalar weights and this bias."""
        room = {"device": self.encoding.device, "dtype": self.encoding.dtype}
        plain = self.kind(bias=self.bias is not None, **room)
        with torch.no_grad():
            plain.weight.copy_(self.weight)
            if plain.bias is not None and self.bias is not None:
                plain.bias.copy_(self.bias)
        return plain.train(self.training)


class MetaLinear(_MetaLayer):
    """``nn.Linear`` whose every connection is a particle: ``(..., in)`` -> ``(..., out)``.

    Args:
        in_features: cells that it reads.
        out_features: cells that it feeds.
        h: neurons per hidden layer of a particle.
        bias: an ordinary bias besides; the log's MetaNets have none.
        encoding: how a particle's positions are normalised: ``l2`` (2022-02) or ``max`` (2022-03).
        initial_weights: ``fan_in`` (2022-02) or ``xavier`` (2022-03).
        generator: where the initial weights come from; PyTorch's own generator if None.

    Raises:
        ValueError: unknown encoding or initial weights.

    >>> MetaLinear(3, 2)(torch.zeros(5, 3)).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        h: int = 4,
        bias: bool = False,
        *,
        encoding: str = "l2",
        initial_weights: str = "fan_in",
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        kind, shape = partial(nn.Linear, in_features, out_features), (out_features, in_features)
        super().__init__(kind, shape, h, bias, encoding, initial_weights, generator, device, dtype)
        self.in_features, self.out_features = in_features, out_features

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, h={self.h}, bias={self.bias is not None}"


class MetaConv2d(_MetaLayer):
    """``nn.Conv2d`` whose every kernel entry is a particle: a connection that is used at every
    place. ``stride, padding, dilation, groups`` as there; the rest as in :class:`MetaLinear`.

    Raises:
        ValueError: as :class:`MetaLinear`, or ``groups`` do not divide the channels.

    >>> MetaConv2d(1, 6, 3, padding=1)(torch.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 6, 8, 8])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        h: int = 4,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | Literal["valid", "same"] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = False,
        *,
        encoding: str = "l2",
        initial_weights: str = "fan_in",
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"groups = {groups} must divide {in_channels} and {out_channels}")
        kernel = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        shape = (out_channels, in_channels // groups, *kernel)
        size = (in_channels, out_channels, kernel, stride, padding, dilation, groups)
        kind = partial(nn.Conv2d, *size)
        super().__init__(kind, shape, h, bias, encoding, initial_weights, generator, device, dtype)
        self.channels, self.kernel_size = (in_channels, out_channels), kernel
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )

    def extra_repr(self) -> str:
        inputs, outputs = self.channels
        return f"{inputs}, {outputs}, {self.kernel_size}, h={self.h}, bias={self.bias is not None}"


# --- what is asked of a module, whatever is in it ------------------------------------------------


def replication_loss(module: nn.Module, coupled: bool = True) -> Tensor:
    """How far the particles of all MetaLayers in ``module`` are from replicating themselves: the
    sum over particles of the mean squared error of self-application, a differentiable scalar.

    Times alpha it is what the recipes add to the task. ``coupled``: the gradient also flows
    through the replication target and input (2022-02); else they are held fixed (2022-03).

    Raises:
        ValueError: there are no particles in the module.
    """
    losses = [
        population.replication_loss(_current(layer), layer.encoding, coupled).sum()
        for _, layer in _layers(module)
    ]
    return torch.stack([loss.to(losses[0]) for loss in losses]).sum()


def census(module: nn.Module, epsilon: float = EPSILON) -> dict[str, int]:
    """How many particles in ``module`` are of each type (:mod:`srnn.fixpoints`).

    Replicators are ``zero`` + ``identity``. A dropped particle counts as zero.

    Raises:
        ValueError: there are no particles in the module, or epsilon is negative.
    """
    types = [_types(layer, epsilon) for _, layer in _layers(module)]
    return count_types(np.concatenate(types))


@overload  # a MetaLayer is a Module too, but asked for itself it answers with one tensor
def replicator_mask(module: _MetaLayer, epsilon: float = ...) -> Tensor: ...  # type: ignore[overload-overlap]
@overload
def replicator_mask(module: nn.Module, epsilon: float = ...) -> dict[str, Tensor]: ...
def replicator_mask(module: nn.Module, epsilon: float = EPSILON) -> Tensor | dict[str, Tensor]:
    """Which connections are replicators: bool, shaped like the layer's ``weight``; of a whole
    model one mask per MetaLayer, by its name in ``module.named_modules()``.

    Raises:
        ValueError: there are no particles in the module, or epsilon is negative.
    """
    if isinstance(module, _MetaLayer):
        found = torch.from_numpy(is_replicator(_types(module, epsilon)))
        return found.view(module.shape).to(module.encoding.device)
    return {name: replicator_mask(layer, epsilon) for name, layer in _layers(module)}


def prune_(module: nn.Module, epsilon: float = EPSILON) -> nn.Module:
    """Drop all replicators, in place, through ``torch.nn.utils.prune``; returns ``module``.

    All weights of a dropped particle are masked, so its connection is zero and stays zero in
    further training, whatever the optimizer remembers. The optimizer goes on with the parameters
    that it has: the layer's ``particles`` are now called ``particles_orig``. Pruning again drops
    more; ``prune.remove(layer, "particles")`` makes the zeros ordinary weights.

    Raises:
        ValueError: there are no particles in the module, or epsilon is negative.
    """
    for _, layer in _layers(module):
        keep = ~replicator_mask(layer, epsilon).view(-1)
        prune.custom_from_mask(layer, "particles", keep.expand_as(_free(layer)))
    return module


@overload
def collapse(module: MetaLinear) -> nn.Linear: ...
@overload
def collapse(module: MetaConv2d) -> nn.Conv2d: ...
@overload
def collapse(module: nn.Module) -> nn.Module: ...
def collapse(module: nn.Module) -> nn.Module:
    """The plain network that computes the same: a MetaLayer's plain layer, or a copy of the whole
    model with every MetaLayer replaced. ``module`` stays as it is.

    Raises:
        ValueError: there are no particles in the module.
    """
    memo: dict[int, Any] = {id(layer): layer.plain() for _, layer in _layers(module)}
    return copy.deepcopy(module, memo)


def _layers(module: nn.Module) -> list[tuple[str, _MetaLayer]]:
    """The MetaLayers in a module, each once, with their names."""
    found = [(name, part) for name, part in module.named_modules() if isinstance(part, _MetaLayer)]
    if not found:
        raise ValueError(f"there is no MetaLinear or MetaConv2d in {type(module).__name__}")
    return found


def _free(layer: _MetaLayer) -> Tensor:
    """The parameter that an optimizer trains: without the mask, if the layer is pruned."""
    return getattr(layer, "particles_orig", layer.particles)


def _current(layer: _MetaLayer) -> Tensor:
    """The particles as they are now, masked. PyTorch's own ``particles`` of a pruned layer is that
    of the last forward pass."""
    if not hasattr(layer, "particles_mask"):
        return layer.particles
    return layer.particles_orig * layer.particles_mask


def _types(layer: _MetaLayer, epsilon: float) -> np.ndarray:
    """Codes of the particles' types ``(P,)``; half-precision weights are read as float32."""
    with torch.no_grad():
        kind = torch.promote_types(layer.encoding.dtype, torch.float32)
        return classify(_current(layer).to(kind), layer.encoding.to(kind), epsilon)
