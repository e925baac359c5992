"""The workers' slots: a machine has at most :func:`srnn.store.settings.worker_limit` workers.

A slot file says which process works there, and on what. Slots are taken and given back under one
lock, and a worker looks into the queue once more under that lock before it leaves: a job that was
queued before somebody looked for workers is never left alone, and two servers never start two
workers for one slot. The slot of a dead process is free.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import time
from typing import Any

from srnn import paths
from srnn.files import read_json, write_json, writing
from srnn.jobs.files import list_jobs, lock
from srnn.jobs.process import identity, is_alive, me, spawn
from srnn.store.settings import worker_limit

PATIENCE = 10.0
"""Seconds after its worker's start in which the slot of a dead worker is not given to another one,
so that workers that cannot live are not started again and again at once."""

_children: list[subprocess.Popen] = []


def ensure_workers() -> int:
    """Start workers for the queue while slots are free; returns how many were started. Cheap when
    nothing is queued, so that a page may call it whenever it looks at the jobs.

    Raises:
        CacheError: the cache cannot be written.
    """
    _children[:] = [child for child in _children if child.poll() is None]
    if not _queued():
        return 0
    with writing(paths.cache_root()), lock("workers"):
        owners = {slot: _owner(slot) for slot in _slots()}
        idle = sum(owner is not None and owner.get("job") is None for owner in owners.values())
        free = [slot for slot, owner in owners.items() if owner is None and not _just_died(slot)]
        start = free[: max(0, _queued() - idle)]
        for slot in start:
            _start_worker(slot)
    return len(start)


def take_slot() -> str | None:
    """The slot this process works in: the one it was started for, or a free one; None if all are
    taken."""
    named = os.environ.get("SRNN_SLOT")
    with writing(paths.cache_root()), lock("workers"):
        for slot in _slots():
            owner = _owner(slot)
            if (owner is None and named in (None, slot)) or _is_me(owner):
                write_json(paths.slot_file(slot), me() | {"job": None})
                return slot
    return None


def busy_with(slot: str, run_id: str | None) -> None:
    """Note in the slot what its worker does (on a full disk it stays as it was)."""
    with contextlib.suppress(OSError):
        write_json(paths.slot_file(slot), me() | {"job": run_id})


def leave_slot(slot: str, *, if_idle: bool = True) -> bool:
    """Give the slot back; with ``if_idle`` only if nothing is queued or there are fewer slots now.
    Whether it was given back."""
    with lock("workers"):
        if if_idle and _queued() and slot in _slots():
            return False
        if _is_me(_owner(slot)):
            paths.slot_file(slot).unlink(missing_ok=True)
        return True


def _slots() -> list[str]:
    machine = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:60]
    return [f"{machine}-{place}" for place in range(worker_limit())]


def _queued() -> int:
    return sum(job.state == "queued" for job in list_jobs())


def _owner(slot: str) -> dict[str, Any] | None:
    """Who works in a slot; None if it is free."""
    try:
        values = read_json(paths.slot_file(slot))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) and is_alive(values) else None


def _is_me(owner: dict[str, Any] | None) -> bool:
    return owner is not None and owner.get("pid") == os.getpid()


def _just_died(slot: str) -> bool:
    """Whether a worker was started here a moment ago and is dead already."""
    try:
        started = paths.slot_file(slot).with_suffix(".log").stat().st_mtime_ns / 1e9
        return paths.slot_file(slot).exists() and time.time() - started < PATIENCE
    except OSError:
        return False


def last_words() -> str:
    """What the workers printed that died instead of giving their slot back; empty if none did."""
    words = []
    for slot in _slots():
        log = paths.slot_file(slot).with_suffix(".log")
        if paths.slot_file(slot).exists() and _owner(slot) is None:
            with contextlib.suppress(OSError):
                words.append(log.read_text("utf-8", errors="replace")[-2000:])
    return "\n".join(filter(None, words))


def _start_worker(slot: str) -> None:
    log = paths.slot_file(slot).with_suffix(".log")
    child = spawn(["work"], log, SRNN_SLOT=slot, PYTHONFAULTHANDLER="1")
    try:
        write_json(paths.slot_file(slot), identity(child.pid) | {"job": None})
    except OSError:
        child.kill()
        child.wait()
        raise
    _children.append(child)
