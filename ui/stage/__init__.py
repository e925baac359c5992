"""The stage: one picture of one run with one clock, alive in the browser.

Network, trajectories, membership, census and curves move together, everything can be pointed at,
and nothing waits for the server: the browser has all snapshots (:mod:`ui.stage.blob`) and works
out the types itself. What is chosen there comes back as a :class:`Scene`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from srnn.analysis.collapse import scalars
from srnn.analysis.dropout import accuracy_of, drop
from srnn.analysis.membership import mean_images
from srnn.analysis.trajectories import fit_trajectories
from srnn.store import Run, get_run
from srnn.tasks import DataError, task_of
from srnn.vocabulary import LABELS, TYPES, is_replicator
from ui import cached
from ui.stage.blob import LADDER, curves, encode, look, numbers, rungs
from ui.stage.bundle import bundle, part

_component = st.components.v2.component(
    "metanet_stage", html=part("stage.html"), css=part("stage.css"), js=bundle()
)


@dataclass(frozen=True)
class Scene:
    """What the stage shows: index of the snapshot, epsilon, the particle picked last (or None),
    all selected particles, and the cube's camera (``yaw``, ``pitch`` in radians, ``zoom``)."""

    snapshot: int
    epsilon: float
    picked: int | None
    selection: tuple[int, ...]
    camera: dict[str, float]


@st.cache_data(max_entries=10, show_spinner=False)
def _arrays(run_id: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays of a run, and what the header says about them."""
    run = get_run(run_id)
    measured, weight = cached.measures(run_id), scalars(run.snapshots)
    table = cached.particles(run_id)
    paths = fit_trajectories(
        run.snapshots,
        run.snapshot_epochs,
        table["particle"].tolist(),
        table["layer"].to_numpy(),
        components=min(3, run.config.particle_weights),
    )
    points = np.full((*weight.shape, 3), np.nan, dtype=np.float32)
    points[:, paths.particles, : paths.components] = paths.coordinates
    found = np.abs(weight[np.isfinite(weight)])
    spread = np.abs(points[np.isfinite(points)])
    about = {
        "strong": float(np.quantile(found, 0.995)) if found.any() else 1.0,
        "reach": float(np.quantile(spread, 0.9995)) if spread.any() else 1.0,
        "shares": paths.explained["share"].tolist(),
    }
    arrays = {
        "size": rungs(measured.size),
        "error": rungs(measured.error),
        "second": rungs(measured.second),
        "scalar": np.nan_to_num(weight, nan=np.nan, posinf=np.nan, neginf=np.nan),
        "points": points.astype(np.float16),
    }
    return arrays, about


@st.cache_data(max_entries=100, show_spinner=False)
def _after(run_id: str, epsilon: float) -> list[float | None]:
    """Test accuracy at every snapshot after its replicators are dropped; None where unknown."""
    run = get_run(run_id)
    try:
        task = task_of(run.config)
    except DataError:
        return [None] * len(run.snapshot_epochs)
    return [
        accuracy_of(drop(weight, is_replicator(codes)), task.x_test, task.y_test, run.shape)
        for weight, codes in zip(scalars(run.snapshots), cached.codes(run_id, epsilon), strict=True)
    ]


@st.cache_data(max_entries=20, show_spinner=False)
def _mean(dataset: str, digest: str) -> list[int] | None:
    """The mean test image, 0..255; None if the data are not here."""
    from srnn.tasks import load_task

    try:
        task = load_task(dataset)
    except DataError:
        return None
    mean = mean_images(task.x_test, task.y_test, task.classes).mean(0)
    return np.rint(255 * mean / max(mean.max(), 1e-9)).astype(int).tolist()


@st.cache_data(max_entries=20, show_spinner=False)
def _blob(run_id: str, epsilon: float, autoplay: bool, wanted: dict[str, Any]) -> bytes:
    run, shape = get_run(run_id), get_run(run_id).shape
    arrays, about = _arrays(run_id)
    records = run.records.set_index("epoch")["test_accuracy"]
    skips = [(shape.skip(layer), layer + 1) for layer in range(shape.depth)]
    header = {
        "id": run_id,
        "epochs": run.snapshot_epochs,
        "sizes": shape.sizes,
        "starts": shape.starts,
        "skips": [pair for pair in skips if pair[0] is not None],
        "types": TYPES,
        "labels": [LABELS[name] for name in TYPES],
        "ladder": LADDER,
        "rung": LADDER.index(epsilon),
        "curve": curves(run.records),
        "before": numbers([float(records.get(e, np.nan)) for e in run.snapshot_epochs]),
        "after": _after(run_id, epsilon),
        "mean": _mean(run.config.dataset, run.config.dataset_digest),
        "look": look(),
        "autoplay": autoplay,
        "wanted": wanted,
        **about,
    }
    return encode(header, arrays)


def stage(run: Run, *, key: str = "stage", autoplay: bool = False) -> Scene:
    """Show a run on the stage, and return what is chosen on it. Call it in a fragment: a choice
    then runs the fragment again and nothing else."""
    state = st.session_state.get(key) or {}
    told = state.get("scene") or {}
    epsilon = LADDER[told.get("rung", LADDER.index(1e-5))]
    result = _component(
        key=key,
        data=_blob(run.run_id, epsilon, autoplay, {}),
        default={"scene": {}},
        on_scene_change=lambda: None,
    )
    told = result.scene if result.scene and result.scene.get("run") == run.run_id else {}
    picked = told.get("picked", -1)
    return Scene(
        told.get("snapshot", len(run.snapshot_epochs) - 1),
        epsilon,
        picked if picked >= 0 else None,
        tuple(told.get("selection", ())),
        told.get("camera", {}),
    )
