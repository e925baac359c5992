"""Pruning: accuracy against surviving connections, control tests, threshold, Pareto map.

Colour means particle type here too: what drops replicators first is drawn in the replicators' blue,
zeros first in the zeros' grey; every other rule in ink, told apart by dashes and markers.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from srnn.figures.style import (
    COLUMNS,
    INK,
    MUTED,
    PALETTE,
    REPLICATOR,
    band,
    blank,
    line,
    marks,
    message,
    note,
    subplots,
)
from srnn.statistics import estimate, number

STYLES: dict[str, tuple[str, str, str]] = {
    "replicators": (REPLICATOR, "solid", "circle"),
    "zeros": (PALETTE["zero"], "solid", "circle-open"),
    "magnitude": (INK, "solid", "square"),
    "activity": (INK, "dash", "diamond"),
    "fisher": (INK, "dot", "triangle-up"),
    "random": (MUTED, "dashdot", "x-thin-open"),
    "replicators-last": (PALETTE["other"], "dot", "circle-open"),
    "magnitude-last": (MUTED, "dot", "square-open"),
    "replicators-retrained": (REPLICATOR, "dash", "circle"),
    "replicators-collapsed": (REPLICATOR, "dot", "circle-open"),
    "magnitude-retrained": (INK, "solid", "square-open"),
    "activity-retrained": (INK, "dash", "diamond-open"),
    "random-retrained": (MUTED, "dashdot", "x-thin-open"),
    "one-shot": (MUTED, "solid", "cross"),
    "one-shot-retrained": (MUTED, "dash", "cross-open"),
    "gradual": (INK, "longdash", "star"),
    "lottery": (INK, "longdashdot", "hexagon"),
    "l1": (INK, "dot", "pentagon"),
    "snip": (MUTED, "longdash", "triangle-down"),
}
"""Colour, dash and marker of every rival that has a curve."""

BEHIND = 4.0
"""Points behind the best rival that the lower panel of the curves reaches down to."""


def accuracy_curves(
    table: pd.DataFrame,
    titles: Mapping[str, str],
    *,
    particles: int,
    natural: pd.DataFrame | None = None,
    dropped: int | None = None,
) -> go.Figure:
    """Accuracy against surviving connections, one line per rival; and, because most of them run
    together at first, how far each is behind the best of those shown.

    Args:
        table: ``rival, sparsity, surviving, accuracy, low, high, base_accuracy`` (accuracies 0..1;
            the base is drawn where nothing is dropped; a band where ``low`` and ``high`` are
            numbers).
        titles: legend entry of each rival; the others are not drawn.
        particles: connections of the whole network.
        natural: ``rival, surviving, accuracy`` where all replicators are dropped: larger markers.
        dropped: a count to mark with a line.
    """
    shown = [name for name in titles if (table["rival"] == name).any()]
    if not shown:
        return message("No rival is chosen.")
    heights = [0.55, 0.45]
    figure = subplots(2, shared_xaxes=True, vertical_spacing=0.06, row_heights=heights)
    best = table[table["rival"].isin(shown)].groupby("sparsity")["accuracy"].max()
    for rank, name in reversed(list(enumerate(shown))):  # the first ones on top
        rows = table[table["rival"] == name].sort_values("surviving", ascending=False)
        x, base = [particles, *rows["surviving"]], float(rows["base_accuracy"].iloc[0])
        behind = rows["accuracy"].to_numpy() - best[rows["sparsity"]].to_numpy()
        drawn, (color, dash, symbol) = [base, *rows["accuracy"]], STYLES[name]
        if rows["low"].notna().any():
            low, high = ([100 * base, *(100 * rows[end])] for end in ("low", "high"))
            band(figure, x, low, high, color, opacity=0.15, legendgroup=name, row=1, col=1)
        for row, values in ((1, drawn), (2, [0.0, *behind])):
            line(
                figure,
                x,
                [100 * value for value in values],
                titles[name],
                color,
                dash,
                3 if name == "replicators" else 1.8,
                customdata=[100 * value for value in drawn],
                legendgroup=name,
                legendrank=rank,
                showlegend=row == 1,
                mode="lines+markers",
                marker={"symbol": symbol, "size": 7, "color": color, "line": {"color": color}},
                hovertemplate="%{x:,.0f} survive: %{customdata:.2f} %"
                + (", %{y:.2f} points" if row == 2 else "")
                + f"<extra>{titles[name]}</extra>",
                row=row,
                col=1,
            )
    for mark in [] if natural is None else natural.to_dict("records"):
        if (name := mark["rival"]) in shown:
            color, _, symbol = STYLES[name]
            marks(
                figure,
                [mark["surviving"]],
                [100 * mark["accuracy"]],
                color=color,
                symbol=symbol,
                size=13,
                edge={"color": INK, "width": 1.5},
                showlegend=False,
                legendgroup=name,
                hovertemplate="as many dropped as there are replicators: %{x:,.0f} survive, "
                f"%{{y:.2f}} %<extra>{titles[name]}</extra>",
                row=1,
                col=1,
            )
    if dropped is not None:
        figure.add_vline(x=particles - dropped, line={"color": MUTED, "width": 1, "dash": "dot"})
    figure.update_xaxes(range=[particles * 1.02, 0], tickformat=",")
    figure.update_xaxes(title="Surviving connections", row=2, col=1)
    figure.update_yaxes(title="Test accuracy (%)", range=[0, 101], row=1, col=1)
    figure.update_yaxes(title="Behind the best<br>(points)", range=[-BEHIND, 0.2], row=2, col=1)
    lines = -(-len(shown) // 3)
    return figure.update_layout(
        hovermode="closest",
        meta={"close_up": "y2"},  # what falls out of it is to be seen above
        height=COLUMNS["double"][1] + 150 + 24 * lines,
        legend={"y": -0.14, "yanchor": "top"},
    )


def control_intervals(controls: pd.DataFrame, titles: Mapping[str, str]) -> go.Figure:
    """The control tests as intervals: what dropping replicators keeps more than dropping their
    partners, in percentage points; one interval per test and run (its 95 % over pairings and
    images). What has no support says so in its row.

    Args:
        controls: ``matching, difference, low, high, support, pairs, replicators`` and perhaps
            ``seed`` (differences as fractions).
        titles: what to call each matching; in this order, from the top.
    """
    if not len(controls):
        return message("No control test has been made.")
    supported = controls[controls["support"].astype(bool)]
    if not len(supported):
        return message("No control test has support: too few survivors to pair replicators with.")
    names = [name for name in titles if (controls["matching"] == name).any()]
    place = {name: len(names) - 1 - index for index, name in enumerate(names)}
    seeds = sorted(controls["seed"].unique()) if "seed" in controls else [0]
    figure = blank(showlegend=False, margin={"l": 240}, height=120 + 60 * len(names))
    for row in supported.to_dict("records"):
        shift = (seeds.index(row.get("seed", 0)) - (len(seeds) - 1) / 2) * 0.5 / len(seeds)
        middle, low, high = (100 * row[key] for key in ("difference", "low", "high"))
        marks(
            figure,
            [middle],
            [place[row["matching"]] - shift],
            error_x={
                "array": [high - middle],
                "arrayminus": [middle - low],
                "color": INK,
                "thickness": 1.5,
            },
            hovertemplate=f"{number(middle, signed=True)} points, 95 % interval "
            f"{number(low, signed=True)} to {number(high, signed=True)}; "
            f"{row['pairs']:,} pairs for {row['replicators']:,} replicators"
            f"<extra>{titles[row['matching']]}</extra>",
        )
    for name in names:
        if name not in set(supported["matching"]):
            note(figure, " no support", x=0, y=place[name], xref="x", yref="y", yanchor="middle")
    figure.add_vline(x=0, line={"color": MUTED, "width": 1})
    figure.update_xaxes(title="Kept (points)")
    return figure.update_yaxes(
        tickvals=list(place.values()),
        ticktext=[titles[name].replace(", on", ",<br>on") for name in names],
        range=[-0.6, len(names) - 0.4],
        showgrid=False,
    )


def epsilon_curves(table: pd.DataFrame, epsilon: float) -> go.Figure:
    """Replicators found, and the accuracy without them, over epsilon.

    Args:
        table: ``epsilon, zero, identity, dropped, accuracy, base_accuracy`` (accuracies 0..1).
        epsilon: the chosen one, marked.
    """
    figure = subplots(2, shared_xaxes=True, vertical_spacing=0.08)
    figure.update_layout(height=COLUMNS["double"][1] + 140, hovermode="x")
    counts = (
        ("identity", "identity", PALETTE["identity"], "solid"),
        ("zero", "zero", PALETTE["zero"], "dot"),
        ("dropped", "replicators (both)", REPLICATOR, "solid"),
    )
    accuracies = (
        ("accuracy", "accuracy without them", INK, "solid"),
        ("base_accuracy", "with them", MUTED, "dash"),
    )
    panels = ((1, counts, 1, "%{y:,}"), (2, accuracies, 100, "%{y:.2f} %"))
    for row, lines, scale, form in panels:
        for column, name, color, dash in lines:
            y, more = scale * table[column], {"hovertemplate": form, "row": row, "col": 1}
            line(figure, table["epsilon"], y, name, color, dash, 2.2, **more)
    figure.add_vline(x=epsilon, line={"color": MUTED, "width": 1, "dash": "dot"})
    figure.update_xaxes(type="log", exponentformat="power", showgrid=False)
    figure.update_xaxes(title="Epsilon", row=2, col=1)
    figure.update_yaxes(title="Particles", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title="Test accuracy (%)", range=[0, 101], row=2, col=1)
    return figure


def pareto_map(table: pd.DataFrame, chosen: str | None = None) -> go.Figure:
    """Every run: share of replicators against the accuracy without them; a bar from the accuracy
    of the whole network shows what dropping them costs. The front is a staircase: to the left of
    a run on it and below, every point is reached. The chosen run wears a ring.

    Args:
        table: ``run_id, name, alpha, neurons, accuracy, replicators, pruned_accuracy, drop_cost,
            front`` (shares 0..1).
        chosen: id of the run to mark.
    """
    if not len(table):
        return message("No finished run of this data set.")
    figure = blank()
    symbols = ("circle", "square", "diamond", "triangle-up", "star", "hexagon", "cross")
    percent = ["replicators", "pruned_accuracy", "accuracy", "drop_cost"]
    runs = table.assign(**100 * table[percent], gap=np.nan)
    quiet = {"hoverinfo": "skip", "showlegend": False}
    across = runs[["replicators", "replicators", "gap"]].to_numpy().ravel()
    up = runs[["accuracy", "pruned_accuracy", "gap"]].to_numpy().ravel()
    line(figure, across, up, color=MUTED, width=1, **quiet)
    front = runs[runs["front"].astype(bool)].sort_values("replicators")
    steps = {"dash": "dot", "width": 1.5, "line_shape": "vh", "hoverinfo": "skip"}
    x, y = front["replicators"], front["pruned_accuracy"]
    line(figure, x, y, "no run is better in both", **steps)
    mine = runs[runs["run_id"] == chosen]
    marks(
        figure,
        mine["replicators"],
        mine["pruned_accuracy"],
        "this run",
        symbol="circle-open",
        size=20,
        edge={"width": 2.5},
        mode="markers+text",
        text=["this run"] * len(mine),
        textposition="bottom center",
        **quiet,
    )
    for index, (neurons, rows) in enumerate(runs.groupby("neurons")):
        marks(
            figure,
            rows["replicators"],
            rows["pruned_accuracy"],
            f"h = {neurons}",
            symbol=symbols[index % len(symbols)],
            size=9,
            edge={"color": INK, "width": 1},
            customdata=rows[["alpha", "accuracy", "drop_cost", "seed"]].to_numpy(),
            hovertemplate="alpha %{customdata[0]:g}, seed %{customdata[3]}: %{x:.1f} % replicators"
            "<br>accuracy %{customdata[1]:.2f} %, without them %{y:.2f} %"
            " (cost %{customdata[2]:.2f} points)<extra></extra>",
        )
    figure.update_xaxes(title="Zero and identity particles (% of connections)", range=[0, 101])
    figure.update_yaxes(title="Test accuracy without them (%)")
    note(figure, "The thin bar ends at the accuracy of the whole network.")
    return figure


def limit_costs(numbers: pd.DataFrame) -> go.Figure:
    """What dropping all replicators costs in every setting, beside as many by contribution: means
    and 95 % intervals over seeds, in percentage points.

    Args:
        numbers: ``arm, seed, cost, rule_cost`` (shares of 0..1).
    """
    if not len(numbers):
        return message("No setting has been measured.")
    arms = list(dict.fromkeys(numbers["arm"]))
    figure = blank()
    for column, name, symbol, shift in (
        ("cost", "replicators", "circle", 0.12),
        ("rule_cost", "as many by |scalar weight × input std|", "diamond-open", -0.12),
    ):
        found = [estimate(100 * numbers[numbers["arm"] == arm][column]) for arm in arms]
        half = [one.high - one.mean for one in found]
        marks(
            figure,
            [one.mean for one in found],
            [len(arms) - 1 - index + shift for index in range(len(arms))],
            name,
            symbol=symbol,
            size=9,
            error_x={"array": half, "color": MUTED, "thickness": 1.2},
            text=[one.text() for one in found],
            hovertemplate="%{text} points<extra>" + name + "</extra>",
        )
    figure.add_vline(x=0, line={"color": MUTED, "width": 1})
    figure.update_xaxes(title="Drop cost (points)")
    figure.update_yaxes(tickvals=list(range(len(arms))), ticktext=arms[::-1], showgrid=False)
    figure.update_layout(margin={"l": 200}, height=140 + 44 * len(arms))
    return figure


def export_bars(table: pd.DataFrame, names: Sequence[str]) -> go.Figure:
    """Size and latency before and after export, side by side.

    Args:
        table: ``network, bytes, ms_one, ms_all``; names: what to call the networks, in order.
    """
    measures = (("bytes", "Bytes"), ("ms_one", "ms, one image"), ("ms_all", "ms, all test images"))
    figure = subplots(1, 3, shared_yaxes=True, horizontal_spacing=0.06)
    figure.update_layout(height=240, showlegend=False)
    for column, (key, title) in enumerate(measures, start=1):
        values = table[key].to_numpy(dtype=float)
        figure.add_bar(
            x=values,
            y=list(names),
            orientation="h",
            marker={"color": MUTED},
            text=[f"{value:,.0f}" if key == "bytes" else f"{value:.3g}" for value in values],
            textposition="auto",
            hoverinfo="skip",
            row=1,
            col=column,
        )
        figure.update_xaxes(title=title, rangemode="tozero", row=1, col=column)
    return figure.update_yaxes(autorange="reversed", showgrid=False)
