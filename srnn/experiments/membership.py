"""Visualisation of membership: which particle belongs to which layer, cell, input and type?

The log asked to see where a particle sits: per layer a map of cells by inputs, coloured by type; in
the first layer one image per cell, beside the mean digit.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from srnn.analysis.membership import mean_images
from srnn.experiments.base import (
    FIRST_SEED,
    NONE,
    Experiment,
    Found,
    Tables,
    final_codes,
    trainings,
)
from srnn.experiments.claims import Log, across, at_least, question
from srnn.figures.membership import type_maps
from srnn.metanet import particle_table
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.statistics import mean_of
from srnn.tasks import task_of
from srnn.vocabulary import is_replicator

LARGE, MAIN = "h = 8", "h = 4"
CONSTANT = 0.02
"""A pixel is nearly constant if its standard deviation over the training images is below this
(grey values 0..1)."""
arms = trainings({LARGE: {"neurons": 8}, MAIN: {"neurons": 4}}, LARGE, (NONE,))


def measure(run: Run) -> Computed:
    """Share of replicators in the first layer on nearly constant pixels, on the others, and in the
    later layers; where every particle of the first seed is."""
    task, codes = task_of(run.config), final_codes(run)
    place, idle = particle_table(run.shape), is_replicator(codes)
    quiet = task.x_train.std(0) < CONSTANT
    first = place["layer"].to_numpy() == 0
    still = first & quiet[np.where(first, place["input"], 0)]
    facts = {
        "pixels": float(quiet.sum()),
        "particles": float(still.sum()),
        "idle": float((still & idle).sum()),
        "still": mean_of(idle[still]),
        "moving": float(idle[first & ~still].mean()),
        "later": float(idle[~first].mean()),
    }
    facts["gap"] = facts["still"] - facts["moving"]
    if run.config.seed != FIRST_SEED:
        return facts, {}
    mean = mean_images(task.x_test, task.y_test, task.classes).mean(0).astype(float)
    maps = pd.DataFrame({"layer": place["layer"], "cell": place["cell"], "code": codes.astype(int)})
    return facts, {"membership": maps, "digits": pd.DataFrame({"mean": mean})}


TRIAL = "question of the log; in a trial run 372 of 378 particles on constant pixels replicated"
CLAIMS = tuple(
    question(
        f"replicators on nearly constant pixels, less on the others, {arm}",
        across("gap", arm, NONE),
        at_least(0.1, "ten points more", "pp"),
        f"what a particle becomes depends on its pixel ({arm})",
        f"what a particle becomes does not depend on its pixel ({arm})",
        Log(where=TRIAL),
    )
    for arm in (LARGE, MAIN)
)


def finding(found: Found) -> list[str]:
    pixels, particles, idle = (
        found.estimate(LARGE, key).mean for key in ("pixels", "particles", "idle")
    )
    return [
        f"{pixels:.0f} pixels hardly vary; of the {particles:.0f} particles on them {idle:.0f} "
        f"replicate at h = 8 ({found.text(LARGE, 'still')}), against "
        f"{found.text(LARGE, 'moving')} on the other pixels and {found.text(LARGE, 'later')} in "
        "the later layers."
    ]


def figure(tables: Tables) -> go.Figure:
    """Type of every particle of one run, layer by layer."""
    own = tables["membership"].query("arm == @LARGE")
    maps = [
        part["code"].to_numpy(dtype=int).reshape(part["cell"].nunique(), -1)
        for _, part in own.groupby("layer")
    ]
    return type_maps(maps, tables["digits"].query("arm == @LARGE")["mean"].to_numpy())


EXPERIMENT = Experiment(
    "6", __doc__, arms, CLAIMS, figure, measure, finding, (LARGE, MAIN), "membership", "membership"
)
