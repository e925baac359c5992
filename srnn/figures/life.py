"""Soups: the film of one, its lives, its attacks, and soups like it; where weights end."""

from collections.abc import Sequence
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from srnn.figures.style import (
    DASHES,
    FAINT,
    INK,
    LABELS,
    MUTED,
    PALETTE,
    PAPER,
    SEQUENTIAL,
    TYPE_IMAGE,
    blank,
    key,
    line,
    log_axis,
    marks,
    message,
)
from srnn.vocabulary import TYPES

DEEP = ("identity", "divergent")
"""Types whose colour is so deep that letters on it are in the paper's."""
MOST_WAYS = 300
"""Particles whose ways are drawn."""


def film(
    places: np.ndarray, codes: np.ndarray, step: int, share: float, wounds: Sequence[int]
) -> go.Figure:
    """A soup at a step in the plane of two principal components, with the ways that led there,
    over its census: ``places (T + 1, P, 2)``, ``codes (T + 1, P)``; ``share`` of the variance in
    the plane; steps of ``wounds``."""
    last, size = len(codes) - 1, codes.shape[1]
    figure = blank(showlegend=True, height=620)
    ways = np.concatenate([places[: step + 1], np.full((1, size, 2), np.nan)])[:, :MOST_WAYS]
    x, y = ways.transpose(2, 1, 0).reshape(2, -1)
    line(figure, x, y, color=FAINT, width=1, showlegend=False, hoverinfo="skip")
    below = {"xaxis": "x2", "yaxis": "y2", "showlegend": False}
    for code in [code for code in range(len(TYPES)) if (codes == code).any()]:
        name, own = TYPES[code], np.flatnonzero(codes[step] == code)
        label, color, dot = LABELS[name], PALETTE[name], 11 if size < 200 else 5
        hover = {"hovertemplate": "particle %{text}<extra>" + label + "</extra>"}
        x, y = places[step, own].T
        marks(figure, x, y, label, color, size=dot, text=[str(p) for p in own], **hover)
        counts = (codes == code).sum(1)
        line(figure, np.arange(last + 1), counts, label, color, DASHES[name], 2.5, **below)
    for at, dash in ((step, "solid"), *((at, "dot") for at in wounds)):
        figure.add_shape(
            type="line", xref="x2", yref="y2", x0=at, x1=at, y0=0, y1=size,
            line={"color": MUTED, "width": 1, "dash": dash},
        )  # fmt: skip
    plane = f"First component (plane: {100 * share:.0f} % of the variance)"
    figure.update_layout(
        xaxis={"title": plane, "anchor": "y"},
        yaxis={"title": "Second", "domain": [0.42, 1]},
        xaxis2={"title": "Step", "anchor": "y2", "range": [-0.5, last + 0.5]},
        yaxis2={"title": "Particles", "domain": [0, 0.26], "range": [-0.04 * size, 1.05 * size]},
    )
    return figure


def life_lines(codes: np.ndarray, lives: pd.DataFrame) -> go.Figure:
    """Type of every place in the soup at every step, ``codes (T + 1, P)``; a cross where a particle
    died and a newborn took its place (``lives`` with ``place, died``)."""
    figure = blank(showlegend=False, height=140 + 14 * min(codes.shape[1], 30))
    hover = {"hovertemplate": "step %{x}, place %{y}: %{text}<extra></extra>"}
    text = np.array([LABELS[name] for name in TYPES])[codes.T]
    figure.add_heatmap(z=codes.T, text=text, **hover, **TYPE_IMAGE)
    dead = lives[lives["died"] >= 0]
    cross = {"symbol": "x-thin", "size": 6, "edge": {"color": INK, "width": 1.5}}
    marks(figure, dead["died"], dead["place"], hoverinfo="skip", **cross)
    figure.update_xaxes(title="Step")
    figure.update_yaxes(title="Place in the soup", autorange="reversed", showgrid=False)
    return figure


