"""Training with smaller GNs: what do smaller particles, or a smaller macro network, change?

An early note of the log, on smaller particles (h = 3, alpha 1, 100 epochs): accuracy falls to 0.56,
more particles replicate, and dropping them makes no difference. It is compared in its own setting;
h = 2, 3, 4 and 8 at alpha 100 and macro widths 3 and 4 stand beside it.
"""

from typing import Any

from srnn.experiments.base import (
    NONE,
    SHUFFLED,
    Experiment,
    Found,
    drop_costs,
    final_codes,
    trainings,
)
from srnn.experiments.claims import (
    SAME,
    Claim,
    Log,
    Tolerance,
    accuracy_about,
    across,
    at_least,
    at_most,
    reported,
    within,
)
from srnn.figures.rows import shares
from srnn.figures.style import INK, REPLICATOR
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.statistics import MARGIN
from srnn.vocabulary import is_replicator

NOTE, BASE = "h = 3, alpha 1, 100 epochs", "h = 4, alpha 1, 100 epochs"
BARE = {"h = 3": f"h = 3, {NONE}", "h = 4": f"h = 4, {NONE}"}
VARIANTS: dict[str, dict[str, Any]] = {
    "h = 2, alpha 50": {"neurons": 2, "alpha": 50.0},
    "h = 3": {"neurons": 3},
    "h = 4": {"neurons": 4},
    "h = 8": {"neurons": 8},
    "h = 4, width 3": {"neurons": 4, "width": 3},
    "h = 4, width 4": {"neurons": 4, "width": 4},
    NOTE: {"neurons": 3, "alpha": 1.0, "epochs": 100},
    BASE: {"neurons": 4, "alpha": 1.0, "epochs": 100},
    f"{NOTE}, {SHUFFLED}": {"neurons": 3, "alpha": 1.0, "epochs": 100, "labels": "shuffled"},
    BARE["h = 3"]: {"neurons": 3, "alpha": 1.0, "epochs": 100, "goal": "none"},
    BARE["h = 4"]: {"neurons": 4, "alpha": 1.0, "epochs": 100, "goal": "none"},
}
"""What is compared. On MNIST h = 2 diverges at alpha 100, so it stands here at alpha 50."""
arms = trainings(VARIANTS)


def measure(run: Run) -> Computed:
    """What dropping the replicators costs, beside as many at random."""
    costs, _ = drop_costs(run.weights, {"cost": is_replicator(final_codes(run))}, run)
    return costs, {}


EARLY = "early note of the log"


def _fall(key: str, quantity: str, log: str, tolerance: Tolerance) -> Claim:
    """A claim of the note: h = 3 less h = 4, at alpha 1 after 100 epochs."""
    where = across(key, NOTE, BARE["h = 3"], NONE, BASE, BARE["h = 4"])
    said = Log(log, f"{EARLY}; its baseline is taken to be h = 4 in the same setting")
    return reported(f"{quantity}, h = 3 less h = 4", where, tolerance, said)


LOWER = at_most(-MARGIN, "a direction; half a percentage point", "pp")
MORE = at_least(0.01, "a direction; 15 particles of 1,518", "pp")
CLAIMS = (
    reported(
        f"test accuracy, {NOTE}",
        across("accuracy", NOTE, f"{NOTE}, {SHUFFLED}"),
        accuracy_about(0.56),
        Log("0.56", EARLY),
    ),
    _fall("accuracy", "accuracy", "falls", LOWER),
    _fall("replicators", "share of replicators", "more", MORE),
    reported(
        f"drop cost of the replicators, {NOTE}",
        within(NOTE, "cost", "cost, at random", "as many at random"),
        SAME,
        Log("0.0 (but its bar plot: accuracy 0.568 before, 0.598 after)", EARLY),
        "the note's figure and its own bar plot contradict each other",
    ),
)


def finding(found: Found) -> list[str]:
    parts = [
        f"{name}: {found.mean(name, 'accuracy')}, {found.mean(name, 'replicators')} replicate"
        for name in VARIANTS
        if len(found.values(name, "accuracy")) and NONE not in name and SHUFFLED not in name
    ]
    return ["Accuracy and share of replicators: " + "; ".join(parts) + "."]


figure = shares(
    {
        "accuracy": ("test accuracy", INK, "circle"),
        "replicators": ("replicators", REPLICATOR, "square"),
    }
)
"""Accuracy and share of replicators, per variant."""


EXPERIMENT = Experiment(
    "12", __doc__, arms, CLAIMS, figure, measure, finding, (NOTE, BASE), page="particle_types"
)
