"""Jobs: every run is trained once, by one process; its state is in its folder and its lock."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import faults
import numpy as np
import psutil
import pytest

from srnn import files, paths
from srnn.config import RunConfig
from srnn.files import read_json, stamp, write_json
from srnn.runs import (
    Cancelled,
    RunError,
    cancel,
    ensure_workers,
    find_run,
    forget,
    jobs,
    last_words,
    latest,
    library,
    list_jobs,
    list_runs,
    obtain,
    parallel,
    read_job,
    resume,
    submit,
    submit_command,
    train,
    work,
    worker,
)
from srnn.runs.draft import Draft
from srnn.runs.lock import Lock, is_held


@pytest.fixture(autouse=True)
def one_worker(monkeypatch):
    """At most two workers, whatever the machine; none is left behind."""
    monkeypatch.setenv("SRNN_JOBS", "2")
    yield
    for job in list_jobs():
        cancel(job.id)
    for child in worker._children:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        child.wait()
    worker._children.clear()
    worker._started.clear()


@pytest.fixture
def no_workers(monkeypatch):
    """A queue that nobody empties."""
    monkeypatch.setattr(worker, "ensure_workers", lambda: 0)


def until(condition, seconds: float = 300):
    """Wait for something that other processes do."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return found


def state(job_id: str) -> str | None:
    job = read_job(job_id)
    return job.state if job else None


def begun() -> list[str]:
    """The jobs that were begun in this cache, by id."""
    text = paths.journal_file().read_text() if paths.journal_file().exists() else ""
    return [line.split()[-1] for line in text.splitlines() if " begins " in line]


def slots_in_use() -> list[str]:
    folder = paths.slot_file("x").parent
    return [path.name for path in folder.iterdir()] if folder.exists() else []


# --- trainings -----------------------------------------------------------------------------


def test_a_background_job_trains_and_leaves_nothing_behind(small):
    run_id = submit(small)
    assert state(run_id) in ("queued", "running", None)
    run = until(lambda: find_run(run_id))
    until(lambda: all(child.poll() is not None for child in worker._children))
    assert list_jobs() == []
    assert slots_in_use() == []
    assert begun() == [run_id]
    assert len(list(run.path.iterdir())) == 4


def test_a_finished_run_is_not_queued_again(small):
    run = obtain(small)[0]
    assert submit(small) == run.run_id
    assert list_jobs() == []


@pytest.mark.usefixtures("no_workers")
def test_the_queue_has_places(small):
    ids = [submit(small.replace(seed=seed)) for seed in range(3)]
    assert [(job.id, job.place) for job in list_jobs()] == [
        (run_id, place + 1) for place, run_id in enumerate(ids)
    ]
    cancel(ids[0])
    assert (state(ids[0]), read_job(ids[2]).place) == ("cancelled", 2)
    resume(ids[0])
    assert read_job(ids[0]).place == 3
    forget(ids[1])
    assert read_job(ids[1]) is None
    assert not paths.run_folder(ids[1]).exists()


def test_cancel_keeps_a_checkpoint_and_resume_ends_as_if_uninterrupted(small, tmp_path):
    config = small.replace(epochs=30)
    with faults.using(tmp_path / "other"):
        whole = obtain(config)[0]

    def cancel_at_ten(progress):
        if progress.done == 10:
            cancel(config.run_id)

    with pytest.raises(Cancelled):
        obtain(config, on_progress=cancel_at_ten)
    job = read_job(config.run_id)
    assert (job.state, job.resumable) == ("cancelled", True)
    seen = []
    run = obtain(config, on_progress=lambda progress: seen.append(progress.done))[0]
    assert min(seen) >= 10
    assert run.record.files == whole.record.files


def test_a_training_cancelled_at_epoch_0_does_not_have_it_twice(small):
    first = [True]

    def cancel_once(progress):
        if first.pop() if first else False:
            cancel(small.run_id)

    with pytest.raises(Cancelled):
        obtain(small, on_progress=cancel_once)
    assert obtain(small)[0].records["epoch"].tolist() == [0, 1, 2, 3]


def test_asking_again_withdraws_a_cancellation(small):
    config = small.replace(epochs=20)

    def change_of_mind(progress):
        if progress.done == 5:
            cancel(config.run_id)
            submit(config)

    assert obtain(config, on_progress=change_of_mind)[0].record.results.epochs == 20
    assert list_jobs() == []


