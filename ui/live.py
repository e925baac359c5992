"""Jobs as they go: the one watcher of everything that works in the background.

A page that starts a command of the lab calls :func:`command` and has it all: the button that asks
for it, its place in the queue, its progress, cancel, resume, its log. It looks again by itself
while something can change, and shows the whole page again when the job ends, or when what
``changed`` gives is another value (a row that is done, say)::

    command("rivals", ["rivals", "--run", run_id], label="Compare over seeds", run_id=run_id)

The page Train has :func:`panel` for trainings, with curves that update in place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from srnn.runs import (
    Job,
    Run,
    RunError,
    cancel,
    ensure_workers,
    find_run,
    is_run_id,
    latest,
    list_jobs,
    read_job,
    resume,
    step,
    submit_command,
)
from srnn.vocabulary import EPSILON
from ui.frame import strip
from ui.menu import link
from ui.stage import live_stage, stage
from ui.state import change, get, view_of
from ui.text import duration, escape

if TYPE_CHECKING:
    import pandas as pd

STILL = '<style>[data-testid="stStatusWidget"] {display: none}</style>'
"""Hides Streamlit's sign of a page at work, which would flash at every look at a job."""
POLL = 0.5
"""Seconds between two looks at a job's files."""


def attempt(action: Callable[..., Any], *arguments: Any, done: str = "") -> Any:
    """Do something from a button; what goes wrong is said on the page, in words (:func:`said`)."""
    try:
        result = action(*arguments)
    except (ValueError, RuntimeError, OSError) as error:
        st.session_state["said"] = ("error", str(error))
        return None
    st.session_state["said"] = ("done", done)
    return result


def said() -> None:
    """What the last action did, or why it did not."""
    kind, text = st.session_state.pop("said", ("", ""))
    if kind == "error":
        st.error(escape(text))
    elif text:
        st.toast(escape(text))


def polled(look: Callable[[], None], active: bool, every: float = POLL) -> None:
    """Run ``look`` as a fragment; while something is ``active``, again and again."""
    if active:
        st.html(STILL)
    st.fragment(look, run_every=every if active else None)()


# --- any job -------------------------------------------------------------------------------


def command(
    name: str,
    arguments: Sequence[str],
    *,
    label: str,
    changed: Callable[[], Hashable] = lambda: None,
    disabled: bool = False,
    primary: bool = True,
    **asked: Any,
) -> Job | None:
    """The last job of the command ``name``, and a button ``label`` that asks for it with
    ``arguments`` (the words after ``python -m srnn``) while none is under way. Returns the job.

    ``asked`` is kept with the job, for :func:`srnn.runs.latest`. The button's key is ``run-NAME``,
    that of its cancel ``cancel-NAME``.
    """
    job = latest(name)
    active = job is not None and job.active

    def look() -> None:
        now = latest(name)
        if active != (now is not None and now.active) or changed() != before:
            st.rerun()
        said()
        if now is not None:
            job_state(now, key=name)
        if now is None or not now.active:
            st.button(
                label,
                key=f"run-{name}",
                type="primary" if primary and not disabled else "secondary",
                disabled=disabled,
                help="In the background: the page may be left. What is there already is not "
                "repeated.",
                on_click=lambda: attempt(lambda: submit_command(arguments, **asked)),
            )

    before = changed()
    polled(look, active)
    return job


def job_state(job: Job, *, key: str) -> None:
    """What a job is doing, how far it is, its buttons and what it complained about."""
    if job.state == "queued":
        with contextlib.suppress(OSError):
            ensure_workers()  # the one that it waited for may have been killed
    if job.active:
        st.progress(job.progress.share if job.progress else 0.0, text=state_text(job))
        st.button(
            "Cancel" if job.config is None else "Pause",
            key=f"cancel-{key}",
            help="What is done so far is kept.",
            on_click=lambda: attempt(cancel, job.id, done="It stops as soon as it can."),
        )
        return
    if job.state == "failed":
        st.error(f"It failed: {escape(job.message or 'it left no message')}")
    elif job.state == "interrupted":
        st.warning("The process that worked on this is gone; what it has done is kept.")
    elif job.state == "cancelled":
        word = "Cancelled" if job.config is None else "Paused"
        st.info(f"{word}; what was done so far is kept.")
    if job.state != "cancelled" and (log := job.log):
        with st.expander("What it said", expanded=job.state == "failed"):
            st.code(log, language=None)


def state_text(job: Job) -> str:
    """What a job is doing, how far it is and when it ends."""
    progress = job.progress
    if job.state == "queued":
        return f"Waiting in the queue, place {job.place}" if job.place else "Waiting in the queue"
    if job.config is not None:
        far = f"epoch {progress.done if progress else 0:,} of {job.config.epochs:,}"
    else:
        far = f"{progress.done:,} of {progress.total:,} pieces" if progress else "nothing yet"
    if job.state != "running":
        paused = job.state == "cancelled" and job.config is not None
        return f"{'Paused' if paused else job.state.capitalize()} at {far}"
    if progress is None or progress.what == "preparing":
        return "Starting, a few seconds"
    left = f", {duration(progress.remaining)} left" if progress.remaining is not None else ""
    if job.config is not None:
        return f"Training, {far}{left}"
    return f"{far}, {duration(progress.seconds)} so far. Now: {escape(progress.what)}{left}"


