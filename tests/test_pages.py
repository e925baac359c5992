"""Every page through ``app.py``: it opens, answers one interaction, and never shows a trace."""

import io
import re
import time
from pathlib import Path
from urllib.parse import parse_qsl

import pandas as pd
import pytest
import torch
from app_pages import alone, calm, open_page, words
from sets import write_set
from streamlit.testing.v1 import AppTest

from srnn import paths
from srnn.analysis.settle import settle
from srnn.config import RunConfig
from srnn.figures.style import percent
from srnn.fixpoints import classify
from srnn.lineage import pack, unpack
from srnn.runs import Run, obtain, read_job
from srnn.runs.jobs import ask
from srnn.vocabulary import is_replicator
from ui.charts import csv
from ui.menu import LABELS
from ui.text import duration, escape

ABOUT_A_RUN = ("pages/trajectories.py", "pages/particle_types.py", "pages/connectivity.py")


@pytest.fixture
def no_bundled_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "BUNDLED_RUNS", tmp_path / "no-runs")


@pytest.fixture
def run(small: RunConfig) -> Run:
    return obtain(small)[0]


def address(app: AppTest) -> dict[str, str]:
    """The address's parameters."""
    return {
        name: text if isinstance(text, str) else text[0] for name, text in app.query_params.items()
    }


def strip(app: AppTest) -> str:
    """The strip of numbers above a run's pages, as plain text."""
    html = next(one.proto.body for one in app.get("html") if "<dl" in one.proto.body)
    plain = re.sub(r"<style>.*</style>|<[^>]*>", " ", html, flags=re.DOTALL)
    return re.sub("[ \\n]+", " ", plain).strip()


@pytest.mark.parametrize("file", LABELS)
def test_every_page_opens_through_the_overview(file: str, run: Run) -> None:
    app = open_page(file, run.run_id)
    assert app.title[0].value == ("MetaNet lab" if file == "app.py" else LABELS[file])
    assert not app.error


@pytest.mark.parametrize("file", LABELS)
def test_every_page_works_all_by_itself(file: str, run: Run) -> None:
    app = alone(file)
    assert app.title[0].value == ("MetaNet lab" if file == "app.py" else LABELS[file])


@pytest.mark.usefixtures("no_bundled_run")
@pytest.mark.parametrize("file", ABOUT_A_RUN)
def test_without_any_run_a_page_says_where_one_is_made(file: str) -> None:
    assert "No run is there yet" in words(open_page(file))


@pytest.mark.usefixtures("no_bundled_run")
def test_without_any_run_overview_and_train_open() -> None:
    assert "No run is there yet" in words(open_page("app.py"))
    assert "Nothing is being trained" in words(open_page("pages/train.py"))


@pytest.mark.parametrize(
    "changes",
    [
        {"lr": 10.0, "alpha": 1e4, "on_divergence": "stop"},
        {"epochs": 0},
        {"neurons": 1, "depth": 2, "width": 1, "residual": "none", "epochs": 1},
        {"residual": "pairs", "activation": "tanh", "epochs": 1},
    ],
    ids=["diverged", "one snapshot", "smallest", "with activation"],
)
@pytest.mark.parametrize("file", [*ABOUT_A_RUN, "pages/train.py"])
def test_unusual_runs_are_shown(file: str, changes: dict, small: RunConfig) -> None:
    run, _ = obtain(small.replace(**changes))
    app = open_page(file, run.run_id)
    assert not app.error
    if "lr" in changes:
        assert run.stopped, "this configuration was chosen to diverge"
        assert "Training ended early" in words(app)


def test_connectivity_opens_on_the_survivors_and_follows_its_controls(run: Run) -> None:
    app = open_page("pages/connectivity.py", run.run_id)
    types, total = run.record.results.types, run.record.particles
    dropped = types["zero"] + types["identity"]
    assert f"{dropped:,} of {total:,} connections" in words(app)
    assert f"from {percent(run.record.results.test_accuracy)} to" in words(app)  # before pruning
    app = open_page("pages/connectivity.py", run.run_id, keep="all")
    assert f"All {total:,} connections of epoch 3" in words(app)
    app = open_page("pages/connectivity.py", run.run_id, keep="all", epoch="0")
    assert f"All {total:,} connections of epoch 0" in words(app)


