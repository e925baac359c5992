"""Phase maps, comparisons and reports: known answers in the figures, and the pages."""

import math
import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from app_pages import alone
from figure_checks import assert_within_axes
from streamlit.testing.v1 import AppTest

from srnn.config import RunConfig, field_names
from srnn.figures import style
from srnn.figures import sweeps as figures
from srnn.presets import PRESETS
from srnn.runs import list_runs, obtain
from srnn.statistics import front_of
from srnn.sweeps import live
from srnn.sweeps.driver import save_table, sweep
from srnn.sweeps.library import keep, list_sweeps
from srnn.sweeps.local import LocalWorkers
from srnn.sweeps.measures import measure
from srnn.sweeps.plan import make_plan, read_plan
from srnn.sweeps.report import command_of, comparison_report, differences, groups_of, sweep_report
from ui.draft import _with_changes, settings_of

ROOT = Path(__file__).resolve().parent.parent

TABLE = pd.DataFrame(
    [
        {"run_id": f"{alpha}-{h}-{seed}", "alpha": alpha, "neurons": h, "seed": seed}
        | {"test_accuracy": 0.1 * h + 0.01 * seed, "replicator_share": alpha / 100, "drop_cost": h}
        | {"stopped": ""}
        for alpha in (1.0, 10.0, 100.0)
        for h in (2, 4)
        for seed in (0, 1)
    ]
)


def test_a_cell_of_a_map_is_the_mean_over_seeds_in_percent():
    (cells, *_) = figures.phase_map(TABLE, "alpha", "neurons", "test_accuracy").data
    assert list(cells.x) == [1, 10, 100] and list(cells.y) == [2, 4]
    np.testing.assert_allclose(cells.z, [[20.5] * 3, [40.5] * 3])
    assert "(%)" in cells.colorbar.title.text


def test_a_map_draws_its_level_in_a_band_and_names_the_logs_point():
    table = pd.concat([TABLE, TABLE])
    drawn = figures.phase_map(
        table, "alpha", "neurons", "replicator_share", 0.5, [(100.0, 4, "the log")]
    )
    level, band = (trace for trace in drawn.data if (trace.name or "").startswith("50"))
    assert (level.contours.start, level.contours.end, level.line.width) == (0, 0, 3)
    assert (band.contours.start, band.contours.end, band.line.dash) == (-1.96, 1.96, "dash")
    above = level.x[np.argmax(np.asarray(level.z) > 0, axis=1)]
    assert ((above > 10) & (above < 100)).all()  # between the shares of 0.1 and 1
    (mark,) = drawn.layout.annotations
    assert (mark.text, mark.x, mark.y) == ("the log", 2, 4)  # alpha is drawn by ratios
    assert drawn.layout.xaxis.type == "log" and drawn.layout.yaxis.type == "linear"


def test_a_map_that_shows_no_contour_says_so():
    rng = np.random.default_rng(0)
    table = TABLE.assign(replicator_share=rng.uniform(size=len(TABLE)))
    drawn = figures.phase_map(table, "alpha", "neurons", "replicator_share", 0.5)
    assert not [trace for trace in drawn.data if (trace.name or "").startswith("50")]
    (said,) = drawn.layout.annotations
    assert "do not tell where replicators (%) crosses 50" in said.text


def test_contours_are_written_in_what_can_be_read_on_their_ground_and_whole_numbers_are_ticks():
    table = TABLE.assign(drop_cost=TABLE.neurons)
    drawn = figures.phase_map(table[table.alpha < 100], "alpha", "neurons", "drop_cost")
    pale, dark = (trace.contours for trace in drawn.data if trace.type == "contour")
    assert (pale.start, pale.end, pale.labelfont.color) == (pytest.approx(2.5), 3.0, style.INK)
    assert (dark.start, dark.end, dark.labelfont.color) == (3.5, 3.5, style.PAPER)
    assert list(drawn.layout.yaxis.tickvals) == [2, 4]


def test_between_irregular_runs_a_map_is_linear():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(1, 3, 60), rng.uniform(-3, -1, 60)
    table = pd.DataFrame({"alpha": 10**x, "lr": 10**y, "drop_cost": 3 * x - 2 * y, "stopped": ""})
    cells = figures.phase_map(table, "alpha", "lr", "drop_cost").data[0]
    expected = 3 * np.log10(cells.x)[None] - 2 * np.log10(cells.y)[:, None]
    known = np.isfinite(cells.z)
    assert known.mean() > 0.5
    np.testing.assert_allclose(np.asarray(cells.z)[known], expected[known], atol=1e-9)