@pytest.mark.usefixtures("no_workers")
def test_the_lock_says_whether_a_job_runs_and_the_marks_say_the_rest(small):
    run_id = submit(small)
    folder = paths.run_folder(run_id)
    assert state(run_id) == "queued"
    lock = Lock(folder / "lock")
    assert lock.take()
    assert state(run_id) == "running"
    cancel(run_id)
    assert state(run_id) == "running"  # until who trains it lets go
    lock.release()
    assert state(run_id) == "cancelled"
    submit(small)
    assert state(run_id) == "queued"
    (folder / "queued").unlink()
    assert state(run_id) == "interrupted"


def test_a_lock_ends_with_its_process_and_is_lost_with_its_file(tmp_path):
    path = tmp_path / "lock"
    mine = Lock(path)
    assert mine.take() and mine.mine() and is_held(path)
    assert not Lock(path).take()
    path.unlink()
    assert not mine.mine()
    other = Lock(path)
    assert other.take() and other.mine() and not mine.mine()
    code = f"import fcntl,time; f=open({str(path)!r}); print(1, flush=True); time.sleep(60)"
    mine.release()
    other.release()
    assert not is_held(path)
    held = code.replace("print", "fcntl.flock(f, fcntl.LOCK_EX); print")
    with subprocess.Popen([sys.executable, "-c", held], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        assert is_held(path) and not Lock(path).take()
        child.kill()
    assert not is_held(path)


def test_a_lock_is_no_link_no_pipe_and_no_device(tmp_path):
    (tmp_path / "foreign").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "foreign")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(OSError, match=r"."):
            Lock(tmp_path / name).take()
    assert (tmp_path / "foreign").read_text() == "mine"


def test_asking_while_another_process_tidies_the_folder_is_asking(small, monkeypatch):
    """Who begins a training removes a killed writer's files, and with them those of a live one."""
    real, tidied = Path.replace, []

    def replace(path, target):
        if target.name == "request.json" and not tidied:
            tidied.append(path)
            path.unlink()
        return real(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    jobs.ask(small, "auto", queue=False)
    assert tidied and jobs.read_job(small.run_id).config == small


@pytest.mark.usefixtures("no_workers")
@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"command": []}', '{"command": ["train"], "config": {}}', "[" * 5000]
)
def test_a_damaged_job_is_none_and_can_be_asked_for_again(small, text):
    run_id = submit(small)
    for name in ("request.json", "progress.json"):
        (paths.run_folder(run_id) / name).write_text(text)
    assert read_job(run_id) is None
    assert list_jobs() == []
    submit(small)
    assert state(run_id) == "queued"


@pytest.mark.usefixtures("no_workers")
def test_a_job_edited_to_be_another_runs_is_not_believed(small):
    run_id = submit(small)
    values = read_json(paths.run_folder(run_id) / "request.json")
    values["config"]["seed"] = 77
    write_json(paths.run_folder(run_id) / "request.json", values)
    assert read_job(run_id) is None


@pytest.mark.usefixtures("no_workers")
@pytest.mark.parametrize("name", ["request.json", "progress.json", "log.txt", "failed", "lock"])
def test_a_pipe_in_the_place_of_a_jobs_file_does_not_hang(small, name):
    folder = paths.run_folder(submit(small))
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    (folder / "queued").unlink()
    for job in list_jobs():
        assert job.log == "" and job.state in ("interrupted", "failed")


@pytest.mark.parametrize("key", ["done", "total", "seconds", "rows", "remaining"])
@pytest.mark.parametrize("value", ["<b>", -1, 10**400, True])
def test_damaged_progress_is_none(small, key, value):
    folder = paths.run_folder(small.run_id)
    good = {"done": 1, "total": 3, "what": "training", "seconds": 1.0, "remaining": None}
    write_json(folder / "progress.json", good | {"rows": [{"epoch": 1, "task_loss": None}]})
    assert jobs.read_progress(folder).done == 1
    write_json(folder / "progress.json", good | {"rows": []} | {key: value})
    assert jobs.read_progress(folder) is None


def test_what_a_process_left_that_was_killed_after_it_had_finished_is_no_job_and_is_removed(small):
    run = obtain(small)[0]
    names = sorted(path.name for path in run.path.iterdir())
    jobs.ask(small, "auto", queue=True)
    (run.path / "lock").touch()
    assert list_jobs() == []
    assert obtain(small) == (run, True)
    assert sorted(path.name for path in run.path.iterdir()) == names


