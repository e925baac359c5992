"""Connectivity: which connections survive self-replication pruning, and what they leave."""

import streamlit as st

from srnn.analysis.connectivity import ALL, SURVIVORS, graphml, node_table, select
from srnn.figures.draggable import draggable_page
from srnn.figures.style import percent, points, type_label
from srnn.tasks import DataError
from ui import album, cached, state
from ui.charts import dark, download
from ui.frame import page
from ui.stage import stage
from ui.state import View
from ui.text import escape
from ui.workbench import workbench

PANEL = 440
"""Width in pixels of the small figures: two beside each other, or one in a narrow window."""


def finding(view: View, keep: str) -> None:
    """The page's answer: the accuracy before and after; or why it cannot be measured."""
    try:
        pruned = cached.pruned(view, keep)
    except DataError as error:
        st.warning(
            f"The accuracy cannot be measured here: {escape(str(error))}. Put the run's data back "
            "in that place to see it; everything else is shown without them."
        )
        return
    total, dropped, before = view.run.shape.particles, pruned["count"], percent(pruned["before"])
    change = (
        f"changes the accuracy from {before} to **{percent(pruned['accuracy'])}** "
        f"({points(pruned['difference'])})"
    )
    if keep == SURVIVORS:
        text = (
            f"At {view.at} **{dropped:,} of {total:,} connections** are "
            f"replicators. Dropping them {change}; {total - dropped:,} survive."
        )
    elif keep == ALL:
        text = f"All {total:,} connections of {view.at}: accuracy {before}."
    else:
        text = (
            f"At {view.at} {total - dropped:,} of {total:,} connections are "
            f"{type_label(keep)}. Keeping only these {change}."
        )
    st.markdown(text)


def isolated(view: View, keep: str) -> None:
    """Hidden and output cells that no kept way leads through."""
    cells = node_table(select(view.codes, keep), view.run.shape)
    inner = cells[cells["layer"] > 0]
    lost = inner[inner["isolated"]]["name"].tolist()
    if lost:
        named = ", ".join(lost[:12]) + (", ..." if len(lost) > 12 else "")
        st.markdown(f"**{len(lost)} of {len(inner)} cells are isolated**: {named}.")
    else:
        st.markdown(f"None of the {len(inner)} cells is isolated.")


page("Connectivity", "Which connections survive when the replicators are pruned?")
view, keep = workbench(staged=True), state.keep()
finding(view, keep)
stage(view, alone=True)
with st.container(horizontal=True, vertical_alignment="center"):
    twins = ("Figure for a paper", "Draggable view")
    twin = st.segmented_control("Also as", twins, key="twin", label_visibility="collapsed")
    download(
        "GraphML",
        lambda: graphml(cached.graph(view, keep)),
        f"network-{keep}-{view.file}.graphml",
    )
if twin == "Figure for a paper":
    album.network(view, keep, state.color()).show(view)
elif twin:
    st.iframe(draggable_page(cached.graph(view, keep), dark()), height=620)

st.header("How the network thins out", anchor=False)
album.thinning(view).show(view)

with st.container(horizontal=True):
    with st.container(width=PANEL):
        st.header("Survivors per layer", anchor=False)
        album.layers(view).show(view)
        isolated(view, keep)
    with st.container(width=PANEL):
        st.header("What is read of the input", anchor=False)
        album.pixels(view, keep).show(view)
