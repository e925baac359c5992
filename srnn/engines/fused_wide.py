"""The fused engine for wide networks: particles in compiled blocks, dense layers by BLAS, threads.

With many particles, other things count than in :mod:`srnn.engines.fused`: the dense layers are
large enough for BLAS; blocks of particles, and samples of a batch, are enough for several threads.
A step pair is one *sweep* over all blocks (the task's descent of the last pair, replication, new
scalar weights) and one pass of the batch through the dense layers, each cut into parts that do not
know each other, with all threads waiting for each other between. What is done to the particles is
compiled twice: for any rules (:func:`sweep`), and faster for small particles and the common ones
(:mod:`srnn.engines.fused_straight`).

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
from threading import Barrier, BrokenBarrierError, Lock

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

CHUNK = 256
"""Samples that go through the dense layers together, at most."""

_FREE = Lock()
"""Held by the training that has the threads."""


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
        losses = np.zeros((len(self.w), self.blocks, steps))
        if self.problem.goal != "none":
            passing = Pass(self, 0)

            def work(number: int, count: int, wait: Callable[[], object]) -> None:
                for s in range(len(self.w)):
                    self._sweep(s, losses[s], passing, (number, count), False, False)

            with self._alone():
                _together(work)
        return losses.sum(1).T

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
        losses = np.zeros((self.blocks, steps))
        split = [np.array_split(rows, passing.chunks) for rows in batches]

        def work(number: int, count: int, wait: Callable[[], object]) -> None:
            nonlocal right
            mine, first = (number, count), number == 0
            for step, parts in enumerate(split):
                self._sweep(s, losses, passing, mine, step > 0, True)
                wait()
                if first:
                    replication.append(losses.sum(0)[0] if steps else 0.0)
                passing.run(parts, len(batches[step]), mine)
                wait()
                if first:
                    task.append(sum(loss for loss, _ in passing.found))
                    right += sum(correct for _, correct in passing.found)
            self._sweep(s, losses[:, :0], passing, mine, bool(batches), False)

        _together(work)
        return replication, task, right

    def _sweep(
        self,
        s: int,
        losses: np.ndarray,
        passing: Pass,
        mine: tuple[int, int],
        after: bool,
        then: bool,
    ) -> None:
        """A thread's part of the blocks of network ``s``; ``losses (blocks, steps)`` become those
        of every step."""
        rules, part = self.rules, _part(self.blocks, *mine)
        losses[part[0] : part[1]] = 0
        arrays = self.state[s], passing.slopes, passing.scalars, losses, self.encoding, self.gram
        general, _, straight = kernels()
        if self.straight:
            rates = rules.alpha, rules.lr, rules.replication_lr, rules.momentum
            straight(*arrays, rates, (0,) * rules.neurons, part, after, then)
        else:
            general(*arrays, rules, self._block_room(), part, after, then)


def _part(total: int, number: int, count: int) -> tuple[int, int]:
    """What thread ``number`` of so many has of a total: from, and up to."""
    return total * number // count, total * (number + 1) // count


def _together(work: Callable[[int, int, Callable[[], object]], object]) -> None:
    """``work(number, count, wait)`` on ``count`` threads, this one among them; ``wait`` returns
    when all have called it. Who comes last goes on at once: a thread is woken once at most between
    two steps, which is most of what threads cost here. While another training has the threads, this
    one works alone, as otherwise both might wait for threads of which each has some."""
    alone = not _FREE.acquire(blocking=False)
    count = 1 if alone else threads()
    barrier = Barrier(count)

    def one(number: int) -> None:
        try:
            work(number, count, barrier.wait)
        except BaseException:  # an interruption too: nobody is to wait for this thread
            barrier.abort()
            raise

    try:
        others = [_pool(count - 1).submit(one, number) for number in range(1, count)]
        try:
            one(0)
        except BrokenBarrierError:  # it was another that failed
            for other in others:
                other.result()
            raise
        for other in others:
            other.result()
    finally:
        if not alone:
            _FREE.release()


class Pass:
    """Batches on their way through one network's dense layers: the scalar weights, the chunks'
    gradients by them (``slopes``), and room for each chunk."""

    def __init__(self, engine: WideEngine, size: int) -> None:
        kind, count = engine.kind, engine.blocks * LANES
        self.engine, self.chunks = engine, max(1, -(-size // CHUNK))
        self.scalars = zeros((count,), kind)
        self.slopes = zeros((self.chunks, count), kind)
        self.found = [(0.0, 0)] * self.chunks
        self.rooms = [self._room(-(-size // self.chunks)) for _ in range(self.chunks)]

    def _room(self, size: int) -> BatchRoom:
        engine = self.engine
        room = engine._batch_room(size)
        pixels = zeros((len(room.images), engine.problem.shape.inputs), engine.kind)
        return room._replace(images=pixels)

    def run(self, parts: list[np.ndarray], size: int, mine: tuple[int, int]) -> None:
        """A thread's part of the chunks of a batch of that size; their gradients go into
        ``slopes``, their parts of the mean cross-entropy and right answers into ``found``."""
        engine, run = self.engine, kernels()[1]
        for c in range(*_part(self.chunks, *mine)):
            self.found[c] = run(
                (engine.x, engine.y), engine.rules.unit, parts[c], size, self.scalars,
                self.slopes[c], engine.macro, self.rooms[c],
            )  # fmt: skip
