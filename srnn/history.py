"""What a training leaves behind: its state, from which it goes on bit for bit, and the epochs whose
weights are kept. Known to the loop that makes them and to the runs that keep them; no torch here.
"""

from dataclasses import dataclass

import numpy as np

from srnn.config import RunConfig


@dataclass(frozen=True)
class TrainingState:
    """All that is needed to train on from exactly here.

    ``weights`` and ``momentum`` are ``(n, P)`` float32, ``epoch`` counts finished epochs,
    ``replicating`` says whether self-replication has started (``replication_start``), ``engine``
    which engine trained it.
    """

    epoch: int
    weights: np.ndarray
    momentum: np.ndarray
    replicating: bool
    engine: str


def keeps_snapshot(config: RunConfig, epoch: int) -> bool:
    """Whether the weights of that epoch are kept: 0, then by ``snapshot_every``, and the last.

    With ``snapshot_every`` 0 the gaps widen with the epoch (1 up to 6, 2 up to 10, 5 up to 50, 10
    up to 200, 25 up to 500, then 50), because a MetaNet changes most at the start. Apart from the
    last, an epoch is kept or not whatever the number of epochs, so a longer run keeps what a
    shorter one kept.
    """
    gap = config.snapshot_every
    if gap == 0:
        gap = next((gap for top, gap in _GAPS if epoch <= top), 50)
    return epoch == config.epochs or epoch % gap == 0


_GAPS = ((6, 1), (10, 2), (50, 5), (200, 10), (500, 25))


def kept_epochs(config: RunConfig, done: int | None = None) -> list[int]:
    """The epochs whose weights are kept by a training that ended after ``done`` epochs (default:
    all of them), ascending; where it ended is always one."""
    done = config.epochs if done is None else done
    return [epoch for epoch in range(done + 1) if keeps_snapshot(config, epoch) or epoch == done]
