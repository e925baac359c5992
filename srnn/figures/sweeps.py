"""Figures of many runs: phase maps, bands over seeds, parallel coordinates, the Pareto front.

All take a sweep's table, one row a run: the fields of its configuration, the measures, and why it
``stopped``. A cell of a map, and a point of a band, is a mean over seeds; the independent unit is
the run. What a run that diverged left behind is no outcome of its settings: it is in no mean, and a
map marks where it was.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.interpolate import LinearNDInterpolator

from srnn.analysis.contour import SURE, Contour
from srnn.figures import style
from srnn.figures.style import INK, MUTED, PAPER, SEQUENTIAL, band, blank, message, note
from srnn.statistics import estimate, front_of

FINE = 80
"""Cells along each side of an interpolated map."""

SHARES = ("test_accuracy", "replicator_share", "settled_replicator_share")
"""Measures that are drawn in percent."""

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
WORDS = {
    "test_accuracy": "test accuracy",
    "replicator_share": "replicators",
    "settled_replicator_share": "replicators, settled",
    "drop_cost": "drop cost",
    "settled_drop_cost": "drop cost, settled",
    "dead_outputs": "dead outputs",
    "neurons": "neurons (h)",
    "lr": "learning rate",
    "second_order": "second-order",
}
UNITS = {"drop_cost": "points", "settled_drop_cost": "points", "dead_outputs": "cells"}


def words(name: str) -> str:
    """What a field or a measure is called on an axis, with its unit."""
    unit = "%" if name in SHARES else UNITS.get(name, "")
    return WORDS.get(name, name.replace("_", " ")) + (f" ({unit})" if unit else "")


def scaled(values: pd.Series) -> pd.Series:
    """A measure as it is drawn: shares in percent."""
    return values * 100 if values.name in SHARES else values


def numeric(values: pd.Series) -> bool:
    """Whether a field can be an axis."""
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def spans_decades(values: Iterable[float]) -> bool:
    """Whether a field's values are better drawn by ratios: all above 0, over a decade or more.

    >>> spans_decades([1, 10]), spans_decades([0, 10]), spans_decades([2, 8])
    (True, False, False)
    """
    return min(values) > 0 and max(values) / min(values) >= 10


def finished(table: pd.DataFrame) -> pd.DataFrame:
    """The runs that reached their last epoch."""
    return table[table["stopped"] == ""]


def phase_map(
    table: pd.DataFrame,
    x: str,
    y: str,
    measure: str,
    level: float | None = None,
    marks: Sequence[tuple[float, float, str]] = (),
) -> go.Figure:
    """A measure over two fields: a heat map of the means over seeds, with contours. Where the runs
    are no grid, values are interpolated between them, and every run is a dot.

    ``level`` (in the measure's own unit) is drawn as a smooth contour with a band of 95 %
    (:mod:`srnn.analysis.contour`) in place of all others, or it is said that the runs show none;
    ``marks`` are points to name: ``(x, y, text)``. Settings of which no run could be measured stay
    empty; where runs diverged there is a cross, a large one if all did.
    """
    whole, diverged = finished(table), table["stopped"] != ""
    cells = whole.assign(value=scaled(whole[measure])).groupby([x, y], as_index=False)[["value"]]
    means = cells.mean().dropna()
    if len(means) < 2 or means[x].nunique() < 2 or means[y].nunique() < 2:
        return message("A map needs runs at two or more values of both fields.")
    grid = means.pivot_table(index=y, columns=x, values="value")
    regular = grid.notna().to_numpy().mean() > 0.5
    figure = blank(showlegend=False)
    if regular:
        xs, ys, values = grid.columns.to_numpy(float), grid.index.to_numpy(float), grid.to_numpy()
    else:
        places, (xs, ys) = _plane(means, (x, y))
        values = LinearNDInterpolator(places, means["value"])(
            *np.meshgrid(*[np.linspace(0, 1, FINE)] * 2)
        )
    bar = {"title": {"text": words(measure), "side": "right"}, "outlinewidth": 0}
    figure.add_heatmap(
        x=xs,
        y=ys,
        z=values,
        colorscale=SEQUENTIAL,
        colorbar=bar,
        hovertemplate=f"{words(x)} %{{x:.4g}}<br>{words(y)} %{{y:.4g}}"
        f"<br>{words(measure)} %{{z:.4g}}<extra></extra>",
    )
    contours = {"coloring": "none", "showlabels": True}
    line = {"x": xs, "y": ys, "z": values, "showscale": False, "hoverinfo": "skip"}
    for levels, color in _levels(means["value"]) if level is None else ():
        at = {"start": levels[0], "end": levels[-1], "size": float(np.diff(levels[:2]).sum()) or 1}
        figure.add_contour(
            **line,
            contours=contours | at | {"labelfont": {"size": 11, "color": color}},
            line={"color": color, "width": 1},
            autocontour=False,
        )
    if level is not None:
        # What diverged counts as 0, as where a map puts its runs.
        counted = table.assign(**{measure: table[measure].mask(diverged, 0.0)})
        _level(figure, counted.dropna(subset=[measure]), (x, y), measure, level)
    if not regular:
        hover = {
            "customdata": means["value"],
            "hovertemplate": "%{customdata:.4g}<extra>run</extra>",
        }
        style.marks(figure, means[x], means[y], size=4, edge={"color": PAPER, "width": 1}, **hover)
    points = table.assign(lost=diverged).groupby([x, y], as_index=False)["lost"]
    lost = points.agg(["sum", "count"]).query("sum > 0")
    style.marks(
        figure,
        lost[x],
        lost[y],
        symbol="x-thin",
        size=np.where(lost["sum"] == lost["count"], 12, 6),
        edge={"color": INK, "width": 1.5},
        customdata=lost[["sum", "count"]],
        hovertemplate="%{customdata[0]} of %{customdata[1]} diverged<extra></extra>",
    )
    logs = [spans_decades(table[name]) for name in (x, y)]
    for *place, text in marks:
        on_x, on_y = (np.log10(v) if log else v for v, log in zip(place, logs, strict=True))
        figure.add_annotation(
            x=on_x,
            y=on_y,
            text=text,
            showarrow=True,
            arrowcolor=INK,
            ax=0,
            ay=-28,
            bgcolor=PAPER,
            bordercolor=INK,
            borderpad=2,
        )
    return figure.update_xaxes(_axis(table[x])).update_yaxes(_axis(table[y]))


def _level(
    figure: go.Figure, runs: pd.DataFrame, fields: tuple[str, str], measure: str, level: float
) -> None:
    """A level's contour, and its band as two dashed lines."""
    shown = f"{100 * level if measure in SHARES else level:g}"
    places, (xs, ys) = _plane(runs, fields)
    contour = Contour(places, runs[measure].to_numpy(), level)
    if not contour.claimed:
        note(figure, f"The runs do not tell where {words(measure)} crosses {shown}.")
        return
    at = np.meshgrid(*[np.linspace(0, 1, FINE)] * 2)
    off = contour.off(np.column_stack([one.ravel() for one in at])).reshape(FINE, FINE)
    for name, ends, width, dash in ((shown, 0.0, 3, "solid"), (f"{shown}, 95 %", SURE, 1, "dash")):
        for color, wide in ((PAPER, width + 3), (INK, width)):  # to be seen on any ground
            figure.add_contour(
                x=xs,
                y=ys,
                z=np.clip(off, -9, 9),
                contours={"coloring": "none", "start": -ends, "end": ends, "size": 2 * ends or 1.0},
                line={"color": color, "width": wide, "dash": dash if color == INK else "solid"},
                autocontour=False,
                showscale=False,
                hoverinfo="skip",
                name=name if color == INK else "ground",
            )


def _levels(values: pd.Series) -> Iterator[tuple[np.ndarray, str]]:
    """Round values for about six contours, in the ink that can be read on their ground: on the
    darker part of :data:`SEQUENTIAL` that of the paper."""
    low, high = float(values.min()), float(values.max())
    step = style.round_step(max(high - low, 1e-9), 6)
    levels = step * np.arange(np.floor(low / step) + 1, np.ceil(high / step))
    dark = levels > low + 0.6 * (high - low)
    for some, color in ((levels[~dark], INK), (levels[dark], PAPER)):
        if len(some):
            yield some, color


def _axis(values: pd.Series) -> dict[str, Any]:
    """The axis of a field: by ratios where its values span decades; few whole numbers are its
    ticks."""
    scale = "log" if spans_decades(values) else "linear"
    axis: dict[str, Any] = {"title": words(str(values.name)), "type": scale}
    kinds = np.unique(values.to_numpy(float))
    if len(kinds) <= 12 and (kinds == np.round(kinds)).all():
        axis |= {"tickvals": kinds, "ticktext": [f"{kind:g}" for kind in kinds]}
    return axis


def _plane(runs: pd.DataFrame, fields: Sequence[str]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Where runs are in the plane of two fields, ``(N, 2)`` in 0..1, by ratios where their values
    span decades; and :data:`FINE` values along each field."""
    places, axes = [], []
    for name in fields:
        log = spans_decades(runs[name])
        along = np.log10(runs[name]) if log else runs[name]
        axis = np.linspace(along.min(), along.max(), FINE)
        places.append((along - along.min()) / np.ptp(along))
        axes.append(10**axis if log else axis)
    return np.column_stack(places), axes


def bands(table: pd.DataFrame, x: str, measure: str, by: str | None = None) -> go.Figure:
    """A measure against a field: the mean over runs with its 95 % t-interval, one line per value of
    ``by``; single runs as dots."""
    if not len(table):
        return message("No run is done yet.")
    figure = blank()
    values = finished(table)
    values = values.assign(value=scaled(values[measure])).dropna(subset=["value"])
    groups: list[tuple[Any, pd.DataFrame]] = [("mean", values)]
    if by is not None:
        groups = list(values.groupby(by))
    for index, (name, group) in enumerate(groups[: len(DASHES)]):
        found = [(place, estimate(runs["value"])) for place, runs in group.groupby(x)]
        rows = [(place, one.mean, one.low, one.high) for place, one in found]
        xs, mean, low, high = np.array(rows, dtype=float).T
        label = f"{words(by)} {name:g}" if by and numeric(values[by]) else str(name)
        if np.isfinite(low).any():
            band(figure, xs, low, high, MUTED, opacity=0.18)
        look = (INK, MUTED)[index % 2], DASHES[index]
        style.line(figure, xs, mean, label, *look, mode="lines+markers", hovertemplate="%{y:.4g}")
    hover = {"marker_opacity": 0.6, "hovertemplate": "%{y:.4g}<extra>run</extra>"}
    style.marks(figure, values[x], values["value"], "runs", MUTED, size=4, **hover)
    figure.update_xaxes(_axis(values[x]))
    figure.update_yaxes(title=words(measure))
    if len(groups) > len(DASHES):
        note(figure, f"{len(groups) - len(DASHES)} further values of {words(by or '')} not drawn.")
    return figure


def parallel(table: pd.DataFrame, fields: Sequence[str], measures: Sequence[str]) -> go.Figure:
    """Every run as a line through the values of its fields and measures, darker for a larger last
    measure; ranges can be dragged on every axis."""
    table = finished(table)
    if not len(table):
        return message("No run is done yet.")
    figure = blank()
    dimensions = []
    for name in (*fields, *measures):
        column = scaled(table[name])
        if pd.api.types.is_numeric_dtype(column):
            values = column.astype(float)
            log = name in fields and spans_decades(values)
            ticks = sorted(set(values)) if name in fields and values.nunique() <= 8 else None
            drawn = np.log10(values) if log else values
            axis: dict[str, Any] = {"label": words(name), "values": drawn}
            if ticks is not None or log:
                marks = ticks or list(np.geomspace(values.min(), values.max(), 5))
                axis |= {
                    "tickvals": np.log10(marks) if log else marks,
                    "ticktext": [f"{mark:.4g}" for mark in marks],
                }
        else:
            kinds = sorted(set(map(str, column)))
            places = column.astype(str).map(kinds.index)
            axis = {"label": words(name), "values": places}
            axis |= {"tickvals": list(range(len(kinds))), "ticktext": kinds}
        dimensions.append(axis)
    last = scaled(table[measures[-1]]).astype(float)
    line = {"color": last, "colorscale": SEQUENTIAL, "showscale": False}
    slanted = {"labelfont": {"color": INK}, "labelangle": -25}  # apart in a narrow window, too
    figure.add_parcoords(dimensions=dimensions, line=line, **slanted)
    figure.update_layout(margin={"t": 110, "l": 60, "r": 60})
    return figure


def pareto(table: pd.DataFrame) -> go.Figure:
    """Which runs cannot be bettered: more of both measures is better. The front as steps; a run on
    it has no other with more of both."""
    if not len(table):
        return message("No run is done yet.")
    figure, gain, keep = blank(), "replicator_share", "test_accuracy"
    both = finished(table)[["run_id", gain, keep]].dropna().apply(scaled)
    front = front_of(both[gain].to_numpy(), both[keep].to_numpy())
    hover = {"hovertemplate": "%{customdata}<br>%{x:.3g}, %{y:.3g}<extra></extra>"}
    every = {"customdata": both["run_id"], "marker_opacity": 0.6, **hover}
    style.marks(figure, both[gain], both[keep], "runs", MUTED, size=6, **every)
    best = both[front].sort_values(gain)
    steps = {"mode": "lines+markers", "line_shape": "vh", "customdata": best["run_id"], **hover}
    style.line(figure, best[gain], best[keep], "Pareto front", **steps)
    figure.update_xaxes(title=words(gain))
    figure.update_yaxes(title=words(keep))
    return figure


def overlaid(
    groups: Sequence[tuple[str, Sequence[pd.DataFrame]]], column: str, title: str
) -> go.Figure:
    """A column of runs' records over the epochs, one line per group of runs: the mean over seeds,
    with a band of all of them. ``groups``: name and the records of its runs. More than can be told
    apart by their dashes are thin, and named where somebody points."""
    if not groups:
        return message("Choose runs to compare.")
    crowded = len(groups) > len(DASHES)
    figure = blank(hovermode="closest" if crowded else "x unified")
    factor = 100 if "accuracy" in column else 1
    for index, (name, runs) in enumerate(groups):
        joined = pd.concat([one[["epoch", column]] for one in runs]).dropna()
        spread = joined.groupby("epoch")[column].agg(["mean", "min", "max"]) * factor
        at = spread.index.to_numpy()
        if len(runs) > 1 and not crowded:
            low, high = (spread[end].to_numpy() for end in ("min", "max"))
            band(figure, at, low, high, MUTED, opacity=0.18)
        label = name + (f" (mean of {len(runs)})" if len(runs) > 1 else "")
        look = (INK, MUTED)[index % 2], "solid" if crowded else DASHES[index]
        style.line(figure, at, spread["mean"], label, *look, hovertemplate="%{y:.4g}")
    if crowded:
        figure.update_traces(line_width=1).update_layout(showlegend=False)
        note(figure, f"{len(groups)} settings: point at a line for its name.")
    every = pd.concat([one[column] for _, runs in groups for one in runs])
    figure.update_xaxes(title="Epoch")
    scale = style.log_axis(every) if column.endswith("loss") else {}
    figure.update_yaxes(title=title, **scale)
    return figure
