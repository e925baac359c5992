"""What a MetaNet is, in one picture: a dense network, and one of its connections enlarged.

A drawing, not data: which connections have died or only replicate is chosen for the eye.
"""

from __future__ import annotations

from itertools import pairwise

import plotly.graph_objects as go

from srnn.figures.style import MUTED, blank, type_color, type_label

MACRO = (4, 3, 3, 2)
PARTICLE = (4, 2, 2, 1)
INPUTS = ("weight", "layer", "cell", "position")
DRAWN = {
    "other": (
        (0, 1, 0),
        (0, 2, 1),
        (0, 2, 2),
        (1, 0, 1),
        (1, 1, 1),
        (1, 2, 2),
        (2, 1, 0),
        (2, 2, 1),
    ),
    "identity": ((0, 0, 1), (0, 3, 2), (1, 0, 0), (1, 2, 1), (2, 0, 0)),
}
"""Connections (layer, from, to) of the macro network that are not zero."""
CHOSEN = (1, 1, 1)
"""The connection that is enlarged."""

Point = tuple[float, float]


def schematic() -> go.Figure:
    """The picture; light and dark follow from the template, the colours are the types'."""
    macro = _cells(MACRO, left=0.3, right=3.9)
    particle = _cells(PARTICLE, left=6.6, right=8.7)
    figure = blank()
    drawn = {edge: kind for kind, edges in DRAWN.items() for edge in edges}
    ways: dict[str, list[tuple[Point, Point]]] = {"zero": [], "identity": [], "other": []}
    for layer, (before, after) in enumerate(pairwise(macro)):
        for start, one in enumerate(before):
            for end, other in enumerate(after):
                ways[drawn.get((layer, start, end), "zero")].append((one, other))
    for kind, lines in ways.items():
        dash = "dot" if kind == "zero" else "solid"
        line = {"color": type_color(kind), "width": 1 if kind == "zero" else 2.5, "dash": dash}
        figure.add_trace(_lines(lines, line, type_label(kind)))
    inside = [
        (one, other) for before, after in pairwise(particle) for one in before for other in after
    ]
    figure.add_trace(_lines(inside, {"color": type_color("other"), "width": 1.5}, None))
    for cells, size in ((macro, 15), (particle, 10)):
        points = [point for layer in cells for point in layer]
        marker = {"size": size, "color": MUTED, "line": {"width": 0}}
        figure.add_trace(_dots(points, marker))
    _lens(figure, macro)
    _words(figure, particle)
    hidden = {"visible": False, "fixedrange": True}
    figure.update_layout(
        height=340,
        xaxis=hidden | {"range": [-0.2, 10.4]},
        yaxis=hidden | {"range": [-0.6, 4.7]},
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "x": 0, "y": 0, "yanchor": "bottom", "title": {"text": ""}},
        hovermode=False,
    )
    return figure


def _cells(sizes: tuple[int, ...], left: float, right: float) -> list[list[Point]]:
    step = (right - left) / (len(sizes) - 1)
    return [
        [(left + layer * step, 2.3 + (size - 1) / 2 - index) for index in range(size)]
        for layer, size in enumerate(sizes)
    ]


def _lines(lines: list[tuple[Point, Point]], line: dict, name: str | None) -> go.Scatter:
    x = [value for one, other in lines for value in (one[0], other[0], None)]
    y = [value for one, other in lines for value in (one[1], other[1], None)]
    return go.Scatter(x=x, y=y, mode="lines", line=line, name=name, showlegend=name is not None)


def _dots(points: list[Point], marker: dict) -> go.Scatter:
    x, y = zip(*points, strict=True)
    return go.Scatter(x=x, y=y, mode="markers", marker=marker, showlegend=False)


def _lens(figure: go.Figure, macro: list[list[Point]]) -> None:
    """Two dotted lines from the chosen connection to the frame around the particle."""
    layer, start, end = CHOSEN
    one, other = macro[layer][start], macro[layer + 1][end]
    middle = ((one[0] + other[0]) / 2, (one[1] + other[1]) / 2)
    ways = [(middle, (5.1, corner)) for corner in (0.5, 4.1)]
    figure.add_trace(_lines(ways, {"color": MUTED, "width": 1, "dash": "dot"}, None))
    line = {"color": MUTED, "width": 1}
    figure.add_shape(type="rect", x0=5.1, x1=10.3, y0=0.5, y1=4.1, line=line)


def _words(figure: go.Figure, particle: list[list[Point]]) -> None:
    common = {"showarrow": False, "font": {"size": 13}}
    for text, (x, y) in zip(INPUTS, particle[0], strict=True):
        figure.add_annotation(x=x - 0.2, y=y, text=text, xanchor="right", **common)
    x, y = particle[-1][0]
    figure.add_annotation(x=x + 0.2, y=y, text="new weight", xanchor="left", **common)
    figure.add_annotation(x=2.1, y=4.35, text="<b>MetaNet</b>", yanchor="bottom", **common)
    title = "<b>One connection is one particle</b>"
    figure.add_annotation(x=7.7, y=4.35, text=title, yanchor="bottom", **common)
    text = "a replicator answers with its own weights"
    figure.add_annotation(x=7.7, y=0.25, text=text, yanchor="top", **common)
