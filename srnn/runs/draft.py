"""The writer of runs: a training so far, in the folder that will be its run.

``snapshots.f32`` and ``records.csv`` only grow, by the float32 weights of each kept epoch (of all
particles, or a sample's and every scalar weight: :mod:`srnn.history`) and one row per epoch;
``state-<epoch>.f32`` holds weights and momentum. ``run.json`` is replaced last, as a whole, and
says how much of each counts: whatever moment a process is killed at, what it says is whole, and
training goes on from there with the same bits. A finished run is the same, with the time at which
it was finished. Before ``run.json`` is written, everything it vouches for is read back and compared
with what was meant to be there; that costs under 1 % of the training.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from srnn import paths
from srnn.config import RunConfig
from srnn.files import open_plain, write_bytes
from srnn.history import TrainingState, keeps_snapshot, kept_epochs, sample_of, sample_size
from srnn.runs.lock import Lock
from srnn.runs.record import (
    COLUMNS,
    MOST_DIVERGENCES,
    RECORDS,
    RUN,
    SNAPSHOTS,
    FileFacts,
    FormatError,
    Results,
    RunRecord,
    check_bytes,
    parse_rows,
    particle_count,
    provenance,
    render,
    render_rows,
    state_file,
)
from srnn.runs.run import Run, RunError, open_run, read_record
from srnn.runs.settings import from_environment
from srnn.vocabulary import TYPES

if TYPE_CHECKING:
    from srnn.training import Record

SHARE = 0.01
"""Share of the training time that checkpoints may take."""

SOONEST = 1.0
"""Seconds between two checkpoints of a network that is trained with others, at least."""


def shortest_gap() -> float:
    """Seconds of training between two checkpoints, at least: ``SRNN_CHECKPOINT_SECONDS``, or 5."""
    gap = from_environment("SRNN_CHECKPOINT_SECONDS", float)
    return gap if gap is not None and math.isfinite(gap) and gap >= 0 else 5.0


class _Growing:
    """A file that only grows: how long it must be, and the checksum of all that must be in it."""

    def __init__(self, path: Path) -> None:
        self.path, self.size, self.hash = path, 0, hashlib.sha256()

    def append(self, data: bytes) -> None:
        with open_plain(self.path, "ab") as file:
            file.write(data)
        self.size += len(data)
        self.hash.update(data)

    def cut_to(self, facts: FileFacts) -> bytes:
        """Cut it back to what counts, and go on from there; returns that.

        Raises:
            FormatError: it holds something else.
        """
        with open_plain(self.path, "r+b") as file:
            data = file.read(facts.bytes)
            check_bytes(self.path.name, data, facts)
            file.truncate(facts.bytes)
        self.size, self.hash = facts.bytes, hashlib.sha256(data)
        return data

    def facts(self) -> FileFacts:
        """Its size and checksum, once all of it is on the disk as it was meant.

        Raises:
            RunError: somebody else has changed it.
        """
        with open_plain(self.path, "rb") as file:
            os.fsync(file.fileno())
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if self.path.stat().st_size != self.size or found != self.hash.hexdigest():
            raise RunError(
                f"{self.path} was changed by somebody else while it was being written; nothing "
                "more is made of it: ask for the run again, and it is trained anew"
            )
        return FileFacts(bytes=self.size, sha256=found)


class Draft:
    """A training so far. Made by who holds ``lock``, the lock of the run's folder; picks up the
    checkpoint that is there if one is, and if it was trained with what trains here.

    ``engine`` is the one that is asked for; ``auto`` goes on with a checkpoint's own. ``rows`` are
    its records, ``state`` is None before the first.
    """

    stopped: str | None = None
    continued_from: str | None = None
    imported = False  # begun from a run that was not trained here
    seconds = 0.0

    def __init__(self, config: RunConfig, lock: Lock, engine: str = "auto") -> None:
        self.config, self.folder, self.lock = config, lock.path.parent, lock
        self.table = _Growing(self.folder / RECORDS)
        self.history = _Growing(self.folder / SNAPSHOTS)
        try:
            self._load(engine)
        except FileNotFoundError:
            self._begin()
        except (OSError, ValueError, RunError) as error:
            log = logging.getLogger(__name__)
            log.warning("run %s is trained from its start: %s", config.run_id, error)
            self._begin()
        self._saved(0.0)

    def _begin(self) -> None:
        """Start from nothing. What says that the rest counts goes first."""
        (self.folder / RUN).unlink(missing_ok=True)
        self._remove("*.f32", "*.csv", ".*")
        self.table, self.history = _Growing(self.table.path), _Growing(self.history.path)
        self.table.append((",".join(COLUMNS) + "\n").encode())
        self.rows: list[dict[str, float]] = []
        self.divergences: list[str] = []
        self.state: TrainingState | None = None
        self.sample = sample_size(particle_count(self.config, *self.shape))
        self._written = 0

    def _remove(self, *patterns: str, keep: str = "") -> None:
        """Remove files of the folder by name: what an earlier state or a killed writer left."""
        for path in [path for pattern in patterns for path in self.folder.glob(pattern)]:
            if path.name != keep:
                path.unlink(missing_ok=True)

    def _load(self, engine: str) -> None:
        record = read_record(self.folder)
        if engine not in ("auto", record.engine):
            raise FormatError(f"its checkpoint is of the engine {record.engine}")
        if not trained_alike(record, record.engine):
            raise FormatError("its checkpoint was made with other versions or another processor")
        self.rows = parse_rows(self.table.cut_to(record.files[RECORDS]))
        self.history.cut_to(record.files[SNAPSHOTS])
        self.state = Run(record.run_id, self.folder, record).state
        self._remove("state-*.f32", ".*", keep=record.state_file)
        self.divergences, self.stopped = list(record.divergences), record.stopped
        self.continued_from, self.seconds = record.continued_from, record.seconds
        self.imported, self.sample = record.imported, record.sample
        self._written = len(self.rows)

    def begin_from(self, run: Run) -> None:
        """Take over a finished run of the same configuration with fewer epochs."""
        self.rows = parse_rows(run.read(RECORDS))
        self.state, self.seconds = run.state, run.record.seconds
        self.divergences, self.continued_from = list(run.record.divergences), run.run_id
        self.take_history(run, run.record.results.epochs + 1)

    def take_history(self, run: Run, end: int) -> None:
        """Keep what a run of the same network has kept of its epochs before ``end``, as it did."""
        self.sample = run.record.sample
        data, size = run.content(SNAPSHOTS), 4 * run.record.snapshot_numbers
        for number, epoch in enumerate(run.record.snapshot_epochs):
            if epoch < end and keeps_snapshot(self.config, epoch):
                self.history.append(data[number * size : (number + 1) * size])

    def keep(self, epoch: int, weights: np.ndarray) -> None:
        """Keep of an epoch's weights ``(n, P)`` what its history keeps, if it is one of those."""
        if not (self.stopped or keeps_snapshot(self.config, epoch)):
            return
        parts = [weights]
        if self.sample is not None:
            import torch

            from srnn.particles import scalar_weights

            chosen = sample_of(self.config.seed, weights.shape[1], self.sample)
            parts = [weights[:, chosen], scalar_weights(torch.from_numpy(weights)).numpy()]
        for part in parts:
            self.history.append(np.ascontiguousarray(part, "<f4").tobytes())

    def add(self, record: Record, seconds: float = 0.0) -> None:
        """Take a record in, that took so many seconds; its weights go to the disk if the epoch is
        kept. A record of an epoch that is there already (the loop begins with epoch 0) adds
        nothing.

        Raises:
            RunError: the folder, or its lock, is somebody else's by now.
        """
        self.check_lock()
        self.seconds += seconds
        if self.state is not None and record.epoch <= self.state.epoch:
            return
        self.rows.append(record.row())
        self.state = record.state
        for event in record.divergences[: 1 + MOST_DIVERGENCES - len(self.divergences)]:
            full = len(self.divergences) == MOST_DIVERGENCES
            self.divergences.append("more particles diverged after these" if full else str(event))
        if record.stopped:
            self.stopped = str(record.divergences[-1])
        self.keep(record.epoch, record.state.weights)

    def check_lock(self) -> None:
        """Raise :class:`RunError` if the run's folder was removed or replaced."""
        if not self.lock.mine():
            raise RunError(
                f"{self.folder} was removed or replaced while the run was being trained there; "
                "ask for it again"
            )

    def save_if_due(self, networks: int = 1) -> bool:
        """Write a checkpoint if enough training has passed since the last: by the clock, or, of so
        many ``networks`` that one process trains at once, as much as one run takes in all, so that
        the process's death costs no more. Returns whether it was written."""
        started, epoch = time.perf_counter(), self.state.epoch if self.state else 0
        one_run = networks > 1 and (epoch - self._kept_epoch) * networks >= self.config.epochs
        if due := started >= self._due or (one_run and started >= self._soonest):
            self.save()
            self._saved(time.perf_counter() - started)
        return due

    def _saved(self, cost: float) -> None:
        """A checkpoint is there, which took so many seconds: when the next one may be written."""
        now, self._kept_epoch = time.perf_counter(), self.state.epoch if self.state else 0
        self._due = now + max(shortest_gap(), cost / SHARE)
        self._soonest = now + min(SOONEST, shortest_gap())

    def save(self, finished: float | None = None) -> None:
        """Write a checkpoint now, or the finished run.

        Raises:
            RunError: somebody else has changed its files.
            OSError: the disk is full; the last checkpoint stays.
        """
        if self.state is None:
            return
        self.check_lock()
        self.table.append(render_rows(self.rows[self._written :]))
        self._written = len(self.rows)
        files = {RECORDS: self.table.facts(), SNAPSHOTS: self.history.facts()}
        name, parts = state_file(self.state.epoch), (self.state.weights, self.state.momentum)
        data = b"".join(np.ascontiguousarray(part, "<f4").tobytes() for part in parts)
        files[name] = FileFacts(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        write_bytes(self.folder / name, data)
        write_bytes(self.folder / RUN, render(self._record(files, finished)))
        self._remove("state-*.f32", keep=name)

    def _record(self, files: dict[str, FileFacts], finished: float | None) -> RunRecord:
        assert self.state is not None
        inputs, classes = self.shape
        last = self.rows[-1]
        return RunRecord(
            run_id=self.config.run_id,
            config=self.config.to_dict(),
            engine=self.state.engine,
            provenance=provenance(self.state.engine),
            imported=self.imported,
            inputs=inputs,
            classes=classes,
            particles=self.state.weights.shape[1],
            sample=self.sample,
            replicating=self.state.replicating,
            results=Results(
                epochs=self.state.epoch,
                test_accuracy=float(last["test_accuracy"]),
                types={name: int(last[name]) for name in TYPES},
            ),
            seconds=round(self.seconds, 3),
            stopped=self.stopped,
            divergences=self.divergences,
            continued_from=self.continued_from,
            finished=finished,
            files=files,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Inputs and classes of its data."""
        from srnn.tasks import data_shape

        return data_shape(self.config.dataset, self.config.size)

    def finish(self) -> Run:
        """Make it a finished run, and check that it is one."""
        self.save(finished=time.time())
        return open_run(self.folder)


def kept_so_far(config: RunConfig, particles: int) -> tuple[np.ndarray, list[int]]:
    """The snapshots ``(T, n, P)`` that a training has written so far, and their epochs; T is 0
    before the first, or where only a sample is kept. The last ones may not be vouched for yet: for
    looking only."""
    if sample_size(particles):
        return np.empty((0, config.particle_weights, particles), "<f4"), []
    epochs, size = kept_epochs(config), config.particle_weights * particles
    try:
        found = np.fromfile(paths.run_folder(config.run_id) / SNAPSHOTS, dtype="<f4")
    except OSError:
        found = np.empty(0, dtype="<f4")
    count = min(len(found) // size, len(epochs))
    return found[: count * size].reshape(count, config.particle_weights, particles), epochs[:count]


def trained_alike(record: RunRecord, engine: str) -> bool:
    """Whether training with that engine here goes on from a run bit for bit: it was trained by the
    same engine, with the same versions and on the same kind of processor."""
    from srnn.engines import available

    return (
        record.engine == engine and available(engine) and record.provenance.like(provenance(engine))
    )
