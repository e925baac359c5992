"""Jobs: what is asked for and not yet done, a training or any other command of the lab.

A job is a folder: a run's own folder for a training, one below ``cache/jobs`` for a command. In it
``request.json`` says what is asked for, ``progress.json`` how far it is, ``log.txt`` what went
wrong; ``queued`` (in it the epoch after which to pause, if any), ``cancel``, ``failed`` and
``done`` are marks; ``lock`` is held by who works on it. The state follows from these, and nothing
else is state: whoever is asked again, after any crash, gives the same answer. What is in the files
is untrusted.
"""

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from srnn import paths
from srnn.config import RunConfig
from srnn.files import (
    Strict,
    listed,
    open_plain,
    parse_json,
    read_file,
    read_tail,
    remove_folder,
    stamp,
    write_bytes,
    write_json,
    writing,
)
from srnn.runs.library import LOCK, REQUEST, find_run, is_run_id, is_unfinished
from srnn.runs.lock import Lock, is_held
from srnn.runs.record import RUN, Seconds, Text, Time
from srnn.runs.run import RunError, describe
from srnn.tasks import resolve

QUEUED, CANCEL, FAILED, DONE = "queued", "cancel", "failed", "done"
"""Marks: it waits for a worker; it is to stop; it went wrong (the text says how); a command has
ended well. While the lock is held, none of them counts yet."""

PROGRESS, LOG = "progress.json", "log.txt"


class Cancelled(RuntimeError):
    """A training was cancelled; it goes on from its last checkpoint when asked for again."""


class Progress(Strict):
    """How far a job is: ``done`` of ``total`` (epochs of a training, pieces of work of a command).
    ``what`` is being done: of a training ``preparing``, ``training`` or ``waiting`` (for another
    process that trains the same run). ``remaining`` seconds are None while they are not known.
    ``rows`` are a training's records so far, thinned; what is not finite is None."""

    done: Annotated[int, Field(ge=0, le=10**9)]
    total: Annotated[int, Field(ge=0, le=10**9)]
    what: Text
    seconds: Seconds = 0.0
    remaining: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    rows: list[dict[str, float | None]] = Field(default_factory=list, max_length=1000)

    @property
    def share(self) -> float:
        """0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


class Request(Strict):
    """What a job was asked to do: a command of the lab (the words after ``python -m srnn``), or
    (``config``) to train a run. ``asked`` are values that the asker wants to find again."""

    command: Annotated[list[Text], Field(min_length=1, max_length=100)]
    config: dict[str, str | int | float | bool] | None = None
    engine: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")] = "auto"
    at: Time
    asked: dict[str, Any] = Field(default_factory=dict)

    @cached_property
    def settings(self) -> RunConfig | None:
        """The run that is to be trained; None for another command."""
        return None if self.config is None else RunConfig.from_dict(self.config)

    @cached_property
    def job_id(self) -> str:
        """The run's id; or of a command its name, and 16 hex digits over its words."""
        if self.settings is not None:
            return self.settings.run_id
        digest = hashlib.sha256(json.dumps(self.command).encode()).hexdigest()[:16]
        return f"{self.command[0]}-{digest}"


@dataclass(frozen=True)
class Job:
    """A job. ``state``: ``queued``, ``running``, ``interrupted`` (who worked on it is gone),
    ``cancelled``, ``failed``, or ``finished`` (commands only: a finished training is a run).

    ``place`` counts from 1 in the queue; ``message`` says what went wrong.
    """

    id: str
    folder: Path
    state: str
    request: Request
    message: str = ""
    place: int | None = None
    progress: Progress | None = None

    @property
    def config(self) -> RunConfig | None:
        """The run that it trains, if it is a training."""
        return self.request.settings

    @property
    def title(self) -> str:
        """It in a few words."""
        return describe(self.config) if self.config else " ".join(self.request.command)

    @property
    def active(self) -> bool:
        """Whether it is being done, or waits for that."""
        return self.state in ("queued", "running")

    @property
    def resumable(self) -> bool:
        """Whether it goes on from where it was when it is asked for again."""
        return self.config is None or (self.folder / RUN).exists()

    @property
    def log(self) -> str:
        """What it printed (the last 10,000 characters)."""
        return read_tail(self.folder / LOG)


# --- reading -------------------------------------------------------------------------------


def read_job(job_id: str, *, place: bool = True) -> Job | None:
    """The job of that id, its state as it is now; None if there is none, it cannot be read (asking
    again makes a new one), or it is a training that has become a run."""
    folder = job_folder(job_id)
    if folder is None:
        return None
    try:
        request = Request.from_file(folder / REQUEST)
        if request.job_id != job_id:
            return None
    except (OSError, ValueError):
        return None
    state = _state(folder, training=request.config is not None)
    if state is None:
        return None
    message = read_tail(folder / FAILED) if state == "failed" else ""
    progress = None if state == "queued" else read_progress(folder)
    job = Job(job_id, folder, state, request, message, progress=progress)
    if place and state == "queued":
        return next((other for other in list_jobs() if other.id == job_id), job)
    return job


