"""Research log: every claim of the log in one table, then its experiments, to be opened."""

from typing import Literal

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from srnn.experiments import experiments
from srnn.experiments.base import Experiment, Outcome, Settings, Tables
from srnn.experiments.claims import claims_table, judge
from srnn.experiments.engine import known_outcome, outcome_stamp
from srnn.runs import latest, submit_command
from ui.charts import csv, download, show
from ui.frame import page
from ui.live import attempt, command
from ui.menu import link
from ui.text import escape, many

FULL, QUICK = "full", "quick"
MODES = {FULL: "Real MNIST, as in the log", QUICK: "Quick look (digits)"}
PLURAL = {
    "agrees": "agree", "differs": "differ", "open question answered": "answer an open question",
}  # fmt: skip
"""How verdicts are called when there are several."""
SHOWN = ["claim", "log", "here", "placebo", "verdict"]
STATED = ["control", "tolerance", "why", "source"]
"""What a claim states before anything runs, beside its quantity and the log's value."""
WIDE = {
    name: st.column_config.Column(width=pixels)
    for name, pixels in zip(["row", *SHOWN], (75, 205, 120, 140, 140, 240), strict=True)
}
"""Widths of the columns of claims."""
TALL = 76
"""Height of a row of claims, in pixels: the longest take four lines."""


