"""The sections of the page Pruning lab that need trainings of their own: the table over seeds, and
where it breaks. They are made in the background and shown as soon as they are there."""

from typing import Any

import streamlit as st

from srnn.experiments.base import Outcome
from srnn.experiments.engine import known_outcome
from srnn.experiments.limits import LIMITS, Limits, limits_table
from srnn.experiments.rivals import STUDY, Study, study_says
from srnn.figures.pruning import accuracy_curves, control_intervals
from srnn.presets import COMPARED, preset
from srnn.pruning.answers import grid, natural_table, summary
from srnn.pruning.controls import MATCHINGS
from srnn.pruning.measure import RIVALS
from ui.charts import show
from ui.live import command
from ui.state import View
from ui.text import escape, many


def seeds_section(view: View) -> None:
    """The whole table over seeds: the conclusion first, then what it follows from."""
    run = view.run
    seeds = int(
        st.number_input(
            "Seeds", 1, 20, 5, key="rival-seeds", width=120, help="Trainings behind every figure."
        )
    )
    study = Study(run.config, seeds=seeds)
    outcome, asked = known_outcome(STUDY, study), ["--run", run.run_id, "--seeds", str(seeds)]
    if outcome is None:
        _in_background(
            ["rivals", *asked],
            f"The table over {many(seeds, 'seed')} is not there yet: it trains as many MetaNets "
            "like this one, prunes, retrains, and trains the dense rivals.",
        )
        study, asked = Study(preset(COMPARED)), ["--preset", COMPARED]
        if (outcome := known_outcome(STUDY, study)) is None:
            return
        st.markdown(f"Below is **another network's table**, made beforehand: preset {COMPARED}.")
    tables = outcome.tables
    first, *reasons = study_says(tables)
    st.markdown(escape(first))
    with st.expander("What it follows from"):
        for sentence in reasons:
            st.markdown(f"- {escape(sentence)}")
    _when(outcome, "rivals", asked)
    natural = tables["natural"]
    compared = natural_table(natural, study.config.particle_weights)
    compared["rival"] = [RIVALS[name][0] for name in compared["rival"]]
    st.dataframe(compared, hide_index=True, column_config=_COLUMNS)
    st.caption(
        "As many connections dropped as each run has replicators. Mean and 95 % interval over "
        f"{many(study.seeds, 'seed')}; the difference is to dropping the replicators of the same "
        "run; the outcomes of a group (one network, retrained, dense) are one family of tests "
        "(Holm); no difference means: within 0.5 points (TOST). "
        "Dense networks are trained with a learning rate chosen on validation images: "
        f"{tables['numbers']['rate'].dropna().iloc[0]:g}."
    )
    groups = {"one network": "This network", "retrained": "Retrained", "from scratch": "Dense"}
    chosen = st.pills(
        "Rivals",
        list(groups),
        default=["retrained", "from scratch"],
        selection_mode="multi",
        format_func=groups.__getitem__,
        key="rival-groups",
    )
    titles = {name: title for name, (title, group) in RIVALS.items() if group in chosen}
    marks = natural.groupby("rival", sort=False)[["surviving", "accuracy"]].mean().reset_index()
    table = summary(tables["points"])
    particles = int(natural["dropped"].iloc[0] + natural["surviving"].iloc[0])
    figure = accuracy_curves(table, titles, particles=particles, natural=marks)
    show(figure, table, f"rivals-{study.config.run_id}")
    printed = grid(tables["points"])
    printed["rival"] = [RIVALS[name][0] for name in printed["rival"]]
    st.dataframe(printed, hide_index=True)
    st.caption(
        f"Test accuracy in %, mean and 95 % interval over {many(study.seeds, 'seed')}, by share of "
        f"dropped connections; retrained for {many(study.again, 'epoch')} of {study.config.epochs}."
    )
    tests, names = tables["controls"], {name: one.title for name, one in MATCHINGS.items()}
    show(control_intervals(tests, names), tests, f"controls-seeds-{study.config.run_id}")


_COLUMNS: dict[str, Any] = {
    "rival": "Rival",
    "accuracy": "Accuracy (%)",
    "cost": "Cost (points)",
    "difference": "Difference (points)",
    "outcome": "Against replicators",
    "trained": st.column_config.NumberColumn("Numbers trained", format="localized"),
    "kept": st.column_config.NumberColumn("Numbers kept", format="localized"),
}


def limits_section(_: View) -> None:
    """Where self-replication pruning breaks, whatever run is looked at."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        folder = st.text_input(
            "Your own data set",
            key="limits-data",
            width=420,
            placeholder="A folder of IDX files (optional)",
            help="Four files named like MNIST's. It is asked at 15x15 and at its own size.",
        ).strip()
        seeds = int(st.number_input("Seeds", 1, 20, 3, key="limits-seeds", width=120))
        epochs = int(st.number_input("Epochs", 1, 1000, 200, key="limits-epochs", width=120))
    asked = Limits((folder,) if folder else (), seeds, epochs)
    outcome = known_outcome(LIMITS, asked)
    if outcome is None:
        data = ["--data", folder] if folder else []
        _in_background(
            ["limits", *data, "--seeds", str(seeds), "--epochs", str(epochs)],
            f"This table is not there yet: it trains MetaNets in {len(asked.settings())} settings, "
            f"{many(seeds, 'seed')} each.",
        )
        return
    st.markdown(escape(outcome.finding))
    table = limits_table(outcome.tables["numbers"])
    show(LIMITS.figure(outcome.tables), table, "limits")
    st.dataframe(table, hide_index=True)
    st.caption(f"Costs in percentage points; mean and 95 % interval over {many(seeds, 'seed')}.")
    _when(outcome, "limits", ["--data FOLDER", f"--seeds {seeds} --epochs {epochs}"])


def _when(outcome: Outcome, name: str, arguments: list[str]) -> None:
    """When and how a table was made."""
    words = f"python -m srnn {name} {' '.join(arguments)}"
    st.caption(f"Made {outcome.made.get('at', '')} UTC; again: `{words}`.")


def _in_background(arguments: list[str], missing: str) -> None:
    """Say what is missing and offer to make it; while something is made, how far it is."""
    st.info(f"{missing} The page may be left meanwhile.")
    command(arguments[0], arguments, label="Compute it")