def job_folder(job_id: str) -> Path | None:
    """Where a job of that id would be; None if it is no such id."""
    if is_run_id(job_id):
        return paths.run_folder(job_id)
    name, _, digest = job_id.rpartition("-")
    fine = name.isascii() and name.isalpha() and len(job_id) < 60 and is_run_id(digest)
    return paths.jobs_folder() / job_id if fine else None


def _state(folder: Path, *, training: bool) -> str | None:
    """The state of a job; None if it is a training that has become a run."""
    if training and not is_unfinished(folder):
        return None
    if is_held(folder / LOCK):
        return "running"
    marks = {DONE: "finished", CANCEL: "cancelled", QUEUED: "queued", FAILED: "failed"}
    return next((state for mark, state in marks.items() if (folder / mark).exists()), "interrupted")


def read_progress(folder: Path) -> Progress | None:
    """The last progress that was written down in a job's folder; None if there is none that can be
    read."""
    with contextlib.suppress(OSError, ValueError):
        return _parse_progress(folder / PROGRESS, stamp(folder / PROGRESS))
    return None


@functools.lru_cache(maxsize=256)
def _parse_progress(path: Path, stamp: tuple) -> Progress:
    return Progress.read(parse_json(read_file(path, 1_000_000)))


def list_jobs(*, finished: bool = False) -> list[Job]:
    """All jobs: running first, then the queue in order, then the rest; with ``finished`` also
    commands that have ended well."""
    names = [*_unfinished_runs(), *(entry.name for entry in listed(paths.jobs_folder()))]
    jobs = [job for name in names if (job := read_job(name, place=False)) is not None]
    jobs = [job for job in jobs if finished or job.state != "finished"]
    rank = {"running": 0, "queued": 1}
    order = {job.id: (rank.get(job.state, 2), _since(job), job.id) for job in jobs}
    jobs.sort(key=lambda job: order[job.id])
    waiting = [job.id for job in jobs if job.state == "queued"]
    places = {job_id: place for place, job_id in enumerate(waiting, 1)}
    return [dataclasses.replace(job, place=places.get(job.id)) for job in jobs]


def _since(job: Job) -> float:
    """When it was put into the queue, or asked for."""
    try:
        return (job.folder / QUEUED).stat().st_mtime if job.state == "queued" else job.request.at
    except OSError:
        return job.request.at


_finished: set[tuple[str, int]] = set()
"""Folders of runs, with their inodes, that were seen to be no jobs: a run never becomes one."""


def _unfinished_runs() -> list[str]:
    found = []
    for entry in listed(paths.runs_folder()):
        key = (entry.path, entry.inode())
        if key in _finished or not is_run_id(entry.name):
            continue
        if (Path(entry.path) / REQUEST).exists():
            found.append(entry.name)
        elif (Path(entry.path) / RUN).exists():
            _finished.add(key)
    return found


def latest(name: str) -> Job | None:
    """The job of a command (its first word) that is running, else waiting, else the last one that
    was asked for; None if there is none."""
    jobs = [job for job in list_jobs(finished=True) if job.request.command[0] == name]
    rank = {"running": 2, "queued": 1}
    return max(jobs, key=lambda job: (rank.get(job.state, 0), job.request.at), default=None)


# --- asking --------------------------------------------------------------------------------


def submit(config: RunConfig, engine: str = "auto", until: int | None = None) -> str:
    """Ask for a run in the background; returns its id. Nothing happens if it is finished, queued
    or running already. A cancelled, failed or interrupted one goes on from its checkpoint; after
    the epoch ``until`` it is cancelled again.

    Raises:
        DataError: the data set cannot be used.
        ImpossibleError: too much memory, disk or time for this machine.
    """
    from srnn.estimate import refuse_impossible
    from srnn.runs.worker import ensure_workers

    config = resolve(config)
    if find_run(config.run_id) is None:
        refuse_impossible(config, engine)
        ask(config, engine, queue=True, until=until)
    ensure_workers()
    return config.run_id


def ask(config: RunConfig, engine: str, *, queue: bool, until: int | None = None) -> Path:
    """Write down that a run is asked for; returns its folder.

    Raises:
        RunError: its folder is a link.
    """
    request = Request(command=["train"], config=config.to_dict(), engine=engine, at=time.time())
    return _ask(paths.run_folder(config.run_id), request, queue=queue, until=until)


