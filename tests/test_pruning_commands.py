"""The commands ``prune`` and ``rivals``, and the study behind the latter."""

from __future__ import annotations

import json

import pytest

from srnn.cli import main
from srnn.cli import pruning as commands
from srnn.config import RunConfig, make_config
from srnn.export import FORMATS
from srnn.jobs import obtain
from srnn.jobs.background import COMPARISON
from srnn.pruning import CRITERIA
from srnn.pruning.answers import grid, sentences, summary
from srnn.pruning.controls import MATCHINGS
from srnn.pruning.curves import SPARSITIES
from srnn.pruning.measure import RIVALS
from srnn.pruning.rivals import Study, load_study, measurements, run_study
from srnn.pruning.scratch import SCRATCH
from srnn.store import Run

KEYS = ["run_id", "criterion", "particles", "dropped", "surviving", "base_accuracy", "accuracy"]


@pytest.fixture
def run(small: RunConfig) -> Run:
    return obtain(small)[0]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main(list(arguments)) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_the_command_line_knows_all_criteria_and_formats():
    assert set(commands.CRITERIA) == set(CRITERIA)
    assert set(commands.FORMATS) == set(FORMATS)


def test_prune_says_exactly_what_was_asked(run: Run, capsys: pytest.CaptureFixture[str]):
    facts = said(capsys, "prune", run.run_id, "--json")
    assert list(facts) == KEYS
    types = run.results["types"]
    assert facts["dropped"] == types["zero"] + types["identity"]
    assert facts["dropped"] + facts["surviving"] == facts["particles"] == run.info["particles"]
    assert facts["base_accuracy"] == run.results["test_accuracy"]


@pytest.mark.parametrize("criterion", CRITERIA)
def test_prune_drops_exactly_the_count(
    criterion: str, run: Run, capsys: pytest.CaptureFixture[str]
):
    facts = said(capsys, "prune", run.run_id, "--criterion", criterion, "--count", "123", "--json")
    assert facts["dropped"] == 123 and facts["criterion"] == criterion


def test_prune_by_fraction_and_with_retraining(run: Run, capsys: pytest.CaptureFixture[str]):
    arguments = ("--criterion", "random", "--fraction", "0.5", "--retrain", "2", "--json")
    facts = said(capsys, "prune", run.run_id, *arguments)
    assert facts["dropped"] == round(run.info["particles"] / 2)
    assert facts["retrained_accuracy"] > facts["accuracy"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--count", "-1"],
        ["--count", "100000"],
        ["--fraction", "1.5"],
        ["--epsilon", "-1"],
        ["--retrain", "-1"],
        ["--seed", "-1"],
    ],
)
def test_a_wrong_amount_is_refused(
    arguments: list[str], run: Run, capsys: pytest.CaptureFixture[str]
):
    assert main(["prune", run.run_id, *arguments]) == 2
    assert arguments[0] in capsys.readouterr().err


def test_an_unknown_run_is_refused(capsys: pytest.CaptureFixture[str]):
    assert main(["prune", "f" * 16]) == 1
    assert "no finished run" in capsys.readouterr().err


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.setenv("SRNN_JOBS", "1")
    config = make_config(dataset="digits", neurons=3, depth=3, width=4, batch_size=200, epochs=4)
    return Study(
        config, seeds=2, sparsities=(0.25, 0.75), draws=3, pairings=2, permutations=5, retrain=1
    )


def test_a_study_has_every_rival_at_every_sparsity_for_every_seed(study: Study):
    assert load_study(study) is None
    heard: list[tuple[int, int, str]] = []
    result = run_study(study, lambda *what: heard.append(what))
    points, natural = result.tables["points"], result.tables["natural"]
    only = {name for name, one in SCRATCH.items() if one.natural} | {"replicators-renewed"}
    assert set(points["rival"]) == set(RIVALS) - only
    assert set(natural["rival"]) == set(RIVALS)
    for name, rows in points.groupby("rival"):
        draws = 3 if name == "random" else 1
        assert len(rows) == 2 * 2 * draws, name
        assert (rows["dropped"] + rows["surviving"] == 64 * 4 + 4 * 4 + 4 * 10).all(), name
        assert set(rows["dropped"]) == {78, 234}, name
    assert (natural.groupby("seed")["dropped"].nunique() == 1).all()
    assert heard[-1][0] == heard[-1][1] == study.seeds + len(measurements(study))
    table = summary(points)
    assert len(table) == (len(RIVALS) - len(only)) * 2
    assert list(grid(points).columns) == ["rival", "25 %", "75 %"]
    assert len(result.tables["controls"]) == 2 * len(MATCHINGS)
    assert sentences(result)[0].startswith("Conclusion")
    assert result.facts["rate"] in (0.008, 0.02, 0.05, 0.1)
    again = load_study(study)
    assert again is not None
    assert summary(again.tables["points"]).equals(table)


def test_a_study_where_every_seed_diverges_says_so(study: Study):
    wild = Study(study.config.replace(lr=10.0, alpha=1e4), seeds=1, retrain=1)
    with pytest.raises(RuntimeError, match=r"every seed diverged: seed 0: particle L\d"):
        run_study(wild)


def test_rivals_prints_the_table_over_ten_sparsities(
    monkeypatch: pytest.MonkeyPatch, run: Run, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("SRNN_JOBS", "1")
    monkeypatch.setattr("srnn.pruning.rivals.Study.pairings", 2)
    body = said(capsys, "rivals", "--run", run.run_id, "--seeds", "1", "--json")
    rows = {(row["rival"], row["sparsity"]) for row in body["table"]}
    only = {name for name, one in SCRATCH.items() if one.natural} | {"replicators-renewed"}
    assert rows == {(name, share) for name in RIVALS if name not in only for share in SPARSITIES}
    assert body["run_ids"] == [run.run_id] and body["retrain"] == 1


def test_rivals_refuses_a_wrong_number_of_seeds(run: Run, capsys: pytest.CaptureFixture[str]):
    assert main(["rivals", "--run", run.run_id, "--seeds", "0"]) == 2
    assert "seeds" in capsys.readouterr().err


def test_a_comparison_in_the_background_is_one_at_a_time_and_can_be_cancelled(run: Run):
    assert COMPARISON.status() is None
    COMPARISON.start(["rivals", "--run", run.run_id, "--seeds", "1"], run_id=run.run_id)
    now = COMPARISON.status()
    assert now is not None and now.state == "running" and now.asked["run_id"] == run.run_id
    with pytest.raises(RuntimeError, match="running already"):
        COMPARISON.start(["rivals", "--run", run.run_id, "--seeds", "1"], run_id=run.run_id)
    COMPARISON.cancel()
    now = COMPARISON.status()
    assert now is not None and now.state == "cancelled"
