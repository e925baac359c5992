"""The fused engine for wide networks: particles in compiled blocks, dense layers by BLAS, threads.

With many particles, other things count than in :mod:`srnn.engines.fused`: the dense layers are
large enough for BLAS; blocks of particles, and samples of a batch, are enough for several threads.
A step pair is one *sweep* over all blocks (the task's descent of the last pair, replication, new
scalar weights) and one pass of the batch through the dense layers, each cut into parts that do not
know each other.

The parts and the order in which their sums are added depend on the sizes alone, so that the bits
do not depend on the number of threads: :func:`threads` says how many there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache, cached_property

import numpy as np
import torch
from threadpoolctl import ThreadpoolController

from srnn.compiling import compiled
from srnn.engines.base import StepLog, flushed_denormals
from srnn.engines.fused import FusedEngine, zeros
from srnn.engines.fused_kernels import SOURCES
from srnn.engines.fused_macro import gather
from srnn.engines.fused_particles import (
    LANES,
    OPTIONS,
    BlockRoom,
    composite,
    descend,
    replication_call,
)
from srnn.metanet import MacroShape

CHUNK = 128
"""Samples that go through the dense layers together, at most."""

SHARE = 32
"""Blocks that one task of a sweep takes on."""


def threads() -> int:
    """Threads of an engine: ``OMP_NUM_THREADS`` if it is set, else one for each core."""
    named = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(named) if named.isdigit() and int(named) > 0 else os.cpu_count() or 1


def sweep(w, buffer, half, slopes, scalars, losses, encoding, gram, rules, room, part, after, then):
    """What happens to the blocks ``part[0]..part[1]-1`` of one network between two passes of the
    dense layers: the task's descent (if ``after`` one), a replication step for every column of
    ``losses (blocks, steps)``, and the scalar weights (if one comes ``then``).

    ``w`` and ``buffer (blocks, n, LANES)``; ``half (blocks, h, LANES)``; ``slopes (chunks, P)``;
    ``scalars (P,)``.
    """
    count = len(scalars)
    for k in range(part[0], part[1]):
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
            descend(w[k], buffer[k], half[k], 4, 5, rules.lr, rules.momentum, rules, room)
        replication_call(w[k], buffer[k], half[k], lanes, losses[k], encoding, gram, rules, room)
        if then:
            composite(w[k], rules.neurons, half[k], room.v, 4, 5)
            for j in range(lanes):
                scalars[at + j] = room.v[4, j]


def collect(x, unit, rows, batch):
    """Copy the images ``rows`` into the batch, times ``unit``."""
    gather(x, unit, rows, batch)


@cache
def kernels() -> tuple[Callable, Callable]:
    """``sweep`` and ``collect``, see :func:`srnn.compiling.compiled`."""
    return compiled(sweep, SOURCES, **OPTIONS), compiled(collect, SOURCES, **OPTIONS)


@cache
def _pool(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, "srnn", torch.set_flush_denormal, (True,))


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


class WideEngine(FusedEngine):
    """See :class:`srnn.engines.base.Engine`; what :class:`~srnn.engines.fused.FusedEngine` says."""

    @cached_property
    def rooms(self) -> list[BlockRoom]:
        """Room for one block, for every task of a sweep."""
        return [self._block_room() for _ in range(0, self.w.shape[1], SHARE)]

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
                    losses[s] = self._sweep(s, steps, self._passing(0, 0), False, False)
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
        passing = self._passing(max(map(len, batches), default=0), self.w.shape[2])
        for number, rows in enumerate(batches):
            losses = self._sweep(s, steps, passing, number > 0, True)
            replication.append(losses[0] if steps else 0.0)
            loss, correct = passing.run(rows)
            task.append(loss)
            right += correct
        self._sweep(s, 0, passing, bool(batches), False)
        return replication, task, right

    def _passing(self, size: int, rows: int) -> Pass:
        return Pass(self, size)

    def _sweep(self, s: int, steps: int, passing: Pass, after: bool, then: bool) -> np.ndarray:
        """All blocks of network ``s``; returns the loss of every step."""
        blocks, run = self.w.shape[1], kernels()[0]
        losses = np.zeros((blocks, steps))

        def part(number: int) -> None:
            first = number * SHARE
            run(
                self.w[s], self.buffer[s], passing.half, passing.slopes, passing.scalars, losses,
                self.encoding, self.gram, self.rules, self.rooms[number],
                (first, min(first + SHARE, blocks)), after, then,
            )  # fmt: skip

        _each(part, range(len(self.rooms)))
        return losses.sum(0)


def _each(do: Callable[[int], object], parts: Iterable[int]) -> list:
    """Do all parts, on as many threads as there are; their results in order."""
    count = threads()
    return list(map(do, parts) if count == 1 else _pool(count).map(do, parts))


class Pass:
    """Batches on their way through one network's dense layers: the scalar weights, the chunks'
    gradients by them (``slopes``), and what is kept of each chunk's cells."""

    def __init__(self, engine: WideEngine, size: int) -> None:
        shape, kind = engine.problem.shape, engine.kind
        self.engine, self.shape = engine, shape
        self.chunks = max(1, -(-size // CHUNK))
        self.scalars = zeros((shape.particles,), kind)
        self.slopes = zeros((self.chunks, shape.particles), kind)
        self.half = zeros((engine.w.shape[1], engine.rules.neurons, LANES), kind)
        room = -(-size // self.chunks)
        self.images = [zeros((room, shape.inputs), kind) for _ in range(self.chunks)]

    def run(self, rows: np.ndarray) -> tuple[float, int]:
        """Mean cross-entropy and right answers of one batch; its gradient goes into ``slopes``."""
        parts = np.array_split(rows, self.chunks)
        done = _each(lambda c: self._chunk(c, parts[c], len(rows)), range(self.chunks))
        return sum(loss for loss, _ in done) / len(rows), sum(right for _, right in done)

    def _chunk(self, c: int, rows: np.ndarray, total: int) -> tuple[float, int]:
        engine, shape = self.engine, self.shape
        if not len(rows):
            self.slopes[c] = 0
            return 0.0, 0
        images, labels = self.images[c][: len(rows)], engine.y[rows]
        kernels()[1](engine.x, engine.rules.unit, rows, images)
        layers, slopes = _layers(self.scalars, shape), _layers(self.slopes[c], shape)
        ins, outs = _forward(images, layers, shape)
        logits = ins[-1]
        each = np.arange(len(rows))
        delta = logits - logits.max(1, keepdims=True)
        margin = delta[each, labels].astype(np.float64)
        right = int((logits.argmax(1) == labels).sum())
        np.exp(delta, out=delta)
        sums = delta.sum(1, keepdims=True)
        loss = float((np.log(sums[:, 0].astype(np.float64)) - margin).sum())
        delta /= sums * delta.dtype.type(total)
        delta[each, labels] -= delta.dtype.type(1 / total)
        _backward(delta, layers, slopes, ins, outs, shape)
        return loss, right


def _layers(flat: np.ndarray, shape: MacroShape) -> list[np.ndarray]:
    """``(out, in)`` views of one number per particle."""
    parts = np.split(flat, shape.starts[1:-1])
    return [part.reshape(size) for part, size in zip(parts, shape.layers, strict=True)]


def _forward(
    x: np.ndarray, layers: list[np.ndarray], shape: MacroShape
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Every layer's input, then the logits; and every layer's output before its skip."""
    ins, outs = [x], []
    for layer, matrix in enumerate(layers):
        out = ins[layer] @ matrix.T
        if layer < shape.depth - 1 and shape.activation == "relu":
            np.maximum(out, 0, out=out)
        elif layer < shape.depth - 1 and shape.activation == "tanh":
            np.tanh(out, out=out)
        outs.append(out)
        source = shape.skip(layer)
        ins.append(out if source is None else out + ins[source])
    return ins, outs


def _backward(
    delta: np.ndarray,
    layers: list[np.ndarray],
    slopes: list[np.ndarray],
    ins: list[np.ndarray],
    outs: list[np.ndarray],
    shape: MacroShape,
) -> None:
    """Fill ``slopes`` with the gradient by the layers' matrices; ``delta`` is by the logits."""
    skipped: dict[int, np.ndarray] = {}
    for layer in reversed(range(shape.depth)):
        source = shape.skip(layer)
        if source is not None:
            skipped[source] = delta
        if layer < shape.depth - 1 and shape.activation == "relu":
            delta = delta * (outs[layer] > 0)
        elif layer < shape.depth - 1 and shape.activation == "tanh":
            delta = delta * (1 - outs[layer] * outs[layer])
        np.matmul(delta.T, ins[layer], out=slopes[layer])
        if layer > 0:
            delta = delta @ layers[layer]
            if layer in skipped:
                delta += skipped.pop(layer)
