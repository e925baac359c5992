"""A run as an object: its settings, results, tables and weights.

Tables and arrays are read when first used and checked against their checksums as they are read, so
that a file changed under a running server is an error, never a wrong figure.
"""

from __future__ import annotations

import functools
import hashlib
import mmap
import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from srnn import paths
from srnn.config import RunConfig
from srnn.files import read_file, stamp
from srnn.history import History, TrainingState
from srnn.lineage import read_acts, read_fork
from srnn.runs.labels import Label, read_label
from srnn.runs.record import (
    INFO_BYTES,
    RECORDS,
    RUN,
    SNAPSHOTS,
    FileFacts,
    FormatError,
    RunRecord,
    check_bytes,
    parse,
    parse_history,
    parse_records,
    parse_state,
)

if TYPE_CHECKING:
    import pandas as pd

    from srnn.metanet import MacroShape


class RunError(RuntimeError):
    """A run is not there, or its folder is damaged. The message says what to do."""


@dataclass(frozen=True)
class Run:
    """A run. Tables and arrays are read when first used, and checked as they are read.

    ``record`` is the content of ``run.json``. Two runs are equal if they are the same folder.
    All properties raise :class:`RunError` if the run was damaged or deleted since it was opened.
    """

    run_id: str
    path: Path
    record: RunRecord = field(compare=False)

    @property
    def config(self) -> RunConfig:
        return self.record.settings

    @cached_property
    def shape(self) -> MacroShape:
        """The macro network's shape, without reading the data set."""
        from srnn.metanet import MacroShape

        config, record = self.config, self.record
        sizes = (record.inputs, config.depth, config.width, record.classes)
        return MacroShape(*sizes, config.residual, config.activation)

    @property
    def label(self) -> Label:
        """Name, note and pin, as they are now."""
        return read_label(self.run_id)

    @property
    def name(self) -> str:
        """What people call it: a name of their own, or a short description of its settings."""
        return self.label.name or self.description

    @cached_property
    def description(self) -> str:
        """Its settings in a few words."""
        return describe(self.config)

    @property
    def origin(self) -> str:
        """Where it comes from, in a sentence: with what it was trained, and whether here."""
        made = self.record.provenance
        numba = f", numba {made.numba}" if made.numba else ""
        text = (
            f"Trained by the engine {self.record.engine} of srnn {made.package} with torch "
            f"{made.torch}, numpy {made.numpy}{numba}, Python {made.python}, on {made.processor}."
        )
        if self.record.imported:
            text += " Imported, or begun from an imported run: who trained that is not known."
        return text

    @cached_property
    def bundled(self) -> bool:
        return self.path.parent == paths.BUNDLED_RUNS

    @property
    def stopped(self) -> str | None:
        """Why training ended before its last epoch (a divergence), or None."""
        return self.record.stopped

    @property
    def finished(self) -> float:
        """When it was finished, in seconds since 1970."""
        return self.record.finished or 0.0

    @property
    def size(self) -> int:
        """Bytes of its files that count, without ``run.json`` itself."""
        return sum(facts.bytes for facts in self.record.files.values())

    @cached_property
    def snapshot_epochs(self) -> list[int]:
        """The epochs of the snapshots, ascending; 0 is before training."""
        if self.record.sample:
            return [self.record.results.epochs]
        return self.record.snapshot_epochs

    @cached_property
    def records(self) -> pd.DataFrame:
        """One row per epoch: losses, accuracies (0..1), a count per type. NaN where not known."""
        try:
            return parse_records(self.read(RECORDS))
        except FormatError as error:
            raise RunError(f"run {self.run_id} cannot be read any more: {error}") from error

    @cached_property
    def snapshots(self) -> np.ndarray:
        """Weights of all particles ``(snapshots, n, P)`` float32, read-only. A run that keeps a
        sample has one snapshot, its end."""
        if not self.record.sample:
            return self.kept.weights
        return parse_state(self.content(self.record.state_file), self.record)[:1]

    @cached_property
    def kept(self) -> History:
        """What it has kept of its epochs, of all particles or of a sample, read-only."""
        return parse_history(self.content(SNAPSHOTS), self.record)

    @property
    def weights(self) -> np.ndarray:
        """Weights at the end, ``(n, P)``."""
        return self.snapshots[-1]

    @cached_property
    def encoding(self) -> np.ndarray:
        """Position encoding of its particles, ``(n, 3)``."""
        from srnn.particles import position_encoding

        return position_encoding(self.config.neurons, self.config.encoding)

    @property
    def state(self) -> TrainingState:
        """The state after its last epoch; training goes on from here bit for bit."""
        record = self.record
        weights, momentum = parse_state(self.read(record.state_file), record).copy()
        return TrainingState(
            record.results.epochs, weights, momentum, record.replicating, record.engine
        )

    def content(self, name: str) -> bytes | mmap.mmap:
        """What :meth:`read` gives, memory-mapped if it is more than :data:`KEEP_BYTES`."""
        facts = self.record.files[name]
        if facts.bytes <= KEEP_BYTES:
            return self.read(name)
        try:
            with (self.path / name).open("rb") as file:
                mapped = mmap.mmap(file.fileno(), facts.bytes, access=mmap.ACCESS_READ)
            check_bytes(name, mapped, facts)
        except (OSError, ValueError) as error:
            raise RunError(f"run {self.run_id} cannot be read any more: {error}") from error
        return mapped

    def read(self, name: str) -> bytes:
        """The content of one of its files, checked against its checksum."""
        try:
            return _read_checked(self.path / name, self.record.files[name])
        except (OSError, FormatError) as error:
            raise RunError(f"run {self.run_id} cannot be read any more: {error}") from error


