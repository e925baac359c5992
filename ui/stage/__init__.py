"""The stage: one picture of one run with one clock, alive in the browser.

Network, trajectories, membership, census and curves move together, everything can be pointed at,
and nothing waits for the server: the browser has all snapshots (:mod:`ui.stage.blob`) and works
out the types itself. What is chosen there goes into the one state of the pages (:mod:`ui.state`)
and so into the address; what the state says is shown there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
import torch

from srnn.analysis.collapse import scalars
from srnn.analysis.dropout import accuracy_of, drop
from srnn.analysis.trajectories import fit_trajectories
from srnn.fixpoints import measures
from srnn.lineage import pack
from srnn.runs import get_run
from srnn.tasks import DataError, task_of
from srnn.vocabulary import EPSILON, LABELS, TYPES, is_replicator
from ui import cached, state
from ui.choices import EPSILONS
from ui.stage.blob import curves, encode, look, numbers, rungs
from ui.stage.bundle import bundle, part
from ui.stage.edits import measured, performed
from ui.state import View

KEY = "stage"
FRONT = "-0.6,0.42,1"
"""The cube's camera at first, as in ``cube.js``: yaw and pitch in radians, and zoom."""
_component = st.components.v2.component(
    "metanet_stage", html=part("stage.html"), css=part("stage.css"), js=bundle()
)


def stage(view: View, acts: str = "", *, autoplay: bool = False) -> None:
    """Show a run on the stage; after ``acts`` (:mod:`srnn.lineage`), as it was up to the view's
    epoch and then after them. Call it in a fragment: a choice on the stage then runs the fragment
    again and nothing else, and the state is that of the choice.

    Raises:
        ValueError: the acts cannot be done.
    """
    ladder = tuple(sorted({*EPSILONS, view.epsilon}))
    end = view.index if acts else len(view.run.snapshot_epochs) - 1
    _component(
        key=KEY,
        data=_blob(view.run.run_id, end, acts, view.epsilon, ladder, autoplay, _wanted(view, acts)),
        on_scene_change=_follow,
    )


def _wanted(view: View, acts: str) -> dict[str, Any]:
    """What the stage is to show, in a version that changes only where the state differs from what
    the stage itself has told."""
    asked: dict[str, Any] = {
        "snapshot": view.index + 1 if acts else view.index,
        "selection": list(view.picked),
        "epsilon": view.epsilon,
        "show": state.get("keep", "survivors"),
    }
    if camera := _camera(state.get("camera")):
        asked["camera"] = camera
    place = f"{view.run.run_id} {view.index if acts else ''} {acts}"
    told = st.session_state.setdefault(f"{KEY}-told", {"place": "", "version": 0})
    if told["place"] != place or any(
        told.get(name, value) != value for name, value in asked.items()
    ):
        told |= {"place": place, "version": told["version"] + 1, "wanted": asked, **asked}
        told["wanted"] = {**asked, "version": told["version"]}
    return told["wanted"]


def _camera(text: str) -> dict[str, float] | None:
    try:
        yaw, pitch, zoom = (float(word) for word in text.split(","))
    except ValueError:
        return None
    return {"yaw": yaw, "pitch": pitch, "zoom": zoom}


def _follow() -> None:
    """Take what was chosen on the stage into the state and the address."""
    scene = st.session_state[KEY].get("scene")
    told = st.session_state.get(f"{KEY}-told")
    if not scene or not told or scene.get("run") != state.get("run", scene.get("run")):
        return
    told |= {name: scene[name] for name in ("snapshot", "selection", "epsilon", "show", "camera")}
    camera, changes = scene["camera"], {}
    turned = f"{camera['yaw']:g},{camera['pitch']:g},{camera['zoom']:g}"
    if not state.get("acts"):
        changes["epoch"] = None if scene["last"] else scene["epoch"]
    state.change(
        **changes,
        run=scene["run"],
        epsilon=None if scene["epsilon"] == EPSILON else f"{scene['epsilon']:g}",
        picked=pack(scene["selection"]),
        keep=None if scene["show"] == "survivors" else scene["show"],
        camera=None if turned == FRONT else turned,
    )


