"""The space the cache takes: what is how large, deleting with undo, and cleaning up.

A deleted run lies in the trash until the trash is emptied or the space is needed. The clean-up
frees the trash first, then what was used longest ago; it never touches a pinned run, a bundled one,
one in use within the last minutes, or anything of a job that is queued or running.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from srnn import paths
from srnn.config import RunConfig
from srnn.files import read_json, writing
from srnn.store.labels import last_used, locked_label, read_label
from srnn.store.run import Run, RunError, describe
from srnn.store.runs import folder_size, is_run_id, list_runs, open_run, run_size
from srnn.store.settings import cache_limit

IN_USE = 600
"""Seconds after its last use in which a run is not cleaned up."""

ABANDONED = 3600
"""Age in seconds at which a half-written folder counts as left behind by a killed process."""


@dataclass(frozen=True)
class Space:
    """Bytes by kind; ``free`` on the disk; ``limit`` for the runs, or None."""

    runs: int
    unfinished: int
    trash: int
    damaged: int
    other: int
    free: int
    limit: int | None

    @property
    def total(self) -> int:
        """All that the cache takes."""
        return self.runs + self.unfinished + self.trash + self.damaged + self.other


@dataclass(frozen=True)
class Deleted:
    """A run in the trash; ``place`` names it there, ``name`` is what people called it."""

    run_id: str
    place: str
    deleted: float
    name: str


def space() -> Space:
    """What the cache takes on disk, and what is free there."""
    root = paths.cache_root()
    known = {
        "runs": paths.runs_folder(),
        "unfinished": paths.work_folder("x").parent,
        "trash": paths.trash_folder(),
        "damaged": paths.aside_folder(),
    }
    sizes = {kind: folder_size(folder) for kind, folder in known.items()}
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    other = max(0, folder_size(root) - sum(sizes.values()))
    return Space(**sizes, other=other, free=shutil.disk_usage(there).free, limit=cache_limit())


def delete_run(run_id: str) -> str:
    """Move a finished run to the trash; returns its place there, for :func:`restore_run`.

    Raises:
        RunError: there is no such run, it is bundled, or it is pinned.
        CacheError: the cache cannot be written.
    """
    folder = paths.run_folder(run_id)
    if not is_run_id(run_id) or not folder.is_dir():
        raise RunError(f"there is no run {run_id[:40]} to delete (bundled runs stay)")
    with writing(paths.cache_root()), locked_label(run_id):
        if read_label(run_id).pinned:
            raise RunError(f"run {run_id} is pinned; unpin it first")
        place = f"{run_id}-{time.time_ns()}"
        paths.trash_folder().mkdir(parents=True, exist_ok=True)
        folder.rename(paths.trash_folder() / place)
    return place


def restore_run(place: str) -> Run:
    """Take a run back out of the trash.

    Raises:
        RunError: it is no longer there, or a run of that id has been trained meanwhile.
        CacheError: the cache cannot be written.
    """
    run_id, _, number = place.partition("-")
    source = paths.trash_folder() / place
    if not is_run_id(run_id) or not number.isdigit() or not source.is_dir():
        raise RunError("that run is no longer in the trash")
    with writing(paths.cache_root()), locked_label(run_id):
        target = paths.run_folder(run_id)
        if target.exists():
            raise RunError(f"run {run_id} has been trained again meanwhile; nothing was restored")
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
    return open_run(target)


def list_trash() -> list[Deleted]:
    """The deleted runs, the latest first."""
    found = []
    for folder in _folders(paths.trash_folder()):
        run_id, _, number = folder.name.partition("-")
        if is_run_id(run_id) and number.isdigit():
            name = read_label(run_id).name or _settings_of(folder) or run_id
            found.append(Deleted(run_id, folder.name, int(number) / 1e9, name))
    return sorted(found, key=lambda one: -one.deleted)


def _settings_of(folder: Path) -> str:
    """The settings of a run outside its place, in a few words; empty if they cannot be read."""
    try:
        return describe(RunConfig.from_dict(read_json(folder / "run.json")["config"]))
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def empty_trash() -> int:
    """Remove deleted and damaged runs for good; returns the bytes freed.

    Raises:
        CacheError: the cache cannot be written.
    """
    folders = [*_folders(paths.trash_folder()), *_folders(paths.aside_folder())]
    freed = sum(map(folder_size, folders))
    with writing(paths.cache_root()):
        for folder in folders:
            _remove(folder)
    return freed


def clean_up(keep: str | None = None, limit: int | None = None) -> list[str]:
    """Free space until the finished runs (and the trash) fit the limit of the settings: the trash
    first, then runs that were used longest ago. Returns the ids of the runs removed.

    ``keep`` names a run that stays in any case.

    Raises:
        CacheError: the cache cannot be written.
    """
    limit = cache_limit() if limit is None else limit
    if limit is None:
        return []
    with writing(paths.cache_root()), FileLock(_clean_up_lock()):
        return _free(limit, keep)


def _free(limit: int, keep: str | None) -> list[str]:
    runs = [run for run in list_runs() if not run.bundled]
    sizes = {run.run_id: run_size(run) for run in runs}
    trash = sorted(_folders(paths.trash_folder()), key=lambda folder: folder.name[17:])
    over = sum(sizes.values()) + sum(map(folder_size, trash)) - limit
    for folder in trash:
        if over <= 0:
            return []
        over -= folder_size(folder)
        _remove(folder)
    removed: list[str] = []
    for run in sorted(runs, key=lambda run: (last_used(run.run_id), run.info["finished"])):
        if over <= 0:
            break
        if run.run_id != keep and _remove_unless_needed(run.run_id):
            over -= sizes[run.run_id]
            removed.append(run.run_id)
    return removed


def _remove_unless_needed(run_id: str) -> bool:
    with locked_label(run_id):
        busy = (paths.work_folder(run_id) / "job.json").exists()
        fresh = time.time() - last_used(run_id) < IN_USE
        if busy or fresh or read_label(run_id).pinned:
            return False
        _remove(paths.run_folder(run_id))
    return True


def remove_scratch() -> None:
    """Remove half-written folders that killed processes left behind."""
    for folder in _folders(paths.scratch_folder()):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)


def _remove(folder: Path) -> None:
    """Remove a folder for good: out of sight in one step, then file by file."""
    paths.scratch_folder().mkdir(parents=True, exist_ok=True)
    hidden = paths.scratch_folder() / f"gone-{folder.name}-{time.time_ns()}"
    try:
        folder.rename(hidden)
    except FileNotFoundError:
        return
    shutil.rmtree(hidden, ignore_errors=True)


def _folders(parent: Path) -> list[Path]:
    try:
        return [entry for entry in parent.iterdir() if entry.is_dir()]
    except OSError:
        return []


def _clean_up_lock() -> Path:
    path = paths.lock_file("clean-up")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