def controls() -> Settings:
    """How the log is to be reproduced, chosen by the visitor."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        mode = st.segmented_control(
            "Data and length",
            list(MODES),
            default=FULL,
            format_func=lambda mode: MODES[mode],
            required=True,
            key="log-mode",
            help="The quick look trains on scikit-learn's digits for a tenth of the epochs, in "
            "under a minute, and makes no verdicts about the log's numbers.",
        )
        seeds = st.number_input(
            "Seeds",
            1,
            20,
            value=Settings().seeds if mode == FULL else 1,
            key=f"log-seeds-{mode}",
            width=140,
            help="Trainings per setting, from different initial weights and in different orders "
            "of the data. The log had one.",
        )
    return Settings(mode == QUICK, int(seeds))


def progress(settings: Settings) -> None:
    """The state of the background run, with its buttons; looks again by itself while it runs."""
    missing = [name for name in experiments() if outcome(name, settings) is None]
    some = 0 < len(missing) < len(experiments())
    command(
        "reproduce",
        arguments(missing, settings),
        label=f"Run the {many(len(missing), 'missing row')}" if some else "Run all rows",
        changed=lambda: sum(outcome_stamp(one, settings) > 0 for one in experiments().values()),
        primary=bool(missing),
    )


def arguments(rows: list[str], settings: Settings) -> list[str]:
    """The command that runs some rows (all, if none is named)."""
    words = ["reproduce", "--seeds", str(settings.seeds), *(["--quick"] if settings.quick else [])]
    return words + (["--row", *rows] if rows else [])


def summary(settings: Settings) -> pd.DataFrame:
    """All claims of the rows that have an outcome: row, claim, log, here, placebo, verdict."""
    parts = []
    for name in experiments():
        if found := outcome(name, settings):
            claims = found.tables["claims"]
            parts.append(claims[SHOWN].assign(row=name) if len(claims) else claims)
    if not parts:
        return pd.DataFrame(columns=["row", *SHOWN])
    return pd.concat(parts, ignore_index=True)[["row", *SHOWN]]


def tally(table: pd.DataFrame) -> str:
    """How many claims of a table have which verdict: ``2 agree, 1 differs``."""
    counts = table["verdict"].str.split(":").str[0].value_counts()
    return ", ".join(
        f"{count} {PLURAL.get(str(verdict), verdict) if count > 1 else verdict}"
        for verdict, count in counts.items()
    )


@st.fragment
def card(one: Experiment, settings: Settings) -> None:
    """One experiment: a line with its verdict; all about it, with its figure, once it is opened."""
    found = outcome(one.name, settings)
    number = one.name if one.row else "After the log"
    if found is None:
        said = "not run yet"
    else:
        said = found.verdict if settings.quick else tally(found.tables["claims"])
    label = f"**{number} · {escape(one.title)}**: {escape(said)}"
    with st.expander(label, key=f"log-card-{one.name}", on_change="rerun") as opened:
        if opened.open:
            _inside(one, settings, found)


def _inside(one: Experiment, settings: Settings, found: Outcome | None) -> None:
    st.markdown(f"**{one.question}**", help=one.help)
    if found is None:
        stated = claims_table([judge(claim, [], []) for claim in one.claims])
        claims_sheet(stated[["claim", "log", *STATED]])
        st.caption("Not run yet with these settings. Its figure will appear here.")
        _buttons(one, settings, known=False)
        return
    st.markdown(f"Verdict: **{escape(found.verdict)}**.")
    st.markdown(escape(found.finding))
    where = (
        "on this machine" if outcome_stamp(one, settings) else "before this version was released"
    )
    seeds = many(int(found.made.get("seeds", 0)), "seed")
    st.caption(f"Made {found.made.get('at', '')} UTC over {seeds}, {where}.")
    show(
        _figure(one.name, settings, outcome_stamp(one, settings), found.tables),
        found.tables[one.data],
        f"log-row-{one.name}",
        alt=f"Figure of {one.label}: {one.title}",
    )
    claims_sheet(found.tables["claims"][[*SHOWN, *STATED, "seeds"]])
    if _buttons(one, settings, known=True):
        for name, table in found.tables.items():
            if name != "claims":
                st.caption(f"Table {name}")
                st.dataframe(table, hide_index=True, height=200)


def claims_sheet(table: pd.DataFrame, height: int | Literal["content"] = "content") -> None:
    """A table of claims, each text in full."""
    st.dataframe(table, hide_index=True, height=height, column_config=WIDE, row_height=TALL)


def _buttons(one: Experiment, settings: Settings, known: bool) -> bool:
    """What can be done with a row; returns whether its tables are asked for."""
    with st.container(horizontal=True, vertical_alignment="center"):
        tables = known and st.toggle("Its tables", key=f"log-tables-{one.name}")
        if not outcome_stamp(one, settings) and st.button(
            "Run it here" if known else "Run this row",
            key=f"log-run-{one.name}",
            disabled=(job := latest("reproduce")) is not None and job.active,
            help="In the background, without what other rows have made already.",
        ):
            attempt(submit_command, arguments([one.name], settings))
            st.rerun()  # the progress above
        if one.page:
            link(f"pages/{one.page}.py")
    return tables


def outcome(name: str, settings: Settings) -> Outcome | None:
    """What came out of an experiment with these settings, here or before this version was
    released; None if it has not been run."""
    return _outcome(name, settings, outcome_stamp(experiments()[name], settings))


@st.cache_data(max_entries=80, show_spinner=False)
def _outcome(name: str, settings: Settings, stamp: int) -> Outcome | None:
    return known_outcome(experiments()[name], settings)


@st.cache_data(max_entries=80, show_spinner=False)
def _figure(name: str, settings: Settings, stamp: int, _tables: Tables) -> go.Figure:
    return experiments()[name].figure(_tables)


page("Research log", "Does what the 2022 research log reports come out again?")
settings = controls()
table = summary(settings)
if len(table) and not settings.quick:
    st.markdown(
        f"{many(len(table), 'claim')} of {many(table['row'].nunique(), 'row')}, each stated "
        f"before it ran and held against a placebo: **{tally(table)}**."
    )
elif len(table):
    st.markdown("A look at the experiments on digits, without verdicts.")
else:
    st.markdown(
        "Nothing has been run with these settings yet. All rows take about 20 minutes on two cores "
        "with five seeds, the quick look under a minute."
    )
progress(settings)
if len(table):
    claims_sheet(table, 480)
    st.caption(
        "A claim is decided where the 95 % interval over seeds lies wholly inside or outside its "
        "tolerance. The claims of a row answer one question, so they are corrected together "
        "(Holm); rows ask different questions, so nothing is corrected across them."
    )
    download("All claims (CSV)", lambda: csv(table), "research-log.csv")
st.header("The experiments", anchor=False)
for experiment in experiments().values():
    card(experiment, settings)
