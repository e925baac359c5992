"""Which process does something, written down so that a dead one is recognised later, even when its
process id has been given to another."""

from __future__ import annotations

import functools
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from srnn import paths


def me() -> dict[str, Any]:
    """This process: ``pid``, ``born`` and ``host``."""
    return identity(os.getpid())


def identity(pid: int) -> dict[str, Any]:
    """A living process of this machine."""
    return {"pid": pid, "born": _born(pid), "host": host()}


def is_alive(who: dict[str, Any]) -> bool | None:
    """Whether the process that wrote itself down still lives; None if it cannot be asked because
    it is on another machine."""
    if who.get("host") != host():
        return None
    pid, born = who.get("pid"), who.get("born")
    return type(pid) is int and born is not None and _born(pid) == born


@functools.cache
def host() -> str:
    """This machine since it was started, and the space its process ids are from."""
    parts = [socket.gethostname()]
    for read in (
        lambda: Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip(),
        lambda: str(Path("/proc/self/ns/pid").readlink()),
    ):
        try:
            parts.append(read())
        except OSError:
            parts.append("")
    return " ".join(parts)


def _born(pid: int) -> float | None:
    """When a process started; None if there is none. Linux counts clock ticks since the machine
    started, which no change of the clock moves; elsewhere it is the creation time."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
        fields = stat[stat.rindex(")") + 2 :].split()
        return None if fields[0] in "ZX" else float(fields[19])
    except (OSError, ValueError, IndexError):
        pass
    if Path("/proc/self/stat").exists():
        return None
    try:
        process = psutil.Process(pid)
        gone = process.status() == psutil.STATUS_ZOMBIE
        return None if gone else round(process.create_time(), 1)
    except psutil.Error:
        return None


def spawn(arguments: Sequence[str], log: Path, **environment: str) -> subprocess.Popen:
    """Start ``python -m srnn ARGUMENTS`` on this cache, in a session of its own, so that it
    outlives who starts it; one torch thread. What it prints goes to ``log``.

    Raises:
        OSError: it cannot be started, or the log not be written.
    """
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    own = {"OMP_NUM_THREADS": "1", "SRNN_CACHE": str(paths.cache_root()), "PYTHONPATH": path}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "srnn", *arguments],
            env=os.environ | own | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
