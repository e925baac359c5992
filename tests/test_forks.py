"""Forks: another run's state at an epoch, with acts done and other settings from there on."""

import json

import numpy as np
import pytest

from srnn.acts import perform
from srnn.cli import main
from srnn.config import ConfigError, RunConfig
from srnn.lineage import LineageError, read_acts
from srnn.runs import (
    Run,
    RunError,
    cancel,
    find_run,
    get_run,
    list_all,
    obtain,
    read_job,
    step,
    submit,
    work,
    worker,
)
from srnn.runs.fork import forked, state_at
from srnn.tasks import task_of


@pytest.fixture
def parent(small: RunConfig) -> Run:
    return obtain(small.replace(epochs=4))[0]


def same_bits(one: Run, other: Run) -> bool:
    return (
        np.array_equal(one.snapshots, other.snapshots)
        and np.array_equal(one.state.momentum, other.state.momentum)
        and one.records.equals(other.records)
    )


def again(run: Run) -> Run:
    """The same run made once more, from its settings and its parent."""
    path = run.path.rename(run.path.parent.parent / "before")
    made, cached = obtain(
        RunConfig.from_dict(json.loads((path / "run.json").read_text())["config"])
    )
    assert not cached
    return made


def test_a_fork_with_its_parents_settings_is_its_parent(parent: Run) -> None:
    for epoch in (0, 2, 4):
        run, _ = obtain(forked(f"{parent.run_id}@{epoch}"))
        assert run.run_id != parent.run_id and same_bits(run, parent), epoch
        assert run.record.continued_from == parent.run_id
    assert f"fork of {parent.run_id[:6]} at epoch 4" in run.description


def test_another_alpha_holds_from_the_fork_on(parent: Run) -> None:
    run, _ = obtain(forked(f"{parent.run_id}@2", alpha=3.0))
    assert run.config.alpha == 3.0 and run.config.fork == f"{parent.run_id}@2"
    assert np.array_equal(run.snapshots[:3], parent.snapshots[:3])
    assert not np.array_equal(run.snapshots[3], parent.snapshots[3])
    assert run.records.iloc[:3].equals(parent.records.iloc[:3])
    before = run.snapshots.copy(), run.state.momentum.copy()
    made = again(run)
    assert np.array_equal(made.snapshots, before[0])
    assert np.array_equal(made.state.momentum, before[1])


def test_a_training_goes_epoch_by_epoch_and_another_way_where_it_stands(
    small: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "WARM", 0.0)
    monkeypatch.setattr(worker, "ensure_workers", lambda: 0)
    config = small.replace(epochs=4)
    submit(config)
    cancel(config.run_id)

    def go() -> None:
        step(config.run_id)
        with pytest.raises(RuntimeError, match="no paused training"):
            step(config.run_id)
        work()

    for epoch in (1, 2):
        go()
        job = read_job(config.run_id)
        assert (job.state, job.progress.done) == ("cancelled", epoch)
    config_on = forked(f"{config.run_id}@2", alpha=3.0)
    submit(config_on)
    work()
    on = get_run(config_on.run_id)
    go()
    go()  # the last epoch
    whole = get_run(config.run_id)
    assert np.array_equal(on.snapshots[:3], whole.snapshots[:3])
    assert not np.array_equal(on.snapshots[3], whole.snapshots[3])
    before = on.snapshots.copy(), on.state.momentum.copy()
    made = again(on)  # now from the finished parent, trained again up to epoch 2
    assert np.array_equal(made.snapshots, before[0])
    assert np.array_equal(made.state.momentum, before[1])