def test_a_failed_job_says_why_and_can_be_tried_again(small, monkeypatch):
    def broken(*_):
        raise ValueError("the data caught fire")

    with monkeypatch.context() as patch:
        patch.setattr(train, "task_of", broken)
        with pytest.raises(ValueError, match="caught fire"):
            obtain(small)
    job = read_job(small.run_id)
    assert (job.state, job.message) == ("failed", "ValueError: the data caught fire")
    assert obtain(small)[1] is False
    assert read_job(small.run_id) is None


def test_a_worker_killed_in_the_middle_leaves_an_interrupted_job_that_can_be_resumed(
    small, tmp_path, monkeypatch
):
    monkeypatch.setenv("SRNN_CHECKPOINT_SECONDS", "0.05")
    config = small.replace(epochs=2000)
    run_id = submit(config)
    written = paths.run_folder(run_id) / "run.json"
    until(written.exists)
    first = stamp(written)  # of epoch 0
    until(lambda: stamp(written) != first)
    worker._children[0].send_signal(signal.SIGKILL)
    until(lambda: state(run_id) == "interrupted")
    seen = []
    run = obtain(config, on_progress=lambda progress: seen.append(progress.done))[0]
    assert min(seen) > 0
    with faults.using(tmp_path / "other"):
        assert obtain(config)[0].record.files == run.record.files


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
        submit(RunConfig.from_dict(config))


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
    until(lambda: not list_jobs() and len(begun()) >= 24)
    assert sorted(begun()) == sorted(RunConfig.from_dict(config).run_id for config in configs)
    until(lambda: not slots_in_use())


# --- what goes wrong beneath a training ----------------------------------------------------


def training_and(small, do, at: int = 5, epochs: int = 40):
    """Train, and do something to its folder once it is at an epoch; returns where it ended."""
    config, seen = small.replace(epochs=epochs), []

    def once(progress):
        seen.append(progress.done)
        if progress.done == at and len(seen) < 2 * epochs:
            do(paths.run_folder(config.run_id))

    with pytest.raises(RunError, match=r"removed or replaced|changed by somebody else") as caught:
        obtain(config, on_progress=once)
    return config, seen[-1], str(caught.value)


def test_a_cache_removed_in_the_middle_is_noticed_at_once_and_nothing_is_made_again(small, cache):
    _, ended, said = training_and(small, lambda folder: shutil.rmtree(cache))
    assert ended == 5
    assert "was removed or replaced while the run was being trained" in said
    assert not cache.exists()


def test_a_lock_removed_in_the_middle_makes_no_false_run(small):
    """Another process may take the lock then and train; this one must write nothing more."""
    config, ended, _ = training_and(small, lambda folder: (folder / "lock").unlink())
    assert ended == 5
    assert find_run(config.run_id) is None
    assert state(config.run_id) == "interrupted"
    assert obtain(config)[0].record.results.epochs == 40


@pytest.mark.parametrize("name", ["snapshots.f32", "records.csv"])
@pytest.mark.parametrize("what", ["a bit flipped", "bytes appended", "cut short", "emptied"])
def test_a_byte_changed_beneath_a_training_is_seen_at_the_next_checkpoint(
    small, name, what, monkeypatch
):
    monkeypatch.setenv("SRNN_CHECKPOINT_SECONDS", "0")
    monkeypatch.setattr("srnn.runs.draft.SHARE", 1e9)

    def damage(folder):
        path = folder / name
        path.write_bytes(faults.BYTE_DAMAGE[what](path.read_bytes(), np.random.default_rng(1)))

    config, ended, said = training_and(small, damage)
    assert ended < 40 and name in said
    assert state(config.run_id) == "failed"
    clean = obtain(config)[0]
    assert clean.record.results.epochs == 40 and clean.records["epoch"].tolist() == list(range(41))


def _trained_partly(small, epochs: int) -> Draft:
    from srnn.tasks import load_task
    from srnn.training import train as loop

    jobs.ask(small, "auto", queue=False)
    lock = Lock(paths.run_folder(small.run_id) / "lock")
    assert lock.take()
    draft = Draft(small, lock)
    for record, _ in zip(loop(small, load_task("digits")), range(epochs + 1), strict=False):
        draft.add(record)
    draft.save()
    return draft


def test_a_checkpoint_is_read_as_it_was_written(small):
    draft = _trained_partly(small, 2)
    again = Draft(small, draft.lock)
    assert str(again.rows) == str(draft.rows)
    assert np.array_equal(again.state.weights, draft.state.weights)
    assert np.array_equal(again.state.momentum, draft.state.momentum)
    assert again.history.facts() == draft.history.facts()
    assert (again.state.epoch, again.divergences, again.stopped) == (2, [], None)


