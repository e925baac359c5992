"""Membership maps and the histogram of scalar weights (log rows 3 and 6)."""

from collections.abc import Callable, Sequence

import numpy as np
import plotly.graph_objects as go

from srnn.figures.style import (
    DASHES,
    DIVERGING,
    DRAWN,
    LABELS,
    PALETTE,
    SEQUENTIAL,
    TYPE_IMAGE,
    TYPES,
    blank,
    count,
    key,
    line,
    message,
    note,
    subplots,
)

MOST_CELLS = 12
"""Cells of the first layer that are shown as images; more are counted in a note."""
_ROUNDING = 1e-6  # scalar weights below it count as 0
_NONE = 0.5  # where a count of 0 stands on a logarithmic axis: the ground


def scalar_histogram(scalars: np.ndarray, codes: np.ndarray, bins: int = 61) -> go.Figure:
    """Scalar weights by type: both ``(P,)``; counts on a logarithmic axis, one step line a type.
    Diverged particles have no scalar weight and are counted in a note."""
    finite = np.isfinite(scalars)
    if not finite.any():
        return message("No particle has a finite scalar weight.")
    figure = blank()
    reach = float(np.abs(scalars[finite]).max()) or 1.0
    edges = np.linspace(-reach, reach, bins + 1)
    most = 1
    for name in DRAWN:
        own = scalars[finite & (codes == TYPES.index(name))]
        if len(own):
            counts = np.histogram(own, edges)[0]
            counts = np.append(counts, counts[-1])
            most = max(most, int(counts.max()))
            hover = {"customdata": counts, "hovertemplate": "from %{x:.2f}: %{customdata:,}"}
            y, label = np.maximum(counts, _NONE), f"{LABELS[name]} ({count(len(own))})"
            line(figure, edges, y, label, PALETTE[name], DASHES[name], line_shape="hv", **hover)
    figure.update_xaxes(title="Scalar weight f(0, 0, 0, 0, 1)")
    figure.update_yaxes(
        title="Particles", type="log", dtick=1, range=[np.log10(_NONE), np.log10(most) + 0.15]
    )
    if not finite.all():
        note(figure, f"{count((~finite).sum())} left out: not finite.")
    return figure


def type_maps(
    maps: Sequence[np.ndarray],
    mean: np.ndarray | None = None,
    mean_name: str = "mean digit",
) -> go.Figure:
    """Which particle is of which type: one ``(cells, inputs)`` map of codes per layer.

    The first layer is drawn as one image per cell, beside the mean image ``(inputs,)``, where the
    number of inputs is a square.
    """
    figure = _maps(maps, mean, mean_name, TYPE_IMAGE, _type_hover)
    for name in DRAWN:
        if number := sum(int((one == TYPES.index(name)).sum()) for one in maps):
            key(figure, f"{LABELS[name]} ({count(number)})", PALETTE[name])
    return figure.update_layout(legend={"y": 1.06})


def scalar_maps(
    maps: Sequence[np.ndarray],
    mean: np.ndarray | None = None,
    mean_name: str = "mean digit",
) -> go.Figure:
    """The scalar weights as images, as in :func:`type_maps`. One colour scale a figure, centred at
    zero; it ends at the 95th percentile of the absolute weights that are not 0, so that the many
    small ones can be seen."""
    values = np.abs(np.concatenate([one.ravel() for one in maps]))
    values = values[np.isfinite(values) & (values > _ROUNDING)]
    top = float(np.quantile(values, 0.95)) if len(values) else 1.0
    trace = {
        "colorscale": DIVERGING,
        "zmin": -top,
        "zmax": top,
        "colorbar": {"title": {"text": "scalar<br>weight"}},
    }
    figure = _maps(maps, mean, mean_name, trace, _scalar_hover)
    shown = False
    for heatmap in figure.data:
        if heatmap.meta == "layer":
            heatmap.showscale, shown = not shown, True
    return figure


def _maps(
    maps: Sequence[np.ndarray],
    mean: np.ndarray | None,
    mean_name: str,
    trace: dict[str, object],
    hover: Callable[[np.ndarray], object],
) -> go.Figure:
    cells, inputs = maps[0].shape
    side = round(inputs**0.5)
    image = side * side == inputs and side >= 4
    tiles: list[tuple[str, np.ndarray, dict[str, object], bool]] = []
    if image:
        if mean is not None:
            grey = {"colorscale": SEQUENTIAL, "showscale": False, "meta": "mean"}
            tiles.append((mean_name, mean.reshape(side, side), grey, True))
        tiles += [
            (f"cell {cell}", maps[0][cell].reshape(side, side), {**trace, "meta": "layer"}, True)
            for cell in range(min(cells, MOST_CELLS))
        ]
    first = len(tiles)
    tiles += [
        (f"layer {layer}", one, {**trace, "meta": "layer"}, False)
        for layer, one in enumerate(maps)
        if layer or not image
    ]
    columns, titles = 4, [title for title, *_ in tiles]
    rows_above = -(-first // columns)
    rows = rows_above + -(-(len(tiles) - first) // columns)
    figure = subplots(
        rows,
        columns,
        horizontal_spacing=0.025,
        vertical_spacing=min(0.1, 0.2 / rows),
        subplot_titles=titles[:first] + [""] * (-first % columns) + titles[first:],
    )
    margin = {"l": 16, "r": 16, "t": 70, "b": 72}
    figure.update_layout(height=142 + 210 * rows, margin=margin)
    for index, (title, values, style, square) in enumerate(tiles):
        place = index if index < first else rows_above * columns + index - first
        at = {"row": place // columns + 1, "col": place % columns + 1}
        text = None if style.get("meta") == "mean" else hover(values)
        figure.add_heatmap(
            z=values,
            text=text,
            hovertemplate=f"{title}: {'%{text}' if text is not None else '%{z:.2f}'}"
            + ("<br>row %{y}, column %{x}" if square else "<br>cell %{y}, input %{x}")
            + "<extra></extra>",
            xgap=0.5,
            ygap=0.5,
            **at,
            **style,
        )
        even = max(values.shape) <= 4 * min(values.shape)
        anchor = (figure.data[-1].xaxis or "x") if even else None
        hidden = {"visible": False, "constrain": "domain", **at}
        figure.update_xaxes(**hidden)
        figure.update_yaxes(autorange="reversed", scaleanchor=anchor, **hidden)
    if image:
        parts = ["Layer 0: one image per cell."]
        if len(maps) > 1:
            parts.append("Other layers: one row per cell, one column per input.")
        if cells > MOST_CELLS:
            parts.append(f"The first {MOST_CELLS} of {count(cells)} cells are shown.")
        note(figure, "<br>".join(parts), y=0, yshift=-14)
    figure.update_annotations(font={"size": 13})
    return figure


def _type_hover(values: np.ndarray) -> np.ndarray:
    return np.array([LABELS[name] for name in TYPES], dtype=object)[values]


def _scalar_hover(values: np.ndarray) -> np.ndarray:
    return np.vectorize(lambda value: f"{value:.3g}", otypes=[object])(values)
