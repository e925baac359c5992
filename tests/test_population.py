"""Several seeds trained together end as the runs that each would have ended as alone."""

from __future__ import annotations

import numpy as np
import pytest

from srnn.estimate import ImpossibleError
from srnn.jobs import cancel, files, list_jobs, obtain, obtain_seeds, population, shares
from srnn.jobs.obtain import Cancelled


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


def test_only_missing_seeds_are_trained(small):
    first, _ = obtain(small, "manual")
    again = obtain_seeds([small, small.replace(seed=1), small.replace(seed=2)], "manual")
    assert [cached for _, cached in again] == [True, False, False]
    assert again[0][0].info["finished"] == first.info["finished"]


def test_a_population_may_differ_only_in_its_seed(small):
    with pytest.raises(ValueError, match="seed"):
        obtain_seeds([small, small.replace(alpha=1.0)])


@pytest.mark.parametrize(("processes", "sizes"), [(1, [5]), (2, [3, 2]), (9, [1] * 5)])
def test_seeds_are_dealt_out_to_the_processes(small, processes, sizes):
    configs = [small.replace(seed=seed) for seed in range(5)]
    dealt = shares(configs, processes, "manual")
    assert [len(share) for share in dealt] == sizes
    assert {config for share in dealt for config in share} == set(configs)


def test_a_population_that_memory_cannot_hold_is_trained_one_by_one(small, monkeypatch):
    def tight(config, engine, networks=1):
        if networks > 1:
            raise ImpossibleError("too much")

    monkeypatch.setattr(population, "refuse_impossible", tight)
    monkeypatch.setattr(population, "_train_together", None)
    found = obtain_seeds([small, small.replace(seed=1)], "manual")
    assert [run.results["epochs"] for run, _ in found] == [small.epochs] * 2


def test_a_cancelled_population_goes_on_one_by_one(small, monkeypatch):
    configs = [small.replace(seed=seed, epochs=30) for seed in range(2)]
    seen = []

    def once(progress):
        seen.append(progress.epoch)
        if len(seen) == 3:
            cancel(configs[1].run_id)

    with pytest.raises(Cancelled):
        obtain_seeds(configs, "manual", once)
    assert {job.state for job in list_jobs()} == {"cancelled"}
    assert all(job.resumable for job in list_jobs())
    runs = obtain_seeds(configs, "manual")
    assert [run.results["epochs"] for run, _ in runs] == [30, 30]


def test_a_training_in_other_hands_is_left_alone(small, monkeypatch):
    """Nothing of a run may be read, let alone cut back, by who does not hold its lock."""
    looked_at = []
    real = population.load_partial

    def watched(config, folder):
        looked_at.append(config.run_id)
        return real(config, folder)

    monkeypatch.setattr(population, "load_partial", watched)
    monkeypatch.setattr(population, "obtain", lambda config, *_: (config, True))
    with files.lock(small.run_id):
        obtain_seeds([small, small.replace(seed=1)], "manual")
    assert looked_at == [small.replace(seed=1).run_id]
