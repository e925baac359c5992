"""The curves of a training while it goes, in Altair, which updates a chart in place.

The finished figures, for paper, are Plotly's (``srnn.figures``); these are for watching.
"""

import altair as alt
import pandas as pd

from srnn.figures.style import INK, themed_color, type_color, type_label
from srnn.vocabulary import TYPES
from ui.charts import dark

EPOCH = alt.X("epoch:Q", title="Epoch", axis=alt.Axis(grid=False, tickMinStep=1))
ORDER = ["before", "this run"]
PALE = "#AEB6C2"
"""Ink of the run before, under the one that goes."""
DECADES = alt.Axis(format=".0e", values=[10.0**power for power in range(-30, 31, 2)])
ABOVE = alt.Legend(orient="top", title=None, labelLimit=0, symbolType="stroke")
SQUARES = alt.Legend(orient="top", title=None, labelLimit=0, symbolType="square")


def loss_curves(rows: pd.DataFrame, earlier: pd.DataFrame | None = None) -> alt.Chart:
    """Replication and task loss on one log axis, over those of an earlier run; a loss of zero has
    no place there."""
    names = {"replication_loss": "Self-replication × alpha", "task_loss": "Task"}
    table = _both(rows, earlier, names)
    y = alt.Y("value:Q", title="Loss", scale=alt.Scale(type="log"), axis=DECADES)
    return _lines(table[table["value"] > 0], list(names.values()), y)


def accuracy_curves(rows: pd.DataFrame, earlier: pd.DataFrame | None = None) -> alt.Chart:
    """Training and test accuracy, in percent, over those of an earlier run."""
    names = {"train_accuracy": "Training", "test_accuracy": "Test"}
    scale = alt.Scale(domain=[0, 1])
    y = alt.Y("value:Q", title="Accuracy", scale=scale, axis=alt.Axis(format=".0%"))
    return _lines(_both(rows, earlier, names), list(names.values()), y)


def type_areas(rows: pd.DataFrame) -> alt.Chart:
    """Particles of every type, stacked: the whole is the network."""
    names = {name: type_label(name) for name in TYPES if rows[name].any()}
    table, labels = _long(rows, names), list(names.values())
    table["order"] = table["series"].map(labels.index)
    colors = alt.Scale(domain=labels, range=[type_color(name, dark()) for name in names])
    return (
        alt.Chart(table)
        .mark_area(opacity=1)
        .encode(
            x=EPOCH,
            y=alt.Y("value:Q", title="Particles", stack="zero"),
            color=alt.Color("series:N", legend=SQUARES, scale=colors),
            order="order:Q",
            tooltip=["epoch", "series", "value"],
        )
    )


def _long(rows: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """One row per epoch and series; what is not known is left out."""
    table = rows.melt("epoch", list(names), var_name="series").dropna()
    table["value"] = table["value"].astype(float)
    table["series"] = table["series"].map(names)
    return table


def _both(rows: pd.DataFrame, earlier: pd.DataFrame | None, names: dict[str, str]) -> pd.DataFrame:
    table = _long(rows, names).assign(which="this run")
    if earlier is None:
        return table
    return pd.concat([_long(earlier, names).assign(which="before"), table], ignore_index=True)


def _lines(table: pd.DataFrame, series: list[str], y: alt.Y) -> alt.Chart:
    """Lines that differ by their dashes: colour is for types."""
    dashes = alt.Scale(domain=series, range=[[1, 0], [5, 3]])
    inks = [themed_color(color, dark()) for color in (PALE, INK)]
    return (
        alt.Chart(table)
        .mark_line(strokeWidth=1.8)
        .encode(
            x=EPOCH,
            y=y,
            color=alt.Color("which:N", legend=None, scale=alt.Scale(domain=ORDER, range=inks)),
            strokeDash=alt.StrokeDash("series:N", legend=ABOVE, scale=dashes, sort=series),
            tooltip=["epoch", "series", "value"],
        )
    )
