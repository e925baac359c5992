"""Connectivity: which connections survive self-replication pruning, and what they leave."""

import streamlit as st

from srnn.analysis.connectivity import connections_per_pixel, graphml, select
from srnn.figures.connectivity import connectivity_graph
from srnn.figures.draggable import draggable_page
from srnn.figures.survivors import pixel_map, survivors_over_epochs, survivors_per_layer
from ui import cached, choices
from ui.charts import dark, download
from ui.frame import page, pick_run, show
from ui.network import PANEL, finding, isolated

page("Connectivity", "Which connections survive when the replicators are pruned?")
run = pick_run()
shape, name = run.shape, run.run_id

with st.container(horizontal=True):
    keep = choices.connections()
    index = choices.epoch(run.snapshot_epochs, name)
    epsilon = choices.epsilon()
    color = choices.choose(
        "Colour", ("type", "weight"), ("type", "scalar weight"), "Of the edges.", "edge-color"
    )
epoch, codes = run.snapshot_epochs[index], cached.codes(name, epsilon)[index]

finding(run, epsilon, index, keep)
graph, cells = (make(name, epsilon, index, keep) for make in (cached.graph, cached.cells))
edges = cached.edges(name, epsilon, index)[select(codes, keep)]
show(
    connectivity_graph(graph, cells, color=color),
    edges,
    f"connectivity-{name}-{keep}-epoch-{epoch}",
    key="connectivity",
    alt="The macro network as a graph, its connections coloured",
    more=lambda: download("GraphML", lambda: graphml(graph), f"{name}-{keep}.graphml", "text/xml"),
)
if st.toggle("Draggable view", help="Cells can be moved by hand; made with pyvis, works offline."):
    st.iframe(draggable_page(graph, dark()), height=620)

st.subheader("How the network thins out", anchor=False)
thinning, layers = cached.thinning(name, epsilon)
pixels = shape.inputs
show(survivors_over_epochs(thinning, shape.particles, pixels, epoch), thinning, f"thinning-{name}")

with st.container(horizontal=True):
    with st.container(width=PANEL):
        st.subheader("Survivors per layer", anchor=False)
        show(survivors_per_layer(layers, epoch), layers, f"layers-{name}")
        isolated(cells)
    with st.container(width=PANEL):
        st.subheader("What is read of the input", anchor=False)
        counts = connections_per_pixel(select(codes, keep), shape)
        table = cells[cells["layer"] == 0]
        show(pixel_map(counts, shape.layers[0][0]), table, f"pixels-{name}")
