"""What a run keeps of its epochs: all weights, or a sample's where there are many particles."""

from __future__ import annotations

import io
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import faults
import numpy as np
import pytest
from app_pages import alone

from srnn import history
from srnn.analysis.collapse import scalars
from srnn.config import RunConfig
from srnn.estimate import estimate, run_bytes
from srnn.runs import Run, cancel, get_run, obtain, resume, step, submit, work, worker
from srnn.runs.fork import forked
from srnn.runs.record import FormatError, check_contents, parse, render
from srnn.runs.share import export_bytes, import_run

LIMIT, SAMPLE = 100, 40


@pytest.fixture
def whole(small: RunConfig, tmp_path: Path) -> Run:
    """The run as it is kept when its particles are few."""
    with faults.using(tmp_path / "whole"):
        run = obtain(small, "manual")[0]
        assert run.kept.scalars is None and run.snapshots is run.kept.weights
        assert run.state.weights.size
    return run


@pytest.fixture
def many(whole: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, the 312 particles are many."""
    monkeypatch.setattr(history, "WHOLE", LIMIT)
    monkeypatch.setattr(history, "SAMPLE", SAMPLE)


def checked(run: Run) -> Run:
    check_contents(parse(render(run.record)), {name: run.read(name) for name in run.record.files})
    return run


def test_the_sample_is_of_the_run_and_changes_no_bit_of_the_training(whole, many, small):
    run = checked(obtain(small, "manual")[0])
    chosen = run.kept.particles
    assert run.record.sample == len(chosen) == len(np.unique(chosen)) == SAMPLE
    assert run.kept.epochs == whole.kept.epochs and run.snapshot_epochs == [3]
    assert np.array_equal(run.kept.weights, whole.snapshots[:, :, chosen])
    assert np.array_equal(run.kept.scalars, scalars(whole.snapshots))
    assert np.array_equal(run.snapshots, whole.snapshots[-1:])
    assert np.array_equal(run.state.momentum, whole.state.momentum)
    assert run.records.equals(whole.records)  # the census is over all particles
    other = obtain(small.replace(seed=1), "manual")[0]
    assert not np.array_equal(other.kept.particles, chosen)


def test_what_is_kept_is_as_large_as_foretold(many, small):
    run = obtain(small.replace(epochs=6), "manual")[0]
    rows = (small.particle_weights * SAMPLE + 312) * 7
    assert run.record.files["snapshots.f32"].bytes == 4 * rows
    assert 0.8 < run_bytes(run.config) / (run.size + 2000) < 1.2


def test_a_training_that_was_interrupted_or_goes_on_later_keeps_the_same_bits(
    many, small, tmp_path, monkeypatch
):
    monkeypatch.setattr(worker, "WARM", 0.0)
    monkeypatch.setattr(worker, "ensure_workers", lambda: 0)
    config = small.replace(epochs=5)
    with faults.using(tmp_path / "straight"):
        straight = obtain(config, "manual")[0]
    with faults.using(tmp_path / "longer"):
        obtain(small, "manual")
        longer = checked(obtain(config, "manual")[0])
        assert longer.record.continued_from == small.run_id
        assert longer.record.files == straight.record.files
    submit(config, "manual")
    cancel(config.run_id)
    step(config.run_id)
    work()
    monkeypatch.setattr(history, "WHOLE", 10**9)  # what began with a sample goes on with it
    resume(config.run_id)
    work()
    assert checked(get_run(config.run_id)).record.files == straight.record.files


@pytest.mark.parametrize("epoch", [0, 2, 3])
def test_a_fork_keeps_what_its_parent_kept(many, small, epoch):
    parent = obtain(small)[0]
    fork = checked(obtain(forked(f"{parent.run_id}@{epoch}"))[0])
    assert fork.record.files == parent.record.files


def test_it_travels_and_a_sample_that_was_forged_does_not(many, small, tmp_path):
    run = obtain(small)[0]
    archive = io.BytesIO(export_bytes(run))
    with faults.using(tmp_path / "elsewhere"):
        there = import_run(archive).run
        assert np.array_equal(there.kept.weights, run.kept.weights)
    files = {name: run.read(name) for name in run.record.files}
    for sample in (None, SAMPLE + 1, 313):
        with pytest.raises(FormatError):
            forged = run.record.model_copy(update={"sample": sample})
            check_contents(parse(render(forged)), files)


def test_pages_say_that_only_a_sample_has_a_past(many, small):
    run = obtain(small)[0]
    for page in ("trajectories", "particle_types"):
        app = alone(f"pages/{page}.py", run=run.run_id)
        said = " ".join(one.value for one in [*app.caption, *app.markdown])
        assert "a sample of 40 particles" in said
        assert page != "trajectories" or "of the 40 whose weights this run keeps" in said


def _peak(config: RunConfig) -> float:
    from benchmarks.timing import peak_mb

    obtain(config, "fused")
    return peak_mb() * 1e6


def test_a_training_stays_within_the_memory_that_was_foretold():
    config = RunConfig(dataset="digits", neurons=4, depth=3, width=700, batch_size=100, epochs=2)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        peak = pool.submit(_peak, config).result()
    assert peak < estimate(config).memory_bytes
    run = get_run(config.run_id)
    assert run.record.particles == 541_800 and run.record.sample == history.SAMPLE
    assert run.size < 2.5 * 4 * config.particle_weights * run.record.particles
