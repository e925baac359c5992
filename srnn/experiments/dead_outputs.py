"""Dead outputs: where does the log's 64.5 % come from?

An output cell all of whose particles are zero answers 0 to every image. How many of the ten are
dead differs from seed to seed; the log's own graph of its main run reaches only eight of its ten
outputs. A single dead output need not cost its digit: it is the answer wherever all others are
below 0. Of two dead ones the first is always preferred, so that every further one loses its digit.
A digit is compared with itself in the runs in which its output lives, as some digits are harder
than others. Claims and tolerances were chosen on seeds 1 to 40; these are others.
"""

import math
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch

from srnn.analysis.collapse import collapse
from srnn.analysis.types import dead_cells
from srnn.config import RunConfig
from srnn.experiments.base import (
    Arms,
    Computation,
    Experiment,
    Found,
    Settings,
    Tables,
    final_codes,
)
from srnn.experiments.claims import Log, about, at_least, later_question, reported, show, within
from srnn.figures.rows import panels
from srnn.figures.style import MUTED, line, marks
from srnn.runs import Run, obtain
from srnn.runs.results import Computed
from srnn.statistics import ALPHA, estimate, mean_of, number, rank_trend
from srnn.tasks import task_of
from srnn.vocabulary import count_replicators

MAIN = "h = 4"
FIRST, SEEDS = 201, 40
"""The first seed, and how many at least: three dead outputs are rare."""
MANY = 3


def arms(settings: Settings) -> Arms:
    """One computation over all runs: what a digit loses shows beside the other runs."""
    runs = tuple(settings.configs(FIRST, SEEDS, neurons=4))
    asked = {"configs": [one.to_dict() for one in runs]}
    return {MAIN: [Computation("dead-outputs", measured, asked, FIRST, cost=10, needs=runs)]}


def dead_outputs(run: Run) -> np.ndarray:
    """Which output cells have no particle but zeros at the end, ``(outputs,)`` bool."""
    return dead_cells(final_codes(run), run.shape)


def recall(run: Run) -> np.ndarray:
    """Right answers to the test images of every digit, ``(classes,)`` of 0..1."""
    task = task_of(run.config)
    with torch.inference_mode():
        answers = collapse(run.weights, run.shape)(torch.from_numpy(task.x_test)).argmax(1).numpy()
    right = answers == task.y_test
    return np.array([right[task.y_test == digit].mean() for digit in range(task.classes)])


def measured(configs: list[dict[str, Any]]) -> Computed:
    """Table ``numbers``, a row per run: how many outputs are ``dead``; right answers to their
    digits where the same output lives in other runs, less here (``lost``; ``lost_living``: the same
    of the living ones); right answers to the ``first`` dead one and to the ``further`` ones; the
    accuracy if none, or many, are dead."""
    runs = [obtain(RunConfig.from_dict(config))[0] for config in configs]
    stopped = [run.stopped for run in runs if run.stopped]
    runs = [run for run in runs if not run.stopped]
    if not runs:
        return {"stopped": stopped[0]}, {}
    every, dead = np.stack([recall(run) for run in runs]), np.stack([dead_outputs(r) for r in runs])
    rows = []
    for index, run in enumerate(runs):
        last, gone = run.records.iloc[-1], dead[index]
        fall = elsewhere(every, ~dead, index) - every[index]
        accuracy, count = float(last["test_accuracy"]), int(gone.sum())
        rows.append(
            {
                "seed": run.config.seed,
                "accuracy": accuracy,
                "replicators": float(count_replicators(last) / run.shape.particles),
                "dead": float(count),
                "lost": mean_of(fall[gone]),
                "lost_living": mean_of(fall[~gone]) if count else math.nan,
                "first": mean_of(every[index][gone][:1]),
                "further": mean_of(every[index][gone][1:]),
                "with_none": accuracy if count == 0 else math.nan,
                "with_many": accuracy if count >= MANY else math.nan,
            }
        )
    return {}, {"numbers": pd.DataFrame(rows)}


