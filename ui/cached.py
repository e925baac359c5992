"""What pages compute again and again, kept by the server.

A finished run never changes, so its id and what is asked about it are the whole key; nothing here
expires. Of a :class:`~ui.state.View` only the moment counts that it looks at.
"""

from dataclasses import replace
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import streamlit as st
import torch

from srnn.analysis import connectivity, dropout
from srnn.analysis.membership import mean_images, membership_table
from srnn.analysis.settle import settle
from srnn.analysis.trajectories import Trajectories, fit_trajectories
from srnn.analysis.types import HistoryMeasures, history_measures
from srnn.fixpoints import classify
from srnn.metanet import particle_table
from srnn.runs import get_run
from srnn.tasks import DataError, Task, task_of
from ui.state import View

MOMENT: dict[str | type[Any], Any] = {
    View: lambda view: (view.run.run_id, view.index, view.settled, view.epsilon)
}
"""How a cache knows a view: run, snapshot, settling and epsilon; its selection does not count."""

WEIGHTS: dict[str | type[Any], Any] = {
    View: lambda view: (view.run.run_id, view.index, view.settled)
}
"""The same for what does not depend on epsilon."""


def task(run_id: str) -> Task | None:
    """A run's data; None where they are not here, or have changed."""
    try:
        return task_of(get_run(run_id).config)
    except DataError:
        return None


@st.cache_data(max_entries=40, show_spinner="Measuring every particle of every snapshot")
def measures(run_id: str) -> HistoryMeasures:
    """What the types of all recorded snapshots are decided by, for any epsilon."""
    run = get_run(run_id)
    return history_measures(run.snapshots, run.encoding)


def codes(run_id: str, epsilon: float) -> np.ndarray:
    """Type codes ``(T, P)`` of all recorded snapshots."""
    return measures(run_id).codes(epsilon)


@st.cache_data(max_entries=60, hash_funcs=WEIGHTS, show_spinner="Settling: replication steps only")
def weights(view: View) -> np.ndarray:
    """Weights ``(n, P)`` of a moment.

    Raises:
        DataError: it is to settle, and the run's data are not here.
    """
    found = view.run.snapshots[view.index]
    return settle(found, view.run.config, [view.settled])[0] if view.settled else found


@st.cache_data(max_entries=200, hash_funcs=MOMENT, show_spinner=False)
def kinds(view: View) -> np.ndarray:
    """Type codes ``(P,)`` of a moment."""
    if not view.settled:
        return codes(view.run.run_id, view.epsilon)[view.index]
    found, encoding = torch.from_numpy(view.weights), torch.from_numpy(view.run.encoding)
    return classify(found, encoding, view.epsilon)


@st.cache_data(max_entries=40, show_spinner=False)
def particles(run_id: str) -> pd.DataFrame:
    """``particle, layer, cell, input`` of every particle of a run."""
    return particle_table(get_run(run_id).shape)


@st.cache_data(max_entries=60, show_spinner="Finding the principal components")
def trajectories(
    run_id: str,
    fit: str,
    components: int,
    shown: tuple[int, ...],
    first: int,
    last: int,
    points: str = "place",
) -> Trajectories:
    """Principal components of what a run has kept of its epochs ``first..last - 1``: of the weights
    themselves (``place``), or of what has changed since the first of them (``movement``); ``shown``
    are particles that it follows."""
    run = get_run(run_id)
    kept, table = run.kept, particles(run_id).iloc[run.kept.particles]
    weights = kept.weights[first:last]
    found = fit_trajectories(
        weights - weights[0] if points == "movement" else weights,
        kept.epochs[first:last],
        table["particle"].tolist(),
        table["layer"].to_numpy(),
        components=components,
        fit=fit,
        particles=np.searchsorted(kept.particles, np.array(shown, dtype=np.int64)),
    )
    return replace(found, particles=kept.particles[found.particles])


@st.cache_data(max_entries=200, hash_funcs=MOMENT, show_spinner=False)
def pruned(view: View, keep: str) -> pd.Series:
    """The dropout test of all but the chosen particles of a moment: ``count`` of them, accuracy
    ``before`` and after (``accuracy``), and the ``difference``.

    Raises:
        DataError: the run's data are not here, or have changed.
    """
    task, gone = task_of(view.run.config), ~connectivity.select(view.codes, keep)
    test = task.x_test, task.y_test, view.run.shape
    return dropout.dropout_masks(view.weights, {keep: gone}, *test).iloc[0]


@st.cache_data(max_entries=60, hash_funcs=MOMENT, show_spinner=False)
def graph(view: View, keep: str) -> nx.DiGraph:
    """The macro network of a moment, with the chosen particles."""
    return connectivity.macro_graph(view.weights, view.codes, view.run.shape, keep)


@st.cache_data(max_entries=60, show_spinner=False)
def thinning(run_id: str, epsilon: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Per snapshot: survivors, unread pixels, isolated cells; and the survivors of each layer."""
    run = get_run(run_id)
    history = codes(run_id, epsilon), run.shape, run.snapshot_epochs
    return connectivity.thinning(*history), connectivity.survivors_per_layer(*history)


@st.cache_data(max_entries=60, hash_funcs=MOMENT, show_spinner="Asking every particle")
def particles_at(view: View) -> pd.DataFrame:
    """Place, type and scalar weight of every particle of a moment."""
    return membership_table(view.weights, view.codes, view.run.shape)


@st.cache_data(max_entries=20, show_spinner=False)
def class_means(run_id: str) -> np.ndarray:
    """The mean test image of every class of a run's data, ``(classes, inputs)``."""
    task = task_of(get_run(run_id).config)
    return mean_images(task.x_test, task.y_test, task.classes)


@st.cache_data(max_entries=60, hash_funcs=MOMENT, show_spinner="Dropping particles")
def dropped(view: View) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The dropout test of a moment: by type (the replicators together, too), and by layer."""
    task = task_of(view.run.config)
    data = (view.weights, view.codes, task.x_test, task.y_test, view.run.shape)
    return dropout.dropout_test(*data), dropout.dropout_by_layer(*data)
