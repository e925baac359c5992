"""The app's first page: what a MetaNet is, and where to start.

Start it with ``streamlit run app.py``.
"""

import streamlit as st

from srnn.figures.schematic import schematic
from ui.frame import page, show
from ui.overview import presets, runs

page("MetaNet lab", "Networks whose connections are networks that replicate themselves.")

st.markdown(
    """
A **MetaNet** is a plain dense network in which every connection is a small network of its own, a
**particle**. A particle multiplies what passes through it, and it can be asked for its own weights:
fed with each weight and its position, it answers with a new weight. All particles are trained for
both at once: to serve the **task** and to **replicate themselves**, weighed by alpha. Most end as
*zero* or as *identity*, perfect replicators. When these are dropped, a sparse network is left: the
MetaNet has pruned itself. How well it still does its task is what this lab measures.
"""
)
show(
    schematic(),
    name="metanet",
    alt="A dense network; one of its connections, enlarged, is a small network that maps a weight "
    "and its position to a new weight.",
)

presets()
runs()