def test_what_diverged_is_in_no_mean_and_is_marked():
    stopped = (TABLE.alpha == 100) & ((TABLE.neurons == 2) | (TABLE.seed == 1))
    table = TABLE.assign(stopped=stopped.map({True: "particle 3 diverged", False: ""}))
    drawn = figures.phase_map(table, "alpha", "neurons", "test_accuracy")
    np.testing.assert_allclose(drawn.data[0].z, [[20.5, 20.5, np.nan], [40.5, 40.5, 40]])
    crosses = drawn.data[-1]
    assert list(crosses.x) == [100, 100] and list(crosses.y) == [2, 4]
    assert np.array(crosses.customdata).tolist() == [[2, 2], [1, 2]]
    assert crosses.marker.size[0] > crosses.marker.size[1]
    assert_within_axes(drawn)
    lines = [t for t in figures.bands(table, "alpha", "drop_cost", "neurons").data if t.name]
    two = next(trace for trace in lines if trace.name == "neurons (h) 2")
    assert list(two.x) == [1, 10]
    assert len(figures.pareto(table).data[0].x) == 9
    assert len(figures.parallel(table, ["alpha"], ["drop_cost"]).data[0].dimensions[0].values) == 9


def test_a_map_of_one_value_says_what_it_needs():
    drawn = figures.phase_map(TABLE[TABLE.neurons == 2], "alpha", "neurons", "drop_cost")
    assert "two or more values" in drawn.layout.annotations[0].text


def test_a_band_is_the_t_interval_over_runs():
    drawn = figures.bands(TABLE[TABLE.alpha == 1], "neurons", "test_accuracy")
    band, mean, runs = drawn.data
    assert list(mean.y) == pytest.approx([20.5, 40.5])
    reach = 12.706204736 * math.sqrt(0.5) / math.sqrt(2)  # t of one degree of freedom
    assert list(band.y) == pytest.approx(
        [20.5 + reach, 40.5 + reach, 40.5 - reach, 20.5 - reach], rel=1e-6
    )
    assert len(runs.x) == 4
    assert_within_axes(drawn)


def test_one_line_for_each_value_of_the_second_field():
    drawn = figures.bands(TABLE, "alpha", "drop_cost", "neurons")
    lines = [trace for trace in drawn.data if trace.mode == "lines+markers"]
    assert [trace.name for trace in lines] == ["neurons (h) 2", "neurons (h) 4"]
    assert [list(trace.y) for trace in lines] == [[2] * 3, [4] * 3]


def test_the_front_holds_who_cannot_be_bettered():
    first, second = np.array([1, 2, 3, 2, 3]), np.array([3, 2, 1, 1, 1])
    assert front_of(first, second).tolist() == [True, True, True, False, True]
    drawn = figures.pareto(TABLE)
    front = drawn.data[1]
    assert set(front.customdata) == {"100.0-4-1"}  # most of both
    assert front.line.shape == "vh"
    assert_within_axes(drawn)


def test_parallel_coordinates_hold_every_run_with_texts_as_places():
    table = TABLE.assign(activation=["none", "relu"] * 6)
    drawn = figures.parallel(table, ["alpha", "activation"], ["test_accuracy"])
    alpha, activation, accuracy = drawn.data[0].dimensions
    assert list(alpha["values"]) == [0.0] * 4 + [1.0] * 4 + [2.0] * 4
    assert list(alpha["ticktext"]) == ["1", "10", "100"]
    assert list(activation["values"]) == [0, 1] * 6
    assert list(activation["ticktext"]) == ["none", "relu"]
    assert list(accuracy["values"])[:2] == pytest.approx([20, 21])


def test_curves_of_seeds_become_a_mean_with_a_band_of_all():
    runs = [pd.DataFrame({"epoch": [0, 1], "test_accuracy": [0.1, a]}) for a in (0.2, 0.4)]
    drawn = figures.overlaid([("both", runs), ("one", runs[:1])], "test_accuracy", "accuracy (%)")
    band, mean, single = drawn.data
    assert list(mean.y) == pytest.approx([10, 30]) and mean.name == "both (mean of 2)"
    assert list(band.y) == pytest.approx([10, 40, 20, 10])
    assert list(single.y) == pytest.approx([10, 20]) and single.name == "one"
    assert mean.line.dash != single.line.dash
    assert_within_axes(drawn)


