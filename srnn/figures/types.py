"""Type counts over the epochs, as lines and stacked (log row 1)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from srnn.figures.epochs import axis, positions
from srnn.figures.style import (
    DASHES,
    INK,
    LABELS,
    PALETTE,
    TYPES,
    blank,
    count,
    message,
    note,
    percent,
    spread,
)

STACK = ("other", "second_order", "identity", "zero", "divergent")
"""Order of the stack, from the ground up: the workers carry it, the dead lie on top."""


def type_lines(counts: pd.DataFrame, scale: str = "log", epoch: int | None = None) -> go.Figure:
    """One line per type that occurs: ``epoch`` and a column per type, one row per snapshot.

    ``scale`` of the epochs: ``log`` or ``linear`` (:mod:`srnn.figures.epochs`); ``epoch`` is marked
    by a line, if given.
    """
    present = _present(counts)
    if not present:
        return message("No particle has been recorded.")
    figure = blank(hovermode="x unified", showlegend=False)
    epochs, single = counts["epoch"].to_numpy(), len(counts) == 1
    at = epochs if single else positions(epochs, scale)
    top = max(int(counts[name].max()) for name in present)
    labels = spread([float(counts[name].iloc[-1]) for name in present], top * 0.06)
    for name, place in zip(present, labels, strict=True):
        figure.add_scatter(
            x=at,
            y=counts[name].to_numpy(),
            name=LABELS[name],
            mode="markers" if single else "lines",
            line={"color": PALETTE[name], "dash": DASHES[name], "width": 2.5},
            marker={"color": PALETTE[name], "size": 9},
            hovertemplate="%{y:,}",
        )
        _label(figure, f"{LABELS[name]}  {count(counts[name].iloc[-1])}", place, name)
    _axes(figure, epochs, "Particles", scale, epoch)
    figure.update_yaxes(range=[-0.02 * top, 1.05 * top])
    return figure


def type_stack(
    counts: pd.DataFrame, shares: bool = False, scale: str = "log", epoch: int | None = None
) -> go.Figure:
    """The types stacked to the whole population: ``epoch`` and a column per type; particles, or
    shares of all particles in percent. ``scale`` and ``epoch`` as in :func:`type_lines`."""
    present = [name for name in STACK if name in _present(counts)]
    if not present:
        return message("No particle has been recorded.")
    figure = blank(hovermode="x unified", showlegend=False)
    epochs = counts["epoch"].to_numpy()
    table = counts[list(TYPES)].to_numpy(dtype=np.float64)
    total = float(table[-1].sum())
    part = 100 / total if shares else 1.0
    middle, below = [], 0.0
    for name in present:
        last = float(counts[name].iloc[-1]) * part
        middle.append(below + last / 2)
        below += last
    labels = spread(middle, total * part * 0.06)
    for name, place in zip(present, labels, strict=True):
        values = counts[name].to_numpy() * part
        last = counts[name].iloc[-1]
        text = percent(last / total) if shares else count(last)
        hover = "%{y:.1f} %" if shares else "%{y:,}"
        if len(counts) == 1:
            figure.add_bar(
                x=epochs, y=values, name=LABELS[name], marker_color=PALETTE[name], width=0.5
            )
        else:
            figure.add_scatter(
                x=positions(epochs, scale),
                y=values,
                name=LABELS[name],
                stackgroup="types",
                mode="lines",
                line={"width": 0.5, "color": PALETTE[name]},
                fillcolor=PALETTE[name],
                hovertemplate=hover,
            )
        _label(figure, f"{LABELS[name]}  {text}", place, name)
    _axes(figure, epochs, "Share of particles (%)" if shares else "Particles", scale, epoch)
    figure.update_layout(barmode="stack")
    figure.update_yaxes(range=[0, total * part])
    return figure


def _present(counts: pd.DataFrame) -> list[str]:
    return [name for name in TYPES if len(counts) and counts[name].any()]


def _label(figure: go.Figure, text: str, place: float, name: str) -> None:
    figure.add_annotation(
        text=f"<span style='color:{PALETTE[name]}'>■</span> {text}",
        x=1.01,
        xref="paper",
        xanchor="left",
        y=place,
        yanchor="middle",
        showarrow=False,
    )


def _axes(figure: go.Figure, epochs: np.ndarray, title: str, scale: str, epoch: int | None) -> None:
    figure.update_xaxes(axis(epochs, scale))
    figure.update_yaxes(title=title, tickformat=",~r")
    figure.update_layout(margin={"r": 170})
    if epoch is not None and len(epochs) > 1:
        mark = float(positions([epoch], scale)[0])
        figure.add_vline(x=mark, line={"color": INK, "dash": "dot", "width": 1.5})
    if len(epochs) == 1:
        note(figure, f"One snapshot only, of epoch {epochs[0]}.")
