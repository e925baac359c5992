"""Row 16: another goal for the particles instead of self-replication, or none."""

from __future__ import annotations

from typing import Any

import pandas as pd

from srnn.config import RunConfig
from srnn.experiments.base import ANSWERED, Experiment, Given, Outcome, Settings, percent
from srnn.experiments.sizes import describe

GOALS: dict[str, dict[str, Any]] = {
    "replicate itself": {},
    "multiply by 0.03, alpha 1": {"goal": "multiply", "alpha": 1.0},
    "multiply by 0.03, alpha 0.01": {"goal": "multiply", "alpha": 0.01},
    "nothing beside the task": {"goal": "none"},
}
"""What the particles are trained for. The goal of multiplication pulls a scalar weight v to 0.03
with the force 2 alpha (v - 0.03): alpha 100 overshoots at this learning rate and diverges."""
SELF, NONE = "replicate itself", "nothing beside the task"


def configs(settings: Settings) -> list[RunConfig]:
    """The log's main run with each goal, over seeds."""
    return [one for changes in GOALS.values() for one in settings.configs(neurons=4, **changes)]


def evaluate(settings: Settings, given: Given) -> Outcome:
    rows, records = [], []
    for goal, changes in GOALS.items():
        for run in given.healthy(settings.configs(neurons=4, **changes)):
            records.append(run.records.assign(goal=goal, seed=run.config.seed))
            rows.append(describe(run, goal))
    table = pd.DataFrame(rows).rename(columns={"variant": "goal"})

    def values(goal: str, column: str) -> list[float]:
        return table[table["goal"] == goal][column].astype(float).tolist()

    obtained = "; ".join(
        f"{goal}: accuracy {percent(values(goal, 'accuracy'))}, replicators and zeros "
        f"{percent(values(goal, 'replicator_share'))}"
        for goal in GOALS
    )
    kept = {goal: percent(values(goal, "replicator_share")) for goal in GOALS}
    one, two = list(GOALS)[1:3]
    return Outcome(
        obtained,
        settings.verdict(
            f"{ANSWERED}accuracy is {percent(values(SELF, 'accuracy'))} with self-replication, "
            f"{percent(values(NONE, 'accuracy'))} with the task alone"
        ),
        f"Replicators and dead connections come from self-replication: {kept[SELF]} of the "
        f"particles with it, {kept[NONE]} with the task alone. Multiplication pulls every "
        f"connection to 0.03: accuracy {percent(values(one, 'accuracy'))} at alpha 1, "
        f"{percent(values(two, 'accuracy'))} at alpha 0.01." + given.diverged(configs(settings)),
        {"goals": table, "records": pd.concat(records, ignore_index=True)},
    )


EXPERIMENT = Experiment(
    16,
    "Task or goal instead of the SRNN task",
    "What becomes of the particles if they need not replicate themselves?",
    "The log asked for another goal of the particles in place of self-replication. Here the same "
    "network is trained with every particle made to multiply its input by 0.03, and with no goal "
    "beside the task.",
    "no figure in the log",
    evaluate,
    "train",
    configs,
)
