"""Membership: where every particle sits, of which type it is, and which number it stands for."""

import dataclasses

import numpy as np
import pandas as pd
import streamlit as st

from srnn.analysis.collapse import Comparison, compare
from srnn.analysis.membership import layer_maps, mean_images, membership_table
from srnn.figures.membership import scalar_histogram, scalar_maps, type_maps
from srnn.store import get_run
from srnn.tasks import load_task, task_of
from srnn.vocabulary import is_replicator
from ui import cached, choices
from ui.frame import page, show, workbench
from ui.text import percent

IMAGES = 500
"""Test images on which the collapsed network is held against the MetaNet."""


@st.cache_data(max_entries=60, show_spinner="Asking every particle")
def particles(run_id: str, epsilon: float, index: int) -> pd.DataFrame:
    """Place, type and scalar weight of every particle of a snapshot."""
    run = get_run(run_id)
    return membership_table(run.snapshots[index], cached.codes(run_id, epsilon)[index], run.shape)


@st.cache_data(max_entries=20, show_spinner=False)
def class_means(dataset: str, size: int) -> np.ndarray:
    """The mean test image of every class, ``(classes, inputs)``."""
    task = load_task(dataset, size)
    return mean_images(task.x_test, task.y_test, task.classes)


@st.cache_data(max_entries=40, show_spinner="Asking the MetaNet particle by particle")
def collapsed(run_id: str, index: int, activation: str) -> Comparison:
    """The dense network of the scalar weights beside the MetaNet, with a macro activation."""
    run = get_run(run_id)
    shape = dataclasses.replace(run.shape, activation=activation)
    return compare(run.snapshots[index], task_of(run.config).x_test[:IMAGES], shape)


page("Membership", "Which particle belongs to which layer, cell and input, and what does it do?")
view = workbench(with_data=True)
run, run_id = view.run, view.run.run_id
means = class_means(run.config.dataset, run.config.size)

with st.container(horizontal=True, vertical_alignment="bottom"):
    about = "The type of every particle, or the number it multiplies its input by."
    drawn = choices.choose("Drawn", ("type", "weight"), ("type", "scalar weight"), about, "map")
    digits = ["", *map(str, range(len(means)))]
    names = ["all classes", *(f"class {label}" for label in digits[1:])]
    about = "The mean test image beside the cells of the first layer."
    digit = choices.pick("Mean image", digits, names, about, "digit", width=160)

table, codes = particles(run_id, view.epsilon, view.index), cached.codes(run_id, view.epsilon)
codes = codes[view.index]
scalars, replicators = table["scalar_weight"].to_numpy(), is_replicator(codes)
first = (table["layer"] == 0).to_numpy()
st.markdown(
    f"In the first weight layer **{percent(replicators[first].mean())}** of the particles are "
    f"replicators, in the later layers {percent(replicators[~first].mean())}."
)
mean = means[int(digit)] if digit else means.mean(0)
maps = layer_maps(codes if drawn == "type" else scalars, run.shape)
show(
    (type_maps if drawn == "type" else scalar_maps)(
        maps, mean, f"mean of {names[digits.index(digit)]}"
    ),
    table,
    f"membership-{drawn}-{view.file}",
    key=f"map-{drawn}",
    alt=f"Maps of all particles by weight layer, cell and input, coloured by {drawn}; {view.at}",
)

st.header("One number per particle", anchor=False)
largest = np.nanmax(np.abs(scalars), initial=0.0)
st.markdown(
    f"f(0, 0, 0, 0, 1) is the weight of a particle's connection; the largest is {largest:.2f} "
    f"here. Asked with other inputs, a particle deviates from it by at most "
    f"{table['scalar_error'].max():.1e}: particles are linear, so that is rounding."
)
show(
    scalar_histogram(scalars, codes),
    table,
    f"scalars-{view.file}",
    key="scalars",
    alt="Histogram of the scalar weights by type, counts on a logarithmic axis",
)

st.header("The network of these numbers", anchor=False)
texts = {"none": "no activation", "relu": "ReLU", "tanh": "tanh"}
about = "The macro activation."
kind = choices.choose("Between the cells", list(texts), list(texts.values()), about, "activation")
seen = collapsed(run_id, view.index, kind)
st.markdown(
    f"A dense network with these weights ({texts[kind]}) and the MetaNet, asked particle by "
    f"particle, differ by at most **{seen.difference:.1e}** in a logit (the largest is "
    f"{seen.largest_logit:.1f}), and {percent(seen.same_answers)} of {seen.images} answers are the "
    "same. An activation changes nothing about that: it acts on a cell's sum, which is equal in "
    "both."
)
