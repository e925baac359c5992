"""Membership: where every particle sits, of which type it is, and which number it stands for."""

import numpy as np
import streamlit as st

from srnn.analysis.membership import layer_maps
from srnn.figures.membership import scalar_histogram, scalar_maps, type_maps
from srnn.vocabulary import REPLICATORS
from ui import cached, choices, micro
from ui.frame import page, pick_run, show
from ui.text import percent

page("Membership", "Which particle belongs to which layer, cell and input, and what does it do?")
run = pick_run(with_data=True)
means = micro.digits(run.config.dataset)

with st.container(horizontal=True):
    epsilon = choices.epsilon()
    about = "The type of every particle, or the number it multiplies its input by."
    view = choices.choose("Drawn", ("type", "weight"), ("type", "scalar weight"), about, "map-view")
    names = ["all digits", *(f"digit {label}" for label in range(len(means)))]
    about = "The mean test image beside the cells of the first layer."
    digit = st.selectbox("Mean image", names, width=160, help=about, key="mean-digit")

table, codes = micro.membership(run.run_id, epsilon), cached.codes(run.run_id, epsilon)[-1]
scalars = table["scalar_weight"].to_numpy()
replicating = table["type"].isin(REPLICATORS)
first = table["layer"] == 0
st.markdown(
    f"In the first layer **{percent(replicating[first].mean())}** of the particles are "
    f"replicators, in the later layers {percent(replicating[~first].mean())}."
)
mean = means.mean(0) if digit == names[0] else means[names.index(digit) - 1]
maps = layer_maps(codes if view == "type" else scalars, run.shape)
draw = type_maps if view == "type" else scalar_maps
show(draw(maps, mean, f"mean of {digit}"), table, f"membership-{run.run_id}", key=f"map-{view}")

st.subheader("One number per particle", anchor=False)
largest = np.nanmax(np.abs(scalars))
st.markdown(
    f"f(0, 0, 0, 0, 1) is the weight of a particle's connection; the largest is {largest:.2f} "
    f"here. Asked with other inputs, a particle deviates from it by at most "
    f"{table['scalar_error'].max():.1e}: particles are linear, so that is rounding."
)
show(scalar_histogram(scalars, codes), table, f"scalars-{run.run_id}")

st.subheader("The network of these numbers", anchor=False)
names = {"none": "no activation", "relu": "ReLU", "tanh": "tanh"}
kind = choices.choose(
    "Between the cells", list(names), list(names.values()), "The macro activation.", "collapse-kind"
)
seen = micro.collapsed(run.run_id, kind)
st.markdown(
    f"A dense network with these weights ({names[kind]}) and the MetaNet, asked particle by "
    f"particle, differ by at most **{seen.difference:.1e}** in a logit (the largest is "
    f"{seen.largest_logit:.1f}), and {percent(seen.same_answers)} of {seen.images} answers are the "
    "same. An activation changes nothing about that: it acts on a cell's sum, which is equal in "
    "both."
)
