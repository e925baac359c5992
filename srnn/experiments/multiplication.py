"""Particles that are to replicate themselves and to multiply their input by n (log row 10).

The task's loss on a batch of inputs x is ``mean((v4 x - n x)^2) = (v4 - n)^2 mean(x^2)``, with the
scalar weight ``v4``, so a batch is needed only through the mean of its squares; for B normal inputs
that is a chi-square variate with B degrees of freedom, over B.

Two modes, because the log's code and what it meant differ:

- ``log``: coupled; for every batch a fresh SGD (lr 0.0004, momentum 0.9) makes the replication
  steps, and the gradient of the last one is still there when the task's SGD (lr 0.008, momentum
  0.9) makes its step.
- ``clean``: detached; one SGD (lr 0.008, momentum 0.9), gradients zeroed before every step.
"""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from srnn.fixpoints import classify
from srnn.particles import (
    INPUTS,
    composite,
    initial_weights,
    position_encoding,
    scalar_weights,
    weight_count,
)  # fmt: skip
from srnn.runs.results import Computed
from srnn.vocabulary import TYPES

MODES = ("log", "clean")
BATCH = 8000
"""Normal inputs a batch."""
REPLICATION_LR = {"log": 0.0004, "clean": 0.008}
LR, MOMENTUM = 0.008, 0.9


def learn(
    mode: str,
    neurons: list[int],
    seeds: int,
    factor: float = 0.03,
    epochs: int = 30,
    batches: int = 125,
    steps: int = 10,
) -> Computed:
    """Train one particle per size and seed. Tables: ``curves`` (``h, seed, epoch, learned``: the
    scalar weight) and ``ends`` (``h, seed, type, learned, error``).

    Raises:
        ValueError: unknown mode.
    """
    if mode not in MODES:
        raise ValueError(f"unknown mode {mode!r}; modes: {', '.join(MODES)}")
    top = max(neurons)
    names = [(h, seed) for h in neurons for seed in range(seeds)]
    weights = torch.zeros(weight_count(top), len(names))
    places = torch.zeros(weight_count(top), len(names), 3)
    for index, h in enumerate(neurons):
        own = slice(index * seeds, (index + 1) * seeds)
        weights[corner(h, top), own] = torch.from_numpy(initial_weights(h, seeds, 0))
        places[corner(h, top), own] = _encoding(h)[:, None]
    counts = torch.tensor([weight_count(h) for h, _ in names])
    weights.requires_grad_()
    squares, curves = np.random.default_rng(0).chisquare(BATCH, (epochs, batches)) / BATCH, []
    buffer = torch.zeros_like(weights)
    for epoch, row in enumerate(squares, start=1):
        for square in row.tolist():
            left = _replicate(weights, places, counts, buffer, mode, steps)
            loss = (scalar_weights(weights) - factor).square().sum() * square
            (gradient,) = torch.autograd.grad(loss, weights)
            _descend(weights, buffer, gradient + left, LR)
        known = scalar_weights(weights.detach()).tolist()
        curves += [(*name, epoch, value) for name, value in zip(names, known, strict=True)]
    ends = pd.DataFrame(names, columns=["h", "seed"])
    ends["type"] = [
        TYPES[classify(weights.detach()[corner(h, top)][:, [index]], _encoding(h))[0]]
        for index, (h, _) in enumerate(names)
    ]
    ends["learned"] = known
    ends["error"] = (ends["learned"] - factor).abs()
    return {}, {
        "curves": pd.DataFrame(curves, columns=["h", "seed", "epoch", "learned"]),
        "ends": ends,
    }


def corner(h: int, top: int) -> np.ndarray:
    """Which weights of a particle with ``top`` neurons are those of a smaller one, ``(n,)``: it
    sits in the corner of the larger one's matrices. The others are zero, and so are their
    positions, so that their gradients vanish and all sizes are trained at once."""
    rows = np.arange(top)[:h, None]
    first = rows * INPUTS + np.arange(INPUTS)
    second = top * INPUTS + rows * top + np.arange(h)
    third = top * (INPUTS + top) + np.arange(h)
    return np.concatenate([first.ravel(), second.ravel(), third])


def _encoding(h: int) -> Tensor:
    return torch.from_numpy(position_encoding(h))


def _replicate(
    weights: Tensor, places: Tensor, counts: Tensor, shared: Tensor, mode: str, steps: int
) -> Tensor:
    """The replication steps of a batch; the gradient that they leave behind for the task."""
    left = torch.zeros_like(weights)
    buffer = torch.zeros_like(weights) if mode == "log" else shared
    for _ in range(steps):
        own = weights if mode == "log" else weights.detach()
        v = composite(weights)
        answers = own * v[:1] + (places * v[1:4].T).sum(-1)
        losses = (answers - own).square().sum(0) / counts
        (gradient,) = torch.autograd.grad(losses.sum(), weights)
        _descend(weights, buffer, gradient, REPLICATION_LR[mode])
        if mode == "log":
            left = gradient
    return left


def _descend(weights: Tensor, buffer: Tensor, gradient: Tensor, lr: float) -> None:
    with torch.no_grad():
        buffer.mul_(MOMENTUM).add_(gradient)
        weights.sub_(buffer, alpha=lr)
