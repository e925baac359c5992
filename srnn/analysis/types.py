"""Types over time: every particle of every snapshot, for any epsilon at once (log row 1).

What decides a type (how large the weights are, how far the self-application is from them) does not
depend on epsilon. It is measured once per run; a new epsilon then costs a few comparisons.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from srnn.fixpoints import classify_measures, measures
from srnn.metanet import MacroShape, particle_table
from srnn.vocabulary import EPSILON, TYPES, ZERO


@dataclass(frozen=True)
class HistoryMeasures:
    """What the types of T snapshots of P particles are decided by, each ``(T, P)`` float32:
    largest |w|, largest |f(w) - w|, largest |f(f(w)) - w|; NaN where not finite."""

    size: np.ndarray
    error: np.ndarray
    second: np.ndarray

    def codes(self, epsilon: float = EPSILON) -> np.ndarray:
        """Type codes ``(T, P)`` uint8 into :data:`srnn.vocabulary.TYPES`.

        Raises:
            ValueError: epsilon is negative or not a number.
        """
        return classify_measures(self.size, self.error, self.second, epsilon)


def history_measures(snapshots: np.ndarray, encoding: np.ndarray) -> HistoryMeasures:
    """Measure all particles of all snapshots: ``(T, n, P)`` weights, ``(n, 3)`` encoding.

    One snapshot at a time, so a memory-mapped history is never in memory as a whole.

    Raises:
        ValueError: the snapshots are not ``(T, n, P)``, or not of particles with that encoding.
    """
    if snapshots.ndim != 3 or snapshots.shape[1] != len(encoding):
        raise ValueError(f"snapshots of shape {snapshots.shape}: expected (T, {len(encoding)}, P)")
    positions = torch.from_numpy(np.array(encoding))
    found = np.empty((3, len(snapshots), snapshots.shape[2]), dtype=np.float32)
    for index, one in enumerate(snapshots):
        found[:, index] = measures(torch.from_numpy(np.array(one)), positions)
    return HistoryMeasures(*found)


def typed_particles(codes: np.ndarray, shape: MacroShape) -> pd.DataFrame:
    """``particle, layer, cell, input, type``, a row per particle: codes ``(P,)``.

    Raises:
        ValueError: there is not one code per particle.
    """
    if codes.shape != (shape.particles,):
        raise ValueError(f"codes of shape {codes.shape}: expected ({shape.particles},)")
    return particle_table(shape).assign(type=np.array(TYPES, dtype=object)[codes])


def dead_cells(codes: np.ndarray, shape: MacroShape) -> np.ndarray:
    """Which output cells have no particle but zeros: codes ``(P,)`` -> ``(outputs,)`` bool."""
    return (codes[shape.starts[-2] :].reshape(shape.layers[-1]) == ZERO).all(1)


def type_counts(codes: np.ndarray, epochs: Sequence[int]) -> pd.DataFrame:
    """Particles of each type per snapshot: ``epoch, divergent, zero, identity, second_order,
    other``; codes ``(T, P)``, one epoch label per snapshot.

    Raises:
        ValueError: there is not one epoch per snapshot.
    """
    if len(epochs) != len(codes):
        raise ValueError(f"{len(epochs)} epochs for {len(codes)} snapshots")
    counts = np.stack([(codes == code).sum(1) for code in range(len(TYPES))], axis=1)
    frame = pd.DataFrame(counts, columns=list(TYPES))
    frame.insert(0, "epoch", np.asarray(epochs, dtype=np.int64))
    return frame
