"""The trajectory cube and the explained variance of its components (log row 8)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from srnn.figures.epochs import axis as epoch_axis
from srnn.figures.epochs import positions
from srnn.figures.style import (
    DRAWN,
    EPOCHS,
    FAINT,
    INK,
    LABELS,
    MUTED,
    PALETTE,
    TYPES,
    blank,
    count,
    line,
    message,
    note,
    percent,
    subplots,
)

GRID = 24
"""Paths side by side at most."""
NAMED = 400
"""Up to this many particles, every point says on hovering whose it is."""
EYE = 2.4
"""How far away the cube is looked at from, where the whole of it is to be seen."""
_WIDTHS = {"zero": 2, "identity": 2.5, "second_order": 3, "other": 2.5, "divergent": 3}


def _eye(camera: tuple[float, float, float] | None) -> tuple[float, float, float]:
    """Where Plotly is to look at a cube from, so that it is turned as the stage's: yaw and pitch
    (radians) turn it there, zoom (1: all of it) is how near it is."""
    if camera is None:
        return 1.6, 1.6, 0.83
    yaw, pitch, zoom = camera
    far = EYE / zoom
    return (
        -far * math.sin(yaw) * math.cos(pitch),
        -far * math.cos(yaw) * math.cos(pitch),
        -far * math.sin(pitch),
    )


def trajectory_cube(
    coordinates: np.ndarray,
    epochs: Sequence[int],
    codes: np.ndarray,
    names: Sequence[str],
    *,
    against_epoch: bool = True,
    color: str = "type",
    shares: Sequence[float] | None = None,
    left_out: int = 0,
    scale: str = "log",
    camera: tuple[float, float, float] | None = None,
) -> go.Figure:
    """Paths of particles through component space.

    One trace per type, its particles separated by NaN: thousands of lines stay quick to draw.

    Args:
        coordinates: ``(T, S, k)``, k at least 2 (against the epoch) or 3.
        epochs: ``(T,)``.
        codes: ``(S,)`` type of every particle at the end.
        names: ``(S,)``.
        against_epoch: two components and the epoch as height; otherwise three components.
        color: ``type`` (at the end) or ``epoch``.
        shares: share of variance (0..1) of the components, if there was one fit for all.
        left_out: how many diverged particles are not shown.
        scale: of the epoch as height: ``log`` or ``linear`` (:mod:`srnn.figures.epochs`).
        camera: yaw, pitch and zoom as on the stage; by default from above a corner.

    Raises:
        ValueError: too few components, or an unknown colour or scale.
    """
    snapshots, shown, components = coordinates.shape
    if components < (2 if against_epoch else 3):
        raise ValueError(f"{components} components are too few for this cube")
    if color not in ("type", "epoch"):
        raise ValueError(f"unknown colour {color!r}; colours: type, epoch")
    if not shown:
        return message(
            "No particle to show: all of them have diverged."
            if left_out
            else "No particle to show. Widen the choice of types, layers or cells."
        )
    figure = blank(height=640, margin={"l": 0, "r": 0, "t": 8, "b": 36})
    times = np.asarray(epochs, dtype=np.float32)
    points = coordinates
    if against_epoch:
        height = np.broadcast_to(positions(epochs, scale)[:, None, None], (snapshots, shown, 1))
        points = np.concatenate([coordinates[..., :2], height], axis=2, dtype=np.float32)
    way = _way(points)
    for name in DRAWN:
        own = np.flatnonzero(np.asarray(codes) == TYPES.index(name))
        if len(own):
            axes = [points[:, own, axis] for axis in range(3)]
            labels = [names[index] for index in own.tolist()] if shown <= NAMED else None
            _paths(figure, name, axes, times, labels, way if color == "epoch" else None)
    if color == "epoch":
        figure.update_layout(coloraxis=_epoch_colors(times, way))
    scene: dict[str, Any] = {
        "aspectmode": "cube",
        "camera": {"eye": dict(zip("xyz", _eye(camera), strict=True)), "center": {"z": -0.08}},
        "uirevision": "keep the camera",
    }
    for axis, letter in enumerate("xyz"):
        share = f" ({percent(shares[axis])})" if shares is not None and axis < len(shares) else ""
        scene[f"{letter}axis"] = {"title": {"text": f"PC {axis + 1}{share}"}}
    if against_epoch:
        scene["zaxis"] = epoch_axis(epochs, scale)
    figure.update_layout(
        scene=scene,
        legend={"itemsizing": "constant", "y": 0.99, "yanchor": "top", "x": 0.01},
    )
    parts = [f"{count(shown)} particles, {snapshots} snapshots; dots: where they end."]
    if left_out:
        parts.append(f"{count(left_out)} left out: diverged.")
    if snapshots == 1:
        parts.append("One snapshot only: points, no paths.")
    note(figure, " ".join(parts), x=0.01, y=0, yanchor="top")
    return figure


def path_grid(
    coordinates: np.ndarray, epochs: Sequence[int], codes: np.ndarray, names: Sequence[str]
) -> go.Figure:
    """Every particle's own path in its own two components, side by side, each to its own scale: the
    form of paths can be compared, not their size. ``(T, S, k)`` with k at least 2; the first
    :data:`GRID` particles are drawn. Colour: the rank of the epoch, ending at the dot."""
    shown = min(coordinates.shape[1], GRID)
    if not shown:
        return message("No particle to show. Widen the choice of types, layers or cells.")
    columns = min(shown, 6)
    rows = -(-shown // columns)
    labels = [LABELS[TYPES[codes[index]]] for index in range(shown)]
    figure = subplots(
        rows,
        columns,
        subplot_titles=[f"{names[index]}<br>{labels[index]}" for index in range(shown)],
        horizontal_spacing=0.02,
        vertical_spacing=0.3 / rows,
    )
    rank = np.arange(len(epochs))
    for index in range(shown):
        x, y = coordinates[:, index, :2].T
        place = {"row": index // columns + 1, "col": index % columns + 1}
        line(
            figure,
            x,
            y,
            color=FAINT,
            width=1.5,
            mode="lines+markers",
            marker={"color": rank, "coloraxis": "coloraxis", "size": 5},
            text=[f"epoch {epoch:,}" for epoch in epochs],
            hovertemplate=f"{names[index]}, %{{text}}<extra>{labels[index]}</extra>",
            showlegend=False,
            **place,
        )
        reach = 0.6 * max(float(np.ptp(x)), float(np.ptp(y)), 1e-12)
        for update, values in ((figure.update_xaxes, x), (figure.update_yaxes, y)):
            middle = float(values.max() + values.min()) / 2
            update(
                range=[middle - reach, middle + reach],
                showticklabels=False,
                ticks="",
                showgrid=False,
                mirror=True,
                linecolor=FAINT,
                **place,
            )
    figure.update_layout(
        height=60 + 150 * rows,
        margin={"l": 16, "r": 80, "t": 48, "b": 36},
        coloraxis=_epoch_colors(epochs, rank),
    )
    figure.update_annotations(font={"size": 11})
    note(figure, "Each to its own scale; PC 1 across, PC 2 up.", x=0, y=0, yshift=-8)
    return figure


def _way(points: np.ndarray) -> np.ndarray:
    """How much of the way that is drawn is gone at each snapshot, ``(T,)`` from 0: steps of
    ``points (T, S, 3)``, each axis to its own scale, on average over the paths. Most of it is gone
    in the first epochs; colours spread over the epochs would leave nearly all in one colour."""
    spans = np.maximum(np.ptp(points, axis=(0, 1)), 1e-12)
    steps = np.linalg.norm(np.diff(points, axis=0) / spans, axis=2).mean(1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _epoch_colors(epochs: Sequence[int] | np.ndarray, places: np.ndarray) -> dict[str, object]:
    """Colours for epochs at their ``places`` on the scale, ascending from 0."""
    last, ticks = len(places) - 1, [0]
    for index in range(1, last + 1):
        gaps = places[index] - places[ticks[-1]], places[last] - places[index]
        if index == last or min(gaps) > 0.1 * places[last]:
            ticks.append(index)
    return {
        "colorscale": EPOCHS,
        "cmin": 0,
        "cmax": float(places[last]) or 1.0,
        "colorbar": {
            "title": "Epoch",
            "len": 0.8,
            "tickvals": [float(places[tick]) for tick in ticks],
            "ticktext": [f"{epochs[tick]:,.0f}" for tick in ticks],
        },
    }


def explained_variance(explained: pd.DataFrame) -> go.Figure:
    """Share of the variance that each component explains: ``group, component, share`` (0..1).

    One fit: bars. Several fits: every fit a dot, over the median.
    """
    if not len(explained):
        return message("No fit to show.")
    figure = blank(showlegend=False, height=340)
    groups = explained["group"].nunique()
    by_component = explained.groupby("component")["share"].median() * 100
    figure.add_bar(
        x=by_component.index,
        y=by_component.to_numpy(),
        marker_color=FAINT if groups > 1 else MUTED,
        width=0.6,
        text=[percent(share / 100) for share in by_component],
        textposition="inside" if groups > 1 else "outside",
        insidetextanchor="start",
        insidetextfont={"color": INK},
        cliponaxis=False,
        hovertemplate="component %{x}: %{y:.1f} %<extra></extra>",
    )
    if groups > 1:
        spread = np.random.default_rng(0).uniform(-0.22, 0.22, len(explained))
        figure.add_scattergl(
            x=explained["component"].to_numpy() + spread,
            y=explained["share"].to_numpy() * 100,
            text=explained["group"],
            mode="markers",
            marker={"color": INK, "size": 7 if groups < 30 else 3, "opacity": 0.7},
            hovertemplate="%{text}: %{y:.1f} %<extra></extra>",
        )
        note(figure, f"Bars: median of {count(groups)} fits; dots: each fit.")
    highest = max(1.0, float(explained["share"].max()) * 100)
    figure.update_xaxes(title="Component", dtick=1)
    figure.update_yaxes(title="Explained variance (%)", range=[0, min(108.0, 1.15 * highest)])
    return figure


def _paths(
    figure: go.Figure,
    name: str,
    axes: list[np.ndarray],
    epochs: np.ndarray,
    labels: list[str] | None,
    way: np.ndarray | None,
) -> None:
    """One trace of lines and one of end points for a type; axes are three ``(T, S)`` arrays; the
    ``way`` at each snapshot is their colour, if it is given."""
    snapshots, members = axes[0].shape
    gap = np.full((1, members), np.nan, dtype=np.float32)
    x, y, z = (np.concatenate([axis, gap]).T.ravel().astype(np.float32) for axis in axes)
    style = {"color": PALETTE[name], "width": _WIDTHS[name]}
    if way is not None:
        along = np.tile(np.append(way, way[-1]), members)  # one more in the gap
        style = {"color": along, "coloraxis": "coloraxis", "width": 2}
    entry = {"name": f"{LABELS[name]} ({count(members)})", "legendgroup": name}
    lines: dict[str, Any] = {"hoverinfo": "name"}
    dots = lines
    if labels is not None:
        times = [*(f"epoch {epoch:.0f}" for epoch in epochs), ""]
        form = f"%{{text}}<extra>{LABELS[name]}</extra>"
        text = [f"{label}, {time}" for label in labels for time in times]
        lines = {"text": text, "hovertemplate": form}
        dots = {"text": text[snapshots - 1 :: snapshots + 1], "hovertemplate": form}
    if snapshots > 1:
        shown = {"opacity": 0.85, "showlegend": way is None, "connectgaps": False, **lines}
        figure.add_scatter3d(x=x, y=y, z=z, mode="lines", line=style, **entry, **shown)
    x, y, z = (axis[-1] for axis in axes)
    marker = {"color": PALETTE[name], "size": 3 if snapshots > 1 else 4}
    shown = {"showlegend": snapshots == 1 or way is not None, **dots}
    figure.add_scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, **entry, **shown)
