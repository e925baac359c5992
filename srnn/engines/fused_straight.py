"""What a step pair does to the particles of a wide network, as one straight line of instructions.

In :mod:`srnn.engines.fused_particles` each formula is a loop of its own, whose results go through
the processor's cache. Here h is known when the code is made: the formulas follow each other without
a loop, the compiler makes vectors of a strip's lanes, and most results stay in registers. That
takes half the time at h = 2, two thirds at 4, five sixths at 6, and nothing is won above, where
registers run out. Each h is compiled by itself, in one to four seconds.

:func:`particle` is run once, when the code is made, on :class:`Number`: its operators are
instructions. Sums and products are rounded as they are written there, so that the bits are the same
wherever a training is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from srnn.engines.fused_particles import LANES, block_rows

STRIP = 16
"""Lanes whose rows lie together in memory: they are one vector or a few, and memory is read from
its beginning to its end."""

AHEAD = 8
"""Strips by which memory is asked for before its turn comes: large networks wait for nothing else,
and small ones after the dense layers have used the cache."""

LARGEST = 6
"""Neurons up to which straight code is faster."""

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
"""How it is compiled: numba would let sums be reordered everywhere, or nowhere."""


class Number:
    """A number that is known when the code runs."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder, self.value = builder, value

    def __add__(self, other: Number) -> Number:
        return Number(self.builder, self.builder.fadd(self.value, other.value))

    def __mul__(self, other: Number) -> Number:
        return Number(self.builder, self.builder.fmul(self.value, other.value))

    def plus(self, *products: tuple[Number, Number]) -> Number:
        """The sum with products, added one after the other, each in one instruction."""
        number, kind = self.value, self.value.type
        fused = self.builder.module.declare_intrinsic(
            "llvm.fmuladd", [kind], ir.FunctionType(kind, [kind] * 3)
        )
        for a, b in products:
            number = self.builder.call(fused, [a.value, b.value, number])
        return Number(self.builder, number)


class Rows(dict[int, Number]):
    """Rows of a strip from ``first`` on, at one lane: each is loaded where it is first needed."""

    def __init__(self, builder: ir.IRBuilder, data: ir.Value, lane: ir.Value, first: int) -> None:
        self.builder, self.data, self.lane, self.first = builder, data, lane, first

    def __missing__(self, row: int) -> Number:
        self[row] = number = Number(self.builder, self.builder.load(self._place(row)))
        return number

    def several(self, rows: Iterable[int]) -> list[Number]:
        return [self[row] for row in rows]

    def store(self, row: int) -> None:
        self.builder.store(self[row].value, self._place(row))

    def fetch(self, row: int) -> None:
        """Begin to bring a row into the second-level cache."""
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        call = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")
        place = self.builder.bitcast(self._place(row), cgutils.voidptr_t)
        self.builder.call(call, [place, number(0), number(2), number(1)])

    def _place(self, row: int) -> ir.Value:
        offset = self.lane.type((self.first + row) * STRIP)
        return self.builder.gep(self.data, [self.builder.add(self.lane, offset)])


class Shared(NamedTuple):
    """What all particles share: ``scale = 2 alpha / n``; the learning rates are negative."""

    encoding: list[list[Number]]
    gram: list[list[Number]]
    scale: Number
    lr: Number
    replication_lr: Number
    momentum: Number
    minus_one: Number


def dot(a: Sequence[Number], b: Sequence[Number]) -> Number:
    """The sum of their products, from the first to the last."""
    (one, other), *rest = zip(a, b, strict=True)
    return (one * other).plus(*rest)


