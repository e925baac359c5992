"""What the stage shows of a run, as one block of bytes that the browser decodes (``data.js``).

Four bytes with the header's length, the header as JSON, then the arrays that it lists, each at a
multiple of four bytes. What the types are decided by is sent as *rungs*: the index of the first
epsilon of the ladder that a measure does not exceed. So the browser knows the type of every
particle at every snapshot for any epsilon of the ladder, exactly, from three bytes.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from srnn.figures import style
from srnn.vocabulary import TYPES

MOST_ROWS = 600
"""Epochs in the curves; of longer runs, evenly spread ones."""


def rungs(measure: np.ndarray, ladder: Sequence[float]) -> np.ndarray:
    """The first index into the ladder of epsilons whose epsilon a measure does not exceed, uint8;
    the ladder's length where none is large enough, 255 where the measure is not a number.

    >>> rungs(np.array([0.0, 1e-5, 2.0, np.nan], dtype=np.float32), (1e-6, 1e-5, 1.0)).tolist()
    [0, 1, 3, 255]
    """
    found = np.searchsorted(np.array(ladder, dtype=np.float32), measure).astype(np.uint8)
    found[np.isnan(measure)] = 255
    return found


def encode(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    """Header and arrays (uint8, uint16, float16, float32) as ``decode`` reads them."""
    listed, at = [], 0
    for name, array in arrays.items():
        listed.append({"name": name, "kind": array.dtype.str[1:], "count": array.size, "at": at})
        at += -(-array.nbytes // 4) * 4
    text = json.dumps({**header, "arrays": listed}, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    parts = [len(text).to_bytes(4, "little"), text]
    for array in arrays.values():
        parts += [array.tobytes(), b"\0" * (-array.nbytes % 4)]
    return b"".join(parts)


def amended(block: bytes, **more: Any) -> bytes:
    """A block from :func:`encode` with more in its header."""
    length = int.from_bytes(block[:4], "little")
    text = json.dumps(json.loads(block[4 : 4 + length]) | more, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    return b"".join([len(text).to_bytes(4, "little"), text, memoryview(block)[4 + length :]])


def block_id(block: bytes) -> str:
    """The name of the run in a block."""
    return json.loads(block[4 : 4 + int.from_bytes(block[:4], "little")])["id"]


def look() -> dict[str, Any]:
    """The colours of :mod:`srnn.figures.style`, for a light and for a dark ground."""

    def one(dark: bool) -> dict[str, Any]:
        return {
            "muted": style.themed_color(style.MUTED, dark),
            "faint": style.themed_color(style.FAINT, dark),
            "negative": style.themed_color(style.NEGATIVE, dark),
            "positive": style.themed_color(style.POSITIVE, dark),
            "types": {name: style.type_color(name, dark) for name in TYPES},
        }

    return {"light": one(False), "dark": one(True)}


def curves(records: Any) -> dict[str, list[float | None]]:
    """The columns of a run's table that are drawn against the clock; None where not known."""
    some = np.linspace(0, len(records) - 1, min(len(records), MOST_ROWS)).astype(int)
    names = ("epoch", "test_accuracy", "task_loss", "replication_loss")
    return {name: numbers(records[name].iloc[some].tolist()) for name in names}


def scale(values: np.ndarray, share: float) -> float:
    """Nearly the largest size of the finite values: their quantile ``share``; 1 if all are zero."""
    found = np.abs(values[np.isfinite(values)])
    return float(np.quantile(found, share)) if found.any() else 1.0


def numbers(values: list[float]) -> list[float | None]:
    """Numbers as JSON knows them: None for those that are not finite."""
    return [value if math.isfinite(value) else None for value in values]
