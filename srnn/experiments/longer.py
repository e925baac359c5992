"""Train on to 500 epochs: does anything happen between 200 and 500 epochs?

The log wondered whether to train on to 500 epochs. A finished run is continued from its last
weights and momentum; the same training without a break is made beside it, and both must be equal
bit for bit. The dotted line is where it was continued.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from srnn.config import RunConfig
from srnn.experiments.base import Arms, Computation, Experiment, Found, Settings, Tables
from srnn.experiments.claims import SAME, at_least, question, within
from srnn.figures.rows import Line, courses, typed
from srnn.figures.style import MUTED
from srnn.runs import Run, obtain
from srnn.runs.results import Computed
from srnn.tasks import task_of
from srnn.training import train

MAIN, BITS = "h = 4, to 500 epochs", "continued and uninterrupted"
BREAK = 200
"""The epoch after which a finished run is continued."""


def arms(settings: Settings) -> Arms:
    longer = settings.configs(neurons=4, epochs=500)
    bits = []
    for short, long in zip(settings.configs(neurons=4, epochs=BREAK), longer, strict=True):
        both, cost = {"short": short.to_dict(), "long": long.to_dict()}, long.epochs * 0.07
        about: dict[str, Any] = {"version": 2, "cost": cost, "needs": (short, long)}
        bits.append(Computation("continued-run", compare_bits, both, short.seed, **about))
    return {MAIN: longer, BITS: bits}


def compare_bits(short: dict, long: dict) -> Computed:
    """Train without a break to the long run's end, with the short run's engine, and compare with
    the short run trained on. Facts: ``weights``, ``momentum`` (bits are equal), ``records``
    (losses, accuracies, types of every epoch), ``equal`` (all three), and ``without_momentum``:
    whether the next epoch would be equal too, were the momentum lost at the break."""
    first, _ = obtain(RunConfig.from_dict(short))
    config = RunConfig.from_dict(long)
    task, state = task_of(config), first.state
    broken = next(train(config, task, replace(state, momentum=np.zeros_like(state.momentum)))).state
    rows: list[Any] = first.records.to_dict("records")
    for record in train(config, task, state):
        rows.append(record.row())
        if record.epoch == state.epoch + 1:
            after = record.state
        continued = record.state
    whole = []
    for record in train(config, task, engine=state.engine):
        whole.append(record.row())
        straight = record.state
    one, other = (pd.DataFrame(part).to_numpy(dtype=np.float64) for part in (rows, whole))
    same = {
        name: getattr(continued, name).tobytes() == getattr(straight, name).tobytes()
        for name in ("weights", "momentum")
    }
    same["records"] = one.shape == other.shape and np.array_equal(one, other, equal_nan=True)
    same["equal"] = all(same.values())
    same["without_momentum"] = broken.weights.tobytes() == after.weights.tobytes()
    return {**same, "continued_at": state.epoch}, {}


def measure(run: Run) -> Computed:
    """Change of accuracy from the break to the end, and from epoch 6 to the break."""
    records = run.records
    accuracy = records.set_index("epoch")["test_accuracy"]
    middle = min(BREAK, accuracy.index[-1] // 2)
    facts = {
        "gain": float(accuracy.iloc[-1] - accuracy[middle]),
        "early_gain": float(accuracy[middle] - accuracy[min(6, middle - 1)]),
    }
    return facts, {"records": records[["epoch", "zero", "identity", "other", "test_accuracy"]]}


CLAIMS = (
    question(
        "seeds on which the continued run equals the uninterrupted one",
        within(BITS, "equal", "without_momentum", "continued without its momentum"),
        at_least(1.0, "bit for bit: weights, momentum, every epoch's records"),
        "a finished run can be trained on as if it had never stopped",
        "a continued run is another run",
    ),
    question(
        "accuracy after 500 epochs less after 200",
        within(MAIN, "gain", "early_gain", "after 200 epochs less after 6"),
        SAME,
        "nothing happens to the accuracy between 200 and 500 epochs",
        "the accuracy changes between 200 and 500 epochs",
    ),
)


def finding(found: Found) -> list[str]:
    table = found.tables["records"]
    ends = table[table["epoch"].isin([BREAK, table["epoch"].max()])]
    counts = ends.groupby("epoch")[["zero", "identity"]].mean().sum(axis=1)
    course = ", ".join(f"{count:,.0f} after {epoch}" for epoch, count in counts.items())
    return [f"Accuracy changes by {found.text(MAIN, 'gain', 'pp')}. Replicators: {course} epochs."]


def figure(tables: Tables) -> go.Figure:
    """Counts and accuracy of the continued run; where it was continued."""
    records = tables["records"]
    accuracy = [Line(records, "test_accuracy", "test accuracy", scale=100)]
    counts = typed(records, "zero", "identity", "other")
    drawn = courses([("particles", "Particles", counts), ("task", "Test accuracy (%)", accuracy)])
    start = float(tables["numbers"]["continued_at"].max())
    drawn.add_vline(x=start, line={"color": MUTED, "width": 1, "dash": "dot"})
    return drawn


EXPERIMENT = Experiment(
    "13", __doc__, arms, CLAIMS, figure, measure, finding, (MAIN,), "records", "train"
)
