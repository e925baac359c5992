"""Several seeds trained together end as the runs that each would have ended as alone."""

import shutil

import numpy as np
import pytest

from srnn.estimate import ImpossibleError
from srnn.paths import run_folder
from srnn.runs import (
    Cancelled,
    RunError,
    cancel,
    find_run,
    list_jobs,
    obtain,
    obtain_seeds,
    train,
)
from srnn.runs.lock import Lock, is_held
from srnn.runs.run import read_record


def test_seeds_trained_together_equal_their_single_runs(small, tmp_path, monkeypatch):
    configs = [small.replace(seed=seed) for seed in range(3)]
    together = obtain_seeds(configs, "manual")
    assert [cached for _, cached in together] == [False] * 3
    assert list_jobs() == []
    monkeypatch.setenv("SRNN_CACHE", str(tmp_path / "other"))
    for config, (run, _) in zip(configs, together, strict=True):
        alone, cached = obtain(config, "manual")
        assert not cached
        assert alone.run_id == run.run_id
        assert alone.snapshot_epochs == run.snapshot_epochs
        gap = np.abs(alone.snapshots - run.snapshots).max()
        assert gap <= 1e-4 * np.abs(alone.snapshots).max()


def test_a_population_that_is_killed_loses_no_more_than_one_runs_work(small, monkeypatch, tmp_path):
    monkeypatch.setattr("srnn.runs.draft.SOONEST", 0.0)
    configs = [small.replace(seed=seed, epochs=8) for seed in range(4)]

    def killed(progress):
        if progress.done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        obtain_seeds(configs, on_progress=killed)
    kept = [read_record(run_folder(config.run_id)).results.epochs for config in configs]
    assert kept == [6] * 4  # a fourth of the epochs of four networks
    resumed = [run for run, _ in obtain_seeds(configs)]
    monkeypatch.setenv("SRNN_CACHE", str(tmp_path / "other"))
    for config, run in zip(configs, resumed, strict=True):
        assert np.array_equal(obtain(config)[0].snapshots, run.snapshots)


def test_only_missing_seeds_are_trained(small):
    first, _ = obtain(small, "manual")
    again = obtain_seeds([small, small.replace(seed=1), small.replace(seed=2)], "manual")
    assert [cached for _, cached in again] == [True, False, False]
    assert again[0][0].finished == first.finished


def test_a_population_may_differ_only_in_its_seed(small):
    with pytest.raises(ValueError, match="seed"):
        obtain_seeds([small, small.replace(alpha=1.0)])


def test_a_population_that_memory_cannot_hold_is_trained_one_by_one(small, monkeypatch):
    def tight(config, engine, networks=1):
        if networks > 1:
            raise ImpossibleError("too much")

    monkeypatch.setattr("srnn.estimate.refuse_impossible", tight)
    monkeypatch.setattr(train, "_train_together", None)
    found = obtain_seeds([small, small.replace(seed=1)], "manual")
    assert [run.record.results.epochs for run, _ in found] == [small.epochs] * 2


def test_cancelling_one_seed_leaves_the_others_alone(small):
    configs = [small.replace(seed=seed, epochs=30) for seed in range(3)]
    seen = []

    def once(progress):
        seen.append(progress.done)
        if len(seen) == 3:
            cancel(configs[0].run_id)

    with pytest.raises(Cancelled, match=configs[0].run_id):
        obtain_seeds(configs, "manual", once)
    assert seen[-1] == 30
    assert [(job.id, job.state, job.resumable) for job in list_jobs()] == [
        (configs[0].run_id, "cancelled", True)
    ]
    assert [find_run(config.run_id) is not None for config in configs] == [False, True, True]
    runs = obtain_seeds(configs, "manual")
    assert [cached for _, cached in runs] == [False, True, True]
    assert [len(run.records) for run, _ in runs] == [31] * 3


def test_a_cancelled_seed_that_is_asked_for_again_at_once_goes_on(small, monkeypatch):
    configs = [small.replace(seed=seed, epochs=10) for seed in range(2)]
    real = train.stop_if_cancelled
    times = []

    def late(draft):
        times.append(draft.state.epoch)
        (draft.folder / "cancel").unlink()
        real(draft)

    monkeypatch.setattr(train, "stop_if_cancelled", late)
    seen = []

    def once(progress):
        seen.append(progress.done)
        if len(seen) == 3:
            cancel(configs[1].run_id)

    runs = obtain_seeds(configs, "fused", once)
    assert len(times) == 1
    assert [len(run.records) for run, _ in runs] == [11, 11]
    assert list_jobs() == []


def test_a_seed_that_cannot_be_written_leaves_the_others_alone(small, unwritable_seed):
    configs = [small.replace(seed=seed) for seed in range(3)]
    with pytest.raises(OSError, match="disk is full"):
        obtain_seeds(configs, "fused")
    (job,) = list_jobs()
    assert (job.id, job.state, job.resumable) == (
        configs[unwritable_seed].run_id,
        "failed",
        True,
    )
    assert [find_run(config.run_id) is not None for config in configs] == [True, False, True]


def test_seeds_that_diverge_end_as_they_would_alone(small, tmp_path, monkeypatch):
    wild = small.replace(lr=0.5, epochs=20, on_divergence="stop")
    configs = [wild.replace(seed=seed) for seed in range(4)]
    together = [run for run, _ in obtain_seeds(configs, "fused")]
    monkeypatch.setenv("SRNN_CACHE", str(tmp_path / "other"))
    alone = [obtain(config, "fused")[0] for config in configs]
    assert any(run.stopped for run in alone)
    for one, other in zip(together, alone, strict=True):
        assert (one.stopped, one.snapshot_epochs) == (other.stopped, other.snapshot_epochs)
        assert np.array_equal(one.snapshots, other.snapshots, equal_nan=True)


def test_a_seed_that_is_not_trained_here_is_free_for_others(small):
    obtain(small, "manual")
    configs = [small.replace(seed=seed) for seed in range(3)]
    held = []

    def look(progress):
        held.extend(is_held(run_folder(config.run_id) / "lock") for config in configs)

    obtain_seeds(configs, "manual", look)
    assert held[:3] == [False, True, True]


def test_a_training_in_other_hands_is_left_alone(small, monkeypatch):
    """Nothing of a run may be read, let alone cut back, by who does not hold its lock."""
    begun = []
    real = train.Draft

    def watched(config, lock, engine):
        begun.append(config.run_id)
        return real(config, lock, engine)

    monkeypatch.setattr(train, "Draft", watched)
    monkeypatch.setattr(train, "obtain", lambda config, *_: (config, True))
    run_folder(small.run_id).mkdir(parents=True)
    lock = Lock(run_folder(small.run_id) / "lock")
    assert lock.take()
    obtain_seeds([small, small.replace(seed=1), small.replace(seed=2)], "manual")
    assert begun == [small.replace(seed=1).run_id, small.replace(seed=2).run_id]
    lock.release()


def test_a_seed_whose_folder_is_removed_ends_at_once_and_alone(small):
    configs = [small.replace(seed=seed, epochs=30) for seed in range(3)]
    seen = []

    def once(progress):
        seen.append(progress.done)
        if len(seen) == 3:
            shutil.rmtree(run_folder(configs[1].run_id))

    with pytest.raises(RunError, match="removed or replaced while the run was being trained"):
        obtain_seeds(configs, "manual", once)
    assert not run_folder(configs[1].run_id).exists()
    assert [find_run(config.run_id) is not None for config in configs] == [True, False, True]
