"""Where noisy values over a plane cross a level: a smooth contour, and how far off it may be.

A contour drawn through runs is as jagged as they are noisy, and as their places are far apart. This
one is where a run is as likely to be above the level as below. Every run says only on which side it
is; a Gaussian process says what that makes likely in between (classification with a logistic link
by Laplace's approximation, Rasmussen and Williams 2006, section 3.4; a Matern covariance of
smoothness 5/2 with a length for each axis, fitted by the marginal likelihood). Where one phase
becomes another a measure jumps; a surface through its values would have to bend there, this need
not.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.spatial import cKDTree
from scipy.special import expit
from scipy.stats import chi2

MOST, FITTED = 2_500, 250
"""Places that are used, and those that the lengths are fitted to, at most; of more, so many are
drawn at random."""

BOUNDS = ((0.1, 100.0), (0.04, 5.0), (0.04, 5.0))
"""What is fitted: the deviation of the log odds, and its lengths in sides of the plane."""

SURE = 1.96
"""Deviations from even odds at which a place counts as on one side (95 %)."""

CHANCE = 0.01
"""Probability with which noise alone may be taken for a contour."""

SIDE = 64
"""Places along each side between which the contour is looked for."""


class Contour:
    """Of runs with ``values (N,)`` at ``places (N, 2)`` of the unit square; several may be at one.

    ``points (M, 2)``: places along it. ``claimed``: whether the runs say that there is one: they
    must speak against the same odds everywhere (likelihood ratio, :data:`CHANCE`).
    """

    def __init__(self, places: np.ndarray, values: np.ndarray, level: float) -> None:
        known, which = np.unique(np.asarray(places, float), axis=0, return_inverse=True)
        runs = np.bincount(which.ravel()).astype(float)
        above = np.bincount(which.ravel(), np.asarray(values) >= level)
        order = np.random.default_rng(0).permutation(len(known))[:MOST]
        self._places, runs, above = known[order], runs[order], above[order]
        self._shape, gain = _fitted(self._places[:FITTED], runs[:FITTED], above[:FITTED])
        self._found = _laplace(self._shape, self._places, runs, above)
        self.points = self.along()
        self._doubt = self.deviation(self.points)
        self.claimed = bool(len(self.points) and gain > chi2.isf(CHANCE, len(BOUNDS)))

    def odds(self, places: np.ndarray) -> np.ndarray:
        """The log odds that a run at ``places (M, 2)`` is above the level ``(M,)``: 0 on the
        contour."""
        return _covariance(self._shape, places, self._places) @ self._found.pull

    def deviation(self, places: np.ndarray) -> np.ndarray:
        """The standard deviation of the odds ``(M,)``."""
        across, found = _covariance(self._shape, places, self._places), self._found
        spread = solve_triangular(found.lower, found.root[:, None] * across.T, lower=True)
        return np.sqrt(np.maximum(self._shape[0] ** 2 - (spread**2).sum(0), 1e-12))

    def off(self, places: np.ndarray) -> np.ndarray:
        """How far above the contour ``places (M, 2)`` are ``(M,)``, in deviations that the odds
        have at its nearest point: it may lie wherever this is within :data:`SURE`. Infinite if
        there is none."""
        odds = self.odds(places)
        if not len(self.points):
            return np.copysign(np.inf, odds)
        _, nearest = cKDTree(self.points).query(places)
        return odds / self._doubt[nearest]

    def along(self, side: int = SIDE, beyond: float = 0.0) -> np.ndarray:
        """Places on the contour ``(M, 2)``: between those of a lattice, ``side`` along each side of
        the unit square and so far ``beyond`` it, where the odds change sides."""
        at = np.linspace(-beyond, 1 + beyond, side)
        x, y = np.meshgrid(at, at)
        odds = self.odds(np.column_stack([x.ravel(), y.ravel()])).reshape(x.shape)
        found = []
        for ends in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
            low, high = (odds[end] for end in ends)
            here = (low < 0) != (high < 0)
            part = low[here] / (low[here] - high[here])
            (x0, y0), (x1, y1) = ((x[end][here], y[end][here]) for end in ends)
            found.append(np.column_stack([x0 + part * (x1 - x0), y0 + part * (y1 - y0)]))
        return np.concatenate(found)


class _Found(NamedTuple):
    """Laplace's approximation: the log evidence, and what predictions are made of (in Rasmussen and
    Williams: gradient of the likelihood, square root of W, Cholesky factor of B)."""

    evidence: float
    pull: np.ndarray
    root: np.ndarray
    lower: np.ndarray


def _fitted(places: np.ndarray, runs: np.ndarray, above: np.ndarray) -> tuple[np.ndarray, float]:
    """Deviation and lengths, and twice the log of how much likelier than the same odds everywhere
    they make the runs."""
    last = np.zeros(len(runs))

    def loss(logs: np.ndarray) -> float:
        nonlocal last
        found = _laplace(np.exp(logs), places, runs, above, last)
        last = found.pull
        return -found.evidence

    best = minimize(
        loss,
        np.log([10.0, 0.3, 0.3]),
        bounds=np.log(BOUNDS),
        method="L-BFGS-B",
        options={"maxiter": 40, "ftol": 1e-4, "eps": 1e-3},
    )
    mean = np.clip(above.sum() / runs.sum(), 1e-9, 1 - 1e-9)
    constant = above.sum() * np.log(mean) + (runs - above).sum() * np.log1p(-mean)
    return np.exp(best.x), 2 * float(-best.fun - constant)


def _covariance(shape: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Matern 5/2 between places ``(N, 2)`` and ``(M, 2)``."""
    far = np.sqrt(5 * (((a[:, None] - b[None]) / shape[1:]) ** 2).sum(-1))
    return shape[0] ** 2 * (1 + far + far**2 / 3) * np.exp(-far)


def _laplace(
    shape: np.ndarray,
    places: np.ndarray,
    runs: np.ndarray,
    above: np.ndarray,
    pull: np.ndarray | None = None,
) -> _Found:
    """Rasmussen and Williams, algorithm 3.1, begun at ``pull``; a step of Newton's that would make
    it worse is halved."""
    covariance = _covariance(shape, places, places)

    def likelihood(pull: np.ndarray) -> tuple[np.ndarray, float]:
        odds = covariance @ pull
        return odds, float(above @ odds - runs @ np.logaddexp(0, odds) - pull @ odds / 2)

    pull = np.zeros(len(runs)) if pull is None else pull
    odds, best = likelihood(pull)
    for _ in range(100):
        likely = expit(odds)
        root = np.sqrt(np.maximum(runs * likely * (1 - likely), 1e-12))
        lower = cholesky(np.eye(len(runs)) + root[:, None] * covariance * root, lower=True)
        side = root**2 * odds + above - runs * likely
        step = side - root * cho_solve((lower, True), root * (covariance @ side)) - pull
        before = best
        for part in 0.5 ** np.arange(12):
            odds, best = likelihood(pull + part * step)
            if best >= before:
                break
        pull = pull + part * step
        if best - before < 1e-6:
            break
    evidence = best - float(np.log(np.diag(lower)).sum())
    return _Found(evidence, pull, root, lower)