@pytest.mark.parametrize("engine", ["autograd", "fused"])
def test_a_checkpoint_of_another_engine_is_not_gone_on_from(small, engine):
    draft = _trained_partly(small, 2)
    assert Draft(small, draft.lock, draft.state.engine).state is not None
    other = {"fused": "autograd"}.get(draft.state.engine, "fused")
    assert Draft(small, draft.lock, other).state is None


@pytest.mark.parametrize("name", ["run.json", "snapshots.f32", "records.csv", "state-2.f32"])
@pytest.mark.parametrize("what", faults.BYTE_DAMAGE)
def test_a_damaged_checkpoint_counts_as_none_or_is_whole(small, name, what):
    draft = _trained_partly(small, 2)
    path, rng = draft.folder / name, np.random.default_rng(3)
    good = {path.name: path.read_bytes() for path in draft.folder.iterdir()}
    grown = name in ("snapshots.f32", "records.csv") and what == "bytes appended"
    for _ in range(5):
        for part, data in good.items():
            (draft.folder / part).write_bytes(data)
        path.write_bytes(faults.BYTE_DAMAGE[what](good[name], rng))
        same = path.read_bytes() == good[name]
        again = Draft(small, draft.lock)
        if grown or same:
            assert again.state is not None
            assert path.read_bytes() == good[name]
        else:
            assert again.state is None
            assert not (draft.folder / "run.json").exists()


# --- workers -------------------------------------------------------------------------------


def test_a_slot_of_a_dead_worker_is_free_and_two_never_take_one():
    first, second = worker._own_slot(), worker._own_slot()
    assert {first.path, second.path} == set(worker.slots(background=True))
    assert worker._own_slot() is None
    first.release()
    assert worker._own_slot().path == first.path


def test_a_worker_that_cannot_live_is_not_started_again_at_once_and_its_last_words_are_kept(
    small, monkeypatch
):
    monkeypatch.setenv("SRNN_JOBS", "1")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    run_id = submit(small)
    until(lambda: worker._children[0].poll() is not None)
    assert [ensure_workers() for _ in range(5)] == [0] * 5
    (slot,) = worker.slots(background=True)
    slot.with_suffix(".log").write_text("no module named torch")
    assert last_words() == "no module named torch"
    worker._started.clear()  # as if it was long ago
    assert ensure_workers() == 1
    cancel(run_id)


def test_dates_in_the_future_block_no_slot(small, monkeypatch):
    monkeypatch.setenv("SRNN_JOBS", "1")
    jobs.ask(small, "auto", queue=True)
    (slot,) = worker.slots(background=True)
    slot.parent.mkdir(parents=True)
    for path in (slot, slot.with_suffix(".log")):
        path.touch()
        os.utime(path, (4e9, 4e9))
    assert ensure_workers() == 1
    until(lambda: find_run(small.run_id))


def test_a_worker_does_not_leave_while_something_is_queued(small, no_workers, monkeypatch):
    """What is queued in the last moment, when the worker has looked and found nothing, is done."""
    real, left = worker._waiting, []

    def late():
        found = real()
        if not found and not left:
            left.append(submit(small))
        return found

    monkeypatch.setattr(worker, "_waiting", late)
    assert work() == 1
    assert find_run(left[0]) is not None


@pytest.mark.parametrize("name", ["lock", "../../locks/label-{}.lock", "../../locks/clean-up.lock"])
def test_a_lock_that_is_held_for_good_freezes_nobody(small, name, monkeypatch):
    monkeypatch.setattr("srnn.runs.lock.PATIENCE", 0.2)
    run = obtain(small)[0]
    path = (run.path / name.format(run.run_id)).resolve()
    path.parent.mkdir(exist_ok=True)
    lock = Lock(path)
    assert lock.take()
    started = time.process_time()
    assert find_run(run.run_id) == run
    assert list_runs() and list_jobs() == []
    for action in (lambda: submit(small), lambda: library.set_aside(run.path)):
        action()
    with faults.anything():
        forget(run.run_id)
    assert time.process_time() - started < 20  # it ended at all
    lock.release()


# --- any command ---------------------------------------------------------------------------


