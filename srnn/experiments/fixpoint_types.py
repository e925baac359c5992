"""Row 1: what type is every particle, at every recorded epoch?"""

from __future__ import annotations

import pandas as pd

from srnn.analysis.types import history_measures, type_counts
from srnn.config import RunConfig
from srnn.experiments.base import (
    Check,
    Experiment,
    Given,
    Outcome,
    Settings,
    judge,
    spread,
)
from srnn.store import Run
from srnn.vocabulary import EPSILON, TYPES, count_replicators

EPSILONS = (1e-6, EPSILON, 1e-4)
TOLERANCE = 76
"""Half width of a band for a count: 5 % of the log's 1,518 particles."""


def configs(settings: Settings) -> list[RunConfig]:
    """The log's main run, over seeds."""
    return settings.configs(neurons=4)


def types_over_epochs(run: Run) -> pd.DataFrame:
    """``seed, epsilon, epoch`` and a count per type, for every snapshot of a run."""
    known = history_measures(run.snapshots, run.encoding)
    parts = []
    for epsilon in EPSILONS:
        counts = type_counts(known.codes(epsilon), run.snapshot_epochs)
        counts.insert(0, "epsilon", epsilon)
        counts.insert(0, "seed", run.config.seed)
        parts.append(counts)
    return pd.concat(parts, ignore_index=True)


def replicators(table: pd.DataFrame, epoch: int) -> list[float]:
    """Zero + identity of every seed at an epoch, at the log's epsilon."""
    rows = table[(table["epoch"] == epoch) & (table["epsilon"] == EPSILON)]
    return count_replicators(rows).astype(float).tolist()


def evaluate(settings: Settings, given: Given) -> Outcome:
    runs = given.of(configs(settings))
    table = pd.concat([types_over_epochs(run) for run in runs], ignore_index=True)
    particles, last = runs[0].info["particles"], runs[0].results["epochs"]
    complete = float((table[list(TYPES)].sum(axis=1) == particles).mean())
    first, end = replicators(table, 1), replicators(table, last)
    checks = [
        Check(
            "zero + identity after the first epoch",
            "about 1,450",
            1450 - TOLERANCE,
            1450 + TOLERANCE,
            "log, row 11; ±5 % of the particles",
            first,
        ),
        Check(
            "snapshots in which every particle has a type", "all", 1, 1, "definition", [complete]
        ),
    ]
    ends = table[table["epoch"] == last].groupby("epsilon")[["zero", "identity"]].mean().sum(axis=1)
    wide = ", ".join(f"{count:,.0f} at {epsilon:.0e}" for epsilon, count in ends.items())
    return Outcome(
        f"zero + identity of {particles:,}: {spread(first, '{:,.0f}')} after 1 epoch, "
        f"{spread(end, '{:,.0f}')} after {last}",
        settings.verdict(judge(checks)),
        f"Every particle has one of the five types at each of {len(runs[0].snapshot_epochs)} "
        f"recorded epochs. Replicators at the end, by epsilon: {wide}.",
        {"types": table} | settings.checks(checks),
    )


EXPERIMENT = Experiment(
    1,
    "Fixpoint tests",
    "What does every particle do to its own weights, and when?",
    "The log asked for a fixpoint test of every particle at every recorded epoch. A particle is "
    "divergent, zero (all its weights are), an identity (it reproduces its weights), of second "
    "order (it does when asked twice), or other. Epsilon is the largest deviation that still "
    "counts as equal; the log used 1e-5. The log called zeros identities too.",
    "five types; about 1,450 of 1,518 zero + identity after the first epoch (band ±76)",
    evaluate,
    "particle_types",
    configs,
)
