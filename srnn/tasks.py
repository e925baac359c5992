"""Tasks: what a MetaNet learns beside replicating itself. No download, ever.

``mnist`` is the real MNIST at 15x15, bundled; ``digits`` is scikit-learn's 8x8 digits; any folder
of IDX files is named by its path and resized to 15x15 while loading.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srnn.config import RunConfig
from srnn.idx import DataError, read_split, resize

__all__ = ["DataError", "Task", "data_shape", "dataset_names", "load_task", "resolve", "task_of"]

MNIST_FILE = Path(__file__).parent / "data" / "mnist15.npz"
SIDE = 15
"""Side length, in pixels, of MNIST and of every IDX folder here."""


@dataclass(frozen=True)
class Task:
    """A data set, ready to train on.

    ``x_train (N, side*side)`` and ``x_test`` are float32 in 0..1, ``y_*`` int64 labels from 0.
    """

    name: str
    about: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    side: int
    classes: int

    @property
    def inputs(self) -> int:
        """Input pixels."""
        return self.side * self.side

    @functools.cached_property
    def digest(self) -> str:
        """Fingerprint of the data, 16 hex digits; computed once per task."""
        total = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            total.update(str(array.shape).encode())
            total.update(np.ascontiguousarray(array))
        return total.hexdigest()[:16]


def load_task(dataset: str) -> Task:
    """The task of a data set: ``mnist``, ``digits``, or a folder of IDX files. Kept in memory.

    Raises:
        DataError: no such data set, or a file of the folder is broken; the message names it.
    """
    if dataset in _BUNDLED:
        return _bundled(dataset)
    return _folder(str(Path(dataset).expanduser().resolve()), _stamp(Path(dataset).expanduser()))


def task_of(config: RunConfig) -> Task:
    """The task that a configuration names, with the very data it was configured with; with
    ``labels = "shuffled"`` the training labels are dealt out anew, by the data seed.

    Raises:
        DataError: its folder cannot be used, or no longer holds those data.
    """
    task = load_task(resolve(config).dataset)
    if config.labels == "true":
        return task
    order = np.random.default_rng([config.data_seed, 0x1ABE1]).permutation(len(task.y_train))
    return dataclasses.replace(task, y_train=task.y_train[order])


def dataset_names() -> dict[str, str]:
    """The bundled data sets and what they are."""
    return {name: about for name, (about, _) in _BUNDLED.items()}


def resolve(config: RunConfig) -> RunConfig:
    """The configuration with its data pinned: a folder's absolute path and content fingerprint.

    Raises:
        DataError: the folder cannot be used, or no longer holds the data the fingerprint names.
    """
    if config.dataset in _BUNDLED:
        return config if not config.dataset_digest else config.replace(dataset_digest="")
    path = str(Path(config.dataset).expanduser().resolve())
    digest = load_task(config.dataset).digest
    if config.dataset_digest and config.dataset_digest != digest:
        raise DataError(f"{path}: no longer holds the data this run was configured with")
    return config.replace(dataset=path, dataset_digest=digest)


def data_shape(dataset: str) -> tuple[int, int]:
    """Input pixels and classes of a data set; loads it only if it is a folder.

    Raises:
        DataError: the data set cannot be used.
    """
    if dataset in _SIZES:
        side, classes = _SIZES[dataset]
        return side * side, classes
    task = load_task(dataset)
    return task.inputs, task.classes


def _scaled(name: str, about: str, train: tuple, test: tuple, top: float, classes: int) -> Task:
    def flat(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1).astype(np.float32) / np.float32(top)

    return Task(
        name,
        about,
        flat(train[0]),
        train[1].astype(np.int64),
        flat(test[0]),
        test[1].astype(np.int64),
        train[0].shape[1],
        classes,
    )


def _mnist(about: str) -> Task:
    with np.load(MNIST_FILE, allow_pickle=False) as data:
        train = (data["train_images"], data["train_labels"])
        test = (data["test_images"], data["test_labels"])
    return _scaled("mnist", about, train, test, 255, 10)


def _digits(about: str) -> Task:
    from sklearn.datasets import load_digits

    data = load_digits()
    test = np.arange(len(data.target)) % 5 == 4  # a fixed fifth: the set is ordered by writer
    images, labels = data.images, data.target
    return _scaled(
        "digits", about, (images[~test], labels[~test]), (images[test], labels[test]), 16, 10
    )


_BUNDLED = {
    "mnist": ("MNIST at 15x15: 60,000 training and 10,000 test images", _mnist),
    "digits": ("scikit-learn's digits at 8x8: 1,438 training and 359 test images", _digits),
}
_SIZES = {"mnist": (SIDE, 10), "digits": (8, 10)}


@functools.lru_cache(maxsize=4)
def _bundled(name: str) -> Task:
    about, load = _BUNDLED[name]
    return load(about)


def _stamp(folder: Path) -> tuple:
    """Changes when a file of the folder does, so that a changed folder is read again."""
    if not folder.is_dir():
        known = ", ".join(_BUNDLED)
        raise DataError(f"{folder}: no such data set; use {known}, or a folder of IDX files")
    stats = ((path.name, path.stat()) for path in sorted(folder.glob("*ubyte*")))
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


@functools.lru_cache(maxsize=2)
def _folder(path: str, stamp: tuple) -> Task:
    folder = Path(path)
    train, test = read_split(folder, "train"), read_split(folder, "t10k")
    classes = max(2, int(max(train[1].max(), test[1].max())) + 1)
    about = f"IDX files in {folder.name}: {len(train[0]):,} training, {len(test[0]):,} test images"
    small = [(resize(images, SIDE), labels) for images, labels in (train, test)]
    return _scaled(folder.name, about, small[0], small[1], 255, classes)
