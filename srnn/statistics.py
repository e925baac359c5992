"""Statistics of effects over runs: intervals, comparisons that can end four ways, permutations.

The independent unit is the run (one seed). An effect is a difference in which more is better:
accuracies from 0 to 1, margins in the same unit.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

ALPHA = 0.05
"""Level of every test, and of an interval (95 %)."""

MARGIN = 0.005
"""Accuracies less than half a percentage point apart count as no different."""


class Outcome(StrEnum):
    """How a comparison ends."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "no difference"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Estimate:
    """Mean over ``count`` runs, its 95 % t-interval ``low`` to ``high`` and the standard deviation
    of the runs (``ddof`` 1). With one run the last three are NaN, with none all are."""

    mean: float
    low: float
    high: float
    deviation: float
    count: int

    def text(self, scale: float = 1.0, digits: int = 2, signed: bool = False) -> str:
        """``0.65 (−0.02 to 1.58)``, every number times ``scale``; one run stands alone."""
        if not self.count:
            return "no value"
        mean, low, high = (
            number(scale * value, digits, signed) for value in (self.mean, self.low, self.high)
        )
        return mean if self.count == 1 else f"{mean} ({low} to {high})"

    def __str__(self) -> str:
        return self.text()


@dataclass(frozen=True)
class Comparison:
    """One effect judged: its estimate, the p-values of "there is no difference" (t-test) and of
    "the difference is at least the margin" (TOST), corrected if several were tested, and the
    outcome at level ``ALPHA``."""

    estimate: Estimate
    p_difference: float
    p_equivalence: float
    margin: float
    outcome: Outcome


def number(value: float, digits: int = 2, signed: bool = False) -> str:
    """A number for readers, with a true minus sign and no negative zero: ``−0.02``, ``+1.50``."""
    if math.isnan(value):
        return "unknown"
    text = f"{abs(value):.{digits}f}"
    if value < 0 and float(text):
        return f"−{text}"
    return f"+{text}" if signed else text


def estimate(values: ArrayLike) -> Estimate:
    """Mean and 95 % t-interval of one value per run, ``(n,)``.

    Raises:
        ValueError: not one-dimensional, or a value is not finite.

    >>> print(estimate([1.0, 2.0, 3.0]))
    2.00 (−0.48 to 4.48)
    """
    x = _checked(values)
    n, nan = len(x), math.nan
    if n < 2:
        return Estimate(float(x[0]) if n else nan, nan, nan, nan, n)
    mean, deviation = float(x.mean()), float(x.std(ddof=1))
    reach = float(stats.t.ppf(1 - ALPHA / 2, n - 1)) * deviation / math.sqrt(n)
    return Estimate(mean, mean - reach, mean + reach, deviation, n)


def mean_of(values: ArrayLike) -> float:
    """The mean of what is known, NaN left out; NaN of nothing."""
    x = np.asarray(values, dtype=float)
    known = x[~np.isnan(x)]
    return float(known.mean()) if len(known) else math.nan


def paired(ours: ArrayLike, theirs: ArrayLike) -> np.ndarray:
    """``ours - theirs``, run by run, ``(n,)``: positive where ours is more.

    Raises:
        ValueError: not as many values on both sides, or one that is not finite.
    """
    a, b = _checked(ours), _checked(theirs)
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} values: pairs need one of each per run")
    return a - b


def compare_all(effects: Mapping[str, ArrayLike], margin: float = MARGIN) -> dict[str, Comparison]:
    """Judge the effects that answer one question, each by its value in every run ``(n,)`` (see
    :func:`verdict`), with Holm's correction over the family, for the tests of difference (two-sided
    t-test of mean 0) and of equivalence (TOST, Schuirmann 1987: the larger p of "at most -margin"
    and "at least margin") separately.

    Raises:
        ValueError: a value is not finite, or the margin not positive.
    """
    if not margin > 0:
        raise ValueError(f"margin = {margin}: must be positive")
    found = [estimate(values) for values in effects.values()]
    different = holm([2 * tail(abs(one.mean), one) for one in found])
    equivalent = holm([tail(margin - abs(one.mean), one) for one in found])
    return {
        name: Comparison(one, float(p), float(q), margin, verdict(one.mean, float(p), float(q)))
        for name, one, p, q in zip(effects, found, different, equivalent, strict=True)
    }


