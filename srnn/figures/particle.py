"""One particle over the epochs: how large its weights are, how far from replicating it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from srnn.figures.epochs import axis, positions
from srnn.figures.style import FAINT, INK, MUTED, PALETTE, blank, line, marks
from srnn.vocabulary import LABELS, TYPES

LEAST = 1e-12
"""Smaller values are drawn here: the axis is logarithmic."""


def particle_history(
    epochs: Sequence[int],
    size: np.ndarray,
    error: np.ndarray,
    codes: np.ndarray,
    epsilon: float,
    scale: str = "log",
) -> go.Figure:
    """Largest |weight| and self-application error of one particle, ``(T,)`` each, on a logarithmic
    axis, with its type at every snapshot as the colour of a mark; a line at epsilon."""
    figure = blank(hovermode="x unified", height=300)
    at, hover = positions(epochs, scale), {"hovertemplate": "%{y:.2e}"}
    line(figure, at, np.maximum(size, LEAST), "largest |weight|", **hover)
    line(figure, at, np.maximum(error, LEAST), "self-application error", MUTED, "dot", **hover)
    for code in np.unique(codes):
        own, name, edge = codes == code, TYPES[code], {"color": INK, "width": 0.5}
        y = np.maximum(error[own], LEAST)
        marks(figure, at[own], y, LABELS[name], PALETTE[name], edge=edge, hoverinfo="skip")
    figure.add_hline(epsilon, line={"color": FAINT, "width": 2})
    shown = np.concatenate([size, error, [epsilon]])
    shown = np.log10(np.clip(shown[np.isfinite(shown)], LEAST, None))
    figure.update_xaxes(axis(epochs, scale))
    figure.update_yaxes(
        type="log", range=[shown.min() - 0.3, shown.max() + 0.3], exponentformat="power", dtick=2
    )
    return figure
