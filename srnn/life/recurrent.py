"""Recurrent particles: a network that reads its weights one after the other, as a sequence.

Three simple recurrent layers of h, h and 1 cells, linear: ``a_t = x_t K + a_(t-1) R``; the answer
at time t is what weight t becomes. Kernels K and R alternate, ``(in, out)`` row-major, in the order
in which they are read: ``n = 3 h h + 2 h + 1``.

Source: Gabor et al., "Self-Replication in Neural Networks" (ALIFE 2019).
"""

import numpy as np

from srnn.life.compiling import jit


def shapes(neurons: int) -> tuple[tuple[int, int], ...]:
    """``(in, out)`` of kernel and recurrent kernel of the three layers, in turn."""
    h = neurons
    return ((1, h), (h, h), (h, h), (h, h), (h, 1), (1, 1))


def applied(w: np.ndarray, x: np.ndarray, neurons: int) -> np.ndarray:
    """What particles ``w (P, n)`` make of the weights ``x (P, n)``."""
    count, sequence, start = len(x), x[:, :, None], 0
    for (inputs, cells), _ in zip(shapes(neurons)[::2], shapes(neurons)[1::2], strict=True):
        end = start + inputs * cells
        kernel = w[:, start:end].reshape(count, inputs, cells)
        again = w[:, end : end + cells * cells].reshape(count, cells, cells)
        sums = np.einsum("pti,pio->pto", sequence, kernel)
        for t in range(1, sums.shape[1]):
            sums[:, t] += np.einsum("pi,pio->po", sums[:, t - 1], again)
        sequence, start = sums, end + cells * cells
    return sequence[:, :, 0]


@jit
def layer(w, start, room, below, inputs, above, cells):
    """Values of a layer with its kernels at ``start``, from the rows of ``room`` from ``below`` on
    to those from ``above`` on; a row is one cell over time."""
    again = start + inputs * cells
    for t in range(room.shape[1]):
        for c in range(cells):
            room[above + c, t] = 0
            for i in range(inputs):
                room[above + c, t] += room[below + i, t] * w[start + cells * i + c]
            if t > 0:
                for i in range(cells):
                    room[above + c, t] += room[above + i, t - 1] * w[again + cells * i + c]


@jit
def layer_backward(w, start, room, below, inputs, above, cells, shift, change):
    """The gradient by a cell is ``shift`` rows past its values: from those of the layer to those
    below it, and by the kernels to the row ``change``."""
    again = start + inputs * cells
    for r in range(start, again + cells * cells):
        room[change, r] = 0
    for t in range(room.shape[1] - 1, -1, -1):
        for i in range(inputs):
            room[shift + below + i, t] = 0
            for c in range(cells):
                slope = room[shift + above + c, t]
                room[shift + below + i, t] += slope * w[start + cells * i + c]
                room[change, start + cells * i + c] += slope * room[below + i, t]
        if t > 0:
            for i in range(cells):
                for c in range(cells):
                    slope = room[shift + above + c, t]
                    room[shift + above + i, t - 1] += slope * w[again + cells * i + c]
                    room[change, again + cells * i + c] += slope * room[above + i, t - 1]


@jit
def forward(w, x, h, room):
    """Rows of ``room``: the sequence read, h cells, h cells, the answer."""
    for t in range(len(x)):
        room[0, t] = x[t]
    layer(w, 0, room, 0, 1, 1, h)
    layer(w, h + h * h, room, 1, h, 1 + h, h)
    layer(w, h + 3 * h * h, room, 1 + h, h, 1 + 2 * h, 1)


@jit
def apply(w, x, out, spec, room):
    """``out (n,)``: what the particle ``w`` makes of the weights ``x``."""
    h = spec.neurons
    forward(w, x, h, room)
    for t in range(len(x)):
        out[t] = room[1 + 2 * h, t]


@jit
def learn(w, x, spec, room):
    """One step of SGD on the squared errors of the answers about ``x``, back through time.

    Summed over time, not averaged: the source leaves it open, the published figure decides it. 38
    of 50 diverge in self-training; summed 42.5 do, averaged (a 17th of the learning rate) 23.6,
    which is four standard deviations away.
    """
    h = spec.neurons
    answer, shift, change = 1 + 2 * h, 2 + 2 * h, 4 + 4 * h
    forward(w, x, h, room)
    for t in range(len(x)):
        room[shift + answer, t] = (room[answer, t] - x[t]) * (spec.lr * 2)
    layer_backward(w, h + 3 * h * h, room, 1 + h, h, answer, 1, shift, change)
    layer_backward(w, h + h * h, room, 1, h, 1 + h, h, shift, change)
    layer_backward(w, 0, room, 0, 1, 1, h, shift, change)
    for r in range(len(w)):
        w[r] -= room[change, r]
