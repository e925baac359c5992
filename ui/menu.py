"""The pages of the app, in one place, and the menu that leads to them."""

import contextlib

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from ui.state import address

PAGES = {
    "Look": {
        "app.py": "Overview",
        "pages/connectivity.py": "Connectivity",
        "pages/particle_types.py": "Particle types",
        "pages/trajectories.py": "Trajectories",
        "pages/membership.py": "Membership",
    },
    "Question": {
        "pages/dropout_test.py": "Dropout test",
        "pages/explain.py": "Explain",
        "pages/pruning_lab.py": "Pruning lab",
        "pages/soup_lab.py": "Soup lab",
        "pages/research_log.py": "Research log",
        "pages/phase_map.py": "Phase map",
        "pages/compare.py": "Compare",
    },
    "Manage": {"pages/train.py": "Train", "pages/runs.py": "Runs"},
}
"""The groups of the menu: their pages by file, with their names."""
LABELS = {file: label for pages in PAGES.values() for file, label in pages.items()}


def link(file: str, label: str | None = None, run_id: str | None = None, **view: str) -> None:
    """A link to a page that keeps the whole view in the address, of another run, or with other
    values, if they are given. Nothing if one page is run all by itself (``streamlit run
    pages/train.py``): there is nowhere to go."""
    if run_id:
        view["run"] = run_id
    with contextlib.suppress(StreamlitPageNotFoundError):
        st.page_link(file, label=label or LABELS[file], query_params=address(**view))


def menu() -> None:
    """The menu in the side bar; every page shows the same one."""
    with st.sidebar:
        for group, pages in PAGES.items():
            st.caption(group)
            for file in pages:
                link(file)
