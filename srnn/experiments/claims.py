"""Claims and verdicts: what an experiment says before it runs, and what the numbers make of it.

A :class:`Claim` names a quantity, what the log says of it (with source and setting), a tolerance
and its reason, and a *placebo*: a measurement in which the claim must not hold (no
self-replication, shuffled labels, as many particles at random). A claim that holds there too is no
evidence, however well the number fits. What the log has a number for is :func:`reported`, the rest
are questions with two answers; where the placebo is measured, :func:`within` or :func:`across`
says. The verdict is a pure function of numbers, one per run (seed); sentences are chosen by
verdicts, never written beforehand.

The claims of one row answer its one question, so their tests are corrected as one family (Holm).
Rows ask different questions and none is concluded from several, so nothing is corrected across
them: of twenty rows in which nothing were true, one might still say something by chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

import numpy as np
import pandas as pd

from srnn.statistics import ALPHA, MARGIN, Estimate, estimate, holm, number, tail

RULES = 2
"""Version of the rules by which claims are judged: outcomes of older ones are judged anew."""

LEVEL = ALPHA / 2
"""Level of a one-sided test: two of them make a 95 % interval."""

LEARNED, REPLICATING = 0.3, 0.05
"""What a MetaNet must reach for an experiment to say anything about it: test accuracy (chance is
0.1 in the data sets here) and share of replicators, means over seeds."""


class Verdict(StrEnum):
    """How a claim ends. The claim that decides an experiment's verdict is the first in this
    order."""

    DIFFERS = "differs"
    NOT_EVIDENCE = "not evidence"
    UNDECIDED = "undecided"
    AGREES = "agrees"
    ANSWERED = "open question answered"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True)
class At:
    """Where a claim's numbers are: the column ``key`` of an arm's measurements, one per seed; with
    ``minus``, less what stands there, seed by seed."""

    arm: str
    key: str
    minus: At | None = None


@dataclass(frozen=True)
class Pair:
    """Where a claim's numbers are, real and placebo, and under which condition (``control``) the
    claim must not hold, if the placebo's arm does not say it."""

    real: At
    placebo: At
    control: str = ""


def within(arm: str, key: str, placebo: str, control: str, minus: str = "") -> Pair:
    """A quantity and its placebo, both measured on the runs of one arm; each less ``minus``."""
    less = At(arm, minus) if minus else None
    return Pair(At(arm, key, less), At(arm, placebo, less), control)


def across(
    key: str, arm: str, placebo: str, control: str = "", minus: str = "", placebo_minus: str = ""
) -> Pair:
    """A quantity in an arm and in the arm that is its placebo; each less that in ``minus``, the
    placebo's less that in ``placebo_minus`` if there is one."""
    less = At(minus, key) if minus else None
    placebo_less = At(placebo_minus, key) if placebo_minus else less
    return Pair(At(arm, key, less), At(placebo, key, placebo_less), control)


@dataclass(frozen=True)
class Tolerance:
    """From where to where a quantity may lie, and why just there; fixed before anything runs. What
    the quantity cannot pass anyway (a share of 1, a distance of 0) is no edge, as the interval of
    its mean may pass it: take :func:`at_least` or :func:`at_most`. ``unit``, in which it is
    written: ``%`` (of shares), ``pp`` (of differences of shares), ``count``, ``exp`` or a number of
    digits."""

    low: float
    high: float
    why: str
    unit: str = field(default="%", repr=False)


def about(value: float, reach: float, why: str, unit: str = "%") -> Tolerance:
    """A value, give or take."""
    return Tolerance(value - reach, value + reach, why, unit)


def at_least(value: float, why: str, unit: str = "%") -> Tolerance:
    """A value or more."""
    return Tolerance(value, math.inf, why, unit)


def at_most(value: float, why: str, unit: str = "%") -> Tolerance:
    """A value or less."""
    return Tolerance(-math.inf, value, why, unit)


def count_about(value: int) -> Tolerance:
    """A count of particles that the log shows in a plot."""
    return about(value, 76, "5 % of the 1,518 particles: read off a plot", "count")


def accuracy_about(value: float) -> Tolerance:
    """An accuracy that the log shows in a plot."""
    return about(value, 0.03, "3 points: measured on 1,500 images and read off a plot")


SAME = about(0.0, MARGIN, "under half a percentage point is no difference", "pp")


@dataclass(frozen=True)
class Log:
    """What the log says of a quantity, and where and in which setting it says so."""

    value: str = "no figure"
    where: str = "question of the log"


OPEN, AFTER = Log(), Log(where="after the log")


@dataclass(frozen=True)
class Claim:
    """What is claimed of a quantity before anything runs: its mean over seeds lies within the
    tolerance. ``placebo`` is measured like ``real``, in an arm (or under the condition ``control``)
    in which the claim must not hold. ``unit`` as of the tolerance.

    A claim with ``answers`` (yes, no) is a question for which the log has no number. ``unknown``
    says why the log's value cannot be compared (its setting is not known).
    """

    quantity: str
    real: At
    placebo: At
    tolerance: Tolerance
    unit: str
    log: Log = OPEN
    answers: tuple[str, str] | None = None
    control: str = ""
    unknown: str = ""

    @property
    def condition(self) -> str:
        """Under which condition the claim must not hold."""
        return self.control or self.placebo.arm


