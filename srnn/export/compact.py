"""The compact network: what is left of a pruned MetaNet once all that does nothing is gone.

Particles become their scalar weights. Then, exactly:

- a pruned connection goes (so does one whose scalar weight is exactly 0);
- a hidden neuron goes if it is always 0 (nothing living reaches it; there are no biases, and every
  activation maps 0 to 0) or is never read (no living connection and no living skip leads on);
- a pixel goes if no living connection reads it.

The classes' outputs all stay. A residual skip is no connection: it stays where both its ends live.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from srnn.metanet import ACTIVATIONS, MacroShape


@dataclass(frozen=True, eq=False)
class CompactLayer:
    """One weight layer: ``matrix (out, in)`` float32 over living neurons only.

    ``skip_from`` is the layer whose input is added to this layer's output, if any: neuron to
    neuron, unless ``skip (out,)`` int64 says which living neuron is added to each output (the
    input's length stands for "none").
    """

    matrix: np.ndarray
    skip_from: int | None = None
    skip: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Compact:
    """A compact network. ``pixels (k,)`` int64 are the inputs it reads, of ``inputs`` in all."""

    inputs: int
    pixels: np.ndarray
    activation: str
    layers: tuple[CompactLayer, ...]
    neurons_removed: int

    @property
    def connections(self) -> int:
        """Connections that are not 0."""
        return int(sum(np.count_nonzero(layer.matrix) for layer in self.layers))

    @property
    def parameters(self) -> int:
        """Numbers in its dense matrices, zeros included."""
        return int(sum(layer.matrix.size for layer in self.layers))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Pixels read, living neurons of every hidden layer, outputs."""
        return (len(self.pixels), *(len(layer.matrix) for layer in self.layers))


def compact(scalars: np.ndarray, mask: np.ndarray, shape: MacroShape) -> Compact:
    """The compact network of scalar weights ``(P,)`` and a mask ``(P,)`` (True: survives).

    Raises:
        ValueError: a surviving particle has diverged, or the sizes do not fit.
    """
    if scalars.shape != (shape.particles,) or mask.shape != scalars.shape:
        raise ValueError(f"expected {shape.particles} scalar weights and as many mask entries")
    kept = np.where(mask, scalars, 0).astype(np.float32)
    if not np.isfinite(kept).all():
        raise ValueError("a surviving particle has diverged: there is no network to export")
    matrices = [part.numpy() for part in shape.split(torch.from_numpy(kept))]
    living = living_cells(matrices, shape)
    layers = []
    for layer, matrix in enumerate(matrices):
        block = matrix[np.ix_(living[layer + 1], living[layer])]
        source = shape.skip(layer)
        skip = None
        if source is not None:
            there = living[source]
            place = np.where(there, np.cumsum(there) - 1, there.sum())
            skip = place[living[layer + 1]].astype(np.int64)
            if np.array_equal(there, living[layer + 1]):
                skip = None
        layers.append(CompactLayer(np.ascontiguousarray(block), source, skip))
    hidden = sum(int((~cells).sum()) for cells in living[1:-1])
    pixels = np.flatnonzero(living[0]).astype(np.int64)
    return Compact(shape.inputs, pixels, shape.activation, tuple(layers), hidden)


def complete(scalars: np.ndarray, shape: MacroShape) -> Compact:
    """The whole collapsed network in the same form, nothing taken away: what to compare with."""
    matrices = [part.numpy() for part in shape.split(torch.from_numpy(scalars))]
    layers = [CompactLayer(matrix, shape.skip(layer)) for layer, matrix in enumerate(matrices)]
    return Compact(shape.inputs, np.arange(shape.inputs), shape.activation, tuple(layers), 0)


def living_cells(matrices: list[np.ndarray], shape: MacroShape) -> list[np.ndarray]:
    """Which cells do something: a bool array for the input, every hidden layer and the output.

    A layer always keeps one cell at least, so that no matrix is empty.
    """
    depth = shape.depth
    reached = [np.ones(shape.inputs, dtype=bool)]
    for layer, matrix in enumerate(matrices):
        cells = (matrix[:, reached[layer]] != 0).any(1)
        source = shape.skip(layer)
        reached.append(cells if source is None else cells | reached[source])
    read = [np.zeros(size, dtype=bool) for size in shape.sizes]
    read[depth] = np.ones(shape.outputs, dtype=bool)
    for layer in reversed(range(depth)):
        on = read[layer + 1] & (reached[layer + 1] | (layer + 1 == depth))
        read[layer] |= (matrices[layer][on] != 0).any(0)
        source = shape.skip(layer)
        if source is not None:
            read[source] |= on
    living = [a & b for a, b in zip(reached, read, strict=True)]
    living[depth] = read[depth]
    for cells in living:
        if not cells.any():
            cells[0] = True
    return living


class CompactNet(nn.Module):
    """A compact network as a module: images ``(B, inputs)`` -> logits ``(B, classes)``.

    Its state: ``pixels``, ``layers.{l}.weight`` (out, in), and ``layers.{l}.skip`` where a skip
    is not simply neuron to neuron; weights are float32, indices int32.

    Weights are kept in float32 and summed in float64: float32 sums would be off by up to 1e-5 at
    logits of 40, which is what a faithful copy must stay within.
    """

    def __init__(self, network: Compact) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[network.activation]
        self.reads_all = len(network.pixels) == network.inputs
        self.sources = [layer.skip_from for layer in network.layers]
        self.register_buffer("pixels", torch.from_numpy(network.pixels.astype(np.int32)))
        self.layers = nn.ModuleList()
        for layer in network.layers:
            linear = nn.Linear(*layer.matrix.shape[::-1], bias=False)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(layer.matrix))
            skip = None if layer.skip is None else torch.from_numpy(layer.skip.astype(np.int32))
            linear.register_buffer("skip", skip)
            self.layers.append(linear)
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> Tensor:
        x = (x if self.reads_all else x.index_select(1, self.pixels)).double()
        inputs: list[Tensor] = []
        for index, layer in enumerate(self.layers):
            inputs.append(x)
            x = x @ layer.weight.double().T
            if self.activation is not None and index < len(self.layers) - 1:
                x = self.activation(x)
            source = self.sources[index]
            if source is not None:
                added = inputs[source]
                if layer.skip is not None:
                    added = nn.functional.pad(added, (0, 1)).index_select(1, layer.skip)
                x = x + added
        return x.float()
