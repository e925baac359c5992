"""What the fused engines compile: each function here is a whole call that Python makes.

A block of particles comes into the processor's cache once per step pair: the task's descent of the
last pair, this pair's replication and the new scalar weights are done to it in one go
(:func:`sweep`). Only the dense layers of the scalar weights come between.
"""

import numpy as np

from srnn.engines.fused_macro import backward, cross_entropy, forward, gather
from srnn.engines.fused_particles import LANES, composite, descend, jit, replication_call

SOURCES = ("fused_macro", "fused_particles")
"""What they are compiled from, beside this file."""


@jit
def sweep(state, slopes, scalars, losses, encoding, gram, rules, room, part, after, then):
    """What happens to the blocks ``part[0]..part[1]-1`` of one network between two passes of the
    dense layers: the task's descent (if ``after`` one), a replication step for every column of
    ``losses``, and the scalar weights (if a pass comes ``then``).

    ``losses (blocks, steps)``, or one row for all blocks, to which theirs are added;
    ``state (blocks, rows, LANES)``, see :func:`~srnn.engines.fused_particles.block_rows`;
    ``slopes (chunks, P)`` and ``scalars (P,)`` are as long as all lanes.
    """
    count, h, n = rules.particles, rules.neurons, len(encoding)
    if (
        state.shape[2] != LANES
        or room.v.shape[1] != LANES
        or room.g.shape[1] != LANES
        or room.sums.shape[1] != LANES
        or room.back.shape[1] != LANES
        or room.own.shape[1] != LANES
    ):  # never; it tells the compiler that no two rows overlap
        return
    for k in range(part[0], part[1]):
        w, buffer, half = state[k, :n], state[k, n : 2 * n], state[k, 2 * n : 2 * n + h]
        at = k * LANES
        lanes = min(LANES, count - at)
        if after:
            for j in range(lanes):
                room.g[4, j] = slopes[0, at + j]
            for c in range(1, len(slopes)):
                for j in range(lanes):
                    room.g[4, j] += slopes[c, at + j]
            for j in range(lanes, LANES):
                room.g[4, j] = 0
            descend(w, buffer, half, 4, 5, rules.lr, rules.momentum, rules, room)
        own = losses[min(k, len(losses) - 1)]
        replication_call(w, buffer, half, lanes, own, encoding, gram, rules, room)
        if then:
            composite(w, h, half, room.v, 4, 5)
            for j in range(lanes):
                scalars[at + j] = room.v[4, j]


def train(state, data, order, batch_size, steps, encoding, gram, rules, macro, rooms, logs):
    """One step pair per batch of ``order``, one network after the other.

    ``state (S, blocks, rows, LANES)``; ``data`` images and labels; ``steps (S,)`` replication steps
    of a pair; ``rooms`` for a block, a batch and the last batch; ``logs`` replication and task
    losses ``(S, pairs)`` and right answers ``(S,)``, all zero at first.
    """
    (x, y), (room, whole, rest), (replication, task, right) = data, rooms, logs
    blocks, pairs = state.shape[1], task.shape[1]
    scalars = np.zeros(blocks * LANES, state.dtype)
    slopes = np.zeros((1, blocks * LANES), state.dtype)
    for s in range(len(state)):
        for pair in range(pairs + 1):
            losses = np.zeros((1, steps[s] if pair < pairs else 0))
            sweep(
                state[s], slopes, scalars, losses, encoding, gram, rules, room, (0, blocks),
                pair > 0, pair < pairs,
            )  # fmt: skip
            if pair < pairs:
                rows = order[pair * batch_size : (pair + 1) * batch_size]
                batch = whole if len(rows) == batch_size else rest
                gather(x, rules.unit, rows, batch.images)
                forward(scalars, macro, batch)
                task[s, pair], correct = cross_entropy(y, rows, len(rows), macro, batch)
                backward(scalars, slopes[0], macro, batch)
                right[s] += correct
                if steps[s] > 0:
                    replication[s, pair] = losses[0, 0]
