"""The parts of the page Trajectories: which particles it shows, and what it says about them."""

from __future__ import annotations

import numpy as np
import streamlit as st

from srnn.analysis.trajectories import Trajectories, raw_weights, sample_particles
from srnn.store import Run
from srnn.vocabulary import TYPES
from ui import cached, choices
from ui.charts import csv, download
from ui.text import percent

SAMPLE = 250
"""Particles that are drawn unless all are asked for; more are slow to turn."""


def chosen_particles(run: Run, kinds: np.ndarray) -> tuple[np.ndarray, int]:
    """Controls that filter particles by type, layer and cell; returns the index of those to show,
    a sample unless all are asked for, and how many there are."""
    table, mask = cached.particles(run.run_id), np.ones(len(kinds), dtype=bool)
    names = choices.types()
    depth, widest = run.config.depth, max(out for out, _ in run.shape.layers)
    layers = choices.subset("Layers", range(depth), "Layer 0 reads the input.", f"layers-{depth}")
    cells = choices.subset(
        "Cells", range(widest), "The cell that the connection leads to.", f"cells-{widest}"
    )
    if names:
        mask &= np.isin(kinds, [TYPES.index(name) for name in names])
    if layers:
        mask &= table["layer"].isin(layers).to_numpy()
    if cells:
        mask &= table["cell"].isin(cells).to_numpy()
    every = st.toggle(
        "Show all",
        key="every-particle",
        persist_state="session",
        help=f"Otherwise a sample of {SAMPLE}, always the same one; the components are fitted on "
        "all particles either way.",
    )
    return sample_particles(mask, len(mask) if every else SAMPLE), int(mask.sum())


def finding(paths: Trajectories, possible: int, axes: str) -> None:
    """The page's answer: how flat the movement is."""
    used = 2 if axes == "epoch" else 3
    first = paths.explained[paths.explained["component"] <= used]
    totals = first.groupby("group", sort=False)["share"].sum()
    if not len(totals):
        return
    shown = len(paths.particles)
    what = {
        "all": "of the variance of all particles' weights",
        "layer": "of the variance of a layer's weights (median over layers)",
        "particle": "of the variance of a particle's own path (median over the particles shown)",
    }[paths.fit]
    sample = f"{shown:,} of {possible:,} particles are shown"
    lost = f"; {len(paths.diverged):,} diverged and are left out" if paths.diverged else ""
    st.markdown(
        f"{'Two' if used == 2 else 'Three'} components carry "
        f"**{percent(totals.median())}** {what}. {sample}{lost}."
    )


def weights_button(run: Run, paths: Trajectories) -> None:
    """The weights themselves, as they were recorded."""
    table = cached.particles(run.run_id)
    names = table["particle"].tolist()
    download(
        "Weights (CSV)",
        lambda: csv(raw_weights(run.snapshots, run.snapshot_epochs, names, paths.particles)),
        f"weights-{run.run_id}.csv",
        "text/csv",
        "All weights of the particles shown, at every recorded epoch.",
    )
