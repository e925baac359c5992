"""Runs: all runs and jobs, what they take on disk, and what can be done with them."""

import os
from typing import Any

import streamlit as st

from srnn.files import human
from srnn.runs import Damaged, Run, ensure_workers, is_run_id, last_words, list_all, list_jobs
from srnn.runs.settings import change_settings, read_settings, worker_limit
from srnn.runs.share import import_run
from srnn.runs.space import Space, clean_up, empty_trash, list_trash, restore_run, space
from ui.frame import page
from ui.live import attempt, said, state_text
from ui.menu import link
from ui.runs import Entries, actions, filtered, marked_actions, show_table
from ui.text import escape, many

POLL = 2.0
"""Seconds between two looks at the jobs, while there is one under way."""


def look(before: list[tuple[str, str]]) -> None:
    """Say what is under way; start a worker if one is missing."""
    attempt(ensure_workers)
    said()
    jobs = list_jobs()
    if [(job.id, job.state) for job in jobs] != before:
        st.rerun()
    for job in jobs[:10]:
        if job.state == "running":
            share = job.progress.share if job.progress else 0.0
            st.progress(share, f"{escape(job.title)}: {state_text(job)}")


def disk_strip(used: Space) -> None:
    """What the cache takes, by kind."""
    cells = (
        ("Runs", used.runs, "Finished runs in the cache, without the bundled ones."),
        ("Unfinished", used.unfinished, "Checkpoints and logs of jobs that are not finished."),
        ("Trash", used.trash, "Deleted runs, and damaged ones set aside."),
        ("Free", used.free, "Free on the disk of the cache."),
        ("Limit", used.limit, "Size at which the runs used longest ago are removed."),
    )
    with st.container(horizontal=True, gap="medium"):
        for label, size, about in cells:
            value = "none" if size is None else human(size)
            st.metric(label, value, help=about, width="content")


def damaged(found: list[Damaged]) -> None:
    """Say what among the runs cannot be read, and why."""
    for one in found[:5]:
        st.warning(f"Not readable: **{escape(one.name)}**: {escape(one.reason)}.")
    if any(is_run_id(one.name) for one in found):
        st.caption(
            "A damaged run is set aside as soon as it is asked for, and can then be trained again."
        )
    if len(found) > 5:
        st.warning(f"{len(found) - 5:,} more cannot be read; `python -m srnn runs` names some.")


def undo() -> None:
    """The run that was just deleted, and the way back."""
    place, name = st.session_state.get("runs_undo", ("", ""))
    if not place:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Deleted: {escape(name)}")
        st.button("Undo", key="undo_delete", on_click=_restore, args=(place,))


def trash() -> None:
    """The deleted runs, to restore or to remove for good."""
    found = list_trash()
    for one in found[:20]:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(escape(one.name))
            st.button("Restore", key=f"restore-{one.place}", on_click=_restore, args=(one.place,))
    if len(found) > 20:
        st.caption(f"and {len(found) - 20:,} more")
    st.button(
        "Empty the trash",
        key="empty_trash",
        help="Removes deleted and damaged runs for good.",
        on_click=lambda: attempt(empty_trash, done="The trash is empty."),
    )


def _restore(place: str) -> None:
    attempt(restore_run, place, done="Restored.")
    if st.session_state.get("runs_undo", ("",))[0] == place:
        del st.session_state["runs_undo"]


def importer() -> None:
    """Take a shared run in."""
    file = st.file_uploader(
        "A run that was exported here or elsewhere",
        type="zip",
        key="import_file",
        help="Everything in it is checked before anything is written.",
    )
    if file is not None and st.button("Import", key="import_run", type="primary"):
        with st.spinner("Checking everything in it"):
            imported = attempt(import_run, file)
        if imported is not None:
            what = "was here already" if imported.existed else "is imported"
            st.session_state["said"] = ("done", f"{imported.run.name} {what}.")
            st.session_state["runs_chosen_next"] = imported.run.run_id
        st.rerun()


def settings() -> None:
    """Jobs at once, and the size limit."""
    now = read_settings()
    fixed = [name for name in ("SRNN_JOBS", "SRNN_CACHE_LIMIT") if name in os.environ]
    with st.form("cache_settings", border=False):
        jobs = st.number_input(
            "Processes at once",
            1,
            256,
            worker_limit(background=True),
            help="Trainings, the log and comparisons together; what is more than that waits. "
            "By default one less than the cores.",
        )
        limit = st.number_input(
            "Size limit in GB (0: none)",
            0.0,
            100_000.0,
            (now.cache_limit or 0) / 1e9,
            step=1.0,
            help="Beyond it the runs used longest ago are removed; pinned ones stay.",
        )
        if st.form_submit_button("Save"):
            changes: dict[str, Any] = {"cache_limit": int(limit * 1e9) or None}
            if jobs != worker_limit(background=True):
                changes["jobs"] = int(jobs)
            attempt(lambda: change_settings(**changes), done="Saved.")
            st.rerun()
    if fixed:
        st.caption(f"Set in the environment, which takes precedence: {' and '.join(fixed)}.")
    st.button(
        "Clean up now",
        key="clean_up",
        help="Frees the trash, then the runs used longest ago, down to the limit.",
        on_click=_clean_up,
    )


def _clean_up() -> None:
    removed = attempt(clean_up)
    if removed is not None:
        st.session_state["said"] = ("done", f"{many(len(removed), 'run')} removed.")


page("Runs", "All finished runs and unfinished jobs, and what can be done with them.")
said()
if "runs_chosen_next" in st.session_state:
    st.session_state["runs_chosen"] = st.session_state.pop("runs_chosen_next")
elif "runs_chosen" not in st.session_state:
    st.session_state["runs_chosen"] = st.query_params.get("run")
runs, unreadable = list_all()
jobs = list_jobs()
before = [(job.id, job.state) for job in jobs]
states = [job.state for job in jobs]
entries: Entries = {job.id: job for job in jobs} | {run.run_id: run for run in runs}
used = space(runs)
st.markdown(
    f"**{many(sum(isinstance(one, Run) for one in entries.values()), 'finished run')}**; "
    f"jobs: **{states.count('running')}** running, **{states.count('queued')}** waiting. "
    f"The cache takes **{human(used.total)}**."
)
active = any(job.active for job in jobs)
st.fragment(look, run_every=POLL if active else None)(before)
damaged(unreadable)
undo()
if "queued" in states and (words := last_words()):
    st.warning("A worker died instead of doing what is queued. It said:")
    st.code(words, language=None)

if not entries:
    st.info("Nothing has been trained yet. A quick run takes a few seconds.")
    link("pages/train.py", "Train a MetaNet")
else:
    ids = filtered(entries)
    show_table(ids, entries)
    marked_actions(entries)
    actions(ids, entries)

st.header("Disk", anchor=False)
disk_strip(used)
left, middle, right = st.columns(3, gap="large")
with left, st.expander("Import a run"):
    importer()
with middle, st.expander("Trash"):
    trash()
with right, st.expander("Settings of this cache"):
    settings()
