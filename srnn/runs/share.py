"""Sharing runs: one zip a run, with JSON, a table and arrays; and importing a stranger's.

An archive holds the files of the run's folder and, if there is one, its name and note. An imported
one is not believed: everything is checked in memory before anything is written, from the number of
entries to the types recomputed from the weights, and nothing is unpickled or unpacked to a path of
its choosing. What cannot be checked is whether the run was trained at all, so it is marked as
imported, and no training goes on from it.
"""

import contextlib
import io
import json
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import psutil

from srnn import paths
from srnn.files import flush_folder, open_plain, parse_json, write_bytes, writing
from srnn.runs.labels import Label, edit_label
from srnn.runs.library import find_run
from srnn.runs.record import (
    INFO_BYTES,
    RECORDS,
    RUN,
    SNAPSHOTS,
    FormatError,
    RunRecord,
    check_contents,
    parse,
    parse_history,
    parse_records,
    parse_state,
    render,
)
from srnn.runs.run import Run, open_run
from srnn.tasks import DATASETS, load_task

LABEL = "label.json"
LABEL_BYTES = 65_536

MOST_BYTES = 2_000_000_000
"""Largest archive, and largest content, that is accepted."""

RATIO, FREE_BYTES = 20, 10_000_000
"""An archive may unpack to so many times its size, and to so many bytes in any case. What would
compress better is stored as it is."""

ACCURACY_SLACK = 0.005
"""Difference in test accuracy that another machine's rounding may make."""

TYPE_SLACK = 0.005
"""Share of the particles whose type another machine's rounding may change (at least 3)."""


@dataclass(frozen=True)
class Imported:
    """A run from an archive; ``existed`` if the same run was here already."""

    run: Run
    existed: bool


def export_bytes(run: Run) -> bytes:
    """A run as the bytes of a zip file; the same run and label give the same bytes."""
    label = run.label
    entries = {RUN: render(run.record)}
    entries |= {name: run.read(name) for name in run.record.files}
    if label.name or label.note:
        entries[LABEL] = json.dumps({"name": label.name, "note": label.note}).encode()
    packed = _zipped(entries, zipfile.ZIP_DEFLATED)
    if sum(map(len, entries.values())) > _most_content(len(packed)):
        packed = _zipped(entries, zipfile.ZIP_STORED)
    return packed


def _zipped(entries: dict[str, bytes], compression: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compresslevel=6) as archive:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = compression
            archive.writestr(entry, data)
    return buffer.getvalue()


def _most_content(size: int) -> int:
    return min(MOST_BYTES, FREE_BYTES + RATIO * size)


def import_run(source: Path | BinaryIO) -> Imported:
    """Check an exported run and put it into the cache.

    Raises:
        FormatError: it is not such a run; the message says what is wrong. Nothing was written.
        OSError: the file cannot be read.
    """
    if isinstance(source, Path):
        with open_plain(source, "rb", follow=True) as file:
            return import_run(file)
    record, files, label = read_archive(source)
    there = find_run(record.run_id)
    if there is not None:
        if there.record.files != record.files:
            raise FormatError(
                f"run {record.run_id} is here already, with other numbers (trained elsewhere, or "
                "by another engine); delete it first to import this one"
            )
        return Imported(there, True)
    target = paths.run_folder(record.run_id)
    with writing(), _aside() as folder:
        free = shutil.disk_usage(folder).free
        if sum(map(len, files.values())) > free:
            raise FormatError(f"the run takes more than the {free:,} bytes free on the disk")
        record = record.model_copy(update={"imported": True})
        for name, data in (*files.items(), (RUN, render(record))):
            write_bytes(folder / name, data)
        if label.name or label.note:
            edit_label(record.run_id, name=label.name, note=label.note)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.rename(target)
        except OSError as error:
            raise FormatError(
                f"run {record.run_id} is being trained here; wait, or remove that job first"
            ) from error
        flush_folder(target.parent)
    return Imported(open_run(target), False)


@contextlib.contextmanager
def _aside() -> Iterator[Path]:
    """A folder to write into, on the cache's disk; gone afterwards unless it was renamed."""
    paths.scratch_folder().mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(dir=paths.scratch_folder()))
    folder = room / "run"
    folder.mkdir()  # with the permissions that the umask leaves
    try:
        yield folder
    finally:
        shutil.rmtree(room, ignore_errors=True)