def test_the_shell_makes_the_same_bits(parent: Run, capsys: pytest.CaptureFixture[str]) -> None:
    config = forked(f"{parent.run_id}@1", alpha=10.0, lr=0.004)
    assert config.replication_lr == 0.004  # it followed in the parent
    run, _ = obtain(config)
    kept = run.snapshots.copy()
    run.path.rename(run.path.parent.parent / "before")
    options = ["--fork", f"{parent.run_id}@1", "--alpha", "10", "--lr", "0.004", "--json"]
    assert main(["train", *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["run_id"] == config.run_id and not told["cached"]
    assert np.array_equal(get_run(config.run_id).snapshots, kept)


def test_acts_are_part_of_the_settings_and_done_again_with_the_same_bits(parent: Run) -> None:
    acts = "drop 0-9; noise 10-30 0.05 3; settle 40 5; retrain 0-50 1; retrain all 1"
    config = forked(f"{parent.run_id}@4", acts=acts, epochs=6)
    run, _ = obtain(config)
    state = perform(read_acts(acts), parent.state, parent.config, task_of(parent.config))
    assert np.array_equal(run.weights, state.weights)
    assert np.array_equal(run.state.momentum, state.momentum)
    assert run.records["epoch"].tolist() == list(range(7))
    assert not run.weights[:, :10].any()
    assert "fork of" in run.description and "5 acts" in run.description
    weights, records = run.weights.copy(), run.records
    made = again(run)
    assert np.array_equal(made.weights, weights) and made.records.equals(records)
    assert list_all()[1] == []


def test_an_edited_network_is_kept_without_any_training(parent: Run) -> None:
    run, _ = obtain(forked(f"{parent.run_id}@2", acts="perfect 0-5", epochs=2))
    assert run.record.results.epochs == 2
    assert np.array_equal(run.snapshots[:2], parent.snapshots[:2])
    assert np.array_equal(run.weights[:, 6:], parent.snapshots[2][:, 6:])
    longer, _ = obtain(run.config.replace(epochs=4))
    assert np.array_equal(longer.snapshots[2], run.weights)


def test_a_fork_of_a_fork(parent: Run) -> None:
    child, _ = obtain(forked(f"{parent.run_id}@2", alpha=5.0))
    grandchild, _ = obtain(forked(f"{child.run_id}@3", acts="drop 1"))
    assert grandchild.config.alpha == 5.0 and grandchild.config.fork == f"{child.run_id}@3"
    assert np.array_equal(grandchild.snapshots[2], child.snapshots[2])
    assert not grandchild.weights[:, 1].any()


def test_a_training_under_way_can_be_forked(parent: Run) -> None:
    longer = parent.config.replace(epochs=50, alpha=20.0)
    submit(longer)
    cancel(longer.run_id)
    fork, _ = obtain(forked(f"{longer.run_id}@2", lr=0.001, epochs=4))
    straight, _ = obtain(longer.replace(epochs=2))
    assert np.array_equal(fork.snapshots[:3], straight.snapshots)
    assert fork.config.alpha == 20.0 and fork.config.replication_lr == 0.001
    before = fork.weights.copy()
    assert np.array_equal(again(fork).weights, before)


def test_the_state_of_an_earlier_epoch_is_that_of_the_shorter_run(parent: Run) -> None:
    shorter, _ = obtain(parent.config.replace(epochs=2))
    state = state_at(parent, 2)
    assert np.array_equal(state.weights, shorter.weights)
    assert np.array_equal(state.momentum, shorter.state.momentum)


def test_what_cannot_be_forked_is_said(parent: Run, small: RunConfig) -> None:
    run_id = parent.run_id
    with pytest.raises(RunError, match="no finished run"):
        forked("0" * 16 + "@1")
    with pytest.raises(LineageError, match="RUN@EPOCH"):
        forked(run_id)
    with pytest.raises(ConfigError, match="no epoch 9"):
        forked(f"{run_id}@9")
    with pytest.raises(ConfigError, match="neurons, seed"):
        forked(f"{run_id}@1", neurons=5, seed=3)
    with pytest.raises(ConfigError, match="begins at epoch 6"):
        forked(f"{run_id}@4", acts="retrain all 2")
    with pytest.raises(ConfigError, match=r"acts = .*unknown act"):
        small.replace(acts="explode 3")
    with pytest.raises(ValueError, match="counted from 0"):
        obtain(forked(f"{run_id}@4", acts="drop 5000"))
    with pytest.raises(ConfigError, match="need a fork"):
        small.replace(acts="drop 3")
    with pytest.raises(RunError, match="no finished run"):
        obtain(small.replace(fork="0" * 16 + "@1", acts="drop 3"))
    assert find_run(small.replace(fork=f"{run_id}@1").run_id) is None


def test_settings_without_a_fork_keep_their_names(small: RunConfig) -> None:
    assert "fork" not in small.to_dict() and "acts" not in small.to_dict()
    fork = "0" * 16 + "@1"
    one, other = (
        small.replace(fork=fork, acts=text) for text in ("drop 5,4;drop 1", "drop 4-5; drop 1")
    )
    assert one == other and one.run_id != small.run_id
    assert one.acts == "drop 4-5; drop 1"
