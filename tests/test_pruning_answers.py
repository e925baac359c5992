"""What a study says follows from the numbers: sentences, tables and figures, value by value."""

import numpy as np
import pandas as pd
import pytest

from srnn.figures import pruning as figures
from srnn.pruning.answers import (
    BY_RULE,
    conclusion,
    control_sentences,
    cost_sentence,
    grid,
    judge_controls,
    judge_rules,
    natural_table,
    sentences,
    summary,
)
from srnn.pruning.controls import MATCHINGS
from srnn.statistics import Outcome, estimate

SEEDS = range(1, 6)
WOBBLE = np.array([-0.02, 0.01, 0.0, 0.02, -0.01]) / 100
"""Scatter of five runs, in accuracy."""

EFFECTS = {
    Outcome.BETTER: 0.02 + WOBBLE,
    Outcome.WORSE: -0.02 + WOBBLE,
    Outcome.EQUIVALENT: 0.0001 + WOBBLE,
    Outcome.UNDECIDED: np.array([0.03, -0.02, 0.01, 0.025, -0.015]),
}
"""Advantages of dropping replicators that end in each of the four ways."""


def natural_of(**advantages: np.ndarray) -> pd.DataFrame:
    """Five runs of 90.0 % with 600 of 1,500 connections dropped. Dropping the replicators costs 0.5
    points, a rival its advantage more; 3 points where none is given."""
    ours = 0.895 + 3 * WOBBLE
    found = {"replicators": ours}
    for name in (*BY_RULE, "snip", "l1", "replicators-retrained"):
        found[name] = ours - advantages.get(name, np.full(5, 0.03))
    rows = [
        {
            "rival": name,
            "seed": seed,
            "draw": 0,
            "sparsity": 0.4,
            "dropped": 600,
            "surviving": 900,
            "accuracy": value,
            "base_accuracy": 0.9,
        }
        for name, values in found.items()
        for seed, value in zip(SEEDS, values, strict=True)
    ]
    return pd.DataFrame(rows)


def controls_of(effect: np.ndarray | None, matching: str = "weight and input") -> pd.DataFrame:
    """The control tests of five runs; all but one have no support, None: that one neither."""
    rows = []
    for name in MATCHINGS:
        for index, seed in enumerate(SEEDS):
            support = name == matching and effect is not None
            rows.append(
                {
                    "matching": name,
                    "seed": seed,
                    "replicators": 600,
                    "pairs": 90 if support else 12,
                    "support": support,
                    "difference": effect[index] if support else np.nan,
                    "low": effect[index] - 0.01 if support else np.nan,
                    "high": effect[index] + 0.02 if support else np.nan,
                    "std_replicators": 0.25 if support else np.nan,
                    "std_others": 0.26 if support else np.nan,
                }
            )
    return pd.DataFrame(rows)


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_of_the_rules_has_its_words(outcome: Outcome):
    natural = natural_of(activity=EFFECTS[outcome], magnitude=EFFECTS[outcome])
    assert judge_rules(natural)["activity"].outcome is outcome
    said = conclusion(natural, controls_of(None))
    against = {
        Outcome.BETTER: "better than dropping",
        Outcome.WORSE: "worse than dropping",
        Outcome.EQUIVALENT: "no different from dropping",
        Outcome.UNDECIDED: "neither shown better nor worse than dropping",
    }[outcome]
    effect = estimate(EFFECTS[outcome]).text(100, signed=True)
    for rule in ("smallest |scalar weight|", "smallest |scalar weight × input std|"):
        assert f"{against} as many by {rule} ({effect} points)" in said
    ends = {
        Outcome.BETTER: "So self-replication is the better criterion",
        Outcome.WORSE: "So whoever wants to prune should measure contributions",
        Outcome.EQUIVALENT: "So self-replication finds the connections that contribute little",
        Outcome.UNDECIDED: "takes more runs to tell",
    }
    assert [name for name, text in ends.items() if text in said] == [outcome]


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_of_the_control_test_has_its_words(outcome: Outcome):
    controls = controls_of(EFFECTS[outcome])
    assert judge_controls(controls)["weight and input"].outcome is outcome
    said = conclusion(natural_of(), controls)
    parts = {
        Outcome.BETTER: "replicators are the better ones to drop",
        Outcome.WORSE: "replicators are the worse ones to drop",
        Outcome.EQUIVALENT: "makes no difference (within 0.5 points)",
        Outcome.UNDECIDED: "is undecided",
    }
    assert [name for name, text in parts.items() if text in said] == [outcome]
    assert f"({estimate(EFFECTS[outcome]).text(100, signed=True)} points, 5 seeds)." in said
    (line,) = (one for one in control_sentences(controls) if "over 5 seeds" in one)
    assert line.startswith(
        "Paired with survivors of the same |scalar weight| and input std (15 % of the replicators; "
        "their inputs' std 0.250 against 0.260): dropping them keeps "
    )
    assert line.endswith(f"over 5 seeds: {outcome}.")


