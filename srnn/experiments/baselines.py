"""Baseline dense network: what does a dense network with as many neurons, or weights, reach?

The log asked for dense baselines of comparable size: the same macro neurons; as many neurons as the
macro net and all particles have together; as many weights as all particles together. Depth and
skips stay, the width is matched. Matched in neurons at MNIST's size, the dense network would have
36 million weights, and training it would take an hour a seed; so this match is made on 8x8 digits,
beside a MetaNet trained on the same. Every dense network has the learning rate that serves it best
on validation images of the first seed.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from srnn.config import RunConfig
from srnn.experiments.base import (
    SHUFFLED,
    Arms,
    Computation,
    Experiment,
    Found,
    Settings,
    Tables,
    computations,
)
from srnn.experiments.claims import across, at_least, question
from srnn.experiments.comparisons import compare_wide, rates
from srnn.figures.rows import ranking
from srnn.metanet import macro_shape
from srnn.pruning.dense import DENSE_LR
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.statistics import MARGIN

EPOCHS, FEW = 40, 10
"""Epochs of the dense networks, and of the wide ones, whose epoch costs twenty times as much."""
META, SMALL = "MetaNet, h = 4", "MetaNet, h = 4, on 8x8 digits"
SAME, WEIGHTS = "dense, the same cells", "dense, as many weights as all particles"
NEURONS = "dense, as many neurons as macro net and particles, on 8x8 digits"
PLACEBO = f"{SAME}, {SHUFFLED}"


def arms(settings: Settings) -> Arms:
    """The MetaNets and the dense networks, each over all seeds."""
    epochs = 4 if settings.quick else EPOCHS
    few, mains = min(epochs, FEW), settings.configs(neurons=4)
    small = settings.configs(neurons=4, dataset="digits", batch_size=50)

    def dense(over: list[RunConfig], width: int, length: int, **changes: str) -> list[Computation]:
        about: dict[str, Any] = {"width": width, "epochs": length}
        if settings.quick:
            about["grid"] = [DENSE_LR]  # to try others would take most of a quick look's minute
        cost = 3 + length * (width / 150) ** 2 / 20
        changed = [one.replace(**changes) for one in over]
        return computations("dense", compare_wide, changed, version=4, cost=cost, **about)

    width, weights = mains[0].width, width_for(mains[0], "weights")
    return {
        META: mains,
        SAME: dense(mains, width, epochs),
        f"{SAME}, ReLU": dense(mains, width, epochs, activation="relu"),
        WEIGHTS: dense(mains, weights, few),
        f"{WEIGHTS}, ReLU": dense(mains, weights, few, activation="relu"),
        SMALL: small,
        NEURONS: dense(small, width_for(small[0], "neurons"), few),
        PLACEBO: dense(mains, width, epochs, labels="shuffled"),
    }


def total_neurons(config: RunConfig) -> int:
    """Cells of the macro network and neurons (2h + 1) of all particles together."""
    shape = macro_shape(config)
    return sum(shape.sizes[1:]) + shape.particles * (2 * config.neurons + 1)


def width_for(config: RunConfig, what: str) -> int:
    """Width of the hidden layers at which a dense network of the same depth comes closest to the
    MetaNet: in ``neurons`` (macro net and particles together) or ``weights`` (of all particles).

    Raises:
        ValueError: another ``what``.
    """
    shape = macro_shape(config)
    hidden = shape.depth - 1
    if what == "neurons":
        return round((total_neurons(config) - shape.outputs) / hidden)
    if what != "weights":
        raise ValueError(f"unknown match {what!r}; matches: neurons, weights")
    goal = shape.particles * config.particle_weights
    inner, ends = hidden - 1, shape.inputs + shape.outputs
    if inner == 0:
        return max(1, round(goal / ends))
    return max(1, round((-ends + np.sqrt(ends**2 + 4 * inner * goal)) / (2 * inner)))


def measure(run: Run) -> Computed:
    """What a MetaNet is made of."""
    parameters = run.shape.particles * run.config.particle_weights
    made = {"parameters": parameters, "neurons": total_neurons(run.config)}
    return {**made, "epochs": run.record.results.epochs}, {}


CLAIMS = (
    question(
        "accuracy, dense network of the same cells less MetaNet",
        across("accuracy", SAME, PLACEBO, minus=META),
        at_least(MARGIN, "more than nothing, which is half a percentage point", "pp"),
        "a plain dense network of the same cells does better than the MetaNet with h = 4",
        "a plain dense network of the same cells does no better than the MetaNet with h = 4",
    ),
)


def finding(found: Found) -> list[str]:
    def told(name: str) -> str:
        rate = rates(found, name)
        return f"{name}: {found.mean(name, 'accuracy')}{rate and f' (learning rate {rate})'}"

    every = ((META, SAME, WEIGHTS, f"{WEIGHTS}, ReLU"), (SMALL, NEURONS))
    return [f"{'; '.join(map(told, names))}." for names in every]


def figure(tables: Tables) -> go.Figure:
    """Accuracy of the MetaNets and the dense networks; their weights and neurons."""
    table = tables["numbers"]
    note = "{parameters:,.0f} weights, {neurons:,.0f} neurons, epochs: {epochs:.0f}"
    return ranking(table[table["arm"] != PLACEBO], note)


EXPERIMENT = Experiment("15", __doc__, arms, CLAIMS, figure, measure, finding, (META, SMALL))
