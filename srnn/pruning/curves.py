"""Curves: accuracy against surviving connections, for any criteria on one network.

Nothing is trained here: every point is the same network with fewer connections. All points of a
criterion are evaluated as one batch of masked scalar weights.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from srnn.pruning.criteria import CRITERIA, order_of
from srnn.pruning.masks import count_of, drop_first, masks_of, natural_count
from srnn.pruning.subject import Subject

SPARSITIES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Shares of dropped connections in the tables, 10 to 95 %."""

RANDOM_DRAWS = 30
"""Random orders behind the random criterion's band."""

BAND = (0.025, 0.975)
"""Quantiles of a band over random orders."""


def curves(
    subject: Subject,
    criteria: Iterable[str] = tuple(CRITERIA),
    sparsities: Sequence[float] = SPARSITIES,
    draws: int = RANDOM_DRAWS,
) -> pd.DataFrame:
    """Accuracy after dropping, one row per criterion, draw and sparsity.

    Columns: ``rival`` (the criterion), ``draw, sparsity`` (asked for), ``dropped, surviving``
    (exact counts), ``accuracy`` and ``base_accuracy`` (0..1, test images). Draws differ for
    ``random`` only.

    Raises:
        ValueError: unknown criterion, or a sparsity outside 0..1.
    """
    counts = [count_of(share, subject.particles) for share in sparsities]
    base, size = subject.accuracy(), subject.particles
    tables = []
    for name in criteria:
        repeats = draws if name in CRITERIA and CRITERIA[name].draws else 1
        for draw in range(repeats):
            found = subject.accuracies(masks_of(order_of(name, subject, draw), counts))
            tables.append(points_of(name, sparsities, counts, size, found, base).assign(draw=draw))
    return pd.concat(tables, ignore_index=True)


def natural_points(subject: Subject) -> pd.DataFrame:
    """All replicators dropped, beside every other criterion at the same count; columns as in
    :func:`curves` (``random`` is the mean over its draws)."""
    base, size, tables = subject.accuracy(), subject.particles, []
    count = natural_count("replicators", subject)
    for name, criterion in CRITERIA.items():
        draws = range(RANDOM_DRAWS if criterion.draws else 1)
        masks = np.stack([drop_first(order_of(name, subject, draw), count) for draw in draws])
        mean = [float(subject.accuracies(masks).mean())]
        tables.append(points_of(name, [count / size], [count], size, mean, base))
    return pd.concat(tables, ignore_index=True)


def points_of(
    rival: str,
    sparsities: ArrayLike,
    dropped: ArrayLike,
    particles: int,
    accuracies: ArrayLike,
    base: ArrayLike,
) -> pd.DataFrame:
    """A rival's points as every table here has them, one for each sparsity: how many of the
    particles are dropped and survive, the accuracy, and that of the whole network."""
    return pd.DataFrame(
        {
            "rival": rival,
            "draw": 0,
            "sparsity": sparsities,
            "dropped": dropped,
            "surviving": particles - np.asarray(dropped),
            "accuracy": accuracies,
            "base_accuracy": base,
        }
    )


def over_draws(table: pd.DataFrame) -> pd.DataFrame:
    """:func:`curves` with one row per criterion and sparsity: the mean over draws, and as ``low``
    and ``high`` their quantiles :data:`BAND` (of one draw: NaN)."""
    groups = table.groupby(["rival", "sparsity"], sort=False)
    found = groups.mean(numeric_only=True).drop(columns="draw").reset_index()
    many = groups["accuracy"].count().to_numpy() > 1
    for name, share in zip(("low", "high"), BAND, strict=True):
        found[name] = np.where(many, groups["accuracy"].quantile(share), np.nan)
    return found
