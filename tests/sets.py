"""Small data sets in IDX files, as somebody might bring them."""

import gzip
import struct
from pathlib import Path

import numpy as np


def idx(array: np.ndarray) -> bytes:
    """An array as an IDX file."""
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


def write_set(
    folder: Path, count: int = 40, image: tuple[int, ...] = (5, 5), classes: int = 3, seed: int = 0
) -> Path:
    """A small data set of four IDX files, two of them compressed."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "t10k"):
        packed = gzip.compress(idx(rng.integers(0, 256, (count, *image))))
        (folder / f"{split}-images-idx{1 + len(image)}-ubyte.gz").write_bytes(packed)
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(idx(np.arange(count) % classes))
    return folder