# --- trainings -----------------------------------------------------------------------------


def watch(run_id: str, *, cached: bool = False) -> None:
    """Show another training: in the address, with what it is a copy of, if it is one."""
    st.session_state["loaded"] = run_id if cached else None
    change(run=run_id, changes=None)


def training(run_id: str) -> Job | None:
    """The unfinished training of that id, which comes from an address; None if there is none."""
    return read_job(run_id) if is_run_id(run_id) else None


def panel(run_id: str, *, drawn: bool = True) -> None:
    """The state of a training, with its curves if it is ``drawn`` here; it looks again by itself
    for as long as something can change."""
    job = training(run_id)
    active = job is not None and job.active
    polled(partial(_look, run_id, active, drawn), active)


def before() -> Run | None:
    """The finished run that the one shown is a copy of, if there is one."""
    base = get("base")
    with contextlib.suppress(RunError, OSError):
        return find_run(base) if base != get("run") else None
    return None


def on_stage(run_id: str) -> None:
    """A training on the stage as it goes, and the run that it becomes."""

    def look() -> None:
        if (now := training(run_id)) is not None:
            live_stage(now)
        elif (run := find_run(run_id)) is not None:
            stage(view_of(run))

    job = training(run_id)
    polled(look, job is not None and job.active, POLL / 2)


def others(run_id: str | None) -> None:
    """The other trainings that are under way or waiting, each a button that shows it."""
    jobs = [job for job in list_jobs() if job.active and job.config and job.id != run_id]
    if jobs:
        st.markdown("**Also under way**")
    for job in jobs[:5]:
        text = escape(f"{job.title}: {state_text(job)}")
        st.button(text, key=f"watch-{job.id}", on_click=watch, args=(job.id,))


def _look(run_id: str, was_active: bool, drawn: bool) -> None:
    job = training(run_id)
    if was_active and (job is None or not job.active):
        st.rerun()  # the whole page, which stops looking
    said()
    try:
        run = find_run(run_id) if job is None else None
    except (RunError, OSError) as error:
        st.error(f"{escape(str(error))}\n\nPress **Train** to make it again.")
        return
    if run is not None:
        _finished(run)
        rows: Any = run.records
    elif job is not None:
        import pandas as pd

        _unfinished(job)
        rows = pd.DataFrame(job.progress.rows if job.progress else [])
    else:
        st.error(
            f"There is no run or training {escape(run_id[:40])} here. Check the address, or choose "
            "settings and press **Train**."
        )
        return
    if drawn and len(rows) > 1:
        curves(rows)


def _finished(run: Run) -> None:
    if st.session_state.get("loaded") == run.run_id:
        st.success(
            "This configuration was trained before: loaded at once. "
            f"Its training took {duration(run.record.seconds)}."
        )
    else:
        st.success(f"Trained in {duration(run.record.seconds)}.")
    st.markdown(escape(run.name))
    with st.container(horizontal=True):
        link("app.py", "On the stage", run.run_id)
        for page in ("trajectories", "particle_types", "connectivity"):
            link(f"pages/{page}.py", run_id=run.run_id)
    ended = run.record.results
    strip(ended.test_accuracy, ended.types, ended.epochs, run.config.epochs, EPSILON)
    if run.stopped:
        st.warning(f"Training ended early: {escape(run.stopped)}.")


def _unfinished(job: Job) -> None:
    st.markdown(escape(job.title))
    if not job.active:
        st.progress(job.progress.share if job.progress else 0.0, text=state_text(job))
    job_state(job, key="job")
    if not job.active:
        again = "Resume" if job.resumable else "Start again"
        with st.container(horizontal=True):
            pressed = st.button(again, key="resume_job", type="primary")
            about = "Train one epoch more, and pause again."
            stepped = st.button("Step an epoch", key="step_job", help=about)
        if pressed or stepped:
            attempt(step if stepped else resume, job.id)
            st.rerun()


def curves(rows: pd.DataFrame) -> None:
    """The curves of a training, over those of the run that it is a copy of."""
    from ui.curves import accuracy_curves, loss_curves, type_areas

    old = before()
    if old is not None:
        st.caption(f"Pale: the run that this is a copy of, {escape(old.name)}.")
    earlier = None if old is None else old.records
    charts = {
        "Losses": loss_curves(rows, earlier),
        "Accuracy": accuracy_curves(rows, earlier),
        "Particle types": type_areas(rows),
    }
    for name, chart in charts.items():
        st.altair_chart(chart, key=f"live-{name}", height=210, alt=f"{name} by epoch, so far")
