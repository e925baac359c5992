"""Training what survived: the pruned MetaNet itself, mask kept and momentum masked.

A dropped particle has weights and momentum of exactly 0. Every gradient of a particle is a sum of
products of three of its weight matrices' factors, at least two of them its own, so the gradient of
an all-zero particle is exactly 0 and training leaves it where it is: with the replication loss,
whose direct term is ``2u (u w + E p) / n`` and has w = 0, p = 0, as with the task's. That is
nevertheless checked after every epoch.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from srnn.config import RunConfig
from srnn.engines import available, choose
from srnn.history import TrainingState
from srnn.tasks import Task
from srnn.training import initial_state, train_population

NETWORKS_AT_ONCE = 10
"""Networks trained as one population."""


def masked_state(state: TrainingState, mask: np.ndarray) -> TrainingState:
    """A training state with the dropped particles' weights and momentum at exactly 0; trained on
    by its own engine, or by whichever works here."""
    engine = state.engine if available(state.engine) else "auto"
    weights, momentum = (np.where(mask, one, 0) for one in (state.weights, state.momentum))
    return replace(state, weights=weights, momentum=momentum, engine=engine)


def fresh_states(configs: Sequence[RunConfig], masks: np.ndarray) -> list[TrainingState]:
    """Untrained states, one per configuration, of which only the masked particles ``(S, P)`` are
    kept: the survivors drawn anew."""
    states = [initial_state(config, masks.shape[1], choose("auto")) for config in configs]
    return [masked_state(state, mask) for state, mask in zip(states, masks, strict=True)]


def retrain(
    config: RunConfig,
    task: Task,
    states: Sequence[TrainingState],
    masks: np.ndarray,
    epochs: int,
) -> np.ndarray:
    """Train pruned MetaNets on for some epochs: states with their masks ``(S, P)`` -> weights
    ``(S, n, P)``. All states must be of one epoch.

    A network that diverges keeps its last, non-finite weights.

    Raises:
        ValueError: there is not one mask per state, or a state does not fit.
        RuntimeError: a dropped particle revived.
    """
    if len(states) != len(masks):
        raise ValueError(f"{len(masks)} masks for {len(states)} states")
    longer = config.replace(
        epochs=states[0].epoch + epochs, lr_final=1.0, alpha_final=1.0, settle_epochs=0
    )
    parts = []
    for start in range(0, len(states), NETWORKS_AT_ONCE):
        some, theirs = states[start : start + NETWORKS_AT_ONCE], masks[start:]
        begun = [masked_state(state, mask) for state, mask in zip(some, theirs, strict=False)]
        weights = [state.weights for state in begun]
        for records in train_population([longer] * len(begun), task, begun):
            for member, record in enumerate(records):
                if record is not None:
                    weights[member] = record.state.weights
                    alive = int(weights[member][:, ~theirs[member]].any(0).sum())
                    if alive:
                        raise RuntimeError(
                            f"{alive} dropped particles revived in epoch {record.epoch}"
                        )
        parts += weights
    return np.stack(parts)
