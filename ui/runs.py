"""The Runs page: what its table shows, and what can be done with a run or a job."""

import datetime
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from srnn.config import RunConfig
from srnn.figures.style import percent
from srnn.files import human
from srnn.runs import Job, Run, RunError, forget, get_run, resume
from srnn.runs.labels import NAME_LENGTH, NOTE_LENGTH, edit_label, labelled, last_used
from srnn.runs.share import export_bytes
from srnn.runs.space import delete_run
from srnn.vocabulary import TYPES, count_replicators
from ui import state
from ui.charts import download
from ui.live import attempt, job_state
from ui.menu import link
from ui.text import escape, many

POINTS = 40
"""Points of a sparkline at most."""

SHOWN = 100
"""Rows of the table at a time."""

KINDS = {
    "Finished": ("finished", "bundled", "imported"),
    "Under way": ("running", "queued"),
}
OTHER = "Stopped or failed"
"""What the table can be narrowed to, by states."""

COLUMNS: dict[str, Any] = {
    "Pinned": st.column_config.CheckboxColumn("Pin", width=40),
    "Name": st.column_config.TextColumn(width="large"),
    "State": "State",
    "Accuracy": st.column_config.NumberColumn(
        format="%.1f %%", help="Test accuracy, at the end or so far."
    ),
    "Over epochs": st.column_config.LineChartColumn(
        "Accuracy by epoch", y_min=0.0, y_max=1.0, color="grey", help="Test accuracy, 0 to 1."
    ),
    "Replicators": st.column_config.NumberColumn(help="Zero and identity particles at the end."),
    "Left": st.column_config.NumberColumn("Survivors", help="All other particles at the end."),
    "Survivors": st.column_config.LineChartColumn(
        "Survivors by epoch",
        y_min=0.0,
        y_max=1.0,
        color="grey",
        help="Share of the particles that are no replicators, 0 to 1.",
    ),
    **{name: name for name in ("Epochs", "h")},
    "Alpha": st.column_config.NumberColumn(format="%g", help="Weight of self-replication."),
    **{name: name for name in ("Seed", "Data")},
    "MB": st.column_config.NumberColumn(format="%.1f", help="Size on disk."),
    "Trained": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
    "Last used": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
    **{name: name for name in ("Note", "Run")},
}
"""The columns of the table, in order."""

Entries = dict[str, Run | Job]
"""Runs and jobs by their ids."""


def filtered(entries: Entries) -> list[str]:
    """The ids that the visitor asks for with the filters above the table, :data:`SHOWN` at most."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kinds = ["All", *KINDS, OTHER]
        kind = st.segmented_control("Show", kinds, default="All", key="runs_kind", required=True)
        datasets = sorted({_data(entry.config) for entry in entries.values()})
        chosen = st.multiselect("Data", datasets, key="runs_data", placeholder="All data sets")
        text = st.text_input("Search", key="runs_search", placeholder="Name, note or run id")
        sheet = st.empty()
    named = labelled()
    ids = [
        key
        for key, entry in entries.items()
        if kind in ("All", _kind(entry))
        and (not chosen or _data(entry.config) in chosen)
        and (not text or text.lower() in _words(entry, named))
    ]
    sheets = -(-len(ids) // SHOWN)
    first = 0
    if sheets > 1:
        label = f"Sheet, of {sheets}"
        first = SHOWN * (int(sheet.number_input(label, 1, sheets, width=110)) - 1)
    return ids[first : first + SHOWN]


def _kind(entry: Run | Job) -> str:
    state = _state(entry)
    return next((kind for kind, states in KINDS.items() if state in states), OTHER)


def show_table(ids: list[str], entries: Entries) -> None:
    """The table of some entries; a click on a row chooses it, and several rows can be marked. Other
    rows are another table: a selection is a position, and must not slip to the run that takes a
    deleted one's place."""
    key = f"runs_table_{hash(tuple(ids))}"
    rows = [_row(entries[entry_id]) for entry_id in ids]
    st.dataframe(
        pd.DataFrame(rows, columns=list(COLUMNS)),
        hide_index=True,
        column_config=COLUMNS,
        key=key,
        on_select=lambda: _clicked(key, ids),
        selection_mode=["multi-row", "single-cell"],
        placeholder="–",
        height=min(36 * (len(rows) + 1) + 2, 470),
    )


def _clicked(key: str, ids: list[str]) -> None:
    selection = st.session_state[key]["selection"]
    marked = [ids[row] for row in selection["rows"] if row < len(ids)]
    cells = [ids[row] for row, _ in selection.get("cells", ()) if row < len(ids)]
    st.session_state["runs_marked"] = marked
    if marked or cells:
        st.session_state["runs_chosen"] = (cells or marked[-1:])[0]


def marked_actions(entries: Entries) -> None:
    """What can be done with several marked runs at once."""
    marked = [one for one in st.session_state.get("runs_marked", ()) if one in entries]
    runs = [run for run in map(entries.__getitem__, marked) if isinstance(run, Run)]
    if len(runs) < 2:
        return
    gone = [run for run in runs if not run.bundled and not run.label.pinned]
    with st.container(horizontal=True, vertical_alignment="center"):
        ids = ",".join(run.run_id for run in runs)
        link("pages/compare.py", f"Compare these {len(runs)} runs", compared=ids)
        st.button(
            f"Delete {many(len(gone), 'run')}",
            key="delete-marked",
            disabled=not gone,
            help="All marked ones that are neither bundled nor pinned go to the trash.",
            on_click=_delete_all,
            args=(gone,),
        )


