"""Writing files so that a reader never sees half of one, and reading them as untrusted data.

A file is written beside its target, flushed to the disk and renamed; then its folder is flushed, so
that the rename too survives a power cut.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from stat import S_ISREG
from typing import Any

import numpy as np

_UNWRITABLE = {
    errno.ENOSPC: "its disk is full; free some space, or delete runs",
    errno.EDQUOT: "your quota on its disk is used up; delete runs",
    errno.EFBIG: "the system allows no larger file there; free some space, or delete runs",
    errno.EROFS: "it is read-only: runs can be looked at, not trained",
    errno.EACCES: "it may not be written: runs can be looked at, not trained",
    errno.EPERM: "it may not be written: runs can be looked at, not trained",
}


class CacheError(OSError):
    """The cache cannot be written (full, or read-only); the message says so. Nothing is broken."""


def anybody() -> None:
    """Whoever runs the command line may write."""


may_write: Callable[[], None] = anybody
"""Asked before anything is written; raises :class:`CacheError` if this caller may only look. The
app's server sets it (a visitor needs its token)."""


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn the errors of a full or read-only disk into a :class:`CacheError` in plain words.

    Raises:
        CacheError: also if this caller may only look (:data:`may_write`).
    """
    may_write()
    try:
        yield
    except CacheError:
        raise
    except OSError as error:
        reason = _UNWRITABLE.get(error.errno or 0)
        if reason is None:
            raise
        raise CacheError(error.errno, f"cannot write to the cache {folder}: {reason}") from error


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON (no NaN) beside ``path``, then rename it into place."""
    write_bytes(path, json.dumps(value, indent=1, allow_nan=False).encode())


def write_bytes(path: Path, *parts: bytes | memoryview, durable: bool = True) -> None:
    """Write a file beside ``path``, flush it to the disk, then rename it into place.

    Without ``durable`` nothing is flushed: still whole for every reader, but an old version may
    come back after a power cut.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            for part in parts:
                file.write(part)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        Path(name).replace(path)
        if durable:
            flush_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def write_array(path: Path, array: np.ndarray) -> None:
    """Write a new ``.npy`` file of float32 and flush it to the disk. (``numpy.save`` does not say
    that a disk is full, only that it could not write.)"""
    array = np.asarray(array, dtype="<f4", order="C")
    with path.open("wb") as file:
        header = np.lib.format.header_data_from_array_1_0(array)
        np.lib.format.write_array_header_1_0(file, header)
        file.write(array.data.cast("B"))
        file.flush()
        os.fsync(file.fileno())


def flush_file(path: Path) -> None:
    """Wait until a file's content is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Wait until a folder's entries (its renames) are on the disk, where the system can do that."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_leftovers(folder: Path, age: float) -> None:
    """Remove what a killed writer left behind: hidden temporary files older than ``age`` s."""
    for path in folder.glob(".*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > age and path.is_file():
                path.unlink()


def read_json(path: Path) -> Any:
    """The JSON value in a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not JSON.
    """
    return parse_json(path.read_bytes())


def parse_json(data: bytes) -> Any:
    """The JSON value in some bytes: UTF-8, no NaN, no key twice.

    Raises:
        ValueError: it is not such JSON, or too deeply nested.
    """
    try:
        return json.loads(
            data.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_object
        )
    except RecursionError as error:
        raise ValueError("too deeply nested") from error


def json_number(value: float) -> float | None:
    """The value as JSON knows it: null where it is not finite."""
    return value if math.isfinite(value) else None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key stands there twice")
    return values


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stamp(path: Path) -> tuple[int, int, int, int]:
    """Changes whenever a file does: inode, size, time of writing, time of change (which, unlike
    the former, cannot be set back).

    Raises:
        OSError: there is none, or it is a folder, a pipe or a device.
    """
    stat = path.stat()
    if not S_ISREG(stat.st_mode):
        raise OSError(errno.EINVAL, f"{path.name} is not a plain file")
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
