"""Phase map: one measure over two settings, many runs, filling in as they are done."""

from collections.abc import Hashable
from typing import Any

import pandas as pd
import streamlit as st

from srnn.config import ConfigError, RunConfig, describe, field_names
from srnn.figures import sweeps as figures
from srnn.figures.style import signed
from srnn.runs import find_run, worker_limit
from srnn.sweeps.library import Kept, keep, list_sweeps
from srnn.sweeps.measures import MEASURES
from srnn.sweeps.outlook import Outlook, look_ahead, results_stamp
from srnn.sweeps.plan import Plan, parse_plan
from srnn.sweeps.report import sweep_report
from ui.charts import download, show
from ui.draft import settings_of
from ui.frame import page
from ui.live import command
from ui.menu import link
from ui.plane import plane
from ui.text import duration, escape, many

LOG = {"alpha": 100.0, "neurons": 4, "lr": 0.008, "width": 6, "depth": 5, "batch_size": 500}
"""The settings of the log's main run, marked on a map."""

MODES = ("Sweeps", "Live")
MOST_COUNTED = 5_000
"""Runs of a sweep that the page looks for in the cache."""

MAIN = ("test_accuracy", "replicator_share")
"""Measures that every run is drawn with."""

EXAMPLE = """title = "alpha and neurons, digits"

[base]
dataset = "digits"
depth = 4
batch_size = 50
epochs = 15

[grid]
alpha = [0.1, 1, 10, 100, 1000]
neurons = [2, 3, 4, 6, 8]
seed = [0, 1]
"""


def new_sweep() -> None:
    """The form in which a sweep is written."""
    text = st.text_area(
        "What is to vary (TOML)",
        EXAMPLE,
        height=330,
        key="sweep-text",
        help="[base] holds fields of a run; [grid] lists of values, every combination is trained. "
        "Or [random] with ranges and a count, or [map] with two ranges, a measure and a budget: "
        "new runs then go where the measure changes; around a level of it, with 16 seeds, the "
        "contour is nearly that of a full grid. docs/sweeps.md has examples.",
    )
    try:
        plan = parse_plan(text)
    except (ConfigError, OSError) as error:
        st.error(escape(str(error)))
        return
    st.caption(f"{many(plan.each, 'seed')} at each point. {_ahead(plan)}")
    if st.button("Keep this sweep", type="primary", key="keep-sweep"):
        try:
            st.session_state["sweep"] = keep(text).plan.name
            st.rerun()
        except (ConfigError, OSError) as error:
            st.error(escape(str(error)))


def _ahead(plan: Plan) -> str:
    """What a sweep would take now, in a sentence."""
    if plan.total() > MOST_COUNTED:
        return f"{many(plan.total(), 'run')}; `srnn sweep FILE --dry-run` says how long they take."
    try:
        ahead = _look_ahead(plan.name, results_stamp(), plan)
    except (ConfigError, OSError, ValueError) as error:
        return f"{many(plan.total(), 'run')}. {escape(str(error))}"
    if ahead.cached == ahead.runs:
        return f"{many(ahead.runs, 'run')}, all of them cached."
    most = "up to " if plan.kind == "map" else ""
    return (
        f"{most}{many(ahead.runs, 'run')}, {ahead.cached:,} of them cached; the rest takes about "
        f"{duration(ahead.seconds)} here."
    ).capitalize()


@st.cache_data(max_entries=50, show_spinner=False)
def _look_ahead(name: str, stamp: int, _plan: Plan) -> Outlook:
    """Kept for a plan's ``name``, until a result is added (``stamp``)."""
    return look_ahead(_plan, worker_limit(background=True))


def shown(kept: Kept) -> None:
    """The figures of a sweep."""
    plan, table, total = kept.plan, kept.table, kept.plan.total()
    failed = table[table["error"] != ""] if len(table) else table
    table = table.drop(index=failed.index)
    job = command(
        "sweep",
        ["sweep", str(kept.file)],
        label="Run what is missing" if len(table) else "Run the sweep",
        changed=lambda: kept.table_file.stat().st_mtime_ns if kept.table_file.exists() else 0,
        disabled=len(table) >= total,
        sweep=plan.name,
    )
    active = job is not None and job.active
    other = job is not None and active and job.request.asked.get("sweep") != plan.name
    if len(table) < total and not active:
        st.caption(_ahead(plan))
    st.markdown(
        f"**{len(table):,} of {many(total, 'run')} done**, {len(failed):,} failed, "
        f"{many(int((table['stopped'] != '').sum()) if len(table) else 0, 'divergence')}."
        + (" Another sweep is under way." if other else "")
    )
    if len(failed):
        with st.expander(f"Why {many(len(failed), 'run')} failed"):
            st.dataframe(failed[["run_id", *plan.fields, "error"]], hide_index=True)
    if not len(table):
        st.info("The map appears here as runs are done; the page may be left meanwhile.")
        return
    fields = [name for name in plan.varied if figures.numeric(table[name])]
    with st.container(horizontal=True):
        measure = _measure(plan)
        axes = _axes(fields)
    if axes:
        _map(plan, table, *axes, measure)
    repeated = [name for name in fields if isinstance(plan.varied[name], list)]
    if repeated:
        name, *others = repeated
        show(
            figures.bands(table, name, measure, others[0] if others else None),
            table,
            f"bands-{plan.name}-{name}-{measure}",
            alt=f"{figures.words(measure)} against {figures.words(name)}, with bands over seeds",
        )
    st.header("All runs", anchor=False)
    show(
        figures.parallel(table, plan.fields, list(dict.fromkeys([*MAIN, measure]))),
        table,
        f"parallel-{plan.name}",
        alt="Every run as a line through its settings and measures",
    )
    show(
        figures.pareto(table),
        table,
        f"pareto-{plan.name}",
        alt="Test accuracy against the share of replicators; the runs that cannot be bettered",
    )
    _rows(plan, table, kept.file.read_text("utf-8"))


