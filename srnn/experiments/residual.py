"""Row 14: 8 neurons, alpha 100, with and without residual skips."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from srnn.experiments.base import (
    ACCURACY,
    COUNT,
    NONE,
    SHUFFLED,
    WHY_ACCURACY,
    WHY_COUNT,
    Arms,
    Experiment,
    Found,
    Settings,
    Tables,
)
from srnn.experiments.claims import At, Claim
from srnn.figures.rows import epoch_axes, log_points, mean_line
from srnn.figures.style import PALETTE, template
from srnn.runs import Run
from srnn.runs.results import Computed

WITH, WITHOUT = "with residual skips", "without"
PLACEBOS: dict[str, dict[str, Any]] = {SHUFFLED: {"labels": "shuffled"}, NONE: {"goal": "none"}}
REACHED = 0.87
"""The accuracy whose first epoch the log compares."""
LOG = {WITH: {1: 0.69, 6: 0.875, 200: 0.918}, WITHOUT: {31: 0.87, 200: 0.905}}
SOURCE = "training and type plots of row 14: h = 8, alpha 100, 200 epochs"


def arms(settings: Settings) -> Arms:
    kinds = {WITH: "each", WITHOUT: "none"}
    plain = {name: settings.configs(neurons=8, residual=kind) for name, kind in kinds.items()}
    return plain | {
        f"{name}, {control}": settings.configs(neurons=8, residual=kind, **changes)
        for name, kind in kinds.items()
        for control, changes in PLACEBOS.items()
    }


def measure(run: Run) -> Computed:
    """Accuracy after 6 and 31 epochs and at the end, the first epoch with 87 % (missing if there
    is none), replicators at the end."""
    records = run.records[["epoch", "zero", "identity", "other", "test_accuracy"]].copy()
    records["replicators"] = records["zero"] + records["identity"]
    accuracy = records.set_index("epoch")["test_accuracy"]
    last = accuracy.index[-1]
    reached = accuracy[accuracy >= REACHED].index
    facts = {f"after_{epoch}": float(accuracy[min(epoch, last)]) for epoch in (6, 31)}
    facts["end"] = float(accuracy.iloc[-1])
    facts["first"] = float(reached[0]) if len(reached) else float("nan")
    facts["count"] = float(records["replicators"].iloc[-1])
    return facts, {"records": records}


def _accuracy(arm: str, when: str, key: str, log: str, low: float, high: float) -> Claim:
    return Claim(
        f"{arm}: accuracy {when}",
        log,
        SOURCE,
        low - ACCURACY,
        high + ACCURACY,
        WHY_ACCURACY,
        At(arm, key),
        At(f"{arm}, {SHUFFLED}", key),
        SHUFFLED,
        "%",
    )


def _count(arm: str, log: int) -> Claim:
    return Claim(
        f"{arm}: zero + identity at the end",
        f"{log} (and {1518 - log} other)",
        SOURCE,
        log - COUNT,
        log + COUNT,
        WHY_COUNT,
        At(arm, "count"),
        At(f"{arm}, {NONE}", "count"),
        NONE,
        "count",
    )


CLAIMS = (
    _accuracy(WITH, "after 6 epochs", "after_6", "0.875", 0.875, 0.875),
    _accuracy(WITH, "at the end", "end", "0.91 to 0.925", 0.91, 0.925),
    _accuracy(WITHOUT, "after 31 epochs", "after_31", "0.87 by epoch 25 to 30", 0.87, 0.87),
    _accuracy(WITHOUT, "at the end", "end", "0.905", 0.905, 0.905),
    Claim(
        "epochs by which 87 % comes later without skips",
        "20 to 25 (by epoch 25 to 30 instead of 5)",
        SOURCE,
        15,
        30,
        "five epochs to either side: read off a plot",
        At(WITHOUT, "first", At(WITH, "first")),
        At(f"{WITHOUT}, {NONE}", "first", At(f"{WITH}, {NONE}", "first")),
        NONE,
        "count",
    ),
    _count(WITH, 588),
    _count(WITHOUT, 640),
)


def finding(found: Found) -> list[str]:
    said = []
    for arm in (WITH, WITHOUT):
        reached = [epoch for epoch in found.values(arm, "first") if epoch == epoch]
        count = len(found.values(arm, "end"))
        when = f", on average in epoch {found.text(arm, 'first', 'count')}" if reached else ""
        said.append(f"{arm.capitalize()}: {len(reached)} of {count} seeds reach 87 %{when}.")
    late = found.judged[CLAIMS[4].quantity]
    bare = [
        [epoch for epoch in found.values(f"{arm}, {NONE}", "first") if epoch == epoch]
        for arm in (WITH, WITHOUT)
    ]
    if late.real.count and late.real.mean > 0 and all(bare):
        said.append(
            "Without self-replication the skips make a difference of "
            f"{found.judged[CLAIMS[4].quantity].placebo.text(digits=0)} epochs."
        )
    return said


def figure(tables: Tables) -> go.Figure:
    """With and without residual skips side by side, on the same axes."""
    records = tables["records"]
    drawn = make_subplots(
        rows=2,
        cols=2,
        subplot_titles=(WITH, WITHOUT),
        horizontal_spacing=0.09,
        vertical_spacing=0.1,
    )
    drawn.update_layout(template=template(), height=560, legend={"y": 1.1}, margin={"t": 80})
    for col, kind in ((1, WITH), (2, WITHOUT)):
        part, legend = records[records["arm"] == kind], col == 1
        top, low = {"row": 1, "col": col}, {"row": 2, "col": col}
        accuracy = "test accuracy"
        mean_line(drawn, part, "test_accuracy", accuracy, scale=100, place=top, legend=legend)
        if records["epoch"].max() >= 200:
            log_points(drawn, LOG[kind], scale=100, place=top, legend=legend)
        for column, name in (("replicators", "zero + identity"), ("other", "other")):
            color = PALETTE["identity" if column == "replicators" else column]
            mean_line(drawn, part, column, name, color=color, place=low, legend=legend)
    epoch_axes(drawn, records["epoch"])
    drawn.update_xaxes(title="", row=1)
    most = float(records[["replicators", "other"]].to_numpy().max())
    drawn.update_yaxes(range=[0, 100], row=1)
    drawn.update_yaxes(range=[0, 1.05 * most], row=2)
    drawn.update_yaxes(title="Test accuracy (%)", row=1, col=1)
    drawn.update_yaxes(title="Particles", row=2, col=1)
    return drawn


EXPERIMENT = Experiment(
    "14",
    "Without residual skips, 8 neurons, alpha 100",
    "What do the residual skips do?",
    "The log trained the same network with and without residual skips, and read off its plots that "
    "without them self-replication is served first and the task comes later: 0.87 by epoch 25 to "
    "30 instead of 5. Its counts of other are what is left of 1,518.",
    arms,
    CLAIMS,
    figure,
    measure,
    finding,
    premise=(WITH, WITHOUT),
    data="records",
    page="train",
)
