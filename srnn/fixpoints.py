"""Fixpoint types: what a particle does to its own weights.

Tested in this order, everywhere, with one absolute tolerance epsilon: **divergent** (a weight is
NaN or infinite), **zero** (all |w| <= epsilon), **identity** (self-application gives w again),
**second_order** (the particle applied to its own output gives w again), **other**.

The 2022 code tested identity before zero, so its "identity" counts are zero + identity here.
"""

import numpy as np
import torch
from torch import Tensor

from srnn.particles import composite
from srnn.vocabulary import DIVERGENT, EPSILON, IDENTITY, OTHER, SECOND_ORDER, ZERO


def classify(weights: Tensor, encoding: Tensor, epsilon: float = EPSILON) -> np.ndarray:
    """Types of all particles: ``(..., n, P)`` -> ``(..., P)`` uint8 codes into :data:`TYPES`.

    Uses that ``f(f(w)) - w = (1 + v[0]) (f(w) - w)``, so one self-application answers both.

    Raises:
        ValueError: epsilon is negative or not a number.
    """
    return classify_measures(*measures(weights, encoding), epsilon)


def measures(weights: Tensor, encoding: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the types are decided by, per particle ``(..., P)``: largest |w|, largest
    |f(w) - w|, largest |f(f(w)) - w|; NaN where a weight is not finite.

    They do not depend on epsilon, so an epsilon slider needs them once.
    """
    v = composite(weights)
    error = weights * (v[..., :1, :] - 1) + encoding @ v[..., 1:4, :]
    first = error.abs().amax(-2)
    second = first * (1 + v[..., 0, :]).abs()
    size = weights.abs().amax(-2)
    size = torch.where(torch.isfinite(weights).all(-2), size, torch.nan)
    return size.cpu().numpy(), first.cpu().numpy(), second.cpu().numpy()


def classify_measures(
    size: np.ndarray, error: np.ndarray, second: np.ndarray, epsilon: float = EPSILON
) -> np.ndarray:
    """Types from :func:`measures`; shapes alike, uint8 codes into :data:`TYPES`.

    Raises:
        ValueError: epsilon is negative or not a number.
    """
    if not epsilon >= 0:
        raise ValueError(f"epsilon = {epsilon}: must be zero or more")
    types = np.full(size.shape, OTHER, dtype=np.uint8)
    types[second <= epsilon] = SECOND_ORDER
    types[error <= epsilon] = IDENTITY
    types[size <= epsilon] = ZERO
    types[np.isnan(size)] = DIVERGENT
    return types
