"""The fused engine for wide networks: particles in compiled blocks, dense layers by BLAS, threads.

With many particles, other things count than in :mod:`srnn.engines.fused`: the dense layers are
large enough for BLAS; blocks of particles, and samples of a batch, are enough for several threads.
A step pair is one *sweep* over all blocks (the task's descent of the last pair, replication, new
scalar weights) and one pass of the batch through the dense layers, each cut into parts that do not
know each other. What is done to the particles is compiled twice: for any rules (:func:`sweep`), and
faster for small particles and the common ones (:mod:`srnn.engines.fused_straight`).

Blocks and samples are cut, and the parts' sums added, as the sizes alone say, so that the bits do
not depend on the number of threads: :func:`threads` says how many there are. All that a part does
is one compiled call that does not hold the interpreter.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from itertools import chain, pairwise
from typing import TypeVar

import numpy as np
import scipy.linalg  # noqa: F401 - compiled products are its BLAS, whose threads are limited below
import torch
from threadpoolctl import ThreadpoolController

from srnn.compiling import compiled
from srnn.engines import fused_straight
from srnn.engines.base import StepLog, flushed_denormals
from srnn.engines.fused import FusedEngine, zeros
from srnn.engines.fused_kernels import SOURCES
from srnn.engines.fused_macro import BatchRoom, cross_entropy, gather, pass_on, take_back
from srnn.engines.fused_particles import (
    LANES,
    OPTIONS,
    composite,
    descend,
    jit,
    replication_call,
)
from srnn.engines.fused_straight import LARGEST, STRIP, block_rows, straight_sweep

T = TypeVar("T")

CHUNK = 256
"""Samples that go through the dense layers together, at most."""


def threads() -> int:
    """Threads of an engine: ``OMP_NUM_THREADS`` if it is set, else one for each core."""
    named = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(named) if named.isdigit() and int(named) > 0 else os.cpu_count() or 1


def sweep(state, slopes, scalars, losses, encoding, gram, rules, room, part, after, then):
    """What happens to the blocks ``part[0]..part[1]-1`` of one network between two passes of the
    dense layers: the task's descent (if ``after`` one), a replication step for every column of
    ``losses (blocks, steps)``, and the scalar weights (if one comes ``then``).

    ``state (blocks, rows, LANES)``, see :func:`~srnn.engines.fused_straight.block_rows`;
    ``slopes (chunks, P)`` and ``scalars (P,)`` are as long as all lanes.
    """
    count, h, n = rules.particles, rules.neurons, len(encoding)
    if (
        state.shape[2] != LANES
        or room.v.shape[1] != LANES
        or room.g.shape[1] != LANES
        or room.sums.shape[1] != LANES
        or room.back.shape[1] != LANES
        or room.own.shape[1] != LANES
    ):  # never; it tells the compiler that no two rows overlap
        return
    for k in range(part[0], part[1]):
        w, buffer, half = state[k, :n], state[k, n : 2 * n], state[k, 2 * n : 2 * n + h]
        at = k * LANES
        lanes = min(LANES, count - at)
        if after:
            for j in range(lanes):
                room.g[4, j] = slopes[0, at + j]
            for c in range(1, len(slopes)):
                for j in range(lanes):
                    room.g[4, j] += slopes[c, at + j]
            for j in range(lanes, LANES):
                room.g[4, j] = 0
            descend(w, buffer, half, 4, 5, rules.lr, rules.momentum, rules, room)
        replication_call(w, buffer, half, lanes, losses[k], encoding, gram, rules, room)
        if then:
            composite(w, h, half, room.v, 4, 5)
            for j in range(lanes):
                scalars[at + j] = room.v[4, j]


def chunk(data, unit, rows, total, scalars, slope, macro, room):
    """The samples ``rows`` of a batch of ``total`` through the dense layers and back.

    ``data`` images and labels; ``slope (P,)`` becomes the gradient by ``scalars (P,)``. Returns the
    samples' part of the mean loss, and their right answers.
    """
    a, d, depth = room.a, room.d, len(macro.skips)
    gather(data[0], unit, rows, room.images)
    for layer in range(depth):
        matrix = layer_of(scalars, macro, layer)
        first, below = macro.cells[layer + 1], macro.cells[layer]
        out = room.out[first : first + len(matrix)]
        if layer == 0:
            np.dot(matrix, room.images.T, out)
        else:
            np.dot(matrix, a[below : below + matrix.shape[1]], out)
        for c in range(len(matrix)):
            pass_on(layer, c, macro, room)
    loss, right = cross_entropy(data[1], rows, total, macro, room)
    d[: macro.cells[-1]] = 0
    for layer in range(depth - 1, -1, -1):
        matrix, steep = layer_of(scalars, macro, layer), layer_of(slope, macro, layer)
        first, below = macro.cells[layer + 1], macro.cells[layer]
        for c in range(len(matrix)):
            take_back(layer, c, macro, room)
        delta = d[first : first + len(matrix)]
        if layer == 0:
            np.dot(delta, room.images, steep)
        else:  # what the layer took in is needed no more: its room takes the gradient by it
            taken = a[below : below + matrix.shape[1]]
            np.dot(delta, taken.T, steep)
            np.dot(matrix.T, delta, taken)
            d[below : below + matrix.shape[1]] += taken
    return loss, right


@jit
def layer_of(flat, macro, layer):
    """``(out, in)`` view of one layer in one number per particle."""
    cells, inputs, at = macro.sizes[layer + 1], macro.sizes[layer], macro.starts[layer]
    return flat[at : at + cells * inputs].reshape(cells, inputs)


@cache
def kernels() -> tuple[Callable, Callable, Callable]:
    """``sweep``, ``chunk`` and ``straight_sweep``, see :func:`srnn.compiling.compiled`."""
    return (
        compiled(sweep, SOURCES, **OPTIONS),
        compiled(chunk, SOURCES, **OPTIONS),
        compiled(straight_sweep, SOURCES, **fused_straight.OPTIONS),
    )


@cache
def _pool(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, "srnn", torch.set_flush_denormal, (True,))


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


class WideEngine(FusedEngine):
    """See :class:`srnn.engines.base.Engine`; what :class:`~srnn.engines.fused.FusedEngine` says."""

    def _rows(self, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        seeds, self.blocks, n, lanes = shape
        rules, rows = self.rules, block_rows(self.rules.neurons)
        common = rules.coupled and rules.shared and not rules.multiply
        self.straight = common and rules.neurons <= LARGEST
        width = STRIP if self.straight else lanes
        self.state = zeros((seeds, self.blocks * lanes // width, rows, width), self.kind)
        return self.state[:, :, :n], self.state[:, :, n : 2 * n]

    def train(self, order: np.ndarray, batch_size: int, replicate: np.ndarray) -> StepLog:
        order = self._checked(order)
        goal = 0 if self.problem.goal == "none" else self.problem.replication_steps
        asked = np.broadcast_to(replicate, len(self.w))
        batches = [order[at : at + batch_size] for at in range(0, len(order), batch_size)]
        with self._alone():
            logs = [self._network(s, batches, goal if asked[s] else 0) for s in range(len(self.w))]
        replication, task, right = (np.array(part) for part in zip(*logs, strict=True))
        return StepLog(replication.T, task.T, right)

    def replicate(self, steps: int) -> np.ndarray:
        losses = np.zeros((len(self.w), steps))
        if self.problem.goal != "none":
            with self._alone():
                for s in range(len(self.w)):
                    losses[s] = self._sweep(s, steps, Pass(self, 0), False, False)
        return losses.T

    def _alone(self) -> ExitStack:
        """No other threads than ours, and no denormals."""
        stack = ExitStack()
        stack.enter_context(_blas().limit(limits=1, user_api="blas"))
        stack.enter_context(flushed_denormals())
        stack.enter_context(np.errstate(all="ignore"))
        return stack

    def _network(self, s: int, batches: list[np.ndarray], steps: int) -> tuple:
        """One network's epoch: replication and task losses of every pair, and right answers."""
        replication, task, right = [], [], 0
        passing = Pass(self, max(map(len, batches), default=0))
        for number, rows in enumerate(batches):
            losses = self._sweep(s, steps, passing, number > 0, True)
            replication.append(losses[0] if steps else 0.0)
            loss, correct = passing.run(rows)
            task.append(loss)
            right += correct
        self._sweep(s, 0, passing, bool(batches), False)
        return replication, task, right

    def _sweep(self, s: int, steps: int, passing: Pass, after: bool, then: bool) -> np.ndarray:
        """All blocks of network ``s``; returns the loss of every step."""
        losses, rules = np.zeros((self.blocks, steps)), self.rules
        arrays = self.state[s], passing.slopes, passing.scalars, losses, self.encoding, self.gram
        general, _, straight = kernels()

        def part(first: int, last: int) -> None:
            if self.straight:
                rates = rules.alpha, rules.lr, rules.replication_lr, rules.momentum
                straight(*arrays, rates, (0,) * rules.neurons, (first, last), after, then)
            else:
                general(*arrays, rules, self._block_room(), (first, last), after, then)

        _each(part, self.blocks)
        return losses.sum(0)


