"""The files of a job, below ``cache/work/<run id>``, and what they say together.

``job.json`` holds what is asked and by which process it is done, ``progress.json`` how far it is,
``log.txt`` what went wrong; ``cancel`` is a mark. Nothing else is state: a job whose process is
gone is *interrupted*, whatever its file says.
"""

from __future__ import annotations

import dataclasses
import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil
from filelock import FileLock

from srnn import paths
from srnn.checkpoint import Partial
from srnn.config import RunConfig
from srnn.files import read_json, write_json
from srnn.store import is_run_id

LIVE_ROWS = 400
"""Rows of the live table at most; longer ones are thinned."""


class Cancelled(RuntimeError):
    """The training was cancelled; it goes on from its last checkpoint when asked for again."""


@dataclass(frozen=True)
class Progress:
    """How far a training is. ``phase`` is ``preparing``, ``training`` or ``waiting`` (for another
    process that trains the same run); ``remaining`` seconds are None before the first epoch."""

    epoch: int
    epochs: int
    phase: str
    seconds: float
    remaining: float | None
    rows: list[dict[str, float | None]] = dataclasses.field(default_factory=list)

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.epoch / self.epochs if self.epochs else 1.0


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
        return (paths.work_folder(self.run_id) / "checkpoint.npz").exists()


def read_progress(run_id: str) -> Progress | None:
    """The last progress that a training wrote down."""
    try:
        return Progress(**read_json(paths.work_folder(run_id) / "progress.json"))
    except (OSError, ValueError, TypeError):
        return None


def read_job(run_id: str, *, place: bool = True) -> Job | None:
    """The unfinished job of a run, its state derived from the files; None if there is none."""
    values = read_job_file(run_id)
    if values is None:
        return None
    try:
        state = values["state"]
        if state == "running" and not alive(values):
            state = "interrupted"
        job = Job(
            run_id,
            RunConfig.from_dict(values["config"]),
            state,
            values["engine"],
            float(values["queued_at"]),
            str(values.get("message", "")),
            progress=read_progress(run_id),
        )
    except (KeyError, ValueError, TypeError):
        return None
    if place and state == "queued":
        return next((one for one in list_jobs() if one.run_id == run_id), job)
    return job


def read_log(run_id: str) -> str:
    """What the worker printed for a job (its last 10,000 characters)."""
    try:
        text = (paths.work_folder(run_id) / "log.txt").read_text("utf-8", errors="replace")
    except OSError:
        return ""
    return text[-10_000:]


def list_jobs() -> list[Job]:
    """All unfinished jobs: running first, then the queue in order, then the rest."""
    folder = paths.work_folder("x").parent
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    jobs = [job for name in names if is_run_id(name) and (job := read_job(name, place=False))]
    rank = {"running": 0, "queued": 1}
    jobs.sort(key=lambda job: (rank.get(job.state, 2), job.queued_at, job.run_id))
    queue = [job.run_id for job in jobs if job.state == "queued"]
    return [
        dataclasses.replace(job, place=queue.index(job.run_id) + 1)
        if job.state == "queued"
        else job
        for job in jobs
    ]


def new_job(config: RunConfig, engine: str) -> dict[str, Any]:
    return {
        "state": "queued",
        "config": config.to_dict(),
        "engine": engine,
        "queued_at": time.time(),
        "message": "",
    }


def read_job_file(run_id: str) -> dict[str, Any] | None:
    try:
        values = read_json(paths.work_folder(run_id) / "job.json")
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def alive(job: dict[str, Any]) -> bool:
    """Whether the process that runs a job still does; a reused process id has another birth."""
    if job.get("host") != host():  # cannot be asked; a live one writes its progress
        try:
            progress = paths.work_folder(RunConfig.from_dict(job["config"]).run_id)
            return time.time() - (progress / "progress.json").stat().st_mtime < 120
        except OSError:
            return False
    try:
        process = psutil.Process(int(job["pid"]))
        return (
            abs(process.create_time() - float(job["born"])) < 1
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except (psutil.Error, KeyError, ValueError, TypeError):
        return False


def host() -> str:
    return socket.gethostname()


def clear(run_id: str) -> None:
    """Remove the work folder of a finished run."""
    shutil.rmtree(paths.work_folder(run_id), ignore_errors=True)


def lock(name: str) -> FileLock:
    path = paths.lock_file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)


class Reporter:
    """Tells the caller every epoch, and the progress file twice a second."""

    def __init__(
        self, config: RunConfig, partial: Partial, tell: Callable[[Progress], None] | None
    ) -> None:
        self.config, self.partial, self.tell = config, partial, tell
        self.started, self.written = time.perf_counter(), 0.0
        self.first_epoch = partial.state.epoch if partial.state else 0

    def report(self, phase: str, now: bool = False) -> None:
        partial, elapsed = self.partial, time.perf_counter() - self.started
        epoch = partial.state.epoch if partial.state else 0
        done = epoch - self.first_epoch
        remaining = elapsed / done * (self.config.epochs - epoch) if done > 0 else None
        progress = Progress(epoch, self.config.epochs, phase, partial.seconds, remaining)
        if self.tell:
            self.tell(progress)
        if now or time.perf_counter() - self.written > 0.5 or phase == "preparing":
            self.written = time.perf_counter()
            rows = partial.rows[:: 1 + len(partial.rows) // LIVE_ROWS]
            clean = [{key: _finite(value) for key, value in row.items()} for row in rows]
            full = dataclasses.replace(progress, rows=clean)
            write_json(partial.folder / "progress.json", dataclasses.asdict(full))


def _finite(value: float) -> float | None:
    return value if value - value == 0 else None
