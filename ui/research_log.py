"""The research log's cards: what a row asks, what the log reports, what came out, its figure."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from srnn.experiments import EXPERIMENTS, Experiment, Outcome, Settings
from srnn.experiments.reproduce import outcome_stamp, saved_outcome
from srnn.figures import style
from srnn.figures.experiments import FIGURES, row_figure
from srnn.jobs.background import REPRODUCTION
from ui.charts import dark, show
from ui.menu import link
from ui.text import duration, escape

POLL = 1.0
"""Seconds between two looks at the reproduction's files."""
FULL, QUICK = "full", "quick"
MODES = {FULL: "Real MNIST, as in the log", QUICK: "Quick look (digits)"}


def controls() -> Settings:
    """How the log is to be reproduced, chosen by the visitor."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        mode = st.segmented_control(
            "Data and length",
            list(MODES),
            default=FULL,
            format_func=MODES.get,
            required=True,
            key="log-mode",
            help="The quick look trains on scikit-learn's digits for a tenth of the epochs, in "
            "about a minute, and makes no verdicts about the log's numbers.",
        )
        seeds = st.number_input(
            "Seeds",
            1,
            20,
            value=3 if mode == FULL else 1,
            key=f"log-seeds-{mode}",
            width=140,
            help="Trainings per setting, from different initial weights. The log had one.",
        )
    return Settings(mode == QUICK, int(seeds))


def progress(settings: Settings) -> None:
    """The state of the background run, with its buttons; looks again by itself while it runs."""
    running = _running()
    st.fragment(_progress, run_every=POLL if running else None)(settings, running)


def _running() -> bool:
    state = REPRODUCTION.status()
    return state is not None and state.state == "running"


def _progress(settings: Settings, was_running: bool) -> None:
    state = REPRODUCTION.status()
    running = state is not None and state.state == "running"
    there = sum(_stamp(row, settings) > 0 for row in EXPERIMENTS)
    seen = st.session_state.get("log-seen", there)
    st.session_state["log-seen"] = there
    if running != was_running or there != seen:
        st.rerun()
    if running:
        asked = state.asked["rows"]
        rows = f"rows {', '.join(map(str, asked))}" if asked else "all rows"
        st.progress(
            state.share,
            f"{rows.capitalize()}: {state.done} of {state.total or '?'} pieces of work done, "
            f"{duration(state.seconds)} so far. Now {escape(state.what)}.",
        )
        if st.button("Cancel", help="What is finished stays; trainings go on from checkpoints."):
            REPRODUCTION.cancel()
            st.rerun()
        return
    missing = len(EXPERIMENTS) - there
    label = f"Run the {missing} missing rows" if 0 < missing < len(EXPERIMENTS) else "Run all rows"
    st.button(
        label,
        type="primary" if missing else "secondary",
        disabled=not missing,
        on_click=run_rows,
        args=([row for row in EXPERIMENTS if not _stamp(row, settings)], settings),
        help="In the background: the page may be left. Trainings that are there are not repeated.",
    )
    if state is not None and state.state == "failed":
        st.error("The last run in the background ended before its end.")
    if state is not None and state.state == "cancelled":
        st.info("The last run in the background was cancelled.")
    if state is not None and state.log and state.state in ("failed", "finished"):
        with st.expander("What it complained about"):
            st.code(state.log, language=None)


def run_rows(rows: list[int], settings: Settings) -> None:
    """Ask for some rows in the background; says so where that is not possible."""
    try:
        arguments = ["reproduce", "--seeds", str(settings.seeds)]
        arguments += ["--quick"] if settings.quick else []
        arguments += ["--row", *map(str, rows)] if rows else []
        REPRODUCTION.start(arguments, rows=rows)
    except (RuntimeError, OSError) as error:
        st.session_state["log-problem"] = str(error)


def problem() -> None:
    """What went wrong when rows were asked for."""
    if text := st.session_state.pop("log-problem", None):
        st.error(escape(text))


def summary(settings: Settings) -> pd.DataFrame:
    """The table of all rows: row, title, the log's figure, obtained, verdict."""
    rows = []
    for row, one in EXPERIMENTS.items():
        found = outcome(row, settings)
        rows.append(
            {
                "Row": row,
                "Title": one.title,
                "The log": one.expected,
                "Obtained": found.obtained if found else "not run yet",
                "Verdict": found.verdict if found else "",
            }
        )
    return pd.DataFrame(rows)


