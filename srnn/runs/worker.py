"""Workers: processes that do what is queued.

There are as many slots as :func:`srnn.runs.settings.worker_limit` says, each a file that the
process working in it holds locked; it says on what. A worker is born with its slot's lock, takes
what is queued, oldest first, and ends when nothing is. It needs no server, and survives it.
"""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from srnn import paths
from srnn.files import open_plain, read_tail, writing
from srnn.runs.jobs import FAILED, LOG, QUEUED, Cancelled, Job, list_jobs, note, settle
from srnn.runs.library import LOCK, find_run, is_unfinished
from srnn.runs.lock import Lock, is_held
from srnn.runs.settings import worker_limit

PATIENCE = 10.0
"""Seconds after its worker's start in which a slot is not given to another one, so that workers
that cannot live are not started again and again at once."""

WARM = 15.0
"""Seconds in which a worker waits for the next step after a training's single epoch: a new worker
takes some seconds to be there."""

_children: list[subprocess.Popen] = []
_started: dict[str, float] = {}


def ensure_workers() -> int:
    """Start workers for the queue while slots are free; returns how many were started. Cheap when
    nothing is queued, so that a page may call it whenever it looks at the jobs."""
    _children[:] = [child for child in _children if child.poll() is None]
    queued = len(_waiting())
    if not queued:
        return 0
    started = 0
    with writing():
        places = slots(background=True)
        paths.slot_file("x").parent.mkdir(parents=True, exist_ok=True)
        idle = sum(is_held(path) and not read_tail(path) for path in places)
        for path in places:
            if started >= queued - idle:
                break
            recent = time.monotonic() - _started.get(str(path), -PATIENCE) < PATIENCE
            lock = Lock(path)
            if not (recent and path.exists()) and lock.take():
                try:
                    os.truncate(path, 0)
                    _children.append(spawn(["work"], path.with_suffix(".log"), lock))
                finally:
                    lock.release()  # the child has it
                _started[str(path)] = time.monotonic()
                started += 1
    return started


def spawn(arguments: Sequence[str], log: Path, lock: Lock, **environment: str) -> subprocess.Popen:
    """Start ``python -m srnn ARGUMENTS`` on this cache, in a session of its own, so that it
    outlives who starts it; one torch thread. It holds the lock too. What it prints goes to
    ``log``.

    Raises:
        OSError: it cannot be started, or the log not be written.
    """
    own = {"PYTHONFAULTHANDLER": "1", "SRNN_LOCK": str(lock.handle)}
    assert lock.handle is not None
    with open_plain(log, "wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "srnn", *arguments],
            env=child_environment() | own | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=[lock.handle],
        )


def child_environment() -> dict[str, str]:
    """In which a process works for this one: on this cache, with this package, one torch thread."""
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    own = {"OMP_NUM_THREADS": "1", "SRNN_CACHE": str(paths.cache_root()), "PYTHONPATH": path}
    return os.environ | own


def slots(*, background: bool) -> list[Path]:
    """The files of this machine's slots; one less in the background, if nobody has set a number."""
    machine = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:60]
    limit = worker_limit(background=background)
    return [paths.slot_file(f"{machine}-{place}") for place in range(limit)]


def last_words() -> str:
    """What workers printed that died instead of giving their slot back; empty if none did."""
    dead = [path for path in slots(background=True) if path.exists() and not is_held(path)]
    return "\n".join(filter(None, (read_tail(path.with_suffix(".log")) for path in dead)))


# --- being a worker ------------------------------------------------------------------------


def work() -> int:
    """Be a worker: do what is queued, end when nothing is; returns the number of jobs done. Called
    by ``python -m srnn work``, which has its slot already or takes a free one."""
    done, warm = 0, 0.0
    while (slot := _own_slot()) is not None:
        try:
            while slot.path in slots(background=True):
                jobs = _waiting()
                stays = (stay for job in jobs if (stay := _work_on(job, slot)) is not None)
                if (stay := next(stays, None)) is not None:
                    done, warm = done + 1, time.monotonic() + stay
                elif jobs:  # all of them are in other hands
                    time.sleep(0.3)
                elif time.monotonic() < warm:
                    time.sleep(0.1)
                else:
                    break
        finally:
            slot.path.with_suffix(".log").unlink(missing_ok=True)
            slot.release(remove=True)
        if not _waiting():  # looked at after the slot was free: nothing is left alone
            break
    return done


def _waiting() -> list[Job]:
    return [job for job in list_jobs() if job.state == "queued"]


def _own_slot() -> Lock | None:
    """The slot that this process was born with, else a free one; None if all are taken."""
    inherited = os.environ.pop("SRNN_LOCK", "")
    with writing():
        paths.slot_file("x").parent.mkdir(parents=True, exist_ok=True)
        for path in slots(background=True):
            slot = Lock(path)
            if inherited:
                slot.handle = int(inherited)
                if slot.mine():
                    os.set_inheritable(slot.handle, False)
                    return slot
            elif slot.take():
                return slot
    return None


def says(slot: Lock, what: str) -> None:
    """Note in the slot what its holder does (on a full disk it stays as it was)."""
    with contextlib.suppress(OSError):
        assert slot.handle is not None
        os.truncate(slot.handle, 0)
        os.pwrite(slot.handle, what.encode(), 0)


def _work_on(job: Job, slot: Lock) -> float | None:
    """Do a queued job unless another process holds it; None if it was not taken, else the seconds
    in which the next one is likely."""
    try:
        lock = Lock(job.folder / LOCK)
        if not lock.take(0.1):
            return None
        try:
            asked = read_tail(job.folder / QUEUED)
            until = int(asked) if asked.isdecimal() and len(asked) < 10 else None
            (job.folder / QUEUED).unlink()
        except FileNotFoundError:  # cancelled, or another worker was faster
            lock.release()
            return None
    except OSError:
        return None
    (job.folder / FAILED).unlink(missing_ok=True)
    says(slot, job.id)
    try:
        with _logging(job.folder / LOG):
            _train(job, lock, until) if job.config is not None else _command(job, lock)
    finally:
        lock.release(remove=not is_unfinished(job.folder))
        says(slot, "")
    return 0.0 if until is None else WARM


def _train(job: Job, lock: Lock, until: int | None) -> None:
    import torch

    from srnn.estimate import refuse_impossible
    from srnn.runs.train import accounted, train_locked

    torch.set_num_threads(1)
    assert job.config is not None
    if find_run(job.id) is not None:
        settle(job.folder)
        return
    with accounted(lock):
        refuse_impossible(job.config, job.request.engine)
        train_locked(job.config, job.request.engine, lock, None, until)


def _command(job: Job, lock: Lock) -> None:
    """Run a command in a process of its own, which holds the job's lock too: it is running until
    both are gone, whichever goes first."""
    note("begins", job.id)
    spawn(job.request.command, job.folder / LOG, lock, SRNN_JOB=job.id).wait()
    note("ends", job.id)


@contextlib.contextmanager
def _logging(path: Path) -> Iterator[None]:
    """Send what this process prints, and the trace of an exception, to a job's log."""
    with open_plain(path, "a", encoding="utf-8", buffering=1) as file:
        file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} process {os.getpid()} starts\n")
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield
        except Cancelled:
            file.write("cancelled\n")
        except Exception:
            file.write(traceback.format_exc())
        finally:
            os.dup2(kept, 2)
            os.close(kept)
