"""Divergence: which particle blew up first, at which step, and what is done about it.

One diverging particle makes every macro output NaN, and the next task step then makes every
particle NaN, so the end of the epoch no longer says whose fault it was. Training is deterministic,
so the epoch is run again from its start up to the step before the first non-finite loss, and from
there in half steps (replication, then task) until a particle is non-finite: that one is named. If
it is to be re-initialised or frozen, that is done at the start of the epoch, before it could spoil
the others, and the epoch is run again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from srnn.config import RunConfig
from srnn.engines import Engine, Problem, StepLog, make_engine
from srnn.metanet import particle_table
from srnn.particles import initial_weights

MAX_RESCUES = 50
"""Rescues per epoch; a network that needs more is stopped, whatever was chosen."""


@dataclass(frozen=True)
class Epoch:
    """The steps of one epoch (from 1): a step pair per batch of ``order``, or, where the network
    ``settles``, as many replication steps and no task step."""

    number: int
    order: np.ndarray
    batch_size: int
    replication_steps: int
    settles: bool = False

    @property
    def steps(self) -> int:
        """Step pairs, or replication steps."""
        pairs = -(-len(self.order) // self.batch_size)
        return pairs * max(1, self.replication_steps) if self.settles else pairs

    def run(
        self, engine: Engine, replicate: np.ndarray, first: int = 0, last: int | None = None
    ) -> StepLog:
        """Make the steps ``first..last-1`` (default: all) with the networks in an engine;
        ``replicate (S,)`` says which ones make the replication steps of a pair."""
        last = self.steps if last is None else last
        if self.settles:
            losses, seeds = engine.replicate(last - first), len(replicate)
            return StepLog(losses, np.zeros((0, seeds)), np.zeros(seeds, np.int64))
        rows = self.order[first * self.batch_size : last * self.batch_size]
        return engine.train(rows, self.batch_size, replicate)

    def half_steps(self, step: int, replicating: bool) -> Iterator[Callable[[Engine], object]]:
        """The parts of a step between which it can be looked at the weights."""
        rows = self.order[step * self.batch_size : (step + 1) * self.batch_size]
        if self.settles:
            yield lambda engine: engine.replicate(1)
        elif replicating and self.replication_steps:
            yield lambda engine: engine.replicate(self.replication_steps)
        if len(rows) and not self.settles:
            yield lambda engine: engine.train(rows, self.batch_size, np.array([False]))


@dataclass(frozen=True)
class Divergence:
    """A particle that diverged: its name, the epoch and step (both from 1), and the action taken
    (``stop``, ``reinitialise`` or ``freeze``)."""

    particle: str
    epoch: int
    step: int
    action: str

    def __str__(self) -> str:
        done = {
            "stop": "training stopped",
            "reinitialise": "it was re-initialised",
            "freeze": "it was frozen at zero",
        }
        return (
            f"particle {self.particle} diverged in epoch {self.epoch}, step {self.step}: "
            f"{done[self.action]}"
        )


class Outcome(NamedTuple):
    """What an epoch came to for a network: the state ``(n, P)``, replication and task loss per
    step, right answers, and the divergences that were dealt with. After ``stop`` the state is that
    of the epoch's start, before anything was spoilt, with the diverged particle NaN; the losses are
    those up to its step, and the right answers are NaN."""

    weights: np.ndarray
    momentum: np.ndarray
    replication: np.ndarray
    task: np.ndarray
    correct: float
    divergences: tuple[Divergence, ...] = ()


def recover(
    config: RunConfig,
    problem: Problem,
    engine_name: str,
    start: tuple[np.ndarray, np.ndarray],
    epoch: Epoch,
    replicating: bool,
) -> Outcome:
    """Run an epoch again from ``start`` (weights and momentum, ``(n, P)`` each) and deal with
    every divergence in it as ``config.on_divergence`` says."""
    names = particle_table(problem.shape)["particle"]
    replicate = np.array([replicating])
    weights, momentum = start[0].copy(), start[1].copy()
    engine = make_engine(engine_name, problem, weights[None], momentum[None])
    events: list[Divergence] = []
    for rescue in range(MAX_RESCUES + 1):
        engine.load(weights[None], momentum[None])
        log = epoch.run(engine, replicate)
        sound = np.isfinite(log.replication[:, 0])
        if not epoch.settles:
            sound &= np.isfinite(log.task[:, 0])
        if sound.all() and _healthy(engine):
            break
        first = len(sound) if sound.all() else int(np.argmin(sound))
        engine.load(weights[None], momentum[None])
        bad, step = _first_diverging(engine, epoch, replicating, first)
        action = config.on_divergence if rescue < MAX_RESCUES else "stop"
        events.append(Divergence(names[bad], epoch.number, step + 1, action))
        if action == "stop":
            weights[:, bad] = np.nan
            losses = log.replication[:step, 0], log.task[:step, 0]
            return Outcome(weights, momentum, *losses, np.nan, tuple(events))
        weights[:, bad] = momentum[:, bad] = 0
        if action == "reinitialise":
            seed = [config.seed, epoch.number, rescue + 1]
            count = problem.shape.particles
            fresh = initial_weights(config.neurons, count, seed, config.initial_weights)
            weights[:, bad] = fresh[:, bad]
    return Outcome(engine.weights()[0], engine.momentum()[0], *log.of(0), tuple(events))


def _first_diverging(
    engine: Engine, epoch: Epoch, replicating: bool, first: int
) -> tuple[int, int]:
    """Index of the particle that diverges first, and the step (from 0). ``first`` is the first
    step with a non-finite loss. The engine is left before the half step in which they do."""
    start = max(0, first - 1)
    if start:
        epoch.run(engine, np.array([replicating]), 0, start)
    for step in range(start, first + 1):
        for half_step in epoch.half_steps(step, replicating):
            before = engine.weights(), engine.momentum()
            half_step(engine)
            if not _healthy(engine):
                bad = _blame(before[0][0], engine)
                engine.load(*before)
                return bad, step
    # every half step was sound by itself: the largest weight is on its way to overflow
    return _largest(engine.weights()[0]), first


def _blame(before: np.ndarray, engine: Engine) -> int:
    """The particle that diverges: of those that became non-finite, the one whose weights were
    largest before (the others caught it through the macro network)."""
    state = engine.weights()[0], engine.momentum()[0]
    broken = ~np.logical_and(*(np.isfinite(part).all(0) for part in state))
    return _largest(np.where(broken, before, 0))


def _largest(weights: np.ndarray) -> int:
    return int(np.abs(weights).max(0).argmax())


def _healthy(engine: Engine) -> bool:
    return bool(np.isfinite(engine.weights()).all() and np.isfinite(engine.momentum()).all())
