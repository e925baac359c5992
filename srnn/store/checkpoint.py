"""Checkpoints: the whole of an unfinished training, so that a killed one goes on where it was.

Two files in the run's work folder. ``snapshots.f32`` grows by one ``(n, P)`` float32 array per kept
epoch. ``checkpoint.bin`` holds the rest (a SHA-256, then an npz of weights, momentum, records and a
JSON text with counts and a CRC per snapshot) and is replaced as a whole: it says how much of the
snapshot file counts. Whatever moment a process is killed at, the last checkpoint is whole, and
training goes on from it with the same bits. Written seldom enough to cost under 2 % of the time.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from srnn.config import SCHEMA, RunConfig
from srnn.files import flush_file, remove_leftovers, write_bytes
from srnn.history import TrainingState, keeps_snapshot
from srnn.training import Record
from srnn.vocabulary import TYPES

SHARE = 0.01
"""Share of the training time that checkpoints may take; half of what is allowed."""

FILE = "checkpoint.bin"

MOST_DIVERGENCES = 1000
"""Divergences that a run names."""


def shortest_gap() -> float:
    """Seconds of training between two checkpoints, at least: ``SRNN_CHECKPOINT_SECONDS``, or 5."""
    try:
        gap = float(os.environ["SRNN_CHECKPOINT_SECONDS"])
    except (KeyError, ValueError):
        return 5.0
    return gap if math.isfinite(gap) and gap >= 0 else 5.0


@dataclass
class Partial:
    """A training so far: what its run will be made of, and where it is kept on disk."""

    config: RunConfig
    folder: Path
    rows: list[dict[str, float]] = field(default_factory=list)
    crcs: list[int] = field(default_factory=list)
    snapshot_epochs: list[int] = field(default_factory=list)
    divergences: list[str] = field(default_factory=list)
    state: TrainingState | None = None
    stopped: str | None = None
    seconds: float = 0.0
    continued_from: str | None = None
    spent: float = 0.0
    _due: float = field(default_factory=lambda: time.perf_counter() + shortest_gap())

    @property
    def snapshot_file(self) -> Path:
        return self.folder / "snapshots.f32"

    @property
    def records(self) -> pd.DataFrame:
        """One row per epoch so far; the same whether or not it went through a checkpoint."""
        return pd.DataFrame(self.rows).astype(dict.fromkeys(("epoch", *TYPES), np.int64))

    def add(self, record: Record) -> None:
        """Take a record in; its weights go to the snapshot file if the epoch is kept. A record of
        an epoch that is there already (the loop begins with epoch 0) adds nothing."""
        if self.state is not None and record.epoch <= self.state.epoch:
            return
        self.rows.append(record.row())
        self.state = record.state
        self._note_divergences([str(event) for event in record.divergences])
        if record.stopped:
            self.stopped = str(record.divergences[-1])
        if record.stopped or keeps_snapshot(self.config, record.epoch):
            self.append_snapshot(record.epoch, record.state.weights)

    def _note_divergences(self, texts: list[str]) -> None:
        for text in texts:
            if len(self.divergences) < MOST_DIVERGENCES:
                self.divergences.append(text)
            elif len(self.divergences) == MOST_DIVERGENCES:
                self.divergences.append("more particles diverged after these")

    def append_snapshot(self, epoch: int, weights: np.ndarray) -> None:
        """Append one snapshot ``(n, P)`` to the file."""
        data = np.ascontiguousarray(weights, dtype="<f4").tobytes()
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.snapshot_file.open("ab") as file:
            file.write(data)
        self.crcs.append(zlib.crc32(data))
        self.snapshot_epochs.append(epoch)

    def save_if_due(self) -> None:
        """Write a checkpoint if enough training has passed since the last. What it takes is kept
        in ``spent`` (seconds of this process)."""
        started = time.perf_counter()
        if started >= self._due:
            self.save()
            cost = time.perf_counter() - started
            self.spent += cost
            self._due = time.perf_counter() + max(shortest_gap(), cost / SHARE)

    def save(self) -> None:
        """Write a checkpoint now."""
        if self.state is None:
            return
        if self.snapshot_file.exists():
            flush_file(self.snapshot_file)
        about = {
            "schema": SCHEMA,
            "config": self.config.to_dict(),
            "epoch": self.state.epoch,
            "replicating": self.state.replicating,
            "engine": self.state.engine,
            "columns": list(self.rows[0]),
            "crcs": self.crcs,
            "snapshot_epochs": self.snapshot_epochs,
            "divergences": self.divergences,
            "stopped": self.stopped,
            "seconds": self.seconds,
            "continued_from": self.continued_from,
        }
        buffer = io.BytesIO()
        np.savez(
            buffer,
            about=np.frombuffer(json.dumps(about).encode(), dtype=np.uint8),
            weights=self.state.weights,
            momentum=self.state.momentum,
            records=self.records.to_numpy(dtype=np.float64),
        )
        body = buffer.getbuffer()
        write_bytes(self.folder / FILE, hashlib.sha256(body).digest(), body)

    def snapshots(self) -> np.ndarray:
        """All snapshots so far, ``(snapshots, n, P)``, memory-mapped."""
        assert self.state is not None
        shape = (len(self.snapshot_epochs), *self.state.weights.shape)
        return np.memmap(self.snapshot_file, dtype="<f4", mode="r", shape=shape)


def load_partial(config: RunConfig, folder: Path) -> Partial | None:
    """The last checkpoint of this configuration, its snapshot file cut back to what it counts;
    None if there is none or any of it is damaged (training then starts anew)."""
    remove_leftovers(folder, age=60)
    try:
        partial = _parsed(config, folder, (folder / FILE).read_bytes())
        if partial is None or partial.state is None:
            return None
        size = partial.state.weights.nbytes
        with partial.snapshot_file.open("r+b") as file:
            for crc in partial.crcs:
                if zlib.crc32(file.read(size)) != crc:
                    return None
            file.truncate(size * len(partial.crcs))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return partial


def _parsed(config: RunConfig, folder: Path, data: bytes) -> Partial | None:
    if hashlib.sha256(memoryview(data)[32:]).digest() != data[:32]:
        return None
    with np.load(io.BytesIO(data[32:]), allow_pickle=False) as arrays:
        about = json.loads(arrays["about"].tobytes())
        if about["schema"] != SCHEMA or about["config"] != config.to_dict():
            return None
        state = TrainingState(
            about["epoch"],
            arrays["weights"],
            arrays["momentum"],
            about["replicating"],
            about["engine"],
        )
        table = arrays["records"]
    return Partial(
        config,
        folder,
        [dict(zip(about["columns"], row, strict=True)) for row in table.tolist()],
        about["crcs"],
        about["snapshot_epochs"],
        about["divergences"],
        state,
        about["stopped"],
        about["seconds"],
        about["continued_from"],
    )


def discard_partial(folder: Path) -> None:
    """Forget a checkpoint, so that training starts anew. The checkpoint goes first: without it the
    snapshots mean nothing."""
    for name in (FILE, "snapshots.f32"):
        (folder / name).unlink(missing_ok=True)
