"""The instant: what is a replicator a moment later?

Types are read right after a task step. Here a trained network goes on with replication steps only,
and is looked at after 0, 1, 2, 5 ... 500 of them; then with more replication steps between two task
steps; and the distance from the fixpoint is averaged over the steps of a whole epoch, which is a
type that no instant decides.
"""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch

from srnn.analysis.dropout import dropout_masks
from srnn.analysis.settle import STEPS, settle
from srnn.engines import Engine, Problem, make_engine
from srnn.experiments.base import Experiment, Found, Tables, trainings
from srnn.experiments.claims import SAME, Verdict, at_least, later_question, within
from srnn.figures.rows import Line, mean_line, panels
from srnn.figures.style import INK, MUTED, REPLICATOR
from srnn.fixpoints import classify, measures
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.tasks import task_of
from srnn.training import data_order
from srnn.vocabulary import EPSILON, is_replicator

LARGE, SMALL = "h = 8", "h = 4"
LOOK = 100
"""Steps after which the claims look."""
BETWEEN = (1, 2, 5, 10, 20, 50)
"""Replication steps between two task steps that are tried on the way."""
BATCHES = 24
"""Task steps of such a trial, a fifth of an epoch of MNIST."""
arms = trainings({LARGE: {"neurons": 8}, SMALL: {"neurons": 4}})


def measure(run: Run) -> Computed:
    """Census, accuracy and drop cost of the replicators against replication-only steps, and against
    task-only steps (the placebo); between task steps; and of a measure over a whole epoch."""
    moments = {
        "replication steps only": settle(run.weights, run.config, STEPS),
        "task steps only": np.stack(list(_task_steps(run))),
    }
    rows = [
        {"kind": kind, "steps": steps, **census(run, weights, replicating(run, weights))}
        for kind, history in moments.items()
        for steps, weights in zip(STEPS, history, strict=True)
    ]
    error = epoch_error(run)
    lasting = census(run, run.weights, error <= EPSILON)
    table = pd.DataFrame(rows)
    settled, busy = (
        table[(table["kind"] == kind) & (table["steps"] == LOOK)].iloc[0] for kind in moments
    )
    now = table.iloc[0]
    facts = {
        "now": now["share"],
        "cost_now": now["cost"],
        "settled": settled["share"],
        "cost_settled": settled["cost"],
        "busy": busy["share"],
        "change": settled["accuracy"] - now["accuracy"],
        "without": settled["without"] - now["accuracy"],
        "lasting": lasting["share"],
        "cost_lasting": lasting["cost"],
    }
    between = pd.DataFrame([{"between": k, **between_tasks(run, k)} for k in BETWEEN])
    return {key: float(value) for key, value in facts.items()}, {
        "settling": table,
        "between": between,
    }


def replicating(run: Run, weights: np.ndarray) -> np.ndarray:
    """Which particles of weights ``(n, P)`` replicate, ``(P,)`` bool."""
    return is_replicator(classify(torch.from_numpy(weights), torch.from_numpy(run.encoding)))


