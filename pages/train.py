"""Train: settings, what they will cost, and the training as it goes, in a process of its own."""

import streamlit as st

from srnn.config import ConfigError, RunConfig
from srnn.estimate import estimate
from srnn.files import human
from srnn.runs import find_run, list_jobs, submit
from srnn.tasks import DataError, resolve
from ui import state
from ui.draft import CONTROLS, changed, form
from ui.forks import fork_form
from ui.frame import page
from ui.live import before, curves, on_stage, others, panel, training, watch
from ui.text import duration, escape


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def copy() -> None:
    """What is being set up, where no run is shown: a copy, and what it changes."""
    old = before()
    if old is None:
        st.info(
            "Nothing is being trained. Choose settings and press **Train**: losses, accuracies and "
            "the particles' types appear here as they come, and the page may be left meanwhile."
        )
        return
    changes = ", ".join(
        f"{CONTROLS[name]['title']} {_text(was)} → {_text(now)}"
        for name, (was, now) in changed().items()
    )
    st.info(
        f"A copy of {escape(old.name)}"
        + (f" with {escape(changes)}" if changes else ": change a setting")
        + ". It is not trained yet; press **Train**. The curves below are the old run's."
    )
    back = {"run": old.run_id, "base": None, "changes": None}
    st.button("Back to that run", on_click=lambda: state.change(**back))
    curves(old.records.iloc[:0])


page("Train", "Train a MetaNet in the background, or load the run of exactly these settings.")
if not any(state.get(name) for name in ("run", "base", "changes")):
    active = next((job.id for job in list_jobs() if job.active and job.config), None)
    if active is not None:
        state.change(run=active)
controls, view = st.columns([2, 3], gap="large")

with controls:
    values = form()

config: RunConfig | None = None
cached, needs = False, ""
problems: list[str] = []
try:
    config = resolve(RunConfig(**values))
    ahead = estimate(config)
    problems = ahead.problems
    needs = (
        f"Takes about {duration(ahead.seconds)}, {human(ahead.memory_bytes)} of memory and "
        f"{human(ahead.disk_bytes)} of disk."
    )
    cached = find_run(config.run_id) is not None
except (ConfigError, DataError, OSError, RuntimeError) as error:
    problems = [str(error) if values["dataset"] else "Type the path of the folder with the data."]

with view:
    run_id = state.get("run")
    with st.container(horizontal=True, vertical_alignment="center"):
        blocked = config is None or bool(problems and not cached)
        pressed = st.button("Train", type="primary", disabled=blocked, key="train")
        if run_id:
            st.button(
                "Copy and change",
                key="copy",
                on_click=lambda: state.change(run=None, base=run_id, changes=None),
                help="A new run with these settings to begin with; the curves of this one lie "
                "under its own. Changing any setting does the same.",
            )
        st.caption("Trained already: loads at once." if cached else needs)
    if problems and not cached:
        st.error("\n\n".join(escape(problem) for problem in problems))
    if pressed and config is not None:
        try:
            watch(submit(config), cached=cached)
        except (ValueError, OSError, RuntimeError) as error:
            st.error(escape(str(error)))
        else:
            st.rerun()  # with the settings of the run that is now shown
    if run_id:
        panel(run_id)
        job = training(run_id)
        if job is not None and job.config is not None:
            fork_form(run_id, job.config, None)
    else:
        copy()
    others(run_id)
if run_id:
    on_stage(run_id)
with st.expander("Sums instead of pictures", key="sums-open", on_change="rerun") as more:
    if more.open:
        from ui.sums import sums

        sums()
