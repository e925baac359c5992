"""Born dead: is it the start that decides which particles die?

Replication alone is trained from a run's initial weights, without any data, for as many steps; the
particles that it kills are held against the zeros of the run itself. The initial self-gain v0 (the
first number of a particle's composite) is tried as a prediction: a coupled particle with a small
gain on its own weights is pulled to zero, where it replicates trivially.
"""

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from srnn.analysis.settle import settle
from srnn.experiments.base import NONE, SHUFFLED, Experiment, Found, Tables, final_codes, trainings
from srnn.experiments.claims import about, across, at_least, later_question, within
from srnn.figures.rows import dots, panels
from srnn.figures.style import INK, MUTED, PALETTE
from srnn.fixpoints import classify
from srnn.particles import composite
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.statistics import auc, mean_of
from srnn.tasks import task_of
from srnn.vocabulary import ZERO

SIZES = {f"h = {h}": h for h in (3, 4, 6, 8)}
MAIN = "h = 4"
arms = trainings({arm: {"neurons": h} for arm, h in SIZES.items()}, MAIN, (SHUFFLED, NONE))


def born_dead(run: Run) -> np.ndarray:
    """Which particles pure replication kills, from the run's initial weights, with as many
    replication steps as the run made, ``(P,)`` bool."""
    batches = math.ceil(len(task_of(run.config).y_train) / run.config.batch_size)
    steps = run.record.results.epochs * batches * run.config.replication_steps
    (weights,) = settle(np.array(run.snapshots[0]), run.config, (steps,))
    return classify(torch.from_numpy(weights), torch.from_numpy(run.encoding)) == ZERO


def measure(run: Run) -> Computed:
    """Zeros of the training, of pure replication, and of both; how well the initial v0 tells the
    survivors of death, and the same for v0 dealt out anew."""
    dead, born = final_codes(run) == ZERO, born_dead(run)
    random = np.random.default_rng(run.config.seed)
    facts = {
        "dead": float(dead.mean()),
        "born": float(born.mean()),
        "foretold": mean_of(born[dead]),
        "foretold_chance": mean_of(random.permutation(born)[dead]) if dead.any() else math.nan,
    }
    return facts | foretelling(run, dead, random), {}


def foretelling(run: Run, dead: np.ndarray, random: np.random.Generator) -> dict[str, float]:
    """How well a particle's initial self-gain v0 tells who does not die, ``auc``; and v0 dealt out
    anew, ``auc_chance``. ``dead (P,)`` bool."""
    gain = composite(torch.from_numpy(np.array(run.snapshots[0])))[0].numpy()
    return {"auc": auc(gain, ~dead), "auc_chance": auc(random.permutation(gain), ~dead)}


CLAIMS = (
    later_question(
        f"zeros of the training that pure replication kills too, {MAIN}",
        within(MAIN, "foretold", "foretold_chance", "as many particles at random"),
        at_least(0.9, "nine of ten"),
        "zeros are born dead: replication alone, without data, kills the same particles",
        "zeros are not born dead: without data other particles die",
    ),
    later_question(
        f"AUC of the initial self-gain v0 for survival, {MAIN}",
        within(MAIN, "auc", "auc_chance", "v0 dealt out anew among the particles"),
        at_least(0.8, "0.5 tells nothing, 1 everything", "2"),
        "the initial self-gain foretells who survives",
        "the initial self-gain does not foretell who survives",
    ),
    later_question(
        f"share of zeros, {SHUFFLED} less true labels, {MAIN}",
        across("dead", SHUFFLED, NONE, minus=MAIN),
        about(0.0, 0.05, "five points", "pp"),
        "the task has no part in dying: shuffled labels kill as many",
        "the task has a part in dying: shuffled labels kill another number",
    ),
)


def finding(found: Found) -> list[str]:
    said = []
    for arm in SIZES:
        both = f"{arm}: {found.text(arm, 'dead')} die in training, {found.text(arm, 'born')} by "
        both += "pure replication"
        if found.estimate(arm, "foretold").count:
            both += f", which kills {found.text(arm, 'foretold')} of the former"
        if found.estimate(arm, "auc").count:
            both += f"; AUC of v0 {found.text(arm, 'auc', '2')}"
        said.append(f"{both}.")
    return said


def figure(tables: Tables) -> go.Figure:
    """By h: who dies in training and by pure replication; how well both foretell the outcome."""
    numbers = tables["numbers"]
    numbers = numbers[numbers["arm"].isin([*SIZES, SHUFFLED])]
    drawn = panels(2, ("zeros (% of the particles)", "prediction at the start"))
    above, below = "top center", "bottom center"
    for col, key, name, color, symbol, side in (
        (1, "dead", "after training", PALETTE["zero"], "square", above),
        (1, "born", "after pure replication, no data", INK, "circle-open", below),
        (2, "auc", "AUC of the initial v0", INK, "circle", above),
        (2, "auc_chance", "v0 dealt out anew", MUTED, "x", below),
    ):
        look: dict[str, Any] = {"color": color, "symbol": symbol, "position": side, "name": name}
        scale, form = (100, "{:.0f}") if col == 1 else (1, "{:.2f}")
        place = {"row": 1, "col": col}
        dots(drawn, numbers, key, "arm", scale=scale, form=form, place=place, **look)
    drawn.update_xaxes(range=[-4, 104], title="%", col=1)
    drawn.update_xaxes(range=[0.35, 1.05], title="AUC", col=2)
    drawn.update_yaxes(range=[len(SIZES) + 0.7, -0.7], automargin=True)
    drawn.update_yaxes(showticklabels=False, col=2)
    drawn.update_layout(height=480, legend={"y": 1.14}, margin={"t": 120})
    return drawn


EXPERIMENT = Experiment(
    "born-dead", __doc__, arms, CLAIMS, figure, measure, finding, (MAIN,), page="particle_types"
)
