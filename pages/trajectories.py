"""Trajectories: the paths of the particles through weight space, seen through PCA."""

import numpy as np
import streamlit as st

from srnn.analysis.trajectories import Trajectories, raw_weights, sample_particles
from srnn.figures.trajectories import explained_variance, trajectory_cube
from srnn.vocabulary import TYPES
from ui import cached, choices, state
from ui.charts import csv, download
from ui.frame import View, page, show, workbench
from ui.text import percent

SAMPLE = 250
"""Particles that are drawn unless all are asked for; more are slow to turn."""


def chosen_particles(view: View, kinds: np.ndarray) -> tuple[np.ndarray, int]:
    """Controls that filter particles by type, layer and cell; returns the index of those to show,
    a sample unless all are asked for, and how many there are."""
    table, mask = cached.particles(view.run.run_id), np.ones(len(kinds), dtype=bool)
    names = choices.types()
    depth, widest = view.run.config.depth, max(out for out, _ in view.run.shape.layers)
    layers = choices.subset("Weight layers", range(depth), "Layer 0 reads the input.", "layers")
    cells = choices.subset(
        "Cells", range(widest), "The cell that the connection leads to.", "cells"
    )
    if names:
        mask &= np.isin(kinds, [TYPES.index(name) for name in names])
    if layers:
        mask &= table["layer"].isin(layers).to_numpy()
    if cells:
        mask &= table["cell"].isin(cells).to_numpy()
    st.toggle(
        "Show all",
        help=f"Otherwise a sample of {SAMPLE}, always the same one; the components are fitted on "
        "all particles either way.",
        **state.bound("show", state.get("show") == "True", False),
    )
    every = st.session_state["show"]
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


def weights_button(view: View, paths: Trajectories) -> None:
    """The weights themselves, as they were recorded."""
    run, names = view.run, cached.particles(view.run.run_id)["particle"].tolist()
    download(
        "Weights (CSV)",
        lambda: csv(raw_weights(run.snapshots, run.snapshot_epochs, names, paths.particles)),
        f"weights-{run.run_id}.csv",
        "text/csv",
        "All weights of the particles shown, at every recorded epoch.",
    )


page("Trajectories", "How do the particles' weights move while they are trained?")
view = workbench()
run = view.run

with st.container(horizontal=True, gap="medium"):
    fit = choices.choose(
        "Components fitted",
        ("all", "layer", "particle"),
        ("over all", "per layer", "per particle"),
        "Over all: one view for all particles. Per particle: every path in its own best view, so "
        "that paths can be compared in form but not in place.",
        "fit",
    )
    axes = choices.choose(
        "Cube",
        ("epoch", "three"),
        ("two components and epoch", "three components"),
        "What the three axes of the cube are.",
        "cube",
    )
    color = choices.choose(
        "Colour",
        ("type", "epoch"),
        ("type", "epoch"),
        "The type is the one at the epoch looked at.",
        "color",
    )
    scale = choices.epoch_scale() if axes == "epoch" else "linear"
with st.expander("Which particles"):
    kinds = cached.codes(run.run_id, view.epsilon)[view.index]
    shown, possible = chosen_particles(view, kinds)
    most = min(run.config.particle_weights, 10)
    text = state.get("components")
    value = min(max(int(text), 3), most) if text.isdecimal() else most
    if most > 3:
        st.slider(
            "Components",
            3,
            most,
            help=f"Components in the data and the explained variance. From 3 to {most}.",
            **state.bound("components", value, most),
        )

paths = cached.trajectories(run.run_id, fit, value, tuple(shown.tolist()))
finding(paths, possible, axes)
shares = paths.explained["share"].tolist() if fit == "all" else None
show(
    trajectory_cube(
        paths.coordinates,
        paths.epochs,
        kinds[paths.particles],
        paths.names,
        against_epoch=axes == "epoch",
        color=color,
        shares=shares,
        left_out=len(paths.diverged),
        scale=scale,
    ),
    lambda: paths.frame,
    f"trajectories-{view.file}",
    key="trajectories",
    alt=f"Paths of {len(paths.particles):,} particles through their first principal components",
    more=lambda: weights_button(view, paths),
)
st.header("Explained variance", anchor=False)
show(
    explained_variance(paths.explained),
    paths.explained,
    f"variance-{run.run_id}",
    key="variance",
    alt="Share of the variance that each component explains",
)
