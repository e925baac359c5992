"""The training plot: losses on a logarithmic axis, accuracies on the second one."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from srnn.figures.style import MUTED, blank, line, marks, message, note

LOSSES = (
    ("replication_loss", "self-replication loss × alpha", "solid"),
    ("task_loss", "task loss", "dash"),
)
ACCURACIES = (
    ("test_accuracy", "test accuracy", "solid"),
    ("train_accuracy", "training accuracy", "dot"),
)


def training_plot(records: pd.DataFrame, snapshots: list[int] | None = None) -> go.Figure:
    """Losses and accuracies over the epochs.

    Args:
        records: one row per epoch: ``epoch, replication_loss, task_loss, test_accuracy,
            train_accuracy`` (accuracies 0..1; NaN where not known). Losses of zero have no place
            on a logarithmic axis and are left out.
        snapshots: epochs whose weights were kept, marked on the axis.
    """
    if not len(records):
        return message("No epoch has been recorded.")
    figure = blank(hovermode="x unified")
    epochs = records["epoch"].to_numpy()
    mode = "lines" if len(records) > 1 else "markers"
    missing, losses = [], []
    for column, name, dash in LOSSES:
        values = records[column].to_numpy(dtype=np.float64)
        values = np.where(values > 0, values, np.nan)
        if not np.isfinite(values).any():
            missing.append(name)
            continue
        losses.append(values[np.isfinite(values)])
        line(figure, epochs, values, name, dash=dash, mode=mode, hovertemplate="%{y:.3g}")
    for column, name, dash in ACCURACIES:
        values = records[column].to_numpy(dtype=np.float64) * 100
        width = 3 if dash == "solid" else 2
        hover = {"hovertemplate": "%{y:.1f} %"}
        line(figure, epochs, values, name, MUTED, dash, width, mode=mode, yaxis="y2", **hover)
    if snapshots:
        kept = {"yaxis": "y2", "hoverinfo": "skip", "cliponaxis": False}
        ground = np.zeros(len(snapshots))
        marks(figure, snapshots, ground, "weights kept", MUTED, "line-ns-open", 6, **kept)
    decades = np.ptp(np.log10(np.concatenate(losses))) if losses else 0.0
    last = float(epochs[-1]) if len(epochs) > 1 else float(epochs[0]) + 1
    figure.update_xaxes(title="Epoch", range=[float(epochs[0]), last])
    figure.update_layout(
        yaxis={
            "title": "Loss",
            "type": "log",
            "exponentformat": "power",
            "dtick": max(1, round(decades / 10)),  # about ten ticks
        },
        yaxis2={
            "title": "Accuracy (%)",
            "overlaying": "y",
            "side": "right",
            "range": [0, 100],
            "tickmode": "linear",
            "tick0": 0,
            "dtick": 20,
            "showgrid": False,
        },
        margin={"r": 64},
    )
    if missing:
        note(figure, f"Not shown, zero or unknown throughout: {', '.join(missing)}.")
    return figure
