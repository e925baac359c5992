"""Row 2: does a particle take part in the goal, or is it only a replicator?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from srnn.analysis.collapse import scalars
from srnn.analysis.dropout import (
    dropout_by_layer,
    dropout_masks,
    dropout_replicators,
    dropout_test,
)
from srnn.analysis.types import type_history
from srnn.config import RunConfig
from srnn.experiments.base import (
    Check,
    Experiment,
    Given,
    Outcome,
    Settings,
    judge,
    percent,
    points,
)
from srnn.store import Run
from srnn.tasks import task_of
from srnn.vocabulary import is_replicator


def configs(settings: Settings) -> list[RunConfig]:
    """The h = 8 residual preset and the log's main run, over seeds."""
    return settings.configs(neurons=8) + settings.configs(neurons=4)


def final_codes(run: Run) -> np.ndarray:
    """Types of a run's particles at the end, ``(P,)``."""
    return type_history(run.snapshots[-1:], run.encoding)[0]


def dropout_of(run: Run) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The dropout test of a run's end: by type (and all replicators together), by layer and type,
    and for sets of the replicators' size: the smallest scalar weights, and random particles."""
    task, codes = task_of(run.config), final_codes(run)
    data = (task.x_test, task.y_test, run.shape)
    by_type = dropout_test(run.weights, codes, *data)
    both = dropout_replicators(run.weights, codes, *data)
    by_layer = dropout_by_layer(run.weights, codes, *data)
    count = int(both["count"].iloc[0])
    order = np.argsort(np.abs(scalars(run.weights)), kind="stable")
    chance = np.random.default_rng(run.config.seed).permutation(run.shape.particles)
    sets = {"replicators": is_replicator(codes)}
    for name, rank in (("as many smallest scalar weights", order), ("as many at random", chance)):
        mask = np.zeros(run.shape.particles, dtype=bool)
        mask[rank[:count]] = True
        sets[name] = mask
    chosen = dropout_masks(run.weights, sets, *data)
    tables = (pd.concat([by_type, both], ignore_index=True), by_layer, chosen)
    for table in tables:
        table.insert(0, "seed", run.config.seed)
        table.insert(0, "h", run.config.neurons)
    return tables


def evaluate(settings: Settings, given: Given) -> Outcome:
    parts = [dropout_of(run) for run in given.of(configs(settings))]
    by_type, by_layer, chosen = (
        pd.concat(column, ignore_index=True) for column in zip(*parts, strict=True)
    )

    def values(h: int, kind: str, what: str) -> list[float]:
        return by_type.query("h == @h and type == @kind")[what].tolist()

    cost, left = values(8, "identity", "difference"), values(8, "other", "accuracy")
    source = "log: about 0.05 pp"
    checks = [
        Check("h = 8, accuracy change without identities", "-0.0005", -0.01, 0.01, source, cost),
        Check("h = 8, accuracy without other", "chance", 0, 0.2, "chance is 0.1", left),
        Check(
            "h = 4, accuracy change without identities",
            "0.0",
            -0.01,
            0.01,
            "log, early note",
            values(4, "identity", "difference"),
            required=False,
        ),
    ]
    count = int(np.mean(values(8, "identity", "count")))
    small = abs(float(np.mean(cost))) < 0.01
    rivals = chosen[chosen["h"] == 8].groupby("type")["difference"].mean()
    return Outcome(
        f"h = 8: without its identities {points(cost)}; without other, accuracy {percent(left)}",
        settings.verdict(judge(checks)),
        f"{'Identities are only replicators' if small else 'Identities take part'}: dropping all "
        f"of them ({count:,} on average at h = 8) changes accuracy by {100 * np.mean(cost):+.2f} "
        "percentage points, dropping as many particles at random by "
        f"{100 * rivals['as many at random']:+.1f}.",
        {"by_type": by_type, "by_layer": by_layer, "chosen": chosen} | settings.checks(checks),
    )


EXPERIMENT = Experiment(
    2,
    "Dropout test",
    "Does a particle take part in the goal, or is it only a replicator?",
    "The log asked what a type is worth to the task: set all particles of one type to zero and "
    "measure the test accuracy again. Differences are signed, after minus before. The same is done "
    "per layer, and for any other set of particles of that size.",
    "dropping the identities costs about 0.05 percentage points (band: under 1), "
    "dropping the others leaves chance (band: under 20 %)",
    evaluate,
    "dropout_test",
    configs,
)
