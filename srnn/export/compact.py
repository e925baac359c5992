"""The compact network: what is left of a pruned MetaNet once all that does nothing is gone.

Particles become their scalar weights. Then, exactly:

- a pruned connection goes (so does one whose scalar weight is exactly 0);
- a hidden neuron goes if it is always 0 (nothing living reaches it; there are no biases, and every
  activation maps 0 to 0) or is never read (no living connection and no living skip leads on);
- a pixel goes if no living connection reads it.

The classes' outputs all stay. A residual skip is no connection: it stays where both its ends live.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from srnn.analysis.connectivity import ways
from srnn.metanet import MacroShape, through_layers


@dataclass(frozen=True, eq=False)
class Compact:
    """A compact network: the MetaNet's ``shape`` (whose skips and activation it has), the
    ``pixels (k,)`` int64 that it reads, and per weight layer a matrix ``(out, in)`` float32 over
    living neurons only. Where a skip does not add neuron to neuron, ``skips[layer] (out,)`` int64
    says which living neuron is added to each output (the source's length stands for "none").
    """

    shape: MacroShape
    pixels: np.ndarray
    matrices: tuple[np.ndarray, ...]
    skips: tuple[np.ndarray | None, ...]

    @property
    def connections(self) -> int:
        """Connections that are not 0."""
        return int(sum(np.count_nonzero(matrix) for matrix in self.matrices))

    @property
    def parameters(self) -> int:
        """Numbers in its dense matrices, zeros included."""
        return int(sum(matrix.size for matrix in self.matrices))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Pixels read, living neurons of every hidden layer, outputs."""
        return (len(self.pixels), *(len(matrix) for matrix in self.matrices))

    @property
    def neurons_removed(self) -> int:
        """Hidden neurons of the MetaNet that are gone."""
        return sum(self.shape.sizes[1:-1]) - sum(self.sizes[1:-1])


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
    living = living_cells(kept != 0, shape)
    matrices: list[np.ndarray] = []
    skips: list[np.ndarray | None] = []
    for layer, matrix in enumerate(shape.split(kept)):
        own, below = living[layer + 1], living[layer]
        matrices.append(np.ascontiguousarray(matrix[np.ix_(own, below)]))
        source = shape.skip(layer)
        if source is None or np.array_equal(living[source], own):
            skips.append(None)
            continue
        there = living[source]
        place = np.where(there, np.cumsum(there) - 1, there.sum())
        skips.append(place[own].astype(np.int64))
    return Compact(shape, np.flatnonzero(living[0]), tuple(matrices), tuple(skips))


def complete(scalars: np.ndarray, shape: MacroShape) -> Compact:
    """The whole collapsed network in the same form, nothing taken away: what to compare with."""
    return Compact(
        shape, np.arange(shape.inputs), tuple(shape.split(scalars)), (None,) * shape.depth
    )


def living_cells(mask: np.ndarray, shape: MacroShape) -> list[np.ndarray]:
    """Which cells do something, given the connections that do ``(P,)`` bool: a bool array for the
    input, every hidden layer and the output.

    All outputs stay, and of every layer one cell at least, so that no matrix is empty.
    """
    reached, leads = ways(mask, shape)
    living = [a & b for a, b in zip(reached, leads, strict=True)]
    living[-1][:] = True
    for cells in living:
        if not cells.any():
            cells[0] = True
    return living


class _CompactLayer(nn.Module):
    def __init__(self, matrix: np.ndarray, skip: np.ndarray | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.from_numpy(matrix))
        places = None if skip is None else torch.from_numpy(skip.astype(np.int32))
        self.skip: Tensor | None
        self.register_buffer("skip", places)

    def forward(self, x: Tensor, carry: bool = False) -> Tensor:
        """The sums of the layer's cells; with ``carry``, what a skip brings of the source ``x``."""
        if not carry:
            return x @ self.weight.double().T
        return x if self.skip is None else nn.functional.pad(x, (0, 1)).index_select(1, self.skip)


class CompactNet(nn.Module):
    """A compact network as a module: images ``(B, inputs)`` -> logits ``(B, classes)``.

    Its state: ``pixels``, ``layers.{l}.weight`` (out, in), and ``layers.{l}.skip`` where a skip
    is not simply neuron to neuron; weights are float32, indices int32.

    Weights are kept in float32 and summed in float64: float32 sums would be off by up to 1e-5 at
    logits of 40, which is what a faithful copy must stay within.
    """

    def __init__(self, network: Compact) -> None:
        super().__init__()
        self.shape = network.shape
        self.reads_all = len(network.pixels) == self.shape.inputs
        self.pixels = nn.Buffer(torch.from_numpy(network.pixels.astype(np.int32)))
        layers = zip(network.matrices, network.skips, strict=True)
        self.layers = nn.ModuleList(_CompactLayer(matrix, skip) for matrix, skip in layers)
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.reads_all else x.index_select(1, self.pixels)
        return through_layers(
            x.double(),
            self.shape,
            lambda layer, x: self.layers[layer](x),
            carried=lambda layer, value: self.layers[layer](value, carry=True),
        ).float()
