"""The macro network as a graph: which connections survive, which cells they reach (log row 7).

A replicator hardly takes part in the task; the others are the *survivors*. Cells are nodes,
particles are edges. Residual skips carry activations without a particle: they are no edges, but
count as ways when it is asked which cells are still reached.
"""

from collections.abc import Sequence

import networkx as nx
import numpy as np
import pandas as pd

from srnn.analysis.collapse import scalars
from srnn.analysis.types import typed_particles
from srnn.metanet import MacroShape
from srnn.vocabulary import TYPES, is_replicator

SURVIVORS, ALL = "survivors", "all"
CHOICES = (SURVIVORS, ALL, *TYPES)
"""What a graph can be restricted to."""


def select(codes: np.ndarray, keep: str = SURVIVORS) -> np.ndarray:
    """Mask of the particles to keep: ``survivors``, ``all``, or one type's name.

    Raises:
        ValueError: unknown choice.
    """
    if keep == SURVIVORS:
        return ~is_replicator(codes)
    if keep == ALL:
        return np.ones(codes.shape, dtype=bool)
    if keep not in TYPES:
        raise ValueError(f"unknown choice {keep!r}; choices: {', '.join(CHOICES)}")
    return codes == TYPES.index(keep)


def edge_table(weights: np.ndarray, codes: np.ndarray, shape: MacroShape) -> pd.DataFrame:
    """One row per particle: ``particle, layer, cell, input, type, weight, source, target``.

    ``weights`` are ``(n, P)``, or scalar weights ``(P,)``; ``source`` and ``target`` are node
    numbers, counted from the input layer on.

    Raises:
        ValueError: codes or weights do not fit the shape.
    """
    scalar = scalars(weights) if weights.ndim == 2 else np.asarray(weights, dtype=np.float32)
    if scalar.shape != (shape.particles,):
        raise ValueError(f"scalar weights of shape {scalar.shape}: expected ({shape.particles},)")
    table = typed_particles(codes, shape)
    first = np.concatenate([[0], np.cumsum(shape.sizes)])
    table["weight"] = scalar.astype(np.float64)
    layer = table["layer"].to_numpy()
    table["source"] = first[layer] + table["input"].to_numpy()
    table["target"] = first[layer + 1] + table["cell"].to_numpy()
    return table


def node_name(layer: int, cell: int, shape: MacroShape) -> str:
    """``input 17``, ``layer 2 cell 3`` or ``output 7``; layer 0 holds the inputs."""
    if layer == 0:
        return f"input {cell}"
    return f"output {cell}" if layer == shape.depth else f"layer {layer} cell {cell}"


def macro_graph(
    weights: np.ndarray, codes: np.ndarray, shape: MacroShape, keep: str = SURVIVORS
) -> nx.DiGraph:
    """The macro network as a directed graph of all cells and the chosen particles.

    Nodes are whole numbers with ``name, layer, cell`` (layer 0: the inputs); edges carry
    ``particle, type, weight`` (the scalar weight) and ``layer`` (the particle's, from 0).
    All attributes are text or numbers, so every networkx writer takes the graph. An edge's weight
    is left out where the particle has diverged. ``graph.graph`` keeps, as text, ``sizes``,
    ``keep``, ``residual`` and the ``skips`` (``1-2``: node layer 1 is added to node layer 2).

    Args:
        weights: ``(n, P)``, or scalar weights ``(P,)``.
        codes: type codes ``(P,)``.
        keep: ``survivors``, ``all`` or a type.

    Raises:
        ValueError: unknown choice, or codes or weights do not fit the shape.
    """
    table = edge_table(weights, codes, shape)[select(codes, keep)]
    skips = [(shape.skip(layer), layer + 1) for layer in range(shape.depth)]
    graph = nx.DiGraph(
        sizes="-".join(map(str, shape.sizes)),
        keep=keep,
        residual=shape.residual,
        skips=" ".join(f"{start}-{end}" for start, end in skips if start is not None),
    )
    graph.add_nodes_from(_cells(shape).to_dict("index").items())
    columns = ["source", "target", "particle", "type", "layer", "weight"]
    for edge in table[columns].to_dict("records"):
        if not np.isfinite(edge["weight"]):
            del edge["weight"]
        graph.add_edges_from([(edge.pop("source"), edge.pop("target"), edge)])
    return graph


