"""Control tests: is being a replicator more than a small scalar weight or a quiet input?

Dropping replicators costs little. That says something about *self-replication* only if dropping
other particles of the same kind costs more. So replicators are paired one to one with survivors of
the same layer that are alike in some quantities (:data:`MATCHINGS`), each within its *caliper* and
as continuous values; both groups are dropped from the same network, and the accuracies compared.

Every number has its own unit:

- the interval of one run covers random pairings and resampled test images;
- the p-value of one run holds the difference of one pairing against the differences of the *same*
  pairing with the two labels of every pair swapped at random;
- over runs (:mod:`srnn.pruning.answers`) the unit is the run.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from srnn.pruning.subject import Subject
from srnn.statistics import ALPHA, MARGIN, Outcome, holm, number, two_sided, verdict

CALIPER = float(np.log(1.1))
"""Paired values differ by less than 10 % of the smaller one: this much on a logarithmic scale."""

NOTHING = 1e-6
"""A |scalar weight| or contribution below this counts as none: all such are alike."""

QUIET = 0.01
"""Inputs whose standard deviation is below this are all alike (pixels are 0..1)."""

LIVELY = 0.15
"""Standard deviation from which an input counts as varying much: only there do replicators and
survivors both exist in numbers."""

FEWEST = 20
"""Pairs below which a test says "no support"."""

SHARE = 0.1
"""Share of the replicators that must find a partner; below it the pairs speak for too few."""

PAIRINGS = 40
"""Random pairings of a test."""

PERMUTATIONS = 200
"""Permutations of the labels within one pairing."""

RESAMPLES = 400
"""Draws behind an interval: a pairing and a resampled set of test images each."""


@dataclass(frozen=True)
class Matching:
    """What two paired particles share beside their layer: ``values(subject)`` are log quantities
    ``(K, P)``, each within :data:`CALIPER`; ``lively`` keeps to inputs that vary much."""

    title: str
    values: Callable[[Subject], np.ndarray]
    lively: bool = False


def _log(values: np.ndarray, least: float) -> np.ndarray:
    return np.log(np.maximum(values.astype(np.float64), least))


def _weight(subject: Subject) -> np.ndarray:
    return _log(subject.scalars.abs().numpy(), NOTHING)[None]


MATCHINGS: dict[str, Matching] = {
    "layer": Matching("the same layer", lambda subject: np.zeros((0, subject.particles))),
    "weight": Matching("the same |scalar weight|", _weight),
    "weight, lively": Matching(
        f"the same |scalar weight|, on inputs of std {LIVELY:g} or more", _weight, lively=True
    ),
    "weight and input": Matching(
        "the same |scalar weight| and input std",
        lambda subject: np.vstack([_weight(subject), _log(subject.input_std, QUIET)[None]]),
    ),
    "contribution": Matching(
        "the same |scalar weight × input std|",
        lambda subject: _log(subject.contribution, NOTHING)[None],
    ),
}
"""The control tests, from the coarsest; every one also asks for the same layer."""


@dataclass(frozen=True)
class Control:
    """One control test of one run; accuracies and differences are 0..1.

    ``difference`` is accuracy without the paired replicators minus accuracy without their partners,
    the mean over pairings: positive if replicators are the better ones to drop. ``low`` to ``high``
    holds 95 % of the draws over pairings and images. ``p_value`` is corrected for all tests of the
    run (Holm). ``std_replicators`` and ``std_others`` are the mean standard deviations of what the
    two groups read: how well the pairs are balanced. All are NaN where there is no support.
    """

    matching: str
    replicators: int
    others: int
    pairs: int
    support: bool
    base_accuracy: float
    without_replicators: float = np.nan
    without_others: float = np.nan
    difference: float = np.nan
    low: float = np.nan
    high: float = np.nan
    p_value: float = np.nan
    p_equivalence: float = np.nan
    std_replicators: float = np.nan
    std_others: float = np.nan

    @property
    def outcome(self) -> Outcome:
        """Whether replicators are the better ones to drop, in this run."""
        return verdict(self.difference, self.p_value, self.p_equivalence)

    @property
    def sentence(self) -> str:
        """The answer in words, with its numbers."""
        kind = MATCHINGS[self.matching].title
        if not self.support:
            return (
                f"No support ({kind}): {self.replicators:,} replicators, {self.others:,} survivors "
                f"to pair them with, {self.pairs:,} pairs."
            )
        cost, other = (
            number(100 * (self.base_accuracy - value))
            for value in (self.without_replicators, self.without_others)
        )
        difference, low, high = (
            number(100 * value, signed=True) for value in (self.difference, self.low, self.high)
        )
        return (
            f"Among particles of {kind}, {_SAID[self.outcome]}: dropping {self.pairs:,} of the "
            f"{self.replicators:,} replicators costs {cost} points, dropping their partners {other}"
            f" (difference {difference}, 95 % interval {low} to {high} over pairings and images, "
            f"p = {self.p_value:.3f}; mean input std {self.std_replicators:.3f} against "
            f"{self.std_others:.3f})."
        )


_SAID = {
    Outcome.BETTER: "replicators are the better ones to drop",
    Outcome.WORSE: "replicators are the worse ones to drop",
    Outcome.EQUIVALENT: f"it makes no difference (within {100 * MARGIN:g} points)",
    Outcome.UNDECIDED: "it is undecided which are better to drop",
}


def control_tests(
    subject: Subject, pairings: int = PAIRINGS, permutations: int = PERMUTATIONS, seed: int = 0
) -> pd.DataFrame:
    """All control tests of one run, in the order of :data:`MATCHINGS`: a row per :class:`Control`,
    with its outcome and its sentence."""
    found = [_control(subject, name, pairings, permutations, seed) for name in MATCHINGS]
    corrected = holm([one.p_value for one in found])
    tests = [replace(one, p_value=float(p)) for one, p in zip(found, corrected, strict=True)]
    return pd.DataFrame(
        [{**vars(one), "outcome": str(one.outcome), "sentence": one.sentence} for one in tests]
    )


def pair(
    marked: np.ndarray,
    usable: np.ndarray,
    layer: np.ndarray,
    values: np.ndarray,
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Pair marked with unmarked particles one to one: indices ``(m,)`` and of their partners.

    In random order every marked particle takes the nearest partner that is left, of the same layer
    and within :data:`CALIPER` in every value; equally near ones at random.

    Args:
        marked, usable, layer: ``(P,)``; only usable particles are paired.
        values: ``(K, P)``, on a logarithmic scale.
    """
    ours, theirs = [], []
    for one in np.unique(layer[usable]):
        here = usable & (layer == one)
        left = random.permutation(np.flatnonzero(here & ~marked))  # argmin takes the first
        for index in random.permutation(np.flatnonzero(here & marked)):
            if not len(left):
                break
            gaps = np.abs(values[:, left] - values[:, [index]]).max(0, initial=0)
            nearest = int(gaps.argmin())
            if gaps[nearest] < CALIPER:
                ours.append(index)
                theirs.append(left[nearest])
                left = np.delete(left, nearest)
    return np.array(ours, dtype=np.int64), np.array(theirs, dtype=np.int64)


