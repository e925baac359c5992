"""The run cache: whole or not there, and what people do with it."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from srnn import paths
from srnn.config import make_config
from srnn.estimate import ImpossibleError, estimate, human, refuse_impossible, run_bytes
from srnn.jobs import obtain
from srnn.store import (
    RunError,
    find_run,
    get_run,
    labels,
    list_runs,
    open_run,
    run_size,
    settings,
    space,
)
from srnn.store.format import check_contents, check_info, seal


def own_runs() -> list[str]:
    return [run.run_id for run in list_runs() if not run.bundled]


def test_a_run_is_read_as_it_was_trained(small):
    run, cached = obtain(small)
    again, cached_again = obtain(small)
    assert (cached, cached_again) == (False, True)
    assert again == run
    assert again.config == small
    assert again.snapshots.shape == (4, small.particle_weights, run.info["particles"])
    assert again.records["epoch"].tolist() == [0, 1, 2, 3]
    assert again.results["test_accuracy"] == again.records["test_accuracy"].iloc[-1]
    assert not again.snapshots.flags.writeable


def test_its_own_files_pass_the_checks_for_a_strangers(small):
    run = obtain(small)[0]
    check_info(run.info, run.run_id)
    check_contents(run.info, {name: run.read(name) for name in run.info["checksums"]})


def test_a_diverged_run_passes_the_checks_too():
    config = make_config(
        dataset="digits", neurons=3, depth=3, width=4, batch_size=100, epochs=3, lr=10.0
    )
    run = obtain(config)[0]
    assert run.stopped and "diverged in epoch 1" in run.stopped
    check_contents(run.info, {name: run.read(name) for name in run.info["checksums"]})
    assert not np.isfinite(run.weights).all()


@pytest.mark.parametrize("policy", ["reinitialise", "freeze"])
def test_a_run_whose_diverging_particles_were_rescued_is_whole_and_names_them(policy):
    config = make_config(
        dataset="digits",
        depth=4,
        batch_size=50,
        epochs=3,
        seed=3,
        lr=0.01,
        target_gradient=False,
        on_divergence=policy,
    )
    run = obtain(config)[0]
    check_contents(run.info, {name: run.read(name) for name in run.info["checksums"]})
    assert run.stopped is None
    assert run.info["divergences"]
    word = {"reinitialise": "re-initialised", "freeze": "frozen at zero"}[policy]
    form = rf"particle L\d+_C\d+_W\d+ diverged in epoch \d, step \d+: it was {word}"
    assert all(re.fullmatch(form, text) for text in run.info["divergences"])
    assert np.isfinite(run.weights).all()


def test_the_bundled_runs_are_whole():
    runs = [run for run in list_runs() if run.bundled]
    assert runs
    for run in runs:
        check_contents(
            open_run(run.path).info, {name: run.read(name) for name in run.info["sizes"]}
        )


@pytest.mark.parametrize("key", ["seconds", "stopped", "snapshot_epochs", "engine"])
def test_an_edit_of_run_json_by_hand_is_seen(small, key):
    run = obtain(small)[0]
    info = json.loads((run.path / "run.json").read_text())
    info[key] = {"seconds": 1.5, "stopped": "no", "snapshot_epochs": [0], "engine": "x"}[key]
    (run.path / "run.json").write_text(json.dumps(info))
    with pytest.raises(RunError, match=r"run\.json is not what was written"):
        open_run(run.path)
    with pytest.raises(RunError, match=r"damaged.*set aside; train it again"):
        get_run(run.run_id)
    assert obtain(small)[1] is False


def test_another_layout_of_run_json_is_the_same_run(small):
    run = obtain(small)[0]
    info = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(dict(reversed(info.items()))))
    assert find_run(run.run_id) == run


def test_a_run_of_an_older_schema_is_set_aside_and_trained_again(small):
    run = obtain(small)[0]
    info = json.loads((run.path / "run.json").read_text()) | {"schema": 0}
    info["seal"] = seal(info)
    (run.path / "run.json").write_text(json.dumps(info))
    with pytest.raises(RunError, match="of schema 0, this program reads"):
        get_run(run.run_id)
    assert obtain(small)[1] is False


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "0" * 15, "G" * 16, "0" * 16])
def test_what_is_no_run_is_refused_in_words(name):
    with pytest.raises(RunError, match=r"not the name of a run|there is no finished run"):
        get_run(name)


def test_a_label_leaves_the_run_untouched(small):
    run = obtain(small)[0]
    before = (run.path / "run.json").read_bytes()
    labels.edit_label(run.run_id, name="<b>mine</b>", note="line\nline", pinned=True)
    again = get_run(run.run_id)
    assert (again.name, again.label.note, again.label.pinned) == ("<b>mine</b>", "line\nline", True)
    assert (run.path / "run.json").read_bytes() == before


@pytest.mark.parametrize("changes", [{"name": "x" * 81}, {"note": "\x1b[2J"}, {"pinned": "yes"}])
def test_a_label_that_makes_no_sense_is_refused(small, changes):
    with pytest.raises(ValueError, match=r"characters|true or false"):
        labels.edit_label("0" * 16, **changes)


def test_a_damaged_label_is_an_empty_one(small):
    labels.edit_label("0" * 16, name="x")
    paths.label_file("0" * 16).write_text('{"name": 5}')
    assert labels.read_label("0" * 16) == labels.Label()


def test_delete_and_undo(small):
    run = obtain(small)[0]
    place = space.delete_run(run.run_id)
    assert find_run(run.run_id) is None
    assert [one.place for one in space.list_trash()] == [place]
    assert space.restore_run(place) == run
    assert find_run(run.run_id) == run
    with pytest.raises(RunError, match="no longer in the trash"):
        space.restore_run(place)


def test_a_pinned_run_cannot_be_deleted(small):
    run = obtain(small)[0]
    labels.edit_label(run.run_id, pinned=True)
    with pytest.raises(RunError, match="pinned"):
        space.delete_run(run.run_id)


@pytest.mark.parametrize("place", ["../runs", "0" * 16 + "-x", "../../x-1", ""])
def test_nothing_but_deleted_runs_comes_out_of_the_trash(place):
    with pytest.raises(RunError):
        space.restore_run(place)


def old(run_id: str, age: float) -> None:
    """Make a run look as if it was used so many seconds ago."""
    then = time.time() - age
    os.utime(paths.used_file(run_id), (then, then))


def test_the_clean_up_removes_what_was_used_longest_ago_and_never_a_pinned_or_used_run(small):
    runs = [obtain(small.replace(seed=seed))[0] for seed in range(5)]
    ids = [run.run_id for run in runs]
    size = run_size(runs[0])
    for run_id, age in zip(ids, (5000, 4000, 3000, 2000, 5), strict=True):
        old(run_id, age)
    labels.edit_label(ids[0], pinned=True)
    assert space.clean_up(limit=4 * size + 100) == [ids[1]]
    assert space.clean_up(keep=ids[2], limit=0) == [ids[3]]
    assert sorted(own_runs()) == sorted([ids[0], ids[2], ids[4]])


def test_the_clean_up_empties_the_trash_first(small):
    runs = [obtain(small.replace(seed=seed))[0] for seed in range(2)]
    old(runs[0].run_id, 5000)
    space.delete_run(runs[1].run_id)
    assert space.clean_up(limit=run_size(runs[0])) == []
    assert space.list_trash() == []
    assert own_runs() == [runs[0].run_id]


def test_the_limit_holds_after_a_training(small, monkeypatch):
    run = obtain(small)[0]
    old(run.run_id, 5000)
    monkeypatch.setenv("SRNN_CACHE_LIMIT", str(int(1.5 * run_size(run))))
    newer = obtain(small.replace(seed=1))[0]
    assert own_runs() == [newer.run_id]


def test_space_says_what_is_taken(small):
    run = obtain(small)[0]
    place = space.delete_run(obtain(small.replace(seed=1))[0].run_id)
    used = space.space()
    assert used.runs == run_size(run)
    assert used.trash > 0 and used.total >= used.runs + used.trash
    assert space.empty_trash() >= used.trash
    with pytest.raises(RunError):
        space.restore_run(place)


def test_settings_are_kept_and_checked(monkeypatch):
    monkeypatch.delenv("SRNN_JOBS", raising=False)
    assert settings.worker_limit() >= 1
    settings.change_settings(jobs=3, cache_limit=5_000_000)
    assert (settings.worker_limit(), settings.cache_limit()) == (3, 5_000_000)
    with pytest.raises(ValueError, match="1 to 256"):
        settings.change_settings(jobs=0)
    paths.settings_file().write_text('{"jobs": "many"}')
    assert settings.read_settings() == settings.Settings()


def test_the_estimate_of_disk_is_about_what_a_run_takes(small):
    config = small.replace(epochs=20)
    taken = run_size(obtain(config)[0])
    assert 0.8 * taken < run_bytes(config) < 1.3 * taken


def test_an_estimate_grows_with_the_work(small):
    short, long = estimate(small), estimate(small.replace(epochs=3000))
    assert 0 < short.seconds < long.seconds
    assert short.disk_bytes < long.disk_bytes
    assert not short.problems


def test_an_impossible_request_is_refused_with_the_numbers():
    huge = make_config(neurons=64, width=1024, depth=12)
    with pytest.raises(ImpossibleError, match=r"needs about [\d.]+ TB of memory, .* are free"):
        refuse_impossible(huge)
    with pytest.raises(ImpossibleError):
        obtain(huge)
    assert estimate(huge).problems


def test_a_request_that_takes_too_long_is_refused_with_the_numbers(monkeypatch):
    monkeypatch.setattr("srnn.estimate.LONGEST", 86_400.0)
    slow = make_config(neurons=16, width=60, epochs=100_000, snapshot_every=100_000)
    with pytest.raises(ImpossibleError, match=r"about \d+ days, more than the 1 that are accepted"):
        refuse_impossible(slow)


def test_a_full_disk_is_seen_beforehand(small, monkeypatch):
    usage = SimpleNamespace(free=1000)
    monkeypatch.setattr("srnn.estimate.shutil.disk_usage", lambda _: usage)
    with pytest.raises(ImpossibleError, match=r"1\.0 kB are free on the disk"):
        obtain(small)


def test_sizes_in_words():
    assert [human(size) for size in (12, 1500, 2.5e9)] == ["12 bytes", "1.5 kB", "2.5 GB"]


def test_a_long_history_is_memory_mapped_and_still_checked(small, monkeypatch):
    run, _ = obtain(small)
    whole = np.array(run.snapshots)
    monkeypatch.setattr("srnn.store.run.KEEP_BYTES", 1000)
    mapped = get_run(run.run_id).snapshots
    assert isinstance(mapped, np.memmap)
    assert np.array_equal(mapped, whole)
    again = get_run(run.run_id)
    with (run.path / "snapshots.npy").open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    with pytest.raises(RunError, match="checksum"):
        _ = again.snapshots


def test_a_run_whose_engine_does_not_work_here_is_trained_anew(small, monkeypatch):
    first, _ = obtain(small, "manual")
    monkeypatch.setattr(sys.modules["srnn.jobs.obtain"], "available", lambda name: name != "manual")
    longer, cached = obtain(small.replace(epochs=4), "autograd")
    assert not cached
    assert longer.info["engine"] == "autograd"
    assert longer.info["continued_from"] is None
    assert first.info["engine"] == "manual"
