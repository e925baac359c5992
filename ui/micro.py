"""What the pages about single particles compute and say: dropout, membership, explanations."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import streamlit as st

from srnn.analysis import dropout
from srnn.analysis.collapse import Comparison, compare, scalars
from srnn.analysis.membership import mean_images, membership_table
from srnn.experiments.explain import digit_table, explain_run
from srnn.figures.style import LABELS, count, points
from srnn.store import get_run
from srnn.tasks import load_task, task_of
from ui import cached, choices
from ui.text import percent

IMAGES = 500
"""Test images on which the collapsed network is held against the MetaNet."""


@st.cache_data(max_entries=60, show_spinner="Dropping particles")
def dropped(run_id: str, epsilon: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The dropout test of a run's end: by type (and all replicators together), and by layer."""
    run = get_run(run_id)
    task, codes = task_of(run.config), cached.codes(run_id, epsilon)[-1]
    data = (run.weights, codes, task.x_test, task.y_test, run.shape)
    both = dropout.dropout_replicators(*data)
    by_type = pd.concat([dropout.dropout_test(*data), both], ignore_index=True)
    return by_type, dropout.dropout_by_layer(*data)


def chosen_set(run_id: str, epsilon: float) -> np.ndarray:
    """Any set of particles, chosen by the visitor: type, layer, cell, and the rank of the scalar
    weight; a mask ``(P,)``."""
    table, run = cached.particles(run_id), get_run(run_id)
    codes = cached.codes(run_id, epsilon)[-1]
    with st.container(horizontal=True):
        kinds = choices.types()
        layers = choices.subset("Layers", range(run.shape.depth), "From 0.", "set-layers")
        cells = choices.subset(
            "Cells", range(max(run.shape.sizes[1:])), "Of these layers, from 0.", "set-cells"
        )
    low, high = st.slider(
        "Scalar weight, by size (percent of all particles)",
        0,
        100,
        (0, 40),
        key="set-rank",
        persist_state="session",
        help="0: the smallest |f(1)| of the network; 100: the largest.",
    )
    mask = np.ones(run.shape.particles, dtype=bool)
    if kinds:
        mask &= np.isin(np.array(list(LABELS), dtype=object)[codes], kinds)
    for values, column in ((layers, "layer"), (cells, "cell")):
        if values:
            mask &= table[column].isin(values).to_numpy()
    rank = np.argsort(np.argsort(np.abs(scalars(run.weights)), kind="stable"), kind="stable")
    share = 100 * rank / max(1, len(rank) - 1)
    return mask & (share >= low) & (share <= high)


def drop_chosen(run_id: str, mask: np.ndarray) -> pd.DataFrame:
    """What dropping a set changes, beside as many particles at random (fixed by the run's seed)."""
    run = get_run(run_id)
    task = task_of(run.config)
    chance = np.zeros(len(mask), dtype=bool)
    order = np.random.default_rng(run.config.seed).permutation(len(mask))
    chance[order[: int(mask.sum())]] = True
    sets = {"the chosen set": mask, "as many at random": chance}
    return dropout.dropout_masks(run.weights, sets, task.x_test, task.y_test, run.shape)


def about_set(test: pd.DataFrame) -> str:
    """A sentence about a dropped set."""
    own, chance = test.iloc[0], test.iloc[1]
    if not own["count"]:
        return "No particle is in this set."
    return (
        f"Without these **{count(own['count'])} particles** accuracy goes from "
        f"{percent(own['before'])} to {percent(own['accuracy'])} "
        f"(**{points(own['difference'])}**); without as many at random it changes by "
        f"{points(chance['difference'])}."
    )


@st.cache_data(max_entries=60, show_spinner="Asking every particle")
def membership(run_id: str, epsilon: float) -> pd.DataFrame:
    """Place, type and scalar weight of every particle at the end."""
    run = get_run(run_id)
    return membership_table(run.weights, cached.codes(run_id, epsilon)[-1], run.shape)


@st.cache_data(max_entries=20, show_spinner=False)
def digits(dataset: str) -> np.ndarray:
    """The mean test image of every class, ``(classes, inputs)``."""
    task = load_task(dataset)
    return mean_images(task.x_test, task.y_test, task.classes)


@st.cache_data(max_entries=40, show_spinner="Asking the MetaNet particle by particle")
def collapsed(run_id: str, activation: str) -> Comparison:
    """The dense network of the scalar weights beside the MetaNet, with a macro activation."""
    run = get_run(run_id)
    shape = dataclasses.replace(run.shape, activation=activation)
    return compare(run.weights, task_of(run.config).x_test[:IMAGES], shape)


@st.cache_data(max_entries=20, show_spinner="Explaining 500 test images")
def explained(run_id: str) -> tuple[pd.DataFrame, pd.DataFrame, float, pd.DataFrame]:
    """Relevance by type, the most relevant particles, the rest that the contributions leave, and
    the attribution images; see :mod:`srnn.experiments.explain`."""
    run = get_run(run_id)
    return *explain_run(run), digit_table(run)