def test_epsilon_reclassifies_at_once_and_is_kept_across_pages(run: Run) -> None:
    app = open_page("pages/particle_types.py", run.run_id)
    app.select_slider(key="epsilon").set_value(1.0).run()
    total = run.record.particles
    assert f"{total:,} of {total:,} particles (100.0\u00a0%)" in words(app)
    app.segmented_control(key="view").set_value("lines").run()
    calm(app)
    app.switch_page("pages/trajectories.py").run()
    assert app.select_slider(key="epsilon").value == 1.0
    app.switch_page("pages/connectivity.py").run()
    assert "Epsilon 1e+00" in strip(app)


@pytest.mark.parametrize("fit", ["all", "layer", "particle"])
def test_trajectories_follow_fit_and_filters(fit: str, run: Run) -> None:
    app = open_page("pages/trajectories.py", run.run_id)
    app.segmented_control(key="fit").set_value(fit).run()
    if fit != "particle":  # whose paths lie side by side, not in a cube
        app.segmented_control(key="cube").set_value("epoch").run()
    app.segmented_control(key="map").set_value("movement").run()
    app.multiselect(key="layers").set_value([1]).run()
    calm(app)
    assert f"{4 * 4} of {4 * 4} particles are shown" in words(app)
    app.multiselect(key="types").set_value(["divergent"]).run()
    calm(app)


def test_the_strip_follows_epoch_and_epsilon(run: Run) -> None:
    app = open_page("pages/particle_types.py", run.run_id)
    total, types = run.record.particles, run.record.results.types
    both = types["zero"] + types["identity"]
    text = f"Replicators {both:,} {types['zero']:,} zero + {types['identity']:,} identity"
    assert text in strip(app)
    assert "Epoch 3 of 3" in strip(app)
    app.select_slider(key="epoch").set_value(0).run()
    assert f"Replicators 0 0 zero + 0 identity Survivors {total} of {total}" in strip(app)
    assert f"accuracy {percent(run.records['test_accuracy'].iloc[0])}" in strip(app)
    app.select_slider(key="epsilon").set_value(1.0).run()
    assert f"Replicators {total}" in strip(app)
    assert "Epoch 0 of 3 Epsilon 1e+00" in strip(app)


def test_a_settled_network_is_counted_measured_and_drawn_anew(run: Run) -> None:
    app = open_page("pages/connectivity.py", run.run_id)
    before = strip(app)
    app.selectbox(key="settled").set_value(100).run()
    calm(app)
    weights = settle(run.weights, run.config, [100])[0]
    kinds = classify(torch.from_numpy(weights), torch.from_numpy(run.encoding))
    both = int(is_replicator(kinds).sum())
    assert f"Replicators {both:,} " in strip(app) and "Settled 100 steps" in strip(app)
    assert f"settled for 100 steps **{both:,} of {len(kinds):,} connections**" in words(app)
    app.selectbox(key="settled").set_value(0).run()
    assert strip(app) == before


@pytest.mark.parametrize("file", ABOUT_A_RUN)
def test_a_link_restores_the_view_on_every_page(file: str, run: Run) -> None:
    view = {"run": run.run_id, "epoch": "1", "epsilon": "0.002", "picked": "3-5,9", "nonsense": "x"}
    app = alone(file, **view)
    assert "Epoch 1 of 3 Epsilon 2e-03" in strip(app)
    links = [one.proto.query_string for one in app.get("page_link")]
    del view["nonsense"]
    assert all(dict(parse_qsl(link)) == view for link in links)


def test_an_address_that_cannot_be_read_gives_the_defaults(run: Run) -> None:
    for epoch, epsilon in (("many", "nan"), ("-4", "2"), ("9" * 400, "")):
        app = alone(ABOUT_A_RUN[0], run=run.run_id, epoch=epoch, epsilon=epsilon)
        shown = 0 if epoch == "-4" else 3
        assert f"Epoch {shown} of 3 Epsilon 1e-05" in strip(app)


def test_a_selection_is_short_in_the_address_and_comes_back() -> None:
    assert pack([12, 3, 5, 4, 7]) == "3-5,7,12"
    assert unpack("3-5,7,12", 100) == (3, 4, 5, 7, 12)
    assert unpack("5-99999999999,-3,x,2-", 7) == (2, 5, 6)
    assert unpack(pack([]), 7) == ()


def test_the_run_is_kept_across_pages_and_in_the_address(run: Run, small: RunConfig) -> None:
    other, _ = obtain(small.replace(seed=1))
    app = open_page("pages/connectivity.py", run.run_id)
    app.selectbox(key="run").set_value(other.run_id).run()
    assert app.query_params["run"] in (other.run_id, [other.run_id])
    del app.query_params["run"]
    app.switch_page("pages/particle_types.py").run()
    assert app.selectbox(key="run").value == other.run_id


