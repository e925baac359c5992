"""Connectivity: which connections survive self-replication pruning, and what they leave."""

import pandas as pd
import streamlit as st

from srnn.analysis.connectivity import ALL, SURVIVORS, connections_per_pixel, graphml, select
from srnn.figures.connectivity import connectivity_graph
from srnn.figures.draggable import draggable_page
from srnn.figures.style import points, type_label
from srnn.figures.survivors import pixel_map, survivors_over_epochs, survivors_per_layer
from srnn.tasks import DataError
from ui import cached, choices
from ui.charts import dark, download
from ui.frame import View, page, show, workbench
from ui.text import escape, percent

PANEL = 440
"""Width in pixels of the small figures: two beside each other, or one in a narrow window."""


def finding(view: View, keep: str) -> None:
    """The page's answer: the accuracy before and after; or why it cannot be measured."""
    try:
        pruned = cached.pruned(view.run.run_id, view.epsilon, view.index, keep)
    except DataError as error:
        st.warning(
            f"The accuracy cannot be measured here: {escape(str(error))}. Put the run's data back "
            "in that place to see it; everything else is shown without them."
        )
        return
    total = pruned.kept + pruned.dropped
    change = (
        f"changes the accuracy from {percent(pruned.before)} to **{percent(pruned.after)}** "
        f"({points(pruned.difference)})"
    )
    if keep == SURVIVORS:
        text = (
            f"At epoch {view.epoch:,} **{pruned.dropped:,} of {total:,} connections** are "
            f"replicators. Dropping them {change}; {pruned.kept:,} survive."
        )
    elif keep == ALL:
        text = f"All {total:,} connections of epoch {view.epoch:,}, at {percent(pruned.before)}."
    else:
        text = (
            f"At epoch {view.epoch:,} {pruned.kept:,} of {total:,} connections are "
            f"{type_label(keep)}. Keeping only these {change}."
        )
    st.markdown(text)


def isolated(cells: pd.DataFrame) -> None:
    """Hidden and output cells that no kept way leads through."""
    inner = cells[cells["layer"] > 0]
    lost = inner[inner["isolated"]]["name"].tolist()
    if lost:
        named = ", ".join(lost[:12]) + (", ..." if len(lost) > 12 else "")
        st.markdown(f"**{len(lost)} of {len(inner)} cells are isolated**: {named}.")
    else:
        st.markdown(f"None of the {len(inner)} cells is isolated.")


page("Connectivity", "Which connections survive when the replicators are pruned?")
view = workbench()
run_id, shape = view.run.run_id, view.run.shape
key = (run_id, view.epsilon, view.index)

with st.container(horizontal=True, vertical_alignment="bottom"):
    keep = choices.connections()
    color = choices.choose(
        "Colour", ("type", "weight"), ("type", "scalar weight"), "Of the connections.", "color"
    )
finding(view, keep)
graph, cells = cached.graph(*key, keep), cached.cells(*key, keep)
codes = cached.codes(run_id, view.epsilon)[view.index]
kept = select(codes, keep)
show(
    connectivity_graph(graph, cells, color=color),
    cached.edges(*key)[kept],
    f"connectivity-{keep}-{view.file}",
    key="connectivity",
    alt=f"The macro network as a graph: {kept.sum():,} connections of {kept.size:,}, {view.at}",
    more=lambda: download(
        "GraphML", lambda: graphml(graph), f"{keep}-{view.file}.graphml", "text/xml"
    ),
)
if st.toggle("Draggable view", help="Cells can be moved by hand; made with pyvis, works offline."):
    st.iframe(draggable_page(graph, dark()), height=620)

st.header("How the network thins out", anchor=False)
thinning, layers = cached.thinning(run_id, view.epsilon)
show(
    survivors_over_epochs(thinning, shape.particles, shape.inputs, view.epoch),
    thinning,
    f"thinning-{view.file}",
    key="thinning",
    alt="Survivors, unread pixels and isolated cells by epoch",
)

with st.container(horizontal=True):
    with st.container(width=PANEL):
        st.header("Survivors per layer", anchor=False)
        show(
            survivors_per_layer(layers, view.epoch),
            layers,
            f"layers-{view.file}",
            key="layers",
            alt="Share of the connections of every weight layer that survive, by epoch",
        )
        isolated(cells)
    with st.container(width=PANEL):
        st.header("What is read of the input", anchor=False)
        show(
            pixel_map(connections_per_pixel(kept, shape), shape.layers[0][0]),
            cells[cells["layer"] == 0],
            f"pixels-{view.file}",
            key="pixels",
            alt="How many kept connections read each pixel of the input",
        )
