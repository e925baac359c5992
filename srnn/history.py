"""What a training leaves behind: its state, from which it goes on bit for bit, and the epochs whose
weights are kept: of all particles up to :data:`WHOLE`, else of a sample, and every scalar weight.
Known to the loop that makes them and to the runs that keep them; no torch here.
"""

from dataclasses import dataclass

import numpy as np

from srnn.config import RunConfig

WHOLE = 150_000
"""Particles up to which a run keeps all weights of its epochs."""

SAMPLE = 10_000
"""Particles whose weights it keeps if there are more."""

_DRAW = 0x5A3E
"""Tells the draw of the sample from the others of a seed."""


def sample_size(particles: int) -> int | None:
    """Particles whose weights a run of so many keeps at its epochs; None: all of them."""
    return min(SAMPLE, particles) if particles > WHOLE else None


def kept_numbers(config: RunConfig, particles: int, sample: int | None) -> int:
    """Numbers that are kept of one epoch: the weights of all particles, or of a sample of so many
    and every scalar weight."""
    if sample is None:
        return config.particle_weights * particles
    return config.particle_weights * sample + particles


def sample_of(seed: int, particles: int, size: int) -> np.ndarray:
    """The particles ``(size,)`` that a run of that seed follows, ascending."""
    return np.sort(np.random.default_rng([seed, _DRAW]).permutation(particles)[:size])


@dataclass(frozen=True)
class History:
    """The weights that a run has kept of its ``epochs``: ``weights (T, n, S)`` of the ``particles
    (S,)``, and ``scalars (T, P)`` of all, or None where the weights are those of all particles."""

    epochs: list[int]
    particles: np.ndarray
    weights: np.ndarray
    scalars: np.ndarray | None


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
