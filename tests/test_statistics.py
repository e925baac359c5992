"""Statistics: answers worked out by hand, scipy and statsmodels, planted effects and none."""

import itertools
import math

import numpy as np
import pytest
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from srnn.statistics import (
    ALPHA,
    MARGIN,
    Comparison,
    Estimate,
    Outcome,
    auc,
    compare_all,
    estimate,
    holm,
    number,
    paired,
    rank_trend,
    tail,
    two_sided,
    verdict,
)

FIVE = np.array([0.54, 0.77, 0.78, 0.50, 1.37])
"""Points of accuracy that dropping the replicators cost in five trainings."""


def compare(differences: ArrayLike, margin: float = MARGIN) -> Comparison:
    """One effect by itself."""
    return compare_all({"": differences}, margin)[""]


def test_the_level_and_the_margin_are_those_of_the_texts():
    assert (ALPHA, MARGIN) == (0.05, 0.005)


# --- estimates -----------------------------------------------------------------------------------


def test_an_estimate_worked_out_by_hand():
    # mean 2, deviation 1, t(2, 0.975) = 4.302653: reach 4.302653 / sqrt(3) = 2.484138
    found = estimate([1.0, 2.0, 3.0])
    assert (found.mean, found.deviation, found.count) == (2.0, 1.0, 3)
    assert found.low == pytest.approx(-0.484138, abs=1e-6)
    assert found.high == pytest.approx(4.484138, abs=1e-6)
    assert str(found) == "2.00 (−0.48 to 4.48)"


def test_the_interval_is_scipys():
    low, high = scipy_stats.t.interval(0.95, 4, FIVE.mean(), scipy_stats.sem(FIVE))
    found = estimate(FIVE)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)


def test_one_run_has_a_mean_and_no_interval_and_none_has_nothing():
    one, none = estimate([0.3]), estimate([])
    assert one.mean == 0.3 and one.count == 1
    assert all(math.isnan(value) for value in (one.low, one.high, one.deviation))
    assert one.text(100, 1) == "30.0"
    assert math.isnan(none.mean) and none.count == 0 and none.text() == "no value"


@pytest.mark.parametrize("values", [[1.0, math.nan], [math.inf], [[1.0, 2.0]], 3.0])
def test_what_is_no_list_of_finite_numbers_is_refused(values: object):
    with pytest.raises(ValueError, match=r"finite|one number per run"):
        estimate(values)


def test_numbers_are_written_with_true_signs():
    said = [number(-0.024), number(0.5, 1, signed=True), number(-0.001), number(-0.001, 2, True)]
    assert said == ["−0.02", "+0.5", "0.00", "+0.00"]
    assert number(math.nan) == "unknown"
    assert Estimate(0.0065, -0.0002, 0.0158, 0.01, 5).text(100, signed=True) == (
        "+0.65 (−0.02 to +1.58)"
    )


def test_pairs_are_ours_minus_theirs():
    assert paired([3.0, 1.0], [1.0, 2.0]).tolist() == [2.0, -1.0]
    with pytest.raises(ValueError, match="2 and 1 values"):
        paired([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="not finite"):
        paired([1.0, 2.0], [1.0, math.nan])


# --- comparisons ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("differences", "outcome"),
    [
        ([1.0, 1.2, 0.9, 1.1, 1.0], Outcome.BETTER),
        ([-1.0, -1.2, -0.9, -1.1, -1.0], Outcome.WORSE),
        ([0.1, -0.1, 0.05, -0.05, 0.0], Outcome.EQUIVALENT),
        ([0.30, 0.31, 0.29, 0.30, 0.30], Outcome.EQUIVALENT),
        ([2.0, -1.0, 0.5, -0.8, 1.5], Outcome.UNDECIDED),
        ([0.4, 0.6, 0.3, 0.7, 0.5], Outcome.BETTER),
        ([3.0], Outcome.UNDECIDED),
        ([], Outcome.UNDECIDED),
        ([0.0, 0.0, 0.0], Outcome.EQUIVALENT),
        ([0.7, 0.7], Outcome.BETTER),
        ([-0.7, -0.7], Outcome.WORSE),
    ],
)
def test_every_way_a_comparison_can_end(differences: list[float], outcome: Outcome):
    assert compare(differences, margin=0.5).outcome is outcome


def test_both_p_values_are_those_of_scipy_and_statsmodels():
    found = compare(FIVE - 0.6, margin=0.5)
    assert found.p_difference == pytest.approx(scipy_stats.ttest_1samp(FIVE, 0.6).pvalue)
    p, _, _ = DescrStatsW(FIVE - 0.6).ttost_mean(-0.5, 0.5)
    assert found.p_equivalence == pytest.approx(p)
    assert found.margin == 0.5 and found.estimate == estimate(FIVE - 0.6)


def test_values_without_scatter_have_p_values_of_nothing_half_or_one():
    same, edge, far = compare([0.0, 0.0]), compare([0.5, 0.5], 0.5), compare([0.7, 0.7], 0.5)
    assert (same.p_difference, same.p_equivalence) == (1.0, 0.0)
    assert (edge.p_difference, edge.p_equivalence) == (0.0, 0.5)
    assert (far.p_difference, far.p_equivalence) == (0.0, 1.0)


def test_a_margin_must_be_positive():
    for margin in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="must be positive"):
            compare(FIVE, margin)


def test_a_verdict_at_the_level_itself_is_still_made():
    assert verdict(1.0, 0.05, 1.0) is Outcome.BETTER
    assert verdict(1.0, 1.0, 0.05) is Outcome.EQUIVALENT
    assert verdict(-1.0, 0.051, 0.051) is Outcome.UNDECIDED
    assert verdict(-1.0, 0.01, 0.06) is Outcome.WORSE
    assert verdict(1.0, math.nan, math.nan) is Outcome.UNDECIDED


