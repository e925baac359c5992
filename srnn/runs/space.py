"""The space the cache takes: what is how large, deleting with undo, and cleaning up.

A deleted run lies in the trash until the trash is emptied or the space is needed. The clean-up
frees the trash first, then what was used longest ago; it never touches a pinned run, a bundled one,
one in use within the last minutes, or one that is not finished.
"""

import contextlib
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from srnn import paths
from srnn.files import free_bytes, listed, remove_folder, writing
from srnn.runs.labels import last_used, read_label
from srnn.runs.library import LOCK, is_run_id, list_runs
from srnn.runs.lock import is_held, short_lock
from srnn.runs.run import Run, RunError, describe, open_run, read_record
from srnn.runs.settings import cache_limit

IN_USE = 600
"""Seconds after its last use in which a run is not cleaned up."""

ABANDONED = 3600
"""Age in seconds at which a half-written folder counts as left behind by a killed process."""


@dataclass(frozen=True)
class Space:
    """Bytes of finished and of unfinished runs, of deleted and damaged ones (``trash``), and of all
    that the cache holds (``total``); ``free`` on the disk; ``limit`` for the runs, or None."""

    runs: int
    unfinished: int
    trash: int
    total: int
    free: int
    limit: int | None


@dataclass(frozen=True)
class Deleted:
    """A run in the trash; ``place`` names it there, ``name`` is what people called it."""

    run_id: str
    place: str
    deleted: float
    name: str


def space(runs: Iterable[Run] | None = None) -> Space:
    """What the cache takes on disk, and what is free there. Finished runs (all, unless they are
    given) are not measured: their sizes are known."""
    root = paths.cache_root()
    runs = [run for run in (list_runs() if runs is None else runs) if not run.bundled]
    finished = {run.path.name for run in runs}
    others = [folder for folder in _folders(paths.runs_folder()) if folder.name not in finished]
    rest = [folder for folder in _folders(root) if folder != paths.runs_folder()]
    taken, unfinished = sum(run.size for run in runs), sum(map(folder_size, others))
    trash = folder_size(paths.trash_folder()) + folder_size(paths.aside_folder())
    total = taken + unfinished + sum(map(folder_size, rest))
    return Space(taken, unfinished, trash, total, free_bytes(root), cache_limit())


def delete_run(run_id: str) -> str:
    """Move a finished run to the trash; returns its place there, for :func:`restore_run`.

    Raises:
        RunError: there is no such run, it is bundled, pinned, or being trained.
    """
    folder = paths.run_folder(run_id)
    if not is_run_id(run_id) or not folder.is_dir():
        raise RunError(f"there is no run {run_id[:40]} to delete (bundled runs stay)")
    with short_lock(f"label-{run_id}"):
        if read_label(run_id).pinned:
            raise RunError(f"run {run_id} is pinned; unpin it first")
        if is_held(folder / LOCK):
            raise RunError(f"run {run_id} is being trained; cancel it first")
        place = f"{run_id}-{time.time_ns()}"
        paths.trash_folder().mkdir(parents=True, exist_ok=True)
        folder.rename(paths.trash_folder() / place)
    return place


def restore_run(place: str) -> Run:
    """Take a run back out of the trash.

    Raises:
        RunError: it is no longer there, or a run of that id has been trained meanwhile.
    """
    run_id, _, number = place.partition("-")
    source = paths.trash_folder() / place
    if not is_run_id(run_id) or not number.isdecimal() or not source.is_dir():
        raise RunError("that run is no longer in the trash")
    with short_lock(f"label-{run_id}"):
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
        if is_run_id(run_id) and number.isdecimal():
            what = run_id
            with contextlib.suppress(OSError, ValueError):
                what = describe(read_record(folder, named=False).settings)
            name = read_label(run_id).name or what
            found.append(Deleted(run_id, folder.name, int(number) / 1e9, name))
    return sorted(found, key=lambda deleted: -deleted.deleted)


def empty_trash() -> int:
    """Remove deleted and damaged runs for good; returns the bytes freed."""
    folders = [*_folders(paths.trash_folder()), *_folders(paths.aside_folder())]
    freed = sum(map(folder_size, folders))
    with writing():
        _remove_scratch()
        for folder in folders:
            remove_folder(folder)
        for note in paths.aside_folder().glob("*.why"):
            note.unlink(missing_ok=True)
    return freed


def clean_up(keep: str | None = None, limit: int | None = None) -> list[str]:
    """Free space until the finished runs (and the trash) fit the limit of the settings: the trash
    first, then runs that were used longest ago. Returns the ids of the runs removed.

    ``keep`` names a run that stays in any case."""
    limit = cache_limit() if limit is None else limit
    if limit is None:
        return []
    with short_lock("clean-up"):
        return _free(limit, keep)


def _free(limit: int, keep: str | None) -> list[str]:
    runs = [run for run in list_runs() if not run.bundled]
    trash = sorted(_folders(paths.trash_folder()), key=lambda folder: folder.name[17:])
    over = sum(run.size for run in runs) + sum(map(folder_size, trash)) - limit
    for folder in trash:
        if over <= 0:
            return []
        over -= folder_size(folder)
        remove_folder(folder)
    removed: list[str] = []
    for run in sorted(runs, key=lambda run: (last_used(run.run_id), run.finished)):
        if over <= 0:
            break
        if run.run_id == keep:
            continue
        with short_lock(f"label-{run.run_id}"):
            fresh = time.time() - last_used(run.run_id) < IN_USE
            if fresh or run.label.pinned or is_held(run.path / LOCK):
                continue
            remove_folder(run.path)
        over -= run.size
        removed.append(run.run_id)
    return removed


def _remove_scratch() -> None:
    """Remove half-written folders that killed processes left behind."""
    for folder in _folders(paths.scratch_folder()):
        with contextlib.suppress(OSError):
            if abs(time.time() - folder.stat().st_mtime) > ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder; what vanishes meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file() and not path.is_symlink():
                total += path.stat().st_size
    return total


def _folders(parent: Path) -> list[Path]:
    return [Path(entry) for entry in listed(parent) if entry.is_dir() or entry.is_symlink()]
