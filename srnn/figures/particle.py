"""One particle over the epochs: how large its weights are, how far from replicating it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from srnn.figures.epochs import axis, positions
from srnn.figures.style import FAINT, INK, MUTED, PALETTE, blank
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
    figure = blank(hovermode="x unified")
    at = positions(np.asarray(epochs), scale)
    lines = (
        ("largest |weight|", size, "solid", INK),
        ("self-application error", error, "dot", MUTED),
    )
    for name, values, dash, ink in lines:
        figure.add_scatter(
            x=at,
            y=np.maximum(values, LEAST),
            name=name,
            mode="lines",
            line={"color": ink, "dash": dash, "width": 2},
            hovertemplate="%{y:.2e}",
        )
    for code in np.unique(codes):
        own = codes == code
        figure.add_scatter(
            x=np.asarray(at)[own],
            y=np.maximum(error[own], LEAST),
            name=LABELS[TYPES[code]],
            mode="markers",
            marker={"color": PALETTE[TYPES[code]], "size": 8, "line": {"color": INK, "width": 0.5}},
            hoverinfo="skip",
        )
    figure.add_hline(epsilon, line={"color": FAINT, "width": 2})
    shown = np.concatenate([size, error, [epsilon]])
    shown = np.log10(np.clip(shown[np.isfinite(shown)], LEAST, None))
    figure.update_xaxes(axis(np.asarray(epochs), scale))
    figure.update_yaxes(
        type="log", range=[shown.min() - 0.3, shown.max() + 0.3], exponentformat="power", dtick=2
    )
    figure.update_layout(height=300)
    return figure
