"""Sharing runs: one zip a run, with JSON, a table and arrays; and importing a stranger's.

An archive holds the files of the run's folder and, if there is one, its name and note. An imported
one is not believed: everything is checked in memory before anything is written, from the number of
entries to the types recomputed from the weights, and nothing is unpickled or unpacked to a path of
its choosing. What cannot be checked is whether the run was trained at all, so it is marked as
imported.
"""

from __future__ import annotations

import io
import json
import shutil
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from srnn import paths
from srnn.config import RunConfig
from srnn.files import flush_file, parse_json, write_bytes, writing
from srnn.fixpoints import classify, count_types
from srnn.metanet import accuracy
from srnn.particles import position_encoding, scalar_weights
from srnn.store.format import (
    FILES,
    INFO_BYTES,
    FormatError,
    check_contents,
    check_info,
    most_bytes,
    parse_array,
    parse_records,
    shape_of,
)
from srnn.store.labels import Label, edit_label
from srnn.store.run import Run
from srnn.store.runs import aside, find_run, get_run, open_run, publish
from srnn.tasks import dataset_names, load_task

LABEL = "label.json"
LABEL_BYTES = 65_536

MOST_BYTES = 2_000_000_000
"""Largest archive, and largest content, that is accepted."""

ACCURACY_SLACK = 0.005
"""Difference in test accuracy that another machine's rounding may make."""

TYPE_SLACK = 0.005
"""Share of the particles whose type another machine's rounding may change (at least 3)."""


@dataclass(frozen=True)
class Imported:
    """A run from an archive; ``existed`` if the same run was here already."""

    run: Run
    existed: bool


def export_run(run_id: str, out: Path) -> Path:
    """Write a run into one zip file; returns its path.

    Raises:
        RunError: there is no such run, or it is damaged.
        OSError: the file cannot be written.
    """
    write_bytes(out, export_bytes(get_run(run_id)))
    return out


def export_bytes(run: Run) -> bytes:
    """A run as the content of one zip file; the same run gives the same bytes.

    Raises:
        RunError: it was damaged or deleted meanwhile.
    """
    entries = {"run.json": json.dumps(run.info, indent=1).encode()}
    entries |= {name: run.read(name) for name in FILES}
    label = run.label
    if label.name or label.note:
        entries[LABEL] = json.dumps({"name": label.name, "note": label.note}).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return buffer.getvalue()


