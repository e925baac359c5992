"""The manual engine: all gradients written out, in place, on any device PyTorch knows.

Derivation. With ``a = W3 W2`` (h numbers) a particle's composite is ``v = a W1`` (5 numbers), and
both losses depend on the weights through v, so their gradient is the chain rule from ``g = dL/dv``:

    dW1[i, j] = a[i] g[j]        da[i] = sum_j W1[i, j] g[j]
    dW2[k, i] = W3[k] da[i]      dW3[k] = sum_i W2[k, i] da[i]

Replication, with ``S = sum w^2``, ``b = E^T w``, ``G = E^T E``, ``u = v[0] - 1``, ``p = v[1:4]``:

    loss = (u^2 S + 2 u b.p + p^T G p) / n       g[0] = 2 (u S + b.p) / n
                                                 g[1:4] = 2 (u b + G p) / n

and, if the gradient also flows through target and input, ``dw_i += 2 u (w_i u + E_i . p) / n``.
Task: dense layers of the scalar weights ``v[4]``, so ``g[4]`` is the dense weight's gradient and
all other entries are zero; only column 4 of W1 is touched.

Layout. Several networks are one longer particle axis, ``(n, S * P)``: the replication step does not
know where one network ends. On the CPU that axis is cut into blocks that fit the processor's cache,
which matters with several networks; a GPU has one block. Nothing in a step waits for the device.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from srnn.engines.base import Problem, StepLog, flushed_denormals
from srnn.particles import INPUTS, matrices

BLOCK_BYTES = 2 << 20
"""About the size of a block's weights on the CPU."""


class _Block:
    """Neighbouring particles: weights and momentum ``(n, C)``, views of their matrices, and room
    for what a step computes. A replication optimizer of its own has its own momentum."""

    def __init__(self, weights: Tensor, momentum: Tensor, shared: bool) -> None:
        self.w, self.buffer = weights.contiguous(), momentum.contiguous()
        self.own = self.buffer if shared else torch.zeros_like(self.buffer)
        self.w1, self.w2, self.w3 = matrices(self.w)
        h, count = self.w3.shape
        make = self.w.new_empty
        self.half, self.v, self.g = make(h, count), make(5, count), make(5, count)
        self.first, self.second = make(h, INPUTS, count), make(h, h, count)
        self.whole = make(self.w.shape)

    def composite(self, task_only: bool = False) -> None:
        """``half = W3 W2`` and ``v = half W1`` (of channel 4 alone for the task)."""
        torch.mul(self.w2, self.w3.unsqueeze(1), out=self.second)
        torch.sum(self.second, 0, out=self.half)
        if task_only:
            torch.sum(self.w1[:, 4] * self.half, 0, out=self.v[4])
        else:
            torch.mul(self.w1, self.half.unsqueeze(1), out=self.first)
            torch.sum(self.first, 0, out=self.v)

    def descend(self, buffer: Tensor, momentum: float, lr: float, channels: slice) -> None:
        """``buffer = momentum * buffer + gradient``, ``w -= lr * buffer``; the gradient follows
        from ``g = dL/dv`` of some channels."""
        g, b1, b2, b3 = self.g[channels], *matrices(buffer)
        if momentum != 1:
            buffer *= momentum
        b1[:, channels].addcmul_(self.half.unsqueeze(1), g)
        back = (self.w1[:, channels] * g).sum(1)
        b2.addcmul_(self.w3.unsqueeze(1), back)
        b3 += torch.mul(self.w2, back, out=self.second).sum(1)
        self.w.add_(buffer, alpha=-lr)


