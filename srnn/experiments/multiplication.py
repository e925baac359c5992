"""One particle that is to replicate itself and to multiply its input by n (log row 10), many at
once.

The task's loss on a batch of inputs x is ``mean((v4 x - n x)^2) = (v4 - n)^2 mean(x^2)``, with the
scalar weight ``v4``, so a batch is needed only through the mean of its squares; for B normal inputs
that is a chi-square variate with B degrees of freedom, over B. The replication loss and all
gradients are in closed form (:func:`srnn.particles.replication_loss`): with ``u = v0 - 1``,
``p = v1..3``, ``S = sum w^2``, ``b = E^T w``, ``G = E^T E``

    d loss / d v0   = 2 (u S + b.p) / n
    d loss / d v1..3 = 2 (u b + G p) / n
    d loss / d w_i  += 2 u (u w_i + E_i.p + w_i [target]) / n   only if the target is not detached

Particles of different sizes run together: a smaller one sits in the corner of the largest one's
matrices, and its absent weights and positions are zero, so their gradients vanish.

Two modes, because the log's code and what it meant differ:

- ``log``: coupled; for every batch a fresh SGD (lr 0.0004, momentum 0.9) makes 10 replication
  steps, and the gradient of the last one is still there when the task's SGD (lr 0.008, momentum
  0.9) makes its step.
- ``clean``: detached; one SGD (lr 0.008, momentum 0.9), gradients zeroed before every step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from srnn.fixpoints import TYPES, classify
from srnn.particles import INPUTS, initial_weights, position_encoding, scalar_weights, weight_count
from srnn.runs.results import Computed

MODES = ("log", "clean")
BATCH = 8000
"""Normal inputs a batch."""


@dataclass
class _Particles:
    """Particles of several sizes as padded matrices: ``w1 (K, h, 5)``, ``w2 (K, h, h)``,
    ``w3 (K, 1, h)``, positions alike with a last axis of 3, and n per particle ``(K, 1, 1)``."""

    parts: list[np.ndarray]
    positions: list[np.ndarray]
    gram: np.ndarray
    count: np.ndarray

    def composite(self) -> tuple[np.ndarray, np.ndarray]:
        """``W3 W2 (K, 1, h)`` and ``v = W3 W2 W1 (K, 1, 5)``."""
        w1, w2, w3 = self.parts
        half = w3 @ w2
        return half, half @ w1

    def gradient(self, half: np.ndarray, toward: np.ndarray) -> list[np.ndarray]:
        """Gradients of the three matrices for ``d loss / d v = toward (K, 1, 5)``."""
        w1, w2, w3 = self.parts
        back = toward @ w1.transpose(0, 2, 1)
        return [
            half.transpose(0, 2, 1) @ toward,
            w3.transpose(0, 2, 1) @ back,
            back @ w2.transpose(0, 2, 1),
        ]

    def replication(self, coupled: bool) -> tuple[np.ndarray, list[np.ndarray]]:
        """Replication loss ``(K,)`` and its gradients."""
        half, v = self.composite()
        u, p = v[..., :1] - 1, v[..., 1:4]
        square = sum((w * w).sum((1, 2), keepdims=True) for w in self.parts)
        b = sum(
            (w[..., None] * position).sum((1, 2))[:, None]
            for w, position in zip(self.parts, self.positions, strict=True)
        )
        gp = p @ self.gram
        bp = (b * p).sum(-1, keepdims=True)
        loss = (u * u * square + 2 * u * bp + (p * gp).sum(-1, keepdims=True)) / self.count
        toward = np.zeros_like(v)
        toward[..., :1] = 2 * (u * square + bp) / self.count
        toward[..., 1:4] = 2 * (u * b + gp) / self.count
        grads = self.gradient(half, toward)
        if coupled:
            for grad, w, position in zip(grads, self.parts, self.positions, strict=True):
                offset = (position @ p[..., 0, :, None, None].transpose(0, 2, 1, 3))[..., 0]
                grad += 2 * u / self.count * (u * w + offset)
        return loss[:, 0, 0], grads


def _padded(neurons: list[int], seeds: int) -> tuple[_Particles, list[tuple[int, int]]]:
    """Particles of all sizes and seeds in the log's start, and ``(h, seed)`` of each."""
    top, names = max(neurons), [(h, seed) for h in neurons for seed in range(seeds)]
    shapes = ((top, INPUTS), (top, top), (1, top))
    parts = [np.zeros((len(names), *shape), np.float32) for shape in shapes]
    positions = [np.zeros((len(names), *shape, 3), np.float32) for shape in shapes]
    gram = np.zeros((len(names), 3, 3), np.float32)
    starts = {h: initial_weights(h, seeds, 0) for h in neurons}
    for index, (h, seed) in enumerate(names):
        encoding = position_encoding(h)
        gram[index] = encoding.T @ encoding
        own = ((h, INPUTS), (h, h), (1, h))
        cuts = np.cumsum([rows * columns for rows, columns in own])[:-1]
        for slot, (rows, columns) in enumerate(own):
            weights = np.split(starts[h][:, seed], cuts)[slot]
            parts[slot][index, :rows, :columns] = weights.reshape(rows, columns)
            place = np.split(encoding, cuts)[slot]
            positions[slot][index, :rows, :columns] = place.reshape(rows, columns, 3)
    count = np.array([weight_count(h) for h, _ in names], np.float32)[:, None, None]
    return _Particles(parts, positions, gram, count), names


