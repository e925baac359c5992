"""Basins: from how far away do particles come back to a replicator?

Clones of a replicator are put at a distance and retrained; points on the line between two
replicators, and of a two-dimensional slice of weight space, are followed to where they end. Under
self-application the hand-made replicator has no basin (its Jacobian's spectral radius is at least
4); under self-training replicators form sheets on which a clone settles nearby, not where it was.
Settings after the journal code of 2021 (``journal_basins.py``), on our recipes.
"""

import numpy as np
import pandas as pd

from srnn.life.population import lengths, self_apply, types
from srnn.life.recipes import Recipe
from srnn.life.soup import self_train
from srnn.vocabulary import IDENTITY, TYPES


def clones(
    parent: np.ndarray, recipe: Recipe, distance: float, count: int, epochs: int, seed: int
) -> pd.DataFrame:
    """Clones at a distance from their parent ``(n,)``, in random directions, retrained.

    One row per clone: ``before`` and ``after``, its distance from the parent; ``type``; ``fate``:
    *back* (replicates, and lies closer to the parent than a tenth of the distance), *elsewhere* (a
    replicator too, but another) or *lost*.
    """
    rng = np.random.default_rng([seed, 21])
    direction = rng.standard_normal((count, len(parent)))
    direction /= lengths(direction)[:, None]
    start = (parent + distance * direction).astype(parent.dtype)
    end = self_train(start, recipe, epochs, rng)
    codes, after = types(end, recipe), lengths(end - parent)
    replicates = codes == IDENTITY
    fate = np.where(replicates, np.where(after < distance / 10, "back", "elsewhere"), "lost")
    kinds = [TYPES[code] for code in codes]
    before = lengths(start - parent)
    return pd.DataFrame({"before": before, "after": after, "type": kinds, "fate": fate})


def between(
    one: np.ndarray, other: np.ndarray, recipe: Recipe, points: int, epochs: int, seed: int
) -> pd.DataFrame:
    """The line from one replicator to another: ``share`` of the way (0 to 1), and after retraining
    from there ``type`` and the distances ``to_one`` and ``to_other``."""
    share = np.linspace(0, 1, points)
    start = (one + share[:, None] * (other - one)).astype(one.dtype)
    end = self_train(start, recipe, epochs, np.random.default_rng([seed, 22]))
    return pd.DataFrame(
        {
            "share": share,
            "type": [TYPES[code] for code in types(end, recipe)],
            "to_one": lengths(end - one),
            "to_other": lengths(end - other),
        }
    )


def directions(size: int, seed: int) -> np.ndarray:
    """Two random orthogonal directions of length 1, ``(2, size)``."""
    rng = np.random.default_rng([seed, 23])
    return np.linalg.qr(rng.standard_normal((size, 2)))[0].T


def slice_map(
    centre: np.ndarray,
    axes: np.ndarray,
    recipe: Recipe,
    span: float,
    points: int = 500,
    steps: int = 100,
    epochs: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Where the points of a slice of weight space end.

    The slice is ``centre (n,)`` plus -span..span along each of ``axes (2, n)``, ``points`` by
    ``points``, the second axis going down. Each point trains itself for ``epochs``, then is applied
    to itself until it is zero or diverges, at most ``steps`` times. Returns types and the number of
    self-applications, ``(points, points)`` each.
    """
    grid = np.linspace(-span, span, points)
    codes, taken = np.empty((2, points, points), np.int64)
    rows = max(1, 25_000 // points)  # at a time: what stays in the cache
    for first in range(0, points, rows):
        down = grid[first : first + rows, None, None] * axes[1]
        start = (centre + down + grid[None, :, None] * axes[0]).reshape(-1, len(centre))
        start = start.astype(np.float32)
        if epochs:
            start = self_train(start, recipe, epochs, np.random.default_rng([first, 24]))
        end, verged, _ = self_apply(start, recipe, steps)
        codes[first : first + rows] = types(end, recipe).reshape(-1, points)
        taken[first : first + rows] = verged.reshape(-1, points)
    return codes, taken