def attack_graph(graph: nx.DiGraph) -> go.Figure:
    """Who attacked whom, on a circle: nodes with ``type``, edges with ``count``: the more,
    the thicker."""
    if not graph.number_of_edges():
        return message("Nobody attacked anybody.")
    figure = blank(height=520)
    places = nx.circular_layout(graph)
    most = max(count for *_, count in graph.edges(data="count"))
    worst = max(number for _, number in graph.in_degree(weight="count"))
    for strength in sorted({count for *_, count in graph.edges(data="count")}):
        x, y = [], []
        for p, q, count in graph.edges(data="count"):
            if count == strength and p != q:
                bend = 0.82 * (places[p] + places[q]) / 2
                t = np.linspace(0, 1, 14)[:, None]
                curve = (1 - t) ** 2 * places[p] + 2 * t * (1 - t) * bend + t**2 * places[q]
                x += [*curve[:-1, 0], None]
                y += [*curve[:-1, 1], None]
        quiet = {"opacity": 0.15 + 0.5 * strength / most, "hoverinfo": "skip", "showlegend": False}
        line(figure, x, y, color=MUTED, width=0.5 + 2 * strength / most, **quiet)
    for name in TYPES:
        own = [p for p, kind in graph.nodes(data="type") if kind == name]
        if own:
            degrees = [(graph.out_degree(p, "count"), graph.in_degree(p, "count")) for p in own]
            sizes = [16 + 16 * into / worst for _, into in degrees]
            x, y = np.array([places[p] for p in own]).T
            marks(
                figure, x, y, LABELS[name], PALETTE[name], size=sizes,
                mode="markers+text",
                text=[str(p) for p in own],
                textposition="middle center",
                textfont={"size": 10, "color": PAPER if name in DEEP else INK},
                customdata=degrees,
                hovertemplate="particle %{text}: attacked %{customdata[0]} times, was attacked "
                "%{customdata[1]} times<extra></extra>",
            )  # fmt: skip
    figure.update_xaxes(visible=False, range=[-1.2, 1.2], scaleanchor="y")
    return figure.update_yaxes(visible=False, range=[-1.2, 1.2])


def soups(counts: np.ndarray, published: float | None, size: int) -> go.Figure:
    """Identities at the end of many soups of one kind, ``(S,)``, the published figure beside."""
    figure = blank(showlegend=False, height=300)
    values, times = np.unique(counts, return_counts=True)
    figure.add_bar(x=values, y=times, marker_color=PALETTE["identity"], width=0.8,
                   hovertemplate="%{x} identities: %{y} soups<extra></extra>")  # fmt: skip
    lines = [(float(counts.mean()), "here", "solid")]
    if published is not None:
        lines.append((published, "published", "dash"))
    for order, (x, name, dash) in enumerate(sorted(lines)):
        left = order == 0 and len(lines) > 1  # labels stand apart, one on each side
        figure.add_vline(x=x, line={"color": INK, "width": 1.5, "dash": dash})
        figure.add_annotation(
            x=x, y=1.0, yref="paper", yanchor="bottom", text=f"{name} {x:.1f}", showarrow=False,
            xanchor="right" if left else "left", xshift=-4 if left else 4,
        )  # fmt: skip
    figure.update_xaxes(title="Identities at the end of a soup", range=[-0.6, size + 0.6])
    figure.update_yaxes(title="Soups")
    return figure


def slice_figure(codes: np.ndarray, taken: np.ndarray, span: float, by_time: bool) -> go.Figure:
    """A slice of weight space coloured by where its points end (types), or by how many
    self-applications it took, ``(points, points)`` each."""
    figure = blank(showlegend=not by_time, height=560)
    axis = np.linspace(-span, span, len(codes))
    if by_time:
        figure.add_heatmap(
            z=np.minimum(taken, 20).astype(np.uint8), x=axis, y=axis, colorscale=SEQUENTIAL,
            colorbar={"title": {"text": "Steps"}, "thickness": 12},
            hovertemplate="%{z} self-applications<extra></extra>",
        )  # fmt: skip
    else:
        codes = codes.astype(np.uint8)
        figure.add_heatmap(z=codes, x=axis, y=axis, hoverinfo="skip", **TYPE_IMAGE)
        for code in np.unique(codes):
            key(figure, f"ends {LABELS[TYPES[code]]}", PALETTE[TYPES[code]])
    figure.update_xaxes(title="Along a first direction", scaleanchor="y", constrain="domain")
    figure.update_yaxes(title="Along a second", constrain="domain", showgrid=False)
    return figure


