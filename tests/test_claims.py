"""Verdicts: every branch of the pure functions, and every claim of every row against planted
numbers."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from srnn.config import RunConfig
from srnn.experiments import experiments
from srnn.experiments.base import NONE, PERMUTED, SHUFFLED, Computation, Found, Settings
from srnn.experiments.claims import (
    LEVEL,
    At,
    Claim,
    Log,
    Tolerance,
    Verdict,
    at_least,
    band,
    claims_table,
    conclude,
    judge,
    judge_all,
    judge_family,
    p_inside,
    p_outside,
    premises,
    show,
    values,
    write,
)
from srnn.statistics import estimate

BAND = Tolerance(4.0, 6.0, "why")
CLAIM = Claim("q", At("a", "x"), At("b", "x"), BAND, "1", Log("5", "source"))
QUESTION = Claim("q", At("a", "x"), At("b", "x"), BAND, "1", answers=("y", "n"))
UNKNOWN = Claim("q", At("a", "x"), At("b", "x"), BAND, "1", unknown="setting not known")
IN, OUT, ACROSS = [4.9, 5.0, 5.1], [8.9, 9.0, 9.1], [3.0, 4.0, 5.0]


@pytest.mark.parametrize(
    ("claim", "real", "placebo", "verdict"),
    [
        (CLAIM, IN, OUT, Verdict.AGREES),
        (CLAIM, OUT, OUT, Verdict.DIFFERS),
        (CLAIM, OUT, IN, Verdict.DIFFERS),
        (CLAIM, IN, IN, Verdict.NOT_EVIDENCE),
        (CLAIM, ACROSS, OUT, Verdict.UNDECIDED),
        (CLAIM, IN, ACROSS, Verdict.UNDECIDED),
        (CLAIM, IN, [], Verdict.UNDECIDED),
        (CLAIM, [5.0], OUT, Verdict.UNDECIDED),  # one seed has no interval
        (CLAIM, [], OUT, Verdict.UNDECIDED),
        (CLAIM, [*IN, math.nan], OUT, Verdict.AGREES),  # what was not measured is left out
        (QUESTION, IN, OUT, Verdict.ANSWERED),
        (QUESTION, OUT, IN, Verdict.ANSWERED),
        (QUESTION, IN, IN, Verdict.NOT_EVIDENCE),
        (QUESTION, ACROSS, OUT, Verdict.UNDECIDED),
        (UNKNOWN, IN, OUT, Verdict.NOT_COMPARABLE),
    ],
)
def test_a_claim_ends_in_one_of_six_ways(claim, real, placebo, verdict):
    assert judge(claim, real, placebo).verdict is verdict


def test_a_question_is_answered_yes_or_no():
    assert judge(QUESTION, IN, OUT).words == "open question answered: y"
    assert judge(QUESTION, OUT, IN).words == "open question answered: n"


def inside(found, tolerance):
    """Whether an interval lies in the closed band; None if it straddles an edge."""
    if p_inside(found, tolerance) <= LEVEL:
        return True
    return False if p_outside(found, tolerance) <= LEVEL else None


def test_an_interval_is_inside_outside_or_across_a_closed_band():
    same = estimate([4.0, 4.0])  # no spread: the interval is a point, on the edge
    assert inside(same, BAND) is True and inside(same, Tolerance(4.1, 6.0, "")) is False
    wide = estimate([1.0, 2.0, 3.0])  # 2.00 (-0.48 to 4.48)
    assert inside(wide, Tolerance(-0.5, 4.5, "")) is True
    assert inside(wide, at_least(0.0, "")) is None
    assert inside(wide, Tolerance(4.5, 9.0, "")) is False
    assert inside(wide, Tolerance(-9.0, -0.5, "")) is False
    assert inside(estimate([1.0]), Tolerance(0.0, 2.0, "")) is None


def test_the_claims_of_one_row_are_one_family():
    """What is certain by itself at 95 % is not beside others that are not (Holm by hand)."""
    edge = [4.4, 5.0, 5.6]  # mean 5, deviation 0.6: 5.00 (3.51 to 6.49)
    band_p = 0.0151  # one-sided: mean 5.95 of (5.9, 6.0), 95 % interval 5.31 to 6.59
    near = Claim("near", At("a", "x"), At("b", "x"), Tolerance(-9, 7.0, ""), "1", Log("5", "s"))
    mean_inside, mean_outside = [5.9, 6.0], [8.05, 7.95]
    assert p_inside(estimate(mean_inside), near.tolerance) == pytest.approx(band_p, abs=1e-4)
    assert p_outside(estimate(mean_outside), near.tolerance) == pytest.approx(band_p, abs=2e-3)
    held, fell = (near, mean_inside, OUT), (near, mean_outside, OUT)
    blur = (near, edge, [6.9, 7.0, 7.1])  # inside, not certain on its placebo
    assert judge(*held).verdict is Verdict.AGREES and judge(*fell).verdict is Verdict.DIFFERS

    def verdicts(*family):
        return [one.verdict for one in judge_family(family)]

    assert verdicts(held, held) == [Verdict.UNDECIDED] * 2  # 2 x 0.0151 > 0.025
    assert verdicts(fell, fell) == [Verdict.UNDECIDED] * 2
    sure = (CLAIM, [5.0, 5.0, 5.0], [9.0, 9.0, 9.0])
    assert verdicts(held, sure) == [Verdict.AGREES] * 2  # the surer one first, then 1 x 0.0151
    assert verdicts(fell, sure)[0] is Verdict.UNDECIDED  # sure is no rejection of this kind
    unknown = (UNKNOWN, mean_inside, OUT)
    assert verdicts(held, unknown) == [Verdict.AGREES, Verdict.NOT_COMPARABLE]  # not counted
    assert verdicts(blur) == [Verdict.UNDECIDED]
    one_run = (CLAIM, [5.0], OUT)
    assert verdicts(held, one_run) == [Verdict.AGREES, Verdict.UNDECIDED]


def test_the_placebo_must_fail_at_the_level_of_the_family():
    real = (5.0, 5.0, 5.0)
    faint = (6.9, 7.0, 7.1 + 0.45)  # outside 4 to 6 with p = 0.02
    p = p_outside(estimate(faint), BAND)
    assert LEVEL / 2 < p <= LEVEL
    assert judge(CLAIM, real, faint).verdict is Verdict.AGREES
    both = judge_family([(CLAIM, real, faint)] * 2)
    assert [one.verdict for one in both] == [Verdict.UNDECIDED] * 2
    assert [one.holds for one in both] == [True] * 2


def test_the_worst_claim_decides_and_all_are_named():
    def one(verdict_of):
        return judge(*verdict_of)

    good, bad = one((CLAIM, IN, OUT)), one((CLAIM, OUT, OUT))
    idle, open_ = one((CLAIM, IN, IN)), one((QUESTION, IN, OUT))
    across, unknown = one((CLAIM, ACROSS, OUT)), one((UNKNOWN, IN, OUT))
    assert conclude([good]) == (Verdict.AGREES, "agrees")
    assert conclude([good, bad])[0] is Verdict.DIFFERS
    assert conclude([good, bad])[1] == "differs: q; agrees: q"
    assert conclude([good, idle])[0] is Verdict.NOT_EVIDENCE
    assert conclude([good, across])[0] is Verdict.UNDECIDED
    assert conclude([good, open_, unknown])[0] is Verdict.AGREES
    assert conclude([open_, unknown])[0] is Verdict.ANSWERED
    assert conclude([unknown]) == (Verdict.NOT_COMPARABLE, "not comparable")
    assert conclude([])[0] is Verdict.UNDECIDED
    assert conclude([good], ["it is untrained"]) == (
        Verdict.NOT_EVIDENCE,
        "not evidence: it is untrained",
    )


def test_networks_must_have_learned_and_replicate_to_be_evidence():
    rows = {"arm": ["a", "a", "b"], "accuracy": [0.2, 0.5, 0.1], "replicators": [0.04, 0.08, 0.0]}
    numbers = pd.DataFrame(rows)
    assert premises(numbers, ["a"]) == []  # the means, 0.35 and 0.06
    assert len(premises(numbers, ["a", "b"])) == 2
    assert "test accuracy 10.0 %" in premises(numbers, ["b"])[0]
    assert len(premises(numbers, ["nobody"])) == 2  # every run diverged


def test_differences_are_paired_by_seed():
    numbers = pd.DataFrame(
        {"arm": ["a", "a", "b", "b"], "seed": [1, 2, 2, 3], "x": [5.0, 7.0, 1.0, 9.0]}
    )
    assert values(numbers, At("a", "x")) == {1: 5.0, 2: 7.0}
    assert values(numbers, At("a", "x", At("b", "x"))) == {2: 6.0}
    assert values(numbers, At("a", "unknown")) == values(numbers, At("nobody", "x")) == {}


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.851, "%", "85.1 %"),
        (-0.0005, "pp", "−0.05 pp"),
        (0.0, "pp", "+0.00 pp"),
        (1203.6, "count", "1,204"),
        (2.2e-7, "exp", "2.2e−07"),
        (0.5, "2", "0.50"),
        (math.inf, "%", "∞"),
    ],
)
def test_numbers_are_written_one_way(value, unit, text):
    assert write(value, unit) == text


def test_estimates_show_their_interval_only_if_there_is_one():
    assert show(estimate([1.0, 2.0, 3.0]), "1") == "2.0 (−0.5 to 4.5)"
    assert show(estimate([0.5]), "%") == show(estimate([0.5, 0.5]), "%") == "50.0 %"
    assert show(estimate([]), "%") == "not measured"
    assert band(BAND, "1") == "4.0 to 6.0" and band(at_least(0.5, ""), "%") == "at least 50.0 %"
    assert band(Tolerance(-math.inf, -0.005, ""), "pp") == "at most −0.50 pp"


def test_the_table_of_claims_shows_real_and_placebo_beside_each_other():
    row = claims_table([judge(CLAIM, IN, OUT)]).iloc[0]
    assert (row["here"], row["placebo"]) == ("5.0 (4.8 to 5.2)", "9.0 (8.8 to 9.2)")
    assert (row["verdict"], row["tolerance"], row["seeds"]) == ("agrees", "4.0 to 6.0", 3)
    assert (row["log"], row["source"], row["why"], row["control"]) == ("5", "source", "why", "b")
    assert claims_table([judge(UNKNOWN, IN, OUT)]).iloc[0]["source"] == "setting not known"
    assert row["here_low"] < row["here_mean"] < row["here_high"] < row["placebo_low"]


# every claim of every row, on planted numbers

NAMES = list(experiments())
ROWS = pytest.mark.parametrize("name", NAMES)


def plant(claim: Claim, real: float, placebo: float) -> pd.DataFrame:
    """Numbers of three seeds in which a claim's real and placebo measurements have these means."""
    rows: dict[tuple[str, int], dict[str, float]] = {}

    def put(at: At, mean: float) -> None:
        for seed, noise in ((1, -1e-9), (2, 0.0), (3, 1e-9)):
            known = rows.setdefault((at.arm, seed), {"arm": at.arm, "seed": seed})
            if at.minus is not None:
                other = rows.setdefault((at.minus.arm, seed), {"arm": at.minus.arm, "seed": seed})
                mean_here = mean + other.setdefault(at.minus.key, 0.0)
            else:
                mean_here = mean
            known[at.key] = mean_here + noise * (1 + abs(mean))

    put(claim.placebo, placebo)
    put(claim.real, real)
    return pd.DataFrame(rows.values())


