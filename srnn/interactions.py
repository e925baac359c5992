"""Attack and melt inside a MetaNet, after the code of 2022.

In each group of particles (a cell, a weight layer, or all) every particle is paired with a random
one of the group; with probability ``ratio`` it acts on it, one particle after the other. *Attack*:
the other becomes what the particle makes of its weights. *Melt*: the particle takes over a random
half of its positions from itself and the rest from the other.
"""

import numpy as np
import torch

from srnn.metanet import MacroShape
from srnn.particles import composite

KINDS = ("attack", "melt")
LEVELS = ("cell", "layer", "anywhere")


def groups(shape: MacroShape, level: str) -> list[np.ndarray]:
    """Indices of the particles that may meet.

    Raises:
        ValueError: unknown level.
    """
    if level not in LEVELS:
        raise ValueError(f"unknown level {level!r}; levels: {', '.join(LEVELS)}")
    every = np.arange(shape.particles)
    if level == "anywhere":
        return [every]
    layers = shape.split(every)
    if level == "cell":
        return [cell for layer in layers for cell in layer]
    return [layer.ravel() for layer in layers]


def interact(
    weights: np.ndarray,
    encoding: np.ndarray,
    shape: MacroShape,
    kind: str,
    rng: np.random.Generator,
    ratio: float = 0.01,
    level: str = "cell",
    among: np.ndarray | None = None,
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """One round: ``(n, P)`` -> ``(n, P)``, and who acted on whom, in order; the input stays. Only
    particles of the mask ``among (P,)`` take part (None: all).

    Raises:
        ValueError: unknown kind or level, or a ratio outside 0..1.
    """
    if kind not in KINDS or not 0 <= ratio <= 1:
        raise ValueError(f"{kind!r} at ratio {ratio}: {' or '.join(KINDS)}, ratio 0 to 1")
    w, pairs = weights.T.copy(), []
    n, e = w.shape[1], encoding.astype(w.dtype)
    for whole in groups(shape, level):
        group = whole if among is None else whole[among[whole]]
        partners = rng.permutation(group)
        for p, q in zip(group, partners, strict=True):
            if rng.random() >= ratio or p == q:
                continue
            if kind == "attack":
                v = composite(torch.from_numpy(w[p])[:, None])[:, 0].numpy()
                with np.errstate(all="ignore"):  # particles may diverge
                    w[q] = w[q] * v[0] + e @ v[1:4]
            else:
                rest = rng.permutation(n)[n // 2 :]
                w[p, rest] = w[q, rest]
            pairs.append((int(p), int(q)))
    return np.ascontiguousarray(w.T), pairs
