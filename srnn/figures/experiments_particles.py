"""Figures of the rows that look at particles: 2, 3, 4, 5, 6, 8, 10."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from srnn.figures.experiments_parts import dots, mean_line, rows_high
from srnn.figures.experiments_runs import Tables, panels
from srnn.figures.membership import type_maps
from srnn.figures.style import DIVERGING, INK, LABELS, MUTED, PALETTE, SEQUENTIAL, TYPES, template
from srnn.figures.trajectories import trajectory_cube

BAND = 1e-4
"""The band of row 4: largest difference of two logits."""
FACTOR = 0.03
"""The n of row 10."""


def dropout(tables: Tables) -> go.Figure:
    """Row 2: signed change of accuracy when a type, or as many other particles, are dropped."""
    by_type, chosen = tables["by_type"], tables["chosen"]
    table = pd.concat([by_type, chosen[chosen["type"] != "replicators"]])
    sizes = sorted(table["h"].unique(), reverse=True)
    figure = panels(
        len(sizes), tuple(f"h = {h}" for h in sizes), shared_yaxes=True, horizontal_spacing=0.05
    )
    for col, h in enumerate(sizes, start=1):
        part = table[(table["h"] == h) & (table["count"] > 0)].copy()
        means = part.groupby("type", sort=False)["count"].mean()
        part["name"] = [LABELS.get(name, name) for name in part["type"]]
        dots(
            figure,
            part,
            "difference",
            "name",
            scale=100,
            form="{:+.2f} pp",
            color=[PALETTE.get(name, MUTED) for name in means.index],
            place={"row": 1, "col": col},
            notes=[f"{number:,.0f} dropped" for number in means],
            beside=True,
        )
        figure.add_vline(x=0, line={"color": MUTED, "width": 1}, row=1, col=col)
    figure.update_xaxes(title="Change (pp)", range=[-100, 15])
    return rows_high(figure, table["type"].nunique())


def scalars(tables: Tables) -> go.Figure:
    """Row 3: how large the scalar weights are, by type."""
    table = tables["scalars"]
    sizes = sorted(table["h"].unique())
    figure = panels(len(sizes), tuple(f"h = {h}" for h in sizes), horizontal_spacing=0.1)
    edges = np.linspace(-12, 1, 53)
    for col, h in enumerate(sizes, start=1):
        for name in TYPES:
            part = table[(table["h"] == h) & (table["type"] == name)]["scalar_weight"]
            if not len(part):
                continue
            size = np.log10(np.maximum(part.abs(), 1e-12))
            counts, _ = np.histogram(np.clip(size, -12, 1), edges)
            figure.add_bar(
                x=(edges[1:] + edges[:-1]) / 2,
                y=counts,
                name=LABELS[name],
                marker_color=PALETTE[name],
                legendgroup=name,
                showlegend=col == 1,
                row=1,
                col=col,
            )
    figure.update_layout(barmode="stack", bargap=0)
    ticks = [-12, -9, -6, -3, 0]
    figure.update_xaxes(
        title="|f(1)|, the connection's weight",
        tickvals=ticks,
        ticktext=["≤ 1e-12", *(f"1e{tick}" for tick in ticks[1:-1]), "1"],
    )
    figure.update_yaxes(title="Particles", col=1)
    return figure


def collapse(tables: Tables) -> go.Figure:
    """Row 4: largest logit difference between MetaNet and dense network, and the band."""
    table = tables["collapse"].copy()
    table["name"] = [
        f"h = {h}, {'no activation' if kind == 'none' else kind}"
        for h, kind in zip(table["h"], table["activation"], strict=True)
    ]
    figure = panels(1, ("",))
    dots(figure, table, "difference", "name", form="{:.1e}")
    figure.add_vline(x=BAND, line={"color": MUTED, "dash": "dash", "width": 1})
    figure.add_annotation(
        x=np.log10(BAND), y=1, yref="paper", text="band", xanchor="right", yanchor="bottom"
    )
    figure.update_xaxes(title="Largest difference of two logits", type="log", exponentformat="e")
    return rows_high(figure, table["name"].nunique())


def explain(tables: Tables) -> go.Figure:
    """Row 5: share of particles and of relevance by type; mean digits over their attributions."""
    shares, digits = tables["shares"], tables["digits"]
    shares = shares[shares["method"] == "integrated gradients"]
    count = digits["digit"].nunique()
    figure = make_subplots(
        rows=3,
        cols=count,
        specs=[[{"colspan": count}, *[None] * (count - 1)], [{}] * count, [{}] * count],
        row_heights=[0.5, 0.25, 0.25],
        horizontal_spacing=0.008,
        vertical_spacing=0.06,
    )
    _relevance(figure, shares, {"row": 1, "col": 1})
    _digits(figure, digits, "integrated gradients", first=2)
    figure.update_layout(template=template(), height=560, margin={"l": 150, "b": 24})
    return figure


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
            place = {"row": row, "col": int(digit) + 1}
            figure.add_heatmap(z=image, showscale=False, hoverinfo="skip", **place, **scale)
            figure.update_xaxes(visible=False, **place)
            figure.update_yaxes(visible=False, autorange="reversed", **place)
    for row, text in ((first, "mean digit"), (first + 1, "attribution")):
        axis = next(figure.select_yaxes(row=row, col=1)).plotly_name.removeprefix("yaxis")
        figure.add_annotation(
            x=-0.01, xref="paper", y=0.5, yref=f"y{axis} domain", text=text, xanchor="right"
        )


def membership(tables: Tables) -> go.Figure:
    """Row 6: type of every particle of the first network, layer by layer."""
    table = tables["membership"]
    table = table[table["h"] == table["h"].iloc[0]]
    codes = {name: code for code, name in enumerate(TYPES)}
    maps = [
        part["type"].map(codes).to_numpy(dtype=int).reshape(part["cell"].nunique(), -1)
        for _, part in table.groupby("layer")
    ]
    digits = tables["digits"].drop(columns="pixel").to_numpy()
    return type_maps(maps, digits.mean(1))


def trajectories(tables: Tables) -> go.Figure:
    """Row 8: the cube of two components and the epoch."""
    frame = tables["trajectories"]
    names = list(dict.fromkeys(frame["Weight"]))
    epochs = frame[frame["Weight"] == names[0]]["Epoch"].to_numpy()
    columns = ["dim_1", "dim_2", "dim_3"]
    coordinates = frame[columns].to_numpy(dtype=np.float32).reshape(len(names), len(epochs), 3)
    kinds = frame.drop_duplicates("Weight")["type"]
    codes = np.array([TYPES.index(name) for name in kinds], dtype=np.uint8)
    shares = tables["explained"].query("fit == 'all' and seed == 0")["share"].tolist()
    return trajectory_cube(coordinates.transpose(1, 0, 2), epochs, codes, names, shares=shares)


def sanity(tables: Tables) -> go.Figure:
    """Row 10: error of the learned factor over the epochs, and how the particles ended."""
    curves, ends = tables["curves"].copy(), tables["ends"]
    curves["miss"] = (curves["learned"] - FACTOR).abs().clip(lower=1e-9)
    modes = list(dict.fromkeys(curves["mode"]))
    figure = make_subplots(
        rows=2,
        cols=len(modes),
        subplot_titles=[f"{mode} mode" for mode in modes],
        shared_yaxes=True,
        row_heights=[0.6, 0.4],
        horizontal_spacing=0.06,
        vertical_spacing=0.16,
    )
    figure.update_layout(template=template(), barmode="stack", height=620, legend={"y": 1.1})
    figure.update_layout(margin={"t": 80})
    dashes = ("solid", "dot", "dash", "dashdot", "longdash")
    for col, mode in enumerate(modes, start=1):
        for dash, (h, part) in zip(
            dashes, curves[curves["mode"] == mode].groupby("h"), strict=False
        ):
            middle = part.groupby("epoch", as_index=False)["miss"].median()
            mean_line(
                figure,
                middle,
                "miss",
                f"h = {h}",
                color=INK if h in (3, 6) else MUTED,
                dash=dash,
                place={"row": 1, "col": col},
                legend=col == 1,
            )
        part = ends[ends["mode"] == mode]
        for name in TYPES:
            counts = part[part["type"] == name].groupby("h").size()
            if len(counts):
                figure.add_bar(
                    x=[f"h = {h}" for h in sorted(part["h"].unique())],
                    y=[int(counts.get(h, 0)) for h in sorted(part["h"].unique())],
                    name=LABELS[name],
                    marker_color=PALETTE[name],
                    legendgroup=name,
                    showlegend=name not in {trace.legendgroup for trace in figure.data},
                    row=2,
                    col=col,
                )
    figure.update_xaxes(title="Epoch", row=1)
    figure.update_yaxes(type="log", exponentformat="power", row=1)
    figure.update_yaxes(title="Error of the factor (median)", row=1, col=1)
    figure.update_yaxes(title="Particles", row=2, col=1)
    return figure
