"""Train: settings, what they will cost, and the training as it goes, in a process of its own."""

import streamlit as st

from srnn.config import ConfigError, RunConfig
from srnn.runs import find_run, submit
from srnn.tasks import DataError, resolve
from ui.cached import cost
from ui.frame import page
from ui.live import job_asked_for, others, panel, watch
from ui.settings import form
from ui.text import escape

page("Train", "Train a MetaNet in the background, or load the run of exactly these settings.")
controls, view = st.columns([2, 3], gap="large")

with controls:
    values = form()

config: RunConfig | None = None
cached, needs, problems = False, "", []
try:
    config = resolve(RunConfig(**values))
    needs, problems = cost(config)
    cached = find_run(config.run_id) is not None
except (ConfigError, DataError, OSError, RuntimeError) as error:
    problems = [str(error) if values["dataset"] else "Type the path of the folder with the data."]

with view:
    with st.container(horizontal=True, vertical_alignment="center"):
        blocked = config is None or bool(problems and not cached)
        pressed = st.button("Train", type="primary", disabled=blocked, key="train")
        st.caption("Trained already: loads at once." if cached else needs)
    if problems and not cached:
        st.error("\n\n".join(escape(problem) for problem in problems))
    if pressed and config is not None:
        try:
            watch(submit(config), cached=cached)
        except (ValueError, OSError, RuntimeError) as error:
            st.error(escape(str(error)))
    run_id = job_asked_for()
    panel(run_id)
    others(run_id)
