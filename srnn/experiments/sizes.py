"""Training with smaller GNs: what do smaller particles, or a smaller macro network, change?

An early note of the log, on smaller particles (h = 3, alpha 1, 100 epochs): accuracy falls to 0.56,
more particles replicate, and dropping them makes no difference. It is compared in its own setting;
h = 2, 3, 4 and 8 at alpha 100 and macro widths 3 and 4 stand beside it.
"""

from typing import Any

import plotly.graph_objects as go

from srnn.experiments.base import (
    NONE,
    SHUFFLED,
    Arms,
    Experiment,
    Found,
    Settings,
    Tables,
    drop_costs,
    final_codes,
)
from srnn.experiments.claims import (
    SAME,
    At,
    Claim,
    Log,
    Tolerance,
    accuracy_about,
    at_least,
    at_most,
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


def arms(settings: Settings) -> Arms:
    return {name: settings.configs(**changes) for name, changes in VARIANTS.items()}


def measure(run: Run) -> Computed:
    """What dropping the replicators costs, beside as many at random."""
    costs, _ = drop_costs(run.weights, {"cost": is_replicator(final_codes(run))}, run)
    return costs, {}


def _fall(quantity: str, log: str, tolerance: Tolerance, key: str) -> Claim:
    """A claim of the note: h = 3 less h = 4, at alpha 1 after 100 epochs."""
    return Claim(
        quantity,
        At(NOTE, key, At(BASE, key)),
        At(BARE["h = 3"], key, At(BARE["h = 4"], key)),
        tolerance,
        "pp",
        Log(log, "early note of the log; its baseline is taken to be h = 4 in the same setting"),
        control=NONE,
    )


CLAIMS = (
    Claim(
        f"test accuracy, {NOTE}",
        At(NOTE, "accuracy"),
        At(f"{NOTE}, {SHUFFLED}", "accuracy"),
        accuracy_about(0.56),
        "%",
        Log("0.56", "early note of the log"),
    ),
    _fall(
        "accuracy, h = 3 less h = 4",
        "falls",
        at_most(-MARGIN, "a direction; half a percentage point"),
        "accuracy",
    ),
    _fall(
        "share of replicators, h = 3 less h = 4",
        "more",
        at_least(0.01, "a direction; 15 particles of 1,518"),
        "replicators",
    ),
    Claim(
        f"drop cost of the replicators, {NOTE}",
        At(NOTE, "cost"),
        At(NOTE, "cost, at random"),
        SAME,
        "pp",
        Log("0.0 (but its bar plot: accuracy 0.568 before, 0.598 after)", "early note of the log"),
        control="as many at random",
        unknown="the note's figure and its own bar plot contradict each other",
    ),
)


def finding(found: Found) -> list[str]:
    parts = [
        f"{name}: {found.mean(name, 'accuracy')}, {found.mean(name, 'replicators')} replicate"
        for name in VARIANTS
        if len(found.values(name, "accuracy")) and NONE not in name and SHUFFLED not in name
    ]
    return ["Accuracy and share of replicators: " + "; ".join(parts) + "."]


def figure(tables: Tables) -> go.Figure:
    """Accuracy and share of replicators, per variant."""
    columns = {
        "accuracy": ("test accuracy", INK, "circle"),
        "replicators": ("replicators", REPLICATOR, "square"),
    }
    return shares(tables["numbers"], "arm", columns)


EXPERIMENT = Experiment(
    "12", __doc__, arms, CLAIMS, figure, measure, finding, (NOTE, BASE), page="particle_types"
)
