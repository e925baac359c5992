"""Own data from one file: a table (CSV), arrays (NPZ) or a zip of images, kept as a folder of IDX.

The file is hostile until it is proven otherwise: how large it claims to be is checked against
limits before anything is unpacked, nothing in it is executed, and no name in it becomes a path.
What is learned from are grey images of 8-bit values; a table's row becomes the smallest square
image that holds its columns.
"""

import hashlib
import io
import math
import re
import struct
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srnn import paths
from srnn.files import read_json, write_bytes, write_json, writing
from srnn.idx import DataError

KINDS = ("csv", "npz", "zip")
MAX_BYTES = 64 * 2**20
"""Of the file as it is sent."""
MAX_VALUES = 64_000_000
"""Of all images together, and of what an archive may unpack to, in bytes."""
MAX_IMAGES = 200_000
MAX_COLUMNS = 20_000
MAX_PIXELS = 16_000_000
"""Of one picture in a zip."""
SIDE = 32
"""Pictures of different sizes, or of more than twice this side, are resized to this one."""
CLASSES = range(2, 101)
LEAST = 10
"""Images at least."""
_TEXT = 60
_SPLITS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class Upload:
    """Images ``(N, height, width)`` uint8; labels ``(N,)`` uint8, indices into ``classes``; which
    are for testing, ``(N,)`` bool; and how values were scaled."""

    images: np.ndarray
    labels: np.ndarray
    test: np.ndarray
    classes: tuple[str, ...]
    scaling: str

    @property
    def about(self) -> str:
        """In a line: ``80 training and 20 test images, 8x8, 10 classes; values as they are``."""
        train, test = int((~self.test).sum()), int(self.test.sum())
        size = "x".join(map(str, self.images.shape[1:]))
        return (
            f"{train:,} training and {test:,} test images, {size}, {len(self.classes)} classes; "
            f"{self.scaling}"
        )


def label_choices(name: str, data: bytes) -> tuple[str, ...]:
    """What may hold the labels, the likeliest first: columns of a table, arrays of an NPZ file;
    none for a zip of images, where the folders' names do.

    Raises:
        DataError: the file cannot be used.
    """
    kind = _kind(name, data)
    if kind == "csv":
        names = list(_head(data)[0])
        likely = [name for name in names if str(name).lower() in ("label", "class", "target", "y")]
        return tuple(dict.fromkeys([*likely, names[-1], *names]))
    if kind == "npz":
        shapes = _npz_shapes(data)
        if set(_SPLITS) <= set(shapes):
            return ()
        flat = [name for name, shape in shapes.items() if len(shape) == 1]
        if not flat:
            raise DataError("no array of one dimension that could hold the labels")
        return tuple(sorted(flat, key=lambda name: name not in ("y", "labels", "label", "target")))
    return ()


def read_upload(name: str, data: bytes, label: str | None = None) -> Upload:
    """The images and labels in the bytes of a file, whose name's ending says what it is; ``label``
    is one of :func:`label_choices`, the first one if it is left out.

    Raises:
        DataError: it is none of the kinds, too large, damaged, or not a data set to learn from;
            the message says why.
    """
    kind = _kind(name, data)
    chosen = label if label is not None else next(iter(label_choices(name, data)), "")
    images, labels, scaling, test = _READERS[kind](data, chosen)
    if len(images) != len(labels):
        raise DataError(f"{len(images):,} images but {len(labels):,} labels")
    if not LEAST <= len(images) <= MAX_IMAGES:
        raise DataError(f"{len(images):,} images: from {LEAST} to {MAX_IMAGES:,} can be used")
    classes, codes = np.unique(labels.astype(str), return_inverse=True)
    if len(classes) not in CLASSES:
        raise DataError(
            f"{len(classes):,} different labels: from {CLASSES[0]} to {CLASSES[-1]} can be used"
        )
    names = tuple(str(one)[:_TEXT] for one in classes)
    codes = codes.reshape(-1).astype(np.uint8)
    return Upload(images, codes, _held_out(codes) if test is None else test, names, scaling)


def keep_upload(upload: Upload, title: str) -> Path:
    """Write it as a folder of IDX files in the cache, and return its path, which names the data set
    from then on. The same data are kept once.

    Raises:
        OSError: the disk is full, or may not be written to.
    """
    digest = hashlib.sha256(upload.images.tobytes() + upload.labels.tobytes()).hexdigest()[:8]
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "data"
    folder = paths.data_folder() / f"{slug}-{digest}"
    with writing():
        folder.mkdir(parents=True, exist_ok=True)
        for split, own in (("train", ~upload.test), ("t10k", upload.test)):
            for what, values in (("images-idx3", upload.images), ("labels-idx1", upload.labels)):
                write_bytes(folder / f"{split}-{what}-ubyte", _idx(values[own]))
        about = {"classes": upload.classes, "about": upload.about}
        write_json(folder / "about.json", about)  # last: a folder with it is whole
    return folder


