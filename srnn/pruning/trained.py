"""Rivals trained from scratch: the same macro shape as a plain dense network, pruned as people do.

All see the same data in the same order for the same number of epochs as the MetaNet; where pruning
is followed by a short retraining, it is as long as the MetaNet's. A rival is a row of
:data:`TRAINED`: a function from a :class:`Setup` to the pruned networks of every seed and sparsity.

- *one-shot*: train, drop the smallest |w| over all layers at once (``torch.nn.utils.prune``).
- *gradual*: the sparsity grows along a cubic schedule over the first three quarters of training
  (Zhu, Gupta, "To prune, or not to prune", 2017).
- *lottery ticket*: train, drop the smallest |w|, set the survivors back to what they were after
  the first epoch, train again (Frankle, Carbin 2018; rewinding: Frankle et al. 2019).
- *L1*: train with a penalty on sum |w|, then drop the smallest |w|; the penalty's strength is
  chosen by the *training* accuracy after dropping.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from srnn.metanet import MacroShape
from srnn.pruning.dense import Rules, accuracies, initial_scalars, train_dense
from srnn.pruning.masks import count_of
from srnn.tasks import Task

RAMP = 0.75
"""Share of the training over which gradual pruning reaches its sparsity."""

REWIND = 1
"""Epoch whose weights a lottery ticket goes back to (0: the initial ones)."""

STRENGTHS = (1e-5, 1e-4, 1e-3)
"""Strengths of the L1 penalty that are tried."""


@dataclass(frozen=True, eq=False)
class Setup:
    """What all rivals share: task, shape, seeds, the sparsities asked for, and the epochs of
    training and of the short retraining."""

    task: Task
    shape: MacroShape
    rules: Rules
    seeds: Sequence[int]
    sparsities: Sequence[float]
    epochs: int
    retrain: int

    @property
    def counts(self) -> list[int]:
        """How many connections every sparsity drops."""
        return [count_of(share, self.shape.particles) for share in self.sparsities]

    @cached_property
    def start(self) -> Tensor:
        """Initial networks, one per seed, ``(seeds, P)``."""
        return torch.stack([initial_scalars(self.shape, seed) for seed in self.seeds])

    @cached_property
    def early(self) -> Tensor:
        """The networks at the epoch that lottery tickets go back to, ``(seeds, P)``."""
        return self.fit(self.start, everything(self.start), range(1, 1 + REWIND))

    @cached_property
    def dense(self) -> Tensor:
        """The networks trained with all connections, ``(seeds, P)``."""
        return self.fit(self.start, everything(self.start), range(1, 1 + self.epochs))

    def fit(self, scalars: Tensor, masks: Tensor, epochs: range, **options: object) -> Tensor:
        """Train networks ``(S, P)`` by the shared rules."""
        done, _ = train_dense(scalars, masks, self.shape, self.task, epochs, self.rules, **options)
        return done

    def retrained(self, scalars: Tensor, masks: Tensor) -> Tensor:
        """Train pruned networks a little further."""
        return self.fit(scalars, masks, range(1 + self.epochs, 1 + self.epochs + self.retrain))

    def each(self, per_seed: Tensor) -> Tensor:
        """One copy per sparsity, ``(seeds, P)`` -> ``(seeds * sparsities, P)``."""
        return per_seed.repeat_interleave(len(self.sparsities), 0)


@dataclass(frozen=True)
class Rival:
    """A rival: its title, what it does, and how it is made. ``make`` returns networks ``(seeds *
    sparsities, P)`` with exactly the asked-for connections at 0; ``epochs`` says how many epochs
    one of them took in all."""

    title: str
    about: str
    make: Callable[[Setup], Tensor]
    epochs: Callable[[Setup], int]


def everything(scalars: Tensor) -> Tensor:
    """The mask that drops nothing."""
    return torch.ones_like(scalars, dtype=torch.bool)


def smallest_dropped(scalars: Tensor, counts: Sequence[int], masks: Tensor) -> Tensor:
    """Drop the smallest |w| until exactly ``counts[s]`` of network s are gone: ``(S, P)`` masks
    within the given ones; ties by index.

    Raises:
        ValueError: more are gone already.
    """
    if any((~mask).sum() > count for mask, count in zip(masks, counts, strict=True)):
        raise ValueError("more connections are gone already than may be dropped")
    size = torch.where(masks, scalars.abs(), -1)
    order = torch.sort(size, dim=1, stable=True).indices
    smaller = masks.clone()
    for mask, row, count in zip(smaller, order, counts, strict=True):
        mask[row[:count]] = False
    return smaller


def torch_pruned(scalars: Tensor, count: int, shape: MacroShape) -> Tensor:
    """The mask ``(P,)`` of global magnitude pruning by PyTorch's own ``torch.nn.utils.prune``."""
    layers = [nn.Linear(inp, out, bias=False) for out, inp in shape.layers]
    with torch.no_grad():
        for layer, matrix in zip(layers, shape.split(scalars), strict=True):
            layer.weight.copy_(matrix)
    named = [(layer, "weight") for layer in layers]
    prune.global_unstructured(named, pruning_method=prune.L1Unstructured, amount=count)
    return torch.cat([layer.weight_mask.flatten() for layer in layers]).bool()


