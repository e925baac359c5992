"""Trajectories of particles in weight space, seen through principal components (log row 8).

Every particle of every snapshot is a point in n dimensions. PCA finds the directions in which the
points differ most: fitted over all particles, per layer, or for each particle by itself. Components
are as scikit-learn's ``PCA`` gives them, signs included (each one's largest loading is positive);
they are computed here snapshot by snapshot, which bounds the memory, or for all particles at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

FITS = ("all", "layer", "particle")
"""What a PCA is fitted on."""

_DIRECT = 400  # up to this many weights, the covariance matrix is decomposed directly
_NOTHING = 1e-13  # a variance below this share of the largest is rounding


@dataclass(frozen=True)
class Trajectories:
    """Principal components of weight snapshots.

    Attributes:
        coordinates: ``(T, S, k)`` float32; components that the data do not have are 0.
        epochs: ``(T,)``.
        particles: ``(S,)`` index of every shown particle.
        names: ``(S,)`` its name.
        explained: one row per fit and component: ``group`` (``all``, ``layer 0`` or a particle),
            ``component`` (from 1), ``share`` of the variance (0..1).
        fit: ``all``, ``layer`` or ``particle``.
        diverged: names of the particles left out, because a weight was not finite at some epoch.
    """

    coordinates: np.ndarray
    epochs: np.ndarray
    particles: np.ndarray
    names: tuple[str, ...]
    explained: pd.DataFrame
    fit: str
    diverged: tuple[str, ...]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The log's data frame, ``Epoch, Weight, dim_1 .. dim_k`` (Weight: the particle's name);
        one particle after the other."""
        columns = [f"dim_{index + 1}" for index in range(self.coordinates.shape[2])]
        return _frame(self.coordinates.transpose(1, 0, 2), self.epochs, self.names, columns)


@dataclass(frozen=True)
class Axes:
    """The directions in which weights differ most: their ``mean (n,)``, the ``directions (n, k)``
    (zeros where the data do not vary), each one's share of the variance ``(k,)`` (0..1), and which
    particles they were fitted on, ``(P,)`` bool."""

    mean: np.ndarray
    directions: np.ndarray
    shares: np.ndarray
    fitted: np.ndarray

    def place(self, snapshots: np.ndarray, particles: np.ndarray | None = None) -> np.ndarray:
        """Where the weights ``(T, n, P)`` of some particles, or all, are on the axes, ``(T, S, k)``
        float32; NaN for those that the axes were not fitted on."""
        shown = np.arange(snapshots.shape[2]) if particles is None else particles
        points = np.stack([(one[:, shown].T - self.mean) @ self.directions for one in snapshots])
        points[:, ~self.fitted[shown]] = np.nan
        return points.astype(np.float32)


def principal_axes(
    snapshots: np.ndarray, components: int, members: np.ndarray | None = None
) -> Axes:
    """The principal components, from 1 to n, of all particles of all snapshots ``(T, n, P)``, or of
    those of a mask ``(P,)``; to place other weights on as well. One snapshot in memory at a time.
    """
    fitted = _finite(snapshots) if members is None else members
    weights, whole = snapshots.shape[1], bool(fitted.all())

    def points(one: np.ndarray) -> np.ndarray:
        return np.asarray(one if whole else one[:, fitted], dtype=np.float64)

    mean = sum(points(one).sum(1) for one in snapshots) / (len(snapshots) * fitted.sum())
    if weights <= _DIRECT:
        scatter = np.zeros((weights, weights))
        for one in snapshots:
            centred = points(one) - mean[:, None]
            scatter += centred @ centred.T
        variances, axes = np.linalg.eigh(scatter)
        variances, axes = variances[::-1][:components], axes[:, ::-1][:, :components]
        total = float(np.trace(scatter))
    else:
        variances, axes, total = _leading(snapshots, points, mean, components)
    axes, variances = _tidy(axes, variances)
    return Axes(mean, axes, variances / total if total > 0 else np.zeros(components), fitted)


def _finite(snapshots: np.ndarray) -> np.ndarray:
    finite = np.ones(snapshots.shape[2], dtype=bool)
    for one in snapshots:
        finite &= np.isfinite(one).all(0)
    return finite


