"""A finished run as an object: its settings, results, tables and weights.

Tables and arrays are read when first used and checked against their checksums as they are read, so
that a file changed under a running server is an error, never a wrong figure.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from srnn import paths
from srnn.config import RunConfig
from srnn.files import checksum, stamp
from srnn.history import TrainingState
from srnn.metanet import MacroShape
from srnn.particles import position_encoding
from srnn.store.format import FormatError, parse_array, parse_records, shape_of
from srnn.store.labels import Label, read_label


class RunError(RuntimeError):
    """A run is not there, or its folder is damaged. The message says what to do."""


@dataclass(frozen=True)
class Run:
    """A finished run. Tables and arrays are read when first used, and checked as they are read.

    ``info`` is the content of ``run.json``. Two runs are equal if they are the same folder.
    All properties raise :class:`RunError` if the run was damaged or deleted since it was opened.
    """

    run_id: str
    path: Path
    info: dict[str, Any] = field(compare=False)

    @cached_property
    def config(self) -> RunConfig:
        return RunConfig.from_dict(self.info["config"])

    @cached_property
    def shape(self) -> MacroShape:
        return shape_of(self.info, self.config)

    @property
    def label(self) -> Label:
        """Name, note and pin, as they are now."""
        return read_label(self.run_id)

    @property
    def name(self) -> str:
        """What people call it: a name of their own, or a short description of its settings."""
        return self.label.name or describe(self.config)

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
        return self._checked("records.csv", parse_records)

    @cached_property
    def snapshots(self) -> np.ndarray:
        """Weights ``(snapshots, n, P)`` float32, read-only; a history of more than
        :data:`KEEP_BYTES` is memory-mapped."""
        name = "snapshots.npy"
        size = (len(self.snapshot_epochs), self.config.particle_weights, self.info["particles"])
        if self.info["sizes"][name] > KEEP_BYTES:
            return self._mapped(name, size)
        return self._checked(name, lambda data: parse_array(data, size, name))

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
        size = (self.config.particle_weights, self.info["particles"])
        momentum = self._checked("momentum.npy", lambda data: parse_array(data, size, "momentum"))
        return TrainingState(
            self.results["epochs"],
            np.array(self.weights),
            np.array(momentum),
            self.info["replicating"],
            self.info["engine"],
        )

    def read(self, name: str) -> bytes:
        """The content of one of its files, checked against its checksum."""
        return self._checked(name, bytes)

    def _mapped(self, name: str, size: tuple[int, ...]) -> np.ndarray:
        try:
            if checksum(self.path / name) != self.info["checksums"][name]:
                raise FormatError(f"{name} is not what was written (its checksum differs)")
            array = np.load(self.path / name, mmap_mode="r", allow_pickle=False)
            if array.shape != size or array.dtype != np.float32:
                raise FormatError(f"{name} holds {array.dtype} {array.shape}, not float32 {size}")
        except (OSError, ValueError) as error:
            raise RunError(f"run {self.run_id} cannot be read any more: {error}") from error
        return array

    def _checked(self, name: str, parse: Callable[[bytes], Any]) -> Any:
        try:
            return parse(_read_checked(self.path / name, self.info["checksums"][name]))
        except (OSError, FormatError) as error:
            raise RunError(f"run {self.run_id} cannot be read any more: {error}") from error


KEEP_BYTES = 300_000_000
"""Content of run files that is kept in memory, so that every page need not read it again; a single
file beyond that is memory-mapped."""

_kept: dict[tuple, bytes] = {}
_keeping = threading.Lock()


def _read_checked(path: Path, digest: str) -> bytes:
    """The content of a file whose checksum is known. Read rather than memory-mapped while it is
    small enough: a mapped file that somebody truncates takes the whole process down."""
    key = (path, stamp(path), digest)
    with _keeping:
        if key in _kept:
            _kept[key] = data = _kept.pop(key)
            return data
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise FormatError(f"{path.name} is not what was written (its checksum differs)")
    with _keeping:
        _kept[key] = data
        while len(_kept) > 1 and sum(map(len, _kept.values())) > KEEP_BYTES:
            _kept.pop(next(iter(_kept)))
    return data


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
