"""What an engine is: the two kinds of training step, for one network or several on shared batches.

An engine holds S networks of one shape, ``weights`` and ``momentum`` each ``(S, n, P)``, and knows
how to do

- a *replication step*: SGD on ``alpha * sum over particles of the replication loss`` (or on
  another goal of the particles), and
- a *task step*: SGD on the cross-entropy of one batch.

One *step pair* is ``replication_steps`` replication steps, then one task step. Engines differ in
how they compute this, not in what: each is held against :mod:`srnn.engines.autograd`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import NamedTuple, Protocol

import numpy as np
import torch

from srnn.config import RunConfig
from srnn.metanet import MacroShape, macro_shape
from srnn.particles import permuted, position_encoding
from srnn.tasks import Task


@dataclass(frozen=True)
class Problem:
    """What is trained: shape, rules and data; the same for every engine.

    ``encoding (n, 3)``, ``x (N, inputs)`` float32, ``y (N,)`` int64. The rules are the fields of
    the same name of :class:`srnn.config.RunConfig`.
    """

    shape: MacroShape
    encoding: np.ndarray
    x: np.ndarray
    y: np.ndarray
    alpha: float
    lr: float
    replication_lr: float
    momentum: float
    shared_optimizer: bool
    replication_steps: int
    target_gradient: bool
    goal: str = "self-replication"
    goal_factor: float = 0.0

    @classmethod
    def of(cls, config: RunConfig, task: Task) -> Problem:
        """The problem that a configuration states on its task's training data."""
        return cls.on(config, macro_shape(config), task.x_train, task.y_train)

    @classmethod
    def on(cls, config: RunConfig, shape: MacroShape, x: np.ndarray, y: np.ndarray) -> Problem:
        """The problem that a configuration states on any data."""
        encoding = position_encoding(config.neurons, config.encoding)
        rules = {rule.name: getattr(config, rule.name) for rule in fields(cls)[4:]}
        return cls(shape, encoding, x, y, **rules)


class StepLog(NamedTuple):
    """Per step, before its own update: ``replication (steps, S)`` (alpha included, of the first
    replication step of the pair; 0 where none was made), ``task (steps, S)`` cross-entropy, and
    ``correct (S,)``, right answers over all steps."""

    replication: np.ndarray
    task: np.ndarray
    correct: np.ndarray

    def of(self, member: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Losses ``(steps,)`` and right answers of one network."""
        return self.replication[:, member], self.task[:, member], int(self.correct[member])


class EngineUnavailable(RuntimeError):
    """An engine that does not work on this machine; the message says what it lacks."""


class Engine(Protocol):
    """S networks in training. ``weights()`` and ``momentum()`` return copies ``(S, n, P)``."""

    name: str

    def train(self, order: np.ndarray, batch_size: int, replicate: np.ndarray) -> StepLog:
        """One step pair per batch: rows ``order`` of the data, cut into batches (the last may be
        smaller). ``replicate (S,)`` bool says which networks make replication steps."""
        ...

    def replicate(self, steps: int) -> np.ndarray:
        """Only replication steps, on all networks, as one call of the replication optimizer;
        losses ``(steps, S)`` before each update."""
        ...

    def show(self, x: np.ndarray) -> None:
        """Other images ``(N, inputs)`` of the same labels to train on from here on."""
        ...

    def set_rates(self, alpha: float, lr: float) -> None:
        """Alpha and the task's learning rate from here on."""
        ...

    def weights(self) -> np.ndarray: ...

    def momentum(self) -> np.ndarray: ...

    def load(self, weights: np.ndarray, momentum: np.ndarray) -> None:
        """Replace the state (both ``(S, n, P)``)."""
        ...


class TorchEngine(ABC):
    """What the engines in PyTorch begin with: the problem as tensors on their device, and a state
    that their own ``load`` takes in."""

    def __init__(
        self,
        problem: Problem,
        weights: np.ndarray,
        momentum: np.ndarray,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.problem, self.device, self.dtype = problem, device, dtype
        self.encoding = torch.as_tensor(problem.encoding, dtype=dtype, device=device)
        self.order = torch.as_tensor(permuted(len(problem.encoding)), device=device)
        self.show(problem.x)
        self.y = torch.as_tensor(problem.y, device=device)
        self.seeds = len(weights)
        self.load(weights, momentum)

    @abstractmethod
    def load(self, weights: np.ndarray, momentum: np.ndarray) -> None:
        """See :meth:`Engine.load`."""

    def show(self, x: np.ndarray) -> None:
        self.x = torch.as_tensor(x, dtype=self.dtype, device=self.device)

    def set_rates(self, alpha: float, lr: float) -> None:
        self.problem = replace(self.problem, alpha=alpha, lr=lr)


def stacked(rows: list[torch.Tensor]) -> np.ndarray:
    """Losses ``(S,)`` of every step as one table ``(steps, S)`` float64."""
    return torch.stack(rows).detach().cpu().numpy().astype(np.float64)


def batches(order: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """``order`` cut into consecutive batches."""
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Numbers below the smallest normal float count as zero on this thread meanwhile.

    Dying particles are full of them, and a processor may be a hundred times slower at them.
    """
    before = bool((np.full(1, 1e-40, np.float32) + np.float32(0) == 0)[0])
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
