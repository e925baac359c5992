"""Sharing: what is exported comes back the same; what a stranger made up does not come in."""

import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from types import SimpleNamespace

import faults
import forgery
import numpy as np
import pytest

from srnn import files, paths
from srnn.cli import main
from srnn.files import TargetError
from srnn.runs import Cancelled, Run, cancel, find_run, get_run, labels, list_runs, obtain, share
from srnn.runs.fork import forked
from srnn.runs.record import FormatError
from srnn.runs.share import export_bytes, import_run, read_archive


def export_run(run_id, out, force=False):
    files.write_out(out, export_bytes(get_run(run_id)), force=force)
    return out


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
    assert (label.name, label.note, label.pinned) == ("theirs", "a note", False)
    assert imported.run.record.imported and "Imported" in imported.run.origin
    assert not run.record.imported and "Imported" not in run.origin
    assert import_run(io.BytesIO(data)).existed


def test_training_never_goes_on_from_an_imported_run(shared, small, tmp_path):
    """Weights that a stranger made up, all zero, must not become part of a run trained here."""
    import_run(io.BytesIO(shared[1]))
    longer = obtain(small.replace(epochs=6))[0]
    assert longer.record.continued_from is None
    with faults.using(tmp_path / "clean"):
        assert obtain(small.replace(epochs=6))[0].record.files == longer.record.files


def test_a_fork_of_an_imported_run_is_marked_too_and_goes_on_after_a_kill(shared, small):
    import_run(io.BytesIO(shared[1]))
    config = forked(f"{shared[0].run_id}@2", epochs=12)

    def cancel_once(progress):
        if progress.done == 6:
            cancel(config.run_id)

    with pytest.raises(Cancelled):
        obtain(config, on_progress=cancel_once)
    begun = []
    fork = obtain(config, on_progress=lambda progress: begun.append(progress.done))[0]
    assert min(begun) == 6 and fork.record.imported


def test_an_imported_run_stays_marked_when_it_is_shared_again(shared, tmp_path):
    data = export_bytes(import_run(io.BytesIO(shared[1])).run)
    with faults.using(tmp_path / "third"):
        assert import_run(io.BytesIO(data)).run.record.imported


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
    for data in (
        pickle.dumps(Evil()),
        pickle.dumps(Evil()).ljust(len(parts[forgery.state(parts)])),
    ):
        forged = forgery.pack(forgery.seal_again(parts | {forgery.state(parts): data}))
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
    name = forgery.state(parts)
    bomb = forgery.pack(parts | {name: bytes(50_000_000)})
    real = (50_000_000).to_bytes(4, "little")
    claimed = len(parts[name]).to_bytes(4, "little")
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
    name = forgery.state(parts)
    weights, momentum = forgery.array(parts, name)
    changed = np.stack([weights, momentum * np.float32(1.0001)])
    forged = forgery.seal_again(parts | {name: changed.tobytes()})
    with pytest.raises(FormatError, match="here already, with other numbers"):
        import_run(io.BytesIO(forgery.pack(forged)))
    assert faults.same_run(find_run(mine.run_id), mine)


def test_share_and_import_on_the_command_line(small, tmp_path, monkeypatch, capsys):
    run_id = obtain(small)[0].run_id
    out = tmp_path / "run.zip"
    assert main(["share", run_id, "--out", str(out)]) == 0
    assert main(["share", run_id, "--out", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["share", run_id, "--out", str(out), "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == out.stat().st_size
    monkeypatch.setenv("SRNN_CACHE", str(tmp_path / "other"))
    assert main(["import", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run_id"] == run_id
    out.write_bytes(b"not a zip file")
    assert main(["import", str(out)]) == 1
    assert capsys.readouterr().err == "srnn: not a zip file\n"
    assert main(["share", "nonsense"]) == 1


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("what", ["a folder", "a link", "a pipe", "a device", "no folder"])
def test_an_archive_is_never_written_over_what_is_no_regular_file(small, tmp_path, what, force):
    run_id = obtain(small)[0].run_id
    out, foreign = tmp_path / "out", tmp_path / "foreign"
    foreign.write_text("mine")
    if what == "a folder":
        out.mkdir()
    elif what == "a link":
        out.symlink_to(foreign)
    elif what == "a pipe":
        os.mkfifo(out)
    elif what == "a device":
        out = Path(os.devnull)
    else:
        out = tmp_path / "nowhere" / "out"
    with pytest.raises(TargetError, match=what):
        export_run(run_id, out, force=force)
    assert foreign.read_text() == "mine"


def test_a_file_that_appears_while_an_archive_is_made_is_not_replaced(small, tmp_path, monkeypatch):
    run_id, out = obtain(small)[0].run_id, tmp_path / "out"
    real = files.write_bytes

    def slow(path, *parts, **given):
        real(path, *parts, **given)
        out.write_text("mine")

    monkeypatch.setattr(files, "write_bytes", slow)
    with pytest.raises(TargetError, match="there already"):
        export_run(run_id, out)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out"]
    assert out.read_text() == "mine"


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/stdin", "pipe", "folder"])
def test_only_regular_files_are_imported_and_nothing_is_waited_for(name, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises((FormatError, OSError), match=r"not a plain file|directory"):
        import_run(tmp_path / name if name[0] != "/" else Path(name))


def test_an_archive_that_unpacks_to_a_thousand_times_its_size_is_refused_before_it_is_read(
    small, monkeypatch
):
    """All weights zero: 16 MB that compress to nothing, honest in every other way."""
    config = small.replace(epochs=200, snapshot_every=1, width=20)
    record = obtain(small)[0].record
    size = 4 * config.particle_weights * (64 * 20 + 20 * 20 + 20 * 10) * 201
    assert size > 40_000_000
    values = record.model_dump() | {"config": config.to_dict(), "run_id": config.run_id}
    data = forgery.pack(
        {
            "run.json": json.dumps(values).encode(),
            "records.csv": b"0\n" * 1000,
            "snapshots.f32": bytes(size),
            "state-200.f32": bytes(1000),
        }
    )
    assert len(data) < 200_000
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    with pytest.raises(FormatError, match=r"claims to hold 4\d,\d{3},\d{3}; no run that was"):
        read_archive(io.BytesIO(data))


def test_what_compresses_too_well_is_stored_so_that_it_can_be_imported(shared, monkeypatch):
    monkeypatch.setattr(share, "FREE_BYTES", 0)
    monkeypatch.setattr(share, "RATIO", 1)
    data = export_bytes(shared[0])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    assert faults.same_run(import_run(io.BytesIO(data)).run, shared[0])


def test_a_run_that_memory_cannot_hold_is_refused_with_the_numbers(shared, monkeypatch):
    monkeypatch.setattr(share.psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    with pytest.raises(FormatError, match="1,000 bytes of memory are free"):
        read_archive(io.BytesIO(shared[1]))