def fit_trajectories(
    snapshots: np.ndarray,
    epochs: Sequence[int],
    names: Sequence[str],
    layers: np.ndarray,
    *,
    components: int = 2,
    fit: str = "all",
    particles: np.ndarray | None = None,
) -> Trajectories:
    """Principal components of weight snapshots ``(T, n, P)``.

    Args:
        snapshots: the weights; may be memory-mapped.
        epochs: one label per snapshot.
        names: one per particle.
        layers: layer of every particle ``(P,)``, for ``fit="layer"``.
        components: k, from 1 to n.
        fit: ``all``, ``layer`` or ``particle``. The first two are fitted on all particles,
            whichever are shown.
        particles: index of the particles to show (default: all).

    Raises:
        ValueError: unknown fit, components out of range, or lengths that do not fit.
    """
    if fit not in FITS:
        raise ValueError(f"unknown fit {fit!r}; fits: {', '.join(FITS)}")
    if snapshots.ndim != 3 or not len(snapshots):
        raise ValueError(f"snapshots of shape {snapshots.shape}: expected (T, n, P), T at least 1")
    count, weights, size = snapshots.shape
    if (len(epochs), len(names), len(layers)) != (count, size, size):
        raise ValueError(
            f"{len(epochs)} epochs, {len(names)} names and {len(layers)} layers for {count} "
            f"snapshots of {size} particles"
        )
    if not 1 <= components <= weights:
        raise ValueError(f"components = {components}: must be from 1 to {weights}")
    finite = _finite(snapshots)
    shown = np.arange(len(names)) if particles is None else np.asarray(particles, dtype=np.int64)
    shown = shown[finite[shown]]
    labels = tuple(str(names[index]) for index in shown.tolist())
    diverged = tuple(str(names[index]) for index in np.flatnonzero(~finite).tolist())
    if fit == "particle":
        coordinates, share = _fit_each(_gather(snapshots, shown), components)
        groups = list(labels)
    else:
        group_of = np.zeros(len(names), dtype=np.int64) if fit == "all" else np.asarray(layers)
        wanted = [int(group) for group in np.unique(group_of[shown])]
        coordinates = np.zeros((count, len(shown), components), dtype=np.float32)
        share = np.zeros((len(wanted), components))
        for row, group in enumerate(wanted):
            own = group_of[shown] == group
            axes = principal_axes(snapshots, components, finite & (group_of == group))
            coordinates[:, own], share[row] = axes.place(snapshots, shown[own]), axes.shares
        groups = ["all" if fit == "all" else f"layer {group}" for group in wanted]
    explained = pd.DataFrame(
        {
            "group": np.repeat(np.asarray(groups, dtype=object), components),
            "component": np.tile(np.arange(1, components + 1), len(groups)),
            "share": share.ravel(),
        }
    )
    at = np.asarray(epochs, dtype=np.int64)
    return Trajectories(coordinates, at, shown, labels, explained, fit, diverged)


def raw_weights(
    snapshots: np.ndarray,
    epochs: Sequence[int],
    names: Sequence[str],
    particles: np.ndarray | None = None,
) -> pd.DataFrame:
    """The weights themselves, ``Epoch, Weight, weight_0 .. weight_{n-1}``, one particle after the
    other; snapshots ``(T, n, P)``. Diverged particles are kept as they are."""
    shown = np.arange(len(names)) if particles is None else np.asarray(particles, dtype=np.int64)
    columns = [f"weight_{index}" for index in range(snapshots.shape[1])]
    labels = [str(names[index]) for index in shown.tolist()]
    return _frame(_gather(snapshots, shown), np.asarray(epochs), labels, columns)


def sample_particles(mask: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """At most ``count`` of the particles of a mask ``(P,)``, ascending; the same ones every time,
    and a smaller sample is part of a larger one."""
    order = np.random.default_rng(seed).permutation(len(mask))
    return np.sort(order[mask[order]][:count])


def _gather(snapshots: np.ndarray, particles: np.ndarray) -> np.ndarray:
    """The paths ``(S, T, n)`` of some particles."""
    return np.stack([one[:, particles].T for one in snapshots], axis=1)


def _leading(
    snapshots: np.ndarray,
    points: Callable[[np.ndarray], np.ndarray],
    mean: np.ndarray,
    components: int,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Leading variances and axes of large particles, by subspace iteration from a fixed start
    (Halko, Martinsson, Tropp 2011): the covariance matrix itself would not pay."""
    weights, extra = snapshots.shape[1], min(snapshots.shape[1], components + 10)

    def product(basis: np.ndarray) -> tuple[np.ndarray, float]:
        out, square = np.zeros_like(basis), 0.0
        for one in snapshots:
            centred = points(one) - mean[:, None]
            out += centred @ (centred.T @ basis)
            square += float(np.einsum("ij,ij->", centred, centred))
        return out, square

    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((weights, extra)))[0]
    for _ in range(6):
        basis = np.linalg.qr(product(basis)[0])[0]
    image, total = product(basis)
    small = basis.T @ image
    variances, turn = np.linalg.eigh((small + small.T) / 2)
    axes = basis @ turn[:, ::-1]
    return variances[::-1][:components], axes[:, :components], total


def _fit_each(points: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray]:
    """One PCA per particle: points ``(S, T, n)`` -> coordinates ``(T, S, k)`` float32, shares
    ``(S, k)``."""
    count, snapshots, weights = points.shape
    points = points.astype(np.float64)
    points -= points.mean(1, keepdims=True)
    kept = min(components, snapshots, weights)
    _, values, rows = np.linalg.svd(points, full_matrices=False)
    axes, variances = _tidy(rows[:, :kept].transpose(0, 2, 1), values[:, :kept] ** 2)
    total = (values**2).sum(1, keepdims=True)
    coordinates = np.zeros((snapshots, count, components), dtype=np.float32)
    share = np.zeros((count, components))
    coordinates[:, :, :kept] = (points @ axes).transpose(1, 0, 2)
    np.divide(variances, total, out=share[:, :kept], where=total > 0)
    return coordinates, share


def _tidy(axes: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Axes ``(..., n, k)`` with their largest loading positive, and zero (like their variance)
    where the data do not vary at all."""
    largest = np.take_along_axis(axes, np.abs(axes).argmax(-2, keepdims=True), -2)
    signs = np.where(largest < 0, -1.0, 1.0)
    real = variances > _NOTHING * np.maximum(variances[..., :1], np.finfo(np.float64).tiny)
    return axes * signs * real[..., None, :], np.where(real, variances, 0.0)


def _frame(
    values: np.ndarray, epochs: np.ndarray, names: Sequence[str], columns: list[str]
) -> pd.DataFrame:
    """Values ``(S, T, k)`` as a table, one row per particle and epoch."""
    count, snapshots, width = values.shape
    table = pd.DataFrame(values.astype(np.float32).reshape(-1, width), columns=columns)
    table.insert(0, "Weight", np.repeat(np.asarray(names, dtype=object), snapshots))
    table.insert(0, "Epoch", np.tile(epochs, count))
    return table
