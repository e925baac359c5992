"""Membership: which particle belongs to which layer, cell, input and type (log row 6)."""

import numpy as np
import pandas as pd

from srnn.analysis.collapse import scalar_errors, scalars
from srnn.analysis.types import typed_particles
from srnn.metanet import MacroShape


def membership_table(weights: np.ndarray, codes: np.ndarray, shape: MacroShape) -> pd.DataFrame:
    """One row per particle: ``particle, layer, cell, input, type, scalar_weight, scalar_error``.

    Weights ``(n, P)``, codes ``(P,)``. ``scalar_error`` is the largest difference between the
    particle, asked as a network, and its scalar weight.

    Raises:
        ValueError: there is not one code per particle.
    """
    table = typed_particles(codes, shape)
    table["scalar_weight"] = scalars(weights)
    table["scalar_error"] = scalar_errors(weights)
    return table


def mean_images(x: np.ndarray, y: np.ndarray, classes: int) -> np.ndarray:
    """The mean image (or map of attributions) of every class: ``x (B, inputs)``, labels ``y (B,)``
    -> ``(classes, inputs)`` float32; zeros for a class without images."""
    means = np.zeros((classes, x.shape[1]), dtype=np.float32)
    for label in range(classes):
        if (own := x[y == label]).size:
            means[label] = own.mean(0)
    return means
