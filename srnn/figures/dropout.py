"""The dropout test as bars: what is lost when a type is dropped (log row 2)."""

import math
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from srnn.figures.style import (
    DRAWN,
    LABELS,
    MUTED,
    PALETTE,
    REPLICATOR,
    blank,
    count,
    message,
    percent,
    points,
    round_step,
)


def dropout_bars(test: pd.DataFrame) -> go.Figure:
    """Signed change of accuracy, one bar per row: ``type, count, accuracy, difference`` (fractions
    of 1). Types without particles are named, without a bar."""
    if not len(test):
        return message("Nothing has been dropped.")
    rank = {name: place for place, name in enumerate(DRAWN)}
    table = test.sort_values("type", key=lambda names: names.map(rank), kind="stable")
    rows: list[Any] = list(table.itertuples(index=False))
    figure = blank(showlegend=False, height=90 + 58 * len(rows), margin={"l": 110})
    names = [
        f"{LABELS.get(row.type, row.type)}<br><span style='font-size:0.85em'>"
        f"{count(row.count)} dropped</span>"
        for row in rows
    ]
    values = [row.difference * 100 for row in rows]
    text = [
        f"{points(row.difference)}<br>to {percent(row.accuracy)}" if row.count else "none there"
        for row in rows
    ]
    colors = PALETTE | {"replicators": REPLICATOR}
    figure.add_bar(
        y=names,
        x=values,
        orientation="h",
        marker_color=[colors.get(row.type, MUTED) for row in rows],
        width=0.62,
        hoverinfo="skip",
    )
    for name, value, label in zip(names, values, text, strict=True):
        figure.add_annotation(
            x=max(value, 0), y=name, xanchor="left", text=label, xshift=6, align="left"
        )
    low, high = min(*values, 0.0), max(*values, 0.0)
    span = max(high - low, 1e-3)
    step = round_step(span, 5)
    figure.add_vline(x=0, line={"color": MUTED, "width": 1})
    figure.update_xaxes(
        title="Change of accuracy (pp)",
        range=[low - 0.04 * span, high + 0.42 * span],
        tickvals=[
            round(index * step, 9) for index in range(math.ceil(low / step), int(high / step) + 1)
        ],
    )
    return figure.update_yaxes(autorange="reversed", showgrid=False, ticks="", showline=False)


def dropout_layers(test: pd.DataFrame) -> go.Figure:
    """The dropout test per layer: ``layer, type, count, difference``; bars of the types that are
    there, side by side."""
    present = [name for name in DRAWN if (test[test["type"] == name]["count"] > 0).any()]
    if not present:
        return message("No layer has a particle to drop.")
    figure = blank(barmode="group")
    for name in present:
        rows = test[test["type"] == name]
        figure.add_bar(
            x=[f"layer {layer}" for layer in rows["layer"]],
            y=rows["difference"].to_numpy() * 100,
            name=LABELS[name],
            marker_color=PALETTE[name],
            customdata=rows["count"].to_numpy(),
            hovertemplate="%{x}: %{y:+.2f} pp, %{customdata:,} dropped",
        )
    figure.add_hline(y=0, line={"color": MUTED, "width": 1})
    figure.update_xaxes(title="Weight layer (0 reads the input)")
    figure.update_yaxes(title="Change of test accuracy (pp)")
    return figure
