"""The fused engine for wide networks: particles in compiled blocks, dense layers by BLAS, threads.

With many particles, other things count than in :mod:`srnn.engines.fused`: the dense layers are
large enough for BLAS; blocks of particles, and samples of a batch, are enough for several threads.
A step pair is one *sweep* over all blocks (the task's descent of the last pair, replication, new
scalar weights) and one pass of the batch through the dense layers, each cut into parts that do not
know each other, with all threads waiting for each other between. What is done to the particles is
compiled twice: for any rules (:func:`srnn.engines.fused_kernels.sweep`), and faster for small
particles and the common ones (:mod:`srnn.engines.fused_straight`).

Blocks and samples are cut, and the parts' sums added, as the sizes alone say, so that the bits do
not depend on the number of threads: :func:`threads` says how many there are. All that a part does
is one compiled call that does not hold the interpreter.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Barrier, BrokenBarrierError, Lock

import numpy as np
import scipy.linalg  # noqa: F401 - compiled products are its BLAS, whose threads are limited below
import torch
from threadpoolctl import ThreadpoolController

from srnn.compiling import compiled
from srnn.engines import fused_straight
from srnn.engines.base import StepLog, batches, flushed_denormals
from srnn.engines.fused import FusedEngine, zeros
from srnn.engines.fused_kernels import SOURCES
from srnn.engines.fused_macro import BatchRoom, cross_entropy, gather, pass_on, take_back
from srnn.engines.fused_particles import LANES, OPTIONS, jit
from srnn.engines.fused_straight import LARGEST, STRIP, straight_sweep

CHUNK = 256
"""Samples that go through the dense layers together, at most."""

_FREE = Lock()
"""Held by the training that has the threads."""


def threads() -> int:
    """Threads of an engine: ``OMP_NUM_THREADS`` if it is set, else one for each core."""
    named = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(named) if named.isdigit() and int(named) > 0 else os.cpu_count() or 1


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
def kernels() -> tuple[Callable, Callable]:
    """``chunk`` and ``straight_sweep``, see :func:`srnn.compiling.compiled`."""
    return (
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

    @property
    def straight(self) -> bool:
        """Whether :mod:`srnn.engines.fused_straight` does the particles."""
        rules = self.rules
        common = rules.target_gradient and rules.shared_optimizer and not rules.multiply
        return common and rules.neurons <= LARGEST

    @property
    def lanes(self) -> int:
        return STRIP if self.straight else LANES

    def train(self, order: np.ndarray, batch_size: int, replicate: np.ndarray) -> StepLog:
        rows = batches(self._checked(order), batch_size)
        with _alone():
            logs = [
                Network(self, s, steps, max(map(len, rows), default=0)).train(rows)
                for s, steps in enumerate(self._steps(replicate))
            ]
        replication, task, right = (np.array(part) for part in zip(*logs, strict=True))
        return StepLog(replication.T, task.T, right)

    def replicate(self, steps: int) -> np.ndarray:
        if self.problem.goal == "none":
            return np.zeros((steps, len(self.w)))
        with _alone():
            return np.stack([Network(self, s, steps).replicate() for s in range(len(self.w))], 1)


class Network:
    """One network of an engine in training: its blocks, the scalar weights, the chunks' gradients
    by them (``slopes``), what came of the chunks (``found``), and room for each. What threads do
    takes ``mine``: which of them it is, and of how many."""

    def __init__(self, engine: WideEngine, s: int, steps: int, size: int = 0) -> None:
        kind, count = engine.kind, engine.blocks * LANES
        self.engine, self.state, self.chunks = engine, engine.state[s], max(1, -(-size // CHUNK))
        self.losses = np.zeros((engine.blocks, steps))
        self.scalars = zeros((count,), kind)
        self.slopes = zeros((self.chunks, count), kind)
        self.found = [(0.0, 0)] * self.chunks
        self.rooms = [self._room(-(-size // self.chunks)) for _ in range(self.chunks)]

    def _room(self, size: int) -> BatchRoom:
        room = self.engine._batch_room(size)
        pixels = zeros((len(room.images), self.engine.problem.shape.inputs), self.engine.kind)
        return room._replace(images=pixels)

    def train(self, rows: list[np.ndarray]) -> tuple[list[float], list[float], int]:
        """A step pair per batch of ``rows``: replication and task losses of every pair, and right
        answers."""
        replication, task, right = list[float](), list[float](), 0
        split = [np.array_split(batch, self.chunks) for batch in rows]

        def work(mine: tuple[int, int], wait: Callable[[], object]) -> None:
            nonlocal right
            for step, parts in enumerate(split):
                self.sweep(mine, self.losses, step > 0, True)
                wait()
                if mine[0] == 0:
                    replication.append(self.losses.sum(0)[0] if self.losses.size else 0.0)
                self.run(parts, len(rows[step]), mine)
                wait()
                if mine[0] == 0:
                    task.append(sum(loss for loss, _ in self.found))
                    right += sum(correct for _, correct in self.found)
            self.sweep(mine, self.losses[:, :0], bool(rows), False)

        _together(work)
        return replication, task, right

    def replicate(self) -> np.ndarray:
        """Replication steps only; their losses ``(steps,)``."""
        _together(lambda mine, wait: self.sweep(mine, self.losses, False, False))
        return self.losses.sum(0)

    def sweep(self, mine: tuple[int, int], losses: np.ndarray, after: bool, then: bool) -> None:
        """A thread's part of the blocks; ``losses (blocks, steps)`` become those of every step."""
        engine, part = self.engine, _part(self.engine.blocks, mine)
        rules = engine.rules
        losses[part[0] : part[1]] = 0
        arrays = self.state, self.slopes, self.scalars, losses, engine.encoding, engine.gram
        if engine.straight:
            rates = rules.alpha, rules.lr, rules.replication_lr, rules.momentum
            kernels()[1](*arrays, rates, (0,) * rules.neurons, part, after, then)
        else:
            engine.run_sweep(*arrays, rules, engine._block_room(), part, after, then)

    def run(self, parts: list[np.ndarray], size: int, mine: tuple[int, int]) -> None:
        """A thread's part of the chunks of a batch of that size; their gradients go into
        ``slopes``, their parts of the mean cross-entropy and right answers into ``found``."""
        engine, run = self.engine, kernels()[0]
        for c in range(*_part(self.chunks, mine)):
            self.found[c] = run(
                (engine.x, engine.y), engine.rules.unit, parts[c], size, self.scalars,
                self.slopes[c], engine.macro, self.rooms[c],
            )  # fmt: skip


def _part(total: int, mine: tuple[int, int]) -> tuple[int, int]:
    """What a thread has of a total: from, and up to."""
    number, count = mine
    return total * number // count, total * (number + 1) // count


@contextmanager
def _alone() -> Iterator[None]:
    """No other threads than ours, and no denormals."""
    blas = _blas().limit(limits=1, user_api="blas")
    with blas, flushed_denormals(), np.errstate(all="ignore"):
        yield


def _together(work: Callable[[tuple[int, int], Callable[[], object]], object]) -> None:
    """``work((number, count), wait)`` on ``count`` threads, this one among them; ``wait`` returns
    when all have called it. Who comes last goes on at once: a thread is woken once at most between
    two steps, which is most of what threads cost here. While another training has the threads, this
    one works alone, as otherwise both might wait for threads of which each has some."""
    alone = not _FREE.acquire(blocking=False)
    count = 1 if alone else threads()
    barrier = Barrier(count)

    def one(number: int) -> None:
        try:
            work((number, count), barrier.wait)
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
