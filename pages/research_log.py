"""Research log: every row of the log as a card, run in the background."""

import streamlit as st

from srnn.experiments import EXPERIMENTS
from ui import research_log
from ui.charts import csv, download
from ui.frame import page

page("Research log", "Does what the 2022 research log reports come out again?")
settings = research_log.controls()
research_log.problem()
table = research_log.summary(settings)
done = table[table["Verdict"] != ""]
agreeing = int(done["Verdict"].str.startswith("agrees").sum())
answered = int(done["Verdict"].str.startswith("open question").sum())
differing = int(done["Verdict"].str.startswith("differs").sum())
if len(done) and not settings.quick:
    st.markdown(
        f"Of {len(done)} rows run with {settings.seeds} seed{'s' if settings.seeds > 1 else ''}, "
        f"**{agreeing} agree** with the log, "
        f"{differing} differ, and {answered} open questions are answered."
    )
elif len(done):
    st.markdown(f"{len(done)} rows run on digits: a look at the experiments, without verdicts.")
else:
    st.markdown(
        "Nothing has been run with these settings yet. All rows take about 20 minutes on two cores "
        "with three seeds, the quick look about a minute. Row 18 has pages of its own."
    )
research_log.progress(settings)
if len(done):
    download("All rows (CSV)", lambda: csv(table), "research-log.csv", "text/csv")
for experiment in EXPERIMENTS.values():
    research_log.card(experiment, settings)