def particle(
    w: Rows, m: Rows, more: Rows, h: int, shared: Shared, after: bool, replicate: bool
) -> None:
    """The task's descent (if ``after`` one), a replication step (if it is to ``replicate``), then
    ``half`` and the scalar weight, of the weights ``w``, their momentum ``m`` and the rows
    ``more`` of one particle. The mathematics is that of :mod:`srnn.engines.fused`."""
    cells, inputs = range(h), range(5)
    first = [[5 * i + c for c in inputs] for i in cells]
    second = [[5 * h + h * k + i for i in cells] for k in cells]
    third = [5 * h + h * h + k for k in cells]
    upper = [r for out, row in zip(third, second, strict=True) for r in (*row, out)]
    everything = [*upper, *range(5 * h)]
    slope, scalar, loss = h, h + 1, h + 2
    momentum, encoding, sums = shared.momentum, shared.encoding, list[Number]()

    def sum_up(r: int) -> None:  # S = sum w^2 and b = E^T w, as far as they go
        factors = [w[r], *encoding[r]]
        if sums:
            sums[:] = [one.plus((w[r], factor)) for one, factor in zip(sums, factors, strict=True)]
        else:
            sums[:] = [w[r] * factor for factor in factors]

    def lead_back() -> list[Number]:  # half = W3 W2
        out = w.several(third)
        return [dot(out, w.several(column)) for column in zip(*second, strict=True)]

    half = more.several(cells) if after else lead_back()
    if after:
        g, lr = more[slope], shared.lr
        back = [w[first[i][4]] * g for i in cells]
        for k, out in enumerate(third):
            m[out] = (momentum * m[out]).plus(*zip(w.several(second[k]), back, strict=True))
            for i, r in enumerate(second[k]):
                m[r] = (momentum * m[r]).plus((w[out], back[i]))
                w[r] = w[r].plus((lr, m[r]))
                sum_up(r)
            w[out] = w[out].plus((lr, m[out]))
            sum_up(out)
        for i in cells:
            for c, r in enumerate(first[i]):
                m[r] = momentum * m[r]
                if c == 4:
                    m[r] = m[r].plus((half[i], g))
                w[r] = w[r].plus((lr, m[r]))
                sum_up(r)
        half = lead_back()
    elif replicate:
        for r in everything:
            sum_up(r)
    if replicate:
        (square, *b), scale, lr = sums, shared.scale, shared.replication_lr
        v = [dot(half, w.several(first[i][c] for i in cells)) for c in range(4)]
        u, p = v[0] + shared.minus_one, v[1:]
        q, bp = [dot(row, p) for row in shared.gram], dot(b, p)
        more[loss] = dot([u, u, *p], [u * square, bp + bp, *q])
        more.store(loss)
        gradient = [scale * bp.plus((u, square))]
        gradient += [scale * q[c].plus((u, b[c])) for c in range(3)]
        direct = [scale * u * one for one in (u, *p)]

        def pushed(r: int) -> Number:  # by the direct term 2 u (w_r u + E_r . p) / n
            return (momentum * m[r]).plus(*zip((w[r], *encoding[r]), direct, strict=True))

        back = [dot(w.several(first[i][:4]), gradient) for i in cells]
        for i in cells:
            for c, r in enumerate(first[i]):
                m[r] = pushed(r)
                if c < 4:
                    m[r] = m[r].plus((half[i], gradient[c]))
                w[r] = w[r].plus((lr, m[r]))
        for k, out in enumerate(third):
            m[out] = pushed(out).plus(*zip(w.several(second[k]), back, strict=True))
            for i, r in enumerate(second[k]):
                m[r] = pushed(r).plus((w[out], back[i]))
                w[r] = w[r].plus((lr, m[r]))
            w[out] = w[out].plus((lr, m[out]))
        half = lead_back()
    if after or replicate:
        for r in everything:
            w.store(r)
            m.store(r)
    more[scalar] = dot(half, w.several(first[i][4] for i in cells))
    more.update(enumerate(half))
    for row in (*cells, scalar):
        more.store(row)


