"""Soups: the film of one, its lives, its attacks, and soups like it; where weights end."""

from __future__ import annotations

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
    blank,
    message,
    type_scale,
)  # fmt: skip
from srnn.vocabulary import TYPES

DEEP = ("identity", "divergent")
"""Types whose colour is so deep that letters on it are in the paper's."""
MOST_FRAMES = 150
"""More pictures than this are too many for a browser: a longer film leaves some out."""


def film(
    places: np.ndarray, codes: np.ndarray, attacked: np.ndarray, share: float, wounds: Sequence[int]
) -> go.Figure:
    """A soup in motion: its particles in the plane of two principal components, with the attacks of
    the step as lines, over its census.

    ``places (T + 1, P, 2)``, ``codes (T + 1, P)``, ``attacked (T, P)``; ``share`` of the variance
    in the plane; steps of ``wounds``.
    """
    last, size = len(codes) - 1, codes.shape[1]
    if last < 1:
        return message("The soup has not made a step yet.")
    figure = blank(showlegend=True)
    figure.update_layout(height=620)
    shown = [code for code in range(len(TYPES)) if (codes == code).any()]
    counts = np.stack([(codes == code).sum(1) for code in shown])
    for code, line in zip(shown, counts, strict=True):
        name = TYPES[code]
        figure.add_scatter(
            x=np.arange(last + 1),
            y=line,
            yaxis="y2",
            xaxis="x2",
            mode="lines",
            line={"color": PALETTE[name], "width": 2.5, "dash": DASHES[name]},
            showlegend=False,
            name=LABELS[name],
            hovertemplate="step %{x}: %{y} " + LABELS[name] + "<extra></extra>",
        )
    for step in wounds:
        figure.add_shape(
            type="line", xref="x2", yref="y2", x0=step, x1=step, y0=0, y1=size,
            line={"color": MUTED, "width": 1, "dash": "dot"},
        )  # fmt: skip
    trail = _trail(places, slice(0, last + 1))
    figure.add_scatter(
        **trail, mode="lines", line={"color": FAINT, "width": 1}, showlegend=False, hoverinfo="skip"
    )
    fixed = len(figure.data)
    for trace in _picture(places, codes, attacked, last, size, shown):
        figure.add_trace(trace)
    moving = list(range(fixed, len(figure.data)))
    steps = sorted({*range(0, last + 1, -(-last // MOST_FRAMES)), last})
    figure.frames = [
        go.Frame(
            name=str(step),
            data=_picture(places, codes, attacked, step, size, shown),
            traces=moving,
        )
        for step in steps
    ]
    reach = np.nanmax(np.abs(places)) * 1.08 if np.isfinite(places).any() else 1
    plane = f"First component (plane: {100 * share:.0f} % of the variance)"
    figure.update_layout(
        xaxis={"title": plane, "anchor": "y", "range": [-reach, reach]},
        yaxis={"title": "Second", "domain": [0.44, 1], "range": [-reach, reach]},
        xaxis2={"title": "Step", "anchor": "y2", "range": [-0.5, last + 0.5]},
        yaxis2={"title": "Particles", "domain": [0.06, 0.3], "range": [-0.04 * size, 1.05 * size]},
        sliders=[_slider(steps)],
        updatemenus=[_buttons()],
        margin={"b": 110},
    )  # fmt: skip
    return figure


def _trail(places: np.ndarray, steps: slice) -> dict[str, Any]:
    """Paths of all particles, one after the other with gaps between."""
    rows = places[steps].transpose(1, 0, 2)
    gap = np.full((len(rows), 1, 2), np.nan)
    x, y = np.concatenate([rows, gap], 1).reshape(-1, 2).T
    return {"x": x, "y": y}


def _picture(
    places: np.ndarray, codes: np.ndarray, attacked: np.ndarray, step: int, size: int, shown: list
) -> list[go.Scatter]:
    """What moves: the last steps' paths, the step's attacks, the particles, the clock's hand."""
    lines: dict[str, Any] = {"x": [], "y": []}
    if step and (attacked[step - 1] >= 0).any():
        attackers = np.flatnonzero(attacked[step - 1] >= 0)
        both = np.stack([attackers, attacked[step - 1, attackers]])
        lines = _trail(places[step][both], slice(None))
    traces = [
        go.Scatter(
            **_trail(places, slice(max(0, step - 10), step + 1)), mode="lines", hoverinfo="skip",
            line={"color": MUTED, "width": 1}, opacity=0.6, showlegend=False,
        ),
        go.Scatter(
            **lines, mode="lines", line={"color": INK, "width": 1.5, "dash": "dot"},
            name="attack", hoverinfo="skip", showlegend=True,
        ),
    ]  # fmt: skip
    for code in shown:
        own = np.flatnonzero(codes[step] == code)
        x, y = places[step, own].T
        name = TYPES[code]
        dot = {"size": 11, "color": PALETTE[name], "line": {"color": INK, "width": 0.75}}
        traces.append(
            go.Scatter(
                x=x, y=y, mode="markers", name=LABELS[name], text=[f"{p}" for p in own],
                marker=dot, hovertemplate="particle %{text}<extra>" + LABELS[name] + "</extra>",
            )
        )  # fmt: skip
    hand = {"x": [step, step], "y": [-0.04 * size, 1.05 * size]}
    traces.append(
        go.Scatter(
            **hand, xaxis="x2", yaxis="y2", mode="lines", line={"color": INK, "width": 1},
            hoverinfo="skip", showlegend=False,
        )
    )  # fmt: skip
    return traces


def _slider(steps: list[int]) -> dict:
    now = {
        "mode": "immediate",
        "frame": {"duration": 0, "redraw": False},
        "transition": {"duration": 0},
    }
    return {
        "active": len(steps) - 1,
        "steps": [
            {"label": str(step), "method": "animate", "args": [[str(step)], now]} for step in steps
        ],
        "currentvalue": {"prefix": "step ", "xanchor": "right"},
        "x": 0.16, "len": 0.84, "y": -0.06, "pad": {"t": 18, "b": 0}, "ticklen": 0,
        "minorticklen": 0,
        "font": {"size": 12}, "bgcolor": FAINT, "bordercolor": FAINT, "activebgcolor": MUTED,
        "tickcolor": "rgba(0,0,0,0)",
    }  # fmt: skip


def _buttons() -> dict:
    play = {
        "frame": {"duration": 90, "redraw": False},
        "transition": {"duration": 80},
        "fromcurrent": True,
        "mode": "immediate",
    }
    stop = {"frame": {"duration": 0, "redraw": False}, "mode": "immediate"}
    return {
        "type": "buttons", "direction": "left", "x": 0, "xanchor": "left", "y": -0.1,
        "yanchor": "top", "pad": {"t": 8, "r": 8}, "showactive": False, "bordercolor": MUTED,
        "font": {"color": MUTED},
        "buttons": [
            {"label": "Play", "method": "animate", "args": [None, play]},
            {"label": "Stop", "method": "animate", "args": [[None], stop]},
        ],
    }  # fmt: skip


def life_lines(codes: np.ndarray, lives: pd.DataFrame) -> go.Figure:
    """Type of every place in the soup at every step, ``codes (T + 1, P)``; a cross where a particle
    died and a newborn took its place (``lives`` with ``place, died``)."""
    figure = blank(showlegend=False)
    figure.update_layout(height=140 + 14 * min(codes.shape[1], 30))
    figure.add_heatmap(
        z=codes.T,
        colorscale=type_scale(),
        zmin=-0.5,
        zmax=len(TYPES) - 0.5,
        showscale=False,
        text=np.array([LABELS[name] for name in TYPES])[codes.T],
        hovertemplate="step %{x}, place %{y}: %{text}<extra></extra>",
    )
    dead = lives[lives["died"] >= 0]
    figure.add_scatter(
        x=dead["died"], y=dead["place"], mode="markers", hoverinfo="skip",
        marker={"symbol": "x-thin", "size": 6, "line": {"color": INK, "width": 1.5}},
    )  # fmt: skip
    figure.update_xaxes(title="Step")
    figure.update_yaxes(title="Place in the soup", autorange="reversed", showgrid=False)
    return figure


def attack_graph(graph: nx.DiGraph) -> go.Figure:
    """Who attacked whom, on a circle: nodes with ``type``, edges with ``count``: the more,
    the thicker."""
    if not graph.number_of_edges():
        return message("Nobody attacked anybody.")
    figure = blank()
    figure.update_layout(height=520)
    places = nx.circular_layout(graph)
    most = max(count for *_, count in graph.edges(data="count"))
    worst = max(number for _, number in graph.in_degree(weight="count"))
    strengths = sorted({count for *_, count in graph.edges(data="count")})
    for strength in strengths:
        lines: dict[str, list] = {"x": [], "y": []}
        for p, q, count in graph.edges(data="count"):
            if count == strength and p != q:
                bend = 0.82 * (places[p] + places[q]) / 2
                t = np.linspace(0, 1, 14)[:, None]
                curve = (1 - t) ** 2 * places[p] + 2 * t * (1 - t) * bend + t**2 * places[q]
                lines["x"] += [*curve[:-1, 0], None]
                lines["y"] += [*curve[:-1, 1], None]
        figure.add_scatter(
            **lines, mode="lines", hoverinfo="skip", showlegend=False,
            line={"color": MUTED, "width": 0.5 + 2 * strength / most},
            opacity=0.15 + 0.5 * strength / most,
        )  # fmt: skip
    for name in TYPES:
        own = [p for p, kind in graph.nodes(data="type") if kind == name]
        if own:
            degrees = [(graph.out_degree(p, "count"), graph.in_degree(p, "count")) for p in own]
            sizes = [16 + 16 * into / worst for _, into in degrees]
            figure.add_scatter(
                x=[places[p][0] for p in own],
                y=[places[p][1] for p in own],
                mode="markers+text",
                text=[str(p) for p in own],
                textposition="middle center",
                textfont={"size": 10, "color": PAPER if name in DEEP else INK},
                customdata=degrees,
                name=LABELS[name],
                marker={"color": PALETTE[name], "size": sizes},
                hovertemplate="particle %{text}: attacked %{customdata[0]} times, was attacked "
                "%{customdata[1]} times<extra></extra>",
            )  # fmt: skip
    figure.update_xaxes(visible=False, range=[-1.2, 1.2], scaleanchor="y")
    figure.update_yaxes(visible=False, range=[-1.2, 1.2])
    return figure


def soups(counts: np.ndarray, published: float | None, size: int) -> go.Figure:
    """Identities at the end of many soups of one kind, ``(S,)``, the published figure beside."""
    figure = blank(showlegend=False)
    figure.update_layout(height=300)
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
    figure = blank(showlegend=not by_time)
    figure.update_layout(height=560)
    axis = np.linspace(-span, span, len(codes))
    if by_time:
        figure.add_heatmap(
            z=np.minimum(taken, 20).astype(np.uint8), x=axis, y=axis, colorscale=SEQUENTIAL,
            colorbar={"title": {"text": "Steps"}, "thickness": 12},
            hovertemplate="%{z} self-applications<extra></extra>",
        )  # fmt: skip
    else:
        figure.add_heatmap(
            z=codes.astype(np.uint8), x=axis, y=axis, colorscale=type_scale(), zmin=-0.5,
            zmax=len(TYPES) - 0.5, showscale=False, hoverinfo="skip",
        )  # fmt: skip
        for code in np.unique(codes):
            figure.add_scatter(
                x=[None], y=[None], mode="markers", name=f"ends {LABELS[TYPES[code]]}",
                marker={"color": PALETTE[TYPES[code]], "size": 12, "symbol": "square"},
            )  # fmt: skip
    figure.update_xaxes(title="Along a first direction", scaleanchor="y", constrain="domain")
    figure.update_yaxes(title="Along a second", constrain="domain", showgrid=False)
    return figure


def against_published(table: pd.DataFrame, x_title: str, y_title: str) -> go.Figure:
    """What came out beside the published figures: ``setting, obtained, sd, published`` (numbers);
    a band of one standard deviation between units; the settings on a logarithmic axis."""
    figure = blank()
    figure.update_layout(height=340)
    x = table["setting"]
    low, high = table["obtained"] - table["sd"], table["obtained"] + table["sd"]
    figure.add_scatter(
        x=[*x, *x[::-1]], y=[*low, *high[::-1]], fill="toself", fillcolor=FAINT, mode="lines",
        line={"width": 0}, name="one sd between units", hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(x=x, y=table["obtained"], mode="lines", line={"color": INK}, name="here")
    figure.add_scatter(
        x=x, y=table["published"], mode="markers", name="published",
        marker={"color": INK, "symbol": "circle-open", "size": 9, "line": {"width": 2}},
    )  # fmt: skip
    figure.update_xaxes(title=x_title, type="log", dtick=1, exponentformat="power")
    figure.update_yaxes(title=y_title, rangemode="tozero")
    return figure