def test_a_command_is_a_job_with_progress_log_and_end(small):
    job_id = submit_command(["presets", "--json"], asked_by="a test")
    assert latest("presets").id == job_id
    until(lambda: state(job_id) == "finished")
    job = read_job(job_id)
    assert job.request.asked == {"asked_by": "a test"}
    assert json.loads(job.log.splitlines()[-1])[0]["name"]
    assert list_jobs() == [] and list_jobs(finished=True)[0].id == job_id
    assert submit_command(["presets", "--json"]) == job_id
    until(lambda: state(job_id) == "finished")
    assert begun() == [job_id] * 2
    other = submit_command(["presets"])
    assert latest("presets").id == other
    assert read_job(job_id) is None  # of each command the last one stays


def test_a_command_that_fails_says_why(small):
    job_id = submit_command(["prune", "nonsense"])
    until(lambda: state(job_id) == "failed")
    assert "'nonsense' is not the name of a run" in read_job(job_id).message
    resume(job_id)
    assert state(job_id) in ("queued", "running", "failed")


@pytest.mark.usefixtures("no_workers")
@pytest.mark.parametrize("name", ["reproduce-0123", "../x-0123456789abcdef", "-0123456789abcdef"])
def test_what_is_no_job_is_none(name):
    assert read_job(name) is None
    with pytest.raises(RuntimeError, match="there is no unfinished job"):
        resume(name)


def test_a_command_that_is_cancelled_ends_with_all_its_processes(small, cache):
    job_id = submit_command(
        ["train", "--dataset", "digits", "--epochs", "90000", "--snapshot-every", "90000"]
    )
    until(lambda: len(begun()) == 2)
    assert state(job_id) == "running"
    training = begun()[1]
    cancel(job_id)
    until(lambda: state(job_id) == "cancelled")
    assert {job.id: job.state for job in list_jobs()} == {
        job_id: "cancelled",
        training: "interrupted",
    }


def nap(seconds: float) -> float:
    """A piece of work."""
    time.sleep(seconds)
    return seconds


def spread(cache: str) -> None:
    """A process that gives long pieces of work to two others."""
    os.environ |= {"SRNN_CACHE": cache, "SRNN_JOBS": "2"}
    list(parallel.in_parallel(nap, [0.01, 0.01, 300, 300]))


def test_a_killed_parent_leaves_no_workers_behind(cache):
    code = f"import test_jobs; test_jobs.spread({str(cache)!r})"
    tests = Path(__file__).parent
    found = os.environ | {"PYTHONPATH": str(tests.parent)}
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=tests, env=found)
    family = psutil.Process(parent.pid)

    def at_work():
        found = [
            child for child in family.children(recursive=True) if "LokyProcess" in _words(child)
        ]
        return len(found) >= 2 and found

    children = until(at_work)
    until(lambda: all(_words(child) for child in children) and len(slots_in_use()) == 2)
    time.sleep(4.0)  # they are at their second pieces
    parent.kill()
    parent.wait()
    until(lambda: not any(child.is_running() and _words(child) for child in children), 30)


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_pieces_take_free_slots_only_and_give_them_back(monkeypatch):
    with parallel.taken(9) as count:
        assert count == 2
        assert len(slots_in_use()) == 2
        with parallel.taken(9) as less:
            assert less == 1
    assert slots_in_use() == []
    with parallel.taken(1) as count:
        assert count == 1
    busy = worker._own_slot()
    with parallel.taken(9) as count:
        assert count == 1
    busy.release()
    monkeypatch.setattr(parallel, "_mine", busy.path.parent)  # a job has its worker's slot
    monkeypatch.setenv("SRNN_JOBS", "1")
    with parallel.taken(9) as count:
        assert count == 2


def test_pieces_in_parallel_are_all_done_under_their_own_index():
    assert dict(parallel.in_parallel(abs, [-1, 2, -3], workers=2)) == {0: 1, 1: 2, 2: 3}
    assert dict(parallel.in_parallel(abs, [-1], workers=1)) == {0: 1}


def test_a_visitor_who_may_only_look_starts_and_changes_nothing(small, monkeypatch):
    run = obtain(small)[0]

    def no():
        raise files.CacheError("only looking")

    monkeypatch.setattr(files, "may_write", no)
    for action in (
        lambda: submit(small.replace(seed=9)),
        lambda: submit_command(["presets"]),
        lambda: obtain(small.replace(seed=9)),
    ):
        with pytest.raises(files.CacheError, match="only looking"):
            action()
    assert find_run(run.run_id) == run and list_jobs() == []
