"""The pages of the app, in one place, and the menu that leads to them."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from ui.state import address

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Entry:
    """A page: its file, its name in the menu, and its group there."""

    file: str
    label: str
    group: str


PAGES = (
    Entry("app.py", "Overview", "Look"),
    Entry("pages/connectivity.py", "Connectivity", "Look"),
    Entry("pages/particle_types.py", "Particle types", "Look"),
    Entry("pages/trajectories.py", "Trajectories", "Look"),
    Entry("pages/membership.py", "Membership", "Look"),
    Entry("pages/dropout_test.py", "Dropout test", "Question"),
    Entry("pages/explain.py", "Explain", "Question"),
    Entry("pages/pruning_lab.py", "Pruning lab", "Question"),
    Entry("pages/soup_lab.py", "Soup lab", "Question"),
    Entry("pages/research_log.py", "Research log", "Question"),
    Entry("pages/phase_map.py", "Phase map", "Question"),
    Entry("pages/compare.py", "Compare", "Question"),
    Entry("pages/train.py", "Train", "Manage"),
    Entry("pages/runs.py", "Runs", "Manage"),
)


def link(file: str, label: str | None = None, run_id: str | None = None, **view: str) -> None:
    """A link to a page that keeps the whole view in the address, of another run, or with other
    values, if they are given. Nothing if the page is not there, or if one page is run all by itself
    (``streamlit run pages/train.py``): there is nowhere to go."""
    entry = next((entry for entry in PAGES if entry.file == file), None)
    if entry is not None and (ROOT / file).exists():
        if run_id:
            view["run"] = run_id
        with contextlib.suppress(StreamlitPageNotFoundError):
            st.page_link(file, label=label or entry.label, query_params=address(**view))


def menu() -> None:
    """The menu in the side bar; every page shows the same one."""
    with st.sidebar:
        for group in dict.fromkeys(entry.group for entry in PAGES):
            st.caption(group)
            for entry in PAGES:
                if entry.group == group:
                    link(entry.file)
