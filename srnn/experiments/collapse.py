"""... embedded in a regular network: does a dense network with these weights answer as the MetaNet?

The log asked to put the approximate weights into a regular network. Here it is a plain torch module
with the same skips; its logits are held against the MetaNet asked particle by particle, without and
with a macro activation.
"""

import dataclasses

import numpy as np
import torch

from srnn.analysis.collapse import compare, dense, scalars
from srnn.analysis.dropout import accuracy_of
from srnn.experiments.base import Experiment, trainings
from srnn.experiments.claims import Claim, Log, Tolerance, at_most, question, within
from srnn.figures.rows import claims
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.tasks import task_of

MAIN, LARGE = "h = 4", "h = 8"
IMAGES = 1000
"""Test images on which the MetaNet is asked particle by particle."""
arms = trainings({LARGE: {"neurons": 8}, MAIN: {"neurons": 4}})


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


def _claim(arm: str, what: str, key: str, tolerance: Tolerance, yes: str, no: str) -> Claim:
    where = within(arm, key, f"{key}_dealt", "its weights dealt out anew among the connections")
    log = Log('"embedded in a regular network"', "row 4 of the log, without a number")
    return question(f"{what}, {arm}", where, tolerance, f"{yes} ({arm})", f"{no} ({arm})", log)


EXACT = at_most(1e-4, "rounding of float32 sums over 225 inputs", "exp")
RIGHT = at_most(1e-3, "ten images of 10,000, rounding at ties", "pp")
LOGITS = ("the dense network gives the same logits", "the dense network gives other logits")
ACCURACY = ("and the same accuracy", "but another accuracy")
CLAIMS = [
    claim
    for arm in (LARGE, MAIN)
    for claim in (
        _claim(arm, "largest logit difference", "difference", EXACT, *LOGITS),
        _claim(arm, "accuracy difference", "gap", RIGHT, *ACCURACY),
    )
]

EXPERIMENT = Experiment(
    "4", __doc__, arms, CLAIMS, claims, measure, premise=(LARGE, MAIN), data="claims",
    page="membership",
)  # fmt: skip
