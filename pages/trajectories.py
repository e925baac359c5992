"""Trajectories: the paths of the particles through weight space, seen through PCA."""

import numpy as np
import streamlit as st

from srnn.analysis.trajectories import Trajectories, raw_weights, sample_particles
from srnn.figures.style import percent
from srnn.figures.trajectories import GRID
from ui import album, cached, choices, state
from ui.charts import csv, download
from ui.frame import page
from ui.state import View
from ui.workbench import workbench


def chosen_particles(view: View, sample: int) -> tuple[np.ndarray, int]:
    """Controls that filter particles by type, layer and cell; returns the index of those to show,
    a sample unless all are asked for, and how many there are."""
    mask = choices.particles(view) & view.followed
    st.toggle(
        "Show all",
        help=f"Otherwise a sample of {sample}, always the same one; the components are fitted on "
        "all particles either way.",
        **state.bound("show", state.get("show") == "True", False),
    )
    if st.session_state["show"]:
        return np.flatnonzero(mask), int(mask.sum())
    if sample > GRID:
        return sample_particles(mask, sample), int(mask.sum())
    kinds = np.unique(view.codes[mask])  # side by side: some of every type
    parts = [sample_particles(mask & (view.codes == kind), sample // len(kinds)) for kind in kinds]
    return np.concatenate([*parts, np.zeros(0, dtype=np.int64)]), int(mask.sum())


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
    sample = view.run.record.sample
    followed = f", of the {sample:,} whose weights this run keeps at every epoch" if sample else ""
    drawn = f"{shown:,} of {possible:,} particles are shown{followed}"
    lost = f"; {len(paths.diverged):,} diverged and are left out" if paths.diverged else ""
    st.markdown(
        f"{'Two' if used == 2 else 'Three'} components carry "
        f"**{percent(totals.median())}** {what}. {drawn}{lost}."
    )


def weights_button(view: View, paths: Trajectories) -> None:
    """The weights themselves, as they were recorded."""
    run, kept = view.run, view.run.kept
    names = cached.particles(run.run_id)["particle"].iloc[kept.particles].tolist()
    chosen = np.searchsorted(kept.particles, paths.particles)
    download(
        "Weights (CSV)",
        lambda: csv(raw_weights(kept.weights, kept.epochs, names, chosen)),
        f"weights-{run.run_id}.csv",
        "All weights of the particles shown, at every recorded epoch.",
    )


page("Trajectories", "How do the particles' weights move while they are trained?")
view = workbench()
finding_here, figure_here = st.container(), st.container()

with st.container(horizontal=True, gap="medium"):
    fit = choices.choose(
        "Components fitted",
        {"all": "over all", "layer": "per layer", "particle": "per particle"},
        "Over all: one view for all particles. Per particle: every path by itself in its own best "
        "view, so that paths can be compared in form but not in place.",
        "fit",
    )
    place = choices.choose(
        "Points",
        {"place": "places", "movement": "movements"},
        "Places in weight space, or what has changed since the first epoch shown: most of the way "
        "is gone in the first epochs, so begin later to see what is still moving.",
        "map",
    )
    axes = color = "epoch"
    if fit != "particle":
        kinds = {"three": "three components", "epoch": "two components and epoch"}
        axes = choices.choose("Cube", kinds, "What the three axes of the cube are.", "cube")
        about = "The type is the one at the epoch looked at."
        color = choices.choose("Colour", {"type": "type", "epoch": "epoch"}, about, "color")
    scale = choices.epoch_scale() if axes == "epoch" and fit != "particle" else "linear"
    epochs = view.run.kept.epochs[: view.kept_index]
    first = 1 if fit == "particle" and len(epochs) > 2 else 0  # a path's first step dwarfs all else
    if len(epochs) > 1:
        start = next((one for one in epochs if str(one) == state.get("from")), epochs[first])
        st.select_slider(
            "From epoch",
            epochs,
            width=168,
            help="Where the paths begin; they end at the epoch looked at.",
            **state.bound("from", start, epochs[first]),
        )
        first = epochs.index(start)
with st.expander("Which particles"):
    shown, possible = chosen_particles(view, GRID if fit == "particle" else album.SAMPLE)
    most = min(view.run.config.particle_weights, 10)
    text = state.get("components")
    components = min(max(int(text), 3), most) if text.isdecimal() else most
    st.slider(
        "Components",
        3,
        most,
        help=f"Components in the data and the explained variance. From 3 to {most}.",
        **state.bound("components", components, most),
    )

paths = cached.trajectories(
    view.run.run_id, fit, components, tuple(shown.tolist()), first, view.kept_index + 1, place
)
with finding_here:
    finding(paths, possible, axes)
with figure_here:
    album.cube(view, paths, axes, color, scale).show(view, lambda: weights_button(view, paths))
st.header("Explained variance", anchor=False)
album.variance(paths).show(view)