def test_no_support_is_said_and_claims_nothing():
    said = conclusion(natural_of(), controls_of(None))
    assert "Too few replicators find a survivor" in said
    for line in control_sentences(controls_of(None)):
        assert line.endswith(": no support; only 2 % of the replicators find a partner.")


def test_the_rules_are_one_family_and_the_comparison_is_paired():
    weak = np.array([0.1, 0.9, 1.3, 1.0, 0.2]) / 100
    judged = judge_rules(natural_of(activity=weak))
    alone = estimate(weak)
    assert judged["activity"].estimate.mean == pytest.approx(alone.mean)
    assert judged["activity"].estimate.low == pytest.approx(alone.low)
    wide = natural_of(activity=weak)
    wide.loc[wide["rival"].isin(BY_RULE), "accuracy"] -= 0.0
    assert set(judged) == set(BY_RULE)
    shuffled = judge_rules(wide.sample(frac=1, random_state=1))
    assert shuffled["activity"].estimate.mean == pytest.approx(alone.mean)
    assert shuffled["activity"].estimate.low == pytest.approx(alone.low)


def test_the_cost_sentence_is_before_minus_after():
    said = cost_sentence(natural_of(magnitude=np.full(5, 0.01)))
    assert said.startswith(
        "Dropping all replicators (40.0 % of the connections, 5 seeds) costs 0.50 (0.44 to 0.56) "
        "points of 90.0 % accuracy; "
    )
    assert "smallest |scalar weight| 1.50 (1.44 to 1.56)" in said
    assert "random 3.50 (" in said
    one = natural_of()
    assert "1 seed)" in cost_sentence(one[one["seed"] == 1])


def test_the_conclusion_comes_first():
    found = sentences({"natural": natural_of(), "controls": controls_of(None)})
    assert found[0].startswith("Conclusion") and found[1].startswith("Dropping all replicators")
    assert len(found) == 2 + len(MATCHINGS)


def test_the_natural_table_holds_rivals_against_the_replicators_of_the_same_run():
    table = natural_table(natural_of(snip=EFFECTS[Outcome.WORSE]), 112).set_index("rival")
    assert table.loc["replicators", ["difference", "outcome"]].tolist() == ["", ""]
    assert table.loc["snip", "outcome"] == "better"  # the rival keeps 2 points more
    assert table.loc["snip", "difference"].startswith("+2.00 (+1.98")
    assert table.loc["l1", "outcome"] == "worse"
    assert table.loc["l1", "cost"].startswith("3.50 (3.44")
    assert table.loc["replicators", "accuracy"] == "89.5 (89.4 to 89.6)"
    trained = {"replicators": 1500 * 112, "replicators-retrained": 1500 * 112, "l1": 1500}
    assert {name: table.loc[name, "trained"] for name in trained} == trained
    assert table.loc["snip", "trained"] == 900 and set(table["kept"]) == {900}


def test_every_group_of_rivals_is_a_family_of_its_own():
    weak = np.array([0.1, 0.9, 1.3, 1.0, 0.2]) / 100  # p = 0.037 alone, with one other 0.074
    both = natural_of(snip=-weak, l1=-weak)
    alone = natural_table(both[both["rival"] != "l1"], 10).set_index("rival")
    assert alone.loc["snip", "outcome"] == "better"
    assert natural_table(both, 10).set_index("rival").loc["snip", "outcome"] == "undecided"


def test_the_natural_table_compares_only_runs_that_both_have():
    natural = natural_of(l1=np.full(5, 0.01))
    natural = natural[~((natural["rival"] == "l1") & (natural["seed"] > 3))]
    table = natural_table(natural, 10).set_index("rival")
    assert table.loc["l1", "difference"].startswith("−1.00 (−1.00 to −1.00)")


@pytest.fixture
def points() -> pd.DataFrame:
    """Two rivals at two sparsities, two seeds; the second rival has two draws."""
    rows = []
    for rival, draws, base in (("magnitude", 1, 0.8), ("random", 2, 0.5)):
        for sparsity, fall in ((0.5, 0.1), (0.25, 0.0)):
            for seed in (1, 2):
                for draw in range(draws):
                    value = base - fall + 0.02 * (seed - 1) + 0.04 * draw
                    rows.append(
                        {
                            "rival": rival,
                            "seed": seed,
                            "draw": draw,
                            "sparsity": sparsity,
                            "dropped": 100 * sparsity,
                            "surviving": 100 - 100 * sparsity,
                            "accuracy": value,
                            "base_accuracy": 0.9,
                        }
                    )
    return pd.DataFrame(rows)


def test_the_unit_of_the_summary_is_the_seed(points: pd.DataFrame):
    table = summary(points).set_index(["rival", "sparsity"])
    row = table.loc[("random", 0.5)]
    expected = estimate([0.42, 0.44])
    assert (row["accuracy"], row["seeds"]) == (pytest.approx(0.43), 2)
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    assert (row["dropped"], row["surviving"], row["base_accuracy"]) == (50, 50, 0.9)


def test_the_grid_has_its_columns_by_sparsity_and_rows_by_rival(points: pd.DataFrame):
    table = grid(points.sample(frac=1, random_state=0))
    assert list(table.columns) == ["rival", "25 %", "50 %"]
    assert table["rival"].tolist() == ["magnitude", "random"]
    assert table["50 %"].tolist()[0] == "71.0 (58.3 to 83.7)"
    some = grid(points[(points["rival"] == "random") | (points["sparsity"] == 0.5)])
    assert some["25 %"].tolist()[0] == ""


# --- figures -------------------------------------------------------------------------------------


def traces(figure: object, name: str) -> list:
    return [one for one in figure.data if one.name == name]


def test_the_curves_show_accuracy_and_how_far_each_is_behind_the_best(points: pd.DataFrame):
    table = summary(points)
    natural = pd.DataFrame({"rival": ["magnitude"], "surviving": [60], "accuracy": [0.77]})
    figure = figures.accuracy_curves(
        table,
        {"magnitude": "M", "random": "R"},
        particles=100,
        natural=natural,
        dropped=30,
    )
    top, behind = traces(figure, "R")
    assert list(top.x) == list(behind.x) == [100, 75, 50]
    np.testing.assert_allclose(top.y, [90, 53, 43])
    np.testing.assert_allclose(behind.y, [0, -28, -28])
    np.testing.assert_allclose(traces(figure, "M")[1].y, [0, 0, 0])
    assert (top.yaxis, behind.yaxis) == ("y", "y2")
    band = next(one for one in figure.data if one.fill == "toself" and one.legendgroup == "random")
    low, high = (
        table[table["rival"] == "random"].sort_values("sparsity")[k] for k in ("low", "high")
    )
    np.testing.assert_allclose(band.y[:3], [90, *(100 * high)])
    np.testing.assert_allclose(band.y[3:], [*(100 * low)[::-1], 90])
    (mark,) = (one for one in figure.data if one.mode == "markers")
    assert (list(mark.x), list(mark.y)) == ([60], [77])
    assert {shape.x0 for shape in figure.layout.shapes} == {70}


def test_the_best_is_the_best_of_those_shown(points: pd.DataFrame):
    figure = figures.accuracy_curves(summary(points), {"random": "R"}, particles=100)
    np.testing.assert_allclose(traces(figure, "R")[1].y, [0, 0, 0])


def test_the_intervals_of_the_controls_are_drawn_where_they_belong():
    controls = controls_of(EFFECTS[Outcome.BETTER])
    figure = figures.control_intervals(controls, {name: name for name in MATCHINGS})
    assert len(figure.data) == 5
    first = figure.data[0]
    assert first.x[0] == pytest.approx(100 * EFFECTS[Outcome.BETTER][0])
    assert first.error_x.array[0] == pytest.approx(2)
    assert first.error_x.arrayminus[0] == pytest.approx(1)
    place = list(MATCHINGS).index("weight and input")
    assert round(first.y[0]) == len(MATCHINGS) - 1 - place
    assert figure.data[0].y[0] > figure.data[4].y[0]  # the first seed on top
    texts = [one.text for one in figure.layout.annotations]
    assert texts.count(" no support") == len(MATCHINGS) - 1
    assert first.hovertemplate.startswith("+1.98 points, 95 % interval +0.98 to +3.98; 90 pairs")


