"""The frame of every page: menu, title and question; and of every page about a run: which run, at
which epoch and epsilon, and the strip of its numbers there.

A page begins with :func:`page`, asks :func:`workbench` for the view it is about, says its finding
in a sentence, and shows figures with :func:`show`.
"""

from __future__ import annotations

import html

import streamlit as st

from srnn.jobs import read_job
from srnn.store import Run, RunError, get_run, is_run_id, list_runs
from srnn.tasks import DataError, resolve
from srnn.vocabulary import GLOSSARY, count_replicators, count_types
from ui import cached, choices, state
from ui.charts import dark, show
from ui.memory import settle
from ui.menu import link, menu
from ui.state import View
from ui.text import escape, percent

__all__ = ["View", "page", "show", "strip", "workbench"]

APP = "MetaNet lab"
ABOUT = "Networks whose connections are networks that replicate themselves."

STYLE = """
dl.strip {display: flex; flex-wrap: wrap; gap: 0.25rem 1.75rem; margin: 0; padding: 0}
.strip dt, .strip small {font-size: 0.875rem; font-weight: 400; opacity: 0.85}
.strip dd {font-size: 1.25rem; margin: 0}
.strip abbr {text-decoration: underline dotted; text-underline-offset: 0.2em; cursor: help}
@media (max-width: 640px) {
  dl.strip {gap: 0 0.75rem}
  .strip div {display: flex; gap: 0.3rem; align-items: baseline}
  .strip dd {font-size: 1rem; font-weight: 600}
}
"""
"""The strip: in one line, or as a few lines of text where the window is narrow."""
DARK = "[data-testid=stBaseButton-primary] p {color: #10141a}"
"""On the dark theme's light primary colour, Streamlit's white text could not be read."""


def page(title: str, question: str) -> None:
    """Begin a page: browser title, menu, heading, and the one question that it answers."""
    settle()
    st.set_page_config(
        page_title=title if title == APP else f"{title} · {APP}",
        page_icon="🕸️",
        layout="wide",
        initial_sidebar_state=200,
        menu_items={"Get help": None, "Report a bug": None, "About": ABOUT},
    )
    st.html(f"<style>{STYLE}{DARK if dark() else ''}</style>")
    state.restore()
    menu()
    st.title(title, anchor=False)
    st.markdown(question)


def workbench(*, with_data: bool = False, clock: bool = True) -> View:
    """The view that the page is about: controls for its run, epoch and epsilon, and the strip of
    its numbers. Without ``clock`` the page is about the end of training, whatever the epoch.

    Ends the page with a plain message where there is no run, or the address names one that is
    unknown, damaged or not finished; ``with_data`` also where its data set is not what it was.
    """
    runs = {run.run_id: run for run in list_runs()}
    asked = state.get("run") or next(iter(runs), None)
    if asked is None:
        st.info("No run is there yet. Train one; a quick one takes a few seconds.")
        link("pages/train.py", "Train a MetaNet")
        st.stop()
    controls = st.container(horizontal=True, vertical_alignment="bottom")
    with controls:
        _picker(runs, asked)
    if asked not in runs:
        _explain(asked)
        st.stop()
    if not state.get("run"):
        state.change(run=asked)
    view = _open(asked)
    if not clock:
        view = View(view.run, len(view.run.snapshot_epochs) - 1, view.epsilon, view.picked)
    with controls:
        if clock:
            choices.epoch(view)
        choices.epsilon(view)
    strip(view)
    if with_data:
        _check_data(view.run)
    return view


def strip(view: View) -> None:
    """The numbers of a run at the epoch and epsilon of the view, above every finding about it."""
    run, codes = view.run, cached.codes(view.run.run_id, view.epsilon)[view.index]
    types = count_types(codes)
    left = codes.size - count_replicators(types)
    accuracy = run.records.set_index("epoch")["test_accuracy"].get(view.epoch)
    cells = (
        (percent(accuracy), "Test accuracy", "accuracy", ""),
        (
            f"{codes.size - left:,}",
            "Replicators",
            "replicator",
            f"{types['zero']:,} zero + {types['identity']:,} identity",
        ),
        (f"{left:,}", "Survivors", "survivor", f"of {codes.size:,} particles"),
        (f"{view.epoch:,}", "Epoch", "snapshot", f"of {run.config.epochs:,}"),
        (f"{view.epsilon:.0e}", "Epsilon", "epsilon", ""),
    )
    parts = (
        f"<div><dt><abbr title='{html.escape(MEANING[word], quote=True)}'>{name}</abbr></dt>"
        f"<dd>{value} <small>{about}</small></dd></div>"
        for value, name, word, about in cells
    )
    st.html(f"<dl class='strip'>{''.join(parts)}</dl>")
    if run.stopped:
        st.warning(
            f"Training ended early: {escape(run.stopped)}. The figures show what was recorded."
        )


MEANING = GLOSSARY | {"accuracy": "Share of the test images answered rightly, by all particles."}


def _check_data(run: Run) -> None:
    try:
        resolve(run.config)
    except DataError as error:
        st.error(
            f"This page asks the network about its data: {escape(str(error))}. Put the run's data "
            "back in that place, or choose another run above."
        )
        st.stop()


def _picker(runs: dict[str, Run], chosen: str) -> None:
    st.selectbox(
        "Run",
        list(runs),
        format_func=lambda run_id: _label(runs[run_id]),
        placeholder="Choose a run",
        label_visibility="collapsed",
        width=440,
        help="The finished run that this page shows. The address of the page names it too.",
        **state.bound("run", chosen if chosen in runs else None, None),
    )


def _label(run: Run) -> str:
    mark = " (bundled)" if run.bundled else ""
    return f"{run.name}{mark} · {percent(run.results['test_accuracy'])} · {run.run_id[:6]}"


def _open(run_id: str) -> View:
    """The view of a run whose tables and weights can be read; or the reason why not."""
    try:
        view = state.view_of(get_run(run_id))
        _ = view.run.records, cached.codes(run_id, view.epsilon)
    except (RunError, OSError) as error:
        st.error(f"{escape(str(error))}\n\nChoose another run above, or train this one again.")
        link("pages/train.py", "Open Train")
        st.stop()
    return view


def _explain(asked: str) -> None:
    """Say why the run that was asked for cannot be shown."""
    job = read_job(asked) if is_run_id(asked) else None
    if job is not None:
        epoch = job.progress.epoch if job.progress else 0
        st.info(
            f"Run {asked} is not finished: {job.state}, epoch {epoch} of {job.config.epochs}. "
            "It can be looked at here as soon as it is."
        )
        link("pages/train.py", "Watch its training")
        return
    st.error(
        f"There is no run {escape(asked[:40])} here. Check the address, choose another run above, "
        "or train it."
    )
    link("pages/train.py", "Train a MetaNet")
