"""Parts that the figures of the experiments share: means with their range over seeds."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from srnn.figures.style import INK, MUTED

Place = dict[str, int]
"""``row`` and ``col`` of a subplot; empty for a figure of one plot."""


def mean_line(
    figure: go.Figure,
    table: pd.DataFrame,
    y: str,
    name: str,
    *,
    x: str = "epoch",
    color: str = INK,
    dash: str = "solid",
    scale: float = 1.0,
    place: Place | None = None,
    legend: bool = True,
) -> None:
    """A line of the mean over rows of equal ``x``, and a band from the lowest to the highest."""
    groups = table.groupby(x)[y].agg(["mean", "min", "max"]) * scale
    at, place = groups.index.to_numpy(), place or {}
    if len(table) > len(groups):
        figure.add_scatter(
            x=[*at, *at[::-1]],
            y=[*groups["max"], *groups["min"][::-1]],
            fill="toself",
            fillcolor=color,
            opacity=0.18,
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=name,
            **place,
        )
    figure.add_scatter(
        x=at,
        y=groups["mean"],
        mode="lines",
        name=name,
        line={"color": color, "dash": dash, "width": 2.25},
        legendgroup=name,
        showlegend=legend,
        **place,
    )


def dots(
    figure: go.Figure,
    table: pd.DataFrame,
    value: str,
    group: str,
    *,
    scale: float = 1.0,
    form: str = "{:.1f}",
    color: str | Sequence[str] = INK,
    symbol: str = "circle",
    name: str = "",
    place: Place | None = None,
    notes: Sequence[str] | None = None,
    beside: bool = False,
) -> None:
    """One dot a group at the mean, a line from the lowest to the highest, its number above it, or
    (for signed values that are mostly negative) ``beside`` it on the roomier side."""
    groups = table.groupby(group, sort=False)[value].agg(["mean", "min", "max"]) * scale
    labels = [form.format(mean) for mean in groups["mean"]]
    if "+" in form:
        labels = [label.replace("-", "−") for label in labels]
    if notes is not None:
        gap = "<br>" if beside else "  "
        labels = [f"{one}{gap}{extra}" for one, extra in zip(labels, notes, strict=True)]
    half = groups["min"].min() / 2
    sides = ["middle left" if mean > half else "middle right" for mean in groups["mean"]]
    figure.add_scatter(
        x=groups["mean"],
        y=list(groups.index),
        mode="markers+text",
        text=labels,
        textposition=sides if beside else "top center",
        textfont={"size": 11, "color": MUTED},
        marker={"color": color, "size": 10, "symbol": symbol},
        error_x={
            "type": "data",
            "array": groups["max"] - groups["mean"],
            "arrayminus": groups["mean"] - groups["min"],
            "color": MUTED,
            "thickness": 1.2,
            "width": 3,
        },
        name=name,
        showlegend=bool(name),
        cliponaxis=False,
        **(place or {}),
    )


def log_points(
    figure: go.Figure,
    points: dict[int, float],
    name: str = "the log",
    *,
    scale: float = 1.0,
    place: Place | None = None,
    legend: bool = True,
) -> None:
    """What the log reports, as open diamonds at their epochs."""
    figure.add_scatter(
        x=list(points),
        y=[value * scale for value in points.values()],
        mode="markers",
        marker={"symbol": "diamond-open", "size": 11, "color": INK, "line": {"width": 2}},
        name=name,
        legendgroup=name,
        showlegend=legend,
        **(place or {}),
    )


def two_lines(name: str, note: str) -> str:
    """A label with a smaller second line."""
    return f"{name}<br><span style='font-size:0.8em'>{note}</span>"


def rows_high(figure: go.Figure, rows: int, each: int = 44) -> go.Figure:
    """Give a figure of labelled rows the height that they need, from the top down."""
    figure.update_layout(height=150 + each * rows)
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure
