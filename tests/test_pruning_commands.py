"""The commands ``prune`` and ``rivals``, and the study behind the latter."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from srnn.analysis.settle import settle
from srnn.cli import main
from srnn.cli import pruning as commands
from srnn.config import ConfigError, RunConfig, make_config
from srnn.experiments.engine import outcome_of, saved_outcome
from srnn.experiments.limits import (
    COLUMNS,
    LIMITS,
    Limits,
    limits_finding,
    limits_of,
    limits_table,
)
from srnn.experiments.rivals import STUDY, Study
from srnn.export import FORMATS
from srnn.pruning.answers import grid, sentences, summary
from srnn.pruning.controls import MATCHINGS
from srnn.pruning.criteria import CRITERIA, order_of
from srnn.pruning.curves import SPARSITIES
from srnn.pruning.masks import drop_first
from srnn.pruning.measure import RIVALS
from srnn.pruning.scratch import SCRATCH
from srnn.pruning.subject import Subject
from srnn.runs import Progress, Run, obtain

KEYS = ["run_id", "criterion", "particles", "dropped", "surviving", "base_accuracy", "accuracy"]


@pytest.fixture
def run(small: RunConfig) -> Run:
    return obtain(small)[0]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main(list(arguments)) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_the_command_line_knows_all_criteria_and_formats():
    assert set(commands.FORMATS) == set(FORMATS)


def test_prune_says_exactly_what_was_asked(run: Run, capsys: pytest.CaptureFixture[str]):
    facts = said(capsys, "prune", run.run_id, "--json")
    assert list(facts) == KEYS
    types = run.record.results.types
    assert facts["dropped"] == types["zero"] + types["identity"]
    assert facts["dropped"] + facts["surviving"] == facts["particles"] == run.record.particles
    assert facts["base_accuracy"] == run.record.results.test_accuracy


@pytest.mark.parametrize("criterion", CRITERIA)
def test_prune_drops_exactly_the_count(
    criterion: str, run: Run, capsys: pytest.CaptureFixture[str]
):
    facts = said(capsys, "prune", run.run_id, "--criterion", criterion, "--count", "123", "--json")
    assert facts["dropped"] == 123 and facts["criterion"] == criterion


def test_prune_by_fraction_and_with_retraining(run: Run, capsys: pytest.CaptureFixture[str]):
    arguments = ("--criterion", "random", "--fraction", "0.5", "--retrain", "2", "--json")
    facts = said(capsys, "prune", run.run_id, *arguments)
    assert facts["dropped"] == round(run.record.particles / 2)
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
    assert saved_outcome(STUDY, study) is None
    heard: list[Progress] = []
    tables = outcome_of(STUDY, study, heard.append, 1).tables
    points, natural = tables["points"], tables["natural"]
    only = {name for name, one in SCRATCH.items() if one.natural} | {"replicators-renewed"}
    assert set(points["rival"]) == set(RIVALS) - only
    assert set(natural["rival"]) == set(RIVALS)
    for name, rows in points.groupby("rival"):
        draws = 3 if name == "random" else 1
        assert len(rows) == 2 * 2 * draws, name
        assert (rows["dropped"] + rows["surviving"] == 64 * 4 + 4 * 4 + 4 * 10).all(), name
        assert set(rows["dropped"]) == {78, 234}, name
    for _, rows in natural.groupby("seed"):
        assert len(set(rows["dropped"])) == 1
    assert heard[-1].done == heard[-1].total
    table = summary(points)
    assert len(table) == (len(RIVALS) - len(only)) * 2
    assert list(grid(points).columns) == ["rival", "25 %", "75 %"]
    assert len(tables["controls"]) == 2 * len(MATCHINGS)
    assert sentences(tables)[0].startswith("Conclusion")
    assert set(tables["numbers"]["rate"].dropna()) < {0.008, 0.02, 0.05, 0.1}
    again = saved_outcome(STUDY, study)
    assert again is not None
    assert summary(again.tables["points"]).equals(table)


def test_a_study_where_every_seed_diverges_says_so(study: Study):
    wild = Study(study.config.replace(lr=10.0, alpha=1e4), seeds=1, retrain=1)
    with pytest.raises(RuntimeError, match=r"every run diverged: .*particle L\d"):
        outcome_of(STUDY, wild, None, 1)


def test_rivals_prints_the_table_over_ten_sparsities(
    monkeypatch: pytest.MonkeyPatch, run: Run, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("SRNN_JOBS", "1")
    monkeypatch.setattr("srnn.experiments.rivals.Study.pairings", 2)
    body = said(capsys, "rivals", "--run", run.run_id, "--seeds", "2", "--json")
    rows = {(row["rival"], row["sparsity"]) for row in body["table"]}
    only = {name for name, one in SCRATCH.items() if one.natural} | {"replicators-renewed"}
    assert rows == {(name, share) for name in RIVALS if name not in only for share in SPARSITIES}
    seeds = [run.config.replace(seed=seed, data_seed=seed) for seed in (1, 2)]
    assert body["run_ids"] == [one.run_id for one in seeds]
    assert {row["seed"] for row in body["natural"]} == {2}  # seed 1 diverges and is left out
    assert body["retrain"] == 1
    assert [row["rival"] for row in body["compared"]] == list(RIVALS)


def test_rivals_refuses_a_wrong_number_of_seeds(run: Run, capsys: pytest.CaptureFixture[str]):
    assert main(["rivals", "--run", run.run_id, "--seeds", "0"]) == 2
    assert "seeds" in capsys.readouterr().err


# --- where it breaks -----------------------------------------------------------------------------


def numbers_of(**costs: tuple[float, float]) -> pd.DataFrame:
    """Two seeds per setting, ``setting=(cost, cost by contribution)`` in points."""
    rows = []
    for arm, (cost, rule) in costs.items():
        for seed, shift in ((1, -0.1), (2, 0.1)):
            facts = dict.fromkeys(COLUMNS, 0.5) | {
                "cost": (cost + shift) / 100,
                "rule_cost": rule / 100,
                "settled_replicators": 1.0,
            }
            rows.append({"arm": arm, "seed": seed, **facts})
    return pd.DataFrame(rows)


def test_the_sentences_say_where_it_breaks_and_by_how_much():
    first, second, third = limits_finding(numbers_of(easy=(0.5, 0.1), hard=(2.5, 0.4)))
    assert first == (
        "Dropping all replicators costs more than 1 point in 1 of 2 settings: hard (2.50 (1.23 to "
        "3.77))."
    )
    assert second.startswith("As many by |scalar weight × input std| cost at most 0.40 (0.40 to")
    assert second.endswith("points (hard).")
    swapped = limits_finding(numbers_of(easy=(1.0, 0.4), hard=(2.5, 0.1)))
    assert swapped[1].endswith("points (easy).")
    assert "at least 100.0 (100.0 to 100.0) % of the connections replicate (easy)" in third


def test_nothing_breaks_and_nothing_settles_is_said_too():
    numbers = numbers_of(a=(0.5, 0.1), b=(0.9, 0.2)).assign(settled_replicators=[1, 1, 0.4, 0.4])
    first, _, third = limits_finding(numbers)
    assert first == "Dropping all replicators costs more than 1 point in 0 of 2 settings."
    assert "40.0 (40.0 to 40.0) % of the connections replicate in b, more elsewhere." in third


def test_the_table_of_limits_has_a_row_per_setting_in_points_and_percent():
    table = limits_table(numbers_of(easy=(0.5, 0.1), hard=(2.5, 0.4)))
    assert table["setting"].tolist() == ["easy", "hard"] and set(table["seeds"]) == {2}
    assert table["Drop cost"].tolist()[1] == "2.50 (1.23 to 3.77)"
    assert table["Accuracy (%)"].tolist()[0] == "50.0 (50.0 to 50.0)"
    assert limits_table(numbers_of(b=(1, 0), a=(2, 0)))["setting"].tolist() == ["b", "a"]


def test_the_settings_are_those_of_the_issue_and_each_folder_adds_three():
    settings = Limits(("/somewhere/clothes",), seeds=2, epochs=9).settings()
    changed = {name: configs[0] for name, configs in settings.items()}
    assert [changed[f"MNIST, width {n}"].width for n in (12, 20)] == [12, 20]
    assert [changed[f"MNIST, depth {n}"].depth for n in (3, 6)] == [3, 6]
    assert changed["MNIST, ReLU"].activation == "relu"
    assert changed["MNIST, recipe 2022-03"].recipe == "2022-03"
    assert changed["MNIST, h = 8"].width == 6 and changed["MNIST, h = 8"].depth == 5
    assert [name for name in settings if name.startswith("clothes")] == [
        "clothes, h = 8",
        "clothes, h = 4",
        "clothes, own size, h = 8",
    ]
    assert changed["clothes, own size, h = 8"].size == 0
    assert changed["clothes, h = 4"].neurons == 4
    for configs in settings.values():
        assert [(one.seed, one.data_seed, one.epochs) for one in configs] == [(1, 1, 9), (2, 2, 9)]


@pytest.mark.parametrize(("change", "said"), [({"seeds": 0}, "seeds"), ({"epochs": 0}, "epochs")])
def test_impossible_limits_are_refused(change: dict[str, int], said: str):
    with pytest.raises(ConfigError, match=said):
        Limits(**change)


def test_limits_of_a_run_are_what_dropping_shows_at_the_instant_and_settled(run: Run):
    facts, _ = limits_of(run)
    one = Subject.of(run)
    settled = replace(one, weights=settle(run.weights, run.config, [200])[0])
    for name, network in (("", one), ("settled_", settled)):
        count = int(network.replicators.sum())
        assert facts[f"{name}replicators"] == count / one.particles
        for column, criterion in (("cost", "replicators"), ("rule_cost", "activity")):
            mask = drop_first(order_of(criterion, network), count)
            assert facts[f"{name}{column}"] == network.accuracy() - network.accuracy(mask)
    assert facts["accuracy"] == run.record.results.test_accuracy


def test_limits_prints_one_row_per_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("SRNN_JOBS", "1")
    digits = make_config(dataset="digits", neurons=3, depth=3, width=4, batch_size=200, epochs=2)
    monkeypatch.setattr(
        "srnn.experiments.limits.make_config", lambda recipe, **changes: digits.replace(**changes)
    )
    monkeypatch.setattr("srnn.experiments.limits.SHAPES", {"h = 3": {"neurons": 3}})
    body = said(capsys, "limits", "--seeds", "2", "--epochs", "2", "--json")
    assert [(row["arm"], row["seed"]) for row in body["numbers"]] == [
        ("MNIST, h = 3", 1),
        ("MNIST, h = 3", 2),
        ("MNIST, recipe 2022-03", 1),
        ("MNIST, recipe 2022-03", 2),
    ]
    assert body["sentences"] and all(one.startswith("Not evidence") for one in body["sentences"])
    outcome = saved_outcome(LIMITS, Limits(seeds=2, epochs=2))
    assert outcome is not None and outcome.finding.startswith("Not evidence: the networks (MNIST")
