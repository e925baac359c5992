"""What the stage shows of a run: snapshots, and what is known at each. Needs torch.

Of a finished run, or of a training so far. What acts make of a run is one snapshot more: they stand
in the state (and the address) as text, and what they lead to is computed once, act by act, so that
undoing and redoing are looked up and give exactly the numbers that were there.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from srnn.acts import perform
from srnn.analysis.collapse import scalars
from srnn.analysis.dropout import accuracy_of, drop
from srnn.analysis.moment import Moment, look
from srnn.analysis.trajectories import Axes, principal_axes
from srnn.analysis.types import HistoryMeasures, history_measures
from srnn.history import TrainingState
from srnn.lineage import Act, read_acts
from srnn.metanet import MacroShape, macro_shape
from srnn.particles import position_encoding
from srnn.runs import Job, get_run
from srnn.runs.draft import kept_so_far
from srnn.runs.fork import state_at
from srnn.tasks import Task, task_of
from srnn.vocabulary import EPSILON, LABELS, TYPES, is_replicator
from ui import cached
from ui.stage.blob import curves, encode, numbers, rungs, scale
from ui.state import EPSILONS, View

Arrays = dict[str, np.ndarray]
"""What is drawn of T snapshots: ``size, error, second (T, P)`` uint8 (rungs of the ladder),
``scalar (T, P)`` float32, ``points (T, P, 3)`` float16."""
Known = list[float | None]
"""Accuracies by snapshot; None: not known."""


def of_run(
    run_id: str,
    epsilon: float = EPSILON,
    ladder: tuple[float, ...] = EPSILONS,
    settled: int = 0,
) -> bytes:
    """A finished run, settled for so many steps at every snapshot."""
    run, (arrays, axes, scales) = get_run(run_id), _whole(run_id, ladder, settled)
    before, after = _accuracies(run_id, epsilon, settled)
    header = _header(run_id, run.shape, cached.task(run_id), axes, epsilon, ladder)
    header |= {"epochs": run.snapshot_epochs, "curve": curves(run.records), "settled": settled}
    return encode({**header, "before": before, "after": after, **scales}, arrays)


def _header(
    name: str,
    shape: MacroShape,
    task: Task | None,
    axes: Axes,
    epsilon: float,
    ladder: Sequence[float],
) -> dict[str, Any]:
    """What the browser must know of a network before it reads its snapshots."""
    skips = [(shape.skip(layer), layer + 1) for layer in range(shape.depth)]
    image, mean = _input(shape, task)
    return {
        "id": name,
        "sizes": shape.sizes,
        "starts": shape.starts,
        "skips": [pair for pair in skips if pair[0] is not None],
        "types": TYPES,
        "labels": [LABELS[name] for name in TYPES],
        "ladder": ladder,
        "rung": ladder.index(epsilon),
        "shares": axes.shares.tolist(),
        "image": image,
        "mean": mean,
    }


def performed(run_id: str, index: int, acts: str) -> TrainingState:
    """The state of a run at its snapshot ``index`` after some acts. Do not change its arrays.

    Its momentum is that of the training only where some particles are retrained: finding it may
    take as long as the training did.

    Raises:
        ValueError: the acts cannot be done.
        DataError: the run's data are not here.
    """
    listed = read_acts(acts)
    return _performed(run_id, index, listed, any(act.kind == "retrain" for act in listed))


@st.cache_resource(max_entries=60, show_spinner="Training")
def _performed(run_id: str, index: int, acts: tuple[Act, ...], exact: bool) -> TrainingState:
    run = get_run(run_id)
    if acts:
        begun = _performed(run_id, index, acts[:-1], exact)
        return perform(acts[-1:], begun, run.config, task_of(run.config))
    epoch, record = run.snapshot_epochs[index], run.record
    if exact:
        return state_at(run, epoch)
    weights = run.snapshots[index]
    none = np.zeros_like(weights)
    return TrainingState(epoch, weights, none, record.replicating, record.engine)


@st.cache_data(max_entries=200, show_spinner=False)
def measured(run_id: str, index: int, acts: str, epsilon: float) -> Moment:
    """Census and accuracies of a run at a snapshot after some acts.

    Raises:
        ValueError: the acts cannot be done.
        DataError: the run's data are not here.
    """
    run = get_run(run_id)
    weights = performed(run_id, index, acts).weights
    return look(weights, run.encoding, run.shape, task_of(run.config), epsilon)


@st.cache_data(max_entries=100, show_spinner=False)
def edit(run_id: str, end: int, acts: str, epsilon: float, ladder: tuple[float, ...]) -> bytes:
    """What acts made of a run's snapshot ``end``: one snapshot more for the browser, in the place
    of all that follow.

    Raises:
        ValueError: the acts cannot be done.
        DataError: the run's data are not here.
    """
    made, seen = performed(run_id, end, acts), measured(run_id, end, acts, epsilon)
    one, (_, axes, _) = made.weights[None], _whole(run_id, ladder)
    arrays = _arrays(one, history_measures(one, get_run(run_id).encoding), axes, ladder)
    header = {"end": end, "epochs": made.epoch, "before": seen.before, "after": seen.after}
    return encode(header, arrays)


@st.cache_resource(max_entries=20, show_spinner=False)
def _whole(
    run_id: str, ladder: tuple[float, ...], settled: int = 0
) -> tuple[Arrays, Axes, dict[str, float]]:
    """What is drawn of all snapshots of a finished run, the axes of its cube, which acts on it do
    not turn, and its scales. Do not change the arrays."""
    snapshots, measured = _moments(run_id, settled)
    axes = principal_axes(snapshots, 3)
    arrays = _arrays(snapshots, measured, axes, ladder)
    return arrays, axes, _scales(arrays)


def _moments(run_id: str, settled: int) -> tuple[np.ndarray, HistoryMeasures]:
    """All snapshots of a finished run, settled, and what their types are decided by."""
    run = get_run(run_id)
    if not settled:
        return run.snapshots, cached.measures(run_id)
    views = (View(run, t, EPSILON, settled=settled) for t in range(len(run.snapshot_epochs)))
    snapshots = np.stack([cached.weights(view) for view in views])
    return snapshots, history_measures(snapshots, run.encoding)


def of_job(job: Job, epsilon: float, ladder: tuple[float, ...]) -> bytes | None:
    """A training so far; None before its first snapshot."""
    assert job.config is not None
    config = job.config
    shape = macro_shape(config)
    snapshots, epochs = kept_so_far(config, shape.particles)
    rows = pd.DataFrame(job.progress.rows if job.progress else [], dtype=float)
    if not len(epochs) or not len(rows):
        return None
    measured = _history(job.id, len(epochs), snapshots, config.neurons, config.encoding)
    axes = principal_axes(snapshots, 3)
    arrays = _arrays(snapshots, measured, axes, ladder)
    reached = max(int(rows["epoch"].iloc[-1]), epochs[-1])
    header = _header(job.id, shape, task_of(config), axes, epsilon, ladder)
    header |= {"epochs": epochs, "curve": curves(rows), "before": _known(rows, epochs)}
    header |= {"after": [None] * len(epochs), **_scales(arrays)}
    header["training"] = {"epoch": reached, "epochs": config.epochs}
    return encode(header, arrays)


def _known(records: pd.DataFrame, epochs: Sequence[int]) -> Known:
    """The test accuracy at some epochs, as a table of records has it."""
    found = records.set_index("epoch")["test_accuracy"]
    return numbers([float(found.get(epoch, np.nan)) for epoch in epochs])


@st.cache_data(max_entries=4, show_spinner=False)
def _history(
    name: str, count: int, _snapshots: np.ndarray, neurons: int, encoding: str
) -> HistoryMeasures:
    return history_measures(_snapshots, position_encoding(neurons, encoding))


def _arrays(
    snapshots: np.ndarray, measured: HistoryMeasures, axes: Axes, ladder: Sequence[float]
) -> Arrays:
    """Snapshots ``(T, n, P)`` as the browser gets them."""
    size, error, second = (
        rungs(part, ladder) for part in (measured.size, measured.error, measured.second)
    )
    weight = scalars(snapshots)
    return {
        "size": size,
        "error": error,
        "second": second,
        "scalar": np.where(np.isfinite(weight), weight, np.float32(np.nan)),
        "points": axes.place(snapshots).astype(np.float16),
    }


def _scales(arrays: Arrays) -> dict[str, float]:
    """What counts as a strong weight, and how far the cube reaches: nearly the largest of all."""
    points = arrays["points"].astype(np.float32)
    return {"strong": scale(arrays["scalar"], 0.995), "reach": scale(points, 0.9995)}


def _input(shape: MacroShape, task: Task | None) -> tuple[list[int] | None, list[int] | None]:
    """How the inputs stand as an image, ``(rows, columns)``, and the mean test image, 0..255; None
    where it is unknown or no image."""
    side = round(shape.inputs**0.5)
    sides = [side, side] if task is None else list(task.image)
    flat = len(sides) == 2 and min(sides) >= 4 and math.prod(sides) == shape.inputs
    image = sides if flat else None
    if task is None:
        return image, None
    mean = task.x_test.mean(0)
    return image, np.rint(255 * mean / max(float(mean.max()), 1e-9)).astype(int).tolist()


@st.cache_data(max_entries=100, show_spinner=False)
def _accuracies(run_id: str, epsilon: float, settled: int) -> tuple[Known, Known]:
    """Test accuracy at every snapshot before and after its replicators are dropped."""
    run, task = get_run(run_id), cached.task(run_id)
    before = _known(run.records, run.snapshot_epochs)
    if task is None:
        return before, [None] * len(before)
    snapshots, measured = _moments(run_id, settled)
    weights, data = scalars(snapshots), (task.x_test, task.y_test, run.shape)
    if settled:
        before = [accuracy_of(weight, *data) for weight in weights]
    gone = is_replicator(measured.codes(epsilon))
    return before, [
        accuracy_of(drop(weight, mask), *data) for weight, mask in zip(weights, gone, strict=True)
    ]
