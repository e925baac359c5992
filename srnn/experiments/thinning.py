"""Visualisation of connectivity: does the net really thin out?

The log drew the macro network as a graph, one drawing per type, and found that the net really thins
out. Here: surviving connections over the epochs, pixels that are no longer read, and what dropping
the replicators costs.
"""

import plotly.graph_objects as go

from srnn.analysis.connectivity import thinning
from srnn.analysis.types import history_measures
from srnn.experiments.base import NONE, PERMUTED, Experiment, Found, Tables, drop_costs, trainings
from srnn.experiments.claims import SAME, Log, across, at_most, question, reported, within
from srnn.figures.rows import Line, courses
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.vocabulary import ZERO, is_replicator

MAIN = "h = 4"
arms = trainings({MAIN: {"neurons": 4}}, MAIN, (NONE, PERMUTED))


def measure(run: Run) -> Computed:
    """Survivors over the epochs (fewest, when, and at the end), pixels that are no longer read,
    and what dropping the replicators costs."""
    codes = history_measures(run.snapshots, run.encoding).codes()
    course = thinning(codes, run.shape, run.snapshot_epochs)
    course.insert(1, "alive", (codes != ZERO).sum(1))
    low = int(course["survivors"].to_numpy().argmin())
    costs, _ = drop_costs(run.weights, {"replicators": is_replicator(codes[-1])}, run)
    facts = {
        "left": float(course["survivors"].iloc[-1] / run.shape.particles),
        "end": float(course["survivors"].iloc[-1]),
        "fewest": float(course["survivors"].iloc[low]),
        "when": float(course["epoch"].iloc[low]),
        "unread": float(course["unread_pixels"].iloc[-1]),
        "cost": costs["replicators"],
        "cost_chance": costs["replicators, at random"],
    }
    return facts, {"thinning": course}


CLAIMS = (
    *(
        reported(
            f"connections that survive{beside}",
            across("left", MAIN, placebo),
            at_most(0.5, "half of the connections"),
            Log('"the net really thins out"', "row 7 of the log, h = 4, alpha 100, no number"),
        )
        for beside, placebo in (("", NONE), (", beside a permuted target", PERMUTED))
    ),
    question(
        "drop cost of the replicators",
        within(MAIN, "cost", "cost_chance", "as many at random"),
        SAME,
        "dropping the replicators costs nothing at this instant",
        "dropping the replicators costs accuracy",
    ),
)


def course(fewest: float, when: float, end: float, start: float) -> str:
    """The course of the survivors in a sentence: counts, means over seeds."""
    if not fewest < start:
        return f"No connection is lost: {end:,.0f} of {start:,.0f} survive."
    fall = f"Survivors fall from {start:,.0f} to {fewest:,.0f} by epoch {when:.0f}"
    return fall + (f", then grow to {end:,.0f}." if end > 1.1 * fewest else " and stay few.")


def finding(found: Found) -> list[str]:
    fewest, when, end = (found.estimate(MAIN, key).mean for key in ("fewest", "when", "end"))
    table = found.tables["thinning"].query("arm == @MAIN and epoch == 0")
    return [
        course(fewest, when, end, float(table["survivors"].mean())),
        f"{found.text(MAIN, 'unread', 'count')} pixels are no longer read at the end. Accuracy "
        f"{found.text(MAIN, 'accuracy')}; with the target permuted {found.text(PERMUTED, 'left')} "
        f"of the connections survive, accuracy {found.text(PERMUTED, 'accuracy')}.",
    ]


def figure(tables: Tables) -> go.Figure:
    """Connections that are left over the epochs, from the untrained network on."""
    panels, label = [], "Connections, pixels"
    for arm in (MAIN, NONE):
        own = tables["thinning"].query("arm == @arm")
        lines = [
            Line(own, "alive", "not zero", dash="dot"),
            Line(own, "survivors", "survivors"),
            Line(own, "unread_pixels", "pixels no longer read", dash="dash"),
        ]
        panels.append((arm, label, lines))
    return courses(panels)


EXPERIMENT = Experiment(
    "7", __doc__, arms, CLAIMS, figure, measure, finding, (MAIN,), "thinning", "connectivity"
)
