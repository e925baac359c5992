"""The Runs page: what its table shows, and what can be done with a run or a job."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from srnn.estimate import human
from srnn.jobs import Job, cancel, forget, list_jobs, read_log, resume
from srnn.store import Run, RunError, describe, get_run, list_runs, run_size
from srnn.store.labels import NAME_LENGTH, NOTE_LENGTH, edit_label, last_used
from srnn.store.sharing import export_bytes
from srnn.store.space import delete_run
from srnn.vocabulary import TYPES, count_replicators
from ui import state
from ui.menu import link
from ui.text import duration, escape, percent

POINTS = 40
"""Points of a sparkline at most."""

COLUMNS = {
    "Pinned": st.column_config.CheckboxColumn("Pin", width=40),
    "Name": st.column_config.TextColumn(width="large"),
    "Accuracy": st.column_config.NumberColumn(
        format="percent", help="Test accuracy, at the end or so far."
    ),
    "Over epochs": st.column_config.LineChartColumn(
        "Accuracy by epoch", y_min=0.0, y_max=1.0, color="grey", help="Test accuracy, 0 to 1."
    ),
    "Survivors": st.column_config.LineChartColumn(
        "Survivors by epoch",
        y_min=0.0,
        y_max=1.0,
        color="grey",
        help="Share of the particles that are no replicators, 0 to 1.",
    ),
    "Trained": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
    "Last used": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
    "MB": st.column_config.NumberColumn(format="%.1f", help="Size on disk."),
}


def attempt(action: Callable[..., Any], *arguments: Any, done: str = "") -> Any:
    """Do something from a button; what goes wrong is said on the page, in words."""
    try:
        result = action(*arguments)
    except (ValueError, RuntimeError, OSError) as error:
        st.session_state["runs_said"] = ("error", str(error))
        return None
    st.session_state["runs_said"] = ("done", done)
    return result


def said() -> None:
    """What the last action did, or why it did not."""
    kind, text = st.session_state.pop("runs_said", ("", ""))
    if kind == "error":
        st.error(escape(text))
    elif text:
        st.toast(escape(text))


def overview() -> tuple[pd.DataFrame, dict[str, Run | Job]]:
    """One row per run and per unfinished job, and what the rows stand for, by run id."""
    jobs = {job.run_id: job for job in list_jobs()}
    runs = {run.run_id: run for run in list_runs()}
    jobs = {run_id: job for run_id, job in jobs.items() if run_id not in runs}
    rows = [_job_row(job) for job in jobs.values()] + [_run_row(run) for run in runs.values()]
    return pd.DataFrame(rows), {**jobs, **runs}


def filtered(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that the visitor asks for with the filters above the table."""
    kinds = ["All", "Finished", "Under way", "Stopped or failed"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control("Show", kinds, default="All", key="runs_kind", required=True)
        datasets = sorted(table["Data"].unique())
        chosen = st.multiselect("Data", datasets, key="runs_data", placeholder="All data sets")
        text = st.text_input("Search", key="runs_search", placeholder="Name, note or run id")
    state = table["State"]
    finished, active = state.isin(["finished", "bundled"]), state.isin(["running", "queued"])
    keep = {"All": state.notna(), "Finished": finished, "Under way": active}
    rows = table[keep.get(kind, ~finished & ~active)]
    if chosen:
        rows = rows[rows["Data"].isin(chosen)]
    if text:
        words = rows["Name"] + " " + rows["Note"] + " " + rows["Run"]
        rows = rows[words.str.contains(text, case=False, regex=False)]
    return rows


def show_table(rows: pd.DataFrame) -> None:
    """The table; a click on a row chooses it. Other rows are another table: a selection is a
    position, and must not slip to the run that takes a deleted one's place."""
    ids = rows["Run"].tolist()
    key = f"runs_table_{hash(tuple(ids))}"
    st.dataframe(
        rows,
        hide_index=True,
        column_config=COLUMNS,
        key=key,
        on_select=lambda: _clicked(key, ids),
        selection_mode="single-row",
        placeholder="–",
        height=min(36 * (len(rows) + 1) + 2, 470),
    )


def _clicked(key: str, ids: list[str]) -> None:
    chosen = st.session_state[key]["selection"]["rows"]
    if chosen and chosen[0] < len(ids):
        st.session_state["runs_chosen"] = ids[chosen[0]]


def actions(entries: dict[str, Run | Job]) -> None:
    """Choose a run or a job, and do something with it."""
    if st.session_state.get("runs_chosen") not in entries:
        st.session_state["runs_chosen"] = None
    chosen = st.selectbox(
        "Run or job",
        list(entries),
        index=None,
        format_func=lambda run_id: _title(entries[run_id]),
        key="runs_chosen",
        placeholder="Choose one here, or click its row",
    )
    if chosen is None:
        return
    entry = entries[chosen]
    if isinstance(entry, Job):
        _job_actions(entry)
    else:
        _run_actions(entry)


def _run_actions(run: Run) -> None:
    try:
        run = get_run(run.run_id)
    except (RunError, OSError) as error:
        st.error(escape(str(error)))
        return
    run_id, label = run.run_id, run.label
    with st.container(horizontal=True):
        for page in ("trajectories", "particle_types", "connectivity"):
            link(f"pages/{page}.py", run_id=run_id)
        link("pages/train.py", "Settings and curves", run_id)
    if run.stopped:
        st.warning(f"Training ended early: {escape(run.stopped)}.")
    elif run.info["divergences"]:
        st.warning(escape("; ".join(run.info["divergences"][:3])))
    if label.imported:
        st.caption("Imported: its numbers agree with each other; who trained it is not known.")
    with st.form(f"label-{run_id}", border=False):
        name = st.text_input(
            "Name", label.name, max_chars=NAME_LENGTH, placeholder=describe(run.config)
        )
        note = st.text_area("Note", label.note, max_chars=NOTE_LENGTH, height=80)
        pinned = st.checkbox(
            "Pin", label.pinned, help="A pinned run is never cleaned up, and cannot be deleted."
        )
        if st.form_submit_button("Save"):
            changes = {"name": name.strip(), "note": note.strip(), "pinned": pinned}
            attempt(lambda: edit_label(run_id, **changes), done="Saved.")
            st.rerun()
    with st.container(horizontal=True):
        st.download_button(
            "Export",
            lambda: export_bytes(get_run(run_id)),
            file_name=f"metanet-{run_id}.zip",
            mime="application/zip",
            key=f"export-{run_id}",
            help=f"The run as one file, {human(run_size(run))} before compression.",
        )
        st.button(
            "Delete",
            key=f"delete-{run_id}",
            disabled=run.bundled or label.pinned,
            help="It goes to the trash, from which it can be restored.",
            on_click=_delete,
            args=(run_id, run.name),
        )


def _delete(run_id: str, name: str) -> None:
    place = attempt(delete_run, run_id)
    if place is not None:
        st.session_state["runs_undo"] = (place, name)
        if state.get("run") == run_id:
            state.change(run=None)


def _job_actions(job: Job) -> None:
    if job.state == "running":
        progress = job.progress
        left = f", {duration(progress.remaining)} left" if progress and progress.remaining else ""
        text = f"Epoch {progress.epoch if progress else 0:,} of {job.config.epochs:,}{left}"
        st.progress(progress.share if progress else 0.0, text)
    elif job.state == "queued":
        st.info(f"Waiting in the queue, place {job.place}.")
    elif job.message:
        st.error(escape(job.message))
    elif job.state == "interrupted":
        st.warning("The process that trained this run is gone. It goes on from its checkpoint.")
    with st.container(horizontal=True, vertical_alignment="center"):
        link("pages/train.py", "Watch", job.run_id)
        active = job.state in ("running", "queued")
        if active:
            done = "It stops at the end of its epoch." if job.state == "running" else "Cancelled."
            _button("Cancel", job, lambda: cancel(job.run_id), done)
        else:
            again = "Resume" if job.resumable else "Retry"
            _button(again, job, lambda: resume(job.run_id), "Asked for again.")
            _button("Remove", job, lambda: forget(job.run_id), "Removed, with its checkpoint.")
    log = read_log(job.run_id)
    if log:
        with st.expander("Log", expanded=job.state == "failed"):
            st.code(log, language=None)


def _button(text: str, job: Job, action: Callable[[], Any], done: str) -> None:
    st.button(
        text,
        key=f"{text}-{job.run_id}",
        on_click=lambda: attempt(action, done=done),
    )


def _run_row(run: Run) -> dict[str, Any]:
    label = run.label
    accuracy, survivors = _lines(run.run_id, run.info["checksums"]["records.csv"])
    return {
        "Pinned": label.pinned,
        "Name": run.name,
        "State": _finished_state(run),
        "Accuracy": run.results["test_accuracy"],
        "Over epochs": accuracy,
        "Survivors": survivors,
        "Epochs": run.results["epochs"],
        "h": run.config.neurons,
        "Data": _data(run.config.dataset),
        "MB": run_size(run) / 1e6,
        "Trained": _time(run.info["finished"]),
        "Last used": _time(last_used(run.run_id)),
        "Note": label.note,
        "Run": run.run_id,
    }


def _finished_state(run: Run) -> str:
    if run.stopped:
        return "diverged"
    return "bundled" if run.bundled else "finished"


def _job_row(job: Job) -> dict[str, Any]:
    rows = job.progress.rows if job.progress else []
    accuracy, survivors = _thinned(pd.DataFrame(rows))
    place = f"place {job.place}" if job.place else ""
    return {
        "Pinned": False,
        "Name": describe(job.config),
        "State": job.state,
        "Accuracy": accuracy[-1] if accuracy else None,
        "Over epochs": accuracy,
        "Survivors": survivors,
        "Epochs": job.progress.epoch if job.progress else 0,
        "h": job.config.neurons,
        "Data": _data(job.config.dataset),
        "MB": None,
        "Trained": None,
        "Last used": _time(job.queued_at),
        "Note": job.message or place,
        "Run": job.run_id,
    }


@st.cache_data(max_entries=2000, show_spinner=False)
def _lines(run_id: str, checksum: str) -> tuple[list[float], list[float]]:
    """Sparklines of a run; empty ones if it cannot be read."""
    try:
        return _thinned(get_run(run_id).records)
    except (RunError, OSError):
        return [], []


def _thinned(records: pd.DataFrame) -> tuple[list[float], list[float]]:
    if not {"test_accuracy", *TYPES} <= set(records):
        return [], []
    rows = records.iloc[:: 1 + len(records) // POINTS]
    counts = rows[list(TYPES)].astype(float)
    survivors = 1 - count_replicators(counts) / counts.sum(axis=1)
    return rows["test_accuracy"].astype(float).tolist(), survivors.tolist()


def _title(entry: Run | Job) -> str:
    if isinstance(entry, Job):
        return f"{describe(entry.config)} · {entry.state} · {entry.run_id[:6]}"
    return f"{entry.name} · {percent(entry.results['test_accuracy'])} · {entry.run_id[:6]}"


def _data(dataset: str) -> str:
    return dataset.rstrip("/").rpartition("/")[2] or dataset


def _time(seconds: float) -> datetime.datetime | None:
    return datetime.datetime.fromtimestamp(seconds) if seconds else None
