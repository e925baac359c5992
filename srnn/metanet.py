"""A MetaNet: a dense, bias-free macro network in which every connection is a particle.

A cell sums its particles' outputs, and a particle's task output is ``x * v[4]``. The whole forward
pass is therefore the composites of all particles, then ordinary dense layers of the scalar
weights; :func:`forward` is those dense layers. Particles are ordered layer by layer, then cell,
then input, so one layer's scalars reshape to an ``(out, in)`` matrix.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from srnn.config import RunConfig
from srnn.tasks import data_shape

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor] | None] = {
    "none": None,
    "relu": torch.relu,
    "tanh": torch.tanh,
}
"""The macro activations, after every layer but the last."""


Values = TypeVar("Values", Tensor, np.ndarray)


@dataclass(frozen=True)
class MacroShape:
    """The macro network's shape: ``inputs - width x (depth - 1) - outputs``, and its skips.

    ``depth`` counts weight layers. ``residual`` is ``none``, ``each`` (every square hidden layer
    adds its input to its output) or ``pairs`` (the input of hidden layer 1 is added to the output
    of hidden layer 2, and so on; at depth 3 it never fires).

    >>> MacroShape(225, 5, 6, 10).particles
    1518
    """

    inputs: int
    depth: int
    width: int
    outputs: int
    residual: str = "none"
    activation: str = "none"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Cells of the input, of every hidden layer and of the output."""
        return (self.inputs, *[self.width] * (self.depth - 1), self.outputs)

    @cached_property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """``(out, in)`` of every weight layer."""
        return tuple(zip(self.sizes[1:], self.sizes[:-1], strict=True))

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Index of the first particle of every layer, and at the end the number of particles."""
        return (0, *(int(total) for total in np.cumsum([out * inp for out, inp in self.layers])))

    @property
    def particles(self) -> int:
        """Number of connections, each a particle."""
        return self.starts[-1]

    def skip(self, layer: int) -> int | None:
        """The layer whose *input* is added to this layer's output, or None."""
        hidden = 1 <= layer <= self.depth - 2
        if self.residual == "each" and hidden:
            return layer
        if self.residual == "pairs" and hidden and layer % 2 == 0:
            return layer - 1
        return None

    @cached_property
    def layer(self) -> np.ndarray:
        """Weight layer of every particle ``(P,)``, from 0."""
        return np.repeat(np.arange(self.depth), np.diff(self.starts))

    def split(self, values: Values) -> list[Values]:
        """One ``(..., out, in)`` view per layer of a value per particle ``(..., P)``."""
        return [
            values[..., start:end].reshape(*values.shape[:-1], *size)
            for start, end, size in zip(self.starts, self.starts[1:], self.layers, strict=False)
        ]


def macro_shape(config: RunConfig) -> MacroShape:
    """The macro network's shape of a configuration.

    Raises:
        DataError: its data set cannot be used.
    """
    inputs, classes = data_shape(config.dataset, config.size)
    return MacroShape(
        inputs, config.depth, config.width, classes, config.residual, config.activation
    )


def forward(scalars: Tensor, x: Tensor, shape: MacroShape) -> Tensor:
    """Logits of the MetaNet: scalar weights ``(P,)`` or ``(S, P)``, inputs ``(B, inputs)`` ->
    ``(B, outputs)`` or ``(S, B, outputs)``."""
    matrices = shape.split(scalars)
    return through_layers(x, shape, lambda layer, x: x @ matrices[layer].transpose(-1, -2))


def through_layers(
    x: Tensor,
    shape: MacroShape,
    sums: Callable[[int, Tensor], Tensor],
    activate: Callable[[int, Tensor], Tensor] | None = None,
    carried: Callable[[int, Tensor], Tensor] | None = None,
) -> Tensor:
    """What the macro network makes of ``x``, whatever its connections are: the last of
    :func:`layer_values`."""
    return layer_values(x, shape, sums, activate, carried)[-1]


def layer_values(
    x: Tensor,
    shape: MacroShape,
    sums: Callable[[int, Tensor], Tensor],
    activate: Callable[[int, Tensor], Tensor] | None = None,
    carried: Callable[[int, Tensor], Tensor] | None = None,
) -> list[Tensor]:
    """What every layer reads, and at the end the logits: ``sums(layer, x)`` are the sums that a
    layer's cells form of its inputs; activation and residual skips are added.

    ``activate(layer, sums)`` replaces the shape's activation of the hidden layers,
    ``carried(layer, value)`` is what a skip adds to a layer's output (default: the value itself).
    """
    activation = ACTIVATIONS[shape.activation]
    read = [x]
    for layer in range(shape.depth):
        out = sums(layer, read[layer])
        if layer < shape.depth - 1:
            if activate is not None:
                out = activate(layer, out)
            elif activation is not None:
                out = activation(out)
        if (source := shape.skip(layer)) is not None:
            out = out + (read[source] if carried is None else carried(layer, read[source]))
        read.append(out)
    return read


def accuracy(scalars: Tensor, x: Tensor, y: Tensor, shape: MacroShape) -> float:
    """Share of right answers, 0 to 1, of one network ``(P,)``; inputs ``(B, inputs)``, ``y (B,)``.

    An answer with a non-finite logit counts as wrong.
    """
    logits = forward(scalars, x, shape)
    right = (logits.argmax(-1) == y) & torch.isfinite(logits).all(-1)
    return float(right.to(torch.float64).mean())


def particle_table(shape: MacroShape) -> pd.DataFrame:
    """One row per particle, in order: ``particle, layer, cell, input`` (the last three from 0)."""
    parts = [
        np.stack([np.full(out * inp, layer), *np.divmod(np.arange(out * inp), inp)], axis=1)
        for layer, (out, inp) in enumerate(shape.layers)
    ]
    table = pd.DataFrame(np.concatenate(parts), columns=["layer", "cell", "input"])
    names = [f"L{layer}_C{cell}_W{index}" for layer, cell, index in table.itertuples(index=False)]
    table.insert(0, "particle", names)
    return table
