"""Rivals trained from scratch: the same macro shape as a plain dense network, pruned as people do.

All see the same data in the same order for the same number of epochs as the MetaNet; where pruning
is followed by a short retraining, it is as long as the MetaNet's. A rival is a row of
:data:`SCRATCH`: a function from a :class:`Setup` to the networks of every seed and count. What is
chosen (the learning rate, the strength of a penalty) is chosen on a validation part of the training
images, never on test images.

- *one-shot*: train, drop the smallest |w| over all layers at once.
- *gradual*: the sparsity grows along a cubic schedule over the first three quarters of training
  (Zhu, Gupta, "To prune, or not to prune", 2017).
- *lottery ticket*: train, drop the smallest |w|, set the survivors back to what they were after
  the first epoch, train again (Frankle, Carbin 2018; rewinding: Frankle et al. 2019).
- *L1*: train with a penalty on sum |w|, then drop the smallest |w|.
- *SNIP*: before training, drop the smallest |w x gradient| (Lee, Ajanthan, Torr, 2019).
- *random*: before training, drop at random.
- *the MetaNet's mask*: keep what survives in the trained MetaNet, at fresh weights; *shuffled*
  within each layer; *the liveliest pixels*: as many connections in every layer, in the first those
  of the pixels that vary most.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from srnn.metanet import MacroShape
from srnn.pruning.dense import Rules, accuracies, forward_many, initial_scalars, train_dense
from srnn.tasks import Task

RAMP = 0.75
"""Share of the training over which gradual pruning reaches its sparsity."""

REWIND = 1
"""Epoch whose weights a lottery ticket goes back to."""

STRENGTHS = (1e-5, 1e-4, 1e-3)
"""Strengths of the L1 penalty that are tried."""

RATES = (0.008, 0.02, 0.05, 0.1)
"""Learning rates that are tried; the MetaNet's 0.008 moves a connection through tens of weights at
once, a dense network needs more."""

VALIDATION = 10_000
"""Training images, the last ones, that a choice is made on; of small data sets a sixth."""

SENSITIVITY_IMAGES = 10_000
"""Training images, from the first, behind SNIP's gradient."""


@dataclass(frozen=True, eq=False)
class Setup:
    """What all rivals share.

    ``counts (S, K)`` says how many connections to drop, for each of the ``seeds (S,)``; ``kept (S,
    K, P)`` is what survives in the MetaNets at the same counts (only the rivals that copy their
    masks need it). ``epochs`` of training, ``retrain`` of the short retraining.
    """

    task: Task
    shape: MacroShape
    rules: Rules
    seeds: tuple[int, ...]
    counts: np.ndarray
    epochs: int
    retrain: int
    kept: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=bool))

    @property
    def drops(self) -> list[int]:
        """How many connections every network loses, ``S * K`` numbers, seed after seed."""
        return [int(count) for count in np.ravel(self.counts)]

    @cached_property
    def start(self) -> Tensor:
        """Initial networks, one per seed, ``(S, P)``."""
        return torch.stack([initial_scalars(self.shape, seed) for seed in self.seeds])

    @cached_property
    def early(self) -> Tensor:
        """The networks at the epoch that lottery tickets go back to, ``(S, P)``."""
        return self.fit(self.start, epochs=range(1, 1 + REWIND))

    @cached_property
    def dense(self) -> Tensor:
        """The networks trained with all connections, ``(S, P)``."""
        return self.fit(self.start)

    @property
    def whole(self) -> range:
        """The epochs of a whole training."""
        return range(1, 1 + self.epochs)

    def fit(
        self,
        scalars: Tensor,
        masks: Tensor | None = None,
        epochs: range | None = None,
        task: Task | None = None,
        *,
        l1: Tensor | None = None,
        rates: Tensor | None = None,
    ) -> Tensor:
        """Train networks by the shared rules, as :func:`train_dense` does; by default all of their
        connections, for a whole training, on the shared task."""
        about = self.shape, task or self.task, self.whole if epochs is None else epochs, self.rules
        return train_dense(scalars, masks, *about, l1=l1, rates=rates)[0]

    def retrained(self, scalars: Tensor, masks: Tensor) -> Tensor:
        """Train pruned networks a little further."""
        return self.fit(scalars, masks, range(1 + self.epochs, 1 + self.epochs + self.retrain))

    def from_start(self, masks: Tensor) -> Tensor:
        """Train what the masks ``(S * K, P)`` keep of the initial networks."""
        return self.fit(self.each(self.start), masks)

    def each(self, per_seed: Tensor) -> Tensor:
        """One copy per count, ``(S, P)`` -> ``(S * K, P)``."""
        return per_seed.repeat_interleave(self.counts.shape[1], 0)

    def least_dropped(self, values: Tensor) -> Tensor:
        """The masks ``(S * K, P)`` that drop the smallest |values| ``(S, P)`` of every seed."""
        return smallest_dropped(self.each(values), self.drops)


