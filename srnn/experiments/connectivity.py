"""Rows 7 and 11: does the net really thin out? And the log's main run: its counts and accuracy."""

from __future__ import annotations

import numpy as np
import pandas as pd

from srnn.analysis.connectivity import (
    edge_table,
    prune_to,
    survivors_per_layer,
    thinning,
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
    spread,
)
from srnn.experiments.fixpoint_types import TOLERANCE
from srnn.store import Run
from srnn.tasks import task_of
from srnn.vocabulary import OTHER, ZERO, count_replicators, is_replicator


def configs(settings: Settings) -> list[RunConfig]:
    """The log's main run: h = 4, alpha 100, residual skips, 200 epochs; over seeds."""
    return settings.configs(neurons=4)


def thinning_of(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How a run thins out: per epoch (``alive``: not zero; ``survivors``: no
    replicator; ``unread_pixels``, ``isolated_cells``), and per epoch and layer."""
    codes = type_history(run.snapshots, run.encoding)
    whole = thinning(codes, run.shape, run.snapshot_epochs)
    whole.insert(1, "alive", (codes != ZERO).sum(1))
    layers = survivors_per_layer(codes, run.shape, run.snapshot_epochs)
    for table in (whole, layers):
        table.insert(0, "seed", run.config.seed)
    return whole, layers


def evaluate_thinning(settings: Settings, given: Given) -> Outcome:
    runs = given.of(configs(settings))
    whole, layers = (
        pd.concat(parts, ignore_index=True)
        for parts in zip(*(thinning_of(run) for run in runs), strict=True)
    )
    particles = runs[0].shape.particles
    last = whole[whole["epoch"] == whole["epoch"].max()]
    dead = (1 - last["alive"] / particles).tolist()
    replicating = (1 - last["survivors"] / particles).tolist()
    pruned = []
    for run in runs:
        task = task_of(run.config)
        keep = ~is_replicator(type_history(run.snapshots[-1:], run.encoding)[0])
        pruned.append(prune_to(run.weights, keep, task.x_test, task.y_test, run.shape).difference)
    checks = [
        Check("share of connections whose weights are all zero", "thins out", 0.5, 1, "half", dead),
        Check(
            "accuracy change when only survivors are kept", "0.0", -0.01, 0.01, "log, row 2", pruned
        ),
    ]
    run = runs[0]
    edges = edge_table(run.weights, type_history(run.snapshots[-1:], run.encoding)[0], run.shape)
    first, end = (
        int(whole[whole["epoch"] == epoch]["survivors"].mean()) for epoch in (0, _end(run))
    )
    course = whole.groupby("epoch")["survivors"].mean()
    fewest, when = int(course.min()), int(course.idxmin())
    return Outcome(
        f"{percent(dead)} of the connections die, {percent(replicating)} die or only replicate; "
        f"without them {points(pruned)}",
        settings.verdict(judge(checks)),
        f"{'The net really thins out' if end < 0.5 * first else 'The net hardly thins out'}: of "
        f"{first:,} connections {end:,} survive (mean over seeds; fewest, {fewest:,}, in "
        f"epoch {when}), {last['unread_pixels'].mean():.0f} pixels are no longer read, and "
        f"keeping only the survivors changes accuracy by {100 * np.mean(pruned):+.2f} percentage "
        "points.",
        {"thinning": whole, "layers": layers, "edges": edges} | settings.checks(checks),
    )


def _end(run: Run) -> int:
    return run.snapshot_epochs[-1]


def evaluate_main(settings: Settings, given: Given) -> Outcome:
    runs = given.of(configs(settings))
    records = pd.concat(
        [run.records.assign(seed=run.config.seed) for run in runs], ignore_index=True
    )
    records["replicators"] = count_replicators(records)
    last = int(records["epoch"].max())

    def at(epoch: int, column: str) -> list[float]:
        rows = records[records["epoch"] == min(epoch, last)]
        return rows[column].astype(float).tolist()

    rule = "log; ±5 % of the particles"
    checks = [
        _count("zero + identity after 1 epoch", "about 1,450", 1450, rule, at(1, "replicators")),
        _count("zero + identity after 6 epochs", "about 1,240", 1240, rule, at(6, "replicators")),
        _count("zero + identity at the end", "1,165", 1165, rule, at(last, "replicators")),
        _count("other at the end", "353", 353, rule, at(last, "other")),
        Check(
            "test accuracy",
            "0.645, from 1,500 images",
            0.615,
            0.675,
            "log; ±3 points",
            at(last, "test_accuracy"),
            required=False,
        ),
        Check(
            "test accuracy after 6 epochs",
            "0.56",
            0.53,
            0.59,
            "log; ±3 points",
            at(6, "test_accuracy"),
            required=False,
        ),
    ]
    run = runs[0]
    codes = type_history(run.snapshots[-1:], run.encoding)[0]
    edges = edge_table(run.weights, codes, run.shape)
    accuracy = at(last, "test_accuracy")
    reached = "higher than" if np.mean(accuracy) > 0.675 else "beside"
    return Outcome(
        f"zero + identity {spread(at(1, 'replicators'), '{:,.0f}')}, then "
        f"{spread(at(last, 'replicators'), '{:,.0f}')}; other "
        f"{spread(at(last, 'other'), '{:,.0f}')}; accuracy {percent(accuracy)}",
        settings.verdict(judge(checks)),
        f"{(codes == OTHER).sum():,} of {run.shape.particles:,} particles (seed 0) still work "
        f"for the task. Accuracy is {percent(accuracy)} ({len(runs)} of {settings.seeds} seeds), "
        f"{reached} the log's 64.5 %, which was measured on 1,500 images.",
        {"records": records, "edges": edges} | settings.checks(checks),
    )


def _count(quantity: str, log: str, value: int, source: str, obtained: list[float]) -> Check:
    return Check(quantity, log, value - TOLERANCE, value + TOLERANCE, source, obtained)


THINNING = Experiment(
    7,
    "Visualisation of connectivity",
    "Does the net really thin out?",
    "The log drew the macro network as a graph, one drawing per type, and found that the net "
    "really thins out. Here: surviving connections over the epochs and per layer, pixels that "
    "are no longer read, and what pruning the dead and the replicators costs.",
    "the net really thins out (band: at least half of the connections die, and pruning costs under "
    "1 percentage point)",
    evaluate_thinning,
    "connectivity",
    configs,
)

MAIN = Experiment(
    11,
    "Connectivity: 200 epochs, 4 neurons, alpha 100, residual",
    "Do the log's counts and accuracy come out again?",
    "The log's main run: 1,518 particles with 4 neurons per layer, self-replication weighted with "
    "100, residual skips, 200 epochs. Its epoch e is e + 1 here, its identities include zeros.",
    "zero + identity about 1,450 after 1 epoch, 1,240 after 6, 1,165 at the end; other 353 (bands "
    "±76); accuracy 0.56, then 0.645 (bands ±0.03)",
    evaluate_main,
    "connectivity",
    configs,
)
