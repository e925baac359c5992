"""A look at a training that is under way: what it has kept so far. Only reads."""

from __future__ import annotations

import numpy as np

from srnn import paths
from srnn.config import RunConfig
from srnn.history import keeps_snapshot
from srnn.runs.record import SNAPSHOTS


def kept_so_far(config: RunConfig, particles: int) -> tuple[np.ndarray, list[int]]:
    """The snapshots ``(T, n, P)`` that a training has written so far, and their epochs; T is 0
    before the first. The last ones may not be vouched for yet: for looking only."""
    epochs = [epoch for epoch in range(config.epochs + 1) if keeps_snapshot(config, epoch)]
    size = config.particle_weights * particles
    try:
        found = np.fromfile(paths.run_folder(config.run_id) / SNAPSHOTS, dtype="<f4")
    except OSError:
        found = np.empty(0, dtype="<f4")
    count = min(len(found) // size, len(epochs))
    return found[: count * size].reshape(count, config.particle_weights, particles), epochs[:count]
