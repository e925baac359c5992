"""Explaining answers: who contributes to them, and what they are before and after pruning."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from srnn.figures.rows import panels
from srnn.figures.style import (
    DIVERGING,
    INK,
    LABELS,
    MUTED,
    PALETTE,
    PAPER,
    SEQUENTIAL,
    TYPES,
    blank,
    message,
    subplots,
)


def relevance_shares(shares: pd.DataFrame) -> go.Figure:
    """Share of particles and of relevance by type: ``h, type, particle_share, relevance_share``."""
    figure = panels(1)
    bars = [
        (f"h = {h}: {what}", column, part)
        for h, part in shares.groupby("h", sort=False)
        for what, column in (
            ("share of relevance", "relevance_share"),
            ("share of particles", "particle_share"),
        )
    ]
    for name in TYPES:
        values = [100 * part[part["type"] == name][column].mean() for _, column, part in bars]
        if max(values) > 0:
            figure.add_bar(
                x=values,
                y=[label for label, _, _ in bars],
                orientation="h",
                name=LABELS[name],
                marker_color=PALETTE[name],
            )
    figure.update_xaxes(ticksuffix=" %", range=[0, 100])
    return figure.update_layout(barmode="stack", height=260, margin={"l": 150, "b": 36, "t": 40})


def attribution_images(digits: pd.DataFrame, method: str) -> go.Figure:
    """Mean digits over their attributions: ``digit, pixel, mean`` and a column per method. The
    strongest hundredth of the pixels has the full colour, or all others would be pale."""
    count = digits["digit"].nunique()
    figure = subplots(2, count, horizontal_spacing=0.008, vertical_spacing=0.06)
    top = float(np.nanquantile(digits[method].abs(), 0.99, method="higher")) or 1.0
    rows = (
        ("mean", "mean digit", {"colorscale": SEQUENTIAL, "zmin": 0, "zmax": 1}),
        (method, "attribution", {"colorscale": DIVERGING, "zmin": -top, "zmax": top}),
    )
    for row, (column, text, scale) in enumerate(rows, start=1):
        for place, (_, part) in enumerate(digits.groupby("digit"), start=1):
            side = round(len(part) ** 0.5)
            high = side if side * side == len(part) else 1
            image = part[column].to_numpy().reshape(high, -1)
            at = {"row": row, "col": place}
            figure.add_heatmap(z=image, showscale=False, hoverinfo="skip", **at, **scale)
        beside = {"x": -0.01, "xref": "paper", "xanchor": "right"}
        first = "y domain" if row == 1 else f"y{count + 1} domain"  # there is no y1
        figure.add_annotation(text=text, y=0.5, yref=first, **beside)
    figure.update_xaxes(visible=False).update_yaxes(visible=False, autorange="reversed")
    return figure.update_layout(height=260, margin={"l": 96, "b": 16, "t": 16})


def answer_bars(table: pd.DataFrame) -> go.Figure:
    """Probability of every class, two bars each: ``class, before, after`` (0..1)."""
    if not len(table):
        return message("No class to answer with.")
    figure = blank(barmode="group", bargap=0.25, height=300)
    for column, name, marker in (
        ("before", "before pruning", {"color": INK}),
        ("after", "after pruning", {"color": PAPER, "line": {"color": MUTED, "width": 1.5}}),
    ):
        figure.add_bar(
            x=table["class"].to_numpy(),
            y=100 * table[column].to_numpy(),
            name=name,
            marker=marker,
            hovertemplate="class %{x}: %{y:.1f} %",
        )
    figure.update_xaxes(title="Class", dtick=1 if len(table) <= 20 else None)
    figure.update_yaxes(title="Probability (%)", range=[0, 100])
    return figure
