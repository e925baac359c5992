"""Task or goal instead of the SRNN task: what becomes of particles without self-replication?

The log asked for another goal of the particles in place of self-replication. Here the same network
is trained with every particle made to multiply its input by 0.03, to reproduce its own weights in a
permuted order (which only a dead particle does), and with no goal beside the task.
"""

from typing import Any

from srnn.experiments.base import PERMUTED, Experiment, Found, trainings
from srnn.experiments.claims import across, at_least, question
from srnn.figures.rows import shares
from srnn.figures.style import INK, PALETTE
from srnn.runs import Run
from srnn.runs.results import Computed

SELF, BARE, OTHER = "replicate itself", "nothing beside the task", "multiply by 0.03, alpha 0.01"
GOALS: dict[str, dict[str, Any]] = {
    SELF: {"neurons": 4},
    "multiply by 0.03, alpha 1": {"neurons": 4, "goal": "multiply", "alpha": 1.0},
    OTHER: {"neurons": 4, "goal": "multiply", "alpha": 0.01},
    BARE: {"neurons": 4, "goal": "none"},
}
"""What the particles are trained for. The goal of multiplication pulls a scalar weight v to 0.03
with the force 2 alpha (v - 0.03): alpha 100 overshoots at this learning rate and diverges."""
arms = trainings(GOALS, SELF, (PERMUTED,))


def measure(run: Run) -> Computed:
    """Shares of zeros and of identities at the end."""
    last = run.records.iloc[-1]
    return {kind: float(last[kind]) / run.shape.particles for kind in ("zero", "identity")}, {}


CLAIMS = (
    question(
        "share of identities, with self-replication less with the task alone",
        across("identity", SELF, PERMUTED, minus=BARE),
        at_least(0.05, "five points more", "pp"),
        "living replicators come from self-replication",
        "living replicators do not come from self-replication",
    ),
    question(
        "share of zeros, with self-replication less with the task alone",
        across("zero", SELF, PERMUTED, minus=BARE),
        at_least(0.05, "five points more", "pp"),
        "dead particles come from self-replication, and not from another target",
        "dead particles do not come from self-replication",
    ),
)


def finding(found: Found) -> list[str]:
    return [
        f"{goal[0].upper()}{goal[1:]}: accuracy {found.text(goal, 'accuracy')}, zeros "
        f"{found.text(goal, 'zero')}, identities {found.text(goal, 'identity')}."
        for goal in (*GOALS, PERMUTED)
    ]


figure = shares(
    {
        "accuracy": ("test accuracy", INK, "circle"),
        "identity": ("identities", PALETTE["identity"], "square"),
        "zero": ("zeros", PALETTE["zero"], "diamond"),
    }
)
"""Accuracy and shares of both kinds of replicator, per goal."""


EXPERIMENT = Experiment(
    "16", __doc__, arms, CLAIMS, figure, measure, finding, (SELF,), page="train", version=2
)