def reported(
    quantity: str, where: Pair, tolerance: Tolerance, log: Log, unknown: str = ""
) -> Claim:
    """A claim about a quantity of which the log says something."""
    stated = quantity, where.real, where.placebo, tolerance, tolerance.unit
    return Claim(*stated, log, control=where.control, unknown=unknown)


def question(
    quantity: str, where: Pair, tolerance: Tolerance, yes: str, no: str, log: Log = OPEN
) -> Claim:
    """A question of the log, with its two answers."""
    stated = quantity, where.real, where.placebo, tolerance, tolerance.unit
    return Claim(*stated, log, (yes, no), where.control)


later_question = partial(question, log=AFTER)
"""A question that came after the log."""


@dataclass(frozen=True)
class Judged:
    """A claim with what was found: estimates over seeds, the verdict they lead to, and whether the
    claim holds (None: not decided)."""

    claim: Claim
    real: Estimate
    placebo: Estimate
    verdict: Verdict
    holds: bool | None

    @property
    def words(self) -> str:
        """The verdict in words, with the answer of a question."""
        if self.verdict is not Verdict.ANSWERED:
            return self.verdict.value
        assert self.claim.answers is not None
        return f"{self.verdict}: {self.claim.answers[not self.holds]}"


def judge(claim: Claim, real: Sequence[float], placebo: Sequence[float]) -> Judged:
    """The verdict on a claim by itself; see :func:`judge_family`."""
    return judge_family([(claim, real, placebo)])[0]


def judge_family(
    measured: Sequence[tuple[Claim, Sequence[float], Sequence[float]]],
) -> list[Judged]:
    """The verdicts on claims that answer one question, each from its real and its placebo numbers,
    one per run; numbers that are not finite are left out.

    A claim holds (or fails) if the 95 % t-interval of the mean lies wholly inside (or outside) the
    tolerance; where there are several, at the stricter level of Holm's correction. Held: *agrees*
    if it fails on the placebo, *not evidence* if it holds there as well. Failed: *differs*. A
    question is *answered* in place of both. *Undecided* is what straddles the tolerance at that
    level, really or on the placebo, or has fewer than two runs.
    """
    claims = [claim for claim, _, _ in measured]
    real = [finite_estimate(numbers) for _, numbers, _ in measured]
    fake = [finite_estimate(numbers) for _, _, numbers in measured]

    def family(test: Callable[[Estimate, Tolerance], float], found: list[Estimate]) -> np.ndarray:
        pairs = zip(claims, found, strict=True)
        return holm([math.nan if c.unknown else test(one, c.tolerance) for c, one in pairs])

    tests = family(p_inside, real), family(p_outside, real), family(p_outside, fake)
    judged = []
    for claim, own, other, held, failed, refused in zip(claims, real, fake, *tests, strict=True):
        holds = True if held <= LEVEL else False if failed <= LEVEL else None
        if claim.unknown:
            verdict = Verdict.NOT_COMPARABLE
        elif holds and p_inside(other, claim.tolerance) <= LEVEL:
            verdict = Verdict.NOT_EVIDENCE
        elif holds is None or (holds and not refused <= LEVEL):
            verdict = Verdict.UNDECIDED
        elif claim.answers:
            verdict = Verdict.ANSWERED
        else:
            verdict = Verdict.AGREES if holds else Verdict.DIFFERS
        judged.append(Judged(claim, own, other, verdict, holds))
    return judged


def finite_estimate(numbers: Sequence[float]) -> Estimate:
    """Mean and interval of numbers, one per run; what is not finite is left out."""
    x = np.asarray(numbers, dtype=float)
    return estimate(x[np.isfinite(x)])


def p_inside(found: Estimate, band: Tolerance) -> float:
    """p of "the mean lies outside the closed band" (the larger of two one-sided t-tests): at most
    :data:`LEVEL` where the 95 % interval lies inside; NaN for fewer than two runs."""
    if found.deviation == 0:
        return float(not band.low <= found.mean <= band.high)
    return max(tail(found.mean - band.low, found), tail(band.high - found.mean, found))


def p_outside(found: Estimate, band: Tolerance) -> float:
    """p of "the mean lies inside the band": at most :data:`LEVEL` where the 95 % interval lies
    outside; NaN for fewer than two runs."""
    return min(tail(found.mean - band.high, found), tail(band.low - found.mean, found))


def premises(numbers: pd.DataFrame, arms: Sequence[str]) -> list[str]:
    """What is wrong with the networks an experiment looks at, as sentences: they have not learned
    the task, or do not replicate, so that they are no MetaNets to speak of. ``numbers`` has the
    columns ``arm, accuracy, replicators`` (shares of 0..1)."""
    wrong = []
    for arm in arms:
        own = numbers[numbers["arm"] == arm]
        for key, least, what in (
            ("accuracy", LEARNED, "have not learned the task: test accuracy"),
            ("replicators", REPLICATING, "do not replicate themselves: replicators"),
        ):
            share = float(own[key].mean()) if len(own) else math.nan
            if not share >= least:
                seen = write(share, "%") if len(own) else "not measured"
                wrong.append(f"the networks ({arm}) {what} {seen}")
    return wrong


