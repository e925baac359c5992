"""The fused engine: a whole training call in one compiled function, for the CPU.

The mathematics is that of :mod:`srnn.engines.manual`; what is ``a`` there is ``half`` in compiled
code, and ``back = dL/d half``.

It is faster than the manual engine because PyTorch's operations each go through all weights, which
do not fit the processor's fast cache, while here a block of particles is loaded once per step pair
(:mod:`srnn.engines.fused_kernels`); because a tiny dense layer costs what it computes, not what a
call costs; and because images are read as the bytes they were stored as, where they were.

It is deterministic and runs on the calling thread without holding the interpreter.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch

from srnn.compiling import compiled
from srnn.engines import fused_kernels
from srnn.engines.base import Problem, StepLog, flushed_denormals
from srnn.engines.fused_macro import ROUND, BatchRoom, Macro
from srnn.engines.fused_particles import LANES, OPTIONS, BlockRoom, Rules, block_rows
from srnn.metanet import MacroShape
from srnn.particles import INPUTS, neurons_of, weight_count

PAGE = 4096
"""Bytes to which arrays are aligned."""

_KINDS = {torch.float32: (np.float32, np.int32), torch.float64: (np.float64, np.int64)}
_ACTIVATIONS = {"none": 0, "relu": 1, "tanh": 2}


class FusedEngine:
    """See :class:`srnn.engines.base.Engine`.

    Raises:
        ValueError: another device than the CPU, another type than float32 and float64, or arrays
            that do not fit the problem (the compiled code does not check its indices).
    """

    name = "fused"

    def __init__(
        self,
        problem: Problem,
        weights: np.ndarray,
        momentum: np.ndarray,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if device != "cpu" or dtype not in _KINDS:
            raise ValueError(
                f"the fused engine trains float32 or float64 on cpu, not {dtype} on {device}"
            )
        shape = problem.shape
        if problem.x.shape[1] != shape.inputs or not _within(problem.y, shape.outputs):
            raise ValueError("the data do not fit the macro network's inputs and outputs")
        self.problem = problem
        self.run_train, self.run_sweep = kernels()
        self.kind, self.index = _KINDS[dtype]
        self.encoding = np.asarray(problem.encoding, self.kind)
        self.gram = self.encoding.T @ self.encoding
        self.x, unit = _stored(problem.x, self.kind)
        self.y = np.ascontiguousarray(problem.y, np.int64)
        self.rules = self._rules(unit)
        self.macro = _macro(problem.shape)
        self.room = self._block_room()
        self.load(weights, momentum)

    @property
    def lanes(self) -> int:
        """Neighbouring particles whose rows lie together in memory."""
        return LANES

    def load(self, weights: np.ndarray, momentum: np.ndarray) -> None:
        rows, count = len(self.encoding), self.problem.shape.particles
        if weights.shape[1:] != (rows, count) or momentum.shape != weights.shape:
            raise ValueError(f"weights and momentum must be (S, {rows}, {count})")
        self.blocks = -(-count // LANES)
        parts = self.blocks * LANES // self.lanes
        shape = len(weights), parts, block_rows(self.rules.neurons), self.lanes
        self.state = zeros(shape, self.kind)
        self.w, self.buffer = self.state[:, :, :rows], self.state[:, :, rows : 2 * rows]
        self._inward(weights, self.w)
        self._inward(momentum, self.buffer)

    def show(self, x: np.ndarray) -> None:
        self.x, unit = _stored(x, self.kind)
        self.rules = self._rules(unit)

    def set_rates(self, alpha: float, lr: float) -> None:
        self.problem = replace(self.problem, alpha=alpha, lr=lr)
        self.rules = self._rules(float(self.rules.unit))

    def weights(self) -> np.ndarray:
        return self._outward(self.w)

    def momentum(self) -> np.ndarray:
        return self._outward(self.buffer)

    def train(self, order: np.ndarray, batch_size: int, replicate: np.ndarray) -> StepLog:
        order = self._checked(order)
        pairs, seeds = -(-len(order) // batch_size), len(self.w)
        logs = np.zeros((seeds, pairs)), np.zeros((seeds, pairs)), np.zeros(seeds, np.int64)
        x, y = self.x, self.y
        if seeds > 1:  # gathered once for all networks, which then read them one after the other
            x, y, order = x[order], y[order], np.arange(len(order))
        rooms = (
            self.room,
            self._batch_room(min(batch_size, len(order))),
            self._batch_room(len(order) % batch_size),
        )
        with flushed_denormals():
            self.run_train(
                self.state, (x, y), order, batch_size, self._steps(replicate),
                self.encoding, self.gram, self.rules, self.macro, rooms, logs,
            )  # fmt: skip
        return StepLog(logs[0].T, logs[1].T, logs[2])

    def replicate(self, steps: int) -> np.ndarray:
        losses = np.zeros((len(self.w), 1, steps))
        if self.problem.goal != "none":
            none = np.zeros((1, 0), self.kind)
            with flushed_denormals():
                for state, own in zip(self.state, losses, strict=True):
                    self.run_sweep(
                        state, none, none[0], own, self.encoding, self.gram, self.rules, self.room,
                        (0, self.blocks), False, False,
                    )  # fmt: skip
        return losses[:, 0].T

    def _steps(self, replicate: np.ndarray) -> np.ndarray:
        """Replication steps of a pair, ``(S,)``."""
        goal = 0 if self.problem.goal == "none" else self.problem.replication_steps
        return np.where(np.broadcast_to(replicate, len(self.w)), goal, 0).astype(np.int64)

    def _checked(self, order: np.ndarray) -> np.ndarray:
        order = np.ascontiguousarray(order, np.int64)
        if not _within(order, len(self.x)):
            raise IndexError(f"the order names rows that are not among {len(self.x)}")
        return order

    # --- layout ----------------------------------------------------------------------------

    def _inward(self, array: np.ndarray, room: np.ndarray) -> None:
        """``(S, n, P)`` into ``(S, parts, n, lanes)``, zeros past the last particle."""
        seeds, blocks, rows, lanes = room.shape
        padded = np.zeros((seeds, rows, blocks * lanes), self.kind)
        padded[..., : array.shape[2]] = array
        room[:] = padded.reshape(seeds, rows, blocks, lanes).transpose(0, 2, 1, 3)

    def _outward(self, array: np.ndarray) -> np.ndarray:
        seeds, _, rows, _ = array.shape
        whole = array.transpose(0, 2, 1, 3).reshape(seeds, rows, -1)
        return whole[..., : self.rules.particles].copy()

    def _rules(self, unit: float) -> Rules:
        problem = self.problem
        names = ("alpha", "lr", "replication_lr", "momentum", "goal_factor")
        number: Callable[..., Any] = self.kind
        return Rules(
            **{name: number(getattr(problem, name)) for name in names},
            unit=number(unit),
            neurons=neurons_of(len(problem.encoding)),
            particles=problem.shape.particles,
            multiply=problem.goal == "multiply",
            target_gradient=problem.target_gradient,
            shared_optimizer=problem.shared_optimizer,
        )

    def _block_room(self) -> BlockRoom:
        rows = (INPUTS, INPUTS, 4, self.rules.neurons, len(self.encoding))
        return BlockRoom(*(zeros((count, LANES), self.kind) for count in rows))

    def _batch_room(self, size: int) -> BatchRoom:
        sizes, width = self.problem.shape.sizes, _rounded(size)
        pixels, cells = _rounded(sizes[0]), sum(sizes[1:])
        shapes = [(width, pixels), (sizes[1], pixels), *[(cells, width)] * 3, *[(width,)] * 5]
        bits = np.zeros(width, self.index)
        whole = (bits, bits.view(self.kind), np.zeros(width, self.index))
        return BatchRoom._make([*(zeros(shape, self.kind) for shape in shapes), *whole])


def _macro(shape: MacroShape) -> Macro:
    skips = [shape.skip(layer) for layer in range(shape.depth)]
    rows = [0, *np.cumsum((0, *shape.sizes[1:-1]))]
    return Macro(
        np.array(shape.sizes),
        np.array(rows),
        np.array(shape.starts),
        np.array([-1 if source is None else source for source in skips]),
        _ACTIVATIONS[shape.activation],
    )


def _stored(x: np.ndarray, kind: type) -> tuple[np.ndarray, float]:
    """The images and the unit they are in: as bytes if they are whole multiples of 1/255, 1/16 or
    1 (to one float32 rounding), which is a quarter of the memory to read; else as they are."""
    for top in (255, 16, 1) if kind is np.float32 else ():
        unit, codes = np.float32(1 / top), np.empty(x.shape, np.uint8)
        for start in range(0, len(x), 4096):
            part = x[start : start + 4096]
            near = np.rint(part * np.float32(top))
            if not (near.min() >= 0 and near.max() <= 255):
                break
            if np.abs(near * unit - part).max() > 1e-7:
                break
            codes[start : start + 4096] = near
        else:
            return codes, float(unit)
    return np.ascontiguousarray(x, np.float32), 1.0


def zeros(shape: tuple[int, ...], kind: type) -> np.ndarray:
    """Zeros that start at a page of memory: vector instructions cross no cache line."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    room = np.zeros(size + PAGE, np.uint8)
    start = -room.ctypes.data % PAGE
    return room[start : start + size].view(kind).reshape(shape)


def _rounded(count: int) -> int:
    return -(-count // ROUND) * ROUND


def _within(index: np.ndarray, count: int) -> bool:
    return len(index) == 0 or (index.min() >= 0 and index.max() < count)


# --- compilation ---------------------------------------------------------------------------------


@cache
def kernels() -> tuple[Callable, Callable]:
    """``train`` and ``sweep``, see :func:`srnn.compiling.compiled`."""
    return (
        compiled(fused_kernels.train, fused_kernels.SOURCES, **OPTIONS),
        compiled(fused_kernels.sweep.py_func, fused_kernels.SOURCES, **OPTIONS),
    )


def try_out() -> None:
    """One step of a tiny MetaNet in float32, on bytes: whatever is not compiled yet is then."""
    shape = MacroShape(2, 2, 1, 2)
    x, y = np.ones((2, 2), np.float32), np.zeros(2, np.int64)
    encoding = np.zeros((weight_count(1), 3), np.float32)
    problem = Problem(shape, encoding, x, y, 1, 0, 0, 0, True, 1, True)
    state = np.zeros((1, weight_count(1), shape.particles))
    engine = FusedEngine(problem, state, state)
    engine.train(np.arange(2), 2, np.array([True]))
    engine.replicate(1)
