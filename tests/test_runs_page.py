"""The Runs page: what it lists, and what its buttons do."""

import gc
import io
from urllib.parse import parse_qsl

import faults
import pytest
from app_pages import calm, open_page
from streamlit.testing.v1 import AppTest

from srnn.runs import find_run, jobs, labels, list_runs, obtain, space
from srnn.runs.share import export_bytes


def open_runs(run_id: str | None = None) -> AppTest:
    return open_page("pages/runs.py", run_id)


def click(test: AppTest, key: str) -> AppTest:
    return calm(test.button(key=key).click().run())


def waiting(config, state: str = "queued") -> str:
    """A job in the files, that no worker takes."""
    folder = jobs.ask(config, "auto", queue=False)
    (folder / state).touch()
    return config.run_id


def text(test: AppTest) -> str:
    return "\n".join(element.value for element in (*test.markdown, *test.error, *test.warning))


def test_a_run_is_renamed_noted_and_pinned_and_its_name_is_shown_as_typed(small):
    run = obtain(small)[0]
    test = open_runs(run.run_id)
    test.text_input[1].set_value("<b>x</b> *y*")
    test.text_area[0].set_value("why")
    next(box for box in test.checkbox if box.label == "Pin").check()
    next(button for button in test.button if button.label == "Save").click().run()
    label = labels.read_label(run.run_id)
    assert (label.name, label.note, label.pinned) == ("<b>x</b> *y*", "why", True)
    assert test.dataframe[0].value["Name"].tolist()[0] == "<b>x</b> *y*"
    assert test.button(key=f"delete-{run.run_id}").disabled
    assert test.selectbox(key="runs_chosen").value == run.run_id  # still the one that is shown


def test_marked_runs_are_compared_and_deleted_together(small):
    runs = [obtain(small.replace(seed=seed, epochs=1))[0] for seed in range(2)]
    test = open_runs(runs[0].run_id)
    table = test.dataframe[0].value
    assert sorted(table["Seed"].tolist())[-2:] == [0, 1] and set(table["Alpha"]) == {100.0}
    assert (table["Replicators"] + table["Left"] > 0).all()
    test.session_state["runs_marked"] = [run.run_id for run in runs]
    test.run()
    links = {
        one.proto.label: dict(parse_qsl(one.proto.query_string)) for one in test.get("page_link")
    }
    assert links["Compare these 2 runs"]["compared"] == ",".join(run.run_id for run in runs)
    test.button(key="delete-marked").click().run()
    assert not test.exception
    assert not {run.run_id for run in runs} & {run.run_id for run in list_runs()}


def test_delete_can_be_undone(small):
    run_id = obtain(small)[0].run_id
    test = click(open_runs(run_id), f"delete-{run_id}")
    assert find_run(run_id) is None
    assert "Deleted: " in text(test)
    click(test, "undo_delete")
    assert find_run(run_id) is not None
    click(test, "empty_trash")
    assert space.list_trash() == []


def test_jobs_are_listed_with_their_states_and_can_be_cancelled_resumed_and_removed(
    small, monkeypatch
):
    monkeypatch.setattr("srnn.runs.worker.ensure_workers", lambda: 0)
    monkeypatch.setattr("ui.live.ensure_workers", lambda: 0)
    monkeypatch.setattr("srnn.runs.ensure_workers", lambda: 0)
    run_id = waiting(small)
    failed = waiting(small.replace(seed=1), "failed")
    test = open_runs(run_id)
    states = dict(test.dataframe[0].value[["Run", "State"]].itertuples(index=False))
    assert (states[run_id], states[failed]) == ("queued", "failed")
    click(test, f"cancel-{run_id}")
    assert jobs.read_job(run_id).state == "cancelled"
    click(test, f"Retry-{run_id}")
    assert jobs.read_job(run_id).state == "queued"
    click(test, f"cancel-{run_id}")
    click(test, f"Remove-{run_id}")
    assert jobs.read_job(run_id) is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("Finished", {"finished", "bundled"}), ("Stopped or failed", {"failed", "diverged"})],
)
def test_the_filters_filter(small, kind, expected):
    obtain(small)
    obtain(small.replace(lr=10.0))
    waiting(small.replace(seed=1), "failed")
    test = open_runs()
    test.segmented_control(key="runs_kind").set_value(kind).run()
    assert not test.exception
    assert set(test.dataframe[0].value["State"]) == expected
    test.text_input[0].set_value("no run is called this").run()
    assert test.dataframe[0].value.empty


def test_a_damaged_run_is_named_with_the_reason(small):
    run = obtain(small)[0]
    (run.path / "records.csv").write_text("epoch\n")
    test = open_runs()
    assert "records\\.csv has 6 bytes" in text(test)
    test = open_runs(run.run_id)
    assert not test.exception


def test_a_shared_run_is_imported_and_a_bad_one_refused_in_words(small, tmp_path, monkeypatch):
    with faults.using(tmp_path / "theirs"):
        run = obtain(small)[0]
        data = export_bytes(run)
    for content, expected in ((data[:100], "not a zip file"), (data, None)):
        upload = io.BytesIO(content)
        upload.name = "run.zip"
        monkeypatch.setattr("streamlit.file_uploader", lambda *_, upload=upload, **__: upload)
        test = click(open_runs(), "import_run")
        if expected:
            assert expected in text(test)
            assert find_run(run.run_id) is None
    assert find_run(run.run_id) is not None


def test_settings_are_changed_on_the_page(small, monkeypatch):
    monkeypatch.delenv("SRNN_JOBS", raising=False)
    from srnn.runs.settings import read_settings

    obtain(small)
    test = open_runs()
    next(field for field in test.number_input if "GB" in field.label).set_value(2.0)
    [button for button in test.button if button.label == "Save"][-1].click().run()
    assert not test.exception
    assert read_settings().cache_limit == 2_000_000_000


def test_nothing_trained_yet_says_what_to_do(monkeypatch, tmp_path):
    from srnn import paths

    monkeypatch.setattr(paths, "BUNDLED_RUNS", tmp_path / "none")
    assert any("Nothing has been trained yet" in info.value for info in open_runs().info)


def test_a_page_on_a_read_only_cache_shows_runs_and_refuses_changes_in_words(small, monkeypatch):
    run_id = obtain(small)[0].run_id
    test = open_runs(run_id)

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("pathlib.Path.rename", refuse)
    click(test, f"delete-{run_id}")
    assert "it is read\\-only" in text(test)
    assert find_run(run_id) is not None


def test_what_was_imported_is_not_walked_through_after_every_rerun():
    open_runs()
    assert gc.get_freeze_count() > 100_000
