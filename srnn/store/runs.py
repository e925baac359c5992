"""The run cache: one folder a finished run, named by its configuration's hash.

A run folder holds ``run.json`` (configuration, results, checksums of the rest and of itself),
``records.csv`` (one row per epoch), ``snapshots.npy`` (weights of the kept epochs,
``(snapshots, n, P)`` float32) and ``momentum.npy`` (``(n, P)``; with the last snapshot it is all
that training further needs); :mod:`srnn.store.format` says what they must look like. It is written
aside, flushed and renamed, so a folder that is there is whole; what is read is checked against its
checksum. Nothing is ever unpickled.

Bundled runs have the same format and are read-only.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from srnn import paths
from srnn.config import SCHEMA, RunConfig
from srnn.files import (
    checksum,
    flush_folder,
    read_json,
    stamp,
    write_array,
    write_bytes,
    write_json,
    writing,
)
from srnn.history import TrainingState
from srnn.metanet import MacroShape
from srnn.store.format import FILES, INFO_BYTES, FormatError, check_info, seal
from srnn.store.labels import locked_label, mark_used
from srnn.store.run import Run, RunError
from srnn.vocabulary import TYPES


def find_run(run_id: str) -> Run | None:
    """The finished run of that id, or None. A damaged one is set aside and counts as none.

    Raises:
        RunError: it is damaged and cannot be set aside.
    """
    if not is_run_id(run_id):
        return None
    folder = paths.run_folder(run_id)
    for _ in range(2):
        try:
            if folder.exists():
                run = open_run(folder)
                mark_used(run_id)
                return run
            break
        except RunError:
            set_aside(folder)
    with contextlib.suppress(RunError):
        if (paths.BUNDLED_RUNS / run_id).is_dir():
            return open_run(paths.BUNDLED_RUNS / run_id)
    return None


def get_run(run_id: str) -> Run:
    """The finished run of that id.

    Raises:
        RunError: there is none, or it is damaged (it is then set aside).
    """
    if not is_run_id(run_id):
        raise RunError(f"{run_id[:40]!r} is not the name of a run (16 hex digits)")
    run = find_run(run_id)
    if run is not None:
        return run
    reason = why_aside(run_id)
    if reason:
        raise RunError(f"{reason}. It was set aside; train it again")
    raise RunError(f"there is no finished run {run_id}; train it, or choose another one")


def is_run_id(text: str) -> bool:
    """Whether a text has the form of a run id."""
    return (
        isinstance(text, str)
        and len(text) == 16
        and all(letter in "0123456789abcdef" for letter in text)
    )


def list_runs() -> list[Run]:
    """All finished runs that can be read, newest first; bundled ones last. Only sizes are checked
    here; the checksums are when a run is opened or read."""
    found: dict[str, Run] = {}
    for folder in (paths.runs_folder(), paths.BUNDLED_RUNS):
        for entry in sorted(_entries(folder)):
            if is_run_id(entry.name) and entry.name not in found:
                with contextlib.suppress(RunError):
                    found[entry.name] = open_run(entry, verify=False)
    return sorted(found.values(), key=lambda run: (run.bundled, -run.info["finished"], run.run_id))


def list_damaged() -> list[Path]:
    """Run folders of the cache that cannot be read; :func:`find_run` sets them aside."""
    damaged = []
    for entry in sorted(_entries(paths.runs_folder())):
        try:
            open_run(entry, verify=False)
        except RunError:
            damaged.append(entry)
    return damaged


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def find_shorter(config: RunConfig) -> Run | None:
    """The longest finished run of this configuration with fewer epochs, to train on from."""
    best = None
    for run in list_runs():
        longer = best is None or run.config.epochs > best.config.epochs
        if longer and not run.stopped and config.extends(run.config):
            best = find_run(run.run_id) or best
    return best


def open_run(folder: Path, *, verify: bool = True) -> Run:
    """The run in a folder, after checking that it is whole: schema, seal, configuration, sizes and
    (if ``verify``) checksums, which are remembered while the files stay unchanged.

    Raises:
        RunError: it is damaged, or of another schema; the message names the file.
    """
    try:
        info = _read_info(folder / "run.json", stamp(folder / "run.json"), folder.name)
        for name in FILES:
            path = folder / name
            found = stamp(path)
            if found[1] != info["sizes"][name]:
                raise FormatError(f"{name} has {found[1]:,} bytes, not {info['sizes'][name]:,}")
            if verify and _remembered_checksum(path, found) != info["checksums"][name]:
                raise FormatError(f"{name} is not what was written (its checksum differs)")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise RunError(f"run {folder.name} is damaged: {error}") from error
    return Run(folder.name, folder, info)


@functools.lru_cache(maxsize=4096)
def _read_info(path: Path, stamp: tuple, run_id: str) -> dict[str, Any]:
    if stamp[1] > INFO_BYTES:
        raise FormatError(f"run.json has {stamp[1]:,} bytes")
    info = read_json(path)
    check_info(info, run_id)
    return info


@functools.lru_cache(maxsize=16_384)
def _remembered_checksum(path: Path, stamp: tuple) -> str:
    return checksum(path)


def save_run(
    config: RunConfig,
    shape: MacroShape,
    records: pd.DataFrame,
    snapshots: np.ndarray,
    snapshot_epochs: list[int],
    state: TrainingState,
    *,
    seconds: float,
    stopped: str | None = None,
    divergences: list[str] | None = None,
    continued_from: str | None = None,
    into: Path | None = None,
) -> Run:
    """Write a finished run aside, check it, and rename it into the cache (or into ``into``).

    Raises:
        OSError: the disk is full or the cache read-only; nothing is left behind.
    """
    target = (into or paths.runs_folder()) / config.run_id
    with writing(paths.cache_root()), aside() as folder:
        write_bytes(folder / "records.csv", records.to_csv(index=False).encode())
        for name, array in (("snapshots.npy", snapshots), ("momentum.npy", state.momentum)):
            write_array(folder / name, array)
        last = records.iloc[-1]
        info = {
            "schema": SCHEMA,
            "run_id": config.run_id,
            "config": config.to_dict(),
            "engine": state.engine,
            "replicating": state.replicating,
            "inputs": shape.inputs,
            "classes": shape.outputs,
            "particles": shape.particles,
            "snapshot_epochs": snapshot_epochs,
            "results": {
                "epochs": state.epoch,
                "test_accuracy": float(last["test_accuracy"]),
                "types": {name: int(last[name]) for name in TYPES},
            },
            "seconds": round(seconds, 3),
            "stopped": stopped,
            "divergences": divergences or [],
            "continued_from": continued_from,
            "finished": time.time(),
            "sizes": {name: (folder / name).stat().st_size for name in FILES},
            "checksums": {name: checksum(folder / name) for name in FILES},
        }
        info["seal"] = seal(info)
        check_info(info, config.run_id)
        write_json(folder / "run.json", info)
        publish(folder, target)
    run = open_run(target)
    if into is None:
        mark_used(run.run_id)
    return run


@contextlib.contextmanager
def aside() -> Iterator[Path]:
    """A folder to write into, on the cache's disk; gone afterwards unless it was renamed."""
    paths.scratch_folder().mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=paths.scratch_folder()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path, target: Path) -> None:
    """Flush a whole folder and rename it into place; if somebody was faster, theirs stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    flush_folder(folder)
    try:
        folder.rename(target)
    except OSError:
        if not (target / "run.json").exists():
            raise
    flush_folder(target.parent)


def set_aside(folder: Path) -> Path | None:
    """Move a damaged run out of the way, with a note that says why; None if meanwhile it is whole
    again or gone (another process was faster).

    Raises:
        RunError: it cannot be moved (a read-only cache).
    """
    target = paths.aside_folder() / f"{folder.name}-{time.time_ns()}"
    reason = f"run {folder.name} is damaged"
    try:
        with locked_label(folder.name):
            try:
                open_run(folder)
                return None
            except RunError as error:
                reason = str(error)
            if not folder.exists():
                return None
            target.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(target)
    except OSError as error:
        raise RunError(f"{reason}; and it cannot be set aside ({error})") from error
    logging.getLogger(__name__).warning("%s; it is set aside in %s", reason, target)
    with contextlib.suppress(OSError):
        (target / "why.txt").write_text(reason + "\n", encoding="utf-8")
    return target


def why_aside(run_id: str) -> str | None:
    """Why a run was set aside last, or None if none of that id lies there."""
    found = sorted(entry for entry in _entries(paths.aside_folder()) if run_id in entry.name)
    if not found:
        return None
    try:
        return (found[-1] / "why.txt").read_text("utf-8", errors="replace").strip()[:500]
    except OSError:
        return f"run {run_id} is damaged"


def run_size(run: Run) -> int:
    """Bytes of a run on disk."""
    return folder_size(run.path)


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder; what vanishes meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file():
                total += path.lstat().st_size
    return total
