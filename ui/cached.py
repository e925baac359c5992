"""What pages compute again and again, kept by the server: keyed by the run's id and the settings.

A finished run never changes, so its id and the settings are the whole key; nothing here expires.
"""

from __future__ import annotations

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
from srnn.tasks import task_of


@st.cache_data(max_entries=40, show_spinner="Measuring every particle of every snapshot")
def measures(run_id: str) -> HistoryMeasures:
    """What the types of all recorded snapshots are decided by, for any epsilon."""
    run = get_run(run_id)
    return history_measures(run.snapshots, run.encoding)


@st.cache_data(max_entries=200, show_spinner=False)
def codes(run_id: str, epsilon: float) -> np.ndarray:
    """Type codes ``(T, P)`` of all recorded snapshots."""
    return measures(run_id).codes(epsilon)


@st.cache_data(max_entries=60, show_spinner="Settling: replication steps only")
def weights(run_id: str, index: int, steps: int) -> np.ndarray:
    """Weights ``(n, P)`` of snapshot ``index`` after so many replication steps.

    Raises:
        DataError: it is to settle, and the run's data are not here.
    """
    run = get_run(run_id)
    return settle(run.snapshots[index], run.config, [steps])[0] if steps else run.snapshots[index]


@st.cache_data(max_entries=200, show_spinner=False)
def kinds(run_id: str, epsilon: float, index: int, steps: int) -> np.ndarray:
    """Type codes ``(P,)`` of snapshot ``index`` after so many replication steps."""
    if not steps:
        return codes(run_id, epsilon)[index]
    found = torch.from_numpy(weights(run_id, index, steps))
    return classify(found, torch.from_numpy(get_run(run_id).encoding), epsilon)


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
    """Principal components of a run's snapshots ``first..last - 1``: of the weights themselves
    (``place``), or of what has changed since the first of them (``movement``)."""
    run, table = get_run(run_id), particles(run_id)
    snapshots = run.snapshots[first:last]
    return fit_trajectories(
        snapshots - snapshots[0] if points == "movement" else snapshots,
        run.snapshot_epochs[first:last],
        table["particle"].tolist(),
        table["layer"].to_numpy(),
        components=components,
        fit=fit,
        particles=np.array(shown, dtype=np.int64),
    )


@st.cache_data(max_entries=200, show_spinner=False)
def pruned(run_id: str, epsilon: float, index: int, steps: int, keep: str) -> connectivity.Pruned:
    """Accuracy of a moment before and after all but the chosen particles are dropped.

    Raises:
        DataError: the run's data are not here, or have changed.
    """
    run = get_run(run_id)
    task = task_of(run.config)
    mask = connectivity.select(kinds(run_id, epsilon, index, steps), keep)
    return connectivity.prune_to(
        weights(run_id, index, steps), mask, task.x_test, task.y_test, run.shape
    )


@st.cache_data(max_entries=60, show_spinner=False)
def graph(run_id: str, epsilon: float, index: int, steps: int, keep: str) -> nx.DiGraph:
    """The macro network of a moment, with the chosen particles."""
    run = get_run(run_id)
    found = kinds(run_id, epsilon, index, steps)
    return connectivity.macro_graph(weights(run_id, index, steps), found, run.shape, keep)


@st.cache_data(max_entries=60, show_spinner=False)
def edges(run_id: str, epsilon: float, index: int, steps: int) -> pd.DataFrame:
    """All connections of a moment with type and scalar weight, one row each."""
    run = get_run(run_id)
    return connectivity.edge_table(
        weights(run_id, index, steps), kinds(run_id, epsilon, index, steps), run.shape
    )


@st.cache_data(max_entries=60, show_spinner=False)
def cells(run_id: str, epsilon: float, index: int, steps: int, keep: str) -> pd.DataFrame:
    """What the chosen particles of a moment leave of every cell."""
    mask = connectivity.select(kinds(run_id, epsilon, index, steps), keep)
    return connectivity.node_table(mask, get_run(run_id).shape)


@st.cache_data(max_entries=60, show_spinner=False)
def thinning(run_id: str, epsilon: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Per snapshot: survivors, unread pixels, isolated cells; and the survivors of each layer."""
    run, history = get_run(run_id), codes(run_id, epsilon)
    epochs = run.snapshot_epochs
    return (
        connectivity.thinning(history, run.shape, epochs),
        connectivity.survivors_per_layer(history, run.shape, epochs),
    )


@st.cache_data(max_entries=60, show_spinner="Asking every particle")
def particles_at(run_id: str, epsilon: float, index: int, steps: int) -> pd.DataFrame:
    """Place, type and scalar weight of every particle of a moment."""
    run = get_run(run_id)
    return membership_table(
        weights(run_id, index, steps), kinds(run_id, epsilon, index, steps), run.shape
    )


@st.cache_data(max_entries=20, show_spinner=False)
def class_means(run_id: str) -> np.ndarray:
    """The mean test image of every class of a run's data, ``(classes, inputs)``."""
    task = task_of(get_run(run_id).config)
    return mean_images(task.x_test, task.y_test, task.classes)


@st.cache_data(max_entries=60, show_spinner="Dropping particles")
def dropped(
    run_id: str, epsilon: float, index: int, steps: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The dropout test of a moment: by type (the replicators together, too), and by
    layer."""
    run, found = get_run(run_id), kinds(run_id, epsilon, index, steps)
    task = task_of(run.config)
    data = (weights(run_id, index, steps), found, task.x_test, task.y_test, run.shape)
    both = dropout.dropout_replicators(*data)
    by_type = pd.concat([dropout.dropout_test(*data), both], ignore_index=True)
    return by_type, dropout.dropout_by_layer(*data)
