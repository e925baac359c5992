"""Translation into an explainable-AI framework: what do attributions say about the micro networks?

The log asked to translate the network into a framework for explainable AI and to draw conclusions
about the micro networks. Captum explains the collapsed network; contributions are mapped back on
the particles by a gate on every connection.
"""

import numpy as np
import plotly.graph_objects as go

from srnn.experiments.base import Experiment, Found, Tables, final_codes, trainings
from srnn.experiments.claims import at_most, question, within
from srnn.figures.attribution import relevance_shares
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.tasks import task_of
from srnn.vocabulary import is_replicator

MAIN, LARGE = "h = 4", "h = 8"
IMAGES = 500
"""Test images explained."""
DIVIDED = 0.5
"""Relevance of the replicators, to their share of the particles, up to which labour is divided."""
arms = trainings({LARGE: {"neurons": 8}, MAIN: {"neurons": 4}})


def conclusion(particles: float, relevance: float) -> str:
    """What the shares (0..1) of replicators say about the micro networks."""
    if not particles > 0:
        return "No particle replicates, so all of them work for the answers"
    if relevance < 0.1 * particles:
        return "The micro networks divide the labour: the answers come from the others"
    if relevance < DIVIDED * particles:
        return "Most of the answers come from the others, but replicators take part"
    return "Replicators take part in the answers about as much as the others"


def measure(run: Run) -> Computed:
    """Shares of relevance by type (integrated gradients); the replicators' relevance to their
    share of the particles, and that of as many particles at random."""
    from srnn.analysis.attribution import explain_particles, relevance_table, share_by_type

    task, codes = task_of(run.config), final_codes(run)
    parts = explain_particles(run.weights, task.x_test[:IMAGES], task.y_test[:IMAGES], run.shape)
    table = relevance_table(parts, codes, run.shape)
    share, idle = table["share"].to_numpy(), is_replicator(codes)
    chance = np.random.default_rng(run.config.seed).permutation(idle)
    facts = {"share": float(idle.mean()), "relevance": float(share[idle].sum())}
    for name, mask in (("ratio", idle), ("ratio_chance", chance)):
        facts[name] = float(share[mask].sum() / mask.mean()) if mask.any() else float("nan")
    return facts, {"shares": share_by_type(table).assign(h=run.config.neurons)}


CLAIMS = tuple(
    question(
        f"relevance of the replicators, to their share of the particles, {arm}",
        within(arm, "ratio", "ratio_chance", "as many particles at random"),
        at_most(DIVIDED, "half of what as many particles have on average", "2"),
        f"the micro networks divide the labour: the answers come from the survivors ({arm})",
        f"replicators take part in the answers ({arm})",
    )
    for arm in (LARGE, MAIN)
)


def finding(found: Found) -> list[str]:
    said = [
        f"At {arm} replicators are {found.text(arm, 'share')} of the particles and carry "
        f"{found.text(arm, 'relevance')} of the relevance."
        for arm in (LARGE, MAIN)
    ]
    mean = [found.estimate(LARGE, key).mean for key in ("share", "relevance")]
    return [*said, conclusion(*mean) + "."]


def figure(tables: Tables) -> go.Figure:
    """Share of particles and of relevance by type."""
    return relevance_shares(tables["shares"])


EXPERIMENT = Experiment(
    "5", __doc__, arms, CLAIMS, figure, measure, finding, (LARGE, MAIN), "shares", "explain"
)
