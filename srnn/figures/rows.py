"""Parts that the figures of the experiments share: means with their range over seeds, and claims
with their tolerance, real and placebo beside each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from srnn.figures.epochs import axis, positions
from srnn.figures.style import (
    COLUMNS,
    DASHES,
    FAINT,
    INK,
    LABELS,
    MUTED,
    PALETTE,
    TYPES,
    band,
    line,
    marks,
    message,
    subplots,
)

Place = dict[str, int]
"""``row`` and ``col`` of a subplot; empty for a figure of one plot."""
Tables = dict[str, pd.DataFrame]


def panels(columns: int, titles: tuple[str, ...] = ("",), **options: object) -> go.Figure:
    """Empty panels side by side in the common template."""
    options = {"horizontal_spacing": 0.12, **options}
    figure = subplots(1, columns, subplot_titles=titles, **options)
    return figure.update_layout(height=COLUMNS["double"][1], legend={"y": 1.12}, margin={"t": 70})


@dataclass(frozen=True)
class Line:
    """A line of a figure over epochs: the mean of a column over seeds, how it is drawn, and what
    the log reports of it, by epoch."""

    table: pd.DataFrame
    column: str
    name: str
    color: str = INK
    dash: str = "solid"
    scale: float = 1.0
    log: dict[int, float] | None = None


def typed(table: pd.DataFrame, *names: str) -> list[Line]:
    """Lines of particle types that occur, in their colours."""
    return [
        Line(table, name, LABELS[name], PALETTE[name], DASHES[name])
        for name in names or TYPES
        if table[name].any()
    ]


def courses(panels: Sequence[tuple[str, str, Sequence[Line]]]) -> go.Figure:
    """Lines over the epochs (epoch 0 included) in panels, two beside each other: title, vertical
    title, lines. A vertical title in percent means an axis from 0 to 100."""
    high = -(-len(panels) // 2)
    titles = [title for title, _, _ in panels]
    gaps = {"horizontal_spacing": 0.14, "vertical_spacing": 0.12}
    figure = subplots(high, 2, subplot_titles=titles, **gaps)
    shown: set[str] = set()
    for index, (_, label, lines) in enumerate(panels):
        place, top = {"row": index // 2 + 1, "col": index % 2 + 1}, 0.0
        for one in lines:
            mean_line(figure, one, place, legend=one.name not in shown)
            shown.add(one.name)
            values = [one.table[one.column].max()]
            if one.log and one.table["epoch"].max() >= max(one.log):
                told = [one.scale * value for value in one.log.values()]
                how: dict[str, Any] = {"symbol": "diamond-open", "size": 11, "edge": {"width": 2}}
                how |= {"legendgroup": "the log", "showlegend": "the log" not in shown, **place}
                marks(figure, list(one.log), told, "the log", cliponaxis=False, **how)
                shown.add("the log")
                values += one.log.values()
            top = max(top, one.scale * max(values))
        ends = [-2, 102] if label.endswith("(%)") else [-0.02 * top, 1.05 * (top or 1)]
        first = index % 2 == 0 or label != panels[index - 1][1]
        figure.update_yaxes(title=label if first else None, range=ends, **place)
        figure.update_xaxes(axis(np.unique(lines[0].table["epoch"])), **place)
        if place["row"] < high:
            figure.update_xaxes(title="", **place)
    legend = {"y": 1.02 + 0.1 / high}
    return figure.update_layout(height=300 * high + 120, legend=legend, margin={"t": 80})


def mean_line(
    figure: go.Figure,
    one: Line,
    place: Place,
    *,
    x: str = "epoch",
    legend: bool = True,
    log_epochs: bool = True,
) -> None:
    """A line of the mean over rows of equal ``x``, and a band from the lowest to the highest."""
    groups = one.table.groupby(x)[one.column].agg(["mean", "min", "max"]) * one.scale
    at = groups.index.to_numpy(dtype=float)
    if log_epochs:
        at = positions(at)
    more: dict[str, Any] = {"legendgroup": one.name, **place}
    if len(one.table) > len(groups):
        band(figure, at, groups["min"], groups["max"], one.color, opacity=0.18, **more)
    line(figure, at, groups["mean"], one.name, one.color, one.dash, 2.25, showlegend=legend, **more)


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
    position: str = "top center",
) -> None:
    """One dot a group at the mean, a line from the lowest to the highest, and its number;
    ``position`` ``beside`` is for signed values: the roomier side."""
    groups = table.groupby(group, sort=False)[value].agg(["mean", "min", "max"]) * scale
    labels = [form.format(round(mean, 6) + 0.0) for mean in groups["mean"]]
    if "+" in form:
        labels = [label.replace("-", "−") for label in labels]
    if notes is not None:
        gap = "<br>" if position == "beside" else "  "
        labels = [f"{one}{gap}{extra}" for one, extra in zip(labels, notes, strict=True)]
    half = groups["min"].min() / 2
    sides = ["middle left" if mean > half else "middle right" for mean in groups["mean"]]
    text: dict[str, Any] = {"text": labels, "textfont": {"size": 11, "color": MUTED}}
    text["textposition"] = sides if position == "beside" else position
    reach = {"array": groups["max"] - groups["mean"], "arrayminus": groups["mean"] - groups["min"]}
    text["error_x"] = {**reach, "color": MUTED, "thickness": 1.2, "width": 3}
    more = {"mode": "markers+text", "showlegend": bool(name), "cliponaxis": False, **(place or {})}
    marks(figure, groups["mean"], list(groups.index), name, color, symbol, 10, **text, **more)


def rows_high(figure: go.Figure, rows: int, each: int = 44) -> go.Figure:
    """Give a figure of labelled rows the height that they need, from the top down."""
    figure.update_layout(height=150 + each * rows)
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure


def ranking(table: pd.DataFrame, note: str) -> go.Figure:
    """Test accuracy (column ``accuracy``, 0..1) by arm, each with a note of its mean columns."""
    means = table.groupby("arm", sort=False).mean(numeric_only=True)
    small = "{}<br><span style='font-size:0.8em'>{}</span>".format
    labels = {name: small(name, note.format(**row)) for name, row in means.iterrows()}
    figure = panels(1)
    named = table.assign(label=table["arm"].map(labels))
    dots(figure, named, "accuracy", "label", scale=100, form="{:.1f} %")
    figure.update_xaxes(title="Test accuracy (%)", range=[0, 105])
    return rows_high(figure, len(means), 48)


def shares(columns: dict[str, tuple[str, str, str]]) -> Callable[[Tables], go.Figure]:
    """The figure of shares (0..1) by arm, a symbol per column: ``column: (name, colour,
    symbol)``."""

    def figure(tables: Tables) -> go.Figure:
        table, drawn = tables["numbers"], panels(1)
        for index, (column, (name, color, symbol)) in enumerate(columns.items()):
            style: dict[str, Any] = {"color": color, "symbol": symbol, "name": name, "scale": 100}
            side = "bottom center" if index else "top center"
            dots(drawn, table, column, "arm", position=side, form="{:.0f}", **style)
        drawn.update_xaxes(title="%", range=[0, 105])
        return rows_high(drawn, table["arm"].nunique())

    return figure


def claims(tables: Tables) -> go.Figure:
    """Every claim on an axis of its own: its tolerance as a bar, the mean over seeds with its
    interval, real (filled) and on the placebo (open)."""
    table = tables["claims"]
    table = table[table["here_mean"].notna() | table["placebo_mean"].notna()]
    if not len(table):
        return message("No claim has a number.")
    names = [f"{row['claim']}:<br>{row['here']}" for _, row in table.iterrows()]
    figure = subplots(len(table), subplot_titles=names, vertical_spacing=0.55 / len(names))
    for index, (_, row) in enumerate(table.iterrows()):
        ends = [row[f"{kind}_{end}"] for kind in ("here", "placebo") for end in ("low", "high")]
        seen = np.array([row["here_mean"], row["placebo_mean"], row["low"], row["high"], *ends])
        seen = seen[np.isfinite(seen)]
        pad = max(1e-9, float(np.ptp(seen))) * 0.08
        left, right = float(seen.min()) - pad, float(seen.max()) + pad
        place = {"row": index + 1, "col": 1}
        for kind, symbol in (("here", "circle"), ("placebo", "circle-open")):
            mean = row[f"{kind}_mean"]
            error = {
                "array": [np.nan_to_num(row[f"{kind}_high"] - mean)],
                "arrayminus": [np.nan_to_num(mean - row[f"{kind}_low"])],
                "color": MUTED,
            }
            more = {"error_x": error, "showlegend": False, **place}
            marks(figure, [mean], [kind], symbol=symbol, size=10, **more)
        figure.add_vrect(  # after its points: plotly draws none into an empty panel
            max(left, row["low"]), min(right, row["high"]),
            fillcolor=FAINT, line_width=0, layer="below", **place,
        )  # fmt: skip
        figure.update_xaxes(range=[left, right], **place)
    figure.update_yaxes(range=[-0.6, 1.6])
    figure.update_annotations(font_size=12)
    return figure.update_layout(height=80 + 110 * len(table), margin={"t": 50, "l": 80})
