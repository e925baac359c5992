"""The fused engine's two entries, each a whole call in one compiled function.

A block of particles comes into the processor's cache once per step pair: the task's descent of the
last pair, this pair's replication and the new scalar weights are done to it in one go. Only the
dense layers of the scalar weights come between.
"""

import numpy as np

from srnn.engines.fused_macro import backward, cross_entropy, forward, gather
from srnn.engines.fused_particles import LANES, composite, descend, replication_call

SOURCES = ("fused_macro", "fused_particles")
"""What the entries are compiled from, beside this file."""


def train(w, buffer, data, order, batch_size, steps, encoding, gram, rules, macro, rooms, logs):
    """One step pair per batch of ``order``, one network after the other.

    ``w`` and ``buffer (S, blocks, n, LANES)``; ``data`` images and labels; ``steps (S,)``
    replication steps of a pair; ``rooms`` for a block, a batch and the last batch; ``logs``
    replication and task losses ``(S, pairs)`` and right answers ``(S,)``, all zero at first.
    """
    (x, y), (room, whole, rest), (replication, task, right) = data, rooms, logs
    blocks, h, pairs = w.shape[1], rules.neurons, task.shape[1]
    half = np.empty((blocks, h, LANES), w.dtype)
    scalars, slope = np.zeros(blocks * LANES, w.dtype), np.zeros(blocks * LANES, w.dtype)
    for s in range(len(w)):
        losses = np.zeros(steps[s])
        for pair in range(pairs + 1):
            losses[:] = 0
            for k in range(blocks):
                particles, speed, at = w[s, k], buffer[s, k], k * LANES
                if pair > 0:
                    for j in range(LANES):
                        room.g[4, j] = slope[at + j]
                    descend(particles, speed, half[k], 4, 5, rules.lr, rules.momentum, rules, room)
                if pair < pairs:
                    lanes = min(LANES, rules.particles - at)
                    replication_call(
                        particles, speed, half[k], lanes, losses, encoding, gram, rules, room
                    )
                    composite(particles, h, half[k], room.v, 4, 5)
                    for j in range(LANES):
                        scalars[at + j] = room.v[4, j]
            if pair < pairs:
                rows = order[pair * batch_size : (pair + 1) * batch_size]
                batch = whole if len(rows) == batch_size else rest
                gather(x, rules.unit, rows, batch.images)
                forward(scalars, macro, batch)
                task[s, pair], correct = cross_entropy(y, rows, len(rows), macro, batch)
                backward(scalars, slope, macro, batch)
                right[s] += correct
                if len(losses) > 0:
                    replication[s, pair] = losses[0]


def replicate(w, buffer, losses, encoding, gram, rules, room):
    """Only replication steps, as one call; ``losses (S, steps)``, zero at first."""
    half = np.empty((rules.neurons, LANES), w.dtype)
    for s in range(len(w)):
        for k in range(w.shape[1]):
            lanes = min(LANES, rules.particles - k * LANES)
            replication_call(
                w[s, k], buffer[s, k], half, lanes, losses[s], encoding, gram, rules, room
            )