def test_controls_without_any_support_say_so_in_place_of_an_empty_chart():
    figure = figures.control_intervals(controls_of(None), {name: name for name in MATCHINGS})
    assert "No control test has support" in figure.layout.annotations[0].text


def test_the_pareto_front_is_a_staircase_and_the_chosen_run_wears_a_ring():
    table = pd.DataFrame(
        {
            "run_id": ["a", "b", "c"],
            "name": ["a", "b", "c"],
            "alpha": [1.0, 10.0, 100.0],
            "neurons": [4, 8, 8],
            "seed": [0, 0, 1],
            "accuracy": [0.95, 0.92, 0.9],
            "replicators": [0.8, 0.4, 0.3],
            "pruned_accuracy": [0.85, 0.9, 0.8],
            "drop_cost": [0.1, 0.02, 0.1],
            "front": [True, True, False],
        }
    )
    figure = figures.pareto_map(table, "b")
    (front,) = traces(figure, "no run is better in both")
    assert front.line.shape == "vh"
    np.testing.assert_allclose(front.x, [40, 80])
    np.testing.assert_allclose(front.y, [90, 85])
    (ring,) = traces(figure, "this run")
    np.testing.assert_allclose([ring.x[0], ring.y[0]], [40, 90])
    np.testing.assert_allclose(traces(figure, "h = 8")[0].x, [40, 30])
    bars = figure.data[0]
    np.testing.assert_allclose(bars.y[:2], [95, 85])


def test_drop_costs_of_the_limits_are_drawn_in_points_from_the_top():
    numbers = pd.DataFrame(
        {
            "arm": ["a", "a", "b", "b"],
            "seed": [1, 2, 1, 2],
            "cost": [0.01, 0.02, 0.03, 0.03],
            "rule_cost": [0.0, 0.001, 0.002, 0.002],
        }
    )
    figure = figures.limit_costs(numbers)
    (ours,) = traces(figure, "replicators")
    np.testing.assert_allclose(ours.x, [1.5, 3.0])
    np.testing.assert_allclose(ours.y, [1.12, 0.12])
    found = estimate([1.0, 2.0])
    np.testing.assert_allclose(ours.error_x.array, [found.high - found.mean, 0], atol=1e-9)
    np.testing.assert_allclose(figure.data[1].x, [0.05, 0.2])
    assert list(figure.layout.yaxis.ticktext) == ["b", "a"]
    assert "No setting" in figures.limit_costs(numbers[:0]).layout.annotations[0].text


def test_the_epsilon_curves_show_counts_above_and_accuracies_below():
    table = pd.DataFrame(
        {
            "epsilon": [1e-6, 1e-5],
            "zero": [1, 2],
            "identity": [3, 5],
            "dropped": [4, 7],
            "accuracy": [0.9, 0.8],
            "base_accuracy": [0.95, 0.95],
        }
    )
    figure = figures.epsilon_curves(table, 1e-5)
    drawn = {one.name: (list(one.y), one.yaxis) for one in figure.data}
    assert drawn["zero"] == ([1, 2], "y") and drawn["identity"] == ([3, 5], "y")
    assert drawn["replicators (both)"] == ([4, 7], "y")
    np.testing.assert_allclose(drawn["accuracy without them"][0], [90, 80])
    np.testing.assert_allclose(drawn["with them"][0], [95, 95])
    assert drawn["with them"][1] == "y2"


def test_export_bars_are_bytes_and_milliseconds():
    table = pd.DataFrame(
        {"network": ["a", "b"], "bytes": [10, 5], "ms_one": [0.1, 0.2], "ms_all": [3.0, 4.0]}
    )
    figure = figures.export_bars(table, ["A", "B"])
    assert [list(one.x) for one in figure.data] == [[10, 5], [0.1, 0.2], [3.0, 4.0]]
    assert list(figure.data[0].y) == ["A", "B"]
