"""A training as it goes: progress, curves that update in place, cancel, resume, and its result."""

from __future__ import annotations

import contextlib

import altair as alt
import pandas as pd
import streamlit as st

from srnn.jobs import Job, cancel, ensure_workers, list_jobs, read_job, read_log, submit
from srnn.store import Run, RunError, describe, find_run, is_run_id
from srnn.vocabulary import EPSILON
from ui.curves import accuracy_curves, loss_curves, type_areas
from ui.frame import strip
from ui.menu import link
from ui.state import change
from ui.text import duration, escape

STILL = '<style>[data-testid="stStatusWidget"] {display: none}</style>'
"""Hides Streamlit's sign of a page at work, which would flash at every look at a training."""
POLL = 0.5
"""Seconds between two looks at a training's files."""


def job_asked_for() -> str | None:
    """The training this page is about: the address's, else the session's, else whatever is being
    trained here, by whoever asked for it."""
    asked = st.query_params.get("run") or st.session_state.get("job_id")
    if asked is None:
        active = (job for job in list_jobs() if job.state in ("running", "queued"))
        asked = next((job.run_id for job in active), None)
    return asked


def watch(run_id: str, *, cached: bool = False) -> None:
    """Make a run the one that this page shows, in the session and in the address."""
    st.session_state["job_id"] = run_id
    st.session_state["job_cached"] = cached
    change(run=run_id)


def panel(run_id: str | None) -> None:
    """The state of a training; it looks again by itself for as long as something can change."""
    if run_id is None:
        st.info(
            "Nothing is being trained. Choose settings and press **Train**: losses, accuracies and "
            "the particles' types appear here as they come, and the page may be left meanwhile."
        )
        return
    job = read_job(run_id) if is_run_id(run_id) else None
    active = job is not None and job.state in ("queued", "running")
    if active:
        st.html(STILL)
    st.fragment(_look, run_every=POLL if active else None)(run_id, active)


def others(run_id: str | None) -> None:
    """The other trainings that are under way or waiting, each a button that shows it."""
    jobs = [job for job in list_jobs() if job.state in ("queued", "running")]
    jobs = [job for job in jobs if job.run_id != run_id]
    if jobs:
        st.markdown("**Also under way**")
    for job in jobs[:5]:
        text = escape(f"{describe(job.config)}: {_state(job)}")
        st.button(text, key=f"watch-{job.run_id}", on_click=watch, args=(job.run_id,))


def _look(run_id: str, was_active: bool) -> None:
    job = read_job(run_id) if is_run_id(run_id) else None
    if was_active and (job is None or job.state not in ("queued", "running")):
        st.rerun()  # the whole page, which stops looking
    if job is not None and job.state == "queued":
        with contextlib.suppress(OSError):
            ensure_workers()  # the worker may have been killed
    try:
        run = find_run(run_id) if is_run_id(run_id) and job is None else None
    except (RunError, OSError) as error:
        st.error(f"{escape(str(error))}\n\nPress **Train** to make it again.")
        return
    if run is not None:
        _finished(run)
    elif job is not None:
        _unfinished(job)
    else:
        st.error(
            f"There is no run or training {escape(run_id[:40])} here. Check the address, or choose "
            "settings and press **Train**."
        )


def _finished(run: Run) -> None:
    if st.session_state.get("job_cached") and st.session_state.get("job_id") == run.run_id:
        st.success(
            "This configuration was trained before: loaded at once. "
            f"Its training took {duration(run.info['seconds'])}."
        )
    else:
        st.success(f"Trained in {duration(run.info['seconds'])}.")
    st.markdown(escape(run.name))
    with st.container(horizontal=True):
        for page in ("trajectories", "particle_types", "connectivity"):
            link(f"pages/{page}.py", run_id=run.run_id)
    results = run.results
    strip(results["test_accuracy"], results["types"], results["epochs"], run.config.epochs, EPSILON)
    if run.stopped:
        st.warning(f"Training ended early: {escape(run.stopped)}.")
    _curves(run.records)


def _unfinished(job: Job) -> None:
    progress = job.progress
    st.markdown(escape(describe(job.config)))
    st.progress(progress.share if progress else 0.0, text=_state(job))
    if job.state in ("queued", "running"):
        if st.button("Cancel", key="cancel_job", help="What is done so far is kept."):
            cancel(job.run_id)
            st.toast("The training stops at the end of its epoch.")
    else:
        if job.state == "failed":
            st.error(f"The training failed. {escape(job.message)}")
        elif job.state == "interrupted":
            st.warning("The process that trained this run is gone.")
        resume = "Resume" if job.resumable else "Start again"
        if st.button(resume, key="resume_job", type="primary"):
            _again(job)
        log = read_log(job.run_id)
        if log and job.state != "cancelled":
            with st.expander("Log", expanded=job.state == "failed"):
                st.code(log, language=None)
    if progress and len(progress.rows) > 1:
        _curves(pd.DataFrame(progress.rows))


def _again(job: Job) -> None:
    try:
        submit(job.config, job.engine)
    except (ValueError, OSError, RuntimeError) as error:
        st.error(escape(str(error)))
        return
    st.rerun()


def _state(job: Job) -> str:
    """What a job is doing, how far it is and when it ends."""
    progress, epochs = job.progress, f"{job.config.epochs:,}"
    if job.state == "queued":
        return f"Waiting in the queue, place {job.place}" if job.place else "Waiting in the queue"
    epoch = f"epoch {progress.epoch if progress else 0:,} of {epochs}"
    if job.state != "running":
        return f"{job.state.capitalize()} at {epoch}"
    if progress is None or progress.phase == "preparing":
        return "Starting: reading the data, a few seconds"
    left = f", {duration(progress.remaining)} left" if progress.remaining is not None else ""
    return f"Training, {epoch}{left}"


def _curves(rows: pd.DataFrame) -> None:
    charts: dict[str, alt.Chart] = {
        "Losses": loss_curves(rows),
        "Accuracy": accuracy_curves(rows),
        "Particle types": type_areas(rows),
    }
    for name, chart in charts.items():
        st.altair_chart(chart, key=f"live-{name}", height=210, alt=f"{name} by epoch, so far")
