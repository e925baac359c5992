"""The fused engine's particles: what is done to one block of them, compiled by numba.

Layout. Particles are cut into blocks of ``LANES`` neighbours; one block's weights are
``(n, LANES)``. So each formula is a short loop over lanes ``j`` that becomes vector instructions,
and a block stays in the processor's cache while all is done to it. Lanes past the last particle
hold zeros, and every step keeps them. Row ``r`` of a block is one weight: ``W1[i, c]`` at
``5 i + c``, ``W2[k, i]`` at ``5 h + h k + i``, ``W3[k]`` at ``5 h + h h + k``.

Why it is written so. Rows are named by index, not sliced, and few arrays appear in one inner loop,
because the compiler must make sure that they do not overlap. Constants are made in the arrays'
type: a Python number would turn float32 arithmetic into float64. ``OPTIONS`` let sums be reordered
but not assume that numbers are finite, so a divergence stays visible. h and all rules are run-time
arguments: one compilation serves all problems of one type.
"""

from typing import Any, NamedTuple

import numba
import numpy as np

from srnn.particles import weight_count

LANES = 128
"""Particles in one block: long enough for the loops, few enough for the cache."""

OPTIONS: dict[str, Any] = {
    "fastmath": {"nsz", "arcp", "contract", "afn", "reassoc"},
    "nogil": True,
    "error_model": "numpy",
}
"""How everything here is compiled."""

jit = numba.njit(forceinline=True, **OPTIONS)
"""For what the entries call. Inlined, because otherwise a process that compiles calls the functions
as compiled by themselves, a later one those in the stored entry: sums in another order."""


class Rules(NamedTuple):
    """The rules of :class:`srnn.engines.base.Problem`, numbers in the weights' type; ``unit`` is
    what the stored images are multiplied by."""

    alpha: np.floating
    lr: np.floating
    replication_lr: np.floating
    momentum: np.floating
    goal_factor: np.floating
    unit: np.floating
    neurons: int
    particles: int
    multiply: bool
    target_gradient: bool
    shared_optimizer: bool


def block_rows(h: int) -> int:
    """Rows in which a block is kept: its weights, their momentum, ``half = W3 W2``, and for the
    straight code the gradient by the scalar weight, the scalar weight and the replication loss. One
    array, so that the compiler sees that no two of them overlap."""
    return 2 * weight_count(h) + h + 3


class BlockRoom(NamedTuple):
    """Room for one block's intermediate values, ``(rows, LANES)`` each."""

    v: np.ndarray
    g: np.ndarray
    sums: np.ndarray
    back: np.ndarray
    own: np.ndarray


@jit
def composite(w, h, half, v, low, high):
    """``half = W3 W2``, then ``v = half W1`` of the channels ``low..high-1``."""
    second, third = 5 * h, 5 * h + h * h
    for i in range(h):
        for j in range(LANES):
            half[i, j] = w[third, j] * w[second + i, j]
    for k in range(1, h):
        for i in range(h):
            for j in range(LANES):
                half[i, j] += w[third + k, j] * w[second + h * k + i, j]
    for c in range(low, high):
        for j in range(LANES):
            v[c, j] = half[0, j] * w[c, j]
        for i in range(1, h):
            for j in range(LANES):
                v[c, j] += half[i, j] * w[5 * i + c, j]


@jit
def descend(w, buffer, half, low, high, lr, momentum, rules, room):
    """``buffer = momentum * buffer + gradient`` and ``w -= lr * buffer``; the gradient follows
    from ``room.g = dL/dv`` of the channels ``low..high-1``."""
    h, g, back = rules.neurons, room.g, room.back
    second, third = 5 * h, 5 * h + h * h
    for i in range(h):
        for j in range(LANES):
            back[i, j] = 0
        for c in range(low, high):
            for j in range(LANES):
                back[i, j] += w[5 * i + c, j] * g[c, j]
        for c in range(5):
            r = 5 * i + c
            if low <= c < high:
                for j in range(LANES):
                    buffer[r, j] = momentum * buffer[r, j] + half[i, j] * g[c, j]
                    w[r, j] -= lr * buffer[r, j]
            else:
                for j in range(LANES):
                    buffer[r, j] *= momentum
                    w[r, j] -= lr * buffer[r, j]
    for k in range(h):
        out = third + k
        for j in range(LANES):
            buffer[out, j] *= momentum
        for i in range(h):
            r = second + h * k + i
            for j in range(LANES):
                old = w[r, j]
                new = momentum * buffer[r, j] + w[out, j] * back[i, j]
                buffer[out, j] += old * back[i, j]
                buffer[r, j] = new
                w[r, j] = old - lr * new
        for j in range(LANES):
            w[out, j] -= lr * buffer[out, j]


