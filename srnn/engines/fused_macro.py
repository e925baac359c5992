"""The fused engine's macro network: the dense layers of the scalar weights, compiled by numba.

Layout. A row is one cell, its columns are the batch's samples ``b``, so that also the tiny layers
are loops over hundreds of samples; the images alone are ``(samples, pixels)``. Batches and image
rows are padded with zeros to a multiple of ``ROUND``; padding samples have no gradient. See
:mod:`srnn.engines.fused_particles` for why it is written as it is.
"""

from typing import NamedTuple

import numpy as np

from srnn.engines.fused_particles import jit

ROUND = 16
"""Batches and image rows are padded with zeros to a multiple of this."""


class Macro(NamedTuple):
    """The macro network: per layer of cells its ``sizes`` and the row of its first cell
    (``cells``; the images have none); per layer of weights its first particle (``starts``) and the
    layer whose input it adds (``skips``, -1: none); ``activation`` 0 none, 1 relu, 2 tanh."""

    sizes: np.ndarray
    cells: np.ndarray
    starts: np.ndarray
    skips: np.ndarray
    activation: int


class BatchRoom(NamedTuple):
    """Room for one batch: images ``(samples, pixels)``, the first layer's matrix ``(out, pixels)``,
    cells ``(cells, samples)`` before their skip, after it, and their gradient; the others are
    ``(samples,)``, ``bits`` and ``answer`` whole numbers, ``power`` the same memory as ``bits``."""

    images: np.ndarray
    matrix: np.ndarray
    out: np.ndarray
    a: np.ndarray
    d: np.ndarray
    top: np.ndarray
    total: np.ndarray
    rest: np.ndarray
    series: np.ndarray
    sign: np.ndarray
    bits: np.ndarray
    power: np.ndarray
    answer: np.ndarray


@jit
def gather(x, unit, rows, batch):
    """Copy the images ``rows`` into the batch, times ``unit``; padding samples become zero."""
    for b in range(batch.shape[0]):
        if b < len(rows):
            row = rows[b]
            for i in range(x.shape[1]):
                batch[b, i] = unit * batch.dtype.type(x[row, i])
        else:
            for i in range(x.shape[1]):
                batch[b, i] = 0


@jit
def first_layer(batch, matrix, out):
    """``out[c, b] = matrix[c] . batch[b]``, four samples at a time."""
    zero = batch.dtype.type(0)
    for b in range(0, batch.shape[0], 4):
        for c in range(matrix.shape[0]):
            s0, s1, s2, s3 = zero, zero, zero, zero
            for i in range(matrix.shape[1]):
                m = matrix[c, i]
                s0 += m * batch[b, i]
                s1 += m * batch[b + 1, i]
                s2 += m * batch[b + 2, i]
                s3 += m * batch[b + 3, i]
            out[c, b], out[c, b + 1], out[c, b + 2], out[c, b + 3] = s0, s1, s2, s3


@jit
def first_layer_gradient(batch, delta, matrix):
    """``matrix[c] = sum_b delta[c, b] batch[b]``, four samples at a time."""
    matrix[:] = 0
    for b in range(0, batch.shape[0], 4):
        for c in range(matrix.shape[0]):
            d0, d1, d2, d3 = delta[c, b], delta[c, b + 1], delta[c, b + 2], delta[c, b + 3]
            for i in range(matrix.shape[1]):
                low = d0 * batch[b, i] + d1 * batch[b + 1, i]
                high = d2 * batch[b + 2, i] + d3 * batch[b + 3, i]
                matrix[c, i] += low + high


@jit
def exponential(x, row, room):
    """``x[row] = exp(x[row])`` for values <= 0, vectorised: ``x = k ln 2 + r``, the Taylor
    polynomial of ``exp(r)`` to float64's precision, times ``2^k``, made from its bits."""
    number = x.dtype.type
    one, half, turns, log2 = number(1), number(0.5), number(1.4426950408889634), number(np.log(2))
    lowest, bias, shift = (-87, 127, 23) if x.itemsize == 4 else (-708, 1023, 52)
    lowest, rest, series, bits = number(lowest), room.rest, room.series, room.bits
    for b in range(x.shape[1]):
        value = lowest if x[row, b] < lowest else x[row, b]  # NaN stays NaN
        k = np.floor(value * turns + half)
        rest[b] = value - k * log2
        bits[b] = (np.int64(k) + bias) << shift
        series[b] = one
    for m in range(13, 0, -1):
        share = one / number(m)
        for b in range(x.shape[1]):
            series[b] = one + series[b] * rest[b] * share
    for b in range(x.shape[1]):
        x[row, b] = series[b] * room.power[b]


@jit
def activate(x, row, kind, room):
    """``x[row]`` through relu (1) or tanh (2)."""
    number = x.dtype.type
    zero, one, two = number(0), number(1), number(2)
    if kind == 1:
        for b in range(x.shape[1]):
            x[row, b] = zero if x[row, b] < zero else x[row, b]  # NaN stays NaN
    elif kind == 2:  # (1 - e) / (1 + e) with e = exp(-2 |x|), and x's sign
        sign = room.sign
        for b in range(x.shape[1]):
            sign[b] = -one if x[row, b] < zero else one
            x[row, b] *= -two * sign[b]
        exponential(x, row, room)
        for b in range(x.shape[1]):
            x[row, b] = sign[b] * (one - x[row, b]) / (one + x[row, b])


