"""The lists of the first page: presets to start from, and finished runs to look at."""

from __future__ import annotations

import streamlit as st

from srnn.presets import PRESETS
from srnn.store import find_run, list_runs
from srnn.vocabulary import count_replicators
from ui.menu import link
from ui.settings import load, settings
from ui.text import escape, percent

SHOWN = 8
"""Runs on the first page; the rest is on the page Runs."""


def presets() -> None:
    """A card per preset: what it shows, its finished run if there is one, and a button that opens
    Train with its settings."""
    st.subheader("Presets", anchor=False)
    with st.container(horizontal=True):
        for name, preset in PRESETS.items():
            with st.container(border=True, width=276, height=176):
                st.markdown(f"**{preset.title}**")
                st.caption(preset.about)
                with st.container(horizontal=True, vertical_alignment="center"):
                    if st.button("Open in Train", key=f"preset-{name}"):
                        settings()
                        load(preset.config, name)
                        st.session_state.pop("job_id", None)
                        st.switch_page("pages/train.py")
                    run = find_run(preset.config.run_id)
                    if run is not None:
                        link("pages/connectivity.py", "See its run", run.run_id)


def runs() -> None:
    """The newest finished runs, each a link to its network."""
    st.subheader("Finished runs", anchor=False)
    found = list_runs()
    if not found:
        st.info("No run is there yet. Open the quick preset: it trains in seconds.")
    for run in found[:SHOWN]:
        types = run.results["types"]
        with st.container(horizontal=True, vertical_alignment="center"):
            link("pages/connectivity.py", escape(run.name), run.run_id)
            st.caption(
                f"accuracy {percent(run.results['test_accuracy'])}, "
                f"{count_replicators(types):,} replicators ({types['zero']:,} zero + "
                f"{types['identity']:,} identity)"
                + (", bundled" if run.bundled else "")
                + (", stopped early" if run.stopped else "")
            )
    if len(found) > SHOWN:
        link("pages/runs.py", f"All {len(found)} runs")
