"""The files of a job, below ``cache/work/<run id>``, and what they say together.

``job.json`` holds what is asked and by which process it is done, ``progress.json`` how far it is,
``log.txt`` what went wrong; ``cancel`` is a mark, ``alive`` a heartbeat for other machines. Nothing
else is state: a job whose process is gone is *interrupted*, whatever its file says. Every change of
``job.json`` is made under the job's lock; what is in the files is untrusted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from srnn import paths
from srnn.config import RunConfig
from srnn.files import read_json, stamp, write_json, writing
from srnn.jobs.process import is_alive
from srnn.store import checkpoint, is_run_id

STATES = ("queued", "running", "interrupted", "cancelled", "failed")

SILENT = 60
"""Seconds without a heartbeat after which a job of another machine counts as interrupted."""


class Cancelled(RuntimeError):
    """The training was cancelled; it goes on from its last checkpoint when asked for again."""


@dataclass(frozen=True)
class Progress:
    """How far a training is. ``phase`` is ``preparing``, ``training`` or ``waiting`` (for another
    process that trains the same run); ``remaining`` seconds are None before the first epoch.
    ``rows`` are records so far, thinned; what is not finite is None."""

    epoch: int
    epochs: int
    phase: str
    seconds: float
    remaining: float | None
    rows: list[dict[str, float | None]] = dataclasses.field(default_factory=list)

    @property
    def share(self) -> float:
        """0 to 1."""
        return min(1.0, self.epoch / self.epochs) if self.epochs else 1.0


@dataclass(frozen=True)
class Job:
    """A run that is not finished. ``state``: ``queued``, ``running``, ``interrupted`` (its process
    is gone), ``cancelled`` or ``failed``; ``place`` counts from 1 in the queue."""

    run_id: str
    config: RunConfig
    state: str
    engine: str
    queued_at: float
    message: str = ""
    place: int | None = None
    progress: Progress | None = None

    @property
    def resumable(self) -> bool:
        """Whether a checkpoint is there to go on from."""
        return (paths.work_folder(self.run_id) / checkpoint.FILE).exists()


def read_progress(run_id: str) -> Progress | None:
    """The last progress that a training wrote down; None if there is none that can be read."""
    path = paths.work_folder(run_id) / "progress.json"
    try:
        return _parse_progress(path, stamp(path))
    except (OSError, ValueError, TypeError):
        return None


@functools.lru_cache(maxsize=256)
def _parse_progress(path: Path, stamp: tuple) -> Progress:
    progress = Progress(**read_json(path))
    if not isinstance(progress.rows, list) or not all(
        isinstance(row, dict) for row in progress.rows
    ):
        raise ValueError("rows must be tables' rows")
    numbers = [progress.epoch, progress.epochs, progress.seconds]
    numbers += [value for row in progress.rows for value in row.values() if value is not None]
    numbers += [] if progress.remaining is None else [progress.remaining]
    if not all(_is_number(value) for value in numbers) or not isinstance(progress.phase, str):
        raise ValueError("a number is missing")
    return progress


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def read_job(run_id: str, *, place: bool = True) -> Job | None:
    """The unfinished job of a run, its state derived from the files; None if there is none (or
    none that can be read: asking for the run again makes a new one)."""
    values = read_job_file(run_id)
    if values is None:
        return None
    state = values["state"]
    if state == "running" and not runs(values):
        state = "interrupted"
    job = Job(
        run_id,
        RunConfig.from_dict(values["config"]),
        state,
        values["engine"],
        float(values["queued_at"]),
        values["message"],
        progress=None if state == "queued" else read_progress(run_id),
    )
    if place and state == "queued":
        return next((one for one in list_jobs() if one.run_id == run_id), job)
    return job


def read_log(run_id: str) -> str:
    """What the worker printed for a job (its last 10,000 characters)."""
    try:
        with (paths.work_folder(run_id) / "log.txt").open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 40_000))
            return file.read().decode("utf-8", errors="replace")[-10_000:]
    except OSError:
        return ""


def list_jobs() -> list[Job]:
    """All unfinished jobs: running first, then the queue in order, then the rest."""
    folder = paths.work_folder("x").parent
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        names = []
    jobs = [job for name in names if is_run_id(name) and (job := read_job(name, place=False))]
    rank = {"running": 0, "queued": 1}
    jobs.sort(key=lambda job: (rank.get(job.state, 2), job.queued_at, job.run_id))
    places: dict[str, int] = {}
    for job in jobs:
        if job.state == "queued":
            places[job.run_id] = len(places) + 1
    return [dataclasses.replace(job, place=places.get(job.run_id)) for job in jobs]


def new_job(config: RunConfig, engine: str) -> dict[str, Any]:
    """The content of a new ``job.json``."""
    return {
        "state": "queued",
        "config": config.to_dict(),
        "engine": engine,
        "queued_at": time.time(),
        "message": "",
    }


def read_job_file(run_id: str) -> dict[str, Any] | None:
    """The content of ``job.json``; None if there is none, it is not one of this run, or the run is
    finished (its process was killed before it could remove the job)."""
    path = paths.work_folder(run_id) / "job.json"
    if (paths.run_folder(run_id) / "run.json").exists():
        return None
    try:
        return dict(_parse_job(path, stamp(path), run_id))
    except (OSError, ValueError, KeyError, TypeError):
        return None


@functools.lru_cache(maxsize=4096)
def _parse_job(path: Path, stamp: tuple, run_id: str) -> dict[str, Any]:
    values = read_json(path)
    texts = (values["engine"], values["message"])
    if values["state"] not in STATES or not all(isinstance(text, str) for text in texts):
        raise ValueError("not a job")
    if not _is_number(values["queued_at"]):
        raise ValueError("not a job")
    if RunConfig.from_dict(values["config"]).run_id != run_id:
        raise ValueError("the job of another run")
    return values


def write_job(run_id: str, values: dict[str, Any]) -> None:
    """Replace ``job.json``; call it under the job's lock."""
    write_json(paths.work_folder(run_id) / "job.json", values)


def runs(values: dict[str, Any]) -> bool:
    """Whether the process that trains a job still does. A process of another machine cannot be
    asked: there the heartbeat counts."""
    alive = is_alive(values)
    if alive is not None:
        return alive
    try:
        run_id = RunConfig.from_dict(values["config"]).run_id
        beat = (paths.work_folder(run_id) / "alive").stat().st_mtime
        return abs(time.time() - beat) < SILENT
    except (OSError, ValueError, KeyError):
        return False


def clear(run_id: str) -> None:
    """Remove the work folder of a run; call it under the job's lock."""
    shutil.rmtree(paths.work_folder(run_id), ignore_errors=True)


def tidy(run_id: str) -> None:
    """Remove what a process left of its work that was killed after it had finished a run."""
    if not paths.work_folder(run_id).exists():
        return
    with contextlib.suppress(OSError, Timeout), lock(run_id).acquire(timeout=0):
        if (paths.run_folder(run_id) / "run.json").exists():
            with job_lock(run_id):
                clear(run_id)


def lock(name: str) -> FileLock:
    """The lock of that name in this cache (not yet held).

    Raises:
        CacheError: the cache cannot be written.
    """
    path = paths.lock_file(name)
    with writing(paths.cache_root()):
        path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)


@contextlib.contextmanager
def job_lock(run_id: str) -> Iterator[None]:
    """Hold a job's files: its state changes only under this lock, and only for a moment.

    Raises:
        CacheError: the cache cannot be written.
    """
    with writing(paths.cache_root()), lock(f"job-{run_id}"):
        yield
