"""Jobs and the queue: every run is trained once, by one process, and its state is in the files."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time

import faults
import numpy as np
import pytest

from srnn import jobs, paths
from srnn.config import RunConfig
from srnn.files import read_json, stamp, write_json
from srnn.jobs import Cancelled, obtain, process, slots
from srnn.jobs.files import new_job, read_job_file, runs, write_job
from srnn.store import checkpoint, find_run
from srnn.store.checkpoint import Partial, load_partial


@pytest.fixture(autouse=True)
def one_worker(monkeypatch):
    """At most two workers, whatever the machine; none is left behind."""
    monkeypatch.setenv("SRNN_JOBS", "2")
    yield
    for job in jobs.list_jobs():
        if job.state == "queued":
            jobs.cancel(job.run_id)
    for child in slots._children:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        child.wait()
    slots._children.clear()


@pytest.fixture
def no_workers(monkeypatch):
    """A queue that nobody empties."""
    monkeypatch.setattr("srnn.jobs.queue.ensure_workers", lambda: 0)


def until(condition, seconds: float = 60):
    """Wait for something that other processes do."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return found


def state(run_id: str) -> str | None:
    job = jobs.read_job(run_id)
    return job.state if job else None


def begun() -> list[str]:
    """The trainings that were begun in this cache, by run id."""
    text = paths.journal_file().read_text() if paths.journal_file().exists() else ""
    return [line.split()[-1] for line in text.splitlines() if " begins " in line]


def test_a_background_job_trains_and_leaves_nothing_behind(small):
    run_id = jobs.submit(small)
    assert state(run_id) in ("queued", "running", None)
    run = until(lambda: find_run(run_id))
    assert faults.same_run(run, run)
    until(lambda: not slots._children or slots._children[0].poll() is not None)
    assert jobs.list_jobs() == []
    assert not list(paths.slot_file("x").parent.glob("*.json"))
    assert begun() == [run_id]


def test_a_finished_run_is_not_queued_again(small):
    run = obtain(small)[0]
    assert jobs.submit(small) == run.run_id
    assert jobs.list_jobs() == []


@pytest.mark.usefixtures("no_workers")
def test_the_queue_has_places(small):
    ids = [jobs.submit(small.replace(seed=seed)) for seed in range(3)]
    assert [(job.run_id, job.place) for job in jobs.list_jobs()] == [
        (run_id, place + 1) for place, run_id in enumerate(ids)
    ]
    jobs.cancel(ids[0])
    assert (state(ids[0]), jobs.read_job(ids[2]).place) == ("cancelled", 2)
    jobs.resume(ids[0])
    assert jobs.read_job(ids[0]).place == 3
    jobs.forget(ids[1])
    assert jobs.read_job(ids[1]) is None


def test_cancel_keeps_a_checkpoint_and_resume_ends_as_if_uninterrupted(small, tmp_path):
    config = small.replace(epochs=30)
    with faults.using(tmp_path / "other"):
        whole = obtain(config)[0]
        assert whole.snapshots.size and len(whole.records)

    def cancel_at_ten(progress):
        if progress.epoch == 10:
            jobs.cancel(config.run_id)

    with pytest.raises(Cancelled):
        obtain(config, on_progress=cancel_at_ten)
    job = jobs.read_job(config.run_id)
    assert (job.state, job.resumable) == ("cancelled", True)
    seen = []
    run = obtain(config, on_progress=lambda progress: seen.append(progress.epoch))[0]
    assert min(seen) >= 10
    assert run.info["checksums"] == whole.info["checksums"]


def test_a_training_cancelled_at_epoch_0_does_not_have_it_twice(small):
    first = [True]

    def cancel_once(progress):
        if first.pop() if first else False:
            (paths.work_folder(small.run_id) / "cancel").touch()

    with pytest.raises(Cancelled):
        obtain(small, on_progress=cancel_once)
    assert obtain(small)[0].records["epoch"].tolist() == [0, 1, 2, 3]


def test_asking_again_withdraws_a_cancellation(small):
    config = small.replace(epochs=20)

    def change_of_mind(progress):
        if progress.epoch == 5:
            jobs.cancel(config.run_id)
            jobs.submit(config)

    assert obtain(config, on_progress=change_of_mind)[0].results["epochs"] == 20


