"""Tasks: what a MetaNet learns beside replicating itself. No download, ever.

``mnist`` is the real MNIST at 15x15, bundled; ``digits`` is scikit-learn's 8x8 digits; any folder
of IDX files is named by its path, its images resized to 15x15 (or another size, or as they are).
"""

import contextlib
import dataclasses
import functools
import hashlib
import itertools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srnn import paths
from srnn.config import RunConfig
from srnn.idx import DataError, read_split, resize

MNIST_FILE = Path(__file__).parent / "data" / "mnist15.npz"
SIDE = 15
"""Side length, in pixels, of MNIST here, and of an IDX folder unless another is asked for."""

DATASETS = {
    "mnist": "MNIST at 15x15: 60,000 training and 10,000 test images",
    "digits": "scikit-learn's digits at 8x8: 1,438 training and 359 test images",
}
"""The bundled data sets and what they are."""

_SIDES = {"mnist": SIDE, "digits": 8}

MAX_INPUTS = 1_000_000
"""Most input pixels that a task may have."""


@dataclass(frozen=True)
class Task:
    """A data set, ready to train on.

    ``x_train (N, inputs)`` and ``x_test`` are float32 in 0..1, ``y_*`` int64 labels from 0;
    ``image`` is the shape of one image, ``(height, width)`` or ``(height, width, channels)``.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    image: tuple[int, ...]
    classes: int

    @property
    def inputs(self) -> int:
        """Input pixels (times channels)."""
        return math.prod(self.image)

    @functools.cached_property
    def digest(self) -> str:
        """Fingerprint of the data, 16 hex digits; computed once per task."""
        total = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            total.update(str(array.shape).encode())
            total.update(np.ascontiguousarray(array).data)
        return total.hexdigest()[:16]


def load_task(dataset: str, size: int = SIDE) -> Task:
    """The task of a data set: ``mnist``, ``digits``, or a folder of IDX files whose images are
    resized to ``size`` pixels a side (0: kept as they are). Kept in memory.

    Raises:
        DataError: no such data set, no such size of it, or a file of the folder is broken or of no
            use; the message names it.
    """
    if dataset in DATASETS:
        _check_size(dataset, size)
        return _mnist() if dataset == "mnist" else _digits()
    path = _absolute(dataset)
    folder = _elsewhere.get(path, Path(path))
    return _folder(str(folder), _stamp(folder), size)


def task_of(config: RunConfig) -> Task:
    """The task that a configuration names, with the very data it was configured with; with
    ``labels = "shuffled"`` the training labels are dealt out anew, by the data seed.

    Raises:
        DataError: its folder cannot be used, or no longer holds those data.
    """
    task = load_task(resolve(config).dataset, config.size)
    if config.labels == "true":
        return task
    order = np.random.default_rng([config.data_seed, 0x1ABE1]).permutation(len(task.y_train))
    return dataclasses.replace(task, y_train=task.y_train[order])


def shifted(x: np.ndarray, image: tuple[int, ...], most: int, seed: Sequence[int]) -> np.ndarray:
    """The images ``(N, inputs)``, each moved by up to ``most`` pixels in both directions, as the
    seed draws; what moves in is zero."""
    height, width = image[:2]
    padded = np.zeros((len(x), height + 2 * most, width + 2 * most, *image[2:]), x.dtype)
    padded[:, most : most + height, most : most + width] = x.reshape(-1, *image)
    draws = np.random.default_rng(seed).integers(0, 2 * most + 1, (len(x), 2))
    moved = np.empty((len(x), *image), x.dtype)
    for down, right in itertools.product(range(2 * most + 1), repeat=2):
        who = np.flatnonzero((draws == (down, right)).all(1))
        moved[who] = padded[who, down : down + height, right : right + width]
    return moved.reshape(x.shape)


def resolve(config: RunConfig) -> RunConfig:
    """The configuration with its data pinned: a folder's absolute path and content fingerprint.

    Raises:
        DataError: the folder cannot be used, or no longer holds the data the fingerprint names.
    """
    if config.dataset in DATASETS:
        _check_size(config.dataset, config.size)
        return config.replace(dataset_digest="", size=SIDE)
    path = _absolute(config.dataset)
    if config.dataset_digest and not Path(path).exists():
        _look_elsewhere(path, config)
    digest = load_task(config.dataset, config.size).digest
    if config.dataset_digest and config.dataset_digest != digest:
        raise DataError(f"{path}: no longer holds the data this run was configured with")
    return config.replace(dataset=path, dataset_digest=digest)


def _absolute(dataset: str) -> str:
    try:
        return str(paths.absolute(dataset))
    except ValueError as error:
        raise DataError(str(error)) from error


_elsewhere: dict[str, Path] = {}
"""Folders of data that lie at another path on this machine than where a run was configured."""


def _look_elsewhere(path: str, config: RunConfig) -> None:
    """Find the data of a folder that this machine has at another path, by their fingerprint, below
    the folders that ``SRNN_DATA`` names: a worker of a cluster needs no shared disk."""
    if path in _elsewhere:
        return
    for root in filter(None, os.environ.get("SRNN_DATA", "").split(os.pathsep)):
        for folder in sorted({file.parent for file in Path(root).rglob("*ubyte*")}):
            with contextlib.suppress(DataError):
                if load_task(str(folder), config.size).digest == config.dataset_digest:
                    _elsewhere[path] = folder
                    return


def data_shape(dataset: str, size: int = SIDE) -> tuple[int, int]:
    """Input pixels and classes of a data set; loads it only if it is a folder.

    Raises:
        DataError: the data set cannot be used.
    """
    if dataset in DATASETS:
        _check_size(dataset, size)
        return _SIDES[dataset] ** 2, 10
    task = load_task(dataset, size)
    return task.inputs, task.classes


def possible_shape(config: RunConfig, inputs: int, classes: int) -> bool:
    """Whether a configuration's task can have so many inputs and classes; reads no folder."""
    if config.dataset in DATASETS:
        return (inputs, classes) == data_shape(config.dataset, config.size)
    whole = inputs % config.size**2 == 0 if config.size else True  # channels multiply
    return whole and 2 <= inputs <= MAX_INPUTS and 2 <= classes <= 256


