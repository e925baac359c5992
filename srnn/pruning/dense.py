"""Plain dense networks with masks, many at once: what rivals are trained as.

S networks of one macro shape are one array of scalar weights ``(S, P)``, trained by SGD with
momentum on shared batches, in the order of the data that the MetaNet saw. The first layer of all of
them is one matrix product, so that 50 networks cost little more than a few. Momentum is masked
with the weights: what is dropped stays at exactly 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from srnn.config import RunConfig
from srnn.metanet import MacroShape, layer_values, through_layers
from srnn.tasks import Task
from srnn.training import data_order

DENSE_LR = 0.02
"""Learning rate of a dense network where none is chosen on validation images
(:func:`srnn.pruning.scratch.best_rate`)."""

NETWORKS_AT_ONCE = 16
"""Networks that answer in one batch; more would only fill the memory."""

BeforeEpoch = Callable[[int, Tensor, Tensor], Tensor]
"""``(epoch, scalars (S, P), masks (S, P)) -> masks``, called before every epoch."""


@dataclass(frozen=True)
class Rules:
    """How dense networks are trained."""

    batch_size: int = 500
    lr: float = DENSE_LR
    momentum: float = 0.9
    data_seed: int = 0

    @classmethod
    def of(cls, config: RunConfig, lr: float = DENSE_LR) -> Rules:
        """The batches, momentum and order of the data of a MetaNet's training."""
        return cls(config.batch_size, lr, config.momentum, config.data_seed)


def initial_scalars(shape: MacroShape, seed: int) -> Tensor:
    """A dense network's start ``(P,)``: U(±1/sqrt(fan_in)), as ``nn.Linear`` draws it."""
    random = np.random.default_rng([seed, 0xDE])
    parts = [(random.random(out * inp) * 2 - 1) / math.sqrt(inp) for out, inp in shape.layers]
    return torch.from_numpy(np.concatenate(parts).astype(np.float32))


def train_dense(
    scalars: Tensor,
    masks: Tensor | None,
    shape: MacroShape,
    task: Task,
    epochs: range,
    rules: Rules,
    *,
    l1: Tensor | None = None,
    rates: Tensor | None = None,
    before_epoch: BeforeEpoch | None = None,
) -> tuple[Tensor, Tensor]:
    """Train S networks ``(S, P)`` over the given epochs; returns their scalars and masks.

    ``masks (S, P)`` are bool, True for a survivor (None: all survive); ``before_epoch`` may shrink
    them. ``l1 (S,)`` is
    added as ``l1 * sum |w|`` to each loss; ``rates (S,)`` are learning rates of their own. The
    momentum starts at rest.

    Raises:
        RuntimeError: ``before_epoch`` revived a dropped connection.
    """
    x, y = torch.from_numpy(task.x_train), torch.from_numpy(task.y_train)
    masks = torch.ones_like(scalars, dtype=torch.bool) if masks is None else masks
    w = torch.where(masks, scalars, 0).clone().requires_grad_()
    buffer = torch.zeros_like(w)
    rate = torch.full((len(w),), rules.lr) if rates is None else rates
    rate = rate.unsqueeze(1)
    for epoch in epochs:
        if before_epoch is not None:
            smaller = before_epoch(epoch, w.detach(), masks)
            if (smaller & ~masks).any():
                raise RuntimeError(f"a mask grew before epoch {epoch}")
            masks = smaller
        keep = masks.to(w.dtype)
        with torch.no_grad():
            w *= keep
            buffer *= keep
        order = torch.from_numpy(data_order(rules.data_seed, epoch, len(x)))
        for batch in order.split(rules.batch_size):
            logits = forward_many(w, x.index_select(0, batch), shape)
            loss = torch.nn.functional.cross_entropy(
                logits, y[batch].expand(len(w), -1), reduction="sum"
            )
            (gradient,) = torch.autograd.grad(loss / len(batch), w)
            with torch.no_grad():
                if l1 is not None:
                    gradient += l1.unsqueeze(1) * w.sign()
                buffer.mul_(rules.momentum).add_(gradient).mul_(keep)
                w.sub_(rate * buffer)
    return w.detach(), masks


def forward_many(scalars: Tensor, x: Tensor, shape: MacroShape) -> Tensor:
    """Logits ``(S, outputs, B)`` of S networks, cells before images: scalars ``(S, P)``, inputs
    ``(B, inputs)``. Equals :func:`srnn.metanet.forward` but for the order of its axes."""
    matrices = shape.split(scalars)

    def sums(layer: int, inputs: Tensor) -> Tensor:
        matrix = matrices[layer]
        if layer:
            return matrix @ inputs
        wide = matrix.reshape(-1, matrix.shape[-1]) @ inputs  # one product: the inputs are shared
        return wide.view(len(scalars), -1, len(x))

    return through_layers(x.T, shape, sums)


def right_answers(scalars: Tensor, x: Tensor, y: Tensor, shape: MacroShape) -> Tensor:
    """Whether each of S networks ``(S, P)`` answers every image rightly, ``(S, B)`` bool; an answer
    with a non-finite logit is wrong."""
    parts = []
    for some in scalars.split(NETWORKS_AT_ONCE):
        logits = forward_many(some, x, shape)
        parts.append((logits.argmax(1) == y) & torch.isfinite(logits).all(1))
    return torch.cat(parts)


def accuracies(scalars: Tensor, x: Tensor, y: Tensor, shape: MacroShape) -> np.ndarray:
    """Accuracy, 0..1, of S networks ``(S, P)``; ``(S,)``. A non-finite logit counts as wrong."""
    return right_answers(scalars, x, y, shape).double().mean(-1).numpy()


def squared_gradients(scalars: Tensor, x: Tensor, y: Tensor, shape: MacroShape) -> Tensor:
    """Mean over images of the squared gradient of each image's cross-entropy, ``(P,)``.

    The gradient of connection (o, i) for one image is its input times the gradient of its cell's
    sum, so the squares are sums of products: one matrix product for each layer.
    """
    matrices = shape.split(scalars)
    sums: list[Tensor] = []

    def layer_sums(layer: int, x: Tensor) -> Tensor:
        sums.append((x @ matrices[layer].T).requires_grad_())
        return sums[-1]

    read = layer_values(x, shape, layer_sums)
    loss = torch.nn.functional.cross_entropy(read[-1], y, reduction="sum")
    gradients = torch.autograd.grad(loss, sums)
    squares = [(g**2).T @ (x**2) for g, x in zip(gradients, read, strict=False)]
    return torch.cat([part.reshape(-1) for part in squares]).detach() / len(x)