@jit
def pass_on(layer, c, macro, room):
    """Cell ``c`` that a layer has computed goes through the activation and, as what the cell passes
    on, to ``room.a``: with the skip that ends here."""
    out, a, row = room.out, room.a, macro.cells[layer + 1] + c
    if layer < len(macro.skips) - 1:
        activate(out, row, macro.activation, room)
    for b in range(out.shape[1]):
        a[row, b] = out[row, b]
    if macro.skips[layer] >= 0:
        source = macro.cells[macro.skips[layer]] + c
        for b in range(out.shape[1]):
            a[row, b] += a[source, b]


@jit
def take_back(layer, c, macro, room):
    """The gradient by what cell ``c`` passes on becomes the one by what its layer computed; that by
    the skip goes where it came from."""
    out, d, row = room.out, room.d, macro.cells[layer + 1] + c
    zero, one = d.dtype.type(0), d.dtype.type(1)
    if macro.skips[layer] >= 0:
        source = macro.cells[macro.skips[layer]] + c
        for b in range(d.shape[1]):
            d[source, b] += d[row, b]
    if layer < len(macro.skips) - 1 and macro.activation == 1:
        for b in range(d.shape[1]):
            d[row, b] = d[row, b] if out[row, b] > zero else zero
    elif layer < len(macro.skips) - 1 and macro.activation == 2:
        for b in range(d.shape[1]):
            d[row, b] *= one - out[row, b] * out[row, b]


@jit
def forward(scalars, macro, room):
    """All layers: ``room.a`` is what each cell passes on, ``room.out`` the same without skips."""
    out, a, depth = room.out, room.a, len(macro.skips)
    for layer in range(depth):
        cells, inputs = macro.sizes[layer + 1], macro.sizes[layer]
        here, below, at = macro.cells[layer + 1], macro.cells[layer], macro.starts[layer]
        if layer == 0:
            for c in range(cells):
                for i in range(inputs):
                    room.matrix[c, i] = scalars[c * inputs + i]
            first_layer(room.images, room.matrix, out)
        for c in range(cells):
            row = here + c
            if layer > 0:
                out[row] = 0
                for i in range(inputs):
                    m = scalars[at + c * inputs + i]
                    for b in range(out.shape[1]):
                        out[row, b] += m * a[below + i, b]
            pass_on(layer, c, macro, room)


@jit
def cross_entropy(y, rows, total_rows, macro, room):
    """The part that the samples ``rows`` have in the mean loss of ``total_rows``, and their right
    answers; the gradient by the logits goes to ``room.d``."""
    a, d, top, total, answer = room.a, room.d, room.top, room.total, room.answer
    first, last, size = macro.cells[-1], macro.cells[-1] + macro.sizes[-1], len(rows)
    for b in range(a.shape[1]):
        top[b], answer[b], total[b] = a[first, b], 0, 0
    for row in range(first + 1, last):
        for b in range(a.shape[1]):
            answer[b] = row - first if a[row, b] > top[b] else answer[b]
            top[b] = max(a[row, b], top[b])
    for row in range(first, last):
        for b in range(a.shape[1]):
            d[row, b] = a[row, b] - top[b]
        exponential(d, row, room)
        for b in range(a.shape[1]):
            total[b] += d[row, b]
    loss, right = 0.0, 0
    for b in range(size):
        label = y[rows[b]]
        loss += np.log(np.float64(total[b])) + np.float64(top[b] - a[first + label, b])
        right += answer[b] == label
    share = a.dtype.type(1) / a.dtype.type(total_rows)
    for row in range(first, last):
        for b in range(size):
            d[row, b] *= share / total[b]
        for b in range(size, d.shape[1]):
            d[row, b] = 0
    for b in range(size):
        d[first + y[rows[b]], b] -= share
    return loss / total_rows, right


@jit
def backward(scalars, slope, macro, room):
    """``slope (P,)``, the loss's gradient by the scalar weights; ``room.d`` goes down from the
    logits, and is by what a cell passes on until its own layer turns it into ``by out``."""
    a, d, depth, zero = room.a, room.d, len(macro.skips), room.d.dtype.type(0)
    d[: macro.cells[-1]] = 0
    for layer in range(depth - 1, -1, -1):
        cells, inputs = macro.sizes[layer + 1], macro.sizes[layer]
        here, below, at = macro.cells[layer + 1], macro.cells[layer], macro.starts[layer]
        for c in range(cells):
            row = here + c
            take_back(layer, c, macro, room)
            if layer > 0:
                for i in range(inputs):
                    m, total = scalars[at + c * inputs + i], zero
                    for b in range(d.shape[1]):
                        total += d[row, b] * a[below + i, b]
                    slope[at + c * inputs + i] = total
                    for b in range(d.shape[1]):
                        d[below + i, b] += m * d[row, b]
    first_layer_gradient(room.images, d, room.matrix)
    for c in range(macro.sizes[1]):
        for i in range(macro.sizes[0]):
            slope[c * macro.sizes[0] + i] = room.matrix[c, i]
