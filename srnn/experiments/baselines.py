"""Row 15: dense networks with as many neurons, or as many weights, as a MetaNet."""

from __future__ import annotations

import numpy as np
import pandas as pd

from srnn.config import RunConfig
from srnn.experiments.base import (
    ANSWERED,
    Computation,
    Experiment,
    Given,
    Outcome,
    Settings,
    percent,
)
from srnn.experiments.comparisons import compare_wide
from srnn.metanet import MacroShape, macro_shape

EPOCHS = 40
SAME = "the same macro neurons"
WEIGHTS = "as many weights as all particles"
NEURONS = "as many neurons as macro net and particles"


def configs(settings: Settings) -> list[RunConfig]:
    """The log's main run, over seeds."""
    return settings.configs(neurons=4)


def neurons(shape: MacroShape) -> int:
    """Hidden and output cells of a network."""
    return sum(shape.sizes[1:])


def total_neurons(config: RunConfig) -> int:
    """Cells of the macro network and neurons (2h + 1) of all particles together."""
    shape = macro_shape(config)
    return neurons(shape) + shape.particles * (2 * config.neurons + 1)


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


def sizes(settings: Settings, config: RunConfig) -> list[tuple[str, int, str, int]]:
    """The dense networks: name, width, activation, epochs. The one with all neurons is thousands of
    times as dear a step as the smallest, so it gets a single epoch."""
    epochs = EPOCHS // 4 if settings.quick else EPOCHS
    weights = width_for(config, "weights")
    return [
        (SAME, config.width, "none", epochs),
        (f"{SAME}, ReLU", config.width, "relu", epochs),
        (WEIGHTS, weights, "none", epochs),
        (f"{WEIGHTS}, ReLU", weights, "relu", epochs),
        (NEURONS, width_for(config, "neurons"), "none", 1),
    ]


def computation(config: RunConfig, width: int, activation: str, epochs: int) -> Computation:
    """One dense network's training."""
    parameters = {
        "config": config.replace(activation=activation).to_dict(),
        "width": width,
        "epochs": epochs,
    }
    return Computation("dense", compare_wide, parameters, cost=5 + epochs * (width / 200) ** 2)


def computations(settings: Settings) -> list[Computation]:
    """Every dense network over all seeds."""
    return [
        computation(config, width, activation, epochs)
        for config in configs(settings)
        for _, width, activation, epochs in sizes(settings, config)
    ]


def evaluate(settings: Settings, given: Given) -> Outcome:
    base = configs(settings)[0]
    shape = macro_shape(base)
    rows = [
        {
            "network": "MetaNet, h = 4",
            "seed": run.config.seed,
            "width": shape.width,
            "neurons": total_neurons(base),
            "parameters": shape.particles * base.particle_weights,
            "accuracy": run.results["test_accuracy"],
            "epochs": run.results["epochs"],
            "seconds": run.info["seconds"],
        }
        for run in given.of(configs(settings))
    ]
    for config in configs(settings):
        for name, width, activation, epochs in sizes(settings, config):
            facts = given.result(computation(config, width, activation, epochs)).facts
            rows.append(
                {
                    "network": f"dense, {name}",
                    "seed": config.seed,
                    "width": width,
                    "neurons": width * (shape.depth - 1) + shape.outputs,
                    **{key: facts[key] for key in ("parameters", "accuracy", "epochs", "seconds")},
                }
            )
    table = pd.DataFrame(rows)

    def accuracies(name: str) -> list[float]:
        return table[table["network"] == name]["accuracy"].tolist()

    meta, same = accuracies("MetaNet, h = 4"), accuracies(f"dense, {SAME}")
    weights, bent = accuracies(f"dense, {WEIGHTS}"), accuracies(f"dense, {WEIGHTS}, ReLU")
    gap = 100 * (np.mean(meta) - np.mean(same))
    cells = "-".join(str(size) for size in shape.sizes)
    return Outcome(
        f"MetaNet {percent(meta)}; dense with {SAME} {percent(same)}, with {WEIGHTS} "
        f"{percent(weights)}, with {NEURONS} {percent(accuracies(f'dense, {NEURONS}'))} (1 epoch)",
        settings.verdict(
            f"{ANSWERED}a dense network of {SAME} reaches {percent(same)}, the MetaNet "
            f"{percent(meta)}"
        ),
        f"Against a dense network of the same cells ({cells}) the MetaNet is {gap:+.1f} percentage "
        f"points. Its {table['parameters'].iloc[0]:,} weights, spent on a dense network, reach "
        f"{percent(weights)}, with ReLU {percent(bent)}.",
        {"baselines": table},
    )


EXPERIMENT = Experiment(
    15,
    "Baseline dense network",
    "What does a dense network with as many neurons, or as many weights, reach?",
    "The log asked for dense baselines of comparable size: the same macro neurons; as many neurons "
    "as the macro net and all particles have together; as many weights as all particles together. "
    "Depth and skips stay, the width is matched. Without an activation, as in the log, all are "
    "linear maps; the cheap ones are shown with ReLU too.",
    "no figure in the log",
    evaluate,
    "",
    configs,
    computations,
)
