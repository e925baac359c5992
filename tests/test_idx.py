"""IDX files, as untrusted data: read right, or refused with the file's name."""

import gzip
import struct
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sets import idx, write_set

from srnn.config import make_config
from srnn.idx import DataError, read_idx, read_split, resize
from srnn.pruning.subject import Subject
from srnn.runs import obtain
from srnn.runs.train import train_locked
from srnn.tasks import load_task, resolve

FILES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@FILES
@given(array=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, max_side=6)))
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_what_was_written_is_read(tmp_path, array, suffix):
    path = tmp_path / f"file{suffix}"
    path.write_bytes(gzip.compress(idx(array)) if suffix else idx(array))
    assert np.array_equal(read_idx(path), array)


@FILES
@given(data=st.binary(max_size=200))
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_any_bytes_are_an_array_or_an_error_that_names_the_file(tmp_path, data, suffix):
    path = tmp_path / f"file{suffix}"
    path.write_bytes(data)
    try:
        array = read_idx(path)
    except DataError as error:
        assert str(path) in str(error)
    else:
        assert idx(array) == (gzip.decompress(data) if suffix else data)


@FILES
@given(data=st.data())
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_damaged_file_is_the_same_array_or_an_error(tmp_path, data, suffix):
    array = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    good = gzip.compress(idx(array)) if suffix else idx(array)
    path = tmp_path / f"file{suffix}"
    cut = data.draw(st.integers(0, len(good) - 1))
    path.write_bytes(good[:cut])
    with pytest.raises(DataError) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)
    path.write_bytes(good + b"x")
    if not suffix:
        with pytest.raises(DataError, match="longer than"):
            read_idx(path)


def test_a_wrong_magic_number_is_shown(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"\x00\x00\x0d\x01\x00\x00\x00\x01xxxx")
    with pytest.raises(DataError, match="magic number 00000d01"):
        read_idx(path)


def test_a_huge_claim_is_refused_before_it_is_believed(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(struct.pack(">BBBB3I", 0, 0, 8, 3, 2**31, 2**31, 2**31))
    with pytest.raises(DataError, match="claims"):
        read_idx(path)


def test_a_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(idx(np.zeros(10)) + bytes(50_000_000)))
    with pytest.raises(DataError, match="longer than the 10 values"):
        read_idx(path)


@pytest.mark.parametrize("split", ["train", "t10k"])
def test_counts_that_differ_name_both_files(tmp_path, split):
    write_set(tmp_path)
    (tmp_path / f"{split}-labels-idx1-ubyte").write_bytes(idx(np.zeros(39)))
    with pytest.raises(DataError) as caught:
        load_task(str(tmp_path))
    for name in (f"{split}-images-idx3-ubyte.gz", f"{split}-labels-idx1-ubyte"):
        assert name in str(caught.value)
    assert "40" in str(caught.value) and "39" in str(caught.value)


def test_labels_for_images_are_refused(tmp_path):
    write_set(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros(40))))
    with pytest.raises(DataError, match="not images"):
        read_split(tmp_path, "train")


def test_images_that_memory_cannot_hold_are_refused_before_they_are_enlarged(tmp_path, monkeypatch):
    """Four million images of two pixels are a file of 20 kB, and 3.6 GB at 15x15."""
    folder = write_set(tmp_path / "data")
    monkeypatch.setattr("srnn.tasks.resize", None)
    free = SimpleNamespace(available=100_000)
    monkeypatch.setattr("psutil.virtual_memory", lambda: free)
    with pytest.raises(DataError, match=r"225 inputs each; that needs .* 100,000 are free"):
        load_task(str(folder))


def test_a_missing_file_and_a_missing_folder_are_named(tmp_path):
    write_set(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="lacks t10k-labels-idx1-ubyte"):
        load_task(str(tmp_path))
    with pytest.raises(DataError, match="no such data set"):
        load_task(str(tmp_path / "nowhere"))