def robustness_boxes(
    trials: dict[float, np.ndarray], published: dict[float, tuple], part: int
) -> go.Figure:
    """Steps of noisy clones by noise, ``trials[noise] (clones, 2)``, as boxes; ``part`` 0: until
    zero or divergence, 1: as fixpoint. The published means beside."""
    figure = blank(showlegend=True, height=340)
    names = [f"{noise:.0e}".replace("e-0", "e−").replace("e+00", "e0") for noise in trials]
    quantiles = np.stack([np.quantile(one[:, part], (0.25, 0.5, 0.75)) for one in trials.values()])
    ends = np.stack([np.quantile(one[:, part], (0.05, 0.95)) for one in trials.values()])
    figure.add_box(
        x=names, q1=quantiles[:, 0], median=quantiles[:, 1], q3=quantiles[:, 2],
        lowerfence=ends[:, 0], upperfence=ends[:, 1],
        mean=[one[:, part].mean() for one in trials.values()],
        boxmean=True, name="here (whiskers: 5 to 95 %)", line={"color": INK, "width": 1.5},
        fillcolor="rgba(0,0,0,0)",
    )  # fmt: skip
    told = [published[noise][part] for noise in trials]
    marks(figure, names, told, "published mean", symbol="diamond")
    figure.update_xaxes(title="Noise on the replicator's weights", type="category")
    title = ("Steps until zero or divergence", "Steps as fixpoint")[part]
    figure.update_yaxes(title=title, rangemode="tozero")
    return figure


def clones_figure(table: pd.DataFrame, sheet: float) -> go.Figure:
    """How far from their parent clones end (``after``) that began at ``before``, by ``fate``; a
    line where the share ``sheet`` of the distance is left."""
    figure = blank(showlegend=True, height=420)
    symbols = {"back": "circle", "elsewhere": "circle-open", "lost": "x-thin-open"}
    for fate, own in table.groupby("fate"):
        name = str(fate)
        marks(figure, own["before"], own["after"], name, symbol=symbols[name], size=6)
    ends = np.array([table["before"].min(), table["before"].max()])
    line(figure, ends, sheet * ends, f"{sheet:.3f} of it", MUTED, "dot", 1.5)
    for axes, title in (
        (figure.update_xaxes, "Distance of the clone from its parent"),
        (figure.update_yaxes, "After retraining"),
    ):
        axes(title=title, type="log", exponentformat="power", dtick=1)
    return figure


def curves(x: Any, lines: dict[Any, Any], x_title: str, y_title: str, log: bool) -> go.Figure:
    """Some lines over one axis, told apart by their dashes."""
    figure = blank(showlegend=True, height=380)
    for (name, y), dash in zip(lines.items(), ("solid", "dash", "dot", "dashdot"), strict=False):
        line(figure, x, y, name, dash=dash, mode="lines+markers", marker={"size": 5})
    figure.update_xaxes(title=x_title)
    scale = log_axis([*lines.values()]) if log else {}
    figure.update_yaxes(title=y_title, **scale)
    return figure


def fertility_figure(table: pd.DataFrame) -> go.Figure:
    """Generations that replicate in a row, a column ``noise ...`` each, against ``radius``."""
    figure = blank(showlegend=True, height=380)
    for name, symbol in zip(table.columns[1:], ("circle", "diamond", "square", "x"), strict=False):
        marks(figure, table["radius"], table[name], name, symbol=f"{symbol}-open", size=7)
    figure.update_xaxes(title="Spectral radius of the self-application's Jacobian", type="log")
    figure.update_yaxes(title="Generations that still replicate")
    return figure
