"""The runs: one folder each, whole or not there; and what people do with them."""

import json
import os
import re
import time
from types import SimpleNamespace

import faults
import numpy as np
import pytest

from srnn import paths
from srnn.config import make_config
from srnn.estimate import ImpossibleError, estimate, refuse_impossible, run_bytes
from srnn.files import human
from srnn.runs import (
    RunError,
    find_run,
    get_run,
    labels,
    library,
    list_all,
    list_runs,
    obtain,
    open_run,
    settings,
    space,
)
from srnn.runs.record import FormatError, check_contents, parse, render, seal
from srnn.runs.run import differences


def own_runs() -> list[str]:
    return [run.run_id for run in list_runs() if not run.bundled]


def check(run):
    """Hold a run's files against everything that is checked of a stranger's."""
    check_contents(parse(render(run.record)), {name: run.read(name) for name in run.record.files})


def rewrite(run, **changes) -> None:
    """Change run.json as a forger would, with its seal made right again."""
    values = json.loads((run.path / "run.json").read_text()) | changes
    values["seal"] = seal(values)
    (run.path / "run.json").write_text(json.dumps(values))


def test_a_run_is_read_as_it_was_trained(small):
    run, cached = obtain(small)
    again, cached_again = obtain(small)
    assert (cached, cached_again) == (False, True)
    assert again == run
    assert again.config == small
    assert again.snapshots.shape == (4, small.particle_weights, run.record.particles)
    assert again.records["epoch"].tolist() == [0, 1, 2, 3]
    assert again.record.results.test_accuracy == again.records["test_accuracy"].iloc[-1]
    assert not again.snapshots.flags.writeable
    assert np.array_equal(again.state.weights, again.snapshots[-1])
    assert sorted(path.name for path in run.path.iterdir()) == [
        "records.csv",
        "run.json",
        "snapshots.f32",
        "state-3.f32",
    ]


def test_its_own_files_pass_the_checks_for_a_strangers(small):
    check(obtain(small)[0])


def test_a_run_with_a_settling_end_passes_the_checks_too(small):
    check(obtain(small.replace(settle_epochs=1))[0])


def test_a_diverged_run_passes_the_checks_too():
    config = make_config(
        dataset="digits", neurons=3, depth=3, width=4, batch_size=100, epochs=3, lr=10.0
    )
    run = obtain(config)[0]
    assert run.stopped and "diverged in epoch 1" in run.stopped
    check(run)
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
    check(run)
    assert run.stopped is None
    assert run.record.divergences
    word = {"reinitialise": "re-initialised", "freeze": "frozen at zero"}[policy]
    form = rf"particle L\d+_C\d+_W\d+ diverged in epoch \d, step \d+: it was {word}"
    assert all(re.fullmatch(form, text) for text in run.record.divergences)
    assert np.isfinite(run.weights).all()


def test_the_bundled_runs_are_whole():
    runs = [run for run in list_runs() if run.bundled]
    assert runs
    for run in runs:
        check(open_run(run.path))


def test_a_run_says_with_what_it_was_trained_and_two_can_be_compared(small):
    run, other = obtain(small, "manual")[0], obtain(small.replace(seed=1), "fused")[0]
    assert run.record.provenance.torch.startswith("2.")
    assert "engine manual" in run.origin and run.record.provenance.processor in run.origin
    found = differences(run, other)
    assert found[0] == "engine: manual and fused"
    assert [text.split(":")[0] for text in found] == ["engine", "numba"]
    assert differences(run, run) == []


@pytest.mark.parametrize("key", ["seconds", "stopped", "engine"])
def test_an_edit_of_run_json_by_hand_is_seen(small, key):
    run = obtain(small)[0]
    info = json.loads((run.path / "run.json").read_text())
    info[key] = {"seconds": 1.5, "stopped": "no", "engine": "x"}[key]
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


def test_a_run_of_the_older_format_is_refused_in_one_line_set_aside_and_trained_again(small):
    run = obtain(small)[0]
    (run.path / "run.json").write_text('{"schema": 1, "run_id": "x"}')
    (damaged,) = list_all()[1]
    assert "run.json is of format 1, this program reads 2; train it again" in damaged.reason
    with pytest.raises(RunError, match="of format 1"):
        get_run(run.run_id)
    assert obtain(small)[1] is False