KEEP_BYTES = 300_000_000
"""Content of run files that is kept in memory, so that every page need not read it again; a single
file beyond that is memory-mapped."""

_kept: dict[tuple, bytes] = {}
_keeping = threading.Lock()


def _read_checked(path: Path, facts: FileFacts) -> bytes:
    """The content of a file whose checksum is known. Read rather than memory-mapped while it is
    small enough: a mapped file that somebody truncates takes the whole process down."""
    key = (path, stamp(path), facts.sha256)
    with _keeping:
        if key in _kept:
            _kept[key] = data = _kept.pop(key)
            return data
    data = read_file(path, facts.bytes)
    check_bytes(path.name, data, facts)
    with _keeping:
        _kept[key] = data
        while len(_kept) > 1 and sum(map(len, _kept.values())) > KEEP_BYTES:
            _kept.pop(next(iter(_kept)))
    return data


def open_run(folder: Path, *, verify: bool = True, finished: bool = True) -> Run:
    """The finished run in a folder (or, if not ``finished``, what is vouched for of one), after
    checking that it is whole: format, seal, configuration, sizes and (if ``verify``) checksums,
    which are remembered while the files stay unchanged.

    Raises:
        RunError: it is damaged, not finished, or of another format; the message names the file.
    """
    try:
        record = read_record(folder)
        if finished and record.finished is None:
            raise FormatError(f"{RUN} says that it is not finished")
        for name, facts in record.files.items():
            path = folder / name
            found = stamp(path)
            if found[1] != facts.bytes:
                raise FormatError(f"{name} has {found[1]:,} bytes, not {facts.bytes:,}")
            if verify and _checksum(path, found) != facts.sha256:
                raise FormatError(f"{name} is not what was written (its checksum differs)")
    except (OSError, ValueError) as error:
        raise RunError(f"run {folder.name} is damaged: {error}") from error
    return Run(folder.name, folder, record)


def read_record(folder: Path, *, named: bool = True) -> RunRecord:
    """What the run in a folder says of itself, finished or not; the folder must be named by the
    run unless ``named`` is false.

    Raises:
        OSError: it cannot be read.
        FormatError: it is not what this program wrote there.
    """
    if folder.is_symlink():
        raise FormatError("its folder is a link")
    return _read_record(folder / RUN, stamp(folder / RUN), folder.name if named else None)


@functools.lru_cache(maxsize=8192)
def _read_record(path: Path, stamp: tuple, run_id: str | None) -> RunRecord:
    return parse(read_file(path, INFO_BYTES), run_id)


@functools.lru_cache(maxsize=16_384)
def _checksum(path: Path, stamp: tuple) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def differences(run: Run, other: Run) -> list[str]:
    """In what the training of two runs differed beside their settings (engine, versions,
    processor): ``torch: 2.13.0 and 2.14.0``; empty if in nothing, so that their numbers compare
    bit for bit."""
    left, right = (
        {"engine": one.record.engine, **one.record.provenance.model_dump()} for one in (run, other)
    )
    return [f"{key}: {left[key]} and {right[key]}" for key in left if left[key] != right[key]]


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
    parts += [skips, f"seed {config.seed}"]
    if config.fork:
        run_id, epoch = read_fork(config.fork)
        edited = f", {len(read_acts(config.acts))} acts" if config.acts else ""
        parts.append(f"fork of {run_id[:6]} at epoch {epoch}{edited}")
    return ", ".join(parts)
