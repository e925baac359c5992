"""The queue: runs that are asked for in the background, and the worker processes that train them.

At most :func:`worker_limit` workers empty the queue, oldest first, and end when it is empty. They
need no server: a slot is a lock that a worker holds, so a dead one frees its slot by dying.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path

from filelock import Timeout

from srnn import paths
from srnn.config import RunConfig
from srnn.files import write_json
from srnn.jobs.files import Job, clear, list_jobs, lock, new_job, read_job, read_job_file
from srnn.jobs.obtain import Cancelled, train_locked
from srnn.store import find_run
from srnn.tasks import resolve


def submit(config: RunConfig, engine: str = "auto") -> str:
    """Ask for a run in the background; returns its id. Nothing happens if it is finished, queued
    or running already. A cancelled, failed or interrupted one goes on from its checkpoint.

    Raises:
        DataError: the data set cannot be used.
        OSError: the cache cannot be written.
    """
    config = resolve(config)
    run_id = config.run_id
    if find_run(run_id) is None:
        folder = paths.work_folder(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        with lock(f"job-{run_id}"):
            job = read_job(run_id)
            if job is None or job.state not in ("queued", "running"):
                (folder / "cancel").unlink(missing_ok=True)
                write_json(folder / "job.json", new_job(config, engine))
    ensure_workers()
    return run_id


def cancel(run_id: str) -> None:
    """Cancel a queued or running job; what it has done so far stays as a checkpoint."""
    job = read_job(run_id)
    if job is None:
        return
    folder = paths.work_folder(run_id)
    (folder / "cancel").touch()
    if job.state in ("queued", "interrupted"):
        values = read_job_file(run_id)
        if values is not None:
            write_json(folder / "job.json", values | {"state": "cancelled"})


def forget(run_id: str) -> None:
    """Remove a job that is not running, with its checkpoint.

    Raises:
        RuntimeError: it is running.
    """
    job = read_job(run_id)
    if job is not None and job.state == "running":
        raise RuntimeError(f"run {run_id} is being trained; cancel it first")
    shutil.rmtree(paths.work_folder(run_id), ignore_errors=True)


def worker_limit() -> int:
    """Trainings that may run at once: ``SRNN_JOBS``, or one less than the cores, at least one."""
    try:
        return max(1, int(os.environ["SRNN_JOBS"]))
    except (KeyError, ValueError):
        return max(1, (os.cpu_count() or 2) - 1)


def ensure_workers() -> int:
    """Start workers for the queue while slots are free; returns how many were started."""
    queued = sum(job.state == "queued" for job in list_jobs())
    free = sum(_slot_is_free(slot) for slot in range(worker_limit()))
    started = min(queued, free)
    for _ in range(started):
        _start_worker()
    return started


def _slot_is_free(slot: int) -> bool:
    held = lock(f"slot-{slot}")
    try:
        held.acquire(timeout=0)
    except Timeout:
        return False
    held.release()
    return True


def _start_worker() -> None:
    root = Path(__file__).resolve().parent.parent
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "SRNN_CACHE": str(paths.cache_root()),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH", "")])),
    }
    subprocess.Popen(
        [sys.executable, "-m", "srnn", "work"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def work() -> int:
    """Be a worker: take a free slot, train what is queued, end when nothing is; returns the number
    of jobs done. Called by ``python -m srnn work``."""
    import torch

    torch.set_num_threads(1)
    for slot in range(worker_limit()):
        held = lock(f"slot-{slot}")
        with contextlib.suppress(Timeout):
            held.acquire(timeout=0)
            try:
                return _empty_queue()
            finally:
                held.release()
    return 0


def _empty_queue() -> int:
    done = 0
    while queue := [job for job in list_jobs() if job.state == "queued"]:
        taken = next((job for job in queue if _work_on(job)), None)
        if taken is None:  # all of them are in other hands
            time.sleep(0.3)
        else:
            done += 1
    return done


def _work_on(job: Job) -> bool:
    """Train a queued job unless another process holds it; whether it was taken."""
    held = lock(job.run_id)
    try:
        held.acquire(timeout=0)
    except Timeout:
        return False
    try:
        current = read_job(job.run_id, place=False)
        if current is None or current.state != "queued":
            return False
        if find_run(job.run_id) is not None:
            clear(job.run_id)
            return True
        log = paths.work_folder(job.run_id) / "log.txt"
        with log.open("a", encoding="utf-8") as file:
            stamp = time.strftime("%Y-%m-%d %H:%M:%S")
            file.write(f"{stamp} process {os.getpid()} starts {job.run_id}\n")
            file.flush()
            try:
                train_locked(job.config, job.engine, None)
            except Cancelled:
                file.write("cancelled\n")
            except Exception:
                file.write(traceback.format_exc())
        return True
    finally:
        held.release()
