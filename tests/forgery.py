"""Forged archives: what a stranger may upload. Each of :data:`FORGERIES` changes the parts of a
good archive; with ``seal_again`` checksums, sizes and seal are made to agree, as a forger would.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from srnn.runs.record import seal

Parts = dict[str, bytes]


def unpack(data: bytes) -> Parts:
    """The entries of an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(parts: Parts) -> bytes:
    """An archive of these entries."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def state(parts: Parts) -> str:
    """The name of the file with weights and momentum."""
    return next(name for name in parts if name.startswith("state-"))


def seal_again(parts: Parts, **changes: Any) -> Parts:
    """The entries with ``changes`` made in ``run.json``, all sizes and checksums right again."""
    info = json.loads(parts["run.json"]) | changes
    info["files"] = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in parts.items()
        if name not in ("run.json", "label.json")
    }
    info["seal"] = seal(info)
    return parts | {"run.json": json.dumps(info).encode()}


def array(parts: Parts, name: str) -> np.ndarray:
    """An array of the archive, ``(snapshots, n, P)`` or ``(2, n, P)``."""
    info = json.loads(parts["run.json"])
    neurons = info["config"]["neurons"]
    shape = (-1, neurons * (neurons + 6), info["particles"])
    return np.frombuffer(parts[name], dtype="<f4").reshape(shape)


def _info(parts: Parts) -> dict[str, Any]:
    return json.loads(parts["run.json"])


def _snapshots(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Parts], Parts]:
    def forge(parts: Parts) -> Parts:
        values = change(array(parts, "snapshots.f32").copy())
        return seal_again(parts | {"snapshots.f32": values.tobytes()})

    return forge


def _with(index: Any, value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(values: np.ndarray) -> np.ndarray:
        values[index] = value
        return values

    return change


def _results(**changes: Any) -> Callable[[Parts], Parts]:
    return lambda parts: seal_again(parts, results=_info(parts)["results"] | changes)


def _config(**changes: Any) -> Callable[[Parts], Parts]:
    return lambda parts: seal_again(parts, config=_info(parts)["config"] | changes)


def _records(old: str, new: str) -> Callable[[Parts], Parts]:
    def forge(parts: Parts) -> Parts:
        text = parts["records.csv"].decode()
        return seal_again(parts | {"records.csv": text.replace(old, new, 1).encode()})

    return forge


def _last_accuracy(parts: Parts) -> Parts:
    """A better accuracy, in the table and in the results."""
    rows = parts["records.csv"].decode().strip().split("\n")
    last = rows[-1].split(",")
    last[4] = "0.999"
    rows[-1] = ",".join(last)
    parts = parts | {"records.csv": ("\n".join(rows) + "\n").encode()}
    return seal_again(parts, results=_info(parts)["results"] | {"test_accuracy": 0.999})


FORGERIES: dict[str, Callable[[Parts], Parts]] = {
    "a path that leads out": lambda parts: parts | {"../../evil.txt": b"x"},
    "an absolute path": lambda parts: parts | {"/tmp/evil.txt": b"x"},
    "an extra entry": lambda parts: parts | {"notes.txt": b"x"},
    "many extra entries": lambda parts: parts | {f"{n}.txt": b"" for n in range(5000)},
    "a missing table": lambda parts: {k: v for k, v in parts.items() if k != "records.csv"},
    "a zip bomb for an array": lambda parts: parts | {"snapshots.f32": bytes(300_000_000)},
    "a zip bomb for run.json": lambda parts: parts | {"run.json": b" " * 100_000_000},
    "run.json nested deeply": lambda parts: parts | {"run.json": b"[" * 100_000},
    "run.json a list": lambda parts: parts | {"run.json": b"[]"},
    "run.json with NaN": lambda parts: parts | {"run.json": b'{"schema": NaN}'},
    "an older format": lambda parts: seal_again(parts, format=1),
    "a newer format": lambda parts: seal_again(parts, format=99),
    "no seal": lambda parts: (
        parts
        | {"run.json": json.dumps({k: v for k, v in _info(parts).items() if k != "seal"}).encode()}
    ),
    "another run's id": lambda parts: seal_again(parts, run_id="0" * 16),
    "settings changed": _config(seed=12345),
    "settings out of range": _config(neurons=-3),
    "settings of the wrong kind": _config(epochs="many"),
    "an unknown setting": _config(evil=1),
    "a better accuracy in the results": _results(test_accuracy=0.999),
    "a better accuracy everywhere": _last_accuracy,
    "an accuracy that is a text": _results(test_accuracy="<b>1</b>"),
    "other types in the results": _results(types={"zero": 1}),
    "more epochs than were trained": _results(epochs=10**9),
    "one that is not finished": lambda parts: seal_again(parts, finished=None),
    "finished in the far future": lambda parts: seal_again(parts, finished=1e20),
    "finished before all time": lambda parts: seal_again(parts, finished=-1.0),
    "a number of 400 digits": lambda parts: seal_again(parts, seconds=10**400),
    "a huge network claimed": lambda parts: seal_again(parts, particles=10**12),
    "other inputs claimed": lambda parts: seal_again(parts, inputs=10**6),
    "NaN weights": _snapshots(_with((1, 0, 0), np.nan)),
    "infinite weights": _snapshots(_with((0, 1, 2), np.inf)),
    "all weights zero": _snapshots(np.zeros_like),
    "weights of another kind": _snapshots(lambda values: values.astype(np.float16)),
    "big-endian weights": _snapshots(lambda values: values.astype(">f4")),
    "a snapshot too few": _snapshots(lambda values: values[:-1]),
    "NaN momentum": lambda parts: seal_again(
        parts
        | {state(parts): (array(parts, state(parts)) * np.float32([[[1]], [[np.nan]]])).tobytes()}
    ),
    "other weights in the state": lambda parts: seal_again(
        parts | {state(parts): (array(parts, state(parts)) * np.float32(2)).tobytes()}
    ),
    "the state of another epoch": lambda parts: seal_again(
        {("state-1.f32" if name == state(parts) else name): data for name, data in parts.items()}
    ),
    "no array at all": lambda parts: seal_again(parts | {state(parts): b"hello"}),
    "a formula in the table": _records("\n0,", "\n=1+1,"),
    "another column": _records("epoch,", "moment,"),
    "a negative count": _records("\n1,", "\n-1,"),
    "a table that is none": lambda parts: seal_again(parts | {"records.csv": b"\x00\xff" * 50}),
    "an empty table": lambda parts: seal_again(parts | {"records.csv": b"\n"}),
    "a label with control characters": lambda parts: (
        parts | {"label.json": json.dumps({"name": "a\x00b", "note": ""}).encode()}
    ),
    "a label that is too long": lambda parts: (
        parts | {"label.json": json.dumps({"name": "x" * 10_000, "note": ""}).encode()}
    ),
    "a label that pins itself": lambda parts: (
        parts | {"label.json": json.dumps({"name": "x", "note": "", "pinned": True}).encode()}
    ),
}
"""What is forged, and how."""