def uploads() -> dict[str, str]:
    """The data sets kept here: path -> what they are."""
    found = {}
    for file in sorted(paths.data_folder().glob("*/about.json")):
        try:
            about = read_json(file)["about"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found[str(file.parent)] = str(about)[:200]
    return found


def _kind(name: str, data: bytes) -> str:
    kind = Path(name).suffix[1:].lower()
    if kind not in KINDS:
        raise DataError(f"not a file of a kind that can be read: {', '.join(KINDS)}")
    if len(data) > MAX_BYTES:
        raise DataError(f"{len(data):,} bytes: at most {MAX_BYTES:,} can be read")
    return kind


def _held_out(codes: np.ndarray) -> np.ndarray:
    """A fixed fifth of every class, at least one where there are two."""
    test = np.zeros(len(codes), dtype=bool)
    rng = np.random.default_rng(0)
    for code in np.unique(codes):
        own = rng.permutation(np.flatnonzero(codes == code))
        test[own[: max(len(own) // 5, min(1, len(own) - 1))]] = True
    return test


def _eight_bit(values: np.ndarray, each: bool) -> tuple[np.ndarray, str]:
    """Values as uint8: 0..255 as they are, 0..1 times 255, others from smallest to largest, of each
    column where ``each``."""
    if values.dtype == np.uint8:
        return values, "values as they are"
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise DataError("a value is missing or not finite")
    low, high = values.min(), values.max()
    if low >= 0 and high <= 1:
        return np.rint(values * 255).astype(np.uint8), "values times 255"
    if low >= 0 and high <= 255:
        return np.rint(values).astype(np.uint8), "values rounded to 0..255"
    if each:
        low, high = values.min(0), values.max(0)
    with np.errstate(over="ignore", invalid="ignore"):
        span = np.where(high > low, high - low, 1.0)
        scaled = np.nan_to_num((values - low) / span)
    about = "each column" if each else "values"
    return np.rint(scaled * 255).astype(np.uint8), f"{about} scaled from smallest to largest"


def _squares(rows: np.ndarray) -> np.ndarray:
    """Rows ``(N, columns)`` as the smallest square images that hold them; the rest is 0."""
    side = math.isqrt(rows.shape[1] - 1) + 1
    images = np.zeros((len(rows), side * side), dtype=np.uint8)
    images[:, : rows.shape[1]] = rows
    return images.reshape(-1, side, side)


def _head(data: bytes) -> tuple[Sequence[str], bool]:
    """A table's column names, and whether its first line holds them."""
    import pandas as pd

    line = data.split(b"\n", 1)[0]
    rows = data.count(b"\n") + 1
    columns = line.count(b",") + 1
    if columns > MAX_COLUMNS or rows > MAX_IMAGES + 1 or rows * columns > MAX_VALUES:
        raise DataError(
            f"about {rows:,} rows of {columns:,} columns: at most {MAX_IMAGES:,} rows, "
            f"{MAX_COLUMNS:,} columns and {MAX_VALUES:,} values can be read"
        )
    try:
        first = pd.read_csv(io.BytesIO(line), header=None, dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError("the first line is not that of a table") from error
    names = [str(value)[:_TEXT] for value in first.iloc[0]]
    numeric = pd.to_numeric(first.iloc[0], errors="coerce").notna()
    if numeric.all():
        return [f"column {place}" for place in range(1, len(names) + 1)], False
    return [name or f"column {place}" for place, name in enumerate(names, start=1)], True


Content = tuple[np.ndarray, np.ndarray, str, np.ndarray | None]
"""Images, labels, how values were scaled, and which are for testing, where the file says that."""


def _read_csv(data: bytes, label: str) -> Content:
    import pandas as pd

    names, named = _head(data)
    if label not in names:
        raise DataError(f"no column is called {label!r}")
    try:
        table = pd.read_csv(io.BytesIO(data), header=0 if named else None, low_memory=False)
    except (ValueError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DataError(f"not a table that can be read ({str(error)[:80]})") from error
    if table.shape[1] != len(names) or not isinstance(table.index, pd.RangeIndex):
        raise DataError("the rows have another number of columns than the first line")
    place = list(names).index(label)
    labels = table.iloc[:, place]
    if labels.isna().any():
        raise DataError(f"column {label!r} lacks a label in row {int(labels.isna().argmax()) + 1}")
    values = table.drop(columns=table.columns[place])
    for name, kind in zip((n for n in names if n != label), values.dtypes, strict=False):
        if not pd.api.types.is_numeric_dtype(kind):
            raise DataError(f"column {name!r} holds texts; all but the labels must be numbers")
    if values.shape[1] < 2:
        raise DataError("at least two columns of numbers are needed beside the labels")
    rows, scaling = _eight_bit(values.to_numpy(), each=True)
    return _squares(rows), labels.to_numpy(), scaling, None


def _archive(data: bytes) -> zipfile.ZipFile:
    try:
        file = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise DataError("not an archive that can be read") from error
    entries = file.infolist()
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_IMAGES or total > 4 * MAX_VALUES:
        raise DataError(
            f"{len(entries):,} files of {total:,} bytes unpacked: at most {MAX_IMAGES:,} files and "
            f"{4 * MAX_VALUES:,} bytes can be read"
        )
    if any(entry.flag_bits & 1 for entry in entries):
        raise DataError("the archive is encrypted")
    return file


def _member(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """A file of an archive; never more of it than the archive's own list says."""
    try:
        with file.open(entry) as stream:
            return stream.read(entry.file_size)
    except Exception as error:  # whatever the unpacker raises, zlib.error and its like
        said = str(error)[:60]
        raise DataError(f"a file of the archive is damaged, or oddly packed ({said})") from error


def _npz_shapes(data: bytes) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the arrays, from their headers alone."""
    shapes: dict[str, tuple[int, ...]] = {}
    with _archive(data) as file:
        for entry in file.infolist():
            name = entry.filename.removesuffix(".npy")
            if name == entry.filename or len(shapes) >= 50:
                raise DataError("an NPZ file holds up to 50 .npy arrays and nothing else")
            try:
                with file.open(entry) as stream:
                    version = np.lib.format.read_magic(stream)
                    read = {
                        (1, 0): np.lib.format.read_array_header_1_0,
                        (2, 0): np.lib.format.read_array_header_2_0,
                    }[version]
                    shape, _, dtype = read(stream)
            except Exception as error:
                raise DataError(f"array {name[:_TEXT]!r} cannot be read") from error
            if dtype.kind not in "biufU":
                raise DataError(f"array {name[:_TEXT]!r} holds neither numbers nor texts")
            if math.prod(shape) * dtype.itemsize > min(entry.file_size, 4 * MAX_VALUES):
                raise DataError(f"array {name[:_TEXT]!r} claims more values than there are")
            shapes[name] = shape
    return shapes


def _read_npz(data: bytes, label: str) -> Content:
    shapes = _npz_shapes(data)
    with _archive(data) as file:

        def array(name: str) -> np.ndarray:
            member = io.BytesIO(_member(file, file.getinfo(f"{name}.npy")))
            return np.lib.format.read_array(member, allow_pickle=False)

        if set(_SPLITS) <= set(shapes):
            x_train, y_train, x_test, y_test = map(array, _SPLITS)
            if x_train.shape[1:] != x_test.shape[1:]:
                raise DataError("x_train and x_test hold images of different sizes")
            values, labels = np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test])
            test = np.arange(len(labels)) >= len(y_train)
        else:
            others = [name for name, shape in shapes.items() if len(shape) > 1]
            if label not in shapes or not others:
                raise DataError("one array of labels and one of images are needed")
            values, labels, test = array(max(others, key=lambda n: shapes[n])), array(label), None
    if labels.ndim != 1 or labels.dtype.kind not in "biuU":
        raise DataError("the labels must be whole numbers or texts, one for each image")
    if values.dtype.kind not in "biuf" or values.ndim not in (2, 3, 4) or 0 in values.shape:
        raise DataError(f"images of shape {values.shape}: two to four dimensions can be used")
    if values.ndim == 4:
        if values.shape[-1] not in (1, 3, 4):
            raise DataError("four dimensions: the last one must be 1, 3 or 4 colours")
        values = values[..., :3].mean(-1)
    pixels, scaling = _eight_bit(values, each=values.ndim == 2)
    return (_squares(pixels) if pixels.ndim == 2 else pixels), labels, scaling, test


def _read_zip(data: bytes, label: str) -> Content:
    from PIL import Image

    pictures, labels, pixels = [], [], 0
    with _archive(data) as file, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        for entry in file.infolist():
            parts = entry.filename.replace("\\", "/").split("/")
            if entry.is_dir() or parts[0] == "__MACOSX" or parts[-1].startswith("."):
                continue
            if len(parts) < 2:
                raise DataError("a picture lies in no folder; a folder's name is its label")
            try:
                found = Image.open(io.BytesIO(_member(file, entry)), formats=("PNG", "JPEG"))
                if math.prod(found.size) > MAX_PIXELS:
                    raise DataError(f"a picture of {found.size}: too large")
                picture = found.convert("L")
            except DataError:
                raise
            except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError) as e:
                raise DataError(f"{parts[-1][:_TEXT]!r} is no PNG or JPEG picture") from e
            if max(picture.size) > 2 * SIDE:
                picture = picture.resize((SIDE, SIDE), Image.Resampling.BOX)
            pixels += math.prod(picture.size)
            if pixels > MAX_VALUES:
                raise DataError(f"more than {MAX_VALUES:,} pixels in all pictures together")
            pictures.append(picture)
            labels.append(parts[-2])
    if not pictures:
        raise DataError("no picture in the archive")
    scaling = "grey values as they are"
    if len({picture.size for picture in pictures}) > 1:
        pictures = [picture.resize((SIDE, SIDE)) for picture in pictures]
        scaling = f"resized to {SIDE}x{SIDE}"
    return np.stack([np.asarray(picture) for picture in pictures]), np.array(labels), scaling, None


_READERS = {"csv": _read_csv, "npz": _read_npz, "zip": _read_zip}


def _idx(values: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + np.ascontiguousarray(values).tobytes()
