"""Row 5: translation into a framework for explainable AI, and what it says about particles."""

from __future__ import annotations

import numpy as np
import pandas as pd

from srnn.analysis.membership import mean_images
from srnn.config import RunConfig
from srnn.experiments.base import ANSWERED, Experiment, Given, Outcome, Settings, percent
from srnn.experiments.dropout import final_codes
from srnn.store import Run
from srnn.tasks import task_of
from srnn.vocabulary import REPLICATORS

IMAGES = 500
"""Test images explained."""
TOP = 20
"""Most relevant particles listed per run."""


def configs(settings: Settings) -> list[RunConfig]:
    """The h = 8 residual preset and the log's main run, over seeds."""
    return settings.configs(neurons=8) + settings.configs(neurons=4)


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
        about = {"h": run.config.neurons, "seed": run.config.seed, "method": method}
        shares.append(share_by_type(table).assign(**about))
        tops.append(table.nlargest(TOP, "relevance").assign(**about))
    return pd.concat(shares, ignore_index=True), pd.concat(tops, ignore_index=True), rest


def _logits(network, x: np.ndarray) -> np.ndarray:
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
    """What the shares (0..1) of replicators and zeros say about the micro networks."""
    if particles == 0:
        return "No particle replicates or is zero, so all of them work for the answers"
    if relevance < 0.1 * particles:
        return "The micro networks divide the labour: the answers come from the others"
    if relevance < 0.5 * particles:
        return "Most of the answers come from the others, but replicators take part"
    return "Replicators take part in the answers about as much as the others"


def evaluate(settings: Settings, given: Given) -> Outcome:
    runs = given.of(configs(settings))
    found = [explain_run(run) for run in runs]
    shares = pd.concat([one[0] for one in found], ignore_index=True)
    top = pd.concat([one[1] for one in found], ignore_index=True)

    def of(h: int, types: tuple[str, ...], column: str) -> list[float]:
        rows = shares[(shares["h"] == h) & (shares["method"] == "integrated gradients")]
        return rows[rows["type"].isin(types)].groupby("seed")[column].sum().tolist()

    count, share = of(8, REPLICATORS, "particle_share"), of(8, REPLICATORS, "relevance_share")
    text = (
        f"replicators are {percent(count)} of the particles and carry "
        f"{percent(share)} of the relevance (h = 8)"
    )
    small = (of(4, REPLICATORS, "particle_share"), of(4, REPLICATORS, "relevance_share"))
    leader = top[(top["h"] == 8) & (top["method"] == "integrated gradients")].iloc[0]
    rest = max(one[2] for one in found)
    return Outcome(
        text,
        settings.verdict(f"{ANSWERED}{text}"),
        f"{conclusion(float(np.mean(count)), float(np.mean(share)))}. At h = 4 replicators and "
        f"zeros are {percent(small[0])} of the particles and carry {percent(small[1])} of the "
        f"relevance. The most relevant particle of the first run, {leader['particle']}, alone "
        f"carries {100 * leader['share']:.1f} %. Contributions add up to the logits within "
        f"{rest:.0e} of the largest.",
        {"shares": shares, "top": top, "digits": digit_table(runs[0])},
    )


EXPERIMENT = Experiment(
    5,
    "Translation into an explainable-AI framework",
    "What do attributions say about the micro networks?",
    "The log asked to translate the network into a framework for explainable AI and to draw "
    "conclusions about the micro networks. Captum explains the collapsed network; contributions "
    "are mapped back on the particles by a gate on every connection.",
    "no figure in the log",
    evaluate,
    "explain",
    configs,
)
