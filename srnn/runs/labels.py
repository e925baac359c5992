"""What people say about a run: name, note, pin. Kept beside the runs, never inside them, so that a
run's checksums stay true. And when a run was last used, which is what the clean-up goes by.

One small file a run, ``cache/labels/<run id>.json``; texts are stored as they were typed and must
be escaped where they are shown.
"""

import contextlib
import os
import time
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict

from srnn import paths
from srnn.files import Strict, listed, write_json
from srnn.runs.lock import short_lock

NAME_LENGTH = 80
NOTE_LENGTH = 2000


def _text(what: str, most: int, allowed: str = "") -> Any:
    def check(text: str) -> str:
        if len(text) > most:
            raise ValueError(f"a {what} has at most {most:,} characters")
        if any(not letter.isprintable() and letter not in allowed for letter in text):
            raise ValueError(f"a {what} cannot hold control characters")
        return text

    return AfterValidator(check)


class Label(Strict):
    """A run's name (empty: its settings in short), note and pin."""

    model_config = ConfigDict(extra="ignore")  # format 1 kept more here

    name: Annotated[str, _text("name", NAME_LENGTH)] = ""
    note: Annotated[str, _text("note", NOTE_LENGTH, "\n\t")] = ""
    pinned: bool = False


def read_label(run_id: str) -> Label:
    """The label of a run; an empty one if there is none or it cannot be read."""
    try:
        return Label.from_file(paths.label_file(run_id))
    except (OSError, ValueError):
        return Label()


def labelled() -> set[str]:
    """The runs that have a label: among many runs, few of which do, the others need no look."""
    folder = paths.label_file("any").parent
    return {entry.name.removesuffix(".json") for entry in listed(folder)}


def edit_label(run_id: str, **changes: Any) -> Label:
    """Change ``name``, ``note`` or ``pinned`` of a run; the rest stays.

    Raises:
        ValueError: a text is too long.
    """
    with short_lock(f"label-{run_id}"):
        label = Label.read(read_label(run_id).model_dump() | changes)
        write_json(paths.label_file(run_id), label.model_dump())
    return label


def mark_used(run_id: str) -> None:
    """Note that a run is being used (at most once a minute; silently not on a read-only cache)."""
    path = paths.used_file(run_id)
    with contextlib.suppress(OSError):
        if abs(time.time() - last_used(run_id)) > 60:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            os.utime(path)


def last_used(run_id: str) -> float:
    """When a run was last used, in seconds since 1970; 0 if that is not known, or in the future."""
    try:
        then = paths.used_file(run_id).stat().st_mtime
    except OSError:
        return 0.0
    return then if then <= time.time() + 1 else 0.0