@pytest.mark.parametrize("file", ABOUT_A_RUN)
@pytest.mark.parametrize("asked", ["f" * 16, "../../etc", "*bold* <b>"])
def test_an_unknown_run_in_the_address_is_said_and_nothing_else(
    file: str, asked: str, run: Run
) -> None:
    app = open_page(file, asked)
    assert "There is no run" in app.error[0].value
    assert escape(asked) in app.error[0].value
    app.selectbox(key="run").set_value(run.run_id).run()
    assert not app.error


def test_a_damaged_run_is_said_with_what_to_do(run: Run) -> None:
    snapshots = run.path / "snapshots.f32"
    snapshots.write_bytes(snapshots.read_bytes()[:-8])
    app = open_page("pages/connectivity.py", run.run_id)
    assert "train" in app.error[0].value


def test_train_in_the_background_then_the_same_again_loads_at_once() -> None:
    app = open_page("pages/train.py")
    app.select_slider(key="set_epochs").set_value(3).run()
    app.button(key="train").click().run()
    calm(app)
    until = time.monotonic() + 60
    while not app.success and time.monotonic() < until:
        time.sleep(0.3)
        app.run()
        calm(app)
    assert "Trained in" in app.success[0].value
    assert "Epoch 3 of 3" in strip(app)
    app.button(key="train").click().run()
    assert "loaded at once" in app.success[0].value
    second = open_page("pages/train.py", address(app)["run"])  # another browser
    assert strip(second) == strip(app)


def test_presets_and_recipes_set_the_controls() -> None:
    app = open_page("pages/train.py")
    app.selectbox(key="set_preset").set_value("log-h8-residual").run()
    assert (app.select_slider(key="set_neurons").value, app.selectbox(key="set_dataset").value) == (
        8,
        "mnist",
    )
    app.selectbox(key="set_recipe").set_value("2022-03").run()
    assert app.number_input(key="set_lr").value == 0.004
    assert app.selectbox(key="set_preset").value == "paper-2022-03"  # which is just that
    app.number_input(key="set_lr").set_value(0.01).run()
    assert app.selectbox(key="set_preset").value is None
    assert app.number_input(key="set_replication_lr").value == 0.01
    app.number_input(key="exact_alpha").set_value(77.0).run()
    assert app.select_slider(key="set_alpha").value == 77.0
    app.switch_page("app.py").run()
    app.switch_page("pages/train.py").run()
    assert app.select_slider(key="set_alpha").value == 77.0
    calm(app)


def test_settings_and_the_run_shown_always_agree(run: Run, small: RunConfig) -> None:
    app = open_page("pages/train.py", run.run_id)
    assert app.number_input(key="set_width").value == small.width
    assert app.select_slider(key="set_epochs").value == small.epochs
    assert strip(app)
    app.select_slider(key="set_alpha").set_value(300.0).run()
    assert "A copy of" in app.info[0].value and "100 → 300" in app.info[0].value
    assert not [one for one in app.get("html") if "<dl" in one.proto.body]  # no run is shown
    link = address(app)
    assert link["base"] == run.run_id and "run" not in link
    other = alone("pages/train.py", **link)
    assert other.select_slider(key="set_alpha").value == 300.0  # a link restores the copy, too
    assert other.number_input(key="set_width").value == small.width
    other.select_slider(key="set_alpha").set_value(100.0).run()
    assert address(other)["run"] == run.run_id and strip(other)  # itself again


def test_a_copy_is_trained_over_the_curves_of_the_old_run(run: Run, small: RunConfig) -> None:
    app = open_page("pages/train.py", run.run_id)
    app.button(key="copy").click().run()
    app.number_input(key="set_seed").set_value(5).run()
    obtain(small.replace(seed=5))
    app.button(key="train").click().run()
    calm(app)
    assert address(app)["run"] == small.replace(seed=5).run_id
    assert address(app)["base"] == run.run_id
    assert app.number_input(key="set_seed").value == 5
    assert "Pale: the run that this is a copy of" in words(app)


@pytest.mark.parametrize(
    "changes", ["{", "[]", '{"alpha": "x"}', '{"alpha": -1}', '{"dataset": "/etc"}', '{"no": 1}']
)
def test_changes_in_an_address_that_make_no_settings_are_left_out(changes: str) -> None:
    app = alone("pages/train.py", changes=changes)
    assert app.selectbox(key="set_preset").value == "quick"


