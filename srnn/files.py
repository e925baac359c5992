"""Writing files so that a reader never sees half of one, and reading them as untrusted data.

A file is written beside its target, flushed to the disk and renamed; then its folder is flushed, so
that the rename too survives a power cut.
"""

import contextlib
import errno
import functools
import json
import math
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from stat import S_ISDIR, S_ISFIFO, S_ISLNK, S_ISREG
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from srnn import paths

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
def writing() -> Iterator[None]:
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
        root = paths.cache_root()
        raise CacheError(error.errno, f"cannot write to the cache {root}: {reason}") from error


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON (no NaN) beside ``path``, making its folder, then rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, json.dumps(value, indent=1, allow_nan=False).encode())


def write_bytes(path: Path, *parts: bytes | memoryview, durable: bool = True) -> None:
    """Write a file beside ``path``, flush it to the disk, then rename it into place. Its folder is
    not made: where that is gone, whoever took it away meant it.

    Without ``durable`` nothing is flushed: still whole for every reader, but an old version may
    come back after a power cut.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with aside.open("xb") as file:  # with the permissions that the umask leaves
            for part in parts:
                file.write(part)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        aside.replace(path)
        if durable:
            flush_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise


class TargetError(ValueError):
    """A file that somebody names to be written is there already, or is no regular file."""


def check_target(path: Path, force: bool = False) -> None:
    """Refuse to write to ``path`` if anything is there; with ``force`` a regular file is replaced,
    and a folder, link, pipe or device refused all the same.

    Raises:
        TargetError: it may not be written; the message says why.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise TargetError(f"{path}: there is no folder {path.parent}") from None
        return
    except (OSError, ValueError) as error:
        raise TargetError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if not S_ISREG(mode):
        kinds = {S_ISDIR: "a folder", S_ISLNK: "a link", S_ISFIFO: "a pipe"}
        what = next((name for test, name in kinds.items() if test(mode)), "a device")
        raise TargetError(f"{path} is {what}; name a file")
    if not force:
        raise TargetError(f"{path} is there already; name another file, or say --force")


def write_out(path: Path, *parts: bytes | memoryview, force: bool = False) -> None:
    """Write a file that somebody named, as a whole; nothing is replaced without ``force``, whoever
    may have put it there since (see :func:`check_target`).

    Raises:
        TargetError: it may not be written.
        OSError: the disk is full, or the folder may not be written.
    """
    check_target(path, force)
    if force:
        return write_bytes(path, *parts)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    write_bytes(aside, *parts)
    try:
        os.link(aside, path)
    except FileExistsError:
        check_target(path)
    finally:
        aside.unlink()


def flush_folder(folder: Path) -> None:
    """Wait until a folder's entries (its renames) are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_folder(folder: Path) -> None:
    """Remove a folder for good: out of sight in one step, then file by file."""
    paths.scratch_folder().mkdir(parents=True, exist_ok=True)
    hidden = paths.scratch_folder() / f"gone-{folder.name}-{time.time_ns()}"
    try:
        folder.rename(hidden)
    except FileNotFoundError:
        return
    if hidden.is_symlink():
        hidden.unlink()
    shutil.rmtree(hidden, ignore_errors=True)


MOST_JSON = 4_000_000
"""Largest JSON file that is read, in bytes."""


def read_file(path: Path, most: int) -> bytes:
    """The content of a regular file, of at most so many bytes; a pipe or a device is not waited
    for.

    Raises:
        OSError: it cannot be read, is larger, or is no regular file.
    """
    with open_plain(path, "rb", follow=True) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"{path.name} has more than {most:,} bytes")
    return data


def open_plain(path: Path, mode: str, *, follow: bool = False, **more: Any) -> Any:
    """A regular file, opened as ``open`` does; no pipe is waited for, and no link followed unless
    that is said.

    Raises:
        OSError: it cannot be opened, or is a folder, a link, a pipe or a device.
    """

    def opener(name: str, flags: int) -> int:
        flags |= os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
        handle = os.open(name, flags, 0o666)
        if not S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OSError(errno.EINVAL, f"{Path(name).name} is not a plain file")
        return handle

    return open(path, mode, opener=opener, **more)


def read_tail(path: Path) -> str:
    """The last 10,000 characters of a text file; empty if there is none."""
    with contextlib.suppress(OSError), open_plain(path, "rb", follow=True) as file:
        file.seek(max(0, file.seek(0, 2) - 40_000))
        return file.read(40_000).decode("utf-8", errors="replace")[-10_000:].strip()
    return ""


def listed(folder: Path) -> list[os.DirEntry[str]]:
    """What a folder holds; nothing if it is not there, or may not be read."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def read_json(path: Path) -> Any:
    """The JSON value in a file.

    Raises:
        OSError: it cannot be read (see :func:`read_file`).
        ValueError: it is not JSON.
    """
    return parse_json(read_file(path, MOST_JSON))


def parse_json(data: bytes) -> Any:
    """The JSON value in some bytes: UTF-8, no NaN, whole characters only.

    Raises:
        ValueError: it is not such JSON, or too deeply nested.
    """
    return from_json(data, allow_inf_nan=False)


def json_number(value: float) -> float | None:
    """The value as JSON knows it: null where it is not finite."""
    return value if math.isfinite(value) else None


def human(size: float) -> str:
    """A number of bytes in words: ``12.3 MB`` (units of 1,000).

    >>> human(12_345_678)
    '12.3 MB'
    """
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"


def free_bytes(folder: Path) -> int:
    """Bytes free on the disk of a folder, which need not be there yet."""
    return shutil.disk_usage(next(one for one in (folder, *folder.parents) if one.exists())).free


def stamp(path: Path | str) -> tuple[int, int, int, int]:
    """Changes whenever a file does: inode, size, time of writing, time of change (which, unlike
    the former, cannot be set back).

    Raises:
        OSError: there is none, or it is a folder, a link, a pipe or a device.
    """
    stat = os.lstat(path)
    if not S_ISREG(stat.st_mode):
        raise OSError(errno.EINVAL, f"{Path(path).name} is not a plain file")
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


class FormatError(ValueError):
    """A file is damaged, forged, or of another format; the message says what is wrong."""


class Strict(BaseModel):
    """What comes from disk: no unknown entry, no value of another kind, never changed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    @classmethod
    def read(cls, values: Any) -> Self:
        """What some JSON values say.

        Raises:
            FormatError: something in them is wrong: ``results.epochs: Input should be ...``.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            found = (
                f"{'.'.join(str(part)[:60] for part in one['loc']) or 'content'}: {one['msg']}"
                for one in error.errors(include_url=False, include_input=False)[:3]
            )
            raise FormatError("; ".join(found)) from None

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """What a JSON file says; it is read again only when it has changed.

        Raises:
            OSError: it cannot be read.
            ValueError: it is not such JSON.
        """
        return _from_file(cls, path, stamp(path))


@functools.lru_cache(maxsize=16_384)
def _from_file(kind: type[Strict], path: Path, stamp: tuple) -> Any:
    return kind.read(read_json(path))
