"""Connectivity, 200 epochs, 4 neurons, alpha 100, residual: do counts and accuracy come out again?

The log's main run: 1,518 particles with 4 neurons per layer, self-replication weighted with 100,
residual skips, 200 epochs. Its epoch e is e + 1 here, its identities include zeros. Its count of
other is what is left of 1,518, so it is no claim of its own.
"""

import plotly.graph_objects as go

from srnn.experiments.base import NONE, SHUFFLED, Experiment, Found, Tables, trainings
from srnn.experiments.claims import Claim, Log, accuracy_about, across, count_about, reported
from srnn.experiments.dead_outputs import dead_outputs
from srnn.figures.rows import Line, courses
from srnn.figures.style import PALETTE, REPLICATOR
from srnn.runs import Run
from srnn.runs.results import Computed

MAIN = "h = 4"
LOG_COUNTS, LOG_ACCURACY = {1: 1450.0, 6: 1240.0, 200: 1165.0}, {6: 0.56, 200: 0.645}
arms = trainings({MAIN: {"neurons": 4}}, MAIN, (NONE, SHUFFLED))


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


def _count(when: str, key: str, said: str, value: int) -> Claim:
    log = Log(said, "type plot and graphs of row 11: h = 4, alpha 100, residual, 200 epochs")
    where = across(f"count_{key}", MAIN, NONE)
    return reported(f"zero + identity {when}", where, count_about(value), log)


def _accuracy(when: str, key: str, value: float) -> Claim:
    log = Log(str(value), "training plot of row 11, from 1,500 images")
    where = across(f"accuracy_{key}", MAIN, SHUFFLED)
    return reported(f"test accuracy {when}", where, accuracy_about(value), log)


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
    if accuracy.holds is False and accuracy.real.mean > accuracy.claim.tolerance.high:
        said.append(
            f"On average {found.text(MAIN, 'dead', '1')} of its ten output cells are dead here, at "
            "least 2 in the log's own graph; see: dead outputs."
        )
    return said


def figure(tables: Tables) -> go.Figure:
    """Counts and accuracy over the epochs, with what the log reports; placebos dotted."""
    main, bare, blind = (tables["records"].query("arm == @arm") for arm in (MAIN, NONE, SHUFFLED))
    counts = [
        Line(main, "replicators", "zero + identity", REPLICATOR, log=LOG_COUNTS),
        Line(main, "other", "other", PALETTE["other"]),
        Line(bare, "replicators", f"placebo: {NONE}", dash="dot"),
    ]
    accuracies = [
        Line(main, "test_accuracy", "test accuracy", scale=100, log=LOG_ACCURACY),
        Line(blind, "test_accuracy", f"placebo: {SHUFFLED}", dash="dash", scale=100),
    ]
    return courses([("particles", "Particles", counts), ("task", "Test accuracy (%)", accuracies)])


EXPERIMENT = Experiment(
    "11", __doc__, arms, CLAIMS, figure, measure, finding, (MAIN,), "records", "connectivity"
)