def learn(
    mode: str,
    neurons: list[int],
    seeds: int,
    factor: float = 0.03,
    epochs: int = 30,
    batches: int = 125,
    steps: int = 10,
) -> Computed:
    """Train one particle per size and seed. Tables: ``curves`` (``mode, h, seed, epoch,
    task_loss, replication_loss``: of the epoch's last batch, before its update; ``learned``: the
    scalar weight) and ``ends`` (``mode, h, seed, type, learned, error, largest_weight``).

    Raises:
        ValueError: unknown mode.
    """
    if mode not in MODES:
        raise ValueError(f"unknown mode {mode!r}; modes: {', '.join(MODES)}")
    particles, names = _padded(neurons, seeds)
    rng, coupled = np.random.default_rng(0), mode == "log"
    momentum = [np.zeros_like(w) for w in particles.parts]
    rows: list[dict] = []
    for epoch in range(1, epochs + 1):
        for square in rng.chisquare(BATCH, batches).astype(np.float32) / np.float32(BATCH):
            if coupled:
                loss, left = _fresh_steps(particles, steps)
            else:
                left = [np.zeros_like(w) for w in particles.parts]
                loss = np.zeros(len(names), np.float32)
                for _ in range(steps):
                    loss, grads = particles.replication(coupled=False)
                    _step(particles, momentum, grads, 0.008)
            half, v = particles.composite()
            toward = np.zeros_like(v)
            toward[..., 4] = 2 * (v[..., 4] - factor) * square
            task = (v[:, 0, 4] - factor) ** 2 * square
            grads = particles.gradient(half, toward)
            together = [grad + rest for grad, rest in zip(grads, left, strict=True)]
            _step(particles, momentum, together, 0.008)
        learned = particles.composite()[1][:, 0, 4]
        for index, (h, seed) in enumerate(names):
            rows.append(
                {
                    "mode": mode,
                    "h": h,
                    "seed": seed,
                    "epoch": epoch,
                    "task_loss": float(task[index]),
                    "replication_loss": float(loss[index]),
                    "learned": float(learned[index]),
                }
            )
    return {}, {"curves": pd.DataFrame(rows), "ends": _ends(mode, particles, names, factor)}


def _fresh_steps(particles: _Particles, steps: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """The log's replication: a new SGD for these steps; the last loss, and the last gradient."""
    buffers = [np.zeros_like(w) for w in particles.parts]
    loss, grads = np.zeros(len(particles.count), np.float32), buffers
    for _ in range(steps):
        loss, grads = particles.replication(coupled=True)
        _step(particles, buffers, grads, 0.0004)
    return loss, grads


def _step(
    particles: _Particles, momentum: list[np.ndarray], grads: list[np.ndarray], lr: float
) -> None:
    for w, buffer, grad in zip(particles.parts, momentum, grads, strict=True):
        buffer *= np.float32(0.9)
        buffer += grad
        w -= np.float32(lr) * buffer


def _ends(
    mode: str, particles: _Particles, names: list[tuple[int, int]], factor: float
) -> pd.DataFrame:
    rows = []
    for index, (h, seed) in enumerate(names):
        shapes = ((h, INPUTS), (h, h), (1, h))
        flat = np.concatenate(
            [
                part[index, :rows_, :columns].ravel()
                for part, (rows_, columns) in zip(particles.parts, shapes, strict=True)
            ]
        )
        weights = torch.from_numpy(flat[:, None].copy())
        code = classify(weights, torch.from_numpy(position_encoding(h)))[0]
        learned = float(scalar_weights(weights)[0])
        rows.append(
            {
                "mode": mode,
                "h": h,
                "seed": seed,
                "type": TYPES[code],
                "learned": learned,
                "error": abs(learned - factor),
                "largest_weight": float(np.abs(flat).max()),
            }
        )
    return pd.DataFrame(rows)