@pytest.mark.parametrize(
    "changes",
    [
        {"finished": 1e20},
        {"finished": -1.0},
        {"finished": True},
        {"finished": "today"},
        {"seconds": 1e300},
        {"particles": 10**30},
        {"inputs": 0},
        {"divergences": [1]},
        {"stopped": "x" * 501},
        {"engine": "<script>"},
        {"config": {}},
        {"config": []},
        {"files": {}},
        {"results": {"epochs": 3, "test_accuracy": 2.0, "types": {}}},
        {"provenance": None},
        {"surprise": 1},
    ],
    ids=str,
)
def test_a_run_with_a_value_out_of_range_is_listed_as_damaged_with_the_reason(small, changes):
    run = obtain(small)[0]
    rewrite(run, **changes)
    assert own_runs() == []
    (damaged,) = list_all()[1]
    assert damaged.name == run.run_id
    assert "run.json" in damaged.reason
    assert find_run(run.run_id) is None


@pytest.mark.parametrize("number", ["1" + "0" * 400, "-1" + "0" * 400, "1e999", "NaN"])
def test_a_number_that_nothing_can_hold_is_damage_not_a_crash(small, number):
    run = obtain(small)[0]
    text = (run.path / "run.json").read_text()
    (run.path / "run.json").write_text(re.sub(r'"finished": [\d.]+', f'"finished": {number}', text))
    assert [damaged.name for damaged in list_all()[1]] == [run.run_id]


def test_half_a_character_in_a_setting_is_refused_wherever_it_comes_from(small):
    run = obtain(small)[0]
    text = (run.path / "run.json").read_text()
    (run.path / "run.json").write_text(text.replace('"digits"', '"dig\\ud800its"'))
    (damaged,) = list_all()[1]
    assert "hex escape" in damaged.reason


def test_what_is_no_run_among_the_runs_is_listed_with_a_printable_name(small):
    obtain(small)
    for name in (b"\xff\xfe", b"..hidden", b"0123456789abcdef\n", "ärger".encode()):
        os.mkdir(os.path.join(os.fsencode(paths.runs_folder()), name))  # noqa: PTH102, PTH118
    (paths.runs_folder() / "a file").touch()
    names = [damaged.name for damaged in list_all()[1]]
    assert len(names) == 5
    assert all(name.encode() for name in names)
    assert len(own_runs()) == 1


def test_a_linked_run_folder_is_damaged_and_nothing_behind_it_is_touched(small, tmp_path):
    run = obtain(small)[0]
    elsewhere = tmp_path / "elsewhere"
    run.path.rename(elsewhere)
    run.path.symlink_to(elsewhere)
    before = {path.name: path.read_bytes() for path in elsewhere.iterdir()}
    assert "is a link" in list_all()[1][0].reason
    again, cached = obtain(small)
    assert not cached and not again.path.is_symlink()
    assert {path.name: path.read_bytes() for path in elsewhere.iterdir()} == before


def test_a_link_in_the_place_of_a_file_of_a_run_is_not_written_through(small, tmp_path):
    foreign = tmp_path / "foreign"
    foreign.write_text("mine")
    names = ("records.csv", "snapshots.f32", "state-0.f32", "run.json", "lock")
    for seed, name in enumerate(names):
        folder = paths.run_folder(small.replace(seed=seed).run_id)
        folder.mkdir(parents=True)
        (folder / name).symlink_to(foreign)
        with faults.anything():
            obtain(small.replace(seed=seed))
        assert foreign.read_text() == "mine", name


