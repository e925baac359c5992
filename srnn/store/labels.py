"""What people say about a run: name, note, pin. Kept beside the runs, never inside them, so that a
run's checksums stay true. And when a run was last used, which is what the clean-up goes by.

One small file a run, ``cache/labels/<run id>.json``; texts are stored as they were typed and must
be escaped where they are shown.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from srnn import paths
from srnn.files import parse_json, stamp, write_json, writing

NAME_LENGTH = 80
NOTE_LENGTH = 2000


@dataclass(frozen=True)
class Label:
    """A run's name (empty: its settings in short), note, pin, and whether it came from outside.

    Raises:
        ValueError: a text is too long, or holds control characters.
    """

    name: str = ""
    note: str = ""
    pinned: bool = False
    imported: bool = False

    def __post_init__(self) -> None:
        for what, most in (("name", NAME_LENGTH), ("note", NOTE_LENGTH)):
            text = getattr(self, what)
            allowed = "\n\t" if what == "note" else ""
            if not isinstance(text, str) or len(text) > most:
                raise ValueError(f"a {what} has at most {most:,} characters")
            if any(not letter.isprintable() and letter not in allowed for letter in text):
                raise ValueError(f"a {what} cannot hold control characters")
        if type(self.pinned) is not bool or type(self.imported) is not bool:
            raise ValueError("pinned and imported are true or false")


def read_label(run_id: str) -> Label:
    """The label of a run; an empty one if there is none or it cannot be read."""
    path = paths.label_file(run_id)
    try:
        return _parsed(path, stamp(path))
    except (OSError, ValueError, TypeError):
        return Label()


@functools.lru_cache(maxsize=4096)
def _parsed(path: Path, stamp: tuple) -> Label:
    return Label(**parse_json(path.read_bytes()[:65_536]))


def edit_label(run_id: str, **changes: Any) -> Label:
    """Change ``name``, ``note``, ``pinned`` or ``imported`` of a run; the rest stays.

    Raises:
        ValueError: a text is too long.
        CacheError: the cache cannot be written.
    """
    with locked_label(run_id):
        label = dataclasses.replace(read_label(run_id), **changes)
        write_json(paths.label_file(run_id), dataclasses.asdict(label))
    return label


@contextlib.contextmanager
def locked_label(run_id: str) -> Iterator[None]:
    """Hold a run's label: nobody pins, renames or deletes it meanwhile."""
    with writing(paths.cache_root()):
        path = paths.lock_file(f"label-{run_id}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path):
            yield


def mark_used(run_id: str) -> None:
    """Note that a run is being used (at most once a minute; silently not on a read-only cache)."""
    path = paths.used_file(run_id)
    with contextlib.suppress(OSError):
        if time.time() - last_used(run_id) > 60:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            os.utime(path)


def last_used(run_id: str) -> float:
    """When a run was last used, in seconds since 1970; 0 if that is not known."""
    try:
        return paths.used_file(run_id).stat().st_mtime
    except OSError:
        return 0.0
