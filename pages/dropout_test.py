"""Dropout test: what the accuracy is without a type, a layer's type, or any set of particles."""

import numpy as np
import pandas as pd
import streamlit as st

from srnn.analysis import dropout
from srnn.analysis.collapse import scalars
from srnn.figures.dropout import dropout_bars
from srnn.figures.style import count, percent, points
from srnn.tasks import task_of
from ui import album, choices, state
from ui.album import Plate
from ui.frame import page
from ui.state import View
from ui.workbench import workbench


def chosen_set(view: View) -> np.ndarray:
    """Any set of particles, chosen by the visitor: type, layer, cell, and the rank of the scalar
    weight among these; a mask ``(P,)``."""
    with st.container(horizontal=True):
        mask = choices.particles(view)
    first, _, last = state.get("rank", "50-100").partition("-")
    ends = (int(first), int(last)) if first.isdecimal() and last.isdecimal() else (50, 100)
    low, high = sorted(min(end, 100) for end in ends)
    st.slider(
        "Scalar weight, by size (percent of these particles)",
        0,
        100,
        help="0: the smallest |f(1)| among the particles chosen above; 100: the largest.",
        **state.bound("rank", (low, high), (50, 100), lambda ends: f"{ends[0]}-{ends[1]}"),
    )
    own = np.flatnonzero(mask)
    size = np.nan_to_num(np.abs(scalars(view.weights[:, own])), nan=np.inf)
    share = 100 * np.argsort(np.argsort(size, kind="stable"), kind="stable") / max(1, len(own) - 1)
    mask[own[(share < low) | (share > high)]] = False
    return mask


def drop_chosen(view: View, mask: np.ndarray) -> pd.DataFrame:
    """What dropping a set changes, beside as many particles at random (fixed by the run's seed)."""
    run = view.run
    task = task_of(run.config)
    chance = np.zeros(len(mask), dtype=bool)
    order = np.random.default_rng(run.config.seed).permutation(len(mask))
    chance[order[: int(mask.sum())]] = True
    sets = {"the chosen set": mask, "as many at random": chance}
    return dropout.dropout_masks(view.weights, sets, task.x_test, task.y_test, run.shape)


def about_set(test: pd.DataFrame) -> str:
    """A sentence about a dropped set."""
    own, chance = test.iloc[0], test.iloc[1]
    if not own["count"]:
        return "No particle is in this set: widen the types, layers, cells or the range of sizes."
    return (
        f"Without these **{count(own['count'])} particles** accuracy goes from "
        f"{percent(own['before'])} to {percent(own['accuracy'])} "
        f"(**{points(own['difference'])}**); without as many at random it changes by "
        f"{points(chance['difference'])}."
    )


page("Dropout test", "Does a particle take part in the goal, or is it only a replicator?")
view = workbench(with_data=True)

by_type, by_layer = album.dropped(view)
rows = {row["type"]: row for row in by_type.table.to_dict("records")}
both, other = rows["replicators"], rows["other"]
st.markdown(
    f"Without its **{count(both['count'])} replicators** the network's accuracy changes by "
    f"**{points(both['difference'])}**; without its {count(other['count'])} others "
    f"{percent(other['accuracy'])} are left. Differences are after minus before."
)
by_type.show(view)

st.header("Layer by layer", anchor=False)
st.markdown("Only the particles of one type in one weight layer are dropped at a time.")
by_layer.show(view)

st.header("Any other set", anchor=False)
test = drop_chosen(view, chosen_set(view))
st.markdown(about_set(test))
caption = "Change of the test accuracy without the chosen set, and without as many at random"
Plate("dropout-set", f"{caption}; {view.at}.", dropout_bars(test), test).show(view)
