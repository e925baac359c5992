"""Aggregating particles: a network that sees only the means of a few groups of its weights.

The weights, in their order, are cut into four groups (the last takes what is left over); the
network maps the four means to four numbers, and each becomes all weights of its group. Matrices
are ``(in, out)`` row-major, as in 2019, because the order decides the groups: 4 - h - h - 4, so
``n = 8h + h h``.

Source: Gabor et al., "Self-Replication in Neural Networks" (ALIFE 2019).
"""

import numpy as np

from srnn.life.compiling import jit

GROUPS = 4


def shapes(neurons: int) -> tuple[tuple[int, int], ...]:
    """``(in, out)`` of the three matrices."""
    return ((GROUPS, neurons), (neurons, neurons), (neurons, GROUPS))


def applied(w: np.ndarray, x: np.ndarray, neurons: int) -> np.ndarray:
    """What particles ``w (P, n)`` make of the weights ``x (P, n)``."""
    count, n = x.shape
    groups = np.minimum(np.arange(n) // (n // GROUPS), GROUPS - 1)
    y = np.stack([x[:, groups == j].mean(1) for j in range(GROUPS)], 1)
    start = 0
    for rows, columns in shapes(neurons):
        matrix = w[:, start : start + rows * columns].reshape(count, rows, columns)
        y = np.einsum("pi,pio->po", y, matrix)
        start += rows * columns
    return y[:, groups]


@jit
def forward(w, x, h, room):
    """Means of ``x`` to ``room[0]``, the hidden layers to ``room[1], room[2]``, answers to
    ``room[3]``."""
    means, a, b, y = room[0], room[1], room[2], room[3]
    size = len(x) // GROUPS
    for j in range(GROUPS):
        start, end = j * size, (j + 1) * size if j < GROUPS - 1 else len(x)
        means[j] = 0
        for r in range(start, end):
            means[j] += x[r]
        means[j] /= end - start
    second, third = GROUPS * h, GROUPS * h + h * h
    for k in range(h):
        a[k] = 0
        for j in range(GROUPS):
            a[k] += means[j] * w[h * j + k]
    for k in range(h):
        b[k] = 0
        for i in range(h):
            b[k] += a[i] * w[second + h * i + k]
    for j in range(GROUPS):
        y[j] = 0
        for k in range(h):
            y[j] += b[k] * w[third + GROUPS * k + j]


@jit
def apply(w, x, out, spec, room):
    """``out (n,)``: what the particle ``w`` makes of the weights ``x``."""
    forward(w, x, spec.neurons, room)
    size = len(x) // GROUPS
    for r in range(len(x)):
        out[r] = room[3, min(r // size, GROUPS - 1)]


@jit
def learn(w, x, spec, room):
    """One step of SGD on the mean squared error of the four answers about the means of ``x``."""
    h = spec.neurons
    forward(w, x, h, room)
    means, a, b, y, by_b, by_a = room[0], room[1], room[2], room[3], room[4], room[5]
    second, third = GROUPS * h, GROUPS * h + h * h
    for j in range(GROUPS):
        y[j] = spec.lr * 2 * (y[j] - means[j]) / GROUPS
    for k in range(h):
        by_b[k] = 0
        for j in range(GROUPS):
            by_b[k] += y[j] * w[third + GROUPS * k + j]
            w[third + GROUPS * k + j] -= y[j] * b[k]
    for i in range(h):
        by_a[i] = 0
        for k in range(h):
            by_a[i] += by_b[k] * w[second + h * i + k]
            w[second + h * i + k] -= by_b[k] * a[i]
    for j in range(GROUPS):
        for k in range(h):
            w[h * j + k] -= by_a[k] * means[j]
