"""The epoch as an axis: logarithmic, because a MetaNet changes most in its first epochs, or linear.

Epoch 0, the network before training, has no logarithm: it stands half a step before epoch 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from srnn.figures.style import INK

SCALES = ("log", "linear")
"""How epochs may be spread along an axis."""
ZERO = 0.49
"""Where epoch 0 stands on a logarithmic axis; it rounds to 0 on hovering."""
_TICKS = (1, 2, 5)


def positions(epochs: Sequence[int] | np.ndarray, scale: str = "log") -> np.ndarray:
    """Where epochs stand on the axis, ``(T,)`` float64; one epoch alone has a linear axis.

    Raises:
        ValueError: unknown scale.
    """
    if scale not in SCALES:
        raise ValueError(f"unknown epoch scale {scale!r}; scales: {', '.join(SCALES)}")
    at = np.asarray(epochs, dtype=np.float64)
    alone = len(at) and np.ptp(at) == 0
    return at if alone or scale == "linear" else np.where(at <= 0, ZERO, at)


def mark(
    figure: go.Figure, epochs: np.ndarray, epoch: int | None, scale: str, color: str = INK
) -> None:
    """A line at one of the epochs, if it is given."""
    if epoch is not None:
        x = float(positions([*epochs, epoch], scale)[-1])
        figure.add_vline(x=x, line={"color": color, "dash": "dot", "width": 1.5})


def axis(epochs: Sequence[int] | np.ndarray, scale: str = "log") -> dict[str, Any]:
    """Plotly's settings of an epoch axis that shows all of the epochs (at least one).

    Raises:
        ValueError: unknown scale.
    """
    at = positions(epochs, scale)
    first, last = float(at.min()), float(at.max())
    if first == last:
        return {"title": {"text": "Epoch"}, "range": [first - 1, first + 1], "tickvals": [first]}
    if scale == "linear":
        return {"title": {"text": "Epoch"}, "range": [first, last]}
    ticks = [ZERO] if first == ZERO else []
    decades = range(int(np.log10(max(last, 1))) + 1)
    ticks += [step * 10.0**decade for decade in decades for step in _TICKS]
    ticks = [tick for tick in ticks if first <= tick <= last]
    return {
        "title": {"text": "Epoch (logarithmic)"},
        "type": "log",
        "range": [float(np.log10(first)), float(np.log10(last))],
        "tickvals": ticks,
        "ticktext": ["0" if tick == ZERO else f"{tick:,.0f}" for tick in ticks],
        "hoverformat": ",.0f",
    }
