"""Going another way: a run forked at an epoch, with another alpha or learning rate from there."""

import streamlit as st

from srnn.config import RunConfig, describe
from srnn.runs import RunError, cancel, read_job, submit
from srnn.runs.fork import forked
from ui.live import attempt, watch

NAMES = ("alpha", "lr", "epochs")


def fork_form(run_id: str, config: RunConfig, epoch: int | None) -> None:
    """Settings that may change at an epoch of a run, and the button that trains on with them. None
    stands for the epoch that a training has reached when the button is pressed; it stops then, and
    what it has done is kept."""
    label = "Change on the way" if epoch is None else f"Go another way from epoch {epoch:,}"
    about = "A new run that begins with this one's state; it is recorded as a fork."
    with st.popover(label, help=about):
        changes: dict[str, float] = {}
        for name in NAMES:
            setting, now = describe(name), getattr(config, name)
            low = type(now)((epoch or 0) if name == "epochs" else setting["low"])
            changes[name] = st.number_input(
                setting["title"],
                low,
                setting["high"],
                now,
                format="%d" if isinstance(now, int) else "%g",
                key=f"fork-{name}-{run_id}",
                help=setting["help"],
            )
        changed = {name: value for name, value in changes.items() if value != getattr(config, name)}
        if epoch is not None:
            options = "".join(f" --{name} {value:g}" for name, value in changed.items())
            st.code(f"python -m srnn train --fork {run_id}@{epoch}{options}", language="bash")
        if st.button("Train the fork", type="primary", disabled=not changed, key="train-fork"):
            attempt(_start, run_id, epoch, changed)
            st.rerun()


def _start(run_id: str, epoch: int | None, changed: dict[str, float]) -> None:
    job = read_job(run_id)
    if epoch is None:
        if job is None or job.progress is None:
            raise RunError("the training is over; fork the run that it has become")
        epoch = job.progress.done
    config = forked(f"{run_id}@{epoch}", **changed)
    if job is not None and job.active:
        cancel(run_id)
    watch(submit(config))