def inner(claim: Claim) -> float:
    low, high = claim.tolerance.low, claim.tolerance.high
    if math.isfinite(low) and math.isfinite(high):
        return (low + high) / 2
    return low + 1 if math.isfinite(low) else high - 1


def outer(claim: Claim) -> float:
    low, high = claim.tolerance.low, claim.tolerance.high
    return high + 1 if math.isfinite(high) else low - 1


@ROWS
def test_every_claim_can_hold_and_can_fail(name):
    for claim in experiments()[name].claims:
        if claim.tolerance.low == claim.tolerance.high:
            continue  # bit for bit: tested by itself
        held, fell = (
            judge_all([claim], plant(claim, *means))[claim.quantity]
            for means in ((inner(claim), outer(claim)), (outer(claim), outer(claim)))
        )
        if claim.unknown:
            assert held.verdict is fell.verdict is Verdict.NOT_COMPARABLE
        elif claim.answers:
            assert (held.verdict, held.holds) == (Verdict.ANSWERED, True)
            assert (fell.verdict, fell.holds) == (Verdict.ANSWERED, False)
        else:
            assert (held.verdict, fell.verdict) == (Verdict.AGREES, Verdict.DIFFERS)


@ROWS
def test_no_claim_agrees_when_the_placebo_gives_the_same(name):
    for claim in experiments()[name].claims:
        for mean in (inner(claim), outer(claim)):
            found = judge_all([claim], plant(claim, mean, mean))[claim.quantity]
            assert found.verdict is not Verdict.AGREES
            assert not (found.verdict is Verdict.ANSWERED and found.holds)


