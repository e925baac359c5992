"""The training loop, and nothing but the loop: it yields one :class:`Record` per epoch.

Saving, drawing and stopping are the consumer's: it may stop asking at any record and go on later
from that record's state, with the same bits. Nothing random is left over between epochs: the order
of the data follows from (data seed, epoch) alone, a re-initialised particle's weights from (seed,
epoch, step).
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from srnn.config import RunConfig
from srnn.divergence import Divergence, Epoch, Outcome, recover
from srnn.engines import Problem, choose, make_engine
from srnn.fixpoints import classify
from srnn.history import TrainingState
from srnn.metanet import accuracy
from srnn.particles import (
    initial_weights,
    permuted,
    replication_loss,
    scalar_weights,
    self_application,
)
from srnn.tasks import Task, shifted
from srnn.vocabulary import count_types


@dataclass(frozen=True)
class Record:
    """One epoch. Losses are means over the epoch's steps, each before its own update; the
    replication loss includes alpha. Accuracies are 0..1; the training accuracy is a running one.
    Epoch 0 is the network before training. ``divergences`` names what diverged in this epoch."""

    epoch: int
    replication_loss: float
    task_loss: float
    train_accuracy: float
    test_accuracy: float
    types: dict[str, int]
    seconds: float
    state: TrainingState
    divergences: tuple[Divergence, ...] = ()

    @property
    def stopped(self) -> bool:
        """Whether this is the last record, however many epochs were asked for."""
        return bool(self.divergences) and self.divergences[-1].action == "stop"

    def row(self) -> dict[str, float]:
        """The record as one row of the run's table: numbers only."""
        return {
            "epoch": self.epoch,
            "replication_loss": self.replication_loss,
            "task_loss": self.task_loss,
            "train_accuracy": self.train_accuracy,
            "test_accuracy": self.test_accuracy,
            **self.types,
        }


SHIFTS = 0x5417
"""Tells the draws of the images' shifts from those of their order."""


def data_order(data_seed: int, epoch: int, count: int) -> np.ndarray:
    """The order in which an epoch (from 1) visits ``count`` images; a function of its arguments."""
    return np.random.default_rng([data_seed, epoch]).permutation(count)


def initial_state(config: RunConfig, particles: int, engine: str) -> TrainingState:
    """The state before training."""
    start = initial_weights(config.neurons, particles, config.seed, config.initial_weights)
    return TrainingState(0, start, np.zeros_like(start), config.replication_start == 0, engine)


def train(
    config: RunConfig, task: Task, state: TrainingState | None = None, engine: str = "auto"
) -> Iterator[Record]:
    """Train one MetaNet; yields a record per epoch, the first one for epoch 0 (or, given a state,
    for the epoch after it). A given state's engine is used, whatever ``engine`` says.

    Raises:
        ValueError: unknown engine, or a state that does not fit the configuration.
    """
    states = None if state is None else [state]
    for records in train_population([config], task, states, engine):
        if records[0] is not None:
            yield records[0]


def train_population(
    configs: Sequence[RunConfig],
    task: Task,
    states: Sequence[TrainingState] | None = None,
    engine: str = "auto",
) -> Iterator[list[Record | None]]:
    """Train several MetaNets that differ only in their seed, on shared batches.

    Yields one list of records per epoch, in the order of ``configs``; None for a network that has
    stopped. Each equals its single run within float32 rounding.

    Raises:
        ValueError: the configurations differ in more than their seed, or a state does not fit.
    """
    config = configs[0]
    if any(other.replace(seed=config.seed) != config for other in configs):
        raise ValueError("networks of one population may differ only in their seed")
    problem = Problem.of(config, task)
    name = choose(engine if states is None else states[0].engine)
    if states is None:
        states = [initial_state(one, problem.shape.particles, name) for one in configs]
    _check_states(states, config, problem)
    loop = _Loop(configs, problem, task, list(states), name)
    if states[0].epoch == 0 and not states[0].momentum.any():
        yield loop.first_records()
    for epoch in range(states[0].epoch + 1, config.epochs + 1):
        if not loop.alive.any():
            return
        yield loop.epoch(epoch)


def _check_states(states: Sequence[TrainingState], config: RunConfig, problem: Problem) -> None:
    shape = (config.particle_weights, problem.shape.particles)
    for state in states:
        if state.weights.shape != shape or state.momentum.shape != shape:
            raise ValueError(f"the state holds {state.weights.shape} weights, expected {shape}")
        if state.epoch != states[0].epoch:
            raise ValueError("the states of one population must be of the same epoch")


