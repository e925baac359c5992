"""IDX files, the format MNIST comes in: plain or gzip-compressed, read as untrusted data.

Layout: two zero bytes, a type code (0x08 = uint8), the number of dimensions, each dimension as a
big-endian 32-bit number, then the values (Y. LeCun, C. Cortes, C. Burges, "The MNIST database").
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

MAX_BYTES = 2**31
"""Largest array an IDX file may hold here (2 GiB)."""


class DataError(ValueError):
    """A data file or folder cannot be used; the message names the file and the reason."""


def read_idx(path: Path) -> np.ndarray:
    """The uint8 array in an IDX file (``.gz`` or plain).

    Raises:
        DataError: unreadable, a wrong magic number, truncated, or longer than its header says.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:3] != b"\x00\x00\x08" or not 1 <= head[3] <= 4:
                raise DataError(
                    f"{path}: not an IDX file of unsigned bytes (magic number {head.hex()})"
                )
            sizes = file.read(4 * head[3])
            if len(sizes) < 4 * head[3]:
                raise DataError(f"{path}: truncated inside its header")
            shape = struct.unpack(f">{head[3]}I", sizes)
            expected = math.prod(shape)
            if expected > MAX_BYTES:
                raise DataError(f"{path}: claims {expected:,} bytes, more than {MAX_BYTES:,}")
            data = file.read(expected + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    if len(data) < expected:
        raise DataError(f"{path}: truncated, holds {len(data):,} of {expected:,} values")
    if len(data) > expected:
        raise DataError(f"{path}: longer than the {expected:,} values its header says")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def find_idx(folder: Path, split: str, what: str) -> Path:
    """The IDX file of a split (``train`` or ``t10k``) and content (``images`` or ``labels``).

    Raises:
        DataError: no such file, or the folder is none.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    ranks = (3, 4) if what == "images" else (1,)
    stems = [f"{split}-{what}{dot}idx{rank}-ubyte" for rank in ranks for dot in "-."]
    for stem in stems:
        for name in (stem, f"{stem}.gz"):
            if (folder / name).is_file():
                return folder / name
    raise DataError(f"{folder}: lacks {stems[0]} (or {stems[0]}.gz)")


def read_split(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images ``(N, height, width)``, with channels ``(N, height, width, channels)``, and labels
    ``(N,)`` of one split, all uint8.

    Raises:
        DataError: a file is missing or broken, or the counts differ.
    """
    image_path, label_path = find_idx(folder, split, "images"), find_idx(folder, split, "labels")
    images, labels = read_idx(image_path), read_idx(label_path)
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise DataError(f"{image_path}: holds shape {images.shape}, not images")
    if labels.ndim != 1:
        raise DataError(f"{label_path}: holds shape {labels.shape}, not labels")
    if len(images) != len(labels):
        raise DataError(
            f"{image_path} holds {len(images):,} images but {label_path} {len(labels):,} labels"
        )
    return images, labels


def resize(images: np.ndarray, side: int) -> np.ndarray:
    """uint8 images ``(N, H, W)`` or ``(N, H, W, C)`` -> ``(N, side, side)`` or ``(N, side, side,
    C)``: bilinear without antialiasing, rounded."""
    if images.shape[1:3] == (side, side):
        return images
    import torch  # the one function here that needs it

    whole = images.reshape(*images.shape[:3], -1)
    parts = []
    for start in range(0, len(whole), 10_000):
        batch = torch.from_numpy(whole[start : start + 10_000].copy()).to(torch.float32)
        small = torch.nn.functional.interpolate(
            batch.movedim(-1, 1), size=(side, side), mode="bilinear", antialias=False
        )
        parts.append(small.movedim(1, -1).round().clamp(0, 255).to(torch.uint8).numpy())
    return np.concatenate(parts).reshape(len(images), side, side, *images.shape[3:])
