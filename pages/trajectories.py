"""Trajectories: the paths of the particles through weight space, seen through PCA."""

import streamlit as st

from srnn.figures.trajectories import explained_variance, trajectory_cube
from ui import cached, choices
from ui.frame import page, pick_run, show
from ui.paths import chosen_particles, finding, weights_button

page("Trajectories", "How do the particles' weights move while they are trained?")
run = pick_run()

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
        "Colour", ("type", "epoch"), ("type", "epoch"), "The type is the one at the end.", "color"
    )
    scale = choices.epoch_scale() if axes == "epoch" else "linear"
with st.expander("Which particles"):
    epsilon = choices.epsilon()
    kinds = cached.codes(run.run_id, epsilon)[-1]
    shown, possible = chosen_particles(run, kinds)
    most = min(run.config.particle_weights, 10)
    components = st.slider(
        "Components",
        3,
        most,
        most,
        key=f"components-{most}",
        help=f"Components in the data and the explained variance. From 3 to {most}.",
    )

paths = cached.trajectories(run.run_id, fit, components, tuple(shown.tolist()))
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
    f"trajectories-{run.run_id}",
    alt="Paths of particles through their first principal components",
    more=lambda: weights_button(run, paths),
)
st.subheader("Explained variance", anchor=False)
show(explained_variance(paths.explained), paths.explained, f"variance-{run.run_id}")