def test_files_are_readable_for_others_as_the_umask_says(small):
    before = os.umask(0o022)
    try:
        run = obtain(small)[0]
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in run.path.iterdir()} == {0o644}
    assert run.path.stat().st_mode & 0o777 == 0o755


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


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"note": "\x1b[2J"}, "control characters"),
        ({"name": "\ud800"}, "control characters"),
        ({"pinned": "yes"}, "pinned: Input should be a valid boolean"),
    ],
)
def test_a_label_that_makes_no_sense_is_refused(changes, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        labels.edit_label("0" * 16, **changes)


@pytest.mark.parametrize("text", ['{"name": 5}', '{"name": "\\ud800"}', "[]", ""])
def test_a_damaged_label_is_an_empty_one(text):
    labels.edit_label("0" * 16, name="x")
    paths.label_file("0" * 16).write_text(text)
    assert labels.read_label("0" * 16) == labels.Label()


def test_delete_and_undo(small):
    run = obtain(small)[0]
    place = space.delete_run(run.run_id)
    assert find_run(run.run_id) is None
    assert [one.place for one in space.list_trash()] == [place]
    assert space.list_trash()[0].name == run.description
    assert space.restore_run(place) == run
    assert find_run(run.run_id) == run
    with pytest.raises(RunError, match="no longer in the trash"):
        space.restore_run(place)


def test_a_pinned_run_cannot_be_deleted(small):
    run = obtain(small)[0]
    labels.edit_label(run.run_id, pinned=True)
    with pytest.raises(RunError, match="pinned"):
        space.delete_run(run.run_id)


@pytest.mark.parametrize("place", ["../runs", "0" * 16 + "-x", "../../x-1", "", "0" * 16 + "-²"])
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
    for run_id, age in zip(ids, (5000, 4000, 3000, 2000, 5), strict=True):
        old(run_id, age)
    labels.edit_label(ids[0], pinned=True)
    assert space.clean_up(limit=4 * runs[0].size + 100) == [ids[1]]
    assert space.clean_up(keep=ids[2], limit=0) == [ids[3]]
    assert sorted(own_runs()) == sorted([ids[0], ids[2], ids[4]])


def test_neither_listing_and_reading_nor_a_clock_in_the_future_keeps_a_run_from_the_clean_up(small):
    ids = [obtain(small.replace(seed=seed))[0].run_id for seed in range(2)]
    old(ids[0], 5000)
    old(ids[1], -1e6)
    for run in list_runs():
        assert len(run.records) and run.snapshots.size
        assert find_run(run.run_id) == run
    assert set(space.clean_up(limit=0)) == set(ids)


def test_the_clean_up_empties_the_trash_first(small):
    runs = [obtain(small.replace(seed=seed))[0] for seed in range(2)]
    old(runs[0].run_id, 5000)
    space.delete_run(runs[1].run_id)
    assert space.clean_up(limit=runs[0].size) == []
    assert space.list_trash() == []
    assert own_runs() == [runs[0].run_id]


def test_the_limit_holds_after_a_training(small, monkeypatch):
    run = obtain(small)[0]
    old(run.run_id, 5000)
    monkeypatch.setenv("SRNN_CACHE_LIMIT", str(int(1.5 * run.size)))
    newer = obtain(small.replace(seed=1))[0]
    assert own_runs() == [newer.run_id]


def test_space_says_what_is_taken(small):
    run = obtain(small)[0]
    place = space.delete_run(obtain(small.replace(seed=1))[0].run_id)
    used = space.space()
    assert used.runs == sum(
        path.stat().st_size for path in run.path.iterdir() if path.name != "run.json"
    )
    assert used.trash > 0 and used.total >= used.runs + used.trash
    assert space.empty_trash() >= used.trash
    with pytest.raises(RunError):
        space.restore_run(place)


def test_settings_are_kept_and_checked(monkeypatch):
    monkeypatch.delenv("SRNN_JOBS", raising=False)
    assert settings.worker_limit() >= settings.worker_limit(background=True) >= 1
    settings.change_settings(jobs=3, cache_limit=5_000_000)
    assert settings.worker_limit() == settings.worker_limit(background=True) == 3
    assert settings.cache_limit() == 5_000_000
    with pytest.raises(ValueError, match="jobs: Input should be greater than or equal to 1"):
        settings.change_settings(jobs=0)


@pytest.mark.parametrize("text", ['{"jobs": "many"}', '{"jobs": 1e400}', "[1]", '{"x": 1}'])
def test_damaged_settings_are_the_default_ones(text):
    settings.change_settings(jobs=3)
    paths.settings_file().write_text(text)
    assert settings.read_settings() == settings.Settings()


def test_a_pipe_in_the_place_of_a_file_of_the_cache_does_not_hang(cache, small):
    run_id = small.run_id
    names = ("settings.json", "index.json", "journal.txt", f"labels/{run_id}.json", "slots/x")
    for name in (*names, f"used/{run_id}", "locks/clean-up.lock"):
        (cache / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(cache / name)
    library._seen.clear()
    assert settings.read_settings() == settings.Settings()
    run, _ = obtain(small)
    assert list_runs()[0] == run and run.name == run.description and space.space().runs
    with pytest.raises(OSError, match=r"."):
        space.clean_up(limit=0)


def test_listing_remembers_what_has_not_changed_and_sees_what_has(small, monkeypatch):
    runs = [obtain(small.replace(epochs=1, seed=seed))[0] for seed in range(25)]
    paths.index_file().unlink(missing_ok=True)
    library._seen.clear()
    assert len(own_runs()) == 25  # this one writes the index
    library._seen.clear()
    opened = []
    real = library.open_run
    monkeypatch.setattr(
        library, "open_run", lambda folder, **given: opened.append(folder) or real(folder, **given)
    )
    assert len(own_runs()) == 25
    assert [folder for folder in opened if folder.parent == paths.runs_folder()] == []
    rewrite(runs[3], seconds=77.0)
    found = {run.run_id: run.record.seconds for run in list_runs()}
    assert found[runs[3].run_id] == 77.0


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": [[1, 2, 3, 4], {}]}'])
def test_a_damaged_index_is_made_anew(small, text):
    run = obtain(small)[0]
    paths.index_file().write_text(text)
    library._seen.clear()
    assert own_runs() == [run.run_id]


def test_the_estimate_of_disk_is_about_what_a_run_takes(small):
    config = small.replace(epochs=20)
    taken = obtain(config)[0].size
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
    monkeypatch.setattr("srnn.files.shutil.disk_usage", lambda _: usage)
    with pytest.raises(ImpossibleError, match=r"1\.0 kB are free on the disk"):
        obtain(small)


def test_sizes_in_words():
    assert [human(size) for size in (12, 1500, 2.5e9)] == ["12 bytes", "1.5 kB", "2.5 GB"]


def test_a_long_history_is_memory_mapped_and_still_checked(small, monkeypatch):
    run, _ = obtain(small)
    whole = np.array(run.snapshots)
    monkeypatch.setattr("srnn.runs.run.KEEP_BYTES", 1000)
    read = []
    monkeypatch.setattr("srnn.runs.run.read_file", lambda path, most: read.append(path.name))
    assert np.array_equal(get_run(run.run_id).snapshots, whole)
    assert read == []
    again = get_run(run.run_id)
    with (run.path / "snapshots.f32").open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    with pytest.raises(RunError, match="checksum"):
        _ = again.snapshots


def test_an_unknown_engine_is_refused_even_where_the_run_is_cached(small):
    obtain(small)
    with pytest.raises(ValueError, match="unknown engine 'nope'"):
        obtain(small, "nope")


def continued(small, engine: str = "manual") -> str | None:
    """What a longer run says that it was continued from."""
    return obtain(small.replace(epochs=4), engine)[0].record.continued_from


def test_a_longer_run_goes_on_from_a_shorter_one_with_the_same_bits(small, tmp_path):
    run = obtain(small, "manual")[0]
    assert continued(small) == run.run_id
    longer = get_run(small.replace(epochs=4).run_id)
    assert len(longer.records) == 5 and longer.snapshots.size
    with faults.using(tmp_path / "other"):
        anew = obtain(small.replace(epochs=4), "manual")[0]
        assert anew.record.continued_from is None
        assert anew.record.files == longer.record.files


def test_training_never_goes_on_from_a_run_of_another_engine(small):
    obtain(small, "autograd")
    assert continued(small) is None


def test_training_never_goes_on_from_a_run_whose_engine_does_not_work_here(small, monkeypatch):
    obtain(small, "manual")
    monkeypatch.setattr("srnn.engines.available", lambda name: name != "manual")
    assert continued(small, "autograd") is None


@pytest.mark.parametrize("key", ["package", "torch", "numpy", "processor"])
def test_training_never_goes_on_from_a_run_of_other_versions_or_another_processor(small, key):
    run = obtain(small, "manual")[0]
    rewrite(run, provenance=run.record.provenance.model_dump() | {key: "another"})
    assert continued(small) is None


def test_another_python_alone_does_not_matter(small):
    run = obtain(small, "manual")[0]
    rewrite(run, provenance=run.record.provenance.model_dump() | {"python": "3.99"})
    assert continued(small) == run.run_id


def test_a_record_is_checked_in_full_whatever_it_claims(small):
    run = obtain(small)[0]
    for changes in ({"epochs": 2}, {"epochs": 4}):
        values = run.record.model_dump()
        values["results"] |= changes
        with pytest.raises(FormatError):
            parse(json.dumps(values | {"seal": seal(values)}).encode())
