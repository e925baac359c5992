"""Control tests: is being a replicator more than a small scalar weight or a dead pixel?

Dropping replicators costs little. That says something about *self-replication* only if dropping
other particles of the same kind costs more. So replicators (zero and identity) are matched with
others (everything else) one to one within *strata*, both groups are dropped from the same network,
and the accuracies compared. What a stratum is makes the test:

- ``layer``: the same macro layer.
- ``layer and scalar weight``: also the same |scalar weight|, to within :data:`TOLERANCE`.
- ``layer and contribution``: also the same |scalar weight x standard deviation of the input|, to
  within :data:`TOLERANCE`: how much the connection's output varies from image to image.
- each also with the particles on nearly constant input pixels taken out of both groups.

Every draw picks a new random matching and resamples the test images, so the interval covers both.
The p-value is a permutation test: were the labels exchangeable within matched pairs, swapping them
at random would give differences as large as the observed one that often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from srnn.pruning.dense import forward_many
from srnn.pruning.subject import NETWORKS_AT_ONCE, Subject

TOLERANCE = 0.1
"""Two matched values differ by less than this share of the smaller one (10 %): bins of that width
on a logarithmic scale. Values below :data:`NOTHING` are all alike."""

NOTHING = 1e-6
"""A |scalar weight| or contribution below this counts as none."""

SUPPORT = 0.5
"""Share of the replicators that must find a match; below it the test answers "no support"."""

FEWEST = 20
"""Matched pairs below which the test answers "no support", whatever their share."""

DRAWS = 200
"""Random matchings (and as many permutations) of a test."""


@dataclass(frozen=True)
class Control:
    """The result of one control test; accuracies and differences are 0..1.

    ``difference`` is accuracy without the replicators minus accuracy without as many matched
    others, the mean over draws: positive if replicators are the better ones to drop. ``low`` and
    ``high`` bound 95 % of the draws; NaN everywhere if there is no support.
    """

    matching: str
    pixels: str
    replicators: int
    others: int
    matched: int
    unmatched: int
    base_accuracy: float
    without_replicators: float
    without_others: float
    difference: float
    low: float
    high: float
    p_value: float
    support: bool

    @property
    def sentence(self) -> str:
        """The answer in words, with its numbers."""
        kind = "the same " + self.matching
        where = "" if self.pixels == "all" else ", nearly constant pixels taken out"
        if not self.support:
            return (
                f"No support ({kind}{where}): only {self.matched:,} of {self.replicators:,} "
                f"replicators find a match among {self.others:,} other particles."
            )
        lost = 100 * (self.base_accuracy - self.without_replicators)
        other = 100 * (self.base_accuracy - self.without_others)
        numbers = (
            f"dropping {self.matched:,} of the {self.replicators:,} replicators costs {lost:.2f} "
            f"points, dropping as many matched others {other:.2f} (difference "
            f"{100 * self.difference:+.2f}, 95 % interval {100 * self.low:+.2f} to "
            f"{100 * self.high:+.2f}, p = {self.p_value:.3f})"
        )
        if self.p_value < 0.05 and self.low * self.high > 0:
            verdict = "the better" if self.difference > 0 else "the worse"
            return f"Among particles of {kind}{where}, replicators are {verdict} choice: {numbers}."
        return f"Among particles of {kind}{where}, replicators are no different: {numbers}."


def control_tests(subject: Subject, draws: int = DRAWS, seed: int = 0) -> list[Control]:
    """The six control tests: three matchings, with all pixels and without nearly constant ones."""
    every = np.ones(subject.particles, dtype=bool)
    found = []
    for matching, strata in strata_of(subject).items():
        for pixels, allowed in (("all", every), ("varying", ~subject.constant_input)):
            found.append(_control(subject, matching, pixels, strata, allowed, draws, seed))
    return found


def control_table(controls: Sequence[Control]) -> pd.DataFrame:
    """The tests as a table, the sentence in the last column."""
    rows = [{**vars(control), "sentence": control.sentence} for control in controls]
    return pd.DataFrame(rows)


def strata_of(subject: Subject) -> dict[str, np.ndarray]:
    """The stratum of every particle, ``(P,)``, for every matching; -1 matches nothing (a particle
    that diverged)."""
    size = subject.scalars.abs().numpy().astype(np.float64)
    layer = np.where(np.isfinite(size), subject.layer.astype(np.int64), -1)
    found = {"layer": layer}
    keys = {"scalar weight": size, "contribution": size * subject.input_std}
    for name, values in keys.items():
        known = np.isfinite(values) & (layer >= 0)
        bins = np.zeros(len(values), dtype=np.int64)
        bins[known] = np.log(np.maximum(values[known] / NOTHING, 1)) // np.log1p(TOLERANCE)
        found[f"layer and {name}"] = np.where(known, layer * BINS + np.minimum(bins, BINS - 1), -1)
    return found


BINS = 10_000
"""Bins at most per layer; far more than any finite float32 needs."""


def match(
    replicator: np.ndarray, strata: np.ndarray, allowed: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A random one-to-one matching within strata, as many pairs as possible: indices of
    replicators ``(m,)`` and of their partners ``(m,)``. All arguments are ``(P,)``."""
    usable = allowed & (strata >= 0)
    chosen = [
        _ranked(np.flatnonzero(usable & group), strata, random)
        for group in (replicator, ~replicator)
    ]
    (first, a), (second, b) = chosen
    _, left, right = np.intersect1d(a, b, assume_unique=True, return_indices=True)
    return first[left], second[right]


