"""A run as it is after acts on its particles: what the stage and the microscope show of it.

The acts stand in the state (and the address) as text; what they lead to is computed once, act by
act, so that undoing and redoing are looked up and give exactly the numbers that were there.
"""

import numpy as np
import streamlit as st

from srnn.acts import perform
from srnn.analysis.moment import Moment, look
from srnn.history import TrainingState
from srnn.lineage import Act, read_acts
from srnn.runs import get_run
from srnn.runs.fork import state_at
from srnn.tasks import task_of


def performed(run_id: str, index: int, acts: str) -> TrainingState:
    """The state of a run at its snapshot ``index`` after some acts. Do not change its arrays.

    Its momentum is that of the training only where some particles are retrained: finding it may
    take as long as the training did.

    Raises:
        ValueError: the acts cannot be done.
        DataError: the run's data are not here.
    """
    listed = read_acts(acts)
    return _performed(run_id, index, listed, any(act.kind == "retrain" for act in listed))


@st.cache_resource(max_entries=60, show_spinner="Training")
def _performed(run_id: str, index: int, acts: tuple[Act, ...], exact: bool) -> TrainingState:
    run = get_run(run_id)
    if acts:
        begun = _performed(run_id, index, acts[:-1], exact)
        return perform(acts[-1:], begun, run.config, task_of(run.config))
    epoch, record = run.snapshot_epochs[index], run.record
    if exact:
        return state_at(run, epoch)
    weights = run.snapshots[index]
    none = np.zeros_like(weights)
    return TrainingState(epoch, weights, none, record.replicating, record.engine)


@st.cache_data(max_entries=200, show_spinner=False)
def measured(run_id: str, index: int, acts: str, epsilon: float) -> Moment:
    """Census and accuracies of a run at a snapshot after some acts.

    Raises:
        ValueError: the acts cannot be done.
        DataError: the run's data are not here.
    """
    run = get_run(run_id)
    weights = performed(run_id, index, acts).weights
    return look(weights, run.encoding, run.shape, task_of(run.config), epsilon)
