"""The dropout test: does a particle take part in the goal, or is it only a replicator? (log row 2)

All particles of one type are set to zero and the accuracy is measured again. A dropped particle is
a connection of scalar weight 0, so the measurement runs on the collapsed network. Differences are
signed, after minus before, as fractions: -0.0005 is a loss of 0.05 percentage points.

A particle that has diverged leaves no answer at all (accuracy 0). So the divergent ones are dropped
first in all other rows; their own row says what dropping just them changes.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from srnn.analysis.collapse import scalars
from srnn.metanet import MacroShape, accuracy
from srnn.vocabulary import DIVERGENT, TYPES, is_replicator

COLUMNS = ("type", "count", "accuracy", "difference", "before")


def drop(weights: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The weights ``(n, P)``, or scalars ``(P,)``, with the particles of the mask ``(P,)`` (True:
    dropped) set to zero; a new array.

    Raises:
        ValueError: the mask is not boolean, or not one value per particle.
    """
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.shape != weights.shape[-1:]:
        raise ValueError(
            f"mask of shape {mask.shape}, {mask.dtype}: expected {weights.shape[-1:]}, bool"
        )
    kept = np.array(weights)
    kept[..., mask] = 0
    return kept


def accuracy_of(
    weights: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    shape: MacroShape,
) -> float:
    """Accuracy, 0..1, of a MetaNet given as weights ``(n, P)`` or as scalar weights ``(P,)``.

    ``x (B, inputs)``, ``y (B,)``. An image with a non-finite logit counts as wrong.

    Raises:
        ValueError: not of ``shape.particles`` particles, or there is no image.
    """
    if weights.shape[-1] != shape.particles or weights.ndim not in (1, 2):
        raise ValueError(f"weights of shape {weights.shape}: expected (n, {shape.particles})")
    if len(x) == 0:
        raise ValueError("there is no image to measure the accuracy on")
    scalar = scalars(weights) if weights.ndim == 2 else np.asarray(weights, dtype=np.float32)
    with torch.inference_mode():
        images, labels = torch.from_numpy(np.asarray(x)), torch.from_numpy(np.asarray(y))
        return accuracy(torch.from_numpy(np.array(scalar)), images, labels, shape)


def dropout_masks(
    weights: np.ndarray,
    masks: Mapping[str, np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    shape: MacroShape,
) -> pd.DataFrame:
    """Drop any groups of particles, one group at a time: weights ``(n, P)`` or scalars ``(P,)``,
    named masks ``(P,)`` (True: dropped) -> ``type`` (the group's name), ``count, accuracy,
    difference, before``, a row for each mask, in its order.

    Nothing is dropped beforehand: with a diverged particle, ``before`` is 0.

    Raises:
        ValueError: a mask or the weights do not fit the shape.
    """
    scalar = scalars(weights) if weights.ndim == 2 else weights
    before, rows = accuracy_of(scalar, x, y, shape), []
    for name, mask in masks.items():
        kept, count = drop(scalar, mask), int(np.count_nonzero(mask))
        after = accuracy_of(kept, x, y, shape) if count else before
        rows.append((name, count, after, after - before, before))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def dropout_test(
    weights: np.ndarray,
    codes: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    shape: MacroShape,
    layer: int | None = None,
) -> pd.DataFrame:
    """The dropout test, one row per type: weights ``(n, P)``, codes ``(P,)`` into
    :data:`srnn.vocabulary.TYPES` -> ``type, count, accuracy, difference, before`` (fractions). Only
    particles of the ``layer`` are dropped, if it is given; else a last row is of all
    ``replicators``, which the log's code called identity.

    Raises:
        ValueError: codes or weights do not fit the shape.
    """
    groups = {name: codes == code for code, name in enumerate(TYPES)}
    if layer is None:
        groups["replicators"] = is_replicator(codes)
    else:
        groups = {name: mask & (shape.layer == layer) for name, mask in groups.items()}
    whole, sick, own = scalars(weights), codes == DIVERGENT, TYPES[DIVERGENT]
    rows = dropout_masks(drop(whole, sick), groups, x, y, shape)
    if sick.any():
        alone = dropout_masks(whole, {own: groups[own]}, x, y, shape)
        rows = pd.concat([alone, rows[rows["type"] != own]], ignore_index=True)
    return rows


def dropout_by_layer(
    weights: np.ndarray, codes: np.ndarray, x: np.ndarray, y: np.ndarray, shape: MacroShape
) -> pd.DataFrame:
    """The dropout test of every layer: ``layer, type, count, accuracy, difference, before``.

    Raises:
        ValueError: codes or weights do not fit the shape.
    """
    parts = {
        layer: dropout_test(weights, codes, x, y, shape, layer) for layer in range(shape.depth)
    }
    return pd.concat(parts, names=["layer"]).reset_index("layer").reset_index(drop=True)