def card(one: Experiment, settings: Settings) -> None:
    """One row of the log."""
    found = outcome(one.row, settings)
    with st.container(border=True):
        small = found is not None and not _opened(one.row)
        words, picture = st.columns([2, 3], gap="large") if small else (st.container(), None)
        with words:
            st.subheader(f"{one.row} · {one.title}", anchor=f"row-{one.row}", help=one.help)
            st.markdown(f"**{one.question}**")
            st.markdown(f"The log: {escape(one.expected)}.")
            if found is None:
                st.caption("Not run yet with these settings. Its figure will appear here.")
            else:
                st.markdown(f"Obtained: {escape(found.obtained)}.")
                st.markdown(f"Verdict: **{escape(found.verdict)}**.")
                st.markdown(escape(found.finding))
            _buttons(one, settings, found is not None)
        if picture is not None:
            with picture:
                _small(one.row, settings)
        elif found is not None:
            _large(one.row, settings, found)


def _opened(row: int) -> bool:
    return bool(st.session_state.get(f"log-open-{row}"))


def _buttons(one: Experiment, settings: Settings, there: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if there:
            st.toggle(
                "Large, with data",
                key=f"log-open-{one.row}",
                help="The figure in full size with its downloads, and the tables behind it.",
            )
        else:
            st.button(
                "Run this row",
                key=f"log-run-{one.row}",
                disabled=_running(),
                on_click=run_rows,
                args=([one.row], settings),
                help="In the background, without what other rows have made already.",
            )
        if one.page:
            link(f"pages/{one.page}.py")


def _small(row: int, settings: Settings) -> None:
    drawn = style.themed(figure(row, settings, _stamp(row, settings)), dark())
    drawn.update_layout(height=min(460, drawn.layout.height or 400), font={"size": 12})
    st.plotly_chart(
        drawn,
        theme=None,
        key=f"log-small-{row}",
        config={"staticPlot": row != 8, "displaylogo": False},
    )


def _large(row: int, settings: Settings, found: Outcome) -> None:
    name = FIGURES[row][0]
    show(
        figure(row, settings, _stamp(row, settings)),
        found.tables[name],
        f"log-row-{row}",
        alt=f"Figure of row {row}: {EXPERIMENTS[row].title}",
    )
    for table in sorted(found.tables, key=lambda one: one != "checks"):
        st.caption(f"Table {table}" + _about(table))
        st.dataframe(
            found.tables[table], hide_index=True, height="content" if table == "checks" else 200
        )


def _about(table: str) -> str:
    if table == "checks":
        return ": the log's figures, the bands fixed beforehand, and what was obtained"
    return ""


def outcome(row: int, settings: Settings) -> Outcome | None:
    """What came out of a row with these settings, or None if it has not been run."""
    stamp = _stamp(row, settings)
    return _outcome(row, settings, stamp) if stamp else None


@st.cache_data(max_entries=60, show_spinner=False)
def _outcome(row: int, settings: Settings, stamp: int) -> Outcome | None:
    return saved_outcome(EXPERIMENTS[row], settings)


@st.cache_data(max_entries=60, show_spinner=False)
def figure(row: int, settings: Settings, stamp: int) -> go.Figure:
    """The figure of a row; ``stamp`` changes when its outcome does."""
    found = _outcome(row, settings, stamp)
    return row_figure(row, found.tables) if found else style.message("Not run yet.")


def _stamp(row: int, settings: Settings) -> int:
    """Changes when the outcome of a row does; 0 if there is none."""
    return outcome_stamp(EXPERIMENTS[row], settings)
