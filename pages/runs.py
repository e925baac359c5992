"""Runs: all runs and jobs, what they take on disk, and what can be done with them."""

import streamlit as st

from srnn.files import human
from srnn.runs import Run, ensure_workers, last_words, list_all, list_jobs
from srnn.runs.space import space
from ui.frame import page
from ui.live import attempt, said, state_text
from ui.menu import link
from ui.runs import Entries, actions, filtered, marked_actions, show_table
from ui.storage import damaged, disk_strip, importer, settings, trash, undo
from ui.text import escape, many

POLL = 2.0
"""Seconds between two looks at the jobs, while there is one under way."""

page("Runs", "All finished runs and unfinished jobs, and what can be done with them.")
said()
if "runs_chosen_next" in st.session_state:
    st.session_state["runs_chosen"] = st.session_state.pop("runs_chosen_next")
elif "runs_chosen" not in st.session_state:
    st.session_state["runs_chosen"] = st.query_params.get("run")


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