class ManualEngine:
    """See :class:`srnn.engines.base.Engine`."""

    name = "manual"

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
        self.columns = self.encoding.T.contiguous()
        self.gram = self.columns @ self.encoding
        self.x = torch.as_tensor(problem.x, dtype=dtype, device=device)
        self.y = torch.as_tensor(problem.y, device=device)
        self.seeds = len(weights)
        self.load(weights, momentum)

    # --- state -----------------------------------------------------------------------------

    def load(self, weights: np.ndarray, momentum: np.ndarray) -> None:
        states = self._inward(weights), self._inward(momentum)
        rows, count = states[0].shape
        bytes_each = rows * states[0].element_size()
        width = max(512, BLOCK_BYTES // bytes_each) if self.device == "cpu" else count
        shared = self.problem.shared_optimizer
        self.blocks = [
            _Block(*state, shared)
            for state in zip(*(s.split(width, 1) for s in states), strict=True)
        ]
        self.widths = [block.w.shape[1] for block in self.blocks]

    def weights(self) -> np.ndarray:
        return self._outward([block.w for block in self.blocks])

    def momentum(self) -> np.ndarray:
        return self._outward([block.buffer for block in self.blocks])

    def _inward(self, array: np.ndarray) -> Tensor:
        flat = np.moveaxis(np.asarray(array), 0, 1).reshape(array.shape[1], -1)
        return torch.tensor(np.ascontiguousarray(flat), dtype=self.dtype, device=self.device)

    def _outward(self, parts: list[Tensor]) -> np.ndarray:
        array = torch.cat(parts, 1).cpu().numpy()
        return np.moveaxis(array.reshape(len(array), self.seeds, -1), 1, 0).copy()

    # --- the two steps ---------------------------------------------------------------------

    @torch.no_grad()
    @flushed_denormals()
    def train(self, order: np.ndarray, batch_size: int, replicate: np.ndarray) -> StepLog:
        mask = None if replicate.all() else self._mask(replicate)
        idle = not replicate.any() or self.problem.replication_steps == 0
        nothing = self.encoding.new_zeros(self.seeds)
        rows = torch.as_tensor(order, device=self.device)
        correct = torch.zeros(self.seeds, dtype=torch.int64, device=self.device)
        replication, task = [], []
        for batch in rows.split(batch_size):
            losses = [] if idle else self._replication_call(self.problem.replication_steps, mask)
            replication.append(losses[0] if losses else nothing)
            loss, right = self._task_step(self.x.index_select(0, batch), self.y[batch])
            task.append(loss)
            correct += right
        return StepLog(_table(replication), _table(task), correct.cpu().numpy())

    @torch.no_grad()
    @flushed_denormals()
    def replicate(self, steps: int) -> np.ndarray:
        losses = self._replication_call(steps, None)
        return _table(losses) if losses else np.zeros((steps, self.seeds))

    def _mask(self, replicate: np.ndarray) -> Tensor:
        each = torch.as_tensor(replicate, device=self.device)
        return each.repeat_interleave(sum(self.widths) // self.seeds)

    def _replication_call(self, steps: int, mask: Tensor | None) -> list[Tensor]:
        """Losses ``(S,)`` of every step; only networks that are masked in make it."""
        if self.problem.goal == "none":
            return []
        step = self._multiply_step if self.problem.goal == "multiply" else self._replication_step
        keeps = [None] * len(self.blocks) if mask is None else mask.split(self.widths)
        rows: list[list[Tensor]] = [[] for _ in range(steps)]
        for block, keep in zip(self.blocks, keeps, strict=True):
            if block.own is not block.buffer:
                block.own.zero_()
            for row in rows:
                before = None if keep is None else (block.w.clone(), block.own.clone())
                loss = step(block)
                if before is not None:
                    block.w.copy_(torch.where(keep, block.w, before[0]))
                    block.own.copy_(torch.where(keep, block.own, before[1]))
                    loss = torch.where(keep, loss, 0)
                row.append(loss)
        return [self._per_seed(torch.cat(row)).sum(1) * self.problem.alpha for row in rows]

    def _replication_step(self, block: _Block) -> Tensor:
        problem, w, g = self.problem, block.w, block.g
        block.composite()
        u, p = block.v[0] - 1, block.v[1:4]
        square = torch.mul(w, w, out=block.whole).sum(0)
        b = self.columns @ w
        bp = (b * p).sum(0)
        gp = self.gram @ p
        loss = u * (u * square + 2 * bp) + (p * gp).sum(0)
        scale = 2 * problem.alpha / w.shape[0]
        torch.addcmul(bp, u, square, out=g[0])
        torch.addcmul(gp, u, b, out=g[1:4])
        g[:4] *= scale
        momentum = problem.momentum
        if problem.target_gradient:  # the direct term, 2 u (w_i u + E_i . p) / n
            block.own.addmm_(self.encoding, scale * u * p, beta=momentum)
            block.own.addcmul_(w, scale * u * u)
            momentum = 1.0
        block.descend(block.own, momentum, problem.replication_lr, slice(0, 4))
        return loss / w.shape[0]

    def _multiply_step(self, block: _Block) -> Tensor:
        problem = self.problem
        block.composite(task_only=True)
        off = block.v[4] - problem.goal_factor
        torch.mul(off, 2 * problem.alpha, out=block.g[4])
        block.descend(block.own, problem.momentum, problem.replication_lr, slice(4, 5))
        return off * off

    def _task_step(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        for block in self.blocks:
            block.composite(task_only=True)
        scalars = self._per_seed(torch.cat([block.v[4] for block in self.blocks]))
        losses, right, gradient = self._macro(scalars, x, y)
        for block, part in zip(self.blocks, gradient.reshape(-1).split(self.widths), strict=True):
            block.g[4] = part
            block.descend(block.buffer, self.problem.momentum, self.problem.lr, slice(4, 5))
        return losses, right

    # --- the macro network -----------------------------------------------------------------

    def _per_seed(self, row: Tensor) -> Tensor:
        return row.view(self.seeds, -1)

    def _macro(self, scalars: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Loss ``(S,)``, right answers ``(S,)`` and the loss's gradient ``(S, P)``. Layers are
        ``(S, cells, batch)``: the long axis last, also here."""
        shape = self.problem.shape
        layers = list(shape.split(scalars))
        ins, outs = [x.T], []
        for layer, matrix in enumerate(layers):
            if layer == 0:  # one product for all networks, x is shared
                out = (matrix.reshape(-1, matrix.shape[-1]) @ ins[0]).view(self.seeds, -1, len(x))
            else:
                out = matrix @ ins[layer]
            if layer < shape.depth - 1:
                out = _activate(out, shape.activation)
            outs.append(out)
            source = shape.skip(layer)
            ins.append(out if source is None else out + ins[source])
        top = torch.log_softmax(ins[-1], 1)
        right = (ins[-1].max(1).indices == y).sum(-1)
        chosen = y.expand(self.seeds, 1, -1)
        losses = -top.gather(1, chosen).squeeze(1).mean(-1)
        delta = top.exp_()
        delta.scatter_add_(1, chosen, torch.full_like(delta[:, :1], -1.0))
        delta /= len(y)
        return losses, right, self._macro_backward(delta, layers, ins, outs)

    def _macro_backward(
        self, delta: Tensor, layers: list[Tensor], ins: list[Tensor], outs: list[Tensor]
    ) -> Tensor:
        shape, parts = self.problem.shape, []
        skipped: dict[int, Tensor] = {}
        for layer in reversed(range(shape.depth)):
            source = shape.skip(layer)
            if source is not None:
                skipped[source] = delta
            if layer < shape.depth - 1:
                delta = _through_activation(delta, outs[layer], shape.activation)
            if layer == 0:
                flat = delta.reshape(-1, delta.shape[-1]) @ ins[0].T
                parts.append(flat.view(self.seeds, -1))
                break
            parts.append((delta @ ins[layer].mT).reshape(self.seeds, -1))
            delta = layers[layer].mT @ delta
            if layer in skipped:
                delta = delta + skipped.pop(layer)
        return torch.cat(parts[::-1], 1)


def _activate(x: Tensor, activation: str) -> Tensor:
    return x if activation == "none" else getattr(torch, activation)(x)


def _through_activation(delta: Tensor, out: Tensor, activation: str) -> Tensor:
    if activation == "relu":
        return delta * (out > 0)
    if activation == "tanh":
        return delta * (1 - out * out)
    return delta


def _table(rows: list[Tensor]) -> np.ndarray:
    return torch.stack(rows).cpu().numpy().astype(np.float64)
