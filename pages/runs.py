"""Runs: all runs and jobs, what they take on disk, and what can be done with them."""

import streamlit as st

from srnn.estimate import human
from srnn.jobs import ensure_workers, last_words, list_jobs
from srnn.store.space import space
from ui.frame import page
from ui.menu import link
from ui.runs import actions, attempt, filtered, overview, said, show_table
from ui.storage import damaged, disk_strip, importer, settings, trash, undo

POLL = 2.0
"""Seconds between two looks at the jobs, while there is one under way."""

page("Runs", "All finished runs and unfinished jobs, and what can be done with them.")
said()
if "runs_chosen_next" in st.session_state:
    st.session_state["runs_chosen"] = st.session_state.pop("runs_chosen_next")
elif "runs_chosen" not in st.session_state:
    st.session_state["runs_chosen"] = st.query_params.get("run")


def jobs_now() -> list[tuple[str, str]]:
    """The jobs and their states: when this changes, the page is shown again."""
    return [(job.run_id, job.state) for job in list_jobs()]


def look(before: list[tuple[str, str]]) -> None:
    """Say what is under way; start a worker if one is missing."""
    attempt(ensure_workers)
    said()
    if jobs_now() != before:
        st.rerun()
    jobs = [job for job in list_jobs() if job.state == "running"]
    for job in jobs:
        progress = job.progress
        epoch = progress.epoch if progress else 0
        st.progress(
            progress.share if progress else 0.0,
            f"{job.run_id[:6]}: epoch {epoch:,} of {job.config.epochs:,}",
        )


before = jobs_now()
states = [state for _, state in before]
active = any(state in ("running", "queued") for state in states)
table, entries = overview()
used = space()
st.markdown(
    f"**{len(entries) - len(before):,}** finished runs; **{states.count('running')}** jobs are "
    f"being trained, **{states.count('queued')}** wait. The cache takes **{human(used.total)}**."
)
st.fragment(look, run_every=POLL if active else None)(before)
damaged()
undo()
if "queued" in states and (words := last_words()):
    st.warning("A worker died instead of training what is queued. It said:")
    st.code(words, language=None)

if table.empty:
    st.info("Nothing has been trained yet. A quick run takes a few seconds.")
    link("pages/train.py", "Train a MetaNet")
else:
    show_table(filtered(table))
    actions(entries)

st.subheader("Disk", anchor=False)
disk_strip(used)
left, middle, right = st.columns(3, gap="large")
with left, st.expander("Import a run"):
    importer()
with middle, st.expander("Trash"):
    trash()
with right, st.expander("Settings of this cache"):
    settings()
