"""Row 13: train on to 500 epochs, bit for bit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from srnn.config import RunConfig
from srnn.experiments.base import (
    Check,
    Computation,
    Experiment,
    Given,
    Outcome,
    Settings,
    judge,
    percent,
    spread,
)
from srnn.jobs import obtain
from srnn.store.results import Computed
from srnn.tasks import task_of
from srnn.training import train
from srnn.vocabulary import count_replicators


def pairs(settings: Settings) -> list[tuple[RunConfig, RunConfig]]:
    """The log's main run, and the same to 500 epochs; over seeds."""
    short = settings.configs(neurons=4)
    return list(zip(short, settings.configs(neurons=4, epochs=500), strict=True))


def configs(settings: Settings) -> list[RunConfig]:
    return [config for pair in pairs(settings) for config in pair]


def compare_bits(short: dict, long: dict) -> Computed:
    """Train without a break to the long run's end, with the short run's engine, and compare with
    the short run trained on. Facts: ``equal_weights``, ``equal_momentum`` (bits),
    ``equal_records`` (losses, accuracies, types of every epoch), ``epochs``, ``continued_at``."""
    first, _ = obtain(RunConfig.from_dict(short))
    config = RunConfig.from_dict(long)
    task, state = task_of(config), first.state
    rows = first.records.to_dict("records")
    for record in train(config, task, state):
        rows.append(record.row())
        continued = record.state
    whole = []
    for record in train(config, task, engine=state.engine):
        whole.append(record.row())
        straight = record.state
    same = {
        f"equal_{name}": getattr(continued, name).tobytes() == getattr(straight, name).tobytes()
        for name in ("weights", "momentum")
    }
    one, other = (pd.DataFrame(part).to_numpy(dtype=np.float64) for part in (rows, whole))
    same["equal_records"] = one.shape == other.shape and np.array_equal(one, other, equal_nan=True)
    return {**same, "epochs": config.epochs, "continued_at": state.epoch}, {}


def computations(settings: Settings) -> list[Computation]:
    """The bit-for-bit comparison, per seed."""
    return [
        Computation(
            "continued-run",
            compare_bits,
            {"short": short.to_dict(), "long": long.to_dict()},
            cost=60,
            when="after",
        )
        for short, long in pairs(settings)
    ]


def evaluate(settings: Settings, given: Given) -> Outcome:
    facts = [given.result(one).facts for one in computations(settings)]
    parts = ("equal_weights", "equal_momentum", "equal_records")
    equal = [float(all(fact[part] for part in parts)) for fact in facts]
    runs = given.of([long for _, long in pairs(settings)])
    records = pd.concat(
        [run.records.assign(seed=run.config.seed) for run in runs], ignore_index=True
    )
    records["replicators"] = count_replicators(records)
    half, last = facts[0]["continued_at"], facts[0]["epochs"]

    def at(epoch: int, column: str) -> list[float]:
        return records[records["epoch"] == epoch][column].astype(float).tolist()

    checks = [Check("continued run equals the uninterrupted one", "", 1, 1, "bit for bit", equal)]
    gain = np.mean(at(last, "test_accuracy")) - np.mean(at(half, "test_accuracy"))
    return Outcome(
        f"equal bit for bit on {int(sum(equal))} of {len(equal)} seeds; accuracy after {last} "
        f"epochs {percent(at(last, 'test_accuracy'))}",
        settings.verdict(judge(checks)),
        f"From {half} to {last} epochs accuracy changes by {100 * gain:+.1f} percentage points, "
        f"and zero + identity goes from {spread(at(half, 'replicators'), '{:,.0f}')} to "
        f"{spread(at(last, 'replicators'), '{:,.0f}')}.",
        {"records": records, "equality": pd.DataFrame(facts)} | settings.checks(checks),
    )


EXPERIMENT = Experiment(
    13,
    "Train on to 500 epochs?",
    "Does anything happen between 200 and 500 epochs?",
    "The log wondered whether to train on to 500 epochs. A finished run is continued from its last "
    "weights and momentum; the same training without a break is made beside it, and both must be "
    "equal bit for bit: weights, momentum, and every epoch's losses, accuracies and types.",
    "no figure in the log (band: a continued run equals an uninterrupted one, bit for bit)",
    evaluate,
    "train",
    configs,
    computations,
)
