"""Row 4: the dense network of the particles' scalar weights."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from srnn.analysis.collapse import compare, dense, scalars
from srnn.analysis.dropout import accuracy_of
from srnn.experiments.base import Arms, Experiment, Settings
from srnn.experiments.claims import At, Claim
from srnn.figures.rows import claims
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.tasks import task_of

MAIN, LARGE = "h = 4", "h = 8"
IMAGES = 1000
"""Test images on which the MetaNet is asked particle by particle."""


def arms(settings: Settings) -> Arms:
    return {LARGE: settings.configs(neurons=8), MAIN: settings.configs(neurons=4)}


def measure(run: Run) -> Computed:
    """Largest logit difference, without and with a macro activation, and the accuracy difference;
    the same for the dense network whose weights are dealt out anew among the connections."""
    task, own = task_of(run.config), scalars(run.weights)
    other = np.random.default_rng(run.config.seed).permutation(own)
    x, y = task.x_test, task.y_test
    differences = [
        compare(run.weights, x[:IMAGES], dataclasses.replace(run.shape, activation=name)).difference
        for name in ("none", "relu", "tanh")
    ]
    with torch.inference_mode():
        images = torch.from_numpy(x[:IMAGES])
        right, wrong = (dense(one, run.shape)(images) for one in (own, other))
    told = float(run.records["test_accuracy"].iloc[-1])
    facts = {
        "difference": max(differences),
        "difference_dealt": float((right - wrong).abs().max()),
        "gap": abs(accuracy_of(own, x, y, run.shape) - told),
        "gap_dealt": abs(accuracy_of(other, x, y, run.shape) - told),
    }
    return facts, {}


def _claims(arm: str) -> tuple[Claim, Claim]:
    log, source = '"embedded in a regular network"', "row 4 of the log, without a number"
    control = "its weights dealt out anew among the connections"
    return (
        Claim(
            f"largest logit difference, {arm}",
            log,
            source,
            0.0,
            1e-4,
            "rounding of float32 sums over 225 inputs",
            At(arm, "difference"),
            At(arm, "difference_dealt"),
            control,
            "exp",
            f"the dense network gives the same logits ({arm})",
            f"the dense network gives other logits ({arm})",
        ),
        Claim(
            f"accuracy difference, {arm}",
            log,
            source,
            0.0,
            1e-3,
            "ten images of 10,000, rounding at ties",
            At(arm, "gap"),
            At(arm, "gap_dealt"),
            control,
            "pp",
            f"and the same accuracy ({arm})",
            f"but another accuracy ({arm})",
        ),
    )


EXPERIMENT = Experiment(
    "4",
    "... embedded in a regular network",
    "Does a dense network with these weights answer as the MetaNet does?",
    "The log asked to put the approximate weights into a regular network. Here it is a plain torch "
    "module with the same skips; its logits are held against the MetaNet asked particle by "
    "particle, without and with a macro activation.",
    arms,
    (*_claims(LARGE), *_claims(MAIN)),
    claims,
    measure,
    premise=(LARGE, MAIN),
    data="claims",
    page="membership",
)
