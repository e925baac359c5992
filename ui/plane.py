"""The live mode of the page Phase map: point at an alpha and a learning rate, and the small
networks around them are trained on the spot.

A job trains what is nearest to the pointer (:mod:`srnn.sweeps.live`) and ends by itself; what it
has trained is cached. The picture is a component, since it must follow the pointer.
"""

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from srnn.figures.style import SEQUENTIAL, percent
from srnn.figures.sweeps import words
from srnn.runs import Job, latest, submit_command
from srnn.sweeps.library import Kept, keep, kept_of
from srnn.sweeps.live import FIELDS, PLAN, look_at
from srnn.sweeps.plan import parse_plan
from srnn.vocabulary import EPSILON
from ui.live import attempt, job_state, polled, said
from ui.menu import link
from ui.text import many

MEASURES = ("replicator_share", "test_accuracy", "settled_replicator_share")
"""What the plane can show: shares, so that its colours run from 0 to 100 %."""

LOOK = 0.3
"""Seconds between two looks at what is trained while it goes on."""

_plane = st.components.v2.component(
    "live_plane",
    html="<div class='plane'><canvas tabindex='0' role='img' aria-label='Alpha across, learning "
    "rate up: arrow keys move, Enter chooses'></canvas><p class='said' role='status'></p></div>",
    css=".plane {color: var(--st-text-color); background: var(--st-background-color); "
    "font-family: var(--st-font, sans-serif); font-size: 15px; transition: background-color 1ms; "
    "border: 0 solid var(--st-border-color)} "
    ".plane canvas {width: 100%; height: 440px; cursor: crosshair; touch-action: none} "
    ".plane canvas:focus-visible {outline: 2px solid var(--st-text-color)} "
    ".said {min-height: 3em; margin: 4px 0 0}",
    js=(Path(__file__).parent / "plane.js").read_text("utf-8"),
)


def plane() -> None:
    """The live plane, with its measure, its readout and the chosen run."""
    sweep = kept_of(parse_plan(PLAN))
    st.markdown(
        "Every cell is one small network on the digits (312 particles, 20 epochs). Point anywhere: "
        "what is nearest is trained first, and kept."
    )
    measure = st.segmented_control(
        "Colour", MEASURES, default=MEASURES[0], format_func=words, key="live-measure"
    )
    active = _active(latest("live"))
    polled(partial(_shown, sweep, measure or MEASURES[0], active), active, LOOK)


def _active(job: Job | None) -> bool:
    return job is not None and job.active


def _shown(sweep: Kept, measure: str, was_active: bool) -> None:
    """The plane as it is now; a fragment, which runs again by itself while something is trained."""
    state: Any = st.session_state.get("live-plane") or {}
    at, chosen = state.get("at"), state.get("chosen")
    xs, ys = (sweep.plan.varied[name] for name in FIELDS)
    table, job = sweep.table, latest("live")
    if at is not None and at != st.session_state.get("live-at"):
        st.session_state["live-at"] = at
        attempt(_train_around, sweep, xs[at[0]], ys[at[1]], _active(job))
        job = latest("live")
    if was_active != _active(job):
        st.rerun()
    said()
    rows = {(row.alpha, row.lr): row for row in table.itertuples()}
    cells = [[rows.get((x, y)) for x in xs] for y in ys]
    _plane(
        key="live-plane",
        data={
            "xs": xs,
            "ys": ys,
            "across": "alpha; learning rate upwards",
            "values": [[_value(row, measure) for row in line] for line in cells],
            "texts": [
                [_text(x, y, row) for x, row in zip(xs, line, strict=True)]
                for y, line in zip(ys, cells, strict=True)
            ],
            "chosen": chosen,
            "light": _stops(False),
            "dark": _stops(True),
        },
        on_at_change=lambda: None,
        on_chosen_change=lambda: None,
    )
    st.caption(
        f"{len(table):,} of {many(sweep.plan.total(), 'network')} trained, seed "
        f"{sweep.plan.seeds[0]}; types at epsilon {EPSILON:.0e}. Pale is 0 %, strong is 100 %."
    )
    if chosen and (row := cells[chosen[1]][chosen[0]]) is not None:
        link("app.py", "Open the chosen network on the stage", row.run_id)
    if job is not None and (job.active or job.state == "failed"):
        job_state(job, key="live")


def _train_around(sweep: Kept, x: float, y: float, active: bool) -> None:
    """Write down where the pointer is, and start the job that trains there, if there is none."""
    if not sweep.file.exists():
        keep(PLAN)
    look_at(sweep.plan, x, y)
    if not active and len(sweep.table) < sweep.plan.total():
        submit_command(["live", str(sweep.file)])


def _value(row: Any, measure: str) -> float | None:
    missing = row is None or pd.isna(getattr(row, measure))
    return None if missing else float(getattr(row, measure))


def _text(x: float, y: float, row: Any) -> str:
    place = f"alpha {x:g}, learning rate {y:g}: "
    if row is None:
        return place + "not trained yet."
    if row.error:
        return f"{place}failed. {row.error}"
    stopped = f"; ended early ({row.stopped})" if row.stopped else ""
    return (
        f"{place}{percent(row.replicator_share)} replicators, test accuracy "
        f"{percent(row.test_accuracy)}, trained in {row.seconds:.2f} s{stopped}."
    )


def _stops(dark: bool) -> list[list[int]]:
    """The colours of shares, red, green and blue; on a dark ground more is lighter."""
    colors = [[int(color[k : k + 2], 16) for k in (1, 3, 5)] for _, color in SEQUENTIAL]
    return colors[::-1] if dark else colors