def actions(ids: list[str], entries: Entries) -> None:
    """Choose one of the table's entries, and do something with it."""
    chosen = st.session_state.get("runs_chosen")
    chosen = chosen if chosen in entries else None
    st.session_state["runs_chosen"] = chosen  # also after a new name, which changes the options
    entry_id = st.selectbox(
        "Run or job",
        ids if chosen in (None, *ids) else [chosen, *ids],
        index=None,
        format_func=lambda entry_id: _title(entries[entry_id]),
        key="runs_chosen",
        placeholder="Choose one here, or click its row",
    )
    if entry_id is None:
        return
    entry = entries[entry_id]
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
    elif run.record.divergences:
        st.warning(escape("; ".join(run.record.divergences[:3])))
    st.caption(escape(run.origin))
    with st.form(f"label-{run_id}", border=False):
        name = st.text_input("Name", label.name, max_chars=NAME_LENGTH, placeholder=run.description)
        note = st.text_area("Note", label.note, max_chars=NOTE_LENGTH, height=80)
        pinned = st.checkbox(
            "Pin", label.pinned, help="A pinned run is never cleaned up, and cannot be deleted."
        )
        if st.form_submit_button("Save"):
            changes = {"name": name.strip(), "note": note.strip(), "pinned": pinned}
            attempt(lambda: edit_label(run_id, **changes), done="Saved.")
            st.rerun()
    with st.container(horizontal=True):
        download(
            "Export",
            lambda: export_bytes(get_run(run_id)),
            f"metanet-{run_id}.zip",
            f"The run as one file, {human(run.size)} before compression.",
        )
        st.button(
            "Delete",
            key=f"delete-{run_id}",
            disabled=run.bundled or label.pinned,
            help="It goes to the trash, from which it can be restored.",
            on_click=_delete,
            args=(run_id, run.name),
        )


def _delete_all(runs: list[Run]) -> None:
    for run in runs:
        _delete(run.run_id, run.name)


def _delete(run_id: str, name: str) -> None:
    place = attempt(delete_run, run_id)
    if place is not None:
        st.session_state["runs_undo"] = (place, name)
        if state.get("run") == run_id:
            state.change(run=None)


def _job_actions(job: Job) -> None:
    job_state(job, key=job.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        if job.config is not None:
            link("pages/train.py", "Watch", job.id)
        if not job.active:
            again = "Resume" if job.resumable else "Retry"
            _button(again, job, resume, "Asked for again.")
            _button("Remove", job, forget, "Removed, with its checkpoint.")


def _button(text: str, job: Job, action: Callable[[str], Any], done: str) -> None:
    st.button(text, key=f"{text}-{job.id}", on_click=lambda: attempt(action, job.id, done=done))


def _row(entry: Run | Job) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {
        "Name": entry.title if isinstance(entry, Job) else entry.name,
        "State": _state(entry),
        "Data": _data(entry.config),
    }
    if entry.config:
        row |= {"h": entry.config.neurons, "Alpha": entry.config.alpha, "Seed": entry.config.seed}
    if isinstance(entry, Job):
        records = pd.DataFrame(entry.progress.rows if entry.progress else [])
        accuracy, survivors = _thinned(records)
        return row | {
            "Pinned": False,
            "Accuracy": 100 * accuracy[-1] if accuracy else None,
            "Over epochs": accuracy,
            "Survivors": survivors,
            "Epochs": entry.progress.done if entry.progress and entry.config else None,
            "Last used": _time(entry.request.at),
            "Note": entry.message or (f"place {entry.place}" if entry.place else ""),
            "Run": entry.id,
        }
    label, record = entry.label, entry.record
    accuracy, survivors = _lines(entry, record.seal)
    replicators = count_replicators(record.results.types)
    return row | {
        "Pinned": label.pinned,
        "Accuracy": 100 * record.results.test_accuracy,
        "Over epochs": accuracy,
        "Survivors": survivors,
        "Replicators": replicators,
        "Left": record.particles - replicators,
        "Epochs": record.results.epochs,
        "MB": entry.size / 1e6,
        "Trained": _time(entry.finished),
        "Last used": _time(last_used(entry.run_id)),
        "Note": label.note,
        "Run": entry.run_id,
    }


def _state(entry: Run | Job) -> str:
    if isinstance(entry, Job):
        return entry.state
    if entry.stopped:
        return "diverged"
    return "bundled" if entry.bundled else "imported" if entry.record.imported else "finished"


def _words(entry: Run | Job, named: set[str]) -> str:
    """What a search looks into; ``named`` are the runs that have a label."""
    if isinstance(entry, Job):
        return f"{entry.title} {entry.message} {entry.id}".lower()
    if entry.run_id not in named:
        return f"{entry.description} {entry.run_id}".lower()
    return f"{entry.name} {entry.label.note} {entry.run_id}".lower()


@st.cache_data(max_entries=5000, show_spinner=False)
def _lines(_run: Run, seal: str) -> tuple[list[float], list[float]]:
    """Sparklines of a run; empty ones if it cannot be read."""
    try:
        return _thinned(_run.records)
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
        return f"{entry.title} · {entry.state} · {entry.id[:6]}"
    return f"{entry.name} · {percent(entry.record.results.test_accuracy)} · {entry.run_id[:6]}"


def _data(config: RunConfig | None) -> str:
    dataset = config.dataset if config else ""
    return dataset.rstrip("/").rpartition("/")[2] or dataset


def _time(seconds: float) -> datetime.datetime | None:
    return datetime.datetime.fromtimestamp(seconds) if seconds else None
