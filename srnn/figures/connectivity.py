"""The macro network as a drawing: cells, and the particles that connect them (log row 7)."""

import itertools

import networkx as nx
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from srnn.figures.layout import Places, edge_frame, place_nodes, skip_paths
from srnn.figures.style import (
    DIVERGING,
    DRAWN,
    FAINT,
    INK,
    LABELS,
    MUTED,
    PALETTE,
    PAPER,
    blank,
    count,
    line,
    marks,
    note,
    type_label,
)

MOST_EDGES = 20_000
"""More edges than this are not drawn: the strongest are, and the figure says so."""
HOVERED = 3_000
"""Up to this many edges, each says on hovering what it is."""
CROWD = 400
"""Layers with more edges than this are drawn thinner and paler, so that forms can be seen."""
_WIDTHS = (0.6, 1.3, 2.6)


def connectivity_graph(
    graph: nx.DiGraph,
    nodes: pd.DataFrame | None = None,
    *,
    color: str = "type",
    measure: str = "scalar weight",
) -> go.Figure:
    """The macro network, inputs at the left (as an image where their number is a square).

    Args:
        graph: as made by :func:`srnn.analysis.connectivity.macro_graph`.
        nodes: its table of cells, with ``node, isolated``; without it, a cell without any edge
            counts as isolated.
        color: of the edges: ``type``, or ``weight`` (signed, purple to green). Their width grows
            with the absolute weight.
        measure: what the edges' weights are, in words.

    Raises:
        ValueError: unknown colour.
    """
    if color not in ("type", "weight"):
        raise ValueError(f"unknown colour {color!r}; colours: type, weight")
    places = place_nodes(graph)
    figure = blank(
        hovermode="closest",
        height=620,
        margin={"l": 8, "r": 8, "t": 34, "b": 40},
        legend={"itemsizing": "constant"},
        xaxis={"visible": False, "range": [-0.04, 1.06]},
        yaxis={"visible": False, "range": [-0.07, 1.04]},
    )
    x, y = skip_paths(graph, places)
    if len(x):
        form = {"line_shape": "spline", "hoverinfo": "skip"}
        line(figure, x, y, "residual skip", MUTED, "dot", 1, **form)
    notes = _edges(figure, graph, places, color, measure)
    _nodes(figure, graph, places, nodes)
    note(figure, " ".join(notes), y=0, x=0.01, yanchor="top")
    return figure


def _edges(
    figure: go.Figure, graph: nx.DiGraph, places: Places, color: str, measure: str
) -> list[str]:
    every = edge_frame(graph)
    if not len(every):
        text = "No connection of this choice is there."
        note(figure, text, x=0.6, y=0.12, size=15, xanchor="center")
        return ["0 connections."]
    notes = [f"{count(len(every))} connections; width grows with |{measure}|."]
    edges = every.nlargest(MOST_EDGES, "size").sort_index()
    if len(edges) < len(every):
        notes.append(f"Only the {count(MOST_EDGES)} strongest are drawn.")
    known = every["weight"].abs().dropna()
    middle, high, top = np.quantile(known, [0.5, 0.9, 0.99]) if len(known) else (0.0, 0.0, 1.0)
    bins = np.searchsorted((middle, high), edges["size"], side="right")
    layer = places.layer[edges["source"]]
    crowd = np.bincount(layer)[layer] > CROWD
    for name, label, ink, member in _groups(edges, top, color):
        for step, crowded in itertools.product(range(len(_WIDTHS)), (True, False)):
            own = edges[member & (bins == step) & (crowd == crowded)]
            if len(own):
                width = _WIDTHS[step] * (0.7 if crowded else 1)
                pale = (0.45, 0.7, 0.95)[step] * (0.4 if crowded else 1)
                quiet = {"hoverinfo": "skip", "legendgroup": name, "showlegend": False}
                x, y = _segments(places, own)
                line(figure, x, y, color=ink, width=width, opacity=pale, **quiet)
        title = f"{label} ({count(member.sum())})"
        line(figure, [None], [None], title, ink, width=4, legendgroup=name)
    if len(edges) <= HOVERED:
        _hover_points(figure, places, edges, measure)
    return notes