def _ranked(
    indices: np.ndarray, strata: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Indices in random order within strata, and a code of (stratum, rank in it) for each."""
    order = np.lexsort((random.random(len(indices)), strata[indices]))
    indices = indices[order]
    group = strata[indices]
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]]) if len(group) else group
    rank = np.arange(len(group)) - np.repeat(starts, np.diff(np.r_[starts, len(group)]))
    return indices, group * len(strata) + rank


def _control(
    subject: Subject,
    matching: str,
    pixels: str,
    strata: np.ndarray,
    allowed: np.ndarray,
    draws: int,
    seed: int,
) -> Control:
    replicator = subject.replicators
    total = int((replicator & allowed).sum())
    others = int((~replicator & allowed & (strata >= 0)).sum())
    random = np.random.default_rng([seed, 0xC0])
    matched = len(match(replicator, strata, allowed, random)[0])
    support = matched >= max(FEWEST, SUPPORT * total)
    nothing = float("nan")
    values = dict.fromkeys(
        ("without_replicators", "without_others", "difference", "low", "high", "p_value"), nothing
    )
    if support:
        values = _compare(subject, strata, allowed, draws, random)
    return Control(
        matching,
        pixels,
        total,
        others,
        matched,
        total - matched,
        subject.accuracy(),
        support=bool(support),
        **values,
    )


def _compare(
    subject: Subject,
    strata: np.ndarray,
    allowed: np.ndarray,
    draws: int,
    random: np.random.Generator,
) -> dict[str, float]:
    masks = np.ones((draws, 4, subject.particles), dtype=bool)
    for draw in masks:
        ours, theirs = match(subject.replicators, strata, allowed, random)
        swap = random.random(len(ours)) < 0.5
        draw[0, ours] = draw[1, theirs] = False
        draw[2, np.where(swap, ours, theirs)] = draw[3, np.where(swap, theirs, ours)] = False
    right = _right(subject, masks.reshape(-1, subject.particles)).reshape(draws, 4, -1)
    shares = right.mean(-1)
    observed = float((shares[:, 0] - shares[:, 1]).mean())
    swapped = shares[:, 2] - shares[:, 3]
    images = right.shape[-1]
    resampled = np.empty(draws)
    for draw in range(draws):
        weight = np.bincount(random.integers(images, size=images), minlength=images) / images
        resampled[draw] = (right[draw, 0] @ weight) - (right[draw, 1] @ weight)
    low, high = np.quantile(resampled, (0.025, 0.975))
    extreme = int((np.abs(swapped) >= abs(observed) - 1e-12).sum())
    return {
        "without_replicators": float(shares[:, 0].mean()),
        "without_others": float(shares[:, 1].mean()),
        "difference": observed,
        "low": float(low),
        "high": float(high),
        "p_value": (1 + extreme) / (1 + draws),
    }


def _right(subject: Subject, masks: np.ndarray) -> np.ndarray:
    """Whether each network answers each test image rightly: ``(S, P)`` -> ``(S, B)`` bool."""
    parts = []
    for start in range(0, len(masks), NETWORKS_AT_ONCE):
        scalars = subject.masked(masks[start : start + NETWORKS_AT_ONCE])
        logits = forward_many(scalars, subject.x_test, subject.shape)
        right = (logits.argmax(1) == subject.y_test) & torch.isfinite(logits).all(1)
        parts.append(right.numpy())
    return np.concatenate(parts)
