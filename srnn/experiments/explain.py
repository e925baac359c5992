"""Translation into an explainable-AI framework: what do attributions say about the micro networks?

The log asked to translate the network into a framework for explainable AI and to draw conclusions
about the micro networks. Captum explains the collapsed network; contributions are mapped back on
the particles by a gate on every connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from srnn.analysis.membership import mean_images
from srnn.experiments.base import Arms, Experiment, Found, Settings, Tables, final_codes
from srnn.experiments.claims import At, Claim, at_most
from srnn.figures.attribution import relevance_shares
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.tasks import task_of
from srnn.vocabulary import is_replicator

MAIN, LARGE = "h = 4", "h = 8"
IMAGES = 500
"""Test images explained."""
TOP = 20
"""Most relevant particles listed per run."""
DIVIDED = 0.5
"""Relevance of the replicators, to their share of the particles, up to which labour is divided."""


def arms(settings: Settings) -> Arms:
    return {LARGE: settings.configs(neurons=8), MAIN: settings.configs(neurons=4)}


def explain_run(run: Run) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Relevance by type and the most relevant particles, per method; and the largest difference
    between a logit and the sum of its particles' contributions, relative to the largest logit."""
    from srnn.analysis.attribution import (
        PARTICLE_METHODS,
        explain_particles,
        relevance_table,
        share_by_type,
    )
    from srnn.analysis.collapse import collapse

    task, codes = task_of(run.config), final_codes(run)
    x, y = task.x_test[:IMAGES], task.y_test[:IMAGES]
    logits = _logits(collapse(run.weights, run.shape), x)
    shares, tops, rest = [], [], 0.0
    for method in PARTICLE_METHODS:
        parts = explain_particles(run.weights, x, y, run.shape, method)
        if method == "integrated gradients":
            gap = np.abs(parts.sum(1) - logits[np.arange(len(y)), y]).max()
            rest = float(gap / np.abs(logits).max())
        table = relevance_table(parts, codes, run.shape)
        about: dict[str, Any] = {"h": run.config.neurons, "seed": run.config.seed, "method": method}
        shares.append(share_by_type(table).assign(**about))
        tops.append(table.nlargest(TOP, "relevance").assign(**about))
    return pd.concat(shares, ignore_index=True), pd.concat(tops, ignore_index=True), rest


def _logits(network: Callable, x: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        return network(torch.from_numpy(x)).numpy()


def digit_table(run: Run) -> pd.DataFrame:
    """Per digit and pixel: ``mean``, the mean image, and a column per method with the mean
    attribution to that digit's own logit."""
    from srnn.analysis.attribution import PIXEL_METHODS, digit_images, explain_pixels

    task = task_of(run.config)
    x, y = task.x_test[:IMAGES], task.y_test[:IMAGES]
    means = mean_images(x, y, task.classes)
    table = pd.DataFrame(
        {
            "digit": np.repeat(np.arange(task.classes), task.inputs),
            "pixel": np.tile(np.arange(task.inputs), task.classes),
            "mean": means.ravel().astype(float),
        }
    )
    for method in PIXEL_METHODS:
        parts = explain_pixels(run.weights, x, y, run.shape, method)
        table[method] = digit_images(parts, y, task.classes).ravel()
    return table


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
    Claim(
        f"relevance of the replicators, to their share of the particles, {arm}",
        At(arm, "ratio"),
        At(arm, "ratio_chance"),
        at_most(DIVIDED, "half of what as many particles have on average"),
        "2",
        answers=(
            f"the micro networks divide the labour: the answers come from the survivors ({arm})",
            f"replicators take part in the answers ({arm})",
        ),
        control="as many particles at random",
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