def _groups(edges: pd.DataFrame, top: float, color: str) -> list[tuple[str, str, str, pd.Series]]:
    """``(group, label, colour, mask)`` of the edges that share a colour; later ones on top."""
    weight, half = edges["weight"], 0.5 * top
    if color == "type":
        groups = [(name, LABELS[name], PALETTE[name], edges["type"] == name) for name in DRAWN]
    else:
        signs = (
            ("negative", DIVERGING[1][1], (weight >= -half) & (weight < 0)),
            ("positive", DIVERGING[3][1], (weight >= 0) & (weight < half)),
            ("strongly negative", DIVERGING[0][1], weight < -half),
            ("strongly positive", DIVERGING[4][1], weight >= half),
        )
        groups = [(label, label, ink, member) for label, ink, member in signs]
        groups.append(("unknown", "not finite", PALETTE["divergent"], weight.isna()))
    return [group for group in groups if group[3].any()]


def _segments(places: Places, edges: pd.DataFrame) -> list[np.ndarray]:
    """Lines from source to target, NaN between two of them: their x and y."""
    gap = np.full(len(edges), np.nan, dtype=np.float32)
    return [
        np.stack([place[edges["source"]], place[edges["target"]], gap], axis=1).ravel()
        for place in (places.x, places.y)
    ]


def _hover_points(figure: go.Figure, places: Places, edges: pd.DataFrame, measure: str) -> None:
    """Invisible points along the edges that say, wherever one is pointed at, what it is."""
    text = [
        f"{edge['particle']}<br>{type_label(edge['type'])}, {measure} {edge['weight']:.3g}"
        for edge in edges.to_dict("records")
    ]
    along = np.linspace(0.15, 0.85, 8 if len(edges) <= 800 else 3)[:, None]
    x, y = (
        ((1 - along) * place[edges["source"]] + along * place[edges["target"]]).ravel()
        for place in (places.x, places.y)
    )
    hover = {"text": text * len(along), "hovertemplate": "%{text}<extra></extra>"}
    marks(figure, x, y, size=7, marker_opacity=0, showlegend=False, **hover)


def _nodes(
    figure: go.Figure, graph: nx.DiGraph, places: Places, nodes: pd.DataFrame | None
) -> None:
    degree = np.array([graph.degree(node) for node in range(len(places.x))])
    alone = degree == 0
    if nodes is not None:
        alone = np.zeros(len(degree), dtype=bool)
        alone[nodes["node"].to_numpy()] = nodes["isolated"].to_numpy()
    layer, last = places.layer, int(places.layer.max(initial=0))
    names = [graph.nodes[node]["name"] for node in range(len(degree))]
    text = [
        f"{name}: {count(number)} connections{', isolated' if lost else ''}"
        for name, number, lost in zip(names, degree, alone, strict=True)
    ]
    pixels, cells = layer == 0, layer > 0
    words = ("pixel not read", "pixel read")
    if graph.graph.get("keep") != "survivors":
        words = ("pixel without a connection", "pixel")
    styles = (
        (pixels & (degree == 0), words[0], "square-open", places.pixel, FAINT),
        (pixels & (degree > 0), words[1], "square", places.pixel, MUTED),
        (cells & alone, "isolated cell", "circle-x-open", 15, MUTED),
        (cells & ~alone, "cell", "circle", 15, INK),
    )
    for mask, title, symbol, size, ink in styles:
        own = np.flatnonzero(mask)
        if len(own):
            marks(
                figure,
                places.x[own],
                places.y[own],
                f"{title} ({count(len(own))})",
                ink,
                symbol,
                size,
                edge={"width": 1, "color": PAPER if symbol == "circle" else ink},
                text=[text[index] for index in own],
                hovertemplate="%{text}<extra></extra>",
                showlegend=title != "cell",
            )
    for number in range(last + 1):
        own = np.flatnonzero(layer == number)
        title = (
            "inputs" if number == 0 else "outputs" if number == last else f"cell<br>layer {number}"
        )
        figure.add_annotation(
            x=float(places.x[own].mean()), y=-0.045, text=title, font={"color": MUTED, "size": 13}
        )
    ends = np.flatnonzero(layer == last)
    if len(ends) <= 40:
        figure.add_scatter(
            x=places.x[ends] + 0.02,
            y=places.y[ends],
            mode="text",
            text=[str(graph.nodes[int(node)]["cell"]) for node in ends],
            textposition="middle right",
            textfont={"color": INK},
            hoverinfo="skip",
            showlegend=False,
        )
