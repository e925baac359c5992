"""Sharing: what is exported comes back the same; what a stranger made up does not come in."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path

import faults
import forgery
import numpy as np
import pytest

from srnn import paths
from srnn.cli import main
from srnn.jobs import obtain
from srnn.store import Run, find_run, labels, list_runs
from srnn.store.format import FormatError
from srnn.store.sharing import export_bytes, export_run, import_run, read_archive


@pytest.fixture
def shared(small, tmp_path) -> tuple[Run, bytes]:
    """A run and its archive, made in another cache."""
    with faults.using(tmp_path / "theirs"):
        run = obtain(small)[0]
        assert run.snapshots.size and len(run.records) and run.state
        labels.edit_label(run.run_id, name="theirs", note="a note", pinned=True)
        return run, export_bytes(run)


def written(cache: Path) -> list[str]:
    """What lies in the cache that could be taken for a run, or for anything at all."""
    return [str(path) for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_an_exported_run_comes_back_bit_for_bit(shared):
    run, data = shared
    imported = import_run(io.BytesIO(data))
    assert not imported.existed
    assert faults.same_run(imported.run, run)
    label = imported.run.label
    assert (label.name, label.note, label.pinned, label.imported) == (
        "theirs",
        "a note",
        False,
        True,
    )
    assert import_run(io.BytesIO(data)).existed


def test_an_imported_run_can_be_trained_on(shared, small):
    import_run(io.BytesIO(shared[1]))
    longer = obtain(small.replace(epochs=6))[0]
    assert longer.info["continued_from"] == shared[0].run_id


def test_the_same_run_gives_the_same_file(shared, small):
    run = obtain(small)[0]
    labels.edit_label(run.run_id, name="a", note="b")
    assert export_bytes(run) == export_bytes(run)


def test_the_bundled_run_can_be_shared(monkeypatch, tmp_path):
    run = next(run for run in list_runs() if run.bundled)
    out = export_run(run.run_id, tmp_path / "run.zip")
    monkeypatch.setattr(paths, "BUNDLED_RUNS", tmp_path)
    assert faults.same_run(import_run(out).run, run)


@pytest.mark.parametrize("name", forgery.FORGERIES)
def test_a_forged_archive_is_refused_and_nothing_is_written(shared, cache, name):
    forged = forgery.pack(forgery.FORGERIES[name](forgery.unpack(shared[1])))
    with pytest.raises(FormatError) as caught:
        import_run(io.BytesIO(forged))
    assert str(caught.value)
    assert written(cache) == []


def test_a_pickle_in_an_archive_is_never_executed(shared, cache, tmp_path):
    evil = tmp_path / "evil"

    class Evil:
        def __reduce__(self):
            return (Path.touch, (evil,))

    parts = forgery.unpack(shared[1])
    header = forgery.saved(np.array([None]), allow_pickle=True)[:128]
    for data in (pickle.dumps(Evil()), header + pickle.dumps(Evil())):
        forged = forgery.pack(forgery.seal_again(parts | {"momentum.npy": data}))
        with pytest.raises(FormatError):
            import_run(io.BytesIO(forged))
    assert not evil.exists()
    assert written(cache) == []


def test_an_entry_twice_is_refused(shared):
    parts = {k: v for k, v in forgery.unpack(shared[1]).items() if k != "label.json"}
    buffer = io.BytesIO(forgery.pack(parts))
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("run.json", "{}")
    with pytest.raises(FormatError, match=r"holds 'run\.json'"):
        read_archive(buffer)


def test_an_entry_that_lies_about_its_size_is_cut_off(shared):
    parts = forgery.unpack(shared[1])
    bomb = forgery.pack(parts | {"momentum.npy": bytes(50_000_000)})
    real = (50_000_000).to_bytes(4, "little")
    claimed = len(parts["momentum.npy"]).to_bytes(4, "little")
    with pytest.raises(FormatError):
        import_run(io.BytesIO(bomb.replace(real, claimed)))


def test_other_compressions_are_refused(shared):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        for name, data in forgery.unpack(shared[1]).items():
            archive.writestr(name, data)
    with pytest.raises(FormatError, match="compressed in a way"):
        import_run(buffer)


def test_random_damage_of_an_archive_is_an_error_or_harmless(shared, tmp_path, monkeypatch):
    run, data = shared
    rng, kinds = np.random.default_rng(8), list(faults.BYTE_DAMAGE.values())
    refused = 0
    for turn in range(60):
        monkeypatch.setenv("SRNN_CACHE", str(tmp_path / f"cache{turn}"))
        try:
            imported = import_run(io.BytesIO(kinds[turn % len(kinds)](data, rng)))
            assert faults.same_run(imported.run, run)
        except FormatError:
            refused += 1
    assert refused > 30


def test_another_version_of_a_run_does_not_replace_the_one_here(shared, small):
    mine = obtain(small)[0]
    parts = forgery.unpack(shared[1])
    momentum = forgery.array(parts, "momentum.npy") * np.float32(1.0001)
    forged = forgery.seal_again(parts | {"momentum.npy": forgery.saved(momentum)})
    with pytest.raises(FormatError, match="here already, with other numbers"):
        import_run(io.BytesIO(forgery.pack(forged)))
    assert faults.same_run(find_run(mine.run_id), mine)


def test_share_and_import_on_the_command_line(small, tmp_path, monkeypatch, capsys):
    run_id = obtain(small)[0].run_id
    out = tmp_path / "run.zip"
    assert main(["share", run_id, "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == out.stat().st_size
    monkeypatch.setenv("SRNN_CACHE", str(tmp_path / "other"))
    assert main(["import", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run_id"] == run_id
    out.write_bytes(b"not a zip file")
    assert main(["import", str(out)]) == 1
    assert capsys.readouterr().err == "srnn: not a zip file\n"
    assert main(["share", "nonsense"]) == 1