def test_own_data_are_checked_shown_and_trained_on(cache: Path) -> None:
    app = open_page("pages/train.py")
    app.file_uploader[0].upload("bad.csv", b"a,b,y\n1,x,0\n" * 20, "text/csv").run()
    assert "cannot be used" in app.error[0].value
    rows = "\n".join(f"{i},{i % 7},{i % 2}" for i in range(40))
    app.file_uploader[0].upload("mine.csv", f"a,b,y\n{rows}".encode(), "text/csv").run()
    calm(app)
    assert "32 training and 8 test images" in words(app).replace("\\", "")
    app.button(key="use-data").click().run()
    calm(app)
    assert str(app.selectbox(key="set_dataset").value).startswith(str(cache / "data" / "mine-"))
    assert not app.button(key="train").disabled


def test_a_folder_that_is_not_there_is_said_before_anything_starts() -> None:
    app = open_page("pages/train.py")
    app.selectbox(key="set_dataset").set_value("a folder of IDX files").run()
    assert "path of the folder" in app.error[0].value
    app.text_input(key="set_folder").set_value("/no/such *folder*").run()
    assert escape("no such data set") in app.error[0].value
    assert "*folder*" not in app.error[0].value.replace("\\*", "")
    assert app.button(key="train").disabled


@pytest.mark.parametrize("state", ["failed", "cancelled", "running"])
def test_a_training_that_ended_badly_shows_why_and_can_go_on(
    state: str, small: RunConfig, cache: Path
) -> None:
    folder = paths.run_folder(small.run_id)
    ask(small, "auto", queue=False)
    if state != "running":
        mark = {"failed": "failed", "cancelled": "cancel"}[state]
        (folder / mark).write_text("the disk is *full*")
    (folder / "log.txt").write_text("the last words\n", encoding="utf-8")
    found = read_job(small.run_id)
    assert found is not None and found.state == {"running": "interrupted"}.get(state, state)
    app = open_page("pages/train.py", small.run_id)
    assert app.button(key="resume_job").label == "Start again"
    if state == "failed":
        assert escape("the disk is *full*") in app.error[0].value
        assert "the last words" in app.code[0].value
    other = open_page("pages/connectivity.py", small.run_id)
    assert "is not finished" in other.info[0].value


def test_a_name_cannot_format_the_page(tmp_path: Path, small: RunConfig) -> None:
    folder = tmp_path / "**x** <img src=a> $y$"
    write_set(folder, image=(15, 15))
    run, _ = obtain(small.replace(dataset=str(folder), epochs=0))
    text = words(open_page("pages/train.py", run.run_id))
    assert escape(folder.name) in text and folder.name not in text
    for file in ("app.py", *ABOUT_A_RUN):
        assert folder.name not in words(open_page(file, run.run_id))


def test_a_run_whose_data_are_gone_is_still_shown(tmp_path: Path, small: RunConfig) -> None:
    write_set(tmp_path / "data", image=(15, 15))
    run, _ = obtain(small.replace(dataset=str(tmp_path / "data"), epochs=1))
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    app = open_page("pages/connectivity.py", run.run_id)
    assert "cannot be measured" in app.warning[0].value
    assert len(app.get("plotly_chart")) == 3
    app.segmented_control(key="twin").set_value("Figure for a paper").run()
    calm(app)
    assert len(app.get("plotly_chart")) == 4
    for file in ("pages/trajectories.py", "pages/particle_types.py", "pages/train.py"):
        open_page(file, run.run_id)


def test_without_chrome_the_page_says_so_and_names_the_other_way(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER_PATH", "/nonexistent")
    app = open_page("pages/particle_types.py", run.run_id)
    assert "No Chrome or Chromium" in words(app)
    assert "camera" in words(app)


def test_words_and_numbers() -> None:
    assert escape("a*b_c<d>[e](f)") == r"a\*b\_c\<d\>\[e\]\(f\)"
    assert percent(0.8534) == "85.3\u00a0%"
    assert percent(float("nan")) == percent(None) == "–"
    assert [duration(s) for s in (0.2, 40, 200, 7500)] == [
        "under 1 s",
        "40 s",
        "3 min 20 s",
        "2 h 5 min",
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-cmd", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_downloaded_table_holds_no_formula(text: str) -> None:
    table = pd.DataFrame({"name": [text, "plain", None], "=number": [-1.5, 2.0, 3.0]})
    back = pd.read_csv(io.BytesIO(csv(table)), keep_default_na=False)
    assert back["name"].iloc[0].startswith("'") and back["name"].iloc[1:].tolist() == ["plain", ""]
    assert back["'=number"].tolist() == [-1.5, 2.0, 3.0]  # numbers stay numbers
