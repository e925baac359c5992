"""Compare: any runs beside each other, with bands over seeds and what differs in their settings."""

import pandas as pd
import streamlit as st

from srnn.runs import Run, get_run, list_runs
from srnn.runs.run import differences as made_with
from srnn.sweeps.report import comparison_report, curves, differences, groups_of, outcome, records
from ui import state
from ui.charts import download
from ui.frame import page, show
from ui.text import escape, many, percent

page("Compare", "What differs between runs, in their settings and in what came out?")
runs: dict[str, Run] = {run.run_id: run for run in list_runs()}
asked = [run_id for run_id in state.get("compared").split(",") if run_id in runs]
chosen: list[str] = st.multiselect(
    "Runs",
    list(runs),
    format_func=lambda run_id: f"{runs[run_id].name} ({run_id[:6]})",
    help="Runs that differ only in their seeds are one line with a band.",
    max_selections=40,
    placeholder="Choose two runs or more",
    **state.bound("compared", asked, [], ",".join),
)
if not chosen:
    st.info("Choose runs above. Those that differ only in their seeds become one line with a band.")
    st.stop()
compared = [get_run(run_id) for run_id in chosen]
table = outcome(compared)
best = table.iloc[int(table["test_accuracy"].argmax())]
st.markdown(
    f"{many(len(compared), 'run')}, {many(len(groups_of(compared)), 'setting')}. Highest test "
    f"accuracy: **{percent(best['test_accuracy'])}** ({escape(best['name'])}); replicators: "
    f"{table['replicators'].min():,} to {table['replicators'].max():,}, each at its last epoch and "
    "epsilon 1e-05."
)
st.header("What came out", anchor=False)
st.dataframe(table, hide_index=True)
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
    "text/html",
    "All of this page as one file that needs nothing else, with the commands that make it again.",
)
st.header("Over the epochs", anchor=False)
for title, figure in curves(compared):
    show(
        figure,
        lambda: pd.concat(records(run).assign(run=run.run_id) for run in compared),
        f"compare-{title}",
        alt=f"{title} over the epochs, one line for each setting, with bands over seeds",
    )