@st.cache_data(max_entries=20, show_spinner=False)
def _blob(
    run_id: str,
    end: int,
    acts: str,
    epsilon: float,
    ladder: tuple[float, ...],
    autoplay: bool,
    wanted: dict[str, Any],
) -> bytes:
    run, shape = get_run(run_id), get_run(run_id).shape
    arrays, about = _arrays(run_id, end, acts, ladder)
    epochs, accuracy = run.snapshot_epochs[: end + 1], run.records.set_index("epoch")
    before = [float(accuracy["test_accuracy"].get(epoch, np.nan)) for epoch in epochs]
    after = _after(run_id, epsilon)[: end + 1]
    records = run.records
    if acts:
        edited = measured(run_id, end, acts, epsilon)
        epochs = [*epochs, performed(run_id, end, acts).epoch]
        before, after = [*before, edited.before], [*after, edited.after]
        records = records[records["epoch"] <= epochs[-2]]
    skips = [(shape.skip(layer), layer + 1) for layer in range(shape.depth)]
    header = {
        "id": run_id,
        "edited": bool(acts),
        "epochs": epochs,
        "sizes": shape.sizes,
        "starts": shape.starts,
        "skips": [pair for pair in skips if pair[0] is not None],
        "types": TYPES,
        "labels": [LABELS[name] for name in TYPES],
        "ladder": ladder,
        "rung": ladder.index(epsilon),
        "curve": curves(records),
        "before": numbers(before),
        "after": after,
        "look": look(),
        "autoplay": autoplay,
        "wanted": wanted,
        **about,
        **_input(run_id),
    }
    return encode(header, arrays)


@st.cache_data(max_entries=10, show_spinner=False)
def _arrays(
    run_id: str, end: int, acts: str, ladder: tuple[float, ...]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays of a run's snapshots up to index ``end``, and of what acts made of that one; and
    what the header says about them."""
    run, table = get_run(run_id), cached.particles(run_id)
    kept = cached.measures(run_id)
    measure = [part[: end + 1] for part in (kept.size, kept.error, kept.second)]
    snapshots, epochs = run.snapshots[: end + 1], run.snapshot_epochs[: end + 1]
    if acts:
        state_after = performed(run_id, end, acts)
        new = measures(
            torch.from_numpy(np.array(state_after.weights)), torch.from_numpy(run.encoding)
        )
        measure = [np.concatenate([a, b[None]]) for a, b in zip(measure, new, strict=True)]
        snapshots = np.concatenate([snapshots, state_after.weights[None]])
        epochs = [*epochs, state_after.epoch]
    paths = fit_trajectories(
        snapshots,
        epochs,
        table["particle"].tolist(),
        table["layer"].to_numpy(),
        components=min(3, run.config.particle_weights),
    )
    weight = scalars(snapshots)
    points = np.full((*weight.shape, 3), np.nan, dtype=np.float32)
    points[:, paths.particles, : paths.components] = paths.coordinates
    found, spread = np.abs(weight[np.isfinite(weight)]), np.abs(points[np.isfinite(points)])
    about = {
        "strong": float(np.quantile(found, 0.995)) if found.any() else 1.0,
        "reach": float(np.quantile(spread, 0.9995)) if spread.any() else 1.0,
        "shares": paths.explained["share"].tolist(),
    }
    size, error, second = (rungs(part, ladder) for part in measure)
    arrays = {"size": size, "error": error, "second": second}
    arrays["scalar"] = np.where(np.isfinite(weight), weight, np.float32(np.nan))
    arrays["points"] = points.astype(np.float16)
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
def _input(run_id: str) -> dict[str, Any]:
    """How the inputs stand as an image, ``(rows, columns)``, and the mean test image, 0..255; both
    None where they are unknown or no image."""
    run = get_run(run_id)
    try:
        task = task_of(run.config)
    except DataError:
        side = round(run.shape.inputs**0.5)
        square = side * side == run.shape.inputs and side >= 4
        return {"image": [side, side] if square else None, "mean": None}
    image = list(task.image) if len(task.image) == 2 and min(task.image) >= 4 else None
    mean = task.x_test.mean(0)
    return {
        "image": image,
        "mean": np.rint(255 * mean / max(mean.max(), 1e-9)).astype(int).tolist(),
    }