def _check_size(dataset: str, size: int) -> None:
    own = _SIDES[dataset]
    if size not in (SIDE, own):
        raise DataError(
            f"{dataset} is bundled at {own}x{own}; for another size name a folder of IDX files"
        )


def _scaled(train: tuple, test: tuple, top: float) -> Task:
    def flat(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1).astype(np.float32) / np.float32(top)

    return Task(
        flat(train[0]),
        train[1].astype(np.int64),
        flat(test[0]),
        test[1].astype(np.int64),
        train[0].shape[1:],
        int(max(train[1].max(), test[1].max())) + 1,
    )


@functools.cache
def _mnist() -> Task:
    with np.load(MNIST_FILE, allow_pickle=False) as data:
        train = (data["train_images"], data["train_labels"])
        test = (data["test_images"], data["test_labels"])
    return _scaled(train, test, 255)


@functools.cache
def _digits() -> Task:
    from sklearn.datasets import load_digits

    data = load_digits()
    test = np.arange(len(data.target)) % 5 == 4  # a fixed fifth: the set is ordered by writer
    train, test = ((data.images[own], data.target[own]) for own in (~test, test))
    return _scaled(train, test, 16)


def _stamp(folder: Path) -> tuple:
    """Changes when a file of the folder does, so that a changed folder is read again."""
    if not folder.is_dir():
        known = ", ".join(DATASETS)
        raise DataError(f"{folder}: no such data set; use {known}, or a folder of IDX files")
    stats = ((path.name, path.stat()) for path in sorted(folder.glob("*ubyte*")))
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


@functools.lru_cache(maxsize=2)
def _folder(path: str, stamp: tuple, size: int) -> Task:
    folder = Path(path)
    train, test = (_usable(folder, split, size) for split in ("train", "t10k"))
    if len(np.unique(train[1])) < 2:
        raise DataError(f"{folder}: all training images are of one class, {train[1][0]}")
    return _scaled(train, test, 255)


def _usable(folder: Path, split: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    import psutil

    images, labels = read_split(folder, split)
    pixels = math.prod(images.shape[1:])
    if len(images) < 2:
        raise DataError(f"{folder}: {split} holds one image; at least two are needed")
    if not 2 <= pixels <= MAX_INPUTS:
        raise DataError(
            f"{folder}: {split} holds images of {pixels:,} pixels; use from 2 to {MAX_INPUTS:,}"
        )
    inputs = pixels // math.prod(images.shape[1:3]) * size**2 if size else pixels
    needed, free = 10 * len(images) * inputs, psutil.virtual_memory().available
    if needed > free / 2:  # bytes, and float32 numbers twice
        raise DataError(
            f"{folder}: {split} holds {len(images):,} images, {inputs:,} inputs each; that needs "
            f"{needed:,} bytes of memory, {free:,} are free"
        )
    return resize(images, size) if size else images, labels