def _cells(shape: MacroShape) -> pd.DataFrame:
    """``name, layer, cell`` of every cell, the inputs' layer first."""
    cells = [(layer, cell) for layer, size in enumerate(shape.sizes) for cell in range(size)]
    rows = [(node_name(layer, cell, shape), layer, cell) for layer, cell in cells]
    return pd.DataFrame(rows, columns=["name", "layer", "cell"])


def graphml(graph: nx.DiGraph) -> bytes:
    """The graph as a GraphML file (UTF-8), for Gephi, Cytoscape, yEd or ``networkx``."""
    return "\n".join(nx.generate_graphml(graph)).encode()


def node_table(mask: np.ndarray, shape: MacroShape) -> pd.DataFrame:
    """What the kept particles ``(P,)`` bool leave of every cell.

    Columns: ``node, name, layer, cell``; ``reached``, a kept way (skips included) leads here from
    an input; ``leads``, one leads from here to an output; ``isolated``, one of the two is missing:
    the cell cannot take part.
    """
    reached, leads = map(np.concatenate, ways(mask, shape))
    table = _cells(shape).assign(reached=reached, leads=leads, isolated=~(reached & leads))
    return table.reset_index(names="node")


def ways(mask: np.ndarray, shape: MacroShape) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Which cells of every cell layer a kept way (skips included) reaches from an input, and from
    which one leads to an output: kept particles ``(P,)`` bool -> two lists of bool arrays."""
    matrices = shape.split(mask)
    reached: list[np.ndarray] = [np.ones(shape.inputs, dtype=bool)]
    for layer, matrix in enumerate(matrices):
        here = (matrix & reached[layer]).any(1)
        source = shape.skip(layer)
        reached.append(here if source is None else here | reached[source])
    leads = [np.zeros(size, dtype=bool) for size in shape.sizes]
    leads[-1][:] = True
    for layer in reversed(range(shape.depth)):
        leads[layer] |= (matrices[layer] & leads[layer + 1][:, None]).any(0)
        source = shape.skip(layer)
        if source is not None:
            leads[source] |= leads[layer + 1]
    return reached, leads


def connections_per_pixel(mask: np.ndarray, shape: MacroShape) -> np.ndarray:
    """Kept connections that leave every input pixel: ``(P,)`` bool -> ``(inputs,)``; 0 means that
    the pixel is no longer read."""
    return shape.split(mask)[0].sum(0)


def survivors_per_layer(
    codes: np.ndarray, shape: MacroShape, epochs: Sequence[int]
) -> pd.DataFrame:
    """Surviving connections per snapshot and layer: codes ``(T, P)`` -> ``epoch, layer,
    connections, survivors, share`` (of the layer's connections, 0..1)."""
    alive = ~is_replicator(codes)
    rows = [
        (epoch, layer, part.size, int(part.sum()))
        for epoch, whole in zip(epochs, alive, strict=True)
        for layer, part in enumerate(shape.split(whole))
    ]
    frame = pd.DataFrame(rows, columns=["epoch", "layer", "connections", "survivors"])
    frame["share"] = frame["survivors"] / frame["connections"]
    return frame


def thinning(codes: np.ndarray, shape: MacroShape, epochs: Sequence[int]) -> pd.DataFrame:
    """How the network thins out, per snapshot: codes ``(T, P)`` -> ``epoch, survivors,
    unread_pixels, isolated_cells``.

    Isolated cells are counted among hidden and output cells; unread pixels are inputs that no
    surviving connection leaves.
    """
    rows = []
    for epoch, alive in zip(epochs, ~is_replicator(codes), strict=True):
        nodes = node_table(alive, shape)
        inner = nodes["layer"] > 0
        unread = int((connections_per_pixel(alive, shape) == 0).sum())
        rows.append((epoch, int(alive.sum()), unread, int((nodes["isolated"] & inner).sum())))
    return pd.DataFrame(rows, columns=["epoch", "survivors", "unread_pixels", "isolated_cells"])
