"""The head of every page about a run: which one, at which epoch and epsilon, and its numbers."""

import streamlit as st

from srnn.analysis.connectivity import ALL
from srnn.figures.style import percent
from srnn.runs import Run, RunError, get_run, list_runs
from srnn.tasks import DataError, resolve
from srnn.vocabulary import count_types
from ui import album, cached, choices, state
from ui.charts import browser_found, download
from ui.frame import strip
from ui.live import training
from ui.menu import link
from ui.stage import film_button
from ui.state import View
from ui.text import escape


def workbench(*, with_data: bool = False, clock: bool = True, staged: bool = False) -> View:
    """The view that the page is about: controls for its run, epoch and epsilon, and the strip of
    its numbers. Without ``clock`` the page is about the end of training, whatever the epoch; one
    with the stage (``staged``) chooses epoch and epsilon there.

    Ends the page with a plain message where there is no run, or the address names one that is
    unknown, damaged or not finished; ``with_data`` also where its data set is not what it was.
    """
    runs = {run.run_id: run for run in list_runs()}
    whole = (run_id for run_id, run in runs.items() if not run.stopped)
    asked = state.get("run") or state.get("base") or next(whole, next(iter(runs), None))
    if asked is None:
        st.info("No run is there yet. Train one; a quick one takes a few seconds.")
        link("pages/train.py", "Train a MetaNet")
        st.stop()
    controls = st.container(horizontal=True, vertical_alignment="bottom")
    with controls:
        st.selectbox(
            "Run",
            list(runs),
            format_func=lambda run_id: _label(runs[run_id]),
            placeholder="Choose a run",
            label_visibility="collapsed",
            width=350,
            help="The finished run that this page shows. The address of the page names it too.",
            **state.bound("run", asked if asked in runs else None, None),
        )
    if asked not in runs:
        _explain(asked)
        st.stop()
    if not state.get("run"):
        state.change(run=asked)
    view = _open(asked)
    if not clock:
        view = View(view.run, len(view.run.snapshot_epochs) - 1, view.epsilon, view.picked)
    with controls:
        if clock and not staged:
            choices.epoch(view)
        if not staged:
            choices.epsilon(view)
        if clock:
            choices.settle(view)
    accuracy = view.run.records.set_index("epoch")["test_accuracy"].get(view.epoch)
    if view.settled:
        accuracy = cached.pruned(view, ALL)["before"]
    strip(
        accuracy,
        count_types(view.codes),
        view.epoch,
        view.run.config.epochs,
        view.epsilon,
        view.settled,
    )
    if view.run.stopped:
        st.warning(
            f"Training ended early: {escape(view.run.stopped)}. The figures show what was recorded."
        )
    with st.sidebar:
        download(
            "All figures (zip)",
            lambda: album.album(view),
            f"figures-{view.file}.zip",
            "Every figure of this run at this epoch and epsilon: PNG, SVG and PDF, captions, data. "
            "Takes about a minute.",
            disabled=not browser_found(),
        )
        film_button(view)
    try:
        if with_data:
            resolve(view.run.config)
    except DataError as error:
        st.error(
            f"This page asks the network about its data: {escape(str(error))}. Put the run's data "
            "back in that place, or choose another run above."
        )
        st.stop()
    return view


def _label(run: Run) -> str:
    mark = " (bundled)" if run.bundled else ""
    return f"{run.name}{mark} · {percent(run.record.results.test_accuracy)} · {run.run_id[:6]}"


def _open(run_id: str) -> View:
    """The view of a run whose tables and weights can be read; or the reason why not."""
    try:
        view = state.view_of(get_run(run_id))
        _ = view.run.records, view.codes
    except (RunError, DataError, OSError) as error:
        st.error(f"{escape(str(error))}\n\nChoose another run above, or train this one again.")
        link("pages/train.py", "Open Train")
        st.stop()
    return view


def _explain(asked: str) -> None:
    """Say why the run that was asked for cannot be shown."""
    job = training(asked)
    if job is not None:
        how_far = f", {job.progress.done} of {job.progress.total} epochs" if job.progress else ""
        st.info(
            f"Run {asked} is not finished: {job.state}{how_far}. "
            "It can be looked at here as soon as it is."
        )
        link("pages/train.py", "Watch its training")
        return
    st.error(
        f"There is no run {escape(asked[:40])} here. Check the address, choose another run above, "
        "or train it."
    )
    link("pages/train.py", "Train a MetaNet")
