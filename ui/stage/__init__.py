"""The stage: one picture of one run with one clock, alive in the browser.

Network, trajectories, membership, census and curves move together, everything can be pointed at,
and nothing waits for the server: the browser has all snapshots (:mod:`ui.stage.blob`) and works
out the types itself. What is chosen there goes into the one state of the pages (:mod:`ui.state`)
and so into the address; what the state says is shown there.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from srnn.lineage import pack
from srnn.runs import Job
from srnn.vocabulary import EPSILON
from ui import state
from ui.charts import download
from ui.stage.blob import amended, block_id, encode, look
from ui.stage.bundle import FOLDER, bundle, film, part
from ui.state import EPSILONS, View

KEY, SOUP = "stage", "soup-stage"
TOLD = ("snapshot", "selection", "epsilon", "show", "color", "camera")
FRONT = "-0.6,0.42,1"
"""The cube's camera at first, as in ``cube.js``: yaw and pitch in radians, and zoom."""
_component = st.components.v2.component(
    "metanet_stage", html=part("stage.html"), css=part("stage.css"), js=bundle()
)
_change = st.components.v2.component(
    "metanet_change",
    js="""export default function({ data }) {
  document["metanet-changed"] = data;
  document.dispatchEvent(new Event("metanet-changed"));
}""",
)
"""What changes on a stage while its run stays the same, so that Streamlit, which sends nothing that
the browser has already, does not send the run again."""


def stage(view: View, acts: str = "", *, autoplay: bool = False, alone: bool = False) -> None:
    """Show a run on the stage; after ``acts`` (:mod:`srnn.lineage`), as it was up to the view's
    epoch and then after them. ``alone``: the network only, settled as the view is. In a fragment a
    choice on the stage runs the fragment again and nothing else; the state is that of the choice.

    Raises:
        ValueError: the acts cannot be done.
    """
    run_id, ladder = view.run.run_id, state.ladder(view.epsilon)
    change = NO_CHANGE
    if acts:
        from ui.stage.source import edit

        change = edit(run_id, view.index, acts, view.epsilon, ladder)
    more = {"id": run_id, "of": view.epsilon, "autoplay": autoplay, "wanted": _wanted(view, acts)}
    block = _block(run_id, view.epsilon, ladder, view.settled if alone else 0)
    _mount(KEY, block, _follow, awaits=True, alone=alone)
    with st.container(key="stage-change"):
        _change(key="changed", data=amended(change, **more))


def live_stage(job: Job) -> None:
    """Show a training as far as there is something to see; in a fragment that runs again."""
    from ui.stage.source import of_job

    epsilon = state.epsilon()
    ladder = state.ladder(epsilon)
    if (block := of_job(job, epsilon, ladder)) is not None:
        _mount(KEY, block, _follow, wanted={"version": f"{job.id} live", "epsilon": epsilon})


def soup_stage(block: bytes, version: str, begin: int) -> int | None:
    """Show a soup (:mod:`ui.stage.soup`), in a fragment; in a new ``version`` it plays from the
    step ``begin`` on. Returns the step at which its clock stands; None before it has said so."""
    _mount(SOUP, block, wanted={"version": version, "snapshot": begin, "play": True})
    scene = st.session_state[SOUP].get("scene")
    return scene["snapshot"] if scene and scene["run"] == block_id(block) else None


def pair(left: View, right: View) -> None:
    """Two runs beside each other on one clock: what moves it, its speed or epsilon on one side
    moves both. Call it in a fragment."""
    for column, side, view in zip(st.columns(2), "lr", (left, right), strict=True):
        ladder = state.ladder(view.epsilon)
        block = _block(view.run.run_id, view.epsilon, ladder)
        with column:
            _mount(f"{KEY}-{side}", block, tied=True)


def _mount(key: str, block: bytes, follow: Callable[[], None] = lambda: None, **more: Any) -> None:
    """The component with a block and what else its header says; ``follow`` is called when something
    was chosen there."""
    _component(key=key, data=amended(block, look=look(), **more), on_scene_change=follow)


def _wanted(view: View, acts: str) -> dict[str, Any]:
    """What the stage is to show, in a version that changes only where the state differs from what
    the stage itself has told."""
    asked: dict[str, Any] = {
        "snapshot": view.index + 1 if acts else view.index,
        "selection": list(view.picked),
        "epsilon": view.epsilon,
        "show": state.keep(),
        "color": state.color(),
    }
    if camera := state.camera():
        asked["camera"] = dict(zip(("yaw", "pitch", "zoom"), camera, strict=True))
    place = f"{view.run.run_id} {view.index if acts else ''} {acts}"
    told = st.session_state.setdefault(f"{KEY}-told", {"place": "", "version": 0})
    if told["place"] != place or any(
        told.get(name, value) != value for name, value in asked.items()
    ):
        told |= {"place": place, "version": told["version"] + 1, **asked}
    return {**asked, "version": told["version"]}


def _follow() -> None:
    """Take what was chosen on the stage into the state and the address."""
    scene = st.session_state[KEY].get("scene")
    told = st.session_state.get(f"{KEY}-told")
    if not scene or not told or scene.get("run") != state.get("run", scene.get("run")):
        return
    camera, changes = scene["camera"], {}
    if scene["color"] != told["color"]:
        changes["color"] = None if scene["color"] == "type" else scene["color"]
    told |= {name: scene[name] for name in TOLD}
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
def _block(run_id: str, epsilon: float, ladder: tuple[float, ...], settled: int = 0) -> bytes:
    """What the stage shows of a run, settled for so many steps at every snapshot. The bundled run's
    comes ready made: the first page then needs no torch."""
    if (run_id, epsilon, ladder, settled) == (ready_made(), EPSILON, EPSILONS, 0):
        return READY.read_bytes()
    from ui.stage.source import of_run

    return of_run(run_id, epsilon, ladder, settled)


NO_CHANGE = encode({}, {})
"""Of a run as it was trained."""


def film_button(view: View) -> None:
    """A download of a run's stage as one HTML file."""
    run, ladder = view.run, state.ladder(view.epsilon)
    download(
        "Film (HTML)",
        lambda: film(_block(run.run_id, view.epsilon, ladder), f"{run.name} · run {run.run_id}"),
        f"film-{view.file}.html",
        "The stage of this run in one file: play its clock in any browser, without the lab.",
    )


READY = FOLDER / "bundled.bin"
"""The block of the bundled run, made by ``scripts/make_bundled_run.py``."""


def ready_made() -> str | None:
    """The run whose block comes with the lab."""
    return block_id(READY.read_bytes()) if READY.exists() else None