def test_no_runs_is_said_rather_than_drawn():
    for drawn in (
        figures.bands(TABLE[:0], "alpha", "drop_cost"),
        figures.parallel(TABLE[:0], ["alpha"], ["drop_cost"]),
        figures.pareto(TABLE[:0]),
        figures.overlaid([], "test_accuracy", ""),
    ):
        assert isinstance(drawn, go.Figure) and len(drawn.layout.annotations) == 1


PLAN = """
title = "two by two <b>"

[base]
dataset = "digits"
epochs = 2
depth = 3
width = 3
batch_size = 200

[grid]
alpha = [1, 100]
neurons = [2, 3]
seed = [0, 1]
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A cache with a small sweep that was really run."""
    cache = tmp_path_factory.mktemp("swept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRNN_CACHE", str(cache))
        kept = keep(PLAN)
        with LocalWorkers(1) as workers:
            save_table(sweep(kept.plan, workers))
    return cache


@pytest.fixture
def there(swept, monkeypatch):
    monkeypatch.setenv("SRNN_CACHE", str(swept))
    return swept


def test_a_sweep_is_found_again_with_its_table(there):
    kept, shipped = list_sweeps()
    assert shipped.bundled and not kept.bundled
    assert kept.title == "two by two <b>" and len(kept.table) == 8
    assert kept.plan == read_plan(kept.file)
    assert {*kept.plan.base.to_dict(), "run_id", "test_accuracy"} <= set(kept.table.columns)
    (there / "sweeps" / "broken.toml").write_text("[grid]\nalpah = [1]\n")
    assert list_sweeps() == [kept, shipped]


def test_the_bundled_sweep_is_whole_and_of_the_settings_that_there_are_today(cache):
    (kept,) = list_sweeps()
    table = kept.table
    assert set(table["run_id"]) == {config.run_id for config in kept.plan.runs()}
    assert len(table) == kept.plan.total() and set(table["error"]) == {""}
    app = alone("pages/phase_map.py")
    assert any(f"{len(table)} of {len(table)} runs done" in text.value for text in app.markdown)
    assert app.button(key="run-sweep").disabled


def test_an_address_names_the_settings_of_a_run_that_is_not_here(there):
    for row in list_sweeps()[-1].table.to_dict("records")[::40]:
        config = RunConfig.from_dict({name: row[name] for name in field_names()})
        assert config.run_id == row["run_id"]
        text = settings_of(config)["changes"]
        assert _with_changes(dict(PRESETS["quick"].config), text) == dict(config)


def test_the_measures_of_a_run_are_its_own(there):
    kept = list_sweeps()[0]
    row = kept.table.iloc[0]
    run, cached = obtain(
        RunConfig.from_dict({n: row[n] for n in RunConfig().to_dict()} | _ints(row))
    )
    assert cached and run.run_id == row["run_id"]
    found = measure(run)
    assert found["test_accuracy"] == pytest.approx(run.record.results.test_accuracy)
    assert {name: found[name] for name in run.record.results.types} == run.record.results.types
    assert found["replicator_share"] == (found["zero"] + found["identity"]) / run.shape.particles


def _ints(row: pd.Series) -> dict[str, object]:
    """A table has no whole numbers and truth values of Python."""
    kinds = {name: type(value) for name, value in RunConfig().to_dict().items()}
    return {name: kind(row[name]) for name, kind in kinds.items()}


def test_the_page_shows_a_sweep_and_opens_a_run(there):
    app = alone("pages/phase_map.py")
    assert any("8 of 8 runs" in text.value for text in app.markdown)
    app.selectbox(key="map-measure").set_value("test_accuracy").run()
    assert not app.exception


def test_a_run_that_failed_is_shown_with_its_reason(there):
    kept = list_sweeps()[0]
    whole = kept.table
    broken = whole.assign(error=["no luck", *[""] * 7])
    broken.to_parquet(kept.table_file)
    try:
        app = alone("pages/phase_map.py")
    finally:
        whole.to_parquet(kept.table_file)
    assert not app.exception
    assert any(
        "7 of 8 runs done" in text.value and "1 failed" in text.value for text in app.markdown
    )
    assert any("all of them cached" in text.value for text in app.caption)
    assert any("no luck" in set(one.value.get("error", [])) for one in app.dataframe)