@jit
def replication_step(w, buffer, half, encoding, gram, rules, room):
    """One step on ``alpha`` times the block's replication loss; returns that loss before it."""
    v, g, t = room.v, room.g, room.sums
    number, rows, h = w.dtype.type, encoding.shape[0], rules.neurons
    one, two, scale = number(1), number(2), number(2) * rules.alpha / number(rows)
    composite(w, h, half, v, 0, 4)
    t[:] = 0
    whole = rows - rows % 4
    for r in range(0, whole, 4):  # t = S, b0, b1, b2; four rows at a time store it less often
        for j in range(LANES):
            x0, x1, x2, x3 = w[r, j], w[r + 1, j], w[r + 2, j], w[r + 3, j]
            t[0, j] = t[0, j] + x0 * x0 + x1 * x1 + x2 * x2 + x3 * x3
        for c in range(3):
            e0, e1 = encoding[r, c], encoding[r + 1, c]
            e2, e3 = encoding[r + 2, c], encoding[r + 3, c]
            for j in range(LANES):
                t[c + 1, j] = (
                    t[c + 1, j]
                    + e0 * w[r, j]
                    + e1 * w[r + 1, j]
                    + e2 * w[r + 2, j]
                    + e3 * w[r + 3, j]
                )
    for r in range(whole, rows):
        e0, e1, e2 = encoding[r, 0], encoding[r, 1], encoding[r, 2]
        for j in range(LANES):
            x = w[r, j]
            t[0, j] += x * x
            t[1, j] += e0 * x
            t[2, j] += e1 * x
            t[3, j] += e2 * x
    loss = 0.0
    for j in range(LANES):
        u, p0, p1, p2 = v[0, j] - one, v[1, j], v[2, j], v[3, j]
        q0 = gram[0, 0] * p0 + gram[0, 1] * p1 + gram[0, 2] * p2
        q1 = gram[1, 0] * p0 + gram[1, 1] * p1 + gram[1, 2] * p2
        q2 = gram[2, 0] * p0 + gram[2, 1] * p1 + gram[2, 2] * p2
        bp = t[1, j] * p0 + t[2, j] * p1 + t[3, j] * p2
        loss += u * (u * t[0, j] + two * bp) + p0 * q0 + p1 * q1 + p2 * q2
        g[0, j] = scale * (u * t[0, j] + bp)
        g[1, j] = scale * (u * t[1, j] + q0)
        g[2, j] = scale * (u * t[2, j] + q1)
        g[3, j] = scale * (u * t[3, j] + q2)
    momentum = rules.momentum
    if rules.target_gradient:  # the direct term 2 u (w_r u + E_r . p) / n
        for j in range(LANES):
            u = scale * (v[0, j] - one)
            t[0, j] = u * (v[0, j] - one)
            t[1, j] = u * v[1, j]
            t[2, j] = u * v[2, j]
            t[3, j] = u * v[3, j]
        for r in range(rows):
            e0, e1, e2 = encoding[r, 0], encoding[r, 1], encoding[r, 2]
            for j in range(LANES):
                direct = w[r, j] * t[0, j] + e0 * t[1, j] + e1 * t[2, j] + e2 * t[3, j]
                buffer[r, j] = momentum * buffer[r, j] + direct
        momentum = one
    descend(w, buffer, half, 0, 4, rules.replication_lr, momentum, rules, room)
    return loss * rules.alpha / rows


@jit
def multiply_step(w, buffer, half, lanes, rules, room):
    """One step on ``alpha (v4 - factor)^2``; returns the block's loss before it."""
    v, g, h = room.v, room.g, rules.neurons
    composite(w, h, half, v, 4, 5)
    loss, scale = 0.0, w.dtype.type(2) * rules.alpha
    for j in range(lanes):
        off = v[4, j] - rules.goal_factor
        g[4, j] = scale * off
        loss += off * off
    g[4, lanes:] = 0
    descend(w, buffer, half, 4, 5, rules.replication_lr, rules.momentum, rules, room)
    return loss * rules.alpha


@jit
def replication_call(w, buffer, half, lanes, losses, encoding, gram, rules, room):
    """One step of one block per entry of ``losses``, to which it adds the block's loss; on the
    shared buffer or on one that starts from rest."""
    if not rules.shared_optimizer:
        buffer = room.own
        buffer[:] = 0
    for step in range(len(losses)):
        if rules.multiply:
            losses[step] += multiply_step(w, buffer, half, lanes, rules, room)
        else:
            losses[step] += replication_step(w, buffer, half, encoding, gram, rules, room)
