"""Attributions: how relevance is shared out among the types, and what a digit's pixels add."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from srnn.figures.rows import panels
from srnn.figures.style import DIVERGING, LABELS, PALETTE, SEQUENTIAL, TYPES, template


def relevance_shares(shares: pd.DataFrame) -> go.Figure:
    """Share of particles and of relevance by type: ``h, type, particle_share, relevance_share``."""
    figure = panels(1, ("",))
    _relevance(figure, shares, {"row": 1, "col": 1})
    figure.update_layout(height=260, margin={"l": 150, "b": 36, "t": 40})
    return figure


def attribution_images(digits: pd.DataFrame, method: str) -> go.Figure:
    """Mean digits over their attributions: ``digit, pixel, mean`` and a column per method."""
    count = digits["digit"].nunique()
    figure = make_subplots(rows=2, cols=count, horizontal_spacing=0.008, vertical_spacing=0.06)
    _digits(figure, digits, method, first=1)
    figure.update_layout(template=template(), height=260, margin={"l": 96, "b": 16, "t": 16})
    return figure


def _relevance(figure: go.Figure, shares: pd.DataFrame, place: dict[str, int]) -> None:
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
                **place,
            )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(ticksuffix=" %", range=[0, 100], **place)


def _digits(figure: go.Figure, digits: pd.DataFrame, method: str, first: int) -> None:
    """Two rows of images from row ``first`` on; every other axis of the figure stays as it is."""
    top = float(digits[method].abs().max()) or 1.0
    for digit, part in digits.groupby("digit"):
        side = round(len(part) ** 0.5)
        high = side if side * side == len(part) else 1
        for row, column, scale in (
            (first, "mean", {"colorscale": SEQUENTIAL, "zmin": 0, "zmax": 1}),
            (first + 1, method, {"colorscale": DIVERGING, "zmin": -top, "zmax": top}),
        ):
            image = part[column].to_numpy().reshape(high, -1)
            place = {"row": row, "col": int(str(digit)) + 1}
            figure.add_heatmap(z=image, showscale=False, hoverinfo="skip", **place, **scale)
            figure.update_xaxes(visible=False, **place)
            figure.update_yaxes(visible=False, autorange="reversed", **place)
    for row, text in ((first, "mean digit"), (first + 1, "attribution")):
        axis = next(figure.select_yaxes(row=row, col=1)).plotly_name.removeprefix("yaxis")
        figure.add_annotation(
            x=-0.01, xref="paper", y=0.5, yref=f"y{axis} domain", text=text, xanchor="right"
        )
