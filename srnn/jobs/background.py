"""Long commands in the background: a process of its own each, which the app only watches.

One at a time per kind and cache: reproducing the log (:data:`REPRODUCTION`), comparing pruning
rivals (:data:`COMPARISON`). In the kind's folder ``job.json`` says what was asked and of which
process, ``progress.json`` how far it is, ``log.txt`` what it complained about. The process needs no
server: it goes on when the app is closed, and what it has finished stays in the cache.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from srnn import paths
from srnn.files import read_json, write_json
from srnn.jobs.process import identity, is_alive, spawn

DONE = "done"
"""What a command says it is doing once it has ended well."""


@dataclass(frozen=True)
class Status:
    """The last command of a kind. ``state``: ``running``, ``finished``, ``cancelled`` or ``failed``
    (its process is gone before its end). ``asked`` is what it was started with; ``done`` of
    ``total`` pieces of work, ``what`` is being done, ``seconds`` since its start; ``log`` is what
    it complained about."""

    state: str
    asked: dict[str, Any]
    done: int
    total: int
    what: str
    seconds: float
    log: str

    @property
    def share(self) -> float:
        """0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


@dataclass(frozen=True)
class Background:
    """A kind of command: its name in sentences, and where its files are."""

    name: str
    folder: Callable[[], Path]

    def start(self, arguments: Sequence[str], **asked: Any) -> None:
        """Run ``python -m srnn ARGUMENTS --background``; ``asked`` (JSON values) is kept for
        :meth:`status`.

        Raises:
            RuntimeError: one is running already.
            OSError: the cache cannot be written, or the process not started.
        """
        folder = self.folder()
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "start.lock"):
            current = self.status()
            if current is not None and current.state == "running":
                raise RuntimeError(f"a {self.name} is running already; wait, or cancel that first")
            (folder / "progress.json").unlink(missing_ok=True)
            child = spawn([*arguments, "--background"], folder / "log.txt")
            job = {"asked": asked, "started": time.time(), "state": "running"}
            write_json(folder / "job.json", job | {"process": identity(child.pid)})

    def status(self) -> Status | None:
        """The last command of this kind, running or not; None if there was none."""
        job = _read(self.folder() / "job.json")
        progress = _read(self.folder() / "progress.json") or {}
        if job is None:
            return None
        try:
            what, state = str(progress.get("what", "starting")), job["state"]
            if what == DONE:
                state = "finished"
            elif state == "running" and is_alive(job["process"]) is False:
                state = "failed"
            started = float(job["started"])
            until = time.time() if state == "running" else float(progress.get("at", started))
            return Status(
                state,
                dict(job["asked"]),
                int(progress.get("done", 0)),
                int(progress.get("total", 0)),
                what,
                max(0.0, until - started),
                self._log(),
            )
        except (KeyError, TypeError, ValueError):
            return None

    def cancel(self) -> None:
        """End the running command with its worker processes. What it has finished stays, and
        cut-off trainings go on from their checkpoints when asked for again."""
        job = _read(self.folder() / "job.json")
        if job is None or job.get("state") != "running" or is_alive(job["process"]) is not True:
            return
        write_json(self.folder() / "job.json", job | {"state": "cancelled"})
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(job["process"]["pid"], signal.SIGTERM)

    def tell(self, done: int, total: int, what: str) -> None:
        """Write the progress of this process down."""
        values = {"done": done, "total": total, "what": what, "at": time.time()}
        with contextlib.suppress(OSError):  # a full disk must not end the work
            write_json(self.folder() / "progress.json", values)

    def _log(self) -> str:
        try:
            text = (self.folder() / "log.txt").read_text("utf-8", errors="replace")
        except OSError:
            return ""
        return text[-4000:].strip()


REPRODUCTION = Background("reproduction of the log", paths.reproduction_folder)
COMPARISON = Background("comparison", paths.comparison_folder)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        values = read_json(path)
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None
