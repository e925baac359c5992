"""Who survives: connections, pixels and cells, over epochs, per layer, as image (log row 7)."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from srnn.figures.epochs import axis, mark, positions
from srnn.figures.style import (
    FAINT,
    MUTED,
    SEQUENTIAL,
    blank,
    count,
    line,
    marks,
    message,
    note,
    percent,
    subplots,
)


def survivors_over_epochs(
    thinning: pd.DataFrame, connections: int, pixels: int, epoch: int | None = None
) -> go.Figure:
    """The net thins out: surviving connections, pixels no longer read, isolated cells.

    Args:
        thinning: ``epoch, survivors, unread_pixels, isolated_cells``, a row per snapshot.
        connections: all connections. pixels: all input pixels.
        epoch: marked by a line, if given.
    """
    if not len(thinning):
        return message("No snapshot has been recorded.")
    figure = subplots(3, shared_xaxes=True, vertical_spacing=0.06)
    figure.update_layout(height=540, showlegend=False, hovermode="x unified")
    panels = (
        ("survivors", "Surviving<br>connections", connections),
        ("unread_pixels", "Pixels no<br>longer read", pixels),
        ("isolated_cells", "Isolated<br>cells", None),
    )
    epochs = thinning["epoch"].to_numpy()
    for row, (column, title, total) in enumerate(panels, start=1):
        values = thinning[column].to_numpy()
        last = f"{count(values[-1])} of {count(total)}" if total else count(values[-1])
        place = {"row": row, "col": 1}
        more = {"mode": "lines+markers", "marker": {"size": 5}, "hovertemplate": "%{y:,}", **place}
        line(figure, positions(epochs), values, title.replace("<br>", " "), **more)
        beside = {"x": 1.01, "xref": "paper", "xanchor": "left", "yref": f"y{row}"}
        figure.add_annotation(text=last, y=values[-1], **beside)
        figure.update_yaxes(
            title=title,
            range=[0, 1.08 * max(1, values.max())],
            tickformat=",~r",
            nticks=5,
            dtick=1 if values.max() <= 4 else None,
            **place,
        )
    mark(figure, epochs, epoch, "log", MUTED)
    along = axis(epochs)
    title = along.pop("title")
    figure.update_xaxes(along).update_xaxes(title=title, row=3, col=1)
    return figure.update_layout(margin={"l": 84, "r": 110})


def survivors_per_layer(frame: pd.DataFrame, epoch: int | None = None) -> go.Figure:
    """Share of each layer's connections that survive, at one epoch (default: the last).

    ``frame``: ``epoch, layer, connections, survivors, share`` (0..1).
    """
    if not len(frame):
        return message("No snapshot has been recorded.")
    at = frame["epoch"].max() if epoch is None else epoch
    rows = frame[frame["epoch"] == at]
    if not len(rows):
        return message(f"No snapshot of epoch {at}.")
    figure = blank(showlegend=False, barmode="overlay", height=340)
    names = [f"layer {layer}" for layer in rows["layer"]]
    figure.add_bar(
        x=names, y=[100] * len(rows), marker={"color": FAINT}, hoverinfo="skip", width=0.6
    )
    figure.add_bar(
        x=names,
        y=rows["share"].to_numpy() * 100,
        marker={"color": MUTED},
        width=0.6,
        customdata=np.stack([rows["survivors"], rows["connections"]], axis=1),
        hovertemplate="%{x}: %{customdata[0]:,} of %{customdata[1]:,}<extra></extra>",
    )
    for name, row in zip(names, rows.to_dict("records"), strict=True):
        of = f"{count(row['survivors'])} of {count(row['connections'])}"
        text = f"{of}<br>{percent(row['share'])}"
        figure.add_annotation(x=name, y=101, yanchor="bottom", text=text, font={"size": 12})
    figure.update_yaxes(
        title="Surviving connections (%)", range=[0, 122], tickvals=[0, 25, 50, 75, 100]
    )
    figure.update_xaxes(title="Weight layer (0 reads the input)")
    return figure


def pixel_map(counts: np.ndarray, cells: int) -> go.Figure:
    """Surviving connections that leave each input pixel: ``(inputs,)``, each 0..cells. Crosses
    mark pixels that are no longer read. Drawn as an image where their number is a square."""
    side = round(len(counts) ** 0.5)
    image = counts.reshape(side, side) if side * side == len(counts) else counts[None]
    figure = blank()
    figure.add_heatmap(
        z=image,
        colorscale=SEQUENTIAL,
        zmin=0,
        zmax=max(1, cells),
        xgap=1,
        ygap=1,
        hovertemplate="pixel row %{y}, column %{x}: %{z} connections<extra></extra>",
        colorbar={"title": {"text": "connections"}, "dtick": 1 if cells <= 10 else None},
    )
    rows, columns = np.nonzero(image == 0)
    unseen = {"hoverinfo": "skip", "showlegend": False}
    marks(figure, columns, rows, color=MUTED, symbol="x-thin-open", size=6, **unseen)
    every = max(1, -(-side // 8))
    ticks = list(range(0, side, every)) if len(image) > 1 else None
    figure.update_xaxes(title="Pixel column", constrain="domain", showline=False, tickvals=ticks)
    figure.update_yaxes(
        title="Pixel row",
        tickvals=ticks,
        autorange="reversed",
        scaleanchor="x",
        constrain="domain",
        showline=False,
        showgrid=False,
    )
    unread = int((counts == 0).sum())
    note(figure, f"{unread} of {len(counts)} pixels are no longer read (×).")
    return figure
