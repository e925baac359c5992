"""Research log: every claim of the log in one table, then its experiments, to be opened."""

import streamlit as st

from srnn.experiments import experiments
from ui import research_log
from ui.charts import csv, download
from ui.frame import page
from ui.text import many

page("Research log", "Does what the 2022 research log reports come out again?")
settings = research_log.controls()
table = research_log.summary(settings)
if len(table) and not settings.quick:
    st.markdown(
        f"{many(len(table), 'claim')} of {many(table['row'].nunique(), 'row')}, each stated "
        f"before it ran and held against a placebo: **{research_log.tally(table)}**."
    )
elif len(table):
    st.markdown("A look at the experiments on digits, without verdicts.")
else:
    st.markdown(
        "Nothing has been run with these settings yet. All rows take about 20 minutes on two cores "
        "with five seeds, the quick look under a minute."
    )
research_log.progress(settings)
if len(table):
    research_log.claims_sheet(table, 480)
    st.caption(
        "A claim is decided where the 95 % interval over seeds lies wholly inside or outside its "
        "tolerance. The claims of a row answer one question, so they are corrected together "
        "(Holm); rows ask different questions, so nothing is corrected across them."
    )
    download("All claims (CSV)", lambda: csv(table), "research-log.csv")
st.header("The experiments", anchor=False)
for experiment in experiments().values():
    research_log.card(experiment, settings)