@dataclass(frozen=True)
class Scratch:
    """A rival: its title and how it is made. ``make`` returns networks ``(S * K, P)`` with exactly
    the asked-for connections at 0. ``small`` marks what never trains the dropped connections,
    ``natural`` what is only made with as many dropped as the MetaNet has replicators."""

    title: str
    make: Callable[[Setup], Tensor]
    small: bool = False
    natural: bool = False


def smallest_dropped(values: Tensor, counts: list[int], masks: Tensor | None = None) -> Tensor:
    """Drop the smallest |value| until exactly ``counts[s]`` of network s are gone: ``(S, P)`` masks
    within the given ones (None: nothing is gone yet); ties by index.

    Raises:
        ValueError: more are gone already.
    """
    masks = torch.ones_like(values, dtype=torch.bool) if masks is None else masks
    if any((~mask).sum() > count for mask, count in zip(masks, counts, strict=True)):
        raise ValueError("more connections are gone already than may be dropped")
    size = torch.where(masks, values.abs(), -1)
    order = torch.sort(size, dim=1, stable=True).indices
    smaller = masks.clone()
    for mask, row, count in zip(smaller, order, counts, strict=True):
        mask[row[:count]] = False
    return smaller


def validation_split(task: Task) -> Task:
    """The task with the last :data:`VALIDATION` training images (or a sixth of them, if that is
    fewer) as its test images and only the others to train on."""
    cut = len(task.x_train) - min(VALIDATION, len(task.x_train) // 6)
    x, y = task.x_train, task.y_train
    return replace(task, x_train=x[:cut], y_train=y[:cut], x_test=x[cut:], y_test=y[cut:])


def best_rate(setup: Setup, rates: Sequence[float] = RATES) -> float:
    """The learning rate with which dense networks answer the most validation images rightly, the
    mean over seeds."""
    task, seeds = validation_split(setup.task), len(setup.seeds)
    each = torch.tensor(rates).repeat_interleave(seeds)
    trained = setup.fit(setup.start.repeat(len(rates), 1), task=task, rates=each)
    means = _test_accuracy(trained, task, setup.shape).reshape(-1, seeds).mean(1)
    return rates[int(means.argmax())]


def grown(epoch: int, epochs: int) -> float:
    """The share of its final sparsity that gradual pruning has reached before an epoch (from 1).

    >>> [grown(epoch, 8) for epoch in (1, 4, 7, 8)]
    [0.0, 0.875, 1.0, 1.0]
    """
    ramp = max(1, round(RAMP * epochs))
    return 1 - (1 - min(1.0, (epoch - 1) / ramp)) ** 3


def _test_accuracy(scalars: Tensor, task: Task, shape: MacroShape) -> np.ndarray:
    x, y = torch.from_numpy(task.x_test), torch.from_numpy(task.y_test)
    return accuracies(scalars, x, y, shape)


def _gradual(setup: Setup) -> Tensor:
    def before_epoch(epoch: int, scalars: Tensor, masks: Tensor) -> Tensor:
        share = grown(epoch, setup.epochs)
        return smallest_dropped(scalars, [int(share * count) for count in setup.drops], masks)

    about = setup.shape, setup.task, setup.whole, setup.rules
    start = setup.each(setup.start)
    trained, masks = train_dense(start, None, *about, before_epoch=before_epoch)
    return setup.retrained(trained, smallest_dropped(trained, setup.drops, masks))


def _lottery(setup: Setup) -> Tensor:
    again = range(1 + REWIND, 1 + setup.epochs)
    return setup.fit(setup.each(setup.early), setup.least_dropped(setup.dense), again)


def _l1(setup: Setup) -> Tensor:
    """Every strength is trained twice: on the training part, where the validation part says which
    is best for each network, and on all training images."""
    strengths = torch.tensor(STRENGTHS).repeat_interleave(len(setup.seeds))
    start = setup.start.repeat(len(STRENGTHS), 1)

    def pruned(task: Task) -> tuple[Tensor, Tensor]:
        wide = setup.each(setup.fit(start, task=task, l1=strengths))
        masks = smallest_dropped(wide, setup.drops * len(STRENGTHS))
        return torch.where(masks, wide, 0), masks

    split = validation_split(setup.task)
    tried = _test_accuracy(pruned(split)[0], split, setup.shape)
    best = tried.reshape(len(STRENGTHS), -1).argmax(0)
    rows = torch.from_numpy(best * len(setup.drops) + np.arange(len(best)))
    networks, masks = pruned(setup.task)
    return setup.retrained(networks[rows], masks[rows])


def sensitivities(setup: Setup) -> Tensor:
    """SNIP's connection sensitivity of the initial networks, ``(S, P)``: |w x gradient of the
    loss|, before any training."""
    x = torch.from_numpy(setup.task.x_train[:SENSITIVITY_IMAGES])
    y = torch.from_numpy(setup.task.y_train[:SENSITIVITY_IMAGES])
    w = setup.start.clone().requires_grad_()
    logits = forward_many(w, x, setup.shape)
    loss = torch.nn.functional.cross_entropy(logits, y.expand(len(w), -1), reduction="sum")
    (gradient,) = torch.autograd.grad(loss / len(x), w)
    return (w.detach() * gradient).abs()


def _random(setup: Setup) -> Tensor:
    draws = [
        np.random.default_rng([seed, 0xA11]).permutation(setup.shape.particles)
        for seed in setup.seeds
    ]
    return setup.from_start(setup.least_dropped(torch.from_numpy(np.stack(draws))))


def _masked(masks: Callable[[Setup], np.ndarray]) -> Callable[[Setup], Tensor]:
    """Training what some masks ``(S, K, P)`` keep of the initial networks."""
    return lambda setup: setup.from_start(
        torch.from_numpy(masks(setup).reshape(-1, setup.shape.particles))
    )


def shuffled_masks(setup: Setup) -> np.ndarray:
    """The MetaNets' masks, shuffled within every layer, ``(S, K, P)``."""
    masks = setup.kept.copy()
    for seed, of_seed in zip(setup.seeds, masks, strict=True):
        random = np.random.default_rng([seed, 0x5AF])
        for start, end in itertools.pairwise(setup.shape.starts):
            of_seed[:, start:end] = random.permuted(of_seed[:, start:end], axis=1)
    return masks


def pixel_masks(setup: Setup) -> np.ndarray:
    """The MetaNets' masks, but in the first layer the connections of the pixels that vary most over
    the training images, all cells of one pixel before the next; ``(S, K, P)``."""
    masks = setup.kept.copy()
    cells = setup.shape.layers[0][0]
    rank = np.argsort(np.argsort(-setup.task.x_train.std(0), kind="stable"))
    place = (rank[None] * cells + np.arange(cells)[:, None]).ravel()
    first = masks[..., : len(place)]
    first[:] = place < first.sum(-1, keepdims=True)
    return masks


SCRATCH: dict[str, Scratch] = {
    "one-shot": Scratch(
        "Dense, one-shot magnitude",
        lambda setup: torch.where(setup.least_dropped(setup.dense), setup.each(setup.dense), 0),
    ),
    "one-shot-retrained": Scratch(
        "Dense, one-shot magnitude, retrained",
        lambda setup: setup.retrained(setup.each(setup.dense), setup.least_dropped(setup.dense)),
    ),
    "gradual": Scratch("Dense, gradual magnitude", _gradual),
    "lottery": Scratch("Dense, lottery ticket", _lottery),
    "l1": Scratch("Dense, L1 penalty", _l1),
    "snip": Scratch(
        "Dense, SNIP before training",
        lambda setup: setup.from_start(setup.least_dropped(sensitivities(setup))),
        small=True,
    ),
    "random-start": Scratch("Dense, random before training", _random, True, True),
    "mask": Scratch("Dense, the survivors' mask", _masked(lambda setup: setup.kept), True, True),
    "mask-shuffled": Scratch(
        "Dense, that mask shuffled in layers", _masked(shuffled_masks), True, True
    ),
    "pixels": Scratch("Dense, the liveliest pixels", _masked(pixel_masks), True, True),
}
"""The rivals trained from scratch, by name."""