def _axes(fields: list[str]) -> tuple[str, str] | None:
    """Which two fields a map is drawn over; None where fewer than two can be an axis."""
    if len(fields) < 2:
        return None
    x = st.selectbox("Horizontal axis", fields, 0, key="map-x", format_func=figures.words)
    y = st.selectbox("Vertical axis", fields, 1, key="map-y", format_func=figures.words)
    return x, y


def _measure(plan: Plan) -> str:
    names = [*MEASURES, *plan.measures]
    return st.selectbox(
        "Measure",
        names,
        names.index(plan.measure or "replicator_share"),
        format_func=figures.words,
        key="map-measure",
        help="At a run's last epoch, epsilon 1e-05. "
        + " ".join(f"**{figures.words(name)}**: {text}" for name, text in MEASURES.items()),
    )


_drawn = st.cache_data(max_entries=20, show_spinner=False)(figures.phase_map)
"""The map is kept: a level's contour of many runs takes a second."""


def _map(plan: Plan, table: pd.DataFrame, x: str, y: str, measure: str) -> None:
    if x == y:
        st.info("Choose two different fields.")
        return
    inside = all(
        name in LOG and table[name].min() <= LOG[name] <= table[name].max() for name in (x, y)
    )
    marks = [(LOG[x], LOG[y], "the log")] if inside else []
    level = plan.level if measure == plan.measure else None
    source = f"sweep {plan.name} · {len(table)} runs · epsilon 1e-05"
    show(
        signed(_drawn(table, x, y, measure, level, marks), source),
        table,
        f"map-{plan.name}-{measure}",
        alt=f"{figures.words(measure)} over {figures.words(x)} and {figures.words(y)}",
    )
    lost = "A cross: runs diverged there, all of them where it is large. "
    st.caption(
        f"{lost if (table['stopped'] != '').any() else ''}{describe(x)['help']} "
        f"{describe(y)['help']}"
    )


def _rows(plan: Plan, table: pd.DataFrame, text: str) -> None:
    """The table, a row of which opens its run."""
    names = ["run_id", *plan.fields, *MEASURES, *plan.measures, "stopped"]
    chosen = st.dataframe(
        table[names],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"rows-{plan.name}",
    )
    rows = chosen["selection"]["rows"]
    if rows:
        _open(table.iloc[rows].to_dict("records")[0])
    link("pages/compare.py", "Compare runs")
    download(
        "Report (HTML)",
        lambda: sweep_report(plan, table, text),
        f"sweep-{plan.name}.html",
        "Figures, rows, versions and the command that makes it again, in one file.",
    )


def _open(row: dict[Hashable, Any]) -> None:
    """A way to a run, or, where only its measures are here, to the training that makes it again."""
    if find_run(row["run_id"]) is not None:
        link("app.py", "Open this run on the stage", row["run_id"])
        return
    config = RunConfig.from_dict({name: row[name] for name in field_names()})
    st.caption("Only its measures are here; a training makes the run itself again.")
    link("pages/train.py", "Its settings in Train", **settings_of(config))


page("Phase map", "How does the outcome change with the settings?")
mode = st.segmented_control(
    "Mode", MODES, default=MODES[0], key="map-mode", label_visibility="collapsed"
)
if mode == MODES[1]:
    plane()
    st.stop()
sweeps = {kept.plan.name: kept for kept in list_sweeps()}
if sweeps:
    wanted = st.session_state.get("sweep")
    names = list(sweeps)
    name = st.selectbox(
        "Sweep",
        names,
        names.index(wanted) if wanted in sweeps else 0,
        format_func=lambda name: f"{sweeps[name].title} ({name[:6]})",
        help="Sweeps of the app and of the command line (srnn sweep FILE), the newest first.",
    )
    st.session_state["sweep"] = name
with st.expander("A new sweep", expanded=not sweeps):
    new_sweep()
if sweeps:
    shown(sweeps[name])
