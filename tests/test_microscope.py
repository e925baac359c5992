"""The microscope on the first page: acts, undo, redo, and a run that is kept."""

import numpy as np
import pytest
from app_pages import alone, calm
from streamlit.testing.v1 import AppTest

from srnn.acts import perform
from srnn.analysis.dropout import accuracy_of, dropout_masks
from srnn.config import RunConfig
from srnn.lineage import read_acts
from srnn.runs import Run, get_run, obtain
from srnn.runs.fork import forked
from srnn.tasks import task_of
from ui.stage.source import measured, performed


@pytest.fixture
def run(small: RunConfig) -> Run:
    return obtain(small)[0]


def open_microscope(run: Run, **address: str) -> AppTest:
    return alone("app.py", run=run.run_id, **address)


def press(app: AppTest, key: str) -> AppTest:
    return calm(app.button(key=key).click().run())


def ledger(app: AppTest) -> list[str]:
    return app.table[0].value["accuracy"].tolist()


def test_nothing_is_shown_until_a_particle_is_chosen(run: Run) -> None:
    assert "Microscope" not in [one.value for one in open_microscope(run).header]
    app = open_microscope(run, picked="3")
    assert "Microscope" in [one.value for one in app.header]
    assert any("L0_C0_W3" in one.value for one in app.markdown)


def test_acts_undo_redo_and_what_the_table_says(run: Run) -> None:
    app = press(open_microscope(run, picked="0-99"), "act-Drop")
    mask = np.arange(run.record.particles) < 100
    task = task_of(run.config)
    test = dropout_masks(run.weights, {"": mask}, task.x_test, task.y_test, run.shape)
    first = [f"{100 * share:.1f}\u00a0%" for share in test.loc[0, ["before", "accuracy"]]]
    assert ledger(app) == first
    press(app, "act-Make perfect")
    second = ledger(app)
    assert second[:2] == first and len(second) == 3
    assert ledger(press(app, "undo")) == first
    press(app, "undo")
    assert not app.table and app.button(key="undo").disabled
    press(app, "redo")
    assert ledger(press(app, "redo")) == second
    press(app, "act-Settle")
    assert app.button(key="redo").disabled  # a new act leaves nothing to redo


@pytest.mark.parametrize("epoch", ["2", "3"])
def test_a_kept_network_is_a_run_with_its_lineage(run: Run, epoch: str) -> None:
    app = open_microscope(run, picked="0-9", epoch=epoch, acts="drop 0-9; retrain all 1")
    press(app, "keep-run")
    kept = get_run(app.session_state["looked_at"]["run"])
    assert kept.config.fork == f"{run.run_id}@{epoch}"
    assert kept.config.acts == "drop 0-9; retrain all 1"
    assert kept.record.results.epochs == int(epoch) + 1
    shown = performed(run.run_id, run.snapshot_epochs.index(int(epoch)), kept.config.acts)
    assert np.array_equal(kept.weights, shown.weights)
    assert np.array_equal(kept.state.momentum, shown.momentum)


def test_what_is_measured_is_what_the_acts_give(run: Run) -> None:
    acts = "noise all 0.1 4; drop 3"
    found = measured(run.run_id, 3, acts, 1e-5)
    state = perform(read_acts(acts), run.state, run.config, task_of(run.config))
    task = task_of(run.config)
    assert found.before == accuracy_of(state.weights, task.x_test, task.y_test, run.shape)
    assert found.types["zero"] == 1 and sum(found.types.values()) == run.record.particles


@pytest.mark.parametrize("acts", ["drop 99999", "explode 3", "perfect"])
def test_acts_of_an_address_that_cannot_be_done_are_said(run: Run, acts: str) -> None:
    app = open_microscope(run, picked="3", acts=acts)
    assert app.error


def test_another_way_from_an_epoch_is_a_fork_that_trains(run: Run, small: RunConfig) -> None:
    app = open_microscope(run, epoch="2")
    app.number_input(key=f"fork-alpha-{run.run_id}").set_value(7.0).run()
    assert any(f"--fork {run.run_id}@2 --alpha 7" in one.value for one in app.code)
    press(app, "train-fork")
    config = forked(f"{run.run_id}@2", alpha=7.0)
    assert app.session_state["looked_at"]["run"] == config.run_id
    fork, _ = obtain(config)
    assert np.array_equal(fork.snapshots[:3], run.snapshots[:3])
    assert not np.array_equal(fork.snapshots[3], run.snapshots[3])
