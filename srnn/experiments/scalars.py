"""Rows 3 and 4: a particle as one number, and the dense network of these numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import torch

from srnn.analysis.collapse import collapse, compare, scalar_errors, scalars
from srnn.config import RunConfig
from srnn.experiments.base import (
    Check,
    Experiment,
    Given,
    Outcome,
    Settings,
    judge,
    percent,
)
from srnn.experiments.dropout import final_codes
from srnn.metanet import particle_table
from srnn.particles import matrices
from srnn.store import Run
from srnn.tasks import task_of
from srnn.vocabulary import TYPES

IMAGES = 1000
"""Test images on which the MetaNet is asked particle by particle."""


def configs(settings: Settings) -> list[RunConfig]:
    """The log's main run and the h = 8 residual preset, over seeds."""
    return settings.configs(neurons=4) + settings.configs(neurons=8)


def bent_errors(weights: np.ndarray, probes: tuple[float, ...] = (0.25, 0.5, 2.0)) -> np.ndarray:
    """What f(1) would miss if particles were not linear: the largest |f(x) - x f(1)| over the
    probes, with tanh after both hidden layers of the same weights ``(n, P)`` -> ``(P,)``."""
    w1, w2, w3 = matrices(torch.from_numpy(np.array(weights)))

    def answer(x: float) -> torch.Tensor:
        hidden = torch.tanh(w1[:, 4] * x)
        hidden = torch.tanh((w2 * hidden[None]).sum(1))
        return (w3 * hidden).sum(0)

    one = answer(1.0)
    misses = torch.stack([(answer(x) - x * one).abs() for x in probes])
    return misses.amax(0).numpy()


def scalar_table(run: Run) -> pd.DataFrame:
    """One row per particle: its name, place, type, scalar weight, the error of that number, and
    what the error would be with tanh particles."""
    table = particle_table(run.shape)
    table.insert(0, "seed", run.config.seed)
    table.insert(0, "h", run.config.neurons)
    table["type"] = [TYPES[code] for code in final_codes(run)]
    table["scalar_weight"] = scalars(run.weights).astype(float)
    table["error"] = scalar_errors(run.weights).astype(float)
    table["error_if_tanh"] = bent_errors(run.weights).astype(float)
    return table


def evaluate_scalars(settings: Settings, given: Given) -> Outcome:
    table = pd.concat([scalar_table(run) for run in given.of(configs(settings))], ignore_index=True)
    groups = table.groupby(["h", "seed"])
    worst = (
        groups["error"].max() / groups["scalar_weight"].apply(lambda w: w.abs().max())
    ).tolist()
    bent = (groups["error_if_tanh"].max()).tolist()
    checks = [
        Check(
            "error of f(1), relative to the largest weight",
            "approximate",
            0,
            1e-5,
            "float32",
            worst,
        )
    ]
    share = table[table["type"] == "other"]["scalar_weight"].abs().median()
    quiet = table[table["type"] == "identity"]["scalar_weight"].abs().median()
    return Outcome(
        f"relative error at most {max(worst):.1e}; tanh particles would miss by up to "
        f"{max(bent):.2f}",
        settings.verdict(judge(checks)),
        f"f(1) is the connection's weight exactly, up to rounding, because particles are linear; a "
        f"macro activation does not change that, it acts between cells. Median |f(1)|: "
        f"{share:.3f} for other, {quiet:.1e} for identities.",
        {"scalars": table} | settings.checks(checks),
    )


def evaluate_collapse(settings: Settings, given: Given) -> Outcome:
    rows = []
    for run in given.of(configs(settings)):
        task = task_of(run.config)
        x = task.x_test[:IMAGES]
        for activation in ("none", "relu", "tanh"):
            shape = dataclasses.replace(run.shape, activation=activation)
            seen = compare(run.weights, x, shape)
            with torch.no_grad():
                logits = collapse(run.weights, shape)(torch.from_numpy(task.x_test)).numpy()
            rows.append(
                {
                    "h": run.config.neurons,
                    "seed": run.config.seed,
                    "activation": activation,
                    "difference": seen.difference,
                    "largest_logit": seen.largest_logit,
                    "same_answers": seen.same_answers,
                    "accuracy": float((logits.argmax(1) == task.y_test).mean()),
                    "run_accuracy": run.results["test_accuracy"],
                }
            )
    table = pd.DataFrame(rows)
    plain = table[table["activation"] == "none"]
    gap = (plain["accuracy"] - plain["run_accuracy"]).abs().tolist()
    checks = [
        Check(
            "largest difference of two logits",
            "the same",
            0,
            1e-4,
            "fixed beforehand; float32",
            table["difference"].tolist(),
        ),
        Check("accuracy difference", "the same", 0, 1e-3, "rounding at ties", gap),
    ]
    worst = float(table["difference"].max())
    return Outcome(
        f"largest logit difference {worst:.1e} over {len(table)} networks; accuracy "
        f"{percent(plain['accuracy'].tolist())}",
        settings.verdict(judge(checks) if worst < 1e-4 else "differs: logits"),
        "The MetaNet, asked particle by particle, and the dense network of its scalar weights "
        f"give the same logits up to {worst:.1e}, also with ReLU or tanh between the cells: an "
        "activation gets the same sum in both.",
        {"collapse": table} | settings.checks(checks),
    )


SCALARS = Experiment(
    3,
    "gnf(1) → approximate weight",
    "Which single number does a particle multiply its input by?",
    "The log asked a particle for f(0,0,0,0,1) and took the answer as the approximate weight of "
    "its connection. Particles are linear, so it is exact; with a non-linear particle it would "
    "not be, and the table shows by how much.",
    "one number per particle (band: relative error under 1e-5)",
    evaluate_scalars,
    "membership",
    configs,
)

COLLAPSE = Experiment(
    4,
    "... embedded in a regular network",
    "Does a dense network with these weights answer as the MetaNet does?",
    "The log asked to put the approximate weights into a regular network. Here it is a plain torch "
    "module with the same skips; its logits are held against the MetaNet asked particle by "
    "particle, without and with a macro activation.",
    "the same logits (band: within 1e-4) and the same accuracy",
    evaluate_collapse,
    "membership",
    configs,
)
