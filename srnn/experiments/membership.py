"""Row 6: which particle belongs to which layer, cell, input and type?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from srnn.analysis.membership import mean_images, membership_table
from srnn.config import RunConfig
from srnn.experiments.base import ANSWERED, Experiment, Given, Outcome, Settings, percent
from srnn.experiments.dropout import final_codes
from srnn.tasks import task_of
from srnn.vocabulary import REPLICATORS

CONSTANT = 0.02
"""A pixel is nearly constant if its standard deviation over the training images is below this
(grey values 0..1)."""


def configs(settings: Settings) -> list[RunConfig]:
    """The h = 8 residual preset and the log's main run, over seeds."""
    return settings.configs(neurons=8) + settings.configs(neurons=4)


def constant_pixels(x: np.ndarray) -> np.ndarray:
    """Which pixels hardly vary: ``(N, inputs)`` -> ``(inputs,)`` bool."""
    return x.std(0) < CONSTANT


def evaluate(settings: Settings, given: Given) -> Outcome:
    tables, rows = [], []
    for run in given.of(configs(settings)):
        task = task_of(run.config)
        table = membership_table(run.weights, final_codes(run), run.shape)
        quiet = constant_pixels(task.x_train)
        on_quiet = (table["layer"] == 0) & quiet[np.where(table["layer"] == 0, table["input"], 0)]
        replicator = table["type"].isin(REPLICATORS)
        first = table["layer"] == 0
        rows.append(
            {
                "h": run.config.neurons,
                "seed": run.config.seed,
                "quiet_pixels": int(quiet.sum()),
                "particles_on_them": int(on_quiet.sum()),
                "replicators_on_them": int((on_quiet & replicator).sum()),
                "share": float(replicator[on_quiet].mean()) if on_quiet.any() else float("nan"),
                "share_elsewhere": float(replicator[first & ~on_quiet].mean()),
                "share_later_layers": float(replicator[~first].mean()),
            }
        )
        if run.config.seed == 0:
            table.insert(0, "h", run.config.neurons)
            tables.append(table)
    counts = pd.DataFrame(rows)
    digits = pd.DataFrame(mean_images(task.x_test, task.y_test, task.classes).T.astype(float))
    digits.columns = [f"digit_{label}" for label in range(task.classes)]
    digits.insert(0, "pixel", np.arange(len(digits)))
    large = counts[counts["h"] == 8]
    on, elsewhere = large["share"].tolist(), large["share_elsewhere"].tolist()
    total = int(large["particles_on_them"].mean())
    text = (
        f"{counts['quiet_pixels'].iloc[0]} of {task.inputs} pixels hardly vary; of the {total} "
        f"particles on them {large['replicators_on_them'].mean():.0f} replicate or are zero"
    )
    return Outcome(
        f"h = 8: {percent(on)} of the particles on constant pixels replicate or are zero, "
        f"{percent(elsewhere)} on the others",
        settings.verdict(f"{ANSWERED}{text}"),
        f"What a particle becomes depends on its pixel: {text} (h = 8, mean over seeds), against "
        f"{100 * np.mean(elsewhere):.0f} % on pixels that vary.",
        {"counts": counts, "membership": pd.concat(tables, ignore_index=True), "digits": digits},
    )


EXPERIMENT = Experiment(
    6,
    "Visualisation of membership",
    "Which particle belongs to which layer, cell, input and type?",
    "The log asked to see where a particle sits. Per layer a map of cells by inputs, coloured by "
    "type or by scalar weight; in the first layer one image per cell, beside the mean digits. The "
    "log gives no number; a trial run had 372 of the 378 particles on its 63 nearly constant "
    "pixels replicating or zero.",
    "no figure in the log (a trial run: 372 of 378 particles on constant pixels)",
    evaluate,
    "membership",
    configs,
)
