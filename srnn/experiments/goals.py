"""Task or goal instead of the SRNN task: what becomes of particles without self-replication?

The log asked for another goal of the particles in place of self-replication. Here the same network
is trained with every particle made to multiply its input by 0.03, and with no goal beside the task.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from srnn.experiments.base import Arms, Experiment, Found, Settings, Tables
from srnn.experiments.claims import At, Claim, at_least
from srnn.figures.rows import shares
from srnn.figures.style import INK, PALETTE

SELF, BARE, OTHER = "replicate itself", "nothing beside the task", "multiply by 0.03, alpha 0.01"
GOALS: dict[str, dict[str, Any]] = {
    SELF: {},
    "multiply by 0.03, alpha 1": {"goal": "multiply", "alpha": 1.0},
    OTHER: {"goal": "multiply", "alpha": 0.01},
    BARE: {"goal": "none"},
}
"""What the particles are trained for. The goal of multiplication pulls a scalar weight v to 0.03
with the force 2 alpha (v - 0.03): alpha 100 overshoots at this learning rate and diverges."""


def arms(settings: Settings) -> Arms:
    return {goal: settings.configs(neurons=4, **changes) for goal, changes in GOALS.items()}


CLAIMS = (
    Claim(
        "share of replicators, with self-replication less with the task alone",
        At(SELF, "replicators", At(BARE, "replicators")),
        At(OTHER, "replicators", At(BARE, "replicators")),
        at_least(0.1, "ten points more"),
        "pp",
        answers=(
            "replicators and dead connections come from self-replication",
            "replicators and dead connections do not come from self-replication",
        ),
    ),
)


def finding(found: Found) -> list[str]:
    parts = [
        f"{goal}: accuracy {found.text(goal, 'accuracy')}, replicators "
        f"{found.text(goal, 'replicators')}"
        for goal in GOALS
    ]
    return ["Goal: " + "; ".join(parts) + "."]


def figure(tables: Tables) -> go.Figure:
    """Accuracy and share of replicators, per goal."""
    columns = {
        "accuracy": ("test accuracy", INK, "circle"),
        "replicators": ("replicators", PALETTE["identity"], "square"),
    }
    return shares(tables["numbers"], "arm", columns)


EXPERIMENT = Experiment(
    "16", __doc__, arms, CLAIMS, figure, finding=finding, premise=(SELF,), page="train"
)
