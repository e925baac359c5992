"""A MetaNet that adds or multiplies: a + b or a b of two normal numbers, 2 - 3 - 3 - 1, h = 3.

Settings of the code of 2022: per batch of 50 one replication step on its own SGD (0.004, momentum
0.9, started afresh), then one task step on the squared error (SGD 0.004, momentum 0.9); skips
``each``; the measure is the mean absolute error. All seeds are trained at once, by autograd.

The network is linear. So it can add exactly, and of a product it can learn nothing: the best linear
answer to a b is 0, whose error is E|a b| = 2 / pi = 0.637. The engines of :mod:`srnn.engines` know
classification only; this small loop stands by itself.
"""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from srnn.fixpoints import classify
from srnn.interactions import interact
from srnn.metanet import MacroShape, forward
from srnn.particles import initial_weights, position_encoding, replication_loss, scalar_weights
from srnn.vocabulary import count_types

TASKS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "addition": lambda x: x.sum(-1, keepdim=True),
    "multiplication": lambda x: x.prod(-1, keepdim=True),
}
BEST_LINEAR_PRODUCT = 2 / math.pi
"""Mean absolute error of the answer 0 to a b."""


def train(
    task: str,
    seeds: int = 10,
    steps: int = 3_000,
    disturb: str | None = None,
    replicate: bool = True,
    seed: int = 0,
    neurons: int = 3,
    every: int = 500,
) -> tuple[pd.DataFrame, np.ndarray, MacroShape]:
    """Train ``seeds`` MetaNets for ``steps`` batches; with ``disturb`` (attack, melt) a round by
    cell at ratio 0.01 before each task step.

    Returns the history (``seed, step, mae``, the ``loss`` of replication, a count per type), the
    weights ``(S, n, P)`` and the macro shape.

    Raises:
        ValueError: unknown task.
    """
    if task not in TASKS:
        raise ValueError(f"unknown task {task!r}; tasks: {', '.join(TASKS)}")
    shape = MacroShape(2, 3, 3, 1, residual="each")
    encoding = position_encoding(neurons, "max")
    start = [initial_weights(neurons, shape.particles, [seed, s], "xavier") for s in range(seeds)]
    w = torch.tensor(np.stack(start), requires_grad=True)
    e, rng = torch.tensor(encoding), np.random.default_rng([seed, 31])
    buffer, lr, rows = torch.zeros_like(w), 0.004, []
    test = torch.tensor(rng.standard_normal((2000, 2)), dtype=torch.float32)
    for step in range(steps + 1):
        if step % every == 0:
            rows += _measure(w.detach(), e, shape, test, TASKS[task](test), step)
        x = torch.tensor(rng.standard_normal((50, 2)), dtype=torch.float32)
        if replicate:
            (slope,) = torch.autograd.grad(replication_loss(w, e, coupled=False).sum(), w)
            with torch.no_grad():
                w -= lr * slope
        if disturb:
            with torch.no_grad():
                for s in range(seeds):
                    after, pairs = interact(w[s].numpy(), encoding, shape, disturb, rng)
                    if pairs:
                        w[s] = torch.tensor(after)
        loss = ((forward(scalar_weights(w), x, shape) - TASKS[task](x)) ** 2).mean((1, 2)).sum()
        (slope,) = torch.autograd.grad(loss, w)
        with torch.no_grad():
            buffer.mul_(0.9).add_(slope)
            w -= lr * buffer
    return pd.DataFrame(rows), w.detach().numpy(), shape


def _measure(
    w: torch.Tensor, e: torch.Tensor, shape: MacroShape, x: torch.Tensor, y: torch.Tensor, step: int
) -> list[dict]:
    mae = (forward(scalar_weights(w), x, shape) - y).abs().mean((1, 2))
    loss, codes = replication_loss(w, e).sum(-1), classify(w, e)
    return [
        {"seed": s, "step": step, "mae": float(mae[s]), "loss": float(loss[s])}
        | count_types(codes[s])
        for s in range(len(w))
    ]