class _Loop:
    """The population in training: one engine, and what differs from network to network."""

    def __init__(
        self,
        configs: Sequence[RunConfig],
        problem: Problem,
        task: Task,
        states: list[TrainingState],
        engine: str,
    ) -> None:
        self.configs, self.config, self.problem, self.name = configs, configs[0], problem, engine
        self.image = task.image
        self.weights = np.stack([state.weights for state in states])
        self.momentum = np.stack([state.momentum for state in states])
        self.replicating = np.array([state.replicating for state in states])
        self.alive = np.ones(len(states), dtype=bool)
        self.engine = make_engine(engine, problem, self.weights, self.momentum)
        self.encoding = torch.from_numpy(problem.encoding)
        self.x_test, self.y_test = torch.from_numpy(task.x_test), torch.from_numpy(task.y_test)
        self.started = time.perf_counter()

    def first_records(self) -> list[Record | None]:
        weights = torch.from_numpy(self.weights)
        if self.config.goal == "multiply":
            losses = (scalar_weights(weights) - self.config.goal_factor) ** 2
        elif self.config.goal == "permuted":
            target = weights[:, torch.from_numpy(permuted(weights.shape[1]))]
            losses = (self_application(weights, self.encoding) - target).square().mean(1)
        else:
            losses = replication_loss(weights, self.encoding)
        made = self.replicating & (self.config.goal != "none")
        before = np.where(made, self.config.alpha * losses.sum(-1).numpy().astype(np.float64), 0)
        return [
            self._record(0, member, (float(loss), np.nan)) for member, loss in enumerate(before)
        ]

    def epoch(self, number: int) -> list[Record | None]:
        config = self.config
        alpha, lr = config.rates(number)
        problem = replace(self.problem, alpha=alpha, lr=lr)
        order = data_order(config.data_seed, number, len(problem.x))
        epoch = Epoch(
            number, order, config.batch_size, config.replication_steps, config.settles(number)
        )
        self.engine.set_rates(alpha, lr)
        if config.shift and not epoch.settles:
            seed = [config.data_seed, number, SHIFTS]
            moved = shifted(self.problem.x, self.image, config.shift, seed)
            problem = replace(problem, x=moved)
            self.engine.show(moved)
        log = epoch.run(self.engine, self.replicating & self.alive)
        old_weights, old_momentum = self.weights, self.momentum
        self.weights, self.momentum = self.engine.weights(), self.engine.momentum()
        healthy = np.isfinite(log.replication).all(0) & np.isfinite(log.task).all(0)
        healthy &= np.isfinite(self.weights).all((1, 2)) & np.isfinite(self.momentum).all((1, 2))
        records: list[Record | None] = []
        for member, one in enumerate(self.configs):
            if not self.alive[member]:
                records.append(None)
                continue
            if healthy[member]:
                own = Outcome(self.weights[member], self.momentum[member], *log.of(member))
            else:
                start = old_weights[member], old_momentum[member]
                replicating = bool(self.replicating[member])
                own = recover(one, problem, self.name, start, epoch, replicating)
                self.weights[member], self.momentum[member] = own.weights, own.momentum
            share = np.nan if epoch.settles else own.correct / len(order)
            self.replicating[member] |= share >= config.replication_start
            losses = _mean(own.replication), _mean(own.task)
            record = self._record(number, member, losses, share, own.divergences)
            records.append(record)
            self.alive[member] = not record.stopped
        if not self.alive.all():  # new arrays: the records hold these
            living, zero = self.alive[:, None, None], np.float32(0)
            self.weights = np.where(living, self.weights, zero)
            self.momentum = np.where(living, self.momentum, zero)
        if not healthy[self.alive].all() or not self.alive.all():
            self.engine.load(self.weights, self.momentum)
        return records

    def _record(
        self,
        epoch: int,
        member: int,
        losses: tuple[float, float],
        train_accuracy: float = np.nan,
        divergences: tuple[Divergence, ...] = (),
    ) -> Record:
        weights = torch.from_numpy(self.weights[member])
        right = accuracy(scalar_weights(weights), self.x_test, self.y_test, self.problem.shape)
        state = TrainingState(
            epoch,
            self.weights[member],
            self.momentum[member],
            bool(self.replicating[member]),
            self.name,
        )
        return Record(
            epoch,
            *losses,
            train_accuracy,
            right,
            count_types(classify(weights, self.encoding)),
            time.perf_counter() - self.started,
            state,
            divergences,
        )


def _mean(losses: np.ndarray) -> float:
    return float(losses.mean()) if len(losses) else np.nan