def submit_command(arguments: Sequence[str], **asked: Any) -> str:
    """Ask for a command of the lab in the background (the words after ``python -m srnn``); returns
    the job's id. The same words are the same job: while it waits or runs nothing happens, else it
    is done again, and what it has cached is not. ``asked`` (JSON values) is kept for the asker."""
    from srnn.runs.worker import ensure_workers

    request = Request(command=list(arguments), asked=asked, at=time.time())
    job_id = request.job_id
    for other in list_jobs(finished=True):  # of each command the last one stays
        if other.request.command[0] == arguments[0] and not other.active and other.id != job_id:
            with contextlib.suppress(RuntimeError, OSError):
                forget(other.id)
    folder = job_folder(job_id)
    assert folder is not None, f"{arguments[0]} is no name of a command"
    job = read_job(job_id, place=False)
    if job is None or not job.active:
        with writing():
            for mark in (DONE, PROGRESS, LOG):
                (folder / mark).unlink(missing_ok=True)
        _ask(folder, request, queue=True)
    ensure_workers()
    return job_id


def _ask(folder: Path, request: Request, *, queue: bool, until: int | None = None) -> Path:
    if folder.is_symlink():
        raise RunError(f"{folder} is a link; remove it first")
    with writing():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            write_json(folder / REQUEST, request.model_dump())
        except FileNotFoundError:  # who began or finished it at this moment tidied the folder
            write_json(folder / REQUEST, request.model_dump())
        (folder / CANCEL).unlink(missing_ok=True)
        (folder / FAILED).unlink(missing_ok=True)
        if queue and until is not None:  # read by the worker that takes it: whole or not there
            write_bytes(folder / QUEUED, str(until).encode(), durable=False)
        elif queue:
            set_mark(folder, QUEUED)
        else:
            (folder / QUEUED).unlink(missing_ok=True)
    return folder


def set_mark(folder: Path, name: str, text: str = "") -> None:
    """Make a mark in a job's folder; one that is there stays as it is."""
    with contextlib.suppress(FileExistsError), open_plain(folder / name, "x") as file:
        file.write(text[:2000].encode("utf-8", "backslashreplace").decode())


def resume(job_id: str) -> None:
    """Ask again for a cancelled, failed or interrupted job; it goes on from where it was.

    Raises:
        RuntimeError: there is no such job.
        Everything that :func:`submit` raises.
    """
    job = read_job(job_id, place=False)
    if job is None:
        raise RuntimeError(f"there is no unfinished job {job_id[:40]}")
    if job.config is not None:
        submit(job.config, job.request.engine)
    else:
        submit_command(job.request.command, **job.request.asked)


def step(job_id: str) -> None:
    """Ask a paused training for one epoch more; then it pauses again.

    Raises:
        RuntimeError: there is no paused training of that id.
        Everything that :func:`submit` raises.
    """
    job = read_job(job_id, place=False)
    if job is None or job.config is None or job.active:
        raise RuntimeError(f"there is no paused training {job_id[:40]}")
    submit(job.config, job.request.engine, until=1 + (job.progress.done if job.progress else 0))


def cancel(job_id: str) -> None:
    """Cancel a queued or running job; what it has done so far stays."""
    job = read_job(job_id, place=False)
    if job is not None and job.state in ("queued", "running", "interrupted"):
        with writing():
            set_mark(job.folder, CANCEL)
            (job.folder / QUEUED).unlink(missing_ok=True)


def forget(job_id: str) -> None:
    """Remove a job that is not running, with its checkpoint.

    Raises:
        RuntimeError: it is running, or there is no such job.
    """
    job = read_job(job_id, place=False)
    if job is None:
        raise RuntimeError(f"there is no unfinished job {job_id[:40]}")
    with writing():
        lock = Lock(job.folder / LOCK)
        if not lock.take(0.1):
            raise RuntimeError(f"{job.title} is running; cancel it first")
        try:
            remove_folder(job.folder)
        finally:
            lock.release()


def settle(folder: Path) -> None:
    """Remove what belonged to the job of a run that is finished; call it under its lock."""
    with contextlib.suppress(OSError):
        for name in (QUEUED, CANCEL, FAILED, PROGRESS, LOG, REQUEST):
            (folder / name).unlink(missing_ok=True)


def note(what: str, job_id: str) -> None:
    """Add a line to the cache's journal: when, which process, what, which job."""
    line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {os.getpid()} {what} {job_id}\n"
    with contextlib.suppress(OSError), open_plain(paths.journal_file(), "ab") as file:
        file.write(line.encode())


def tell(folder: Path, progress: Progress) -> None:
    """Write down how far a job is. A full disk does not end the work for a progress bar, and a
    folder that was removed is not made again."""
    with contextlib.suppress(OSError):
        text = progress.model_dump_json()
        write_bytes(folder / PROGRESS, text.encode(), durable=False)
