"""Pruning: accuracy against surviving connections, control tests, threshold, Pareto map.

Colour means particle type here too: what drops replicators first is drawn in the replicators' blue,
zeros first in the zeros' grey; every other rule in ink, told apart by dashes and markers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from srnn.figures.style import COLUMNS, INK, MUTED, PALETTE, blank, message, note, template

STYLES: dict[str, tuple[str, str, str]] = {
    "replicators": (PALETTE["identity"], "solid", "circle"),
    "zeros": (PALETTE["zero"], "solid", "circle-open"),
    "magnitude": (INK, "solid", "square"),
    "activity": (INK, "dash", "diamond"),
    "gradient": (INK, "dot", "triangle-up"),
    "random": (MUTED, "dashdot", "x-thin-open"),
    "replicators-last": (PALETTE["other"], "dot", "circle-open"),
    "magnitude-last": (MUTED, "dot", "square-open"),
    "replicators-retrained": (PALETTE["identity"], "dash", "circle"),
    "replicators-collapsed": (PALETTE["identity"], "dot", "circle-open"),
    "magnitude-retrained": (INK, "solid", "square-open"),
    "activity-retrained": (INK, "dash", "diamond-open"),
    "random-retrained": (MUTED, "dashdot", "x-thin-open"),
    "one-shot": (MUTED, "solid", "cross"),
    "one-shot-retrained": (MUTED, "dash", "cross-open"),
    "gradual": (INK, "longdash", "star"),
    "lottery": (INK, "longdashdot", "hexagon"),
    "l1": (INK, "dot", "pentagon"),
}
"""Colour, dash and marker of every rival."""


def accuracy_curves(
    summary: pd.DataFrame,
    titles: Mapping[str, str],
    *,
    particles: int,
    natural: pd.DataFrame | None = None,
    dropped: int | None = None,
) -> go.Figure:
    """Accuracy against surviving connections, one line per rival, bands where there are draws or
    seeds.

    Args:
        summary: ``rival, surviving, accuracy, low, high, values, base_accuracy`` (accuracies
            0..1; the base is drawn where nothing is dropped).
        titles: legend entry of each rival; the others are not drawn.
        particles: connections of the whole network.
        natural: ``rival, surviving, accuracy`` where all replicators are dropped: larger markers.
        dropped: a count to mark with a line.
    """
    shown = [name for name in titles if (summary["rival"] == name).any()]
    if not shown:
        return message("No rival is chosen.")
    figure = blank(hovermode="closest")
    for rank, name in reversed(list(enumerate(shown))):  # the first ones on top
        rows = summary[summary["rival"] == name].sort_values("surviving", ascending=False)
        color, dash, symbol = STYLES.get(name, (MUTED, "dot", "circle-open"))
        x, base = [particles, *rows["surviving"]], float(rows["base_accuracy"].iloc[0])
        if (rows["values"] > 1).any():
            high, low = ([base, *rows[end]] for end in ("high", "low"))
            figure.add_scatter(
                x=[*x, *x[::-1]],
                y=[100 * value for value in [*high, *low[::-1]]],
                fill="toself",
                fillcolor=_faint(color),
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
                legendgroup=name,
            )
        figure.add_scatter(
            x=x,
            y=[100 * value for value in [base, *rows["accuracy"]]],
            name=titles[name],
            legendgroup=name,
            legendrank=rank,
            mode="lines+markers",
            line={"color": color, "dash": dash, "width": 3 if name == "replicators" else 1.8},
            marker={"symbol": symbol, "size": 7, "color": color, "line": {"color": color}},
            hovertemplate="%{x:,} survive: %{y:.2f} %<extra>" + titles[name] + "</extra>",
        )
    if natural is not None:
        for row in natural.itertuples():
            if row.rival in shown:
                _natural_point(figure, row, titles[row.rival])
    if dropped is not None:
        figure.add_vline(x=particles - dropped, line={"color": MUTED, "width": 1, "dash": "dot"})
    figure.update_xaxes(title="Surviving connections", range=[particles * 1.02, 0], tickformat=",")
    figure.update_yaxes(title="Test accuracy (%)", range=[0, 101])
    rows = -(-len(shown) // 3)
    figure.update_layout(
        height=COLUMNS["double"][1] + 24 * rows,
        legend={"y": -0.2, "yanchor": "top"},
    )
    return figure


def _natural_point(figure: go.Figure, row: tuple, title: str) -> None:
    color, _, symbol = STYLES.get(row.rival, (MUTED, "dot", "circle-open"))
    figure.add_scatter(
        x=[row.surviving],
        y=[100 * row.accuracy],
        mode="markers",
        marker={"symbol": symbol, "size": 13, "color": color, "line": {"color": INK, "width": 1.5}},
        showlegend=False,
        legendgroup=row.rival,
        hovertemplate="as many dropped as there are replicators: %{x:,} survive, %{y:.2f} %"
        f"<extra>{title}</extra>",
    )


def _faint(color: str) -> str:
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"


def control_intervals(controls: pd.DataFrame) -> go.Figure:
    """The control tests as intervals: what dropping replicators keeps more than dropping matched
    others, in percentage points, one interval per test and seed.

    Args:
        controls: ``matching, pixels, difference, low, high, support, matched, replicators`` and
            perhaps ``seed`` (differences as fractions).
    """
    if not len(controls):
        return message("No control test has been made.")
    labels = _test_labels(controls)
    names = list(dict.fromkeys(labels))[::-1]
    figure = blank(showlegend=False)
    place = {name: index for index, name in enumerate(names)}
    seeds = sorted(controls["seed"].unique()) if "seed" in controls else [0]
    for row, label in zip(controls.to_dict("records"), labels, strict=True):
        shift = (seeds.index(row.get("seed", 0)) - (len(seeds) - 1) / 2) * 0.5 / len(seeds)
        if not row["support"]:
            continue
        middle, low, high = (100 * row[key] for key in ("difference", "low", "high"))
        figure.add_scatter(
            x=[middle],
            y=[place[label] + shift],
            mode="markers",
            marker={"color": INK, "size": 8},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [high - middle],
                "arrayminus": [middle - low],
                "color": INK,
                "thickness": 1.5,
            },
            hovertemplate=f"{middle:+.2f} points, 95 % interval {low:+.2f} to {high:+.2f}; "
            f"{row['matched']:,} of {row['replicators']:,} matched<extra>{label}</extra>",
        )
    for label in names:
        mine = controls[[one == label for one in labels]]
        if not mine["support"].astype(bool).any():
            figure.add_annotation(
                x=0,
                y=place[label],
                text=" no support: too few others to match",
                xanchor="left",
                font={"color": MUTED, "size": 12},
            )
    figure.add_vline(x=0, line={"color": MUTED, "width": 1})
    figure.update_xaxes(title="Accuracy kept by dropping replicators, against others (points)")
    figure.update_yaxes(
        tickvals=list(place.values()),
        ticktext=[name.replace(", varying", ",<br>varying") for name in names],
        range=[-0.6, len(names) - 0.4],
        showgrid=False,
    )
    figure.update_layout(margin={"l": 210}, height=120 + 60 * len(names))
    return figure


def _test_labels(controls: pd.DataFrame) -> list[str]:
    return [
        "same " + matching + (", varying pixels only" if pixels == "varying" else "")
        for matching, pixels in zip(controls["matching"], controls["pixels"], strict=True)
    ]


def epsilon_curves(table: pd.DataFrame, epsilon: float) -> go.Figure:
    """Replicators found, and the accuracy without them, over epsilon.

    Args:
        table: ``epsilon, zero, identity, dropped, accuracy, base_accuracy`` (accuracies 0..1).
        epsilon: the chosen one, marked.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    figure.update_layout(template=template(), height=COLUMNS["double"][1] + 140, hovermode="x")
    x = table["epsilon"]
    lines = (
        ("identity", "identity", PALETTE["identity"], "solid"),
        ("zero", "zero", PALETTE["zero"], "dot"),
        ("dropped", "both", INK, "solid"),
    )
    for column, name, color, dash in lines:
        figure.add_scatter(
            x=x,
            y=table[column],
            name=name,
            mode="lines",
            line={"color": color, "dash": dash, "width": 2.2},
            hovertemplate="%{y:,}",
            row=1,
            col=1,
        )
    accuracies = (
        ("accuracy", "accuracy without them", "solid"),
        ("base_accuracy", "with them", "dash"),
    )
    for column, name, dash in accuracies:
        figure.add_scatter(
            x=x,
            y=100 * table[column],
            name=name,
            mode="lines",
            line={"color": INK if column == "accuracy" else MUTED, "dash": dash, "width": 2},
            hovertemplate="%{y:.2f} %",
            row=2,
            col=1,
        )
    figure.add_vline(x=epsilon, line={"color": MUTED, "width": 1, "dash": "dot"})
    figure.update_xaxes(type="log", exponentformat="power", showgrid=False)
    figure.update_xaxes(title="Epsilon", row=2, col=1)
    figure.update_yaxes(title="Particles", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title="Test accuracy (%)", range=[0, 101], row=2, col=1)
    return figure