def _one_shot_masks(setup: Setup) -> Tensor:
    return torch.stack(
        [
            torch_pruned(network, count, setup.shape)
            for network in setup.dense
            for count in setup.counts
        ]
    )


def _one_shot(setup: Setup) -> Tensor:
    return torch.where(_one_shot_masks(setup), setup.each(setup.dense), 0)


def _one_shot_retrained(setup: Setup) -> Tensor:
    return setup.retrained(setup.each(setup.dense), _one_shot_masks(setup))


def _gradual(setup: Setup) -> Tensor:
    final = setup.counts * len(setup.seeds)
    ramp = max(1, round(RAMP * setup.epochs))

    def before_epoch(epoch: int, scalars: Tensor, masks: Tensor) -> Tensor:
        grown = 1 - (1 - min(1.0, (epoch - 1) / ramp)) ** 3
        counts = [int(grown * count) if epoch - 1 < ramp else count for count in final]
        return smallest_dropped(scalars, counts, masks)

    start = setup.each(setup.start)
    epochs = range(1, 1 + setup.epochs)
    trained, masks = train_dense(
        start,
        everything(start),
        setup.shape,
        setup.task,
        epochs,
        setup.rules,
        before_epoch=before_epoch,
    )
    masks = smallest_dropped(trained, final, masks)
    return setup.retrained(trained, masks)


def _lottery(setup: Setup) -> Tensor:
    masks = _one_shot_masks(setup)
    return setup.fit(setup.each(setup.early), masks, range(1 + REWIND, 1 + setup.epochs))


def _l1(setup: Setup) -> Tensor:
    seeds, tries = len(setup.seeds), len(STRENGTHS)
    start = setup.start.repeat(tries, 1)
    strengths = torch.tensor(STRENGTHS).repeat_interleave(seeds)
    trained = setup.fit(start, everything(start), range(1, 1 + setup.epochs), l1=strengths)
    wide = setup.each(trained)
    masks = smallest_dropped(wide, setup.counts * len(trained), everything(wide))
    pruned = torch.where(masks, wide, 0)
    x, y = (torch.from_numpy(one) for one in (setup.task.x_train, setup.task.y_train))
    shares = accuracies(pruned, x[:SELECTION], y[:SELECTION], setup.shape)
    best = shares.reshape(tries, seeds * len(setup.counts)).argmax(0)
    rows = torch.from_numpy(best * seeds * len(setup.counts) + np.arange(len(best)))
    return setup.retrained(pruned[rows], masks[rows])


SELECTION = 10_000
"""Training images, from the first, on which the L1 penalty's strength is chosen."""


TRAINED: dict[str, Rival] = {
    "one-shot": Rival(
        "Dense, one-shot magnitude",
        "Trained dense, the smallest weights dropped at once (torch.nn.utils.prune).",
        _one_shot,
        lambda setup: setup.epochs,
    ),
    "one-shot-retrained": Rival(
        "Dense, one-shot magnitude, retrained",
        "The same, then trained a little further with its mask.",
        _one_shot_retrained,
        lambda setup: setup.epochs + setup.retrain,
    ),
    "gradual": Rival(
        "Dense, gradual magnitude",
        "The sparsity grows while training, then the short retraining.",
        _gradual,
        lambda setup: setup.epochs + setup.retrain,
    ),
    "lottery": Rival(
        "Dense, lottery ticket",
        "Survivors of one-shot pruning set back to epoch 1 and trained again.",
        _lottery,
        lambda setup: 2 * setup.epochs,
    ),
    "l1": Rival(
        "Dense, L1 penalty",
        "Trained with a penalty on |w|, the smallest dropped, then the short retraining.",
        _l1,
        lambda setup: setup.epochs + setup.retrain,
    ),
}
"""The rivals trained from scratch, by name."""