def test_a_folder_is_a_task_that_can_be_trained_on_and_is_pinned_to_its_content(tmp_path):
    folder = write_set(tmp_path / "data")
    config = make_config(dataset=str(folder), neurons=2, depth=2, width=3, batch_size=20, epochs=1)
    run = obtain(config)[0]
    assert (run.record.inputs, run.record.classes) == (225, 3)
    pinned = resolve(config)
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(np.ones(40)))
    assert resolve(config).run_id != pinned.run_id
    with pytest.raises(DataError, match="no longer holds the data"):
        resolve(pinned)
    longer = pinned.replace(epochs=2)
    with pytest.raises(DataError, match="no longer holds the data"):  # it changed in the queue
        train_locked(longer, "auto", None, None)


@given(st.integers(1, 9), st.integers(1, 40), st.integers(1, 20))
@settings(max_examples=25)
def test_resizing_keeps_the_range_and_a_plain_image_plain(count, size, side):
    images = np.full((count, size, size), 200, dtype=np.uint8)
    small = resize(images, side)
    assert small.shape == (count, side, side)
    assert small.dtype == np.uint8
    assert (small == 200).all()


def test_a_folder_whose_data_changed_is_not_used_to_judge_its_run(tmp_path):
    folder = write_set(tmp_path / "data")
    config = make_config(dataset=str(folder), neurons=2, batch_size=20, epochs=0)
    run, _ = obtain(config)
    assert Subject.of(run).task.classes == 3
    write_set(folder, classes=4)
    with pytest.raises(DataError, match="no longer holds"):
        Subject.of(run)


@pytest.mark.parametrize(
    ("image", "size", "inputs"),
    [
        ((28, 28), 15, 225),
        ((28, 28), 0, 784),
        ((28, 28), 28, 784),
        ((8, 8, 3), 0, 192),
        ((8, 8, 3), 4, 48),
        ((6, 10), 0, 60),
    ],
)
def test_images_of_any_size_are_resized_or_kept(tmp_path, image, size, inputs):
    folder = write_set(tmp_path / "data", image=image)
    task = load_task(str(folder), size)
    assert task.inputs == inputs == task.x_train.shape[1]
    if inputs == np.prod(image):
        raw, _ = read_split(folder, "train")
        assert task.image == image
        assert np.array_equal(task.x_train * np.float32(255), raw.reshape(len(raw), -1))
    config = make_config(
        dataset=str(folder), size=size, neurons=2, depth=2, width=2, batch_size=20, epochs=1
    )
    run, _ = obtain(config)
    assert (run.record.inputs, run.shape.inputs) == (inputs, inputs)
    assert run.record.particles == 2 * inputs + 2 * 3


def test_another_size_is_another_run_and_bundled_data_have_their_own(tmp_path):
    folder = write_set(tmp_path / "data", image=(28, 28))
    names = {resolve(make_config(dataset=str(folder), size=size)).run_id for size in (0, 15, 28)}
    assert len(names) == 3  # 28 and 0 are the same images, but not the same setting
    digits = make_config(dataset="digits")
    assert resolve(digits.replace(size=8)).run_id == digits.run_id
    for config in (digits.replace(size=28), make_config(size=28)):
        with pytest.raises(DataError, match="name a folder"):
            resolve(config)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": 1}, "of one class, 0"),
        ({"count": 1}, "holds one image"),
        ({"image": (1, 1)}, "images of 1 pixels"),
    ],
)
def test_data_from_which_nothing_can_be_learned_are_refused(tmp_path, changes, message):
    folder = write_set(tmp_path / "data", **changes)
    with pytest.raises(DataError, match=message) as caught:
        load_task(str(folder))
    assert str(folder) in str(caught.value)


def test_resizing_a_ramp_by_hand():
    """Bilinear, pixel centres at halves: 4 -> 2 takes the mean of the middle two of each half."""
    ramp = np.arange(0, 160, 10, dtype=np.uint8).reshape(1, 4, 4)
    assert resize(ramp, 2).tolist() == [[[25, 45], [105, 125]]]
    colours = np.stack([ramp, 255 - ramp], axis=-1)
    small = resize(colours, 2)
    assert small.shape == (1, 2, 2, 2)
    assert small[..., 0].tolist() == [[[25, 45], [105, 125]]]
    assert small[0, 0, 0, 1] == 230
