"""The frame of every page: title and question, menu, run picker, the strip of figures.

A page begins with :func:`page`, asks :func:`pick_run` for the run it is about, says its finding in
a sentence, and shows figures with :func:`show`. The run is kept in the session (across pages) and
in the address (``?run=...``), which wins, so that a link opens what it was copied from.
"""

from __future__ import annotations

import streamlit as st

from srnn.jobs import read_job
from srnn.store import Run, RunError, get_run, is_run_id, list_runs
from srnn.tasks import DataError, resolve
from srnn.vocabulary import GLOSSARY, count_replicators
from ui import server
from ui.charts import show
from ui.memory import settle
from ui.menu import link, menu
from ui.text import escape, percent

__all__ = ["page", "pick_run", "show", "strip"]

APP = "MetaNet lab"
ABOUT = "Networks whose connections are networks that replicate themselves."


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
    menu(st.session_state.get("run_id") or _first_run())
    st.title(title, anchor=False)
    st.markdown(question)
    if server.alone():
        st.error("This is one page of the lab. Start the whole: `streamlit run app.py`.")
        st.stop()
    if server.only_looking():
        st.info(server.FORBIDDEN)


def _first_run() -> str | None:
    """The run of a visit's first page: the address's if it is finished, else the newest."""
    runs, asked = [run.run_id for run in list_runs()], st.query_params.get("run")
    return asked if asked in runs else next(iter(runs), None)


def pick_run(*, with_strip: bool = True, with_data: bool = False) -> Run:
    """The run that the page is about, chosen by the visitor; and the strip of its figures.

    Ends the page with a plain message where there is none, or the address names one that is
    unknown, damaged or not finished; ``with_data`` also where its data set is not what it was.
    """
    runs = {run.run_id: run for run in list_runs()}
    asked = st.query_params.get("run") or st.session_state.get("run_id")
    if asked is not None and asked not in runs:
        _explain(asked)
        asked = None
        if runs:
            _picker(runs, None)
        st.stop()
    if not runs:
        st.info("No run is there yet. Train one; a quick one takes a few seconds.")
        link("pages/train.py", "Train a MetaNet")
        st.stop()
    _picker(runs, asked or next(iter(runs)))
    run = _open(asked or next(iter(runs)))
    _remember(run.run_id)
    if with_strip:
        strip(run)
    if with_data:
        _check_data(run)
    return run


def _check_data(run: Run) -> None:
    try:
        resolve(run.config)
    except DataError as error:
        st.error(
            f"This page asks the network about its data: {escape(str(error))}. Put the run's data "
            "back in that place, or choose another run above."
        )
        st.stop()


def strip(run: Run) -> None:
    """The strip of figures that stands above every finding about a run."""
    types, results = run.results["types"], run.results
    total, replicators = run.info["particles"], count_replicators(types)
    cells = (
        ("Test accuracy", percent(results["test_accuracy"]), "Share of right answers at the end."),
        (
            "Replicators",
            f"{replicators:,} of {total:,}",
            f"{GLOSSARY['replicator']} {types['zero']:,} zero + {types['identity']:,} identity.",
        ),
        ("Zeros", f"{types['zero']:,}", GLOSSARY["zero"]),
        ("Survivors", f"{total - replicators:,} of {total:,}", GLOSSARY["survivor"]),
        ("Epochs", f"{results['epochs']:,} of {run.config.epochs:,}", "Done, of those asked for."),
    )
    with st.container(horizontal=True, gap="small"):
        for label, value, about in cells:
            st.metric(label, value, help=about, width="content")
    if run.stopped:
        st.warning(
            f"Training ended early: {escape(run.stopped)}. The figures show what was recorded."
        )


def _picker(runs: dict[str, Run], chosen: str | None) -> None:
    st.session_state["picked_run"] = chosen
    st.selectbox(
        "Run",
        list(runs),
        index=None,
        format_func=lambda run_id: _label(runs[run_id]),
        key="picked_run",
        on_change=_picked,
        placeholder="Choose a run",
        label_visibility="collapsed",
        help="The finished run that this page shows. The address of the page names it too.",
    )


def _picked() -> None:
    if st.session_state["picked_run"]:
        _remember(st.session_state["picked_run"])


def _remember(run_id: str) -> None:
    """Keep the run in the session, and in the address when it is a new choice: an address that is
    written at every visit would catch the browser's back button."""
    new = st.session_state.get("run_id") != run_id
    st.session_state["run_id"] = run_id
    if new and st.query_params.get("run") != run_id:
        st.query_params["run"] = run_id


def _label(run: Run) -> str:
    mark = " (bundled)" if run.bundled else ""
    return f"{run.name}{mark} · {percent(run.results['test_accuracy'])} · {run.run_id[:6]}"


def _open(run_id: str) -> Run:
    try:
        return get_run(run_id)
    except (RunError, OSError) as error:
        st.error(f"{escape(str(error))}\n\nChoose another run above, or train this one again.")
        link("pages/train.py", "Open Train")
        st.session_state.pop("run_id", None)
        st.stop()


def _explain(asked: str) -> None:
    """Say why the run that was asked for cannot be shown."""
    st.session_state.pop("run_id", None)
    job = read_job(asked) if is_run_id(asked) else None
    if job is not None:
        epoch = job.progress.epoch if job.progress else 0
        st.info(
            f"Run {asked} is not finished: {job.state}, epoch {epoch} of {job.config.epochs}. "
            "It can be looked at here as soon as it is."
        )
        link("pages/train.py", "Watch its training", asked)
        return
    st.error(
        f"There is no run {escape(asked[:40])} here. Check the address, choose another run below, "
        "or train it."
    )
    link("pages/train.py", "Train a MetaNet")
