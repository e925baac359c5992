"""Without residual skips, 8 neurons, alpha 100: what do the residual skips do?

The log trained the same network with and without residual skips, and read off its plots that
without them self-replication is served first and the task comes later: 0.87 by epoch 25 to 30
instead of 5. Its counts of other are what is left of 1,518.
"""

import plotly.graph_objects as go

from srnn.experiments.base import NONE, PLACEBOS, SHUFFLED, Experiment, Found, Tables, trainings
from srnn.experiments.claims import (
    Claim,
    Log,
    Tolerance,
    accuracy_about,
    across,
    count_about,
    reported,
)
from srnn.figures.rows import Line, courses
from srnn.figures.style import PALETTE, REPLICATOR
from srnn.runs import Run
from srnn.runs.results import Computed

WITH, WITHOUT = "with residual skips", "without"
REACHED = 0.87
"""The accuracy whose first epoch the log compares."""
LOG = {WITH: {1: 0.69, 6: 0.875, 200: 0.918}, WITHOUT: {31: 0.87, 200: 0.905}}
SOURCE = "training and type plots of row 14: h = 8, alpha 100, 200 epochs"
KINDS = ((WITH, "each"), (WITHOUT, "none"))
arms = trainings(
    {arm: {"neurons": 8, "residual": kind} for arm, kind in KINDS}
    | {
        f"{arm}, {control}": {"neurons": 8, "residual": kind, **PLACEBOS[control]}
        for arm, kind in KINDS
        for control in (SHUFFLED, NONE)
    }
)


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


def _accuracy(arm: str, when: str, key: str, log: str, tolerance: Tolerance) -> Claim:
    where = across(key, arm, f"{arm}, {SHUFFLED}", SHUFFLED)
    return reported(f"{arm}: accuracy {when}", where, tolerance, Log(log, SOURCE))


def _count(arm: str, value: int) -> Claim:
    log = Log(f"{value} (and {1518 - value} other)", SOURCE)
    where, name = across("count", arm, f"{arm}, {NONE}", NONE), f"{arm}: zero + identity at the end"
    return reported(name, where, count_about(value), log)


RANGE = Tolerance(0.88, 0.955, "3 points beyond both ends: read off a plot")
CLAIMS = (
    _accuracy(WITH, "after 6 epochs", "after_6", "0.875", accuracy_about(0.875)),
    _accuracy(WITH, "at the end", "end", "0.91 to 0.925", RANGE),
    _accuracy(
        WITHOUT, "after 31 epochs", "after_31", "0.87 by epoch 25 to 30", accuracy_about(0.87)
    ),
    _accuracy(WITHOUT, "at the end", "end", "0.905", accuracy_about(0.905)),
    reported(
        "epochs by which 87 % comes later without skips",
        across("first", WITHOUT, f"{WITHOUT}, {NONE}", NONE, WITH, f"{WITH}, {NONE}"),
        Tolerance(15, 30, "five epochs to either side: read off a plot", "count"),
        Log("20 to 25 (by epoch 25 to 30 instead of 5)", SOURCE),
    ),
    _count(WITH, 588),
    _count(WITHOUT, 640),
)


def finding(found: Found) -> list[str]:
    def reached(arm: str) -> list[float]:
        return [epoch for epoch in found.values(arm, "first") if epoch == epoch]

    said = []
    for arm in (WITH, WITHOUT):
        seeds, count = len(reached(arm)), len(found.values(arm, "end"))
        when = f", on average in epoch {found.text(arm, 'first', 'count')}" if seeds else ""
        said.append(f"{arm.capitalize()}: {seeds} of {count} seeds reach 87 %{when}.")
    late = found.judged[CLAIMS[4].quantity]
    bare = all(reached(f"{arm}, {NONE}") for arm in (WITH, WITHOUT))
    if late.real.count and late.real.mean > 0 and bare:
        said.append(
            "Without self-replication the skips make a difference of "
            f"{late.placebo.text(digits=0)} epochs."
        )
    return said


def figure(tables: Tables) -> go.Figure:
    """With and without residual skips side by side, on alike axes."""
    accuracies, counts = [], []
    for kind in (WITH, WITHOUT):
        own = tables["records"].query("arm == @kind")
        accuracy = Line(own, "test_accuracy", "accuracy", scale=100, log=LOG[kind])
        accuracies.append((kind, "Test accuracy (%)", [accuracy]))
        replicators = Line(own, "replicators", "zero + identity", REPLICATOR)
        others = Line(own, "other", "other", PALETTE["other"])
        counts.append(("", "Particles", [replicators, others]))
    return courses([*accuracies, *counts])


EXPERIMENT = Experiment(
    "14", __doc__, arms, CLAIMS, figure, measure, finding, (WITH, WITHOUT), "records", "train"
)