def _control(subject: Subject, name: str, pairings: int, permutations: int, seed: int) -> Control:
    matching, marked = MATCHINGS[name], subject.replicators
    usable = np.isfinite(subject.contribution)
    if matching.lively:
        usable &= subject.input_std >= LIVELY
    values = np.nan_to_num(matching.values(subject))
    random = np.random.default_rng([seed, list(MATCHINGS).index(name), 0xC0])
    pairs = [
        pair(marked, usable, subject.shape.layer, values, random) for _ in range(max(1, pairings))
    ]
    many, few = int((marked & usable).sum()), int((~marked & usable).sum())
    count = len(pairs[0][0])
    support = count >= max(FEWEST, SHARE * many)
    found = Control(name, many, few, count, support, subject.accuracy())
    if not support:
        return found
    swapped = [_swapped(*pairs[0], random) for _ in range(permutations)]
    right = _right(subject, [*pairs, *swapped])  # (pairings + permutations, 2, images)
    shares = right.mean(-1)
    differences = shares[:, 0] - shares[:, 1]
    single, permuted = np.split(differences, [len(pairs)])  # swapping all others turns the sign
    draws = _resampled(right[: len(pairs)], random)
    low, high = np.quantile(draws, (ALPHA / 2, 1 - ALPHA / 2))
    return replace(
        found,
        without_replicators=float(shares[: len(pairs), 0].mean()),
        without_others=float(shares[: len(pairs), 1].mean()),
        difference=float(single.mean()),
        low=float(low),
        high=float(high),
        p_value=two_sided(float(single[0]), np.r_[permuted, -permuted]),
        p_equivalence=float(max((draws >= MARGIN).mean(), (draws <= -MARGIN).mean())),
        std_replicators=float(subject.input_std[pairs[0][0]].mean()),
        std_others=float(subject.input_std[pairs[0][1]].mean()),
    )


def _swapped(
    ours: np.ndarray, theirs: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    swap = random.random(len(ours)) < 0.5
    return np.where(swap, theirs, ours), np.where(swap, ours, theirs)


def _right(subject: Subject, pairs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Whether the network without either group of every pairing answers each test image rightly:
    ``(pairings, 2, B)`` bool."""
    masks = np.ones((len(pairs), 2, subject.particles), dtype=bool)
    for mask, groups in zip(masks, pairs, strict=True):
        mask[0, groups[0]] = mask[1, groups[1]] = False
    return subject.right(masks.reshape(-1, subject.particles)).reshape(len(pairs), 2, -1)


def _resampled(right: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Differences ``(RESAMPLES,)`` of a random pairing each, over resampled test images."""
    gain = right[:, 0].astype(np.int8) - right[:, 1]
    images = gain.shape[1]
    chosen = random.integers(len(gain), size=RESAMPLES)
    weights = random.multinomial(images, np.full(images, 1 / images), size=RESAMPLES)
    return np.einsum("di,di->d", gain[chosen], weights) / images