def evidence(numbers: pd.DataFrame, arms: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arms whose networks learn and replicate, and a sentence for each thing that is wrong with
    the others (:func:`premises`)."""
    wrong = {arm: premises(numbers, [arm]) for arm in arms}
    said = [f"Not evidence: {one}." for ones in wrong.values() for one in ones]
    return [arm for arm in arms if not wrong[arm]], said


def conclude(judged: Sequence[Judged], wrong: Sequence[str] = ()) -> tuple[Verdict, str]:
    """An experiment's verdict from its claims alone, and in words; ``wrong`` are the premises that
    do not hold, without which nothing is evidence."""
    if wrong:
        return Verdict.NOT_EVIDENCE, f"{Verdict.NOT_EVIDENCE}: " + "; ".join(wrong)
    if not judged:
        return Verdict.UNDECIDED, "undecided: nothing was claimed"
    groups = {kind: [one for one in judged if one.verdict is kind] for kind in Verdict}
    parts = []
    for kind, group in groups.items():
        if kind is Verdict.ANSWERED:
            parts += [one.words for one in group]
        elif group and len(group) == len(judged):
            parts.append(kind.value)
        elif group:
            parts.append(f"{kind}: " + ", ".join(one.claim.quantity for one in group))
    first = next(kind for kind in Verdict if groups[kind])
    return first, "; ".join(parts)


def claims_table(judged: Sequence[Judged]) -> pd.DataFrame:
    """The claims with what was found, real and placebo beside each other, one row each."""
    rows = [
        {
            "claim": one.claim.quantity,
            "log": one.claim.log.value,
            "here": show(one.real, one.claim.unit),
            "placebo": show(one.placebo, one.claim.unit),
            "verdict": one.words,
            "tolerance": band(one.claim.tolerance, one.claim.unit),
            "why": one.claim.tolerance.why,
            "control": one.claim.condition,
            "source": one.claim.unknown or one.claim.log.where,
            "seeds": one.real.count,
            "low": one.claim.tolerance.low,
            "high": one.claim.tolerance.high,
            **{
                f"{name}_{end}": getattr(found, end)
                for name, found in (("here", one.real), ("placebo", one.placebo))
                for end in ("mean", "low", "high")
            },
            "unit": one.claim.unit,
        }
        for one in judged
    ]
    return pd.DataFrame(rows)


def values(numbers: pd.DataFrame, at: At) -> dict[int, float]:
    """The numbers that a claim speaks of, by seed; a seed without one is left out."""
    own = numbers[numbers["arm"] == at.arm]
    if at.key not in own:
        return {}
    found = dict(zip(own["seed"].tolist(), own[at.key].astype(float).tolist(), strict=True))
    if at.minus is None:
        return found
    other = values(numbers, at.minus)
    return {seed: value - other[seed] for seed, value in found.items() if seed in other}


def judge_all(claims: Sequence[Claim], numbers: pd.DataFrame) -> dict[str, Judged]:
    """The claims of a row, judged on a table ``arm, seed`` and a column per quantity; by
    quantity."""

    def of(at: At) -> list[float]:
        return list(values(numbers, at).values())

    judged = judge_family([(claim, of(claim.real), of(claim.placebo)) for claim in claims])
    return {one.claim.quantity: one for one in judged}


UNITS: Mapping[str, tuple[float, int, bool, str]] = {
    "%": (100, 1, False, " %"),
    "pp": (100, 2, True, " pp"),
    "count": (1, 0, False, ""),
}
"""Per unit: factor, digits, whether signed, what stands behind."""


def show(found: Estimate, unit: str) -> str:
    """An estimate for readers: ``85.1 % (84.8 to 85.3)``, ``−0.05 pp (−0.10 to +0.01)``."""
    if not found.count:
        return "not measured"
    mean = write(found.mean, unit)
    if found.count == 1 or found.deviation == 0:
        return mean
    behind = UNITS.get(unit, (1, 0, False, ""))[3]
    low, high = (write(end, unit).removesuffix(behind) for end in (found.low, found.high))
    return f"{mean} ({low} to {high})"


def write(value: float, unit: str) -> str:
    """One number in a claim's unit."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if unit == "exp":
        return f"{value:.1e}".replace("-", "−")
    if unit == "count":
        return f"{round(value):,}".replace("-", "−")
    scale, digits, signed, behind = UNITS.get(unit) or (1, int(unit), False, "")
    return number(scale * value, digits, signed) + behind


def band(tolerance: Tolerance, unit: str) -> str:
    """The tolerance in words: ``53.0 % to 59.0 %``, ``at least 50.0 %``, ``at most 1e-05``."""
    low, high = write(tolerance.low, unit), write(tolerance.high, unit)
    if math.isinf(tolerance.high):
        return f"at least {low}"
    return f"at most {high}" if math.isinf(tolerance.low) else f"{low} to {high}"
