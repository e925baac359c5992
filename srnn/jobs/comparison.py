"""Comparing pruning rivals in the background: one process of its own, which the app only watches.

As :mod:`srnn.jobs.reproduction`, one at a time per cache: ``job.json`` in the cache's comparison
folder says what was asked and of which process, ``progress.json`` how far it is, ``log.txt`` what
went wrong. What it has finished stays in the cache, whatever becomes of the process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from srnn import paths
from srnn.files import read_json, write_json
from srnn.jobs.process import identity, is_alive

DONE = "done"
"""What a comparison says it is doing once it has ended well."""


@dataclass(frozen=True)
class Comparison:
    """A comparison in the background. ``state``: ``running``, ``finished``, ``cancelled`` or
    ``failed`` (its process is gone before its end). ``done`` of ``total`` pieces, the last of them
    ``what``; ``seconds`` since its start; ``log`` is what it said on its way."""

    state: str
    run_id: str
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


def start(run_id: str, seeds: int) -> None:
    """Compare the rivals on a run's configuration, in a process of its own.

    Raises:
        RuntimeError: one is running already.
        OSError: the cache cannot be written, or the process not started.
    """
    folder = paths.comparison_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "start.lock"):
        current = status()
        if current is not None and current.state == "running":
            raise RuntimeError("a comparison is running already; wait, or cancel that first")
        (folder / "progress.json").unlink(missing_ok=True)
        command = [sys.executable, "-m", "srnn", "rivals", "--background"]
        command += ["--run", run_id, "--seeds", str(seeds)]
        with (folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                command,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        job = {"run_id": run_id, "seeds": seeds, "started": time.time(), "state": "running"}
        write_json(folder / "job.json", job | {"process": identity(process.pid)})


def _environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    own = {"OMP_NUM_THREADS": "1", "SRNN_CACHE": str(paths.cache_root()), "PYTHONPATH": path}
    return os.environ | own


def status() -> Comparison | None:
    """The last comparison in the background, running or not; None if there was none."""
    folder = paths.comparison_folder()
    job, progress = _read(folder / "job.json"), _read(folder / "progress.json") or {}
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
        return Comparison(
            state,
            str(job["run_id"]),
            int(job["seeds"]),
            int(progress.get("done", 0)),
            int(progress.get("total", 0)),
            what,
            max(0.0, until - started),
            _log(folder),
        )
    except (KeyError, TypeError, ValueError):
        return None


def cancel() -> None:
    """End the running comparison, with its worker processes. What it has finished stays."""
    folder = paths.comparison_folder()
    job = _read(folder / "job.json")
    if job is None or job.get("state") != "running" or is_alive(job["process"]) is not True:
        return
    write_json(folder / "job.json", job | {"state": "cancelled"})
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(job["process"]["pid"], signal.SIGTERM)


def tell(done: int, total: int, what: str) -> None:
    """Write the progress of this process down."""
    values = {"done": done, "total": total, "what": what, "at": time.time()}
    with contextlib.suppress(OSError):  # a full disk must not end the work
        write_json(paths.comparison_folder() / "progress.json", values)


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