def test_networks_of_the_live_plane_stand_behind_what_somebody_asked_for(small: RunConfig):
    own = obtain(small.replace(epochs=1))[0]
    first = make_plan(tomllib.loads(live.PLAN)).configs({"alpha": 10, "lr": 0.01})[0]
    tiny = obtain(first)[0]
    runs = list_runs()
    assert (runs[0], runs[-1]) == (own, tiny) and runs[1].bundled
    app = alone("app.py")
    links = [one.proto.query_string for one in app.get("page_link")]
    assert any(own.run_id in one for one in links)
    assert not any(tiny.run_id in one for one in links)


def test_the_live_plane_shows_what_is_trained_and_trains_nothing_by_itself(cache):
    plan = make_plan(tomllib.loads(live.PLAN))
    assert plan.total() == 17 * 13
    app = AppTest.from_file(str(ROOT / "pages" / "phase_map.py"), default_timeout=60)
    app.session_state["map-mode"] = "Live"
    app.run()
    assert not app.exception
    assert any("0 of 221 networks trained" in text.value for text in app.caption)
    assert all(kept.bundled for kept in list_sweeps())


def test_without_a_sweep_the_page_offers_to_write_one(cache):
    app = alone("pages/phase_map.py")
    app.text_area(key="sweep-text").set_value("[grid]\nalpah = [1]\n").run()
    assert any("did you mean alpha" in error.value for error in app.error)


def test_runs_that_differ_in_their_seed_only_are_one_line(there):
    table = list_sweeps()[0].table
    runs = [obtain(RunConfig.from_dict(_ints(row)))[0] for _, row in table.iterrows()]
    assert sorted(len(members) for _, members in groups_of(runs)) == [2] * 4
    assert set(differences(runs).columns) == {"alpha", "neurons", "seed"}
    text = comparison_report(runs).decode()
    assert all(run.run_id in text for run in runs)
    assert not re.search(r"<(script|link|img)[^>]* (src|href)=", text)
    assert command_of(runs[0]) in text


def test_a_report_of_a_sweep_needs_nothing_else_and_shows_texts_as_they_are(there):
    kept = list_sweeps()[0]
    text = sweep_report(kept.plan, kept.table, PLAN).decode()
    assert "two by two &lt;b&gt;" in text and "two by two <b>" not in text
    assert "srnn sweep sweep.toml" in text
    assert not re.search(r"<(script|link|img)[^>]* (src|href)=", text)


def test_the_command_of_a_run_makes_it_again(capsys, cache):
    from srnn.cli import build_parser
    from srnn.cli.training import config_from

    config = RunConfig(dataset="digits", alpha=3.0, target_gradient=False, residual="none", seed=4)
    run = type("Run", (), {"config": config})
    options = build_parser().parse_args(command_of(run).split()[1:])
    assert config_from(options) == config


def test_compare_shows_the_runs_that_the_address_names(there):
    names = list_sweeps()[0].table["run_id"].tolist()[:3]
    app = alone("pages/compare.py", compared=",".join(names))
    assert any(text.value.startswith("3 runs") for text in app.markdown)


def test_compare_takes_a_whole_sweep(there):
    kept = list_sweeps()[0]
    app = alone("pages/compare.py")
    (sweeps,) = (box for box in app.selectbox if box.label == "Or all runs of a sweep")
    sweeps.set_value(kept.plan.name).run()
    assert not app.exception
    assert app.query_params["compared"] in (kept.plan.name, [kept.plan.name])
    (found,) = (text.value for text in app.markdown if "Highest test accuracy" in text.value)
    settings = len(kept.table) // len(kept.plan.seeds)
    assert found.startswith(f"{len(kept.table)} runs, {settings} settings")
    assert not any(text.value.startswith("The first ") for text in app.caption)


def test_a_figure_of_a_comparison_has_no_more_settings_than_lines(there, monkeypatch):
    source = (ROOT / "pages" / "compare.py").read_text()
    monkeypatch.syspath_prepend(ROOT)
    app = AppTest.from_string(source.replace("LINES = 40", "LINES = 1"), default_timeout=60)
    app.query_params["compared"] = list_sweeps()[0].plan.name
    app.run()
    assert not app.exception
    assert any(text.value.startswith("The first 1 of ") for text in app.caption)
