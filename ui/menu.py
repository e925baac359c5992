"""The pages of the app, in one place, and the menu that leads to them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Entry:
    """A page: its file, its name in the menu, and the question it answers."""

    file: str
    label: str
    about: str


PAGES = (
    Entry("app.py", "Overview", "What a MetaNet is, and where to start."),
    Entry("pages/train.py", "Train", "Train a MetaNet, or load the run that is there."),
    Entry("pages/trajectories.py", "Trajectories", "How do the particles' weights move?"),
    Entry("pages/particle_types.py", "Particle types", "Which particles replicate, and when?"),
    Entry("pages/connectivity.py", "Connectivity", "Which connections survive?"),
    Entry("pages/membership.py", "Membership", "Which particle sits where, and what is it worth?"),
    Entry("pages/dropout_test.py", "Dropout test", "Which particles does the task need?"),
    Entry("pages/explain.py", "Explain", "Where do the answers come from?"),
    Entry("pages/research_log.py", "Research log", "Every row of the log, run again."),
    Entry("pages/pruning_lab.py", "Pruning lab", "Replicators against rival pruning criteria."),
    Entry("pages/runs.py", "Runs", "All runs and jobs, and what can be done with them."),
)


def entries() -> list[Entry]:
    """The pages that are there."""
    return [entry for entry in PAGES if (ROOT / entry.file).exists()]


def link(file: str, label: str | None = None, run_id: str | None = None) -> None:
    """A link to a page that keeps the run in the address. Nothing if the page is not there, or if
    one page is run all by itself (``streamlit run pages/train.py``): there is nowhere to go."""
    entry = next((entry for entry in entries() if entry.file == file), None)
    if entry is not None:
        address = {"run": run_id} if run_id else None
        with contextlib.suppress(StreamlitPageNotFoundError):
            st.page_link(file, label=label or entry.label, query_params=address)


def menu(run_id: str | None) -> None:
    """The menu in the side bar; every page shows the same one. Its links keep the run that is
    looked at and the training that is watched."""
    job_id = st.session_state.get("job_id")
    with st.sidebar:
        for entry in entries():
            link(entry.file, run_id=job_id if entry.file == "pages/train.py" else run_id)