def elsewhere(every: np.ndarray, living: np.ndarray, index: int) -> np.ndarray:
    """What the other runs in which an output lives reach with its digit, ``(runs, digits)`` ->
    ``(digits,)``; NaN where there is none."""
    others = np.where(living, every, np.nan)
    others[index] = np.nan
    return np.array([mean_of(column) for column in others.T])


CLAIMS = (
    later_question(
        "right answers to a digit, in runs where its output lives less in those where it is dead",
        within(MAIN, "lost", "lost_living", "the living outputs of the same runs"),
        at_least(0.05, "a direction; five points", "pp"),
        "a dead output costs its digit",
        "a dead output does not cost its digit",
    ),
    reported(
        f"test accuracy of the seeds with {MANY} dead outputs or more",
        within(MAIN, "with_many", "with_none", "seeds without a dead output"),
        about(0.645, 0.06, "two deviations of seeds with as many dead outputs (3 points)"),
        Log(
            "0.645", "training plot of row 11, from 1,500 images; its graph reaches 8 of 10 outputs"
        ),
    ),
)


def finding(found: Found) -> list[str]:
    numbers = found.numbers[found.numbers["arm"] == MAIN]
    parts = [
        f"{count:.0f} dead: {show(estimate(own['accuracy'].tolist()), '%')}, "
        f"{len(own)} {'seed' if len(own) == 1 else 'seeds'}"
        for count, own in numbers.groupby("dead")
    ]
    said = ["Accuracy by the number of dead outputs: " + "; ".join(parts) + "."]
    rank, p = rank_trend(numbers["dead"], numbers["accuracy"])
    if not math.isnan(rank):
        follows = f"rank correlation {number(rank)}, p = {p:.1g} by permutations of the runs"
        said.append(
            f"Accuracy falls with their number ({follows})."
            if p <= ALPHA and rank < 0
            else f"That accuracy falls with their number is not shown ({follows})."
        )
    if found.estimate(MAIN, "further").count:
        said.append(
            f"Of the digits whose outputs are dead the first is answered rightly in "
            f"{found.mean(MAIN, 'first')} of its images, the others in "
            f"{found.mean(MAIN, 'further')}."
        )
    return said


def figure(tables: Tables) -> go.Figure:
    """Accuracy against the number of dead outputs, a dot per seed, and the means."""
    numbers, drawn = tables["numbers"], panels(1)
    shift = np.random.default_rng(0).uniform(-0.12, 0.12, len(numbers))
    x, y = numbers["dead"] + shift, 100 * numbers["accuracy"]
    seeds = [f"seed {seed}" for seed in numbers["seed"]]
    told = "%{text}: %{y:.1f} %"
    marks(drawn, x, y, "a seed", MUTED, "circle-open", text=seeds, hovertemplate=told)
    means = 100 * numbers.groupby("dead")["accuracy"].mean()
    line(drawn, means.index, means, "mean", mode="lines+markers", marker={"size": 10})
    drawn.add_hline(y=64.5, line={"color": MUTED, "dash": "dash", "width": 1})
    drawn.add_annotation(x=1, xref="paper", y=64.5, text="the log", xanchor="right", yshift=10)
    most = float(numbers["dead"].max())
    drawn.update_xaxes(title="Dead output cells", dtick=1, range=[-0.4, most + 0.4])
    low, high = 100 * min(0.6, numbers["accuracy"].min()), 100 * max(0.9, numbers["accuracy"].max())
    drawn.update_yaxes(title="Test accuracy (%)", range=[low - 4, min(102, high + 4)])
    return drawn


EXPERIMENT = Experiment(
    "dead-outputs", __doc__, arms, CLAIMS, figure, finding=finding, premise=(MAIN,),
    page="connectivity",
)  # fmt: skip