def census(run: Run, weights: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Of a network and its replicators (mask ``(P,)``): their ``share``, ``zero`` among them, its
    ``accuracy``, the accuracy ``without`` them, and their drop ``cost``."""
    task = task_of(run.config)
    test = task.x_test, task.y_test, run.shape
    found = dropout_masks(weights, {"replicators": mask}, *test).iloc[0]
    return {
        "share": float(mask.mean()),
        "zero": float((np.abs(weights).max(0) <= EPSILON).mean()),
        "accuracy": float(found["before"]),
        "without": float(found["accuracy"]),
        "cost": -float(found["difference"]) if mask.any() else math.nan,
    }


def _continued(run: Run, **rules: object) -> Engine:
    """An engine in the run's last state, momentum included, with other rules."""
    config = run.config.replace(**rules)
    problem = Problem.of(config, task_of(config))
    return make_engine("auto", problem, run.weights[None].copy(), run.state.momentum[None])


def _batches(run: Run) -> list[np.ndarray]:
    """The batches of the epoch after the run's last."""
    count = len(task_of(run.config).x_train)
    order = data_order(run.config.data_seed, run.record.results.epochs + 1, count)
    size = run.config.batch_size
    return [order[start : start + size] for start in range(0, count, size)]


def _task_steps(run: Run) -> Iterator[np.ndarray]:
    engine, batches, done = _continued(run), _batches(run), 0
    for steps in STEPS:
        for index in range(done, steps):
            engine.train(batches[index % len(batches)], run.config.batch_size, np.array([False]))
        done = steps
        yield engine.weights()[0]


def epoch_error(run: Run) -> np.ndarray:
    """Distance from the fixpoint, largest |f(w) - w| of every particle, read after each step pair
    of one more epoch and averaged, ``(P,)``: a measure that no instant decides."""
    total, batches, engine = np.zeros(run.shape.particles), _batches(run), _continued(run)
    encoding = torch.from_numpy(run.encoding)
    for batch in batches:
        engine.train(batch, run.config.batch_size, np.array([True]))
        total += measures(torch.from_numpy(engine.weights()[0]), encoding)[1]
    return total / len(batches)


def between_tasks(run: Run, steps: int) -> dict[str, float]:
    """Share of replicators right after a task step and right before the next one, when ``steps``
    replication steps lie between two task steps."""
    engine, batches = _continued(run, replication_steps=steps), _batches(run)[:BATCHES]
    rows = np.concatenate(batches)
    engine.train(rows, run.config.batch_size, np.array([True]))
    after = engine.weights()[0]
    engine.replicate(steps)
    before = engine.weights()[0]
    return {
        "after": float(replicating(run, after).mean()),
        "before": float(replicating(run, before).mean()),
    }


CLAIMS = (
    later_question(
        f"replicators after {LOOK} replication steps, {LARGE}",
        within(LARGE, "settled", "busy", f"{LOOK} task steps in their place"),
        at_least(0.99, "nearly all: one of a hundred may be left"),
        f"given {LOOK} replication steps, all particles replicate",
        f"given {LOOK} replication steps, not all particles replicate",
    ),
    later_question(
        f"change of accuracy by these steps, {LARGE}",
        within(LARGE, "change", "without", "and with these replicators dropped"),
        SAME,
        "at unchanged accuracy",
        "and the accuracy changes",
    ),
    later_question(
        f"drop cost of the replicators after {LOOK} replication steps, {LARGE}",
        within(LARGE, "cost_settled", "cost_now", "at the instant after the last task step"),
        at_least(0.1, "ten points: they carry the task", "pp"),
        "then the replicators do the work: being a replicator says nothing about the task",
        "the replicators still do no work",
    ),
)


def finding(found: Found) -> list[str]:
    said = [
        "Replication asks v0 = 1 and v1 to v3 = 0 of a particle and leaves v4, its scalar weight, "
        "free, so replicating and working are compatible.",
    ]
    if found.judged[CLAIMS[2].quantity].verdict is Verdict.ANSWERED:
        said.append(
            "A type read at one instant measures how hard the task has just pushed a particle off "
            "its fixpoint, not whether it works."
            if found.judged[CLAIMS[2].quantity].holds
            else "A type read at one instant tells who works for the task."
        )
    for arm in (LARGE, SMALL):
        said.append(
            f"At {arm}, {found.text(arm, 'now')} replicate at the instant (drop cost "
            f"{found.text(arm, 'cost_now', 'pp')}), {found.text(arm, 'lasting')} over a whole "
            f"epoch's average (drop cost {found.text(arm, 'cost_lasting', 'pp')}), "
            f"{found.text(arm, 'settled')} after {LOOK} replication steps (drop cost "
            f"{found.text(arm, 'cost_settled', 'pp')})."
        )
    return said


def figure(tables: Tables) -> go.Figure:
    """Replicators, accuracy and accuracy without the replicators against replication-only steps;
    replicators between task steps."""
    table = tables["settling"].query("arm == @LARGE").copy()
    between = tables["between"].query("arm == @LARGE")
    titles = (f"after the run ({LARGE})", f"between task steps ({LARGE})")
    drawn = panels(2, titles, shared_yaxes=True, horizontal_spacing=0.06)
    own = table[table["kind"] == "replication steps only"]
    other = table[table["kind"] == "task steps only"]
    without = "accuracy without the replicators"
    placebo = "placebo: replicators, task steps only"
    for col, x, shown, column, name, color, dash in (
        (1, "steps", own, "share", "replicators", REPLICATOR, "solid"),
        (1, "steps", own, "accuracy", "accuracy", INK, "solid"),
        (1, "steps", own, "without", without, INK, "dash"),
        (1, "steps", other, "share", placebo, MUTED, "dot"),
        (2, "between", between, "before", "replicators before a task step", REPLICATOR, "dashdot"),
        (2, "between", between, "after", "replicators after a task step", REPLICATOR, "longdash"),
    ):
        one = Line(shown, column, name, color, dash, 100)
        mean_line(drawn, one, {"row": 1, "col": col}, x=x)
    ticks = {"tickvals": [0.49, *STEPS[1:]], "ticktext": [str(step) for step in STEPS]}
    ends = [math.log10(0.45), math.log10(STEPS[-1]) + 0.05]
    drawn.update_xaxes(type="log", title="Replication steps", range=ends, col=1, **ticks)
    ticks = {"tickvals": list(BETWEEN), "range": [-0.05, math.log10(BETWEEN[-1]) + 0.05]}
    drawn.update_xaxes(type="log", title="Replication steps in between", col=2, **ticks)
    drawn.update_yaxes(range=[-2, 102])
    drawn.update_yaxes(title="%", col=1)
    drawn.update_layout(legend={"y": 1.14, "font": {"size": 12}}, margin={"t": 120}, height=520)
    return drawn


PREMISE = (LARGE, SMALL)
EXPERIMENT = Experiment(
    "instant", __doc__, arms, CLAIMS, figure, measure, finding, PREMISE, "settling", "connectivity"
)
