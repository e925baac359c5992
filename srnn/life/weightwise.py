"""Weightwise particles: a network is asked for each of its weights, by value and position.

For weight i the question is ``(w_i, layer_i, cell_i, index_i)``, four inputs in 2019; the MetaNet's
particle has a fifth, its task's, that is never asked here. The network is linear, so it equals its
composite ``v = W3 W2 W1`` and answers ``w_i v[0] + E_i . v[1:4]`` (see :mod:`srnn.particles`).
Weights are in the order W1, W2, W3, each ``(out, in)`` row-major: ``n = inputs h + h h + h``.

Source: Gabor, Illium, Mattausch, Belzner, Linnhoff-Popien, "Self-Replication in Neural Networks"
(ALIFE 2019).
"""

import numpy as np

from srnn.life.compiling import jit
from srnn.particles import position_encoding


def shapes(neurons: int, inputs: int) -> tuple[tuple[int, int], ...]:
    """``(out, in)`` of the three matrices."""
    return ((neurons, inputs), (neurons, neurons), (1, neurons))


def positions(neurons: int, inputs: int, kind: str) -> np.ndarray:
    """Positions E of the weights: ``(n, 3)`` float32.

    ``max``, of 2019: layer, input and unit of the weight, each over the largest of its layer.
    ``l2``, of 2022: those of a MetaNet's particle, which has five inputs.
    """
    if kind == "l2":
        return position_encoding(neurons)
    shares = [
        (layer / 2, index / max(wide - 1, 1), cell / max(cells - 1, 1))
        for layer, (cells, wide) in enumerate(shapes(neurons, inputs))
        for cell in range(cells)
        for index in range(wide)
    ]
    return np.array(shares, np.float32)


def composites(w: np.ndarray, neurons: int, inputs: int) -> np.ndarray:
    """``v = W3 W2 W1`` of particles ``(P, n)``, of the channels that are asked: ``(P, 4)``."""
    h, second, third = neurons, inputs * neurons, inputs * neurons + neurons * neurons
    half = np.einsum("pk,pki->pi", w[:, third:], w[:, second:third].reshape(-1, h, h))
    return np.einsum("pi,pic->pc", half, w[:, :second].reshape(-1, h, inputs)[..., :4])


def applied(w: np.ndarray, x: np.ndarray, e: np.ndarray, neurons: int, inputs: int) -> np.ndarray:
    """What particles ``w (P, n)`` make of the weights ``x (P, n)``."""
    v = composites(w, neurons, inputs)
    return x * v[:, :1] + v[:, 1:] @ e.T


@jit
def composite(w, spec, room):
    """``room[0, :4] = W3 W2 W1``, of the channels that are asked."""
    h, inputs = spec.neurons, spec.inputs
    second, third = inputs * h, inputs * h + h * h
    v, half = room[0], room[1]
    for i in range(h):
        half[i] = 0
        for k in range(h):
            half[i] += w[third + k] * w[second + h * k + i]
    for c in range(4):
        v[c] = 0
        for i in range(h):
            v[c] += half[i] * w[inputs * i + c]


@jit
def apply(w, x, out, e, spec, room):
    """``out (n,)``: what the particle ``w`` makes of the weights ``x``."""
    composite(w, spec, room)
    v = room[0]
    v0, v1, v2, v3 = v[0], v[1], v[2], v[3]
    for r in range(len(x)):
        out[r] = x[r] * v0 + (e[r, 0] * v1 + e[r, 1] * v2 + e[r, 2] * v3)


@jit
def learn_one_by_one(w, x, e, order, spec, room):
    """One epoch of SGD with batch size 1 on the pairs (question about ``x[r]``, ``x[r]``)."""
    h, inputs, lr = spec.neurons, spec.inputs, spec.lr
    second, third = inputs * h, inputs * h + h * h
    a, back = room[0], room[1]
    for r in order:
        x0, x1, x2, x3 = x[r], e[r, 0], e[r, 1], e[r, 2]
        for i in range(h):
            at = inputs * i
            a[i] = w[at] * x0 + w[at + 1] * x1 + w[at + 2] * x2 + w[at + 3] * x3
            back[i] = 0
        answer = x0 - x0
        for k in range(h):
            b = answer - answer
            for i in range(h):
                b += w[second + h * k + i] * a[i]
            room[2, k] = b
            answer += w[third + k] * b
        slope = lr * (answer - x0) * 2
        for k in range(h):
            through = slope * w[third + k]
            w[third + k] -= slope * room[2, k]
            for i in range(h):
                at = second + h * k + i
                back[i] += through * w[at]
                w[at] -= through * a[i]
        for i in range(h):
            at = inputs * i
            w[at] -= back[i] * x0
            w[at + 1] -= back[i] * x1
            w[at + 2] -= back[i] * x2
            w[at + 3] -= back[i] * x3


@jit
def learn_at_once(w, x, e, own, spec, room):
    """One gradient step on the mean squared error over all weights; if ``own`` and the recipe is
    coupled, the gradient also goes through the question and the target, which are ``w`` itself.

    The closed form of :func:`srnn.particles.replication_loss`: all follows from S = x.x, b = E^T x.
    """
    h, inputs, lr, n = spec.neurons, spec.inputs, spec.lr, len(w)
    second, third = inputs * h, inputs * h + h * h
    composite(w, spec, room)
    half, g, back, direct = room[1], room[2], room[3], room[4]
    u, p0, p1, p2 = room[0, 0] - w.dtype.type(1), room[0, 1], room[0, 2], room[0, 3]
    g[:4] = 0
    scale = lr * 2 / w.dtype.type(n)
    for r in range(n):
        error = u * x[r] + e[r, 0] * p0 + e[r, 1] * p1 + e[r, 2] * p2
        error *= scale
        g[0] += error * x[r]
        g[1] += error * e[r, 0]
        g[2] += error * e[r, 1]
        g[3] += error * e[r, 2]
        direct[r] = error * u
    for i in range(h):
        back[i] = 0
        for c in range(4):
            back[i] += w[inputs * i + c] * g[c]
            w[inputs * i + c] -= half[i] * g[c]
    for k in range(h):
        out = w[third + k]
        for i in range(h):
            at = second + h * k + i
            w[third + k] -= w[at] * back[i]
            w[at] -= out * back[i]
    if own and spec.coupled:
        for r in range(n):
            w[r] -= direct[r]
