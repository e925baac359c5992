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
know where one network ends. Nothing in a step waits for the device.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from srnn.engines.base import Problem, StepLog, flushed_denormals
from srnn.particles import INPUTS, matrices


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
        self.w, self.buffer = self._inward(weights), self._inward(momentum)
        self.w1, self.w2, self.w3 = matrices(self.w)
        h, count = self.w3.shape
        make = self.w.new_empty
        self.half, self.v, self.g = make(h, count), make(5, count), make(5, count)
        self.first, self.second, self.whole = (
            make(h, INPUTS, count),
            make(h, h, count),
            make(self.w.shape),
        )
        # a replication optimizer of its own starts from rest at every call
        self.own = self.buffer if self.problem.shared_optimizer else torch.zeros_like(self.buffer)

    def weights(self) -> np.ndarray:
        return self._outward(self.w)

    def momentum(self) -> np.ndarray:
        return self._outward(self.buffer)

    def _inward(self, array: np.ndarray) -> Tensor:
        flat = np.moveaxis(np.asarray(array), 0, 1).reshape(array.shape[1], -1)
        return torch.tensor(np.ascontiguousarray(flat), dtype=self.dtype, device=self.device)

    def _outward(self, tensor: Tensor) -> np.ndarray:
        array = tensor.cpu().numpy().reshape(len(tensor), self.seeds, -1)
        return np.moveaxis(array, 1, 0).copy()

    # --- the two steps ---------------------------------------------------------------------

    @torch.no_grad()
    @flushed_denormals()
    def train(self, order: np.ndarray, batch_size: int, replicate: np.ndarray) -> StepLog:
        mask = None if replicate.all() else self._mask(replicate)
        idle = not replicate.any() or self.problem.replication_steps == 0
        nothing = self.w.new_zeros(self.seeds)
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
        each = torch.as_tensor(replicate, device=self.device).to(self.dtype)
        return each.repeat_interleave(self.w.shape[1] // self.seeds)

    def _replication_call(self, steps: int, mask: Tensor | None) -> list[Tensor]:
        if self.problem.goal == "none":
            return []
        if self.own is not self.buffer:
            self.own.zero_()
        step = self._multiply_step if self.problem.goal == "multiply" else self._replication_step
        return [step(mask) for _ in range(steps)]

    def _replication_step(self, mask: Tensor | None) -> Tensor:
        problem, w, v, g = self.problem, self.w, self.v, self.g
        self._composite()
        u, p = v[0] - 1, v[1:4]
        square = torch.mul(w, w, out=self.whole).sum(0)
        b = self.columns @ w
        bp = (b * p).sum(0)
        gp = self.gram @ p
        loss = u * (u * square + 2 * bp) + (p * gp).sum(0)
        scale = 2 * problem.alpha / w.shape[0]
        torch.addcmul(bp, u, square, out=g[0])
        torch.addcmul(gp, u, b, out=g[1:4])
        g[:4] *= scale
        direct = None
        if problem.target_gradient:
            direct = scale * u
            torch.mul(w, u, out=self.whole)
            self.whole.addmm_(self.encoding, p)
        losses = self._per_seed(loss).sum(1) * (problem.alpha / w.shape[0])
        return self._descend_goal(4, direct, losses, mask)

    def _multiply_step(self, mask: Tensor | None) -> Tensor:
        problem = self.problem
        self._composite()
        off = self.v[4] - problem.goal_factor
        losses = self._per_seed(off * off).sum(1) * problem.alpha
        self.g.zero_()
        torch.mul(off, 2 * problem.alpha, out=self.g[4])
        return self._descend_goal(INPUTS, None, losses, mask)

    def _descend_goal(
        self, channels: int, direct: Tensor | None, losses: Tensor, mask: Tensor | None
    ) -> Tensor:
        """Apply dL/dv of the first ``channels`` inputs, only on networks that are masked in."""
        lr = self.problem.replication_lr
        if mask is None:
            self._descend(self.own, lr, slice(0, channels), direct)
            return losses
        keep = mask.bool()
        before, old = self.w.clone(), self.own.clone()
        self._descend(self.own, lr, slice(0, channels), direct)
        self.w.copy_(torch.where(keep, self.w, before))
        self.own.copy_(torch.where(keep, self.own, old))
        return torch.where(self._per_seed(keep)[:, 0], losses, 0)

    def _task_step(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        self._composite(task_only=True)
        losses, right, gradient = self._macro(self._per_seed(self.v[4]), x, y)
        self.g[4] = gradient.reshape(-1)
        self._descend(self.buffer, self.problem.lr, slice(4, 5), None)
        return losses, right

    def _composite(self, task_only: bool = False) -> None:
        """``half = W3 W2`` and ``v = half W1`` (of channel 4 alone for the task)."""
        torch.mul(self.w2, self.w3.unsqueeze(1), out=self.second)
        torch.sum(self.second, 0, out=self.half)
        if task_only:
            torch.sum(self.w1[:, 4] * self.half, 0, out=self.v[4])
        else:
            torch.mul(self.w1, self.half.unsqueeze(1), out=self.first)
            torch.sum(self.first, 0, out=self.v)

    def _descend(self, buffer: Tensor, lr: float, channels: slice, direct: Tensor | None) -> None:
        """``buffer = momentum * buffer + gradient``, ``w -= lr * buffer``."""
        g, b1, b2, b3 = self.g[channels], *matrices(buffer)
        buffer *= self.problem.momentum
        if direct is not None:
            buffer.addcmul_(self.whole, direct)
        b1[:, channels].addcmul_(self.half.unsqueeze(1), g)
        back = (self.w1[:, channels] * g).sum(1)
        b2.addcmul_(self.w3.unsqueeze(1), back)
        b3 += torch.mul(self.w2, back, out=self.second).sum(1)
        self.w.add_(buffer, alpha=-lr)

    # --- the macro network -----------------------------------------------------------------

    def _per_seed(self, row: Tensor) -> Tensor:
        return row.view(self.seeds, -1)

    def _macro(self, scalars: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Loss ``(S,)``, right answers ``(S,)`` and the loss's gradient ``(S, P)``."""
        shape = self.problem.shape
        layers = list(shape.split(scalars))
        ins, outs = [x], []
        for layer, matrix in enumerate(layers):
            out = self._wide(ins[0], matrix) if layer == 0 else ins[layer] @ matrix.mT
            if layer < shape.depth - 1:
                out = _activate(out, shape.activation)
            outs.append(out)
            source = shape.skip(layer)
            ins.append(out if source is None else out + ins[source])
        top = torch.log_softmax(ins[-1], -1)
        right = (ins[-1].argmax(-1) == y).sum(-1)
        chosen = y.expand(self.seeds, -1).unsqueeze(-1)
        losses = -top.gather(-1, chosen).squeeze(-1).mean(-1)
        delta = top.exp_()
        delta.scatter_add_(-1, chosen, torch.full_like(delta[..., :1], -1.0))
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
            if layer == 0:  # one product for all networks, x is shared
                flat = delta.permute(0, 2, 1).reshape(-1, delta.shape[1])
                parts.append((flat @ ins[0]).view(self.seeds, -1))
                break
            parts.append((delta.mT @ ins[layer]).reshape(self.seeds, -1))
            delta = delta @ layers[layer]
            if layer in skipped:
                delta = delta + skipped.pop(layer)
        return torch.cat(parts[::-1], 1)

    def _wide(self, x: Tensor, matrix: Tensor) -> Tensor:
        """The first layer of all networks as one product: ``(S, B, out)``."""
        out = x @ matrix.reshape(-1, matrix.shape[-1]).T
        return out.view(len(x), self.seeds, -1).permute(1, 0, 2)


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
