"""Nothing lost, nothing false: killed trainings, damaged runs, full and read-only disks.

A few seeded cases of what ``scripts/fault_report.py`` does many of.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

import faults
import numpy as np
import pytest

from srnn import estimate
from srnn.config import RunConfig
from srnn.files import CacheError
from srnn.runs import (
    RunError,
    find_run,
    labels,
    list_jobs,
    list_runs,
    obtain,
    read_job,
    space,
    submit,
)
from srnn.runs.library import why_aside


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The uninterrupted run, and how many file operations it took."""
    cache = tmp_path_factory.mktemp("whole")
    operations = faults.count_operations(cache, faults.victim())
    with faults.using(cache):
        run = find_run(faults.victim().run_id)
        assert run is not None
        assert run.snapshots.size  # read now: the cache is another one later
        _ = run.records
    return {"run": run, "operations": operations}


def test_a_training_killed_at_any_file_operation_ends_as_if_uninterrupted(cache, whole):
    config, rng = faults.victim(), np.random.default_rng(5)
    died = 0
    for operation in rng.choice(whole["operations"], 6, replace=False):
        died += faults.killed_at(cache, config, int(operation))
        there = find_run(config.run_id)
        assert there is None or faults.same_run(there, whole["run"])
        job = read_job(config.run_id)
        assert job is None or job.state == "interrupted"
    assert died >= 1
    assert faults.same_run(obtain(config)[0], whole["run"])


def test_a_training_killed_at_random_moments_ends_as_if_uninterrupted(cache, whole):
    config, rng = faults.victim(), np.random.default_rng(6)
    for _ in range(4):
        faults.killed_after(cache, config, float(rng.uniform(0.0, 0.3)))
        there = find_run(config.run_id)
        assert there is None or faults.same_run(there, whole["run"])
    assert faults.same_run(obtain(config)[0], whole["run"])


def test_a_damaged_run_is_set_aside_with_a_reason_or_read_right(cache, small, tmp_path):
    run, other = obtain(small)[0], obtain(small.replace(seed=1))[0]
    good, rng = tmp_path / "good", np.random.default_rng(7)
    shutil.copytree(run.path, good)
    for _ in range(40):
        what = faults.damage_folder(run.path, other.path, rng)
        found = find_run(run.run_id)
        if found is None:
            assert "damaged: " in (why_aside(run.run_id) or ""), what
            shutil.rmtree(cache / "damaged")
            shutil.copytree(good, run.path)
        else:
            with faults.using(cache):
                assert faults.same_run(found, run), what
            shutil.rmtree(run.path)
            shutil.copytree(good, run.path)


def test_damage_under_an_open_run_is_an_error_not_a_wrong_figure(small):
    run = obtain(small)[0]
    data = bytearray((run.path / "snapshots.f32").read_bytes())
    data[-5] ^= 1
    (run.path / "snapshots.f32").write_bytes(data)
    with pytest.raises(RunError, match=r"snapshots\.f32 is not what was written"):
        _ = run.snapshots


def _on_a_small_disk(cache: str, config: dict, size: int, out: str) -> None:
    os.environ["SRNN_CACHE"] = cache
    # without the estimate, which would refuse before anything is written
    estimate.refuse_impossible = lambda *_: None
    first, second = RunConfig.from_dict(config), RunConfig.from_dict(config | {"seed": 9})
    kind = faults.small_disk(Path(cache), size)
    run = obtain(first)[0]
    said = ""
    try:
        obtain(second.replace(snapshot_every=1, epochs=60))
    except (CacheError, ValueError) as error:
        said = str(error)
    left = [one.run_id for one in list_runs() if not one.bundled]
    again = find_run(run.run_id)
    fine = again is not None and bool(again.snapshots.size) and left == [run.run_id]
    Path(out).write_text(json.dumps([kind, said, fine]))


def test_a_full_disk_is_a_clear_error_and_breaks_nothing(tmp_path, small):
    folder, out = tmp_path / "disk", tmp_path / "out.json"
    folder.mkdir()
    process = faults.start(_on_a_small_disk, str(folder), small.to_dict(), 1_500_000, str(out))
    process.join(120)
    kind, said, fine = json.loads(out.read_text())
    assert kind in ("tmpfs", "file size limit")
    assert "cannot write to the cache" in said
    assert fine


def _on_a_read_only_disk(cache: str, config: dict, out: str) -> None:
    os.environ["SRNN_CACHE"] = cache
    first = RunConfig.from_dict(config)
    kind = faults.read_only_disk(Path(cache))
    run, cached = obtain(first)
    seen = [one.run_id for one in list_runs() if not one.bundled]
    fine = cached and bool(run.snapshots.size) and run.run_id in seen
    fine = fine and bool(space.space().runs) and list_jobs() == []
    said = []
    for refused in (
        lambda: obtain(first.replace(seed=9)),
        lambda: submit(first.replace(seed=9)),
        lambda: labels.edit_label(run.run_id, name="x"),
        lambda: space.delete_run(run.run_id),
        lambda: space.empty_trash() if space.list_trash() else space.delete_run(run.run_id),
    ):
        try:
            refused()
            said.append("")
        except CacheError as error:
            said.append(str(error))
    Path(out).write_text(json.dumps([kind, said, fine]))


def test_a_read_only_cache_can_be_browsed_and_says_that_it_is_read_only(small, tmp_path):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with faults.using(folder / "cache"):
            obtain(small)
        out = folder / "out.json"
        out.touch()
        out.chmod(0o666)
        process = faults.start(
            _on_a_read_only_disk, str(folder / "cache"), small.to_dict(), str(out)
        )
        process.join(120)
        kind, said, fine = json.loads(out.read_text())
    assert kind in ("read-only mount", "permissions")
    assert fine
    assert all("runs can be looked at, not trained" in text for text in said), said
