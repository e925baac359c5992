"""Figures of the rows that look at runs over their epochs: 1, 7, 11, 13, 14."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from srnn.figures.experiments_parts import log_points, mean_line
from srnn.figures.style import COLUMNS, DASHES, INK, LABELS, MUTED, PALETTE, TYPES, blank, template

Tables = dict[str, pd.DataFrame]

LOG_REPLICATORS = {1: 1450.0, 6: 1240.0, 200: 1165.0}
LOG_OTHER = {200: 353.0}
LOG_ACCURACY = {6: 0.56, 200: 0.645}
LOG_RESIDUAL = {"with": {1: 0.69, 6: 0.875, 200: 0.918}, "without": {31: 0.87, 200: 0.905}}


def panels(columns: int, titles: tuple[str, ...], **options: object) -> go.Figure:
    """Empty panels side by side in the common template."""
    figure = make_subplots(rows=1, cols=columns, subplot_titles=titles, **options)
    figure.update_layout(template=template(), height=COLUMNS["double"][1], legend={"y": 1.12})
    figure.update_layout(margin={"t": 70})
    return figure


def from_first_epoch(table: pd.DataFrame) -> pd.DataFrame:
    """Without the untrained network, which has no place on a logarithmic axis."""
    return table[table["epoch"] > 0]


def log_epochs(figure: go.Figure, last: float) -> None:
    """Logarithmic epoch axes, alike in all panels: most happens in the first few."""
    ticks = [1, 2, 5, 10, 20, 50, 100, 200, 500]
    ends = [-0.05, float(np.log10(last)) + 0.05]
    figure.update_xaxes(title="Epoch (logarithmic)", type="log", tickvals=ticks, range=ends)


def types(tables: Tables) -> go.Figure:
    """Row 1: particles of each type over the epochs, at the log's epsilon."""
    table = tables["types"]
    table = from_first_epoch(table[(table["epsilon"] - 1e-5).abs() < 1e-12])
    figure = blank(hovermode="x unified")
    for name in TYPES:
        if table[name].any():
            mean_line(figure, table, name, LABELS[name], color=PALETTE[name], dash=DASHES[name])
    log_epochs(figure, table["epoch"].max())
    figure.update_yaxes(title="Particles", rangemode="tozero")
    return figure


def thinning(tables: Tables) -> go.Figure:
    """Row 7: connections that are left over the epochs, and the share left in every layer."""
    whole, layers = (from_first_epoch(tables[name]) for name in ("thinning", "layers"))
    figure = panels(2, ("the whole network", "by layer"), horizontal_spacing=0.12)
    for column, name, dash in (
        ("alive", "not zero", "dot"),
        ("survivors", "survivors", "solid"),
        ("unread_pixels", "pixels no longer read", "dash"),
    ):
        mean_line(figure, whole, column, name, dash=dash, place={"row": 1, "col": 1})
    styles = ("solid", "dot", "dash", "dashdot", "longdash", "longdashdot")
    for layer, part in layers.groupby("layer"):
        mean_line(
            figure,
            part,
            "share",
            f"layer {layer}",
            color=MUTED if layer else INK,
            dash=styles[int(layer) % len(styles)],
            scale=100,
            place={"row": 1, "col": 2},
        )
    log_epochs(figure, whole["epoch"].max())
    figure.update_yaxes(title="Connections, pixels", rangemode="tozero", col=1)
    figure.update_yaxes(title="Survivors (% of the layer)", range=[0, 101], col=2)
    return figure


def main_run(tables: Tables) -> go.Figure:
    """Row 11: counts and accuracy over the epochs, with what the log reports."""
    records = from_first_epoch(tables["records"])
    big = int(records["epoch"].max()) >= 200
    figure = panels(2, ("particles", "accuracy"), horizontal_spacing=0.12)
    one, two = {"row": 1, "col": 1}, {"row": 1, "col": 2}
    lines = {
        "replicators": ("zero + identity", PALETTE["identity"]),
        "other": ("other", PALETTE["other"]),
    }
    for column, (name, color) in lines.items():
        mean_line(figure, records, column, name, color=color, place=one)
    mean_line(figure, records, "test_accuracy", "test accuracy", scale=100, place=two)
    if big:
        log_points(figure, LOG_REPLICATORS, place=one)
        log_points(figure, LOG_OTHER, place=one, legend=False)
        log_points(figure, LOG_ACCURACY, scale=100, place=two, legend=False)
    log_epochs(figure, records["epoch"].max())
    figure.update_yaxes(title="Particles", rangemode="tozero", col=1)
    figure.update_yaxes(title="Test accuracy (%)", range=[0, 100], col=2)
    return figure


def longer(tables: Tables) -> go.Figure:
    """Row 13: accuracy and counts of the continued run; where it was continued."""
    records = tables["records"]
    figure = panels(2, ("particles", "accuracy"), horizontal_spacing=0.12)
    one, two = {"row": 1, "col": 1}, {"row": 1, "col": 2}
    for column, name in (("zero", "zero"), ("identity", "identity"), ("other", "other")):
        style = {"color": PALETTE[column], "dash": DASHES[column]}
        mean_line(figure, records, column, name, place=one, **style)
    mean_line(figure, records, "test_accuracy", "test accuracy", scale=100, place=two)
    start = float(tables["equality"]["continued_at"].iloc[0])
    for place in (one, two):
        figure.add_vline(x=start, line={"color": MUTED, "width": 1, "dash": "dot"}, **place)
    figure.add_annotation(
        x=start, y=1, xref="x2", yref="y2 domain", text=" continued here", xanchor="left"
    )
    figure.update_xaxes(title="Epoch")
    figure.update_yaxes(title="Particles", rangemode="tozero", col=1)
    figure.update_yaxes(title="Test accuracy (%)", col=2)
    return figure


def residual(tables: Tables) -> go.Figure:
    """Row 14: with and without residual skips side by side, on the same axes."""
    records = from_first_epoch(tables["records"])
    last = int(records["epoch"].max())
    figure = make_subplots(
        rows=2,
        cols=2,
        shared_xaxes=True,
        shared_yaxes=True,
        subplot_titles=("with residual skips", "without"),
        horizontal_spacing=0.06,
        vertical_spacing=0.08,
    )
    figure.update_layout(template=template(), height=560, legend={"y": 1.1}, margin={"t": 80})
    for col, kind in ((1, "with"), (2, "without")):
        part, legend = records[records["residual"] == kind], col == 1
        top, low = {"row": 1, "col": col}, {"row": 2, "col": col}
        mean_line(
            figure, part, "test_accuracy", "test accuracy", scale=100, place=top, legend=legend
        )
        if last >= 200:
            log_points(figure, LOG_RESIDUAL[kind], scale=100, place=top, legend=legend)
        for column, name in (("replicators", "zero + identity"), ("other", "other")):
            color = PALETTE["identity" if column == "replicators" else column]
            mean_line(figure, part, column, name, color=color, place=low, legend=legend)
    log_epochs(figure, records["epoch"].max())
    figure.update_xaxes(title="", row=1)
    figure.update_yaxes(title="Test accuracy (%)", row=1, col=1)
    figure.update_yaxes(title="Particles", row=2, col=1)
    return figure