@intrinsic(prefer_literal=True)
def block_step(
    typing, state, k, encoding, gram, rates, like, after, replicate
) -> tuple[Any, Callable[..., ir.Value]]:
    """:func:`particle` for all lanes of block ``k``, which is ``LANES / STRIP`` strips. ``rates``
    are alpha, the learning rates of task and replication, and momentum; h is the length of the
    tuple ``like`` and so belongs to its type; ``after`` and ``replicate`` are literally True or
    False."""
    h, flags = len(like), (after.literal_value, replicate.literal_value)
    n = h * (h + 6)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> ir.Value:
        def data(index: int) -> ir.Value:
            array = context.make_array(signature.args[index])
            return array(context, builder, arguments[index]).data

        def table(index: int, rows: int) -> list[list[Number]]:
            places = (builder.gep(data(index), [whole(at)]) for at in range(3 * rows))
            flat = [Number(builder, builder.load(place)) for place in places]
            return [flat[at : at + 3] for at in range(0, 3 * rows, 3)]

        alpha, lr, replication_lr, momentum = (
            Number(builder, value) for value in cgutils.unpack_tuple(builder, arguments[4])
        )
        kind, whole = alpha.value.type, arguments[1].type
        minus_one, each = Number(builder, kind(-1)), Number(builder, kind(2 / n))
        shared = Shared(
            table(2, n),
            table(3, 3),
            alpha * each,
            minus_one * lr,
            minus_one * replication_lr,
            momentum,
            minus_one,
        )
        start = builder.mul(arguments[1], whole(block_rows(h) * LANES))
        with cgutils.for_range(builder, whole(LANES // STRIP)) as strip:
            first = builder.add(start, builder.mul(strip.index, whole(block_rows(h) * STRIP)))
            later = Rows(builder, data(0), first, AHEAD * block_rows(h))
            for row in range(block_rows(h)):
                later.fetch(row)
            with cgutils.for_range(builder, whole(STRIP)) as loop:
                lane = builder.add(first, loop.index)
                w, m, more = (Rows(builder, data(0), lane, at) for at in (0, n, 2 * n))
                particle(w, m, more, h, shared, *flags)
        return context.get_dummy_value()

    return types.void(state, k, encoding, gram, rates, like, after, replicate), code


def straight_sweep(state, slopes, scalars, losses, encoding, gram, rates, like, part, after, then):
    """What :func:`srnn.engines.fused_wide.sweep` does, for a shared momentum buffer and the coupled
    replication loss; ``state (strips, rows, STRIP)``; ``rates`` and ``like`` as for
    :func:`block_step`."""
    h, steps = len(like), losses.shape[1]
    n, each = h * (h + 6), LANES // STRIP
    slope, scalar, loss = 2 * n + h, 2 * n + h + 1, 2 * n + h + 2
    if state.shape[2] != STRIP:  # never; it tells the compiler how far rows are apart
        return
    for k in range(part[0], part[1]):
        if after:
            for strip in range(k * each, (k + 1) * each):
                for j in range(STRIP):
                    state[strip, slope, j] = slopes[0, strip * STRIP + j]
                for c in range(1, len(slopes)):
                    for j in range(STRIP):
                        state[strip, slope, j] += slopes[c, strip * STRIP + j]
        if after and steps > 0:
            block_step(state, k, encoding, gram, rates, like, True, True)
        elif after:
            block_step(state, k, encoding, gram, rates, like, True, False)
        elif steps > 0:
            block_step(state, k, encoding, gram, rates, like, False, True)
        else:
            block_step(state, k, encoding, gram, rates, like, False, False)
        for step in range(steps):
            if step > 0:
                block_step(state, k, encoding, gram, rates, like, False, True)
            total = 0.0
            for strip in range(k * each, (k + 1) * each):
                for j in range(STRIP):
                    total += state[strip, loss, j]
            losses[k, step] = total * rates[0] / n
        if then:
            for strip in range(k * each, (k + 1) * each):
                for j in range(STRIP):
                    scalars[strip * STRIP + j] = state[strip, scalar, j]
