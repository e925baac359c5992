"""Figures of the rows that compare networks: 9, 12, 15, 16, 17."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from srnn.figures.experiments_parts import dots, rows_high, two_lines
from srnn.figures.experiments_runs import Tables, panels
from srnn.figures.style import INK, MUTED, PALETTE


def structures(tables: Tables) -> go.Figure:
    """Row 9: accuracy of the MetaNet and its rivals; trained numbers and connections kept."""
    return _ranking(
        tables["comparison"], "{parameters:,.0f} trained, {connections:,.0f} connections"
    )


def baselines(tables: Tables) -> go.Figure:
    """Row 15: accuracy of the MetaNet and of dense networks; their weights and neurons."""
    note = "{parameters:,.0f} weights, {neurons:,.0f} neurons, epochs: {epochs:.0f}"
    return _ranking(tables["baselines"], note)


def _ranking(table: pd.DataFrame, note: str) -> go.Figure:
    means = table.groupby("network", sort=False).mean(numeric_only=True)
    labels = {name: two_lines(str(name), note.format(**row)) for name, row in means.iterrows()}
    figure = panels(1, ("",))
    named = table.assign(label=table["network"].map(labels))
    dots(figure, named, "accuracy", "label", scale=100, form="{:.1f} %")
    figure.update_xaxes(title="Test accuracy (%)", range=[0, 105])
    return rows_high(figure, len(means), 48)


def sizes(tables: Tables) -> go.Figure:
    """Row 12: accuracy and share of replicators and zeros, per variant."""
    return _shares(tables["sizes"], "variant")


def goals(tables: Tables) -> go.Figure:
    """Row 16: the same, per goal."""
    return _shares(tables["goals"], "goal")


def _shares(table: pd.DataFrame, group: str) -> go.Figure:
    figure = panels(1, ("",))
    dots(
        figure,
        table,
        "accuracy",
        group,
        scale=100,
        form="{:.1f}",
        name="test accuracy",
    )
    dots(
        figure,
        table,
        "replicator_share",
        group,
        scale=100,
        form="{:.0f}",
        color=PALETTE["identity"],
        symbol="square",
        name="zero + identity",
    )
    figure.update_xaxes(title="%", range=[0, 105])
    return rows_high(figure, table[group].nunique())


def speed(tables: Tables) -> go.Figure:
    """Row 17: time of a step pair in units of a plain dense step, per engine and h."""
    table = tables["speed"]
    figure = panels(1, ("",))
    for (h, part), symbol in zip(table.groupby("h"), ("circle", "square"), strict=False):
        dots(
            figure,
            part,
            "to_plain",
            "variant",
            form="{:.3g}",
            name=f"h = {h}",
            symbol=symbol,
            color=INK if symbol == "circle" else MUTED,
        )
    figure.update_xaxes(title="Time of a step pair (plain dense step = 1)", type="log", dtick=1)
    return rows_high(figure, table["variant"].nunique())
