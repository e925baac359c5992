"""Own data: what is read of good files, and that bad and hostile ones are refused with a reason."""

import io
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from srnn import upload
from srnn.config import make_config
from srnn.idx import DataError
from srnn.tasks import load_task, resolve
from srnn.upload import keep_upload, label_choices, read_upload, uploads


def npz(**arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def png(pixels: np.ndarray) -> bytes:
    """A grey PNG of 8-bit pixels, written by hand."""
    height, width = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def archive(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return out.getvalue()


TABLE = "a,b,kind\n" + "\n".join(f"{i / 10},{9 - i},{'cat' if i % 2 else 'dog'}" for i in range(20))
IMAGES = np.arange(12 * 3 * 4, dtype=np.uint8).reshape(12, 3, 4)
LABELS = np.repeat([4, 9], 6)
GREY = [np.full((5, 6), 20 * i, np.uint8) for i in range(12)]


def test_a_table_becomes_images_of_its_columns_and_labels_by_name():
    names = label_choices("my.csv", TABLE.encode())
    assert names[0] == "kind"
    found = read_upload("my.csv", TABLE.encode())
    assert found.classes == ("cat", "dog")
    assert found.labels[:3].tolist() == [1, 0, 1]
    assert found.images.shape == (20, 2, 2)  # two columns in the smallest square
    assert found.images[0].tolist() == [[0, 255], [0, 0]]  # each column from smallest to largest
    assert found.images[19].tolist() == [[255, 0], [0, 0]]
    assert found.test.sum() == 4 and np.bincount(found.labels[found.test]).tolist() == [2, 2]


def test_a_table_without_names_and_of_pixels_stays_as_it_is():
    rows = "\n".join(f"{i % 3},{i},255,0,7" for i in range(12))
    names = label_choices("p.csv", rows.encode())
    assert names[0] == "column 5" and "column 1" in names
    found = read_upload("p.csv", rows.encode(), "column 1")
    assert found.images[11].tolist() == [[11, 255], [0, 7]]
    assert found.classes == ("0", "1", "2")


def test_arrays_keep_their_own_split_and_any_names():
    data = npz(pictures=IMAGES, y=LABELS)
    assert label_choices("a.npz", data) == ("y",)
    found = read_upload("a.npz", data)
    assert np.array_equal(found.images, IMAGES) and found.classes == ("4", "9")
    split = npz(
        x_train=IMAGES[:8] / 255, y_train=LABELS[:8], x_test=IMAGES[8:] / 255, y_test=LABELS[8:]
    )
    found = read_upload("a.npz", split)
    assert found.test.tolist() == [False] * 8 + [True] * 4
    assert np.array_equal(found.images, IMAGES)  # 0..1, times 255


def test_a_zip_of_pictures_is_labelled_by_its_folders():
    files = {
        f"set/{'ab'[i % 2]}/{i}.png": png(np.full((5, 6), 20 * i, np.uint8)) for i in range(12)
    }
    found = read_upload("p.zip", archive(files | {"__MACOSX/x/._1.png": b"", "set/.hidden": b"x"}))
    assert found.images.shape == (12, 5, 6) and found.classes == ("a", "b")
    assert found.images[:, 0, 0].tolist() == [20 * i for i in range(12)]
    files["set/a/large.png"] = png(np.zeros((90, 7), np.uint8))
    assert read_upload("p.zip", archive(files)).images.shape == (13, 32, 32)


def test_what_is_kept_is_a_data_set_like_any_other(cache: Path):
    found = read_upload("a.npz", npz(x=IMAGES, y=LABELS))
    folder = keep_upload(found, "../../My <b>data</b>")
    assert folder.parent == cache / "data" and folder.name.startswith("my-b-data-b-")
    task = load_task(str(folder), 0)
    assert task.image == (3, 4) and task.classes == 2 and len(task.x_test) == 2
    assert np.array_equal(task.x_train * 255, found.images[~found.test].reshape(10, -1))
    assert resolve(make_config(dataset=str(folder), size=0)).dataset_digest == task.digest
    assert uploads() == {str(folder): found.about}
    assert "10 training and 2 test images, 3x4, 2 classes" in found.about


def test_a_half_written_data_set_is_not_listed(cache: Path):
    (cache / "data" / "half").mkdir(parents=True)
    for name, text in {"broken": "{", "deep": "[" * 10**5, "half": '{"about": "\\ud800"}'}.items():
        (cache / "data" / name).mkdir(exist_ok=True)
        (cache / "data" / name / "about.json").write_text(text)
    (cache / "data" / "pipe").mkdir()
    os.mkfifo(cache / "data" / "pipe" / "about.json")
    assert uploads() == {}


BAD = {
    "no known kind": ("a.exe", b"MZ", "csv, npz, zip"),
    "no ending": ("csv", b"", "csv, npz, zip"),
    "empty table": ("a.csv", b"", "first line"),
    "one column": ("a.csv", b"y\n1\n2\n", "two columns|at least two"),
    "binary table": ("a.csv", b"\xff\xfe\x00a,b\n" * 20, "table|columns|texts"),
    "texts among numbers": ("a.csv", b"a,b,y\n" + b"1,x,0\n" * 20, "'b' holds texts"),
    "a value missing": ("a.csv", b"a,b,y\n1,,0\n" + b"1,2,1\n" * 20, "missing"),
    "a label missing": ("a.csv", b"a,b,y\n1,2,\n" + b"1,2,1\n" * 20, "lacks a label in row 1"),
    "ragged": ("a.csv", b"a,b,y\n" + b"1,2,0,4,5\n" * 20, "table|columns"),
    "one class": ("a.csv", b"a,b,y\n" + b"1,2,0\n" * 20, "different labels"),
    "a label a row": ("a.csv", b"a,b,y\n" + b"".join(b"1,2,%d\n" % i for i in range(200)), "200"),
    "too few": ("a.csv", b"a,b,y\n1,2,0\n1,2,1\n", "2 images"),
    "no archive": ("a.npz", b"PK\x03\x04nonsense", "archive"),
    "other files in it": ("a.npz", archive({"x.npy": b"", "run.sh": b"rm"}), "nothing else|cannot"),
    "objects": ("a.npz", npz(x=IMAGES, y=np.array([{}] * 12, dtype=object)), "neither numbers"),
    "lengths differ": ("a.npz", npz(x=IMAGES, y=LABELS[:5]), "12 images but 5 labels"),
    "not finite": ("a.npz", npz(x=np.full((12, 2, 2), np.nan), y=LABELS), "not finite"),
    "no images": ("a.npz", npz(y=LABELS, z=LABELS), "one of images"),
    "real labels": ("a.npz", npz(x=IMAGES, y=LABELS / 3), "whole numbers"),
    "five dimensions": ("a.npz", npz(x=IMAGES[:, None, None], y=LABELS), "two to four"),
    "no pictures": ("a.zip", archive({"a/": b""}), "no picture"),
    "not a picture": ("a.zip", archive({"a/1.png": b"GIF89a"}), "no PNG or JPEG"),
    "a cut picture": ("a.zip", archive({"a/1.png": png(IMAGES[0])[:45]}), "no PNG"),
    "in no folder": ("a.zip", archive({"1.png": png(IMAGES[0])}), "no folder"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_learned_from_is_refused_with_a_reason(what: str):
    name, data, reason = BAD[what]
    with pytest.raises(DataError, match=reason):
        read_upload(name, data)


def header(shape: tuple[int, ...], descr: str = "<f8") -> bytes:
    out = io.BytesIO()
    info = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(out, info)
    return out.getvalue()


def test_an_array_that_claims_more_than_it_holds_is_refused_before_it_is_read():
    bomb = archive({"x.npy": header((10**6, 10**6)), "y.npy": header((12,), "<i8") + b"\0" * 96})
    with pytest.raises(DataError, match="claims more"):
        read_upload("a.npz", bomb)


def test_archives_that_would_unpack_to_too_much_are_refused_by_their_list(monkeypatch):
    monkeypatch.setattr(upload, "MAX_VALUES", 10_000)
    bomb = archive({"a/1.png": b"\0" * 50_000})
    assert len(bomb) < 1000
    for name in ("a.zip", "a.npz"):
        with pytest.raises(DataError, match="unpacked"):
            read_upload(name, bomb)


def test_a_picture_that_claims_to_be_huge_is_refused_by_its_head():
    picture = bytearray(png(np.zeros((9, 9), np.uint8)))
    picture[16:24] = struct.pack(">II", 60_000, 60_000)
    picture[29:33] = struct.pack(">I", zlib.crc32(bytes(picture[12:29])))
    with pytest.raises(DataError, match=r"too large|no PNG"):
        read_upload("a.zip", archive({"a/1.png": bytes(picture)}))


def test_size_is_checked_before_anything_else(monkeypatch):
    monkeypatch.setattr(upload, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="at most 10"):
        read_upload("a.csv", TABLE.encode())
    monkeypatch.undo()
    monkeypatch.setattr(upload, "MAX_COLUMNS", 2)
    with pytest.raises(DataError, match="columns"):
        read_upload("a.csv", TABLE.encode())


def test_an_encrypted_archive_is_refused():
    data = bytearray(archive({"a/1.png": b"x"}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    with pytest.raises(DataError, match="encrypted"):
        read_upload("a.zip", bytes(data))
