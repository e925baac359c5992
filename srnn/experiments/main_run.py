"""Row 11: the log's main run, its counts and its accuracy."""

from __future__ import annotations

import plotly.graph_objects as go

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
from srnn.experiments.dead_outputs import dead_outputs
from srnn.figures.rows import epoch_axes, log_points, mean_line, panels
from srnn.figures.style import PALETTE
from srnn.runs import Run
from srnn.runs.results import Computed

MAIN = "h = 4"
LOG_COUNTS, LOG_ACCURACY = {1: 1450.0, 6: 1240.0, 200: 1165.0}, {6: 0.56, 200: 0.645}


def arms(settings: Settings) -> Arms:
    return {
        MAIN: settings.configs(neurons=4),
        NONE: settings.configs(neurons=4, goal="none"),
        SHUFFLED: settings.configs(neurons=4, labels="shuffled"),
    }


def measure(run: Run) -> Computed:
    """Replicators and accuracy after 1 and 6 epochs and at the end; dead outputs at the end."""
    records = run.records[["epoch", "zero", "identity", "other", "test_accuracy"]].copy()
    records["replicators"] = records["zero"] + records["identity"]
    facts = {"dead": float(dead_outputs(run).sum())}
    for name, epoch in (("1", 1), ("6", 6), ("end", records["epoch"].iloc[-1])):
        row = records[records["epoch"] == min(epoch, records["epoch"].iloc[-1])].iloc[0]
        facts[f"count_{name}"] = float(row["replicators"])
        facts[f"accuracy_{name}"] = float(row["test_accuracy"])
    return facts, {"records": records}


def _count(when: str, key: str, log: str, value: int) -> Claim:
    return Claim(
        f"zero + identity {when}",
        log,
        "type plot and graphs of row 11: h = 4, alpha 100, residual, 200 epochs",
        value - COUNT,
        value + COUNT,
        WHY_COUNT,
        At(MAIN, f"count_{key}"),
        At(NONE, f"count_{key}"),
        NONE,
        "count",
    )


def _accuracy(when: str, key: str, value: float) -> Claim:
    return Claim(
        f"test accuracy {when}",
        str(value),
        "training plot of row 11, from 1,500 images",
        value - ACCURACY,
        value + ACCURACY,
        WHY_ACCURACY,
        At(MAIN, f"accuracy_{key}"),
        At(SHUFFLED, f"accuracy_{key}"),
        SHUFFLED,
        "%",
    )


CLAIMS = (
    _count("after 1 epoch", "1", "about 1,450", 1450),
    _count("after 6 epochs", "6", "about 1,240", 1240),
    _count("at the end", "end", "1,165 (and 353 other)", 1165),
    _accuracy("after 6 epochs", "6", 0.56),
    _accuracy("at the end", "end", 0.645),
)


def finding(found: Found) -> list[str]:
    accuracy = found.judged["test accuracy at the end"]
    said = [f"Accuracy at the end: {found.text(MAIN, 'accuracy_end')}; the log: 64.5 %."]
    if accuracy.holds is False and accuracy.real.mean > accuracy.claim.high:
        said.append(
            "It depends on how many output cells are dead (on average "
            f"{found.text(MAIN, 'dead', '1')} here, at least 2 in the log's own graph); see: dead "
            "outputs."
        )
    return said


def figure(tables: Tables) -> go.Figure:
    """Counts and accuracy over the epochs, with what the log reports; placebos dotted."""
    records = tables["records"]
    drawn = panels(2, ("zero + identity, and other", "test accuracy"))
    one, two = {"row": 1, "col": 1}, {"row": 1, "col": 2}
    own = records[records["arm"] == MAIN]
    mean_line(drawn, own, "replicators", "zero + identity", color=PALETTE["identity"], place=one)
    mean_line(drawn, own, "other", "other", color=PALETTE["other"], place=one)
    mean_line(drawn, own, "test_accuracy", "test accuracy", scale=100, place=two)
    for arm, column, place, scale in (
        (NONE, "replicators", one, 1),
        (SHUFFLED, "test_accuracy", two, 100),
    ):
        part = records[records["arm"] == arm]
        mean_line(drawn, part, column, f"placebo: {arm}", dash="dot", place=place, scale=scale)
    if records["epoch"].max() >= 200:
        log_points(drawn, LOG_COUNTS, place=one)
        log_points(drawn, LOG_ACCURACY, scale=100, place=two, legend=False)
    epoch_axes(drawn, records["epoch"])
    drawn.update_yaxes(title="Particles", range=[-20, 1600], col=1)
    if records["replicators"].max() < 1000:
        drawn.update_yaxes(range=None, rangemode="tozero", col=1)
    drawn.update_yaxes(title="Test accuracy (%)", range=[-2, 102], col=2)
    return drawn


EXPERIMENT = Experiment(
    "11",
    "Connectivity: 200 epochs, 4 neurons, alpha 100, residual",
    "Do the log's counts and accuracy come out again?",
    "The log's main run: 1,518 particles with 4 neurons per layer, self-replication weighted with "
    "100, residual skips, 200 epochs. Its epoch e is e + 1 here, its identities include zeros. Its "
    "count of other is what is left of 1,518, so it is no claim of its own.",
    arms,
    CLAIMS,
    figure,
    measure,
    finding,
    premise=(MAIN,),
    data="records",
    page="connectivity",
)