def _each(do: Callable[[int, int], T], count: int) -> list[T]:
    """``do`` the parts ``first..last-1`` of so many, on as many threads as there are; what it
    returned, in order."""
    workers = threads()
    cuts = pairwise(count * number // workers for number in range(workers + 1))
    mine, *others = [(first, last) for first, last in cuts if first < last]
    waiting = [_pool(workers - 1).submit(do, *part) for part in others]
    return [do(*mine), *(one.result() for one in waiting)]


class Pass:
    """Batches on their way through one network's dense layers: the scalar weights, the chunks'
    gradients by them (``slopes``), and room for each chunk."""

    def __init__(self, engine: WideEngine, size: int) -> None:
        kind, count = engine.kind, engine.blocks * LANES
        self.engine, self.chunks = engine, max(1, -(-size // CHUNK))
        self.scalars = zeros((count,), kind)
        self.slopes = zeros((self.chunks, count), kind)
        self.rooms = [self._room(-(-size // self.chunks)) for _ in range(self.chunks)]

    def _room(self, size: int) -> BatchRoom:
        engine = self.engine
        room = engine._batch_room(size)
        pixels = zeros((len(room.images), engine.problem.shape.inputs), engine.kind)
        return room._replace(images=pixels)

    def run(self, rows: np.ndarray) -> tuple[float, int]:
        """Mean cross-entropy and right answers of one batch; its gradient goes into ``slopes``."""
        engine, parts, run = self.engine, np.array_split(rows, self.chunks), kernels()[1]

        def part(first: int, last: int) -> list[tuple[float, int]]:
            return [
                run(
                    (engine.x, engine.y), engine.rules.unit, parts[c], len(rows), self.scalars,
                    self.slopes[c], engine.macro, self.rooms[c],
                )
                for c in range(first, last)
            ]  # fmt: skip

        done = list(chain.from_iterable(_each(part, self.chunks)))
        return sum(loss for loss, _ in done), sum(right for _, right in done)