@ROWS
def test_every_claim_says_where_it_comes_from_and_what_it_must_not_hold_on(name):
    one = experiments()[name]
    assert one.claims and len({claim.quantity for claim in one.claims}) == len(one.claims)
    for claim in one.claims:
        assert claim.log.value and claim.log.where and claim.tolerance.why and claim.condition
        assert claim.tolerance.low <= claim.tolerance.high and claim.real != claim.placebo
        assert claim.control or claim.placebo.arm != claim.real.arm
        assert claim.answers or claim.log.value != "no figure"


@ROWS
def test_the_placebos_are_what_their_names_say_and_no_arm_is_another_s(name):
    arms = experiments()[name].arms(Settings())
    pieces = [
        [(one.function, one.parameters) if isinstance(one, Computation) else one for one in arm]
        for arm in arms.values()
    ]
    assert all(one != other for one, other in itertools.combinations(pieces, 2))
    wanted = {
        NONE: ("goal", "none"),
        SHUFFLED: ("labels", "shuffled"),
        PERMUTED: ("goal", "permuted"),
    }
    for arm, own in arms.items():
        for one in own:
            about = one.to_dict() if isinstance(one, RunConfig) else one.parameters.get("config")
            for control, (field, value) in wanted.items() if about else ():
                assert about.get(field) == value or control not in arm, (arm, field)


def test_a_finding_without_words_of_its_own_shows_real_beside_placebo():
    from srnn.experiments.base import finding_of_claims

    numbers = plant(CLAIM, 5.0, 9.0)
    found = Found(numbers, {}, judge_all([CLAIM], numbers))
    (text,) = finding_of_claims(found)
    assert text.startswith("Q: 5.0") and "b: 9.0" in text
    assert np.isclose(found.estimate("a", "x").mean, 5.0)
