"""The runs of the cache: one folder each, named by its configuration's hash.

A folder is a run from the moment it is asked for; it is *finished* once its ``run.json`` says so.
Bundled runs have the same format and are read-only. Listing reads what has changed since the last
listing (``index.json`` remembers the rest, by inode, size and times of the files); checksums are
compared when a run is opened or read.
"""

import contextlib
import functools
import gc
import hashlib
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from srnn import paths
from srnn.config import RunConfig
from srnn.files import listed, read_file, read_tail, stamp, write_bytes, writing
from srnn.presets import of_plane
from srnn.runs.draft import trained_alike
from srnn.runs.labels import mark_used
from srnn.runs.lock import is_held
from srnn.runs.record import RUN, RunRecord
from srnn.runs.run import Run, RunError, open_run, read_record

REQUEST = "request.json"
"""In the folder of a run that is asked for and not yet finished."""

LOCK = "lock"
"""Held by who trains the run of a folder."""


def is_run_id(text: str) -> bool:
    """Whether a text has the form of a run id."""
    return isinstance(text, str) and len(text) == 16 and set(text) <= set("0123456789abcdef")


def find_run(run_id: str) -> Run | None:
    """The finished run of that id, or None. A damaged one is set aside and counts as none.

    Raises:
        RunError: it is damaged and cannot be set aside.
    """
    if not is_run_id(run_id):
        return None
    folder = paths.run_folder(run_id)
    for _ in range(2):
        if not (folder.is_symlink() or (folder / RUN).exists()) or is_unfinished(folder):
            break
        try:
            return open_run(folder)
        except RunError:
            set_aside(folder)
    with contextlib.suppress(RunError):
        if (paths.BUNDLED_RUNS / run_id).is_dir():
            return open_run(paths.BUNDLED_RUNS / run_id)
    return None


def get_run(run_id: str) -> Run:
    """The finished run of that id, which counts as used from now on (by the clean-up).

    Raises:
        RunError: there is none, or it is damaged (it is then set aside).
    """
    if not is_run_id(run_id):
        raise RunError(f"{run_id[:40]!r} is not the name of a run (16 hex digits)")
    run = find_run(run_id)
    if run is not None:
        mark_used(run_id)
        return run
    if is_unfinished(paths.run_folder(run_id)):
        raise RunError(f"run {run_id} is not finished; ask for it again, and it goes on")
    reason = why_aside(run_id)
    if reason:
        raise RunError(f"{reason}. It was set aside; train it again")
    raise RunError(f"there is no finished run {run_id}; train it, or choose another one")


def is_unfinished(folder: Path) -> bool:
    """Whether a run was asked for there and has not reached its end (a damaged one that is still
    asked for neither)."""
    if not (folder / REQUEST).exists():
        return False
    try:
        return read_record(folder).finished is None
    except (OSError, ValueError):
        return True


# --- listing -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Damaged:
    """A folder among the runs that is none: its printable name, and why."""

    name: str
    reason: str


def list_runs() -> list[Run]:
    """All finished runs that can be read, newest first; bundled ones last, and behind them the
    networks of the live plane. Only sizes are checked here; the checksums are when a run is opened
    or read."""
    return list_all()[0]


def list_all() -> tuple[list[Run], list[Damaged]]:
    """:func:`list_runs`, and what lies among the runs and cannot be read (:func:`find_run` sets it
    aside), with one look at the folders."""
    found, damaged = {}, []
    if not _seen:
        _seen.update(_read_index())
    known = len(_seen)
    for entry in listed(paths.runs_folder()):
        try:
            if (run := _listed(entry.path, entry.name)) is not None:
                found[entry.name] = run
        except (OSError, ValueError, RunError) as error:
            reason = str(error).removeprefix(f"run {entry.name} is damaged: ")
            damaged.append(Damaged(printable(entry.name), printable(reason)))
    if len(_seen) - known > 20 + len(found) // 20:
        _write_index(found)
    for entry in listed(paths.BUNDLED_RUNS):
        if entry.name not in found:
            with contextlib.suppress(RunError):
                found[entry.name] = open_run(Path(entry.path), verify=False)
    now = time.time()
    runs = sorted(
        found.values(),
        key=lambda run: (
            of_plane(run.record.config),
            run.bundled,
            -min(run.finished, now),
            run.run_id,
        ),
    )
    return runs, sorted(damaged, key=lambda one: one.name)


