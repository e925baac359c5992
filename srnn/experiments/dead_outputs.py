"""Dead outputs: where does the log's 64.5 % come from?

An output cell all of whose particles are zero answers 0 to every image: its digit is lost, or
nearly. How many of the ten are dead differs from seed to seed, and the accuracy follows it. The
log's own graph of its main run reaches only eight of its ten outputs. The five points of the first
claim were chosen after seeing seeds; ten others (101 to 110), none with more than one dead output,
left it undecided.
"""

import math

import numpy as np
import plotly.graph_objects as go
import torch
from scipy import stats

from srnn.analysis.collapse import collapse
from srnn.experiments.base import Arms, Experiment, Found, Settings, Tables, final_codes
from srnn.experiments.claims import AFTER, At, Claim, Log, about, at_least, show, write
from srnn.figures.rows import panels
from srnn.figures.style import MUTED, line, marks
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.statistics import ALPHA, estimate
from srnn.tasks import task_of
from srnn.vocabulary import ZERO

MAIN = "h = 4"
SEEDS = 40
"""Seeds at least: three dead outputs are rare."""
MANY = 3


def arms(settings: Settings) -> Arms:
    return {MAIN: settings.configs(least=SEEDS, neurons=4)}


def dead_outputs(run: Run) -> np.ndarray:
    """Which output cells have no particle but zeros at the end, ``(outputs,)`` bool."""
    last = final_codes(run)[run.shape.starts[-2] :]
    return (last.reshape(run.shape.layers[-1]) == ZERO).all(1)


def measure(run: Run) -> Computed:
    """How many outputs are dead; right answers to the digits of living and of dead ones, and to as
    many living ones at random; the accuracy if none, or many, are dead."""
    task, dead = task_of(run.config), dead_outputs(run)
    with torch.inference_mode():
        answers = collapse(run.weights, run.shape)(torch.from_numpy(task.x_test)).argmax(1).numpy()
    right = answers == task.y_test
    recall = np.array([right[task.y_test == digit].mean() for digit in range(task.classes)])
    accuracy, count = float(right.mean()), int(dead.sum())
    living = recall[~dead]
    chance = np.random.default_rng(run.config.seed).permutation(living)
    facts = {
        "dead": float(count),
        "lost": float(living.mean() - recall[dead].mean()) if 0 < count < 10 else math.nan,
        "lost_chance": float(chance[count:].mean() - chance[:count].mean())
        if 0 < count < len(living)
        else math.nan,
        "with_none": accuracy if count == 0 else math.nan,
        "with_many": accuracy if count >= MANY else math.nan,
    }
    return facts, {}


CLAIMS = (
    Claim(
        "right answers to digits of living outputs, less of dead ones",
        At(MAIN, "lost"),
        At(MAIN, "lost_chance"),
        at_least(0.05, "a direction; five points"),
        "pp",
        AFTER,
        ("a dead output costs its digit", "a dead output does not cost its digit"),
        "as many living outputs at random",
    ),
    Claim(
        f"test accuracy of the seeds with {MANY} dead outputs or more",
        At(MAIN, "with_many"),
        At(MAIN, "with_none"),
        about(0.645, 0.06, "two deviations of seeds with as many dead outputs (3 points)"),
        "%",
        Log(
            "0.645", "training plot of row 11, from 1,500 images; its graph reaches 8 of 10 outputs"
        ),
        control="seeds without a dead output",
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
    if numbers["dead"].nunique() > 1:
        rank, p = stats.spearmanr(numbers["dead"], numbers["accuracy"])
        follows = f"rank correlation {write(rank, '2')}, p = {p:.1g}, {len(numbers)} seeds"
        certain = p <= ALPHA and rank < 0
        said.append(
            f"Accuracy falls with their number ({follows})."
            if certain
            else f"That accuracy falls with their number is not shown ({follows})."
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
    "dead-outputs", __doc__, arms, CLAIMS, figure, measure, finding, (MAIN,), page="connectivity"
)
