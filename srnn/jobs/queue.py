"""The queue: runs that are asked for in the background, and the workers that train them.

At most :func:`srnn.store.settings.worker_limit` workers empty the queue, oldest first, and end
when it is empty. They need no server, and survive it.
"""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from filelock import Timeout

from srnn import paths
from srnn.config import RunConfig
from srnn.estimate import refuse_impossible
from srnn.files import remove_leftovers
from srnn.jobs.files import (
    Cancelled,
    Job,
    clear,
    job_lock,
    list_jobs,
    lock,
    new_job,
    read_job,
    read_job_file,
    tidy,
    write_job,
)
from srnn.jobs.obtain import claim, train_locked
from srnn.jobs.slots import busy_with, ensure_workers, leave_slot, take_slot
from srnn.store import find_run
from srnn.store.space import remove_scratch
from srnn.tasks import resolve


def submit(config: RunConfig, engine: str = "auto") -> str:
    """Ask for a run in the background; returns its id. Nothing happens if it is finished, queued
    or running already. A cancelled, failed or interrupted one goes on from its checkpoint.

    Raises:
        DataError: the data set cannot be used.
        ImpossibleError: too much memory, disk or time for this machine.
        CacheError: the cache cannot be written (full or read-only).
    """
    config = resolve(config)
    run_id = config.run_id
    if find_run(run_id) is not None:
        tidy(run_id)
    else:
        refuse_impossible(config, engine)
        with job_lock(run_id):
            folder = paths.work_folder(run_id)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "cancel").unlink(missing_ok=True)
            job = read_job(run_id, place=False)
            if job is None or job.state not in ("queued", "running"):
                write_job(run_id, new_job(config, engine))
    ensure_workers()
    return run_id


def resume(run_id: str) -> None:
    """Ask again for a cancelled, failed or interrupted job; it goes on from its checkpoint.

    Raises:
        RuntimeError: there is no such job.
        Everything that :func:`submit` raises.
    """
    job = read_job(run_id, place=False)
    if job is None:
        raise RuntimeError(f"there is no unfinished job {run_id[:40]}")
    submit(job.config, job.engine)


def cancel(run_id: str) -> None:
    """Cancel a queued or running job; what it has done so far stays as a checkpoint.

    Raises:
        CacheError: the cache cannot be written.
    """
    with job_lock(run_id):
        job, values = read_job(run_id, place=False), read_job_file(run_id)
        if job is None or values is None:
            return
        if job.state == "running":
            (paths.work_folder(run_id) / "cancel").touch()
        elif job.state in ("queued", "interrupted"):
            write_job(run_id, values | {"state": "cancelled", "message": ""})


def forget(run_id: str) -> None:
    """Remove a job that is not running, with its checkpoint.

    Raises:
        RuntimeError: it is running.
        CacheError: the cache cannot be written.
    """
    held = lock(run_id)
    try:
        held.acquire(timeout=0)
    except Timeout:
        raise RuntimeError(f"run {run_id} is being trained; cancel it first") from None
    try:
        with job_lock(run_id):
            clear(run_id)
    finally:
        held.release()


def work() -> int:
    """Be a worker: take a free slot, train what is queued, end when nothing is; returns the number
    of jobs done. Called by ``python -m srnn work``."""
    import torch

    torch.set_num_threads(1)
    slot = take_slot()
    if slot is None:
        return 0
    done = 0
    try:
        remove_scratch()
        while not leave_slot(slot):
            queue = (job for job in list_jobs() if job.state == "queued")
            if any(_work_on(job, slot) for job in queue):
                done += 1
            else:  # all of them are in other hands
                time.sleep(0.3)
    finally:
        leave_slot(slot, if_idle=False)
    return done


def _work_on(job: Job, slot: str) -> bool:
    """Train a queued job unless another process holds it; whether it was taken."""
    held = lock(job.run_id)
    try:
        held.acquire(timeout=0)
    except Timeout:
        return False
    try:
        if find_run(job.run_id) is not None:
            with job_lock(job.run_id):
                clear(job.run_id)
            return True
        values = claim(job.config, job.engine, queued=True)
        if values is None:
            return False
        busy_with(slot, job.run_id)
        with _logging(paths.work_folder(job.run_id) / "log.txt"):
            try:
                refuse_impossible(job.config, job.engine)
            except (ValueError, OSError) as error:
                with job_lock(job.run_id):
                    write_job(job.run_id, values | {"state": "failed", "message": str(error)})
                raise
            train_locked(job.config, values, None)
        busy_with(slot, None)
        return True
    finally:
        held.release()


@contextlib.contextmanager
def _logging(path: Path) -> Iterator[None]:
    """Send what this process prints, and the trace of an exception, to a job's log."""
    remove_leftovers(path.parent, age=60)
    with path.open("a", encoding="utf-8", buffering=1) as file:
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
