"""Membership: where every particle sits, of which type it is, and which number it stands for."""

import dataclasses

import numpy as np
import streamlit as st

from srnn.analysis.collapse import Comparison, compare
from srnn.figures.style import percent
from srnn.tasks import task_of
from srnn.vocabulary import is_replicator
from ui import album, cached, choices
from ui.frame import page
from ui.state import View
from ui.workbench import workbench

IMAGES = 500
"""Test images on which the collapsed network is held against the MetaNet."""


@st.cache_data(
    max_entries=40,
    hash_funcs=cached.WEIGHTS,
    show_spinner="Asking the MetaNet particle by particle",
)
def collapsed(view: View, activation: str) -> Comparison:
    """The dense network of the scalar weights beside the MetaNet, with a macro activation."""
    shape = dataclasses.replace(view.run.shape, activation=activation)
    return compare(view.weights, task_of(view.run.config).x_test[:IMAGES], shape)


page("Membership", "Which particle belongs to which layer, cell and input, and what does it do?")
view = workbench(with_data=True)
classes = len(cached.class_means(view.run.run_id))

above = st.container()  # the finding and the figure come first, also on a phone
with st.container(horizontal=True, vertical_alignment="bottom"):
    about = "The type of every particle, or the number it multiplies its input by."
    kinds = {"type": "type", "weight": "scalar weight"}
    drawn = choices.choose("Drawn", kinds, about, "map")
    names = {"": "all classes"} | {str(label): f"class {label}" for label in range(classes)}
    about = "The mean test image beside the cells of the first layer."
    digit = choices.pick("Mean image", names, about, "digit", width=150)

table = cached.particles_at(view)
replicators, first = is_replicator(view.codes), (table["layer"] == 0).to_numpy()
with above:
    st.markdown(
        f"In the first weight layer **{percent(replicators[first].mean())}** of the particles are "
        f"replicators, in the later layers {percent(replicators[~first].mean())}."
    )
    album.maps(view, drawn, int(digit) if digit else None).show(view)

st.header("One number per particle", anchor=False)
largest = np.nanmax(np.abs(table["scalar_weight"].to_numpy()), initial=0.0)
st.markdown(
    f"f(0, 0, 0, 0, 1) is the weight of a particle's connection; the largest is {largest:.2f} "
    f"here. Asked with other inputs, a particle deviates from it by at most "
    f"{table['scalar_error'].max():.1e}: particles are linear, so that is rounding."
)
album.scalars(view).show(view)

st.header("The network of these numbers", anchor=False)
texts = {"none": "no activation", "relu": "ReLU", "tanh": "tanh"}
about = "The macro activation."
kind = choices.choose("Between the cells", texts, about, "activation")
seen = collapsed(view, kind)
st.markdown(
    f"A dense network with these weights ({texts[kind]}) and the MetaNet, asked particle by "
    f"particle, differ by at most **{seen.difference:.1e}** in a logit (the largest is "
    f"{seen.largest_logit:.1f}), and {percent(seen.same_answers)} of {seen.images} answers are the "
    "same. An activation changes nothing about that: it acts on a cell's sum, which is equal in "
    "both."
)