def import_run(source: Path | BinaryIO) -> Imported:
    """Check an exported run and put it into the cache.

    Raises:
        FormatError: it is not such a run; the message says what is wrong. Nothing was written.
        CacheError: the cache cannot be written.
        OSError: the file cannot be read.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            return import_run(file)
    info, files, label = read_archive(source)
    run_id = info["run_id"]
    there = find_run(run_id)
    if there is not None:
        if there.info["checksums"] != info["checksums"]:
            raise FormatError(
                f"run {run_id} is here already, with other numbers (trained elsewhere, or by "
                "another engine); delete it first to import this one"
            )
        return Imported(there, True)
    with writing(paths.cache_root()), aside() as folder:
        _check_space(folder, sum(map(len, files.values())))
        for name, data in (*files.items(), ("run.json", json.dumps(info, indent=1).encode())):
            (folder / name).write_bytes(data)
            flush_file(folder / name)
        edit_label(run_id, name=label.name, note=label.note, imported=True)
        publish(folder, paths.run_folder(run_id))
    return Imported(open_run(paths.run_folder(run_id)), False)


def read_archive(file: BinaryIO) -> tuple[dict[str, Any], dict[str, bytes], Label]:
    """The checked content of an archive: ``run.json``, the other files, and the label.

    Raises:
        FormatError: it is not an exported run; the message says what is wrong.
    """
    _check_directory(file)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = _entries(archive)
            info = _json(_read(archive, entries["run.json"], INFO_BYTES), "run.json")
            config = check_info(info)
            most = most_bytes(info, config)
            if sum(most.values()) > MOST_BYTES:
                raise FormatError(f"the run is larger than {MOST_BYTES:,} bytes")
            files = {name: _read(archive, entries[name], most[name]) for name in FILES}
            label = Label()
            if LABEL in entries:
                label = _label(_json(_read(archive, entries[LABEL], LABEL_BYTES), LABEL))
    except FormatError:
        raise
    except Exception as error:  # zipfile fails in many ways on bytes that are no archive
        raise FormatError(f"the archive is damaged ({type(error).__name__}: {error})") from error
    check_contents(info, files)
    _check_meaning(info, config, files)
    return info, files, label


def _check_directory(file: BinaryIO) -> None:
    """Look at an archive's size and number of entries before its directory is read."""
    size = file.seek(0, 2)
    if size > MOST_BYTES:
        raise FormatError(f"the file has {size:,} bytes, more than {MOST_BYTES:,}")
    file.seek(max(0, size - 65_557))
    tail = file.read()
    end = tail.rfind(b"PK\5\6")
    if end < 0 or len(tail) < end + 22:
        raise FormatError("not a zip file")
    count, length = struct.unpack("<HL", tail[end + 10 : end + 16])
    if count > len(FILES) + 2 or length > 65_536:
        raise FormatError(f"the archive claims {count:,} entries; an exported run has 4 or 5")
    file.seek(0)


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    entries = archive.infolist()
    names = [entry.orig_filename for entry in entries]
    needed, allowed = {"run.json", *FILES}, {"run.json", *FILES, LABEL}
    for name in names:
        if name not in allowed or names.count(name) > 1:
            raise FormatError(f"the archive holds {name[:80]!r}, which no exported run does")
    for name in sorted(needed):
        if name not in names:
            raise FormatError(f"the archive lacks {name}")
    for entry in entries:
        if entry.flag_bits & 1:
            raise FormatError(f"{entry.filename} is encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FormatError(f"{entry.filename} is compressed in a way that is not accepted")
    return dict(zip(names, entries, strict=True))


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    """An entry's content, never more than ``most`` bytes of it, whatever its header claims."""
    with archive.open(entry) as file:
        data = file.read(most + 1)
    if len(data) > most or entry.file_size > most:
        raise FormatError(f"{entry.filename} is larger than its configuration allows ({most:,})")
    return data


def _json(data: bytes, name: str) -> Any:
    try:
        return parse_json(data)
    except ValueError as error:
        raise FormatError(f"{name}: {error}") from error


def _label(values: Any) -> Label:
    if not isinstance(values, dict) or set(values) != {"name", "note"}:
        raise FormatError(f"{LABEL} must hold a name and a note")
    try:
        return Label(values["name"], values["note"])
    except (ValueError, TypeError) as error:
        raise FormatError(f"{LABEL}: {error}") from error


def _check_meaning(info: dict[str, Any], config: RunConfig, files: dict[str, bytes]) -> None:
    """Recompute the types from the weights, and the test accuracy where the data is here."""
    table, shape = parse_records(files["records.csv"]), shape_of(info, config)
    size = (len(info["snapshot_epochs"]), config.particle_weights, info["particles"])
    snapshots = parse_array(files["snapshots.npy"], size, "snapshots.npy")
    encoding = torch.from_numpy(position_encoding(config.neurons, config.encoding))
    slack = max(3, TYPE_SLACK * info["particles"])
    for epoch, array in zip(info["snapshot_epochs"], snapshots, strict=True):
        weights = torch.from_numpy(np.array(array))
        for kind, count in count_types(classify(weights, encoding)).items():
            if abs(count - table[kind].iloc[epoch]) > slack:
                raise FormatError(
                    f"records.csv counts {table[kind].iloc[epoch]:,} {kind} particles in epoch "
                    f"{epoch}, the weights say {count:,}"
                )
    if config.dataset in dataset_names():
        task = load_task(config.dataset, config.size)
        x, y = torch.from_numpy(task.x_test), torch.from_numpy(task.y_test)
        share = accuracy(scalar_weights(weights), x, y, shape)
        if abs(share - info["results"]["test_accuracy"]) > ACCURACY_SLACK:
            raise FormatError(
                f"run.json claims a test accuracy of {info['results']['test_accuracy']:.2%}, its "
                f"weights reach {share:.2%}"
            )


def _check_space(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise FormatError(f"the run takes {size:,} bytes, {free:,} are free on the cache's disk")
