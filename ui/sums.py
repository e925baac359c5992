"""Sums instead of pictures: MetaNets that add or multiply two numbers, on the page Train."""

import streamlit as st

from srnn.experiments.arithmetic import EXPERIMENT, arms, computation, figure
from srnn.experiments.base import Settings, Tables
from srnn.experiments.claims import write
from srnn.experiments.engine import known_outcome
from srnn.interactions import KINDS
from srnn.life.arithmetic import TASKS
from srnn.runs.results import load_result
from ui.charts import show
from ui.live import command
from ui.text import many

NOTHING = "nothing"


def sums() -> None:
    """What to learn, what comes out, and a button that trains it."""
    st.markdown(
        "A MetaNet of 18 particles (2 - 3 - 3 - 1, h = 3) learns a + b or a × b of two normal "
        "numbers; per batch of 50 a replication step, then a task step on the squared error."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        task = st.segmented_control(
            "Task", list(TASKS), default="addition", key="sum-task", required=True
        )
        how = st.segmented_control(
            "Before every step",
            [NOTHING, *KINDS],
            default=NOTHING,
            key="sum-disturb",
            required=True,
            help="A round of attacks or melting among the particles of a cell, ratio 0.01.",
        )
        seeds = int(st.number_input("Networks", 1, 100, 10, key="sum-seeds", width=120))
        steps = int(st.number_input("Batches", 1, 1_000_000, 3000, 500, key="sum-steps", width=140))
    disturb = None if how == NOTHING else how
    tables = _known(task, seeds, steps, disturb)
    if tables is None:
        words = ["--seeds", str(seeds), "--steps", str(steps)]
        words += [] if disturb is None else ["--disturb", disturb]
        command("arithmetic", ["arithmetic", task, *words], label=f"Train {many(seeds, 'network')}")
        return
    table = tables["numbers"]
    st.markdown(
        f"**{int(table['adds'].sum())} of {seeds}** are right to a tenth: mean absolute error "
        f"{write(table['mae'].mean(), 'exp')} asked particle by particle, "
        f"{write(table['swapped'].mean(), 'exp')} with the scalar weights swapped in; "
        f"{18 * table['replicators'].mean():.1f} of 18 particles are replicators."
    )
    alt = "Mean absolute error of the MetaNets, and of their scalar weights in a dense network"
    show(figure({"numbers": table.assign(arm=task)}), table, f"sums-{task}", key="sums", alt=alt)


def _known(task: str, seeds: int, steps: int, disturb: str | None) -> Tables | None:
    """What came of it here, or of the research log's own settings before this was released."""
    one = computation(task, seeds, steps, disturb)
    if (kept := load_result(one.name, one.key)) is not None:
        return kept.tables
    for arm, pieces in arms(Settings()).items():
        if one in pieces and (shipped := known_outcome(EXPERIMENT, Settings())) is not None:
            return {
                name: table[table["arm"] == arm]
                for name, table in shipped.tables.items()
                if "arm" in table
            }
    return None
