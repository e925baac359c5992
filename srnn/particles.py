"""Particles: self-replicating neural networks (SRNNs), one or a whole population at once.

One particle is a linear, bias-free network of three weight matrices, ``W1 (h, 5)``, ``W2 (h, h)``
and ``W3 (1, h)``. Being linear it equals one row of five numbers, its *composite*
``v = W3 W2 W1``. It is asked two kinds of question:

- the task: input ``(0, 0, 0, 0, x)``, answer ``x * v[4]``. So ``v[4]`` is the *scalar weight* of
  the connection that the particle stands for.
- about itself: input ``(w_i, layer_i, cell_i, index_i, 0)`` for each own weight ``w_i``. The
  answers are the *self-application* ``w * v[0] + E @ v[1:4]``, with the positions ``E``. If they
  equal the weights, the particle replicates itself.

A population is one array of shape ``(..., n, P)``: weights before particles, ``n = 5h + h*h + h``
in the order W1, W2, W3, row-major. The particle axis is last because every formula here works on
all particles alike: that makes each of them a few long vector operations.

Source: Gabor, Illium, Zorn, Linnhoff-Popien, "Goals for Self-Replicating Neural Networks" (ALIFE
2021) for the particles; the 2022 research log for MetaNets.
"""

import math

import numpy as np
from torch import Tensor

INPUTS = 5
"""Input channels of a particle: own weight, three positions, macro activation."""


def weight_count(neurons: int) -> int:
    """Weights n of one particle with ``neurons`` per hidden layer: 5h + h*h + h."""
    return neurons * (INPUTS + neurons + 1)


def neurons_of(weights: int) -> int:
    """Neurons per hidden layer of a particle with that many weights.

    Raises:
        ValueError: no particle has that many weights.
    """
    neurons = (math.isqrt(36 + 4 * weights) - 6) // 2
    if neurons < 1 or weight_count(neurons) != weights:
        raise ValueError(f"no particle has {weights} weights")
    return neurons


def position_encoding(neurons: int, kind: str = "l2") -> np.ndarray:
    """Normalised positions E of a particle's weights: ``(n, 3)`` float32, layer, cell, index.

    ``l2`` divides every column by its norm (recipe 2022-02), ``max`` by its maximum + 1e-8
    (2022-03); both then add 1e-8.

    Raises:
        ValueError: unknown kind.
    """
    shapes = ((neurons, INPUTS), (neurons, neurons), (1, neurons))
    rows = [
        (layer, cell, index)
        for layer, (cells, inputs) in enumerate(shapes)
        for cell in range(cells)
        for index in range(inputs)
    ]
    table: np.ndarray = np.array(rows, dtype=np.float32)
    if kind == "l2":
        norm = np.sqrt((table**2).sum(0))
        table = table / np.where(norm == 0, 1, norm)
    elif kind == "max":
        table = table / (table.max(0) + np.float32(1e-8))
    else:
        raise ValueError(f"unknown encoding {kind!r}; encodings: l2, max")
    return (table + np.float32(1e-8)).astype(np.float32)


def initial_weights(
    neurons: int, particles: int, seed: int | list[int], kind: str = "fan_in"
) -> np.ndarray:
    """Random start of a population: ``(n, P)`` float32.

    ``fan_in`` draws from U(±1/sqrt(fan_in)), ``xavier`` from U(±sqrt(6/(fan_in + fan_out))).
    Particle i's start depends on the seed, on i and on h, not on how many particles there are.

    Raises:
        ValueError: unknown kind.
    """
    h = neurons
    shapes = ((h, INPUTS), (h, h), (1, h))
    if kind == "fan_in":
        bounds = [1 / math.sqrt(inputs) for _, inputs in shapes]
    elif kind == "xavier":
        bounds = [math.sqrt(6 / (inputs + cells)) for cells, inputs in shapes]
    else:
        raise ValueError(f"unknown initial weights {kind!r}; kinds: fan_in, xavier")
    scale = np.repeat(bounds, [cells * inputs for cells, inputs in shapes])
    draws = np.random.default_rng(seed).random((particles, weight_count(h))) * 2 - 1
    return np.ascontiguousarray((draws * scale).T, dtype=np.float32)


def matrices(weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Views ``W1 (..., h, 5, P)``, ``W2 (..., h, h, P)``, ``W3 (..., h, P)`` of ``(..., n, P)``."""
    h = neurons_of(weights.shape[-2])
    lead, count = weights.shape[:-2], weights.shape[-1]
    first, second, third = weights.split((INPUTS * h, h * h, h), dim=-2)
    return (
        first.reshape(*lead, h, INPUTS, count),
        second.reshape(*lead, h, h, count),
        third,
    )


def composite(weights: Tensor) -> Tensor:
    """``v = W3 W2 W1`` of every particle: ``(..., n, P)`` -> ``(..., 5, P)``."""
    w1, w2, w3 = matrices(weights)
    half = (w3.unsqueeze(-2) * w2).sum(-3)
    return (half.unsqueeze(-2) * w1).sum(-3)


def scalar_weights(weights: Tensor) -> Tensor:
    """What each connection multiplies its input by, f(0,0,0,0,1) = v[4]: ``(..., n, P)`` ->
    ``(..., P)``. Exact, because particles are linear (log row 3)."""
    w1, w2, w3 = matrices(weights)
    half = (w3.unsqueeze(-2) * w2).sum(-3)
    return (half * w1[..., INPUTS - 1, :]).sum(-2)


def self_application(weights: Tensor, encoding: Tensor) -> Tensor:
    """Every particle's answers about its own weights: ``(..., n, P)`` -> ``(..., n, P)``."""
    v = composite(weights)
    return weights * v[..., :1, :] + encoding @ v[..., 1:4, :]


def permuted(count: int) -> np.ndarray:
    """A fixed order of a particle's n weights, one cycle through all of them, ``(n,)``: none is at
    its own place. The control ``permuted`` asks particle weight i for weight ``permuted(n)[i]``."""
    cycle = np.random.default_rng(count).permutation(count)
    order = np.empty(count, dtype=np.int64)
    order[cycle] = np.roll(cycle, -1)
    return order


def replication_loss(weights: Tensor, encoding: Tensor, coupled: bool = True) -> Tensor:
    """Mean squared replication error of every particle, ``(..., n, P)`` -> ``(..., P)``.

    Closed form: with ``S = sum w^2``, ``b = E^T w``, ``G = E^T E``, ``u = v[0] - 1`` and
    ``p = v[1:4]`` the mean of ``(u w_i + E_i p)^2`` is ``(u^2 S + 2 u b.p + p^T G p) / n``, which
    never forms the ``(n, P)`` self-application. A network's loss is the **sum** over particles,
    times alpha. ``coupled``: the gradient also flows through target and input (2022-02), else these
    are held fixed (2022-03).
    """
    v, own = composite(weights), weights if coupled else weights.detach()
    u, p = v[..., 0, :] - 1, v[..., 1:4, :]
    square = (own * own).sum(-2)
    b = encoding.T @ own
    gram = encoding.T @ encoding
    quadratic = (p * (gram @ p)).sum(-2)
    return (u * u * square + 2 * u * (b * p).sum(-2) + quadratic) / weights.shape[-2]
