"""Reproducing the log in the background: one process of its own, which the app only watches.

``job.json`` in the cache's reproduction folder says what was asked and of which process,
``progress.json`` how far it is, ``log.txt`` what went wrong. The process needs no server: it goes
on when the app is closed, and what it has finished stays in the cache.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from srnn import paths
from srnn.files import read_json, write_json
from srnn.jobs.process import identity, is_alive, me

DONE = "done"
"""What a reproduction says it is doing once it has ended."""


@dataclass(frozen=True)
class Reproduction:
    """A reproduction in the background. ``state``: ``running``, ``finished``, ``cancelled`` or
    ``failed`` (its process is gone before its end). ``rows`` is empty for all of them; ``done`` of
    ``total`` pieces of work, ``what`` is being done, ``seconds`` since its start; ``log`` is what
    it complained about."""

    state: str
    rows: tuple[int, ...]
    quick: bool
    seeds: int
    done: int
    total: int
    what: str
    seconds: float
    log: str

    @property
    def share(self) -> float:
        """0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


def start(rows: Sequence[int], quick: bool, seeds: int) -> None:
    """Reproduce some rows (all if none is named) in a process of its own.

    Raises:
        RuntimeError: one is running already.
        OSError: the cache cannot be written, or the process not started.
    """
    folder = paths.reproduction_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "start.lock"):
        current = status()
        if current is not None and current.state == "running":
            raise RuntimeError("the log is being reproduced already; wait, or cancel that first")
        (folder / "progress.json").unlink(missing_ok=True)
        command = [sys.executable, "-m", "srnn", "reproduce", "--background"]
        command += ["--seeds", str(seeds)] + (["--quick"] if quick else [])
        command += ["--row", *map(str, rows)] if rows else []
        with (folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                command,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        job = {"rows": list(rows), "quick": quick, "seeds": seeds, "started": time.time()}
        write_json(
            folder / "job.json", job | {"process": identity(process.pid), "state": "running"}
        )


def _environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    own = {"OMP_NUM_THREADS": "1", "SRNN_CACHE": str(paths.cache_root()), "PYTHONPATH": path}
    return os.environ | own


def status() -> Reproduction | None:
    """The last reproduction in the background, running or not; None if there was none."""
    folder = paths.reproduction_folder()
    job, progress = _read(folder / "job.json"), _read(folder / "progress.json")
    if job is None:
        return None
    try:
        what, state = str((progress or {}).get("what", "starting")), job["state"]
        if what == DONE:
            state = "finished"
        elif state == "running" and is_alive(job["process"]) is False:
            state = "failed"
        until = time.time() if state == "running" else float((progress or job).get("at", 0))
        return Reproduction(
            state,
            tuple(int(row) for row in job["rows"]),
            bool(job["quick"]),
            int(job["seeds"]),
            int((progress or {}).get("done", 0)),
            int((progress or {}).get("total", 0)),
            what,
            max(0.0, until - float(job["started"])),
            _log(folder),
        )
    except (KeyError, TypeError, ValueError):
        return None


def cancel() -> None:
    """End the running reproduction, with its worker processes. Finished runs and rows stay, and
    cut-off trainings go on from their checkpoints when asked for again."""
    folder = paths.reproduction_folder()
    job = _read(folder / "job.json")
    if job is None or job.get("state") != "running" or is_alive(job["process"]) is not True:
        return
    write_json(folder / "job.json", job | {"state": "cancelled"})
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(job["process"]["pid"], signal.SIGTERM)


class Reporter:
    """Writes the progress of this process down: ``tell(done, total, what)``."""

    def __call__(self, done: int, total: int, what: str) -> None:
        values: dict[str, Any] = {"done": done, "total": total, "what": what, "at": time.time()}
        with contextlib.suppress(OSError):  # a full disk must not end the work
            write_json(paths.reproduction_folder() / "progress.json", values | {"process": me()})


def _read(path: Path) -> dict[str, Any] | None:
    try:
        values = read_json(path)
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def _log(folder: Path) -> str:
    try:
        return (folder / "log.txt").read_text("utf-8", errors="replace")[-4000:].strip()
    except OSError:
        return ""
