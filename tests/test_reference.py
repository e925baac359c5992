"""The engines against numbers computed by the original research code."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from srnn.cli import main
from srnn.engines import ENGINES
from srnn.verify import BadReference, verify

FILES = sorted((Path(__file__).parent / "reference").glob("*.npz"))
ON_CPU = [name for name in ENGINES if name != "cuda"]


@pytest.mark.parametrize("engine", ON_CPU)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_array_and_type_agrees(file, engine):
    rows = verify(file, engine)
    assert len(rows) == 13
    assert [row.name for row in rows if not row.agrees] == []


def changed_copy(folder: Path, name: str, change) -> Path:
    """A copy of a reference file with one array changed."""
    source = FILES[0]
    arrays = dict(np.load(source))
    arrays[name] = change(arrays[name])
    np.savez(folder / "changed.npz", **arrays)
    shutil.copy(source.with_suffix(".json"), folder / "changed.json")
    return folder / "changed.npz"


@pytest.mark.parametrize(
    "name", ["initial_logits", "weights_after_step", "replication_loss", "final_logits"]
)
def test_a_wrong_number_is_found(tmp_path, name):
    def spoil(array):
        array = array.copy()
        array.flat[-1] += 1e-3 * np.abs(array).max()
        return array

    rows = {row.name: row.agrees for row in verify(changed_copy(tmp_path, name, spoil))}
    assert not rows.pop(name)
    assert all(rows.values())
    assert main(["verify", str(tmp_path / "changed.npz")]) == 1


def test_a_missing_nan_is_found(tmp_path):
    def spoil(array):
        array = array.copy()
        array.flat[0] = np.nan
        return array

    rows = {row.name: row for row in verify(changed_copy(tmp_path, "final_logits", spoil))}
    assert not rows["final_logits"].agrees


def test_a_wrong_type_is_found(tmp_path):
    file = changed_copy(tmp_path, "x", lambda array: array)
    settings = json.loads(file.with_suffix(".json").read_text())
    settings["special_types"][0] = "other"
    file.with_suffix(".json").write_text(json.dumps(settings))
    rows = {row.name: row.agrees for row in verify(file)}
    assert not rows["special_types"]


def test_an_array_nobody_can_recompute_is_refused(tmp_path):
    arrays = dict(np.load(FILES[0]))
    np.savez(tmp_path / "more.npz", surprise=np.zeros(3), **arrays)
    shutil.copy(FILES[0].with_suffix(".json"), tmp_path / "more.json")
    with pytest.raises(BadReference, match="surprise"):
        verify(tmp_path / "more.npz")


def test_a_broken_file_is_named(tmp_path, capsys):
    (tmp_path / "bad.npz").write_bytes(b"not a zip")
    (tmp_path / "bad.json").write_text("{}")
    assert main(["verify", str(tmp_path / "bad.npz")]) == 1
    assert "bad.npz" in capsys.readouterr().err
    assert main(["verify", str(tmp_path / "absent.npz")]) == 1
    np.savez_compressed(tmp_path / "bad.npz", x=np.zeros(30_000_000))
    with pytest.raises(BadReference, match="unpack to 240,000"):
        verify(tmp_path / "bad.npz")
    (tmp_path / "bad.npz").unlink()
    os.mkfifo(tmp_path / "bad.npz")
    with pytest.raises(BadReference, match="not a plain file"):
        verify(tmp_path / "bad.npz")


def test_settings_that_make_no_sense_are_refused_by_name(tmp_path):
    file = changed_copy(tmp_path, "x", lambda array: array)
    settings = json.loads(file.with_suffix(".json").read_text())
    for name, value in (("residual", "foo"), ("steps", 0), ("depth", 0)):
        file.with_suffix(".json").write_text(json.dumps(settings | {name: value}))
        with pytest.raises(BadReference, match="changed"):
            verify(file)


def test_json_stays_json_where_arrays_cannot_be_compared(tmp_path, capsys):
    file = changed_copy(tmp_path, "task_loss", lambda array: array[:-1])
    assert main(["verify", str(file), "--json"]) == 1
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["task_loss"] == {"name": "task_loss", "difference": None, "agrees": False}