@pytest.mark.usefixtures("no_workers")
def test_a_job_of_a_dead_process_is_interrupted_even_if_its_id_was_given_away(small):
    run_id = jobs.submit(small)
    mine = process.me()
    assert runs(mine)
    values = read_job_file(run_id) | {"state": "running"}
    write_job(run_id, values | mine)
    assert state(run_id) == "running"
    write_job(run_id, values | mine | {"born": mine["born"] - 1})  # my id, another's birth
    assert state(run_id) == "interrupted"
    write_job(run_id, values | mine | {"pid": 2**22 + 1})
    assert state(run_id) == "interrupted"


@pytest.mark.usefixtures("no_workers")
def test_a_job_of_another_machine_lives_as_long_as_its_heart_beats(small):
    run_id = jobs.submit(small)
    values = read_job_file(run_id) | {"state": "running", "host": "elsewhere", "pid": 1, "born": 1}
    write_job(run_id, values)
    assert state(run_id) == "interrupted"
    beat = paths.work_folder(run_id) / "alive"
    beat.touch()
    assert state(run_id) == "running"
    os.utime(beat, (1, 1))
    assert state(run_id) == "interrupted"


@pytest.mark.usefixtures("no_workers")
@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"state": "running"}', '{"state": 5, "config": {}}', "[" * 5000]
)
def test_a_damaged_job_is_none_and_can_be_asked_for_again(small, text):
    run_id = jobs.submit(small)
    for name in ("job.json", "progress.json"):
        (paths.work_folder(run_id) / name).write_text(text)
    assert jobs.read_job(run_id) is None
    assert jobs.list_jobs() == []
    jobs.submit(small)
    assert state(run_id) == "queued"


@pytest.mark.usefixtures("no_workers")
def test_a_job_edited_to_be_another_runs_is_not_believed(small):
    run_id = jobs.submit(small)
    values = read_job_file(run_id)
    values["config"]["seed"] = 77
    write_json(paths.work_folder(run_id) / "job.json", values)
    assert jobs.read_job(run_id) is None


@pytest.mark.parametrize("key", ["epoch", "seconds", "rows", "remaining"])
def test_damaged_progress_is_none(small, key):
    folder = paths.work_folder(small.run_id)
    good = {"epoch": 1, "epochs": 3, "phase": "training", "seconds": 1.0, "remaining": None}
    write_json(folder / "progress.json", good | {"rows": [{"epoch": 1, "task_loss": None}]})
    assert jobs.read_progress(small.run_id).epoch == 1
    write_json(folder / "progress.json", good | {"rows": []} | {key: "<b>"})
    assert jobs.read_progress(small.run_id) is None


def test_what_a_process_left_that_was_killed_after_it_had_finished_is_no_job_and_is_removed(small):
    run = obtain(small)[0]
    write_json(paths.work_folder(run.run_id) / "job.json", new_job(small, "auto"))
    assert jobs.list_jobs() == []
    assert obtain(small) == (run, True)
    assert not paths.work_folder(run.run_id).exists()


def test_a_failed_job_says_why_and_can_be_tried_again(small, monkeypatch):
    def broken(*_):
        raise ValueError("the data caught fire")

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["srnn.jobs.obtain"], "task_of", broken)
        with pytest.raises(ValueError, match="caught fire"):
            obtain(small)
    job = jobs.read_job(small.run_id)
    assert (job.state, job.message) == ("failed", "ValueError: the data caught fire")
    assert obtain(small)[1] is False
    assert jobs.read_job(small.run_id) is None


