"""Compare: any runs beside each other, with bands over seeds and what differs in their settings."""

from collections.abc import Iterable
from typing import Any

import pandas as pd
import streamlit as st

from srnn.figures.style import percent
from srnn.runs import Run, get_run, list_runs
from srnn.runs.run import differences as made_with
from srnn.sweeps.library import list_sweeps
from srnn.sweeps.report import comparison_report, curves, differences, groups_of, outcome, records
from srnn.vocabulary import LABELS
from ui import state
from ui.charts import download, show
from ui.frame import page
from ui.stage import pair
from ui.state import View
from ui.text import escape, many

LINES = 40
"""Settings that are drawn; the tables and the report's commands have all of them."""

COLUMNS: dict[str, Any] = {
    "run_id": "Run",
    "name": "Name",
    "epochs": "Epochs",
    "test_accuracy": st.column_config.NumberColumn("Test accuracy", format="%.1f %%"),
    "replicators": "Replicators",
    **LABELS,
}

page("Compare", "What differs between runs, in their settings and in what came out?")
runs: dict[str, Run] = {run.run_id: run for run in list_runs()}
sweeps = {kept.plan.name: kept for kept in list_sweeps() if not kept.bundled}


def take_sweep() -> None:
    """The chosen sweep becomes what is compared."""
    state.change(compared=st.session_state["of_sweep"])


def here(run_ids: Iterable[str]) -> list[str]:
    """Those of the runs that are in this cache."""
    return [run_id for run_id in run_ids if run_id in runs]


def side_by_side(compared: list[Run]) -> None:
    """Two of the runs on stages with one clock."""
    names = {run.run_id: f"{run.name} ({run.run_id[:6]})" for run in compared}
    both = []
    for column, side, index in zip(st.columns(2), ("Left", "Right"), (0, 1), strict=True):
        run_id = column.selectbox(side, list(names), index, format_func=names.__getitem__)
        both.append(get_run(run_id))
    pair(*(View(run, len(run.snapshot_epochs) - 1, state.epsilon()) for run in both))


asked = state.get("compared")
of_sweep = here(sweeps[asked].table.get("run_id", ())) if asked in sweeps else []
chosen: list[str] = st.multiselect(
    "Runs",
    list(runs),
    format_func=lambda run_id: f"{runs[run_id].name} ({run_id[:6]})",
    help="Runs that differ only in their seeds are one line with a band.",
    placeholder="Choose two runs or more",
    **state.bound("compared", here(asked.split(",")), [], ",".join),
)
if sweeps:
    st.session_state["of_sweep"] = asked if asked in sweeps else None
    st.selectbox(
        "Or all runs of a sweep",
        list(sweeps),
        format_func=lambda name: f"{sweeps[name].title} ({name[:6]})",
        key="of_sweep",
        on_change=take_sweep,
        help="Those that are in this cache.",
    )
chosen = chosen or of_sweep
if not chosen:
    st.info("Choose runs above. Those that differ only in their seeds become one line with a band.")
    st.stop()
compared = [get_run(run_id) for run_id in chosen]
table, settings = outcome(compared), groups_of(compared)
best = table.iloc[int(table["test_accuracy"].argmax())]
st.markdown(
    f"{many(len(compared), 'run')}, {many(len(settings), 'setting')}. Highest test "
    f"accuracy: **{percent(best['test_accuracy'])}** ({escape(best['name'])}); replicators: "
    f"{table['replicators'].min():,} to {table['replicators'].max():,}, each at its last epoch and "
    "epsilon 1e-05."
)
st.header("What came out", anchor=False)
shown = table.assign(test_accuracy=100 * table["test_accuracy"])
st.dataframe(shown, hide_index=True, column_config=COLUMNS)
st.header("What differs", anchor=False)
different = differences(compared)
if different.empty:
    st.markdown("Nothing: all settings are the same.")
else:
    st.dataframe(different)
made = {text for other in compared[1:] for text in made_with(compared[0], other)}
if made:
    st.warning(
        "They were not trained with the same things, so small differences may come from there: "
        f"{escape('; '.join(sorted(made)))}."
    )
download(
    "Report (HTML)",
    lambda: comparison_report(compared),
    "comparison.html",
    "All of this page as one file that needs nothing else, with the commands that make it again.",
)
if len(compared) > 1:
    st.header("Side by side, on one clock", anchor=False)
    st.fragment(side_by_side)(compared)
st.header("Over the epochs", anchor=False)
drawn = [run for _, members in settings[:LINES] for run in members]
if len(settings) > LINES:
    st.caption(f"The first {LINES} of {len(settings):,} settings; the tables above have all.")
for title, figure in curves(drawn):
    show(
        figure,
        lambda: pd.concat(records(run).assign(run=run.run_id) for run in drawn),
        f"compare-{title}",
        alt=f"{title} over the epochs, one line for each setting, with bands over seeds",
    )
