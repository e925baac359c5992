"""Where the cells of a macro network stand in a drawing, and its edges as arrays."""

from dataclasses import dataclass

import networkx as nx
import numpy as np
import pandas as pd

IMAGE_WIDTH = 0.3
"""Share of the drawing's width that an image of input pixels takes."""


@dataclass(frozen=True)
class Places:
    """Position of every node, ``(nodes,)`` each, in 0..1; its layer; the pixels' size in px."""

    x: np.ndarray
    y: np.ndarray
    layer: np.ndarray
    pixel: float


def place_nodes(graph: nx.DiGraph) -> Places:
    """Layers from left to right, cells from top to bottom. Inputs whose number is a square, of at
    least 16, stand as an image, row by row."""
    layer = np.array([graph.nodes[node]["layer"] for node in range(len(graph))])
    x, y = np.zeros(len(graph)), np.zeros(len(graph))
    last, pixel = int(layer.max(initial=1)), 6.0
    inputs = int((layer == 0).sum())
    side = round(inputs**0.5)
    image = side * side == inputs and side >= 4
    left = IMAGE_WIDTH + 0.14 if image else 0.0
    for number in range(last + 1):
        own = np.flatnonzero(layer == number)
        if number == 0 and image:
            row, column = np.divmod(np.arange(inputs), side)
            x[own] = column / (side - 1) * IMAGE_WIDTH
            y[own] = 0.78 - row / (side - 1) * 0.56
            pixel = max(2.0, min(11.0, 150 / side))  # apart also in a narrow window
            continue
        start = 1 if image else 0
        x[own] = left + (number - start) / max(1, last - start) * (1 - left)
        reach = min(1.0, 0.12 * max(1, len(own) - 1)) if number else 1.0
        steps = np.linspace(0.5 + reach / 2, 0.5 - reach / 2, len(own)) if len(own) > 1 else [0.5]
        y[own] = np.asarray(steps) * 0.94 + 0.03
    return Places(x.astype(np.float32), y.astype(np.float32), layer, pixel)


def edge_frame(graph: nx.DiGraph) -> pd.DataFrame:
    """A row per edge: ``source, target`` (node numbers), ``particle, type, weight`` (scalar weight;
    NaN if not finite) and ``size``, its amount (infinite then)."""
    columns = ["source", "target", "particle", "type", "weight"]
    table = nx.to_pandas_edgelist(graph).reindex(columns=columns).astype({"weight": float})
    return table.assign(size=table["weight"].abs().fillna(np.inf))


def skip_paths(graph: nx.DiGraph, places: Places) -> tuple[np.ndarray, np.ndarray]:
    """Arcs of the residual skips, NaN between two of them. ``graph.graph['skips']`` lists the
    layers they lead from and to, as in ``1-2 2-3``."""
    x, y = [], []
    for pair in str(graph.graph.get("skips", "")).split():
        start, end = (int(number) for number in pair.split("-"))
        for source, target in zip(
            np.flatnonzero(places.layer == start), np.flatnonzero(places.layer == end), strict=True
        ):
            middle = (places.y[source] + places.y[target]) / 2 + 0.03
            x += [places.x[source], (places.x[source] + places.x[target]) / 2, places.x[target]]
            y += [places.y[source], middle, places.y[target]]
            x.append(np.nan)
            y.append(np.nan)
    return np.array(x, dtype=np.float32), np.array(y, dtype=np.float32)
