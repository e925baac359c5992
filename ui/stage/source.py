"""What the stage shows of a run: snapshots, and what is known at each. Needs torch.

A source is a finished run, a run up to an epoch with what acts made of it, or a training so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
import torch

from srnn.analysis.collapse import scalars
from srnn.analysis.dropout import accuracy_of, drop
from srnn.analysis.trajectories import fit_trajectories
from srnn.analysis.types import HistoryMeasures, history_measures
from srnn.fixpoints import measures
from srnn.metanet import MacroShape, macro_shape, particle_table
from srnn.particles import position_encoding
from srnn.runs import Job, get_run
from srnn.runs.live import kept_so_far
from srnn.tasks import DataError, Task, task_of
from srnn.vocabulary import LABELS, TYPES, is_replicator
from ui import cached
from ui.stage.blob import curves, encode, numbers, rungs
from ui.stage.edits import measured, performed


@dataclass(frozen=True)
class Source:
    """``snapshots (T, n, P)`` of ``epochs``, their ``measured`` sizes and errors, the table of
    ``records``, accuracies ``(T,)`` before and after the replicators are dropped (None: not
    known), and what else the header says (``more``)."""

    name: str
    shape: MacroShape
    epochs: Sequence[int]
    snapshots: np.ndarray
    measured: HistoryMeasures
    records: pd.DataFrame
    before: list[float | None]
    after: list[float | None]
    task: Task | None
    more: dict[str, Any]

    def block(self, epsilon: float, ladder: Sequence[float]) -> bytes:
        """All of it for the browser."""
        shape, weight = self.shape, scalars(self.snapshots)
        points, shares = _paths(self.snapshots, self.epochs, shape)
        found, spread = np.abs(weight[np.isfinite(weight)]), np.abs(points[np.isfinite(points)])
        skips = [(shape.skip(layer), layer + 1) for layer in range(shape.depth)]
        image, mean = _input(shape, self.task)
        header = {
            "id": self.name,
            "epochs": list(self.epochs),
            "sizes": shape.sizes,
            "starts": shape.starts,
            "skips": [pair for pair in skips if pair[0] is not None],
            "types": TYPES,
            "labels": [LABELS[name] for name in TYPES],
            "ladder": ladder,
            "rung": ladder.index(epsilon),
            "curve": curves(self.records),
            "before": self.before,
            "after": self.after,
            "strong": float(np.quantile(found, 0.995)) if found.any() else 1.0,
            "reach": float(np.quantile(spread, 0.9995)) if spread.any() else 1.0,
            "shares": shares,
            "image": image,
            "mean": mean,
            **self.more,
        }
        size, error, second = (
            rungs(part, ladder)
            for part in (self.measured.size, self.measured.error, self.measured.second)
        )
        arrays = {"size": size, "error": error, "second": second}
        arrays["scalar"] = np.where(np.isfinite(weight), weight, np.float32(np.nan))
        arrays["points"] = points.astype(np.float16)
        return encode(header, arrays)


def of_run(run_id: str, epsilon: float, end: int, acts: str) -> Source:
    """A finished run up to its snapshot ``end``, and then what acts made of that.

    Raises:
        ValueError: the acts cannot be done.
        DataError: there are acts, and the run's data are not here.
    """
    run, kept = get_run(run_id), cached.measures(run_id)
    parts = [part[: end + 1] for part in (kept.size, kept.error, kept.second)]
    snapshots, epochs = run.snapshots[: end + 1], run.snapshot_epochs[: end + 1]
    known = run.records.set_index("epoch")["test_accuracy"]
    before = numbers([float(known.get(epoch, np.nan)) for epoch in epochs])
    after, records = _after(run_id, epsilon)[: end + 1], run.records
    if acts:
        made, seen = performed(run_id, end, acts), measured(run_id, end, acts, epsilon)
        new = measures(torch.from_numpy(np.array(made.weights)), torch.from_numpy(run.encoding))
        parts = [np.concatenate([a, b[None]]) for a, b in zip(parts, new, strict=True)]
        snapshots = np.concatenate([snapshots, made.weights[None]])
        records = records[records["epoch"] <= epochs[-1]]
        epochs, before, after = [*epochs, made.epoch], [*before, seen.before], [*after, seen.after]
    return Source(
        run_id,
        run.shape,
        epochs,
        snapshots,
        HistoryMeasures(*parts),
        records,
        before,
        after,
        _task(run_id),
        {"edited": bool(acts)},
    )


def of_job(job: Job, epsilon: float) -> Source | None:
    """A training so far; None before its first snapshot."""
    assert job.config is not None
    config = job.config
    shape = macro_shape(config)
    snapshots, epochs = kept_so_far(config, shape.particles)
    rows = pd.DataFrame(job.progress.rows if job.progress else [], dtype=float)
    if not len(epochs) or not len(rows):
        return None
    history = _history(job.id, len(epochs), snapshots, config.neurons, config.encoding)
    known = rows.set_index("epoch")["test_accuracy"]
    before = numbers([float(known.get(epoch, np.nan)) for epoch in epochs])
    reached = max(int(rows["epoch"].iloc[-1]), epochs[-1])
    return Source(
        job.id,
        shape,
        epochs,
        snapshots,
        history,
        rows,
        before,
        [None] * len(epochs),
        task_of(config),
        {"edited": False, "training": {"epoch": reached, "epochs": config.epochs}},
    )


@st.cache_data(max_entries=4, show_spinner=False)
def _history(
    name: str, count: int, _snapshots: np.ndarray, neurons: int, encoding: str
) -> HistoryMeasures:
    return history_measures(_snapshots, position_encoding(neurons, encoding))


def _paths(
    snapshots: np.ndarray, epochs: Sequence[int], shape: MacroShape
) -> tuple[np.ndarray, list[float]]:
    """Principal components ``(T, P, 3)``, NaN for particles that diverge, and their shares of the
    variance."""
    table = particle_table(shape)
    components = min(3, snapshots.shape[1])
    paths = fit_trajectories(
        snapshots,
        epochs,
        table["particle"].tolist(),
        table["layer"].to_numpy(),
        components=components,
    )
    points = np.full((len(snapshots), shape.particles, 3), np.nan, dtype=np.float32)
    points[:, paths.particles] = 0
    points[:, paths.particles, :components] = paths.coordinates
    shares = paths.explained["share"].tolist()
    return points, shares + [0.0] * (3 - len(shares))


def _task(run_id: str) -> Task | None:
    try:
        return task_of(get_run(run_id).config)
    except DataError:
        return None


def _input(shape: MacroShape, task: Task | None) -> tuple[list[int] | None, list[int] | None]:
    """How the inputs stand as an image, ``(rows, columns)``, and the mean test image, 0..255; None
    where it is unknown or no image."""
    side = round(shape.inputs**0.5)
    image: list[int] | None = [side, side] if side * side == shape.inputs else [1, shape.inputs]
    if task is not None:
        image = list(task.image)
    if image is None or len(image) != 2 or min(image) < 4:
        image = None
    if task is None:
        return image, None
    mean = task.x_test.mean(0)
    return image, np.rint(255 * mean / max(float(mean.max()), 1e-9)).astype(int).tolist()


@st.cache_data(max_entries=100, show_spinner=False)
def _after(run_id: str, epsilon: float) -> list[float | None]:
    """Test accuracy at every snapshot after its replicators are dropped; None where unknown."""
    run, task = get_run(run_id), _task(run_id)
    if task is None:
        return [None] * len(run.snapshot_epochs)
    return [
        accuracy_of(drop(weight, is_replicator(codes)), task.x_test, task.y_test, run.shape)
        for weight, codes in zip(scalars(run.snapshots), cached.codes(run_id, epsilon), strict=True)
    ]