def read_archive(file: BinaryIO) -> tuple[RunRecord, dict[str, bytes], Label]:
    """The checked content of an archive: ``run.json``, the other files, and the label.

    Raises:
        FormatError: it is not an exported run; the message says what is wrong.
    """
    size = _check_directory(file)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = _entries(archive)
            content = sum(entry.file_size for entry in entries.values())
            _check_size(content, size)
            record = parse(_read(archive, entries[RUN], INFO_BYTES))
            if record.finished is None:
                raise FormatError("the run is not finished")
            if {*record.files, RUN} != set(entries) - {LABEL}:
                held = ", ".join(name[:80] for name in entries)
                raise FormatError(
                    f"the archive must hold {', '.join((RUN, *record.files))}; it holds {held}"
                )
            files = {
                name: _read(archive, entries[name], facts.bytes)
                for name, facts in record.files.items()
            }
            label = Label()
            if LABEL in entries:
                label = _label(parse_json(_read(archive, entries[LABEL], LABEL_BYTES)))
    except FormatError:
        raise
    except Exception as error:  # zipfile fails in many ways on bytes that are no archive
        raise FormatError(f"the archive is damaged ({type(error).__name__}: {error})") from error
    check_contents(record, files)
    _check_meaning(record, files)
    return record, files, label


def _check_directory(file: BinaryIO) -> int:
    """Look at an archive's size and number of entries before its directory is read; returns the
    size."""
    size = file.seek(0, 2)
    if size > MOST_BYTES:
        raise FormatError(f"the file has {size:,} bytes, more than {MOST_BYTES:,}")
    file.seek(max(0, size - 65_557))
    tail = file.read(65_557)
    end = tail.rfind(b"PK\5\6")
    if end < 0 or len(tail) < end + 22:
        raise FormatError("not a zip file")
    count, length = struct.unpack("<HL", tail[end + 10 : end + 16])
    if count > 5 or length > 65_536:
        raise FormatError(f"the archive claims {count:,} entries; an exported run has 4 or 5")
    file.seek(0)
    return size


def _check_size(content: int, size: int) -> None:
    if content > _most_content(size):
        raise FormatError(
            f"the archive has {size:,} bytes and claims to hold {content:,}; no run that was "
            f"exported here does (at most {_most_content(size):,})"
        )
    free = psutil.virtual_memory().available
    if 3 * content > free:
        raise FormatError(
            f"the run has {content:,} bytes; checking it takes three times that, and {free:,} "
            "bytes of memory are free"
        )


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    entries = archive.infolist()
    names = [entry.orig_filename for entry in entries]
    if RUN not in names:
        raise FormatError(f"the archive lacks {RUN}")
    for name, entry in zip(names, entries, strict=True):
        if names.count(name) > 1:
            raise FormatError(f"the archive holds {name[:80]!r} twice")
        if entry.flag_bits & 1:
            raise FormatError(f"{entry.filename} is encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FormatError(f"{entry.filename} is compressed in a way that is not accepted")
    return dict(zip(names, entries, strict=True))


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    """An entry's content, never more than ``most`` bytes of it, whatever its header claims."""
    with archive.open(entry) as file:
        data = file.read(most + 1)
    if max(len(data), entry.file_size) > most:
        raise FormatError(f"{entry.filename} is larger than its configuration allows ({most:,})")
    return data


def _label(values: Any) -> Label:
    if not isinstance(values, dict) or set(values) != {"name", "note"}:
        raise FormatError(f"{LABEL} must hold a name and a note")
    try:
        return Label.read(values)
    except FormatError as error:
        raise FormatError(f"{LABEL}: {error}") from None


def _check_meaning(record: RunRecord, files: dict[str, bytes]) -> None:
    """Recompute the types from the weights, and the test accuracy where the data is here."""
    import torch

    from srnn.fixpoints import classify
    from srnn.metanet import accuracy
    from srnn.particles import position_encoding, scalar_weights
    from srnn.vocabulary import count_types

    config = record.settings
    table, kept = parse_records(files[RECORDS]), parse_history(files[SNAPSHOTS], record)
    known = dict(zip(kept.epochs, kept.weights, strict=True))
    if record.sample is not None:  # the census is over all particles, whose last weights are here
        known = {record.results.epochs: parse_state(files[record.state_file], record)[0]}
    encoding = torch.from_numpy(position_encoding(config.neurons, config.encoding))
    slack = max(3, TYPE_SLACK * record.particles)
    for epoch, array in known.items():
        weights = torch.from_numpy(np.array(array))
        for kind, count in count_types(classify(weights, encoding)).items():
            if abs(count - table[kind].iloc[epoch]) > slack:
                raise FormatError(
                    f"{RECORDS} counts {table[kind].iloc[epoch]:,} {kind} particles in epoch "
                    f"{epoch}, the weights say {count:,}"
                )
    if config.dataset in DATASETS:
        task = load_task(config.dataset, config.size)
        x, y = torch.from_numpy(task.x_test), torch.from_numpy(task.y_test)
        claimed = record.results.test_accuracy
        shape = Run(record.run_id, Path(), record).shape
        share = accuracy(scalar_weights(weights), x, y, shape)
        if abs(share - claimed) > ACCURACY_SLACK:
            raise FormatError(
                f"{RUN} claims a test accuracy of {claimed:.2%}, its weights reach {share:.2%}"
            )
