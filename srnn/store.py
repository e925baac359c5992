"""The run cache: one folder a finished run, named by its configuration's hash.

A run folder holds ``run.json`` (configuration, results, checksums of the rest), ``records.csv``
(one row per epoch), ``snapshots.npy`` (weights of the kept epochs, ``(snapshots, n, P)`` float32)
and ``momentum.npy`` (``(n, P)``; with the last snapshot it is all that training further needs). It
is written aside and renamed, so a folder that is there is whole. Nothing is ever unpickled.

Bundled runs have the same format and are read-only.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from srnn import paths
from srnn.config import SCHEMA, ConfigError, RunConfig
from srnn.files import checksum, read_array, read_json, write_json
from srnn.fixpoints import TYPES
from srnn.metanet import MacroShape
from srnn.particles import position_encoding
from srnn.training import TrainingState

FILES = ("records.csv", "snapshots.npy", "momentum.npy")
COLUMNS = (
    "epoch",
    "replication_loss",
    "task_loss",
    "train_accuracy",
    "test_accuracy",
    *TYPES,
)


class RunError(RuntimeError):
    """A run is not there, or its folder is damaged. The message says what to do."""


@dataclass(frozen=True)
class Run:
    """A finished run. Arrays are read when first used; snapshots are memory-mapped.

    ``info`` is the content of ``run.json``. Two runs are equal if they are the same folder.
    """

    run_id: str
    path: Path
    info: dict[str, Any]

    @cached_property
    def config(self) -> RunConfig:
        return RunConfig.from_dict(self.info["config"])

    @cached_property
    def shape(self) -> MacroShape:
        config = self.config
        inputs, classes = self.info["inputs"], self.info["classes"]
        return MacroShape(
            inputs, config.depth, config.width, classes, config.residual, config.activation
        )

    @property
    def name(self) -> str:
        """What people call it: a name of their own, or a short description of its settings."""
        return self.info.get("name") or describe(self.config)

    @property
    def bundled(self) -> bool:
        return self.path.parent == paths.BUNDLED_RUNS

    @property
    def results(self) -> dict[str, Any]:
        """``test_accuracy`` and ``types`` at the end, ``epochs`` done."""
        return self.info["results"]

    @property
    def stopped(self) -> str | None:
        """Why training ended before its last epoch (a divergence), or None."""
        return self.info["stopped"]

    @property
    def snapshot_epochs(self) -> list[int]:
        """The epochs of the snapshots, ascending; 0 is before training."""
        return self.info["snapshot_epochs"]

    @cached_property
    def records(self) -> pd.DataFrame:
        """One row per epoch: losses, accuracies (0..1), a count per type. NaN where not known."""
        return pd.read_csv(self.path / "records.csv", float_precision="round_trip")

    @cached_property
    def snapshots(self) -> np.ndarray:
        """Weights ``(snapshots, n, P)`` float32, memory-mapped, read-only."""
        return read_array(self.path / "snapshots.npy", memory_map=True)

    @property
    def weights(self) -> np.ndarray:
        """Weights at the end, ``(n, P)``."""
        return self.snapshots[-1]

    @cached_property
    def encoding(self) -> np.ndarray:
        """Position encoding of its particles, ``(n, 3)``."""
        return position_encoding(self.config.neurons, self.config.encoding)

    @property
    def state(self) -> TrainingState:
        """The state at the end; training goes on from here bit for bit."""
        return TrainingState(
            self.results["epochs"],
            np.array(self.weights),
            read_array(self.path / "momentum.npy"),
            self.info["replicating"],
            self.info["engine"],
        )


def describe(config: RunConfig) -> str:
    """A configuration in a few words: ``mnist, h 4, alpha 100, 200 epochs, each, seed 0``."""
    dataset = Path(config.dataset).name or config.dataset
    skips = {"none": "no residual", "each": "residual", "pairs": "residual pairs"}[config.residual]
    parts = [dataset, f"h {config.neurons}", f"alpha {config.alpha:g}", f"{config.epochs} epochs"]
    if config.goal != "self-replication":
        parts.append(f"goal {config.goal}")
    if config.recipe != "2022-02":
        parts.append(f"recipe {config.recipe}")
    if (config.depth, config.width) != (5, 6):
        parts.append(f"{config.depth}x{config.width}")
    return ", ".join([*parts, skips, f"seed {config.seed}"])


def find_run(run_id: str) -> Run | None:
    """The finished run of that id, or None. A damaged one is set aside and counts as none.

    Raises:
        RunError: it is damaged and cannot be set aside.
    """
    for folder in (paths.run_folder(run_id), paths.BUNDLED_RUNS / run_id):
        if (folder / "run.json").exists() or folder.exists():
            try:
                return open_run(folder)
            except RunError as error:
                if folder.parent == paths.BUNDLED_RUNS:
                    continue
                set_aside(folder, str(error))
    return None


def get_run(run_id: str) -> Run:
    """The finished run of that id.

    Raises:
        RunError: there is none, or it is damaged (it is then set aside).
    """
    if not is_run_id(run_id):
        raise RunError(f"{run_id[:40]!r} is not the name of a run (16 hex digits)")
    run = find_run(run_id)
    if run is None:
        raise RunError(f"there is no finished run {run_id}; train it, or choose another one")
    return run


def is_run_id(text: str) -> bool:
    """Whether a text has the form of a run id."""
    return len(text) == 16 and all(letter in "0123456789abcdef" for letter in text)


def list_runs() -> list[Run]:
    """All finished runs that can be read, newest first; bundled ones last."""
    found: dict[str, Run] = {}
    for folder in (paths.runs_folder(), paths.BUNDLED_RUNS):
        entries = sorted(folder.iterdir()) if folder.is_dir() else []
        for entry in entries:
            if is_run_id(entry.name) and entry.name not in found:
                with contextlib.suppress(RunError):
                    found[entry.name] = open_run(entry, verify=False)
    return sorted(found.values(), key=lambda run: (run.bundled, -run.info["finished"], run.run_id))


def find_shorter(config: RunConfig) -> Run | None:
    """The longest finished run of this configuration with fewer epochs, to train on from."""
    best = None
    for run in list_runs():
        epochs = run.config.epochs
        if run.stopped or epochs >= config.epochs or (best and epochs <= best.config.epochs):
            continue
        if run.config.replace(epochs=config.epochs) == config:
            best = find_run(run.run_id) or best
    return best


def open_run(folder: Path, *, verify: bool = True) -> Run:
    """The run in a folder, after checking that it is whole: schema, configuration, sizes and (if
    ``verify``) checksums, which are remembered while the files stay unchanged.

    Raises:
        RunError: it is damaged, or of another schema; the message names the file.
    """
    try:
        info = read_json(folder / "run.json")
        _check_info(info, folder.name)
        for name in FILES:
            path = folder / name
            stat = path.stat()
            if verify:
                actual = _remembered_checksum(path, stat.st_size, stat.st_mtime_ns)
                if actual != info["checksums"][name]:
                    raise RunError(f"{name} is not what was written (its checksum differs)")
    except (OSError, ValueError, KeyError, TypeError, RunError) as error:
        raise RunError(f"run {folder.name} is damaged: {error}") from error
    return Run(folder.name, folder, info)


def _check_info(info: Any, name: str) -> None:
    if not isinstance(info, dict) or info.get("schema") != SCHEMA:
        found = info.get("schema") if isinstance(info, dict) else None
        raise RunError(f"run.json is of schema {found}, this program reads {SCHEMA}")
    config = RunConfig.from_dict(info["config"])
    if config.run_id != name:
        raise RunError("run.json belongs to another configuration")
    for key in _INFO_KEYS:
        if key not in info:
            raise RunError(f"run.json lacks {key!r}")


_INFO_KEYS = (
    "checksums",
    "classes",
    "engine",
    "finished",
    "inputs",
    "particles",
    "replicating",
    "results",
    "seconds",
    "snapshot_epochs",
    "stopped",
)


@functools.lru_cache(maxsize=4096)
def _remembered_checksum(path: Path, size: int, changed: int) -> str:
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
    with _aside() as folder:
        records.to_csv(folder / "records.csv", index=False)
        np.save(folder / "snapshots.npy", snapshots, allow_pickle=False)
        np.save(folder / "momentum.npy", state.momentum, allow_pickle=False)
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
            "checksums": {name: checksum(folder / name) for name in FILES},
        }
        write_json(folder / "run.json", info)
        for name in FILES:
            with (folder / name).open("rb") as file:
                os.fsync(file.fileno())
        publish(folder, target)
    return open_run(target)


@contextlib.contextmanager
def _aside() -> Iterator[Path]:
    """A folder to write into, on the cache's disk; gone afterwards unless it was renamed."""
    paths.scratch_folder().mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=paths.scratch_folder()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path, target: Path) -> None:
    """Rename a whole folder into place; if somebody was faster, theirs stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    try:
        folder.rename(target)
    except OSError:
        if not (target / "run.json").exists():
            raise


def set_aside(folder: Path, reason: str) -> Path:
    """Move a damaged run out of the way, with a note that says why.

    Raises:
        RunError: it cannot be moved (a read-only cache).
    """
    target = paths.aside_folder() / f"{folder.name}-{time.time_ns()}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)
        (target / "why.txt").write_text(reason + "\n", encoding="utf-8")
    except OSError as error:
        raise RunError(f"{reason}; and it cannot be set aside ({error})") from error
    return target


def run_size(run: Run) -> int:
    """Bytes of a run on disk."""
    return sum(path.stat().st_size for path in run.path.iterdir() if path.is_file())


__all__ = [
    "ConfigError",
    "Run",
    "RunError",
    "describe",
    "find_run",
    "find_shorter",
    "get_run",
    "list_runs",
    "open_run",
    "run_size",
    "save_run",
]