def test_a_worker_killed_in_the_middle_leaves_an_interrupted_job_that_can_be_resumed(
    small, tmp_path, monkeypatch
):
    monkeypatch.setenv("SRNN_CHECKPOINT_SECONDS", "0.05")
    config = small.replace(epochs=2000)
    run_id = jobs.submit(config)
    written = paths.work_folder(run_id) / checkpoint.FILE
    until(written.exists)
    first = stamp(written)  # of epoch 0
    until(lambda: stamp(written) != first)
    pid = read_job_file(run_id)["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: state(run_id) == "interrupted")
    seen = []
    run = obtain(config, on_progress=lambda progress: seen.append(progress.epoch))[0]
    assert min(seen) > 0
    with faults.using(tmp_path / "other"):
        assert obtain(config)[0].info["checksums"] == run.info["checksums"]


def test_of_two_who_ask_at_once_one_trains_and_the_other_loads(cache, small):
    config = small.replace(epochs=60)
    children = [faults.start(faults.train_in_child, str(cache), config.to_dict()) for _ in range(3)]
    for child in children:
        child.join(240)
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert begun() == [config.run_id]


def submit_many(cache: str, configs: list[dict]) -> None:
    """Queue some jobs, from a process of its own."""
    os.environ |= {"SRNN_CACHE": cache, "SRNN_JOBS": "2"}
    for config in configs:
        jobs.submit(RunConfig.from_dict(config))


def test_many_jobs_queued_by_four_processes_at_once_are_each_trained_exactly_once(cache, small):
    configs = [small.replace(epochs=1, seed=seed).to_dict() for seed in range(24)]
    orders = [np.random.default_rng(turn).permutation(24) for turn in range(4)]
    children = [
        faults.start(submit_many, str(cache), [configs[place] for place in order])
        for order in orders
    ]
    for child in children:
        child.join(240)
    assert [child.exitcode for child in children] == [0] * 4
    until(lambda: not jobs.list_jobs() and len(begun()) >= 24, 120)
    assert sorted(begun()) == sorted(RunConfig.from_dict(config).run_id for config in configs)
    until(lambda: not list(paths.slot_file("x").parent.glob("*.json")))


def test_a_slot_of_a_dead_worker_is_free_and_two_never_take_one(small):
    assert slots.take_slot() == slots._slots()[0]
    other = process.me() | {"pid": 1, "job": None, "born": process.identity(1)["born"]}
    write_json(paths.slot_file(slots._slots()[0]), other)
    assert slots.take_slot() == slots._slots()[1]
    write_json(paths.slot_file(slots._slots()[1]), other)
    assert slots.take_slot() is None
    write_json(paths.slot_file(slots._slots()[0]), other | {"born": 0.5})
    assert slots.take_slot() == slots._slots()[0]
    assert read_json(paths.slot_file(slots._slots()[0]))["pid"] == os.getpid()


def test_a_worker_that_cannot_live_is_not_started_again_at_once_and_its_last_words_are_kept(
    small, monkeypatch
):
    monkeypatch.setenv("SRNN_JOBS", "1")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    started = []
    popen = slots.subprocess.Popen
    monkeypatch.setattr(
        slots.subprocess,
        "Popen",
        lambda *given, **more: started.append(popen(*given, **more)) or started[-1],
    )
    run_id = jobs.submit(small)
    until(lambda: started[0].poll() is not None)
    assert [jobs.ensure_workers() for _ in range(5)] == [0] * 5
    assert len(started) == 1
    slot = paths.slot_file(slots._slots()[0])
    slot.with_suffix(".log").write_text("no module named torch")
    assert jobs.last_words() == "no module named torch"
    os.utime(slot.with_suffix(".log"), (1, 1))
    assert jobs.ensure_workers() == 1
    jobs.cancel(run_id)


def test_a_worker_does_not_leave_while_something_is_queued(small):
    slot = slots.take_slot()
    folder = paths.work_folder(small.run_id)
    write_json(folder / "job.json", new_job(small, "auto"))
    assert not slots.leave_slot(slot)
    jobs.cancel(small.run_id)
    assert slots.leave_slot(slot)


def _trained_partly(small, epochs: int) -> Partial:
    from srnn.tasks import load_task
    from srnn.training import train

    folder = paths.work_folder(small.run_id)
    partial = Partial(small, folder)
    for record, _ in zip(train(small, load_task("digits")), range(epochs + 1), strict=False):
        partial.add(record)
    partial.save()
    return partial


def test_a_checkpoint_is_read_as_it_was_written(small):
    partial = _trained_partly(small, 2)
    again = load_partial(small, partial.folder)
    assert again.records.equals(partial.records)
    assert np.array_equal(again.state.weights, partial.state.weights)
    assert np.array_equal(again.state.momentum, partial.state.momentum)
    assert np.array_equal(again.snapshots(), partial.snapshots())
    assert load_partial(small.replace(seed=5), partial.folder) is None


@pytest.mark.parametrize("name", [checkpoint.FILE, "snapshots.f32"])
@pytest.mark.parametrize("what", faults.BYTE_DAMAGE)
def test_a_damaged_checkpoint_counts_as_none_or_is_whole(small, name, what):
    partial = _trained_partly(small, 2)
    path, rng = partial.folder / name, np.random.default_rng(3)
    good = path.read_bytes()
    for _ in range(10):
        path.write_bytes(faults.BYTE_DAMAGE[what](good, rng))
        again = load_partial(small, partial.folder)
        appended = name == "snapshots.f32" and what == "bytes appended"
        assert (again is not None) == (appended or path.read_bytes() == good)
    if name == "snapshots.f32":
        path.write_bytes(good + b"half a snapshot")
        assert load_partial(small, partial.folder) is not None
        assert path.read_bytes() == good


def test_a_heartbeat_ends_with_the_training(small):
    obtain(small)
    assert not any(thread.name == "heartbeat" for thread in threading.enumerate())
