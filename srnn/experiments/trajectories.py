"""Row 8: PCA of the weight snapshots, the log's data frame Epoch, Weight, dim_1 .. dim_n."""

from __future__ import annotations

import pandas as pd

from srnn.analysis.trajectories import FITS, Trajectories, fit_trajectories, sample_particles
from srnn.analysis.types import type_history
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
from srnn.metanet import particle_table
from srnn.store import Run
from srnn.vocabulary import TYPES

SHOWN = 200
"""Particles in the cube; the fit is over all of them."""


def configs(settings: Settings) -> list[RunConfig]:
    """The log's main run, over seeds."""
    return settings.configs(neurons=4)


def fit_run(run: Run, fit: str) -> Trajectories:
    """Three components of all snapshots of a run."""
    table = particle_table(run.shape)
    return fit_trajectories(
        run.snapshots,
        run.snapshot_epochs,
        table["particle"].tolist(),
        table["layer"].to_numpy(),
        components=3,
        fit=fit,
        particles=sample_particles(type_history(run.snapshots[-1:], run.encoding)[0] >= 0, SHOWN),
    )


def evaluate(settings: Settings, given: Given) -> Outcome:
    runs, parts = given.of(configs(settings)), []
    for run in runs:
        for fit in FITS:
            explained = fit_run(run, fit).explained
            mean = explained.groupby("component", as_index=False)["share"].mean()
            parts.append(mean.assign(seed=run.config.seed, fit=fit))
    explained = pd.concat(parts, ignore_index=True)
    found = fit_run(runs[0], "all")
    frame = found.frame
    codes = type_history(runs[0].snapshots[-1:], runs[0].encoding)[0]
    kinds = dict(zip(found.names, (TYPES[codes[i]] for i in found.particles), strict=True))
    frame["type"] = frame["Weight"].map(kinds)
    layout = list(frame.columns[:5]) == ["Epoch", "Weight", "dim_1", "dim_2", "dim_3"]
    totals = explained.groupby(["fit", "seed"])["share"].sum()
    one, own = totals["all"].tolist(), totals["particle"].tolist()
    sane = [float(0 <= share <= 1 + 1e-9) for share in totals]
    checks = [
        Check("data frame Epoch, Weight, dim_1 ..", "asked for", 1, 1, "log", [float(layout)]),
        Check("explained variance is a share", "", 1, 1, "definition", sane),
    ]
    return Outcome(
        f"three components explain {percent(one)} over all particles, {percent(own)} of each "
        "particle's own path",
        settings.verdict(judge(checks)),
        f"A particle's own path is nearly flat: three components hold {percent(own)} of it. But "
        f"every particle has directions of its own: one fit over all of them explains "
        f"{percent(one)}.",
        {"trajectories": frame, "explained": explained} | settings.checks(checks),
    )


EXPERIMENT = Experiment(
    8,
    "PCA() and the trajectory cube",
    "How do the particles' weights move?",
    "The log asked for a PCA of the weight snapshots as a data frame with the columns Epoch, "
    "Weight (the particle's name) and dim_1 to dim_n, and drew it as a cube. Fits are over all "
    "particles, per layer, or per particle.",
    "the data frame and the cube; no number in the log",
    evaluate,
    "trajectories",
    configs,
)