def pareto_map(table: pd.DataFrame, chosen: str | None = None) -> go.Figure:
    """Every run: share of replicators against the accuracy without them; a bar down from the
    accuracy of the whole network shows what dropping them costs.

    Args:
        table: ``run_id, name, alpha, neurons, accuracy, replicators, pruned_accuracy, drop_cost,
            front`` (shares 0..1).
        chosen: id of the run to mark.
    """
    if not len(table):
        return message("No finished run of this data set.")
    figure = blank()
    symbols = ("circle", "square", "diamond", "triangle-up", "star", "hexagon", "cross")
    x, after, before = (
        100 * table[name].to_numpy() for name in ("replicators", "pruned_accuracy", "accuracy")
    )
    figure.add_scatter(
        x=np.column_stack([x, x, np.full(len(x), np.nan)]).ravel(),
        y=np.column_stack([before, after, np.full(len(x), np.nan)]).ravel(),
        mode="lines",
        line={"color": MUTED, "width": 1},
        hoverinfo="skip",
        showlegend=False,
    )
    front = table[table["front"].astype(bool)].sort_values("replicators")
    figure.add_scatter(
        x=100 * front["replicators"],
        y=100 * front["pruned_accuracy"],
        mode="lines",
        name="no run is better in both",
        line={"color": INK, "dash": "dot", "width": 1.5},
        hoverinfo="skip",
    )
    for index, neurons in enumerate(sorted(table["neurons"].unique())):
        rows = table[table["neurons"] == neurons]
        figure.add_scatter(
            x=100 * rows["replicators"],
            y=100 * rows["pruned_accuracy"],
            mode="markers",
            name=f"h = {neurons}",
            marker={
                "symbol": symbols[index % len(symbols)],
                "color": INK,
                "size": [15 if one == chosen else 9 for one in rows["run_id"]],
                "line": {"color": INK, "width": 1},
            },
            customdata=np.column_stack(
                [rows["alpha"], 100 * rows["accuracy"], 100 * rows["drop_cost"], rows["seed"]]
            ),
            hovertemplate="alpha %{customdata[0]:g}, seed %{customdata[3]}: %{x:.1f} % replicators"
            "<br>accuracy %{customdata[1]:.2f} %, without them %{y:.2f} %"
            " (cost %{customdata[2]:.2f} points)<extra></extra>",
        )
    figure.update_xaxes(title="Zero and identity particles (% of connections)", range=[0, 101])
    figure.update_yaxes(title="Test accuracy without them (%)")
    note(figure, "The thin bar ends at the accuracy of the whole network.")
    figure.update_layout(margin={"b": 84})
    return figure


def export_bars(table: pd.DataFrame, names: Sequence[str] = ()) -> go.Figure:
    """Size and latency before and after export, side by side.

    Args:
        table: ``network, bytes, ms_one, ms_all``; names: what to call the networks, in order.
    """
    measures = (("bytes", "Bytes"), ("ms_one", "ms, one image"), ("ms_all", "ms, all test images"))
    figure = make_subplots(rows=1, cols=3, shared_yaxes=True, horizontal_spacing=0.06)
    figure.update_layout(template=template(), height=240, showlegend=False)
    labels = list(names) or list(table["network"])
    for column, (key, title) in enumerate(measures, start=1):
        values = table[key].to_numpy(dtype=float)
        figure.add_bar(
            x=values,
            y=labels,
            orientation="h",
            marker={"color": MUTED},
            text=[f"{value:,.0f}" if key == "bytes" else f"{value:.3g}" for value in values],
            textposition="auto",
            hoverinfo="skip",
            row=1,
            col=column,
        )
        figure.update_xaxes(title=title, rangemode="tozero", row=1, col=column)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure
