"""Types over the epochs: counts as lines and stacked (log row 1), and one particle's course."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from srnn.figures.epochs import axis, mark, positions
from srnn.figures.style import (
    DASHES,
    FAINT,
    INK,
    LABELS,
    MUTED,
    PALETTE,
    TYPES,
    blank,
    count,
    line,
    marks,
    message,
    note,
    percent,
    spread,
)

STACK = ("other", "second_order", "identity", "zero", "divergent")
"""Order of the stack, from the ground up: the workers carry it, the dead lie on top."""

LEAST = 1e-12
"""Smaller values are drawn here: the axis is logarithmic."""


def type_lines(counts: pd.DataFrame, scale: str = "log", epoch: int | None = None) -> go.Figure:
    """One line per type that occurs: ``epoch`` and a column per type, one row per snapshot.

    ``scale`` of the epochs: ``log`` or ``linear`` (:mod:`srnn.figures.epochs`); ``epoch`` is marked
    by a line, if given.
    """
    present = _present(counts)
    if not present:
        return message("No particle has been recorded.")
    figure = blank(hovermode="x unified", showlegend=False)
    epochs, last = counts["epoch"].to_numpy(), counts.iloc[-1]
    at = positions(epochs, scale)
    top = int(counts[present].to_numpy().max())
    labels = spread([float(last[name]) for name in present], top * 0.06)
    for name, place in zip(present, labels, strict=True):
        color, values, hover = PALETTE[name], counts[name].to_numpy(), {"hovertemplate": "%{y:,}"}
        if len(counts) == 1:
            marks(figure, at, values, LABELS[name], color, size=9, **hover)
        else:
            line(figure, at, values, LABELS[name], color, DASHES[name], 2.5, **hover)
        _label(figure, f"{LABELS[name]}  {count(last[name])}", place, name)
    _axes(figure, epochs, "Particles", scale, epoch)
    return figure.update_yaxes(range=[-0.02 * top, 1.05 * top])


def type_stack(
    counts: pd.DataFrame, shares: bool = False, scale: str = "log", epoch: int | None = None
) -> go.Figure:
    """The types stacked to the whole population: ``epoch`` and a column per type; particles, or
    shares of all particles in percent. ``scale`` and ``epoch`` as in :func:`type_lines`."""
    present = [name for name in STACK if name in _present(counts)]
    if not present:
        return message("No particle has been recorded.")
    figure = blank(hovermode="x unified", showlegend=False, barmode="stack")
    epochs, last = counts["epoch"].to_numpy(), counts.iloc[-1]
    total = float(last[list(TYPES)].sum())
    part = 100 / total if shares else 1.0
    sizes = last[present].to_numpy(dtype=np.float64) * part
    labels = spread((sizes.cumsum() - sizes / 2).tolist(), total * part * 0.06)
    hover = "%{y:.1f} %" if shares else "%{y:,}"
    for name, place in zip(present, labels, strict=True):
        values, color = counts[name].to_numpy() * part, PALETTE[name]
        text = percent(last[name] / total) if shares else count(last[name])
        if len(counts) == 1:
            figure.add_bar(x=epochs, y=values, name=LABELS[name], marker_color=color, width=0.5)
        else:
            area = {"stackgroup": "types", "fillcolor": color, "hovertemplate": hover}
            line(figure, positions(epochs, scale), values, LABELS[name], color, width=0.5, **area)
        _label(figure, f"{LABELS[name]}  {text}", place, name)
    _axes(figure, epochs, "Share of particles (%)" if shares else "Particles", scale, epoch)
    return figure.update_yaxes(range=[0, total * part])


def particle_history(
    epochs: Sequence[int],
    size: np.ndarray,
    error: np.ndarray,
    codes: np.ndarray,
    epsilon: float,
) -> go.Figure:
    """Largest |weight| and self-application error of one particle, ``(T,)`` each, on a logarithmic
    axis, with its type at every snapshot as the colour of a mark; a line at epsilon."""
    figure = blank(hovermode="x unified", height=300)
    at, hover = positions(epochs), {"hovertemplate": "%{y:.2e}"}
    line(figure, at, np.maximum(size, LEAST), "largest |weight|", **hover)
    line(figure, at, np.maximum(error, LEAST), "self-application error", MUTED, "dot", **hover)
    for code in np.unique(codes):
        own, name, edge = codes == code, TYPES[code], {"color": INK, "width": 0.5}
        y = np.maximum(error[own], LEAST)
        marks(figure, at[own], y, LABELS[name], PALETTE[name], edge=edge, hoverinfo="skip")
    figure.add_hline(epsilon, line={"color": FAINT, "width": 2})
    shown = np.concatenate([size, error, [epsilon]])
    shown = np.log10(np.clip(shown[np.isfinite(shown)], LEAST, None))
    figure.update_xaxes(axis(epochs))
    figure.update_yaxes(
        type="log", range=[shown.min() - 0.3, shown.max() + 0.3], exponentformat="power", dtick=2
    )
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
    )


def _axes(figure: go.Figure, epochs: np.ndarray, title: str, scale: str, epoch: int | None) -> None:
    figure.update_xaxes(axis(epochs, scale))
    figure.update_yaxes(title=title, tickformat=",~r")
    figure.update_layout(margin={"r": 170})
    if len(epochs) == 1:
        note(figure, f"One snapshot only, of epoch {epochs[0]}.")
    else:
        mark(figure, epochs, epoch, scale)