Stamp = tuple[int, int, int, int]
_seen: dict[str, tuple[Stamp, Run]] = {}
"""What the folders held when they were listed last, by path."""
MOST_INDEX = 500_000_000
"""Largest ``index.json`` that is read."""


@functools.cache
def _index() -> TypeAdapter[dict[str, tuple[Stamp, RunRecord, str]]]:
    """What is in ``index.json`` behind its checksum: stamp, record and description of each run."""
    return TypeAdapter(dict[str, tuple[Stamp, RunRecord, str]])


def _listed(path: str, name: str) -> Run | None:
    """The finished run in a folder; None if it is not finished."""
    if not is_run_id(name):
        raise ValueError("this is not the name of a run (16 hex digits)")
    try:
        found = stamp(f"{path}/{RUN}")
    except FileNotFoundError:
        folder = Path(path)
        if folder.is_dir() and (
            (folder / REQUEST).exists() or not set(os.listdir(folder)) - {LOCK}  # noqa: PTH208
        ):
            return None
        raise
    known = _seen.get(path)
    if known is not None and known[0] == found:
        return known[1]
    if is_unfinished(Path(path)):
        return None
    run = open_run(Path(path), verify=False)
    _seen[path] = found, run
    return run


def _read_index() -> dict[str, tuple[Stamp, Run]]:
    try:
        checksum, _, body = read_file(paths.index_file(), MOST_INDEX).partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != checksum:
            return {}
        gc.disable()  # thousands of records, none of them garbage: looking for some takes as long
        seen, root = {}, paths.runs_folder()
        for name, (found, record, text) in _index().validate_json(body).items():
            run = Run(name, root / name, record)
            run.__dict__["description"] = text  # what the cached property would work out
            seen[str(run.path)] = found, run
        return seen
    except (OSError, ValueError):
        return {}
    finally:
        gc.freeze()  # nor is any later
        gc.enable()


def _write_index(found: dict[str, Run]) -> None:
    index = {
        name: (_seen[str(run.path)][0], run.record, run.description) for name, run in found.items()
    }
    with contextlib.suppress(OSError):
        body = _index().dump_json(index)
        checksum = hashlib.sha256(body).hexdigest().encode()
        write_bytes(paths.index_file(), checksum, b"\n", body, durable=False)


def printable(text: str) -> str:
    """A text that every page and terminal can show: what is no character is spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()[:500]


def find_shorter(config: RunConfig, engine: str) -> Run | None:
    """The longest finished run of this configuration with fewer epochs that was trained here, by
    that engine and with the same versions: training goes on from it bit for bit."""
    for run_id in config.shorter_ids():
        if (paths.run_folder(run_id) / RUN).exists() and (run := find_run(run_id)) is not None:
            own = not (run.bundled or run.record.imported or run.stopped)
            if own and trained_alike(run.record, engine):
                return run
    return None


# --- damage --------------------------------------------------------------------------------


def set_aside(folder: Path) -> Path | None:
    """Move a damaged run out of the way, with a note that says why; None if meanwhile it is whole
    again or gone (another process was faster).

    Raises:
        RunError: it cannot be moved (a read-only cache), or somebody trains it.
    """
    target = paths.aside_folder() / f"{folder.name}-{time.time_ns()}"
    reason = f"run {folder.name} is damaged"
    try:
        try:
            open_run(folder)
            return None
        except RunError as error:
            reason = str(error)
        if is_held(folder / LOCK):
            raise RunError(f"{reason}; it is being trained again")
        with writing():
            target.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(target)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"{reason}; and it cannot be set aside ({error})") from error
    logging.getLogger(__name__).warning("%s; it is set aside in %s", reason, target)
    with contextlib.suppress(OSError):
        (target.with_suffix(".why")).write_text(reason + "\n", encoding="utf-8")
    return target


def why_aside(run_id: str) -> str | None:
    """Why a run was set aside last, or None if none of that id lies there."""
    names = sorted(entry.name for entry in listed(paths.aside_folder()) if run_id in entry.name)
    if not names:
        return None
    note = (paths.aside_folder() / names[-1]).with_suffix(".why")
    return read_tail(note)[:500] or f"run {run_id} is damaged"