def verdict(mean: float, p_difference: float, p_equivalence: float) -> Outcome:
    """The outcome at level :data:`ALPHA`: equivalent within the margin is *no difference*, even
    where a smaller difference is certain; else a significant difference has the sign of the mean;
    else it is undecided. A p-value that is NaN decides nothing."""
    if p_equivalence <= ALPHA:
        return Outcome.EQUIVALENT
    if p_difference <= ALPHA:
        return Outcome.BETTER if mean > 0 else Outcome.WORSE
    return Outcome.UNDECIDED


def holm(p_values: ArrayLike) -> np.ndarray:
    """p-values corrected for being one family, ``(m,)`` (Holm 1979): each may be held against the
    level by itself. NaN, a test that was not made, is passed through and does not count.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    found, made = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    order = made[np.argsort(p[made], kind="stable")]
    factors = len(made) - np.arange(len(made))
    found[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return found


def two_sided(observed: float, permuted: ArrayLike) -> float:
    """p-value of a statistic among its values under permutations ``(n,)``, which must be made the
    same way (a single value against single ones, a mean against means): twice the smaller tail, the
    observed value counted in, at most 1."""
    draws = np.asarray(permuted, dtype=float)
    slack = 1e-12 * max(1.0, abs(observed))
    tail = min((draws >= observed - slack).sum(), (draws <= observed + slack).sum())
    return min(1.0, 2 * (1 + int(tail)) / (1 + len(draws)))


def rank_trend(x: ArrayLike, y: ArrayLike, draws: int = 9999, seed: int = 0) -> tuple[float, float]:
    """Spearman's rank correlation of two quantities of the same runs, ``(n,)`` each, and its
    two-sided p-value were one of them dealt out at random among the runs; both NaN where one does
    not vary.

    Raises:
        ValueError: not as many values on both sides, or one that is not finite.
    """
    a, b = (stats.rankdata(_checked(values)) for values in (x, y))
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} values: pairs need one of each per run")
    if len(a) < 2 or not a.std() or not b.std():
        return math.nan, math.nan
    a, b = ((ranks - ranks.mean()) / ranks.std() / math.sqrt(len(ranks)) for ranks in (a, b))
    dealt = np.random.default_rng([seed, 0x7E]).permuted(np.tile(b, (draws, 1)), axis=1)
    observed = float(a @ b)
    return observed, two_sided(observed, dealt @ a)


def auc(scores: ArrayLike, positive: ArrayLike) -> float:
    """Probability that a positive has a larger score than a negative, ties counted half (area under
    the ROC curve); 0.5 tells nothing. NaN if one of the two groups is empty.

    Raises:
        ValueError: a score is not finite, or there is not one mark per score.
    """
    x, mark = _checked(scores), np.asarray(positive, dtype=bool)
    if len(x) != len(mark):
        raise ValueError(f"{len(x)} scores and {len(mark)} marks")
    many, few = int(mark.sum()), int((~mark).sum())
    if not many or not few:
        return math.nan
    return float((stats.rankdata(x)[mark].sum() - many * (many + 1) / 2) / (many * few))


def front_of(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Which points ``(N,)`` no other betters in one value without being worse in the other.

    >>> front_of(np.array([1, 2, 3, 2]), np.array([3, 2, 1, 1])).tolist()
    [True, True, True, False]
    """
    more = (first[None] >= first[:, None]) & (second[None] >= second[:, None])
    better = (first[None] > first[:, None]) | (second[None] > second[:, None])
    return np.logical_not((more & better).any(1))


def tail(distance: float, found: Estimate) -> float:
    """P(t > distance in standard errors of the estimate); without any scatter 0, 1/2 (at distance
    0) or 1; NaN for fewer than two runs."""
    if found.count < 2:
        return math.nan
    error = found.deviation / math.sqrt(found.count)
    if error == 0:
        return 0.5 * (1 - float(np.sign(distance)))
    return float(stats.t.sf(distance / error, found.count - 1))


def _checked(values: ArrayLike) -> np.ndarray:
    x = np.asarray(values, dtype=float)
    if x.ndim != 1:
        raise ValueError(f"values of shape {x.shape}: one number per run is needed")
    if not np.isfinite(x).all():
        raise ValueError("a value is not finite: leave the run out and say so")
    return x