def test_holm_worked_out_by_hand_and_by_statsmodels():
    # sorted .01 .03 .04: x3 = .03, x2 = .06, x1 = .04 but never less than the one before
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    p = np.random.default_rng(0).random(20) ** 3
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], rtol=1e-12)
    assert holm([0.6, 0.9]).tolist() == [1.0, 1.0]
    assert len(holm([])) == 0


def test_a_test_that_was_not_made_does_not_count_in_the_family():
    found = holm([0.01, math.nan, 0.04])
    assert found[[0, 2]].tolist() == [0.02, 0.04] and math.isnan(found[1])


def test_a_family_is_corrected_for_difference_and_for_equivalence():
    weak = np.array([0.10, 0.9, 1.3, 1.0, 0.2])  # p = 0.037 alone
    alone = compare(weak, 0.05)
    assert alone.outcome is Outcome.BETTER
    family = compare_all({"a": weak, "b": weak, "c": weak}, 0.05)
    assert family["a"].p_difference == pytest.approx(3 * alone.p_difference)
    assert {one.outcome for one in family.values()} == {Outcome.UNDECIDED}
    near = np.array([0.3, -0.3, 0.2, -0.4, 0.25])
    single = compare(near, 0.5)
    assert single.outcome is Outcome.EQUIVALENT
    both = compare_all({"a": near, "b": [5.0, -5.0, 4.0], "c": near}, 0.5)
    assert both["a"].p_equivalence == pytest.approx(3 * single.p_equivalence)


def test_no_effect_is_called_one_in_at_most_a_twentieth_and_a_planted_one_is_found():
    noise = np.random.default_rng(5).standard_normal((400, 5))
    calls = [compare(row, 1e-6).outcome for row in noise]
    at_most = scipy_stats.binom.ppf(0.99, 400, ALPHA)  # a test at 5 % errs in 20 of 400, or so
    assert sum(one is not Outcome.UNDECIDED for one in calls) <= at_most
    found = [compare(row + 3, 0.5).outcome for row in noise]
    assert sum(one is Outcome.BETTER for one in found) >= 0.8 * 400
    wide = [compare(0.2 * row, 0.5).outcome for row in noise]
    assert sum(one is Outcome.EQUIVALENT for one in wide) >= 0.8 * 400
    edge = [compare(0.2 * row + 0.5, 0.5).outcome for row in noise]
    assert sum(one is Outcome.EQUIVALENT for one in edge) <= at_most


# --- permutations --------------------------------------------------------------------------------


def test_the_p_value_counts_the_smaller_tail_twice_and_the_observed_in():
    draws = np.arange(1, 100)
    assert two_sided(1000.0, draws) == 2 / 100
    assert two_sided(-1000.0, draws) == 2 / 100
    assert two_sided(98.0, draws) == 2 * 3 / 100
    assert two_sided(2.0, draws) == 2 * 3 / 100
    assert two_sided(50.0, draws) == 1.0
    assert two_sided(1.0, np.ones(99)) == 1.0


def test_auc_by_hand_and_by_counting_pairs():
    assert auc([1, 2, 3, 4], [False, True, False, True]) == 0.75
    assert auc([1, 1], [True, False]) == 0.5
    random = np.random.default_rng(0)
    scores, positive = random.integers(0, 9, 60), random.random(60) < 0.3
    pairs = scores[positive][:, None] - scores[~positive][None]
    assert auc(scores, positive) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    assert math.isnan(auc([1, 2], [True, True]))
    assert math.isnan(auc([1, 2], [False, False]))
    with pytest.raises(ValueError, match="2 scores and 1 marks"):
        auc([1, 2], [True])


def test_a_rank_trend_is_spearman_s_and_its_p_that_of_the_orders():
    x, y = [0, 0, 1, 1, 2, 3], [0.84, 0.82, 0.79, 0.77, 0.74, 0.66]
    rank, p = rank_trend(x, y)
    assert rank == pytest.approx(scipy_stats.spearmanr(x, y).statistic)
    exact = np.mean([scipy_stats.spearmanr(x, [y[i] for i in one]).statistic <= rank + 1e-9
                     for one in itertools.permutations(range(6))])  # fmt: skip
    assert p == pytest.approx(2 * exact, rel=0.3)
    assert rank_trend(y, x) == pytest.approx((rank, p), rel=0.3)
    assert rank_trend([1, 2, 3, 4], [1, 3, 2, 4])[0] == pytest.approx(0.8)
    assert rank_trend([1, 2], [1, 2])[1] > 0.9
    for nothing in (([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [1, 1, 1]), ([1], [1]), ([], [])):
        assert all(math.isnan(value) for value in rank_trend(*nothing))
    with pytest.raises(ValueError, match="3 and 2 values"):
        rank_trend([1, 2, 3], [1, 2])


def test_a_rank_trend_finds_no_trend_where_there_is_none():
    rng = np.random.default_rng(5)
    found = [rank_trend(*rng.normal(size=(2, 12)), draws=199)[1] for _ in range(200)]
    assert np.mean([p <= ALPHA for p in found]) <= 0.08


def test_a_tail_is_one_of_the_t_distribution():
    found = estimate(FIVE)
    for distance in (-0.3, 0.0, 0.2):
        wanted = scipy_stats.ttest_1samp(FIVE, found.mean - distance, alternative="greater").pvalue
        assert tail(distance, found) == pytest.approx(wanted)
    assert tail(math.inf, found) == 0 and tail(-math.inf, found) == 1
    assert [tail(one, estimate([2.0, 2.0])) for one in (0.1, 0.0, -0.1)] == [0, 0.5, 1]
    assert math.isnan(tail(0.1, estimate([2.0])))
