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

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from srnn.engines.base import StepLog, TorchEngine, flushed_denormals, stacked
from srnn.metanet import ACTIVATIONS, layer_values
from srnn.particles import matrices

BLOCK_BYTES = 2 << 20
"""The size of a block's weights on the CPU, at most."""

ITSELF, TASK = slice(0, 4), slice(4, 5)
"""The channels that a particle reads about itself, and the one of the macro network."""


class _Weights(NamedTuple):
    """One number per weight ``(n, C)``, and its views as the three matrices."""

    all: Tensor
    first: Tensor
    second: Tensor
    third: Tensor

    @classmethod
    def of(cls, numbers: Tensor) -> _Weights:
        return cls(numbers, *matrices(numbers))


class _Block:
    """Neighbouring particles: weights, momentum, and columns of the engine's ``v`` and ``g``. A
    replication optimizer of its own has its own momentum. ``room`` is for what an operation leaves
    to the next one; all blocks share it, so that it stays in the cache."""

    def __init__(
        self, w: Tensor, momentum: Tensor, v: Tensor, g: Tensor, room: Tensor, shared: bool
    ) -> None:
        self.w, self.v, self.g = _Weights.of(w.contiguous()), v, g
        self.momentum = _Weights.of(momentum.contiguous())
        self.own = self.momentum if shared else _Weights.of(torch.zeros_like(self.w.all))
        self.room = _Weights.of(room[: w.numel()].view(w.shape))
        self.a = torch.empty_like(self.w.third)

    def composite(self, channels: slice) -> None:
        """``a = W3 W2`` and ``v = a W1`` of some channels."""
        w, room, product = self.w, self.room, self.room.first[:, channels]
        torch.mul(w.second, w.third.unsqueeze(1), out=room.second)
        torch.sum(room.second, 0, out=self.a)
        torch.mul(w.first[:, channels], self.a.unsqueeze(1), out=product)
        torch.sum(product, 0, out=self.v[channels])

    def descend(self, momentum: _Weights, lr: float, channels: slice) -> None:
        """Add the gradient, which follows from ``g = dL/dv`` of some channels, to the momentum
        (decayed already), and that, times ``-lr``, to the weights."""
        w, room, g, product = self.w, self.room, self.g[channels], self.room.first[:, channels]
        momentum.first[:, channels].addcmul_(self.a.unsqueeze(1), g)
        torch.mul(w.first[:, channels], g, out=product)
        back = torch.sum(product, 1, out=room.third)
        momentum.second.addcmul_(w.third.unsqueeze(1), back)
        torch.mul(w.second, back, out=room.second)
        momentum.third.add_(torch.sum(room.second, 1, out=back))
        w.all.add_(momentum.all, alpha=-lr)


class ManualEngine(TorchEngine):
    """See :class:`srnn.engines.base.Engine`."""

    name = "manual"

    @torch.inference_mode()
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.columns = self.encoding.T.contiguous()
        self.gram = self.columns @ self.encoding
        outputs = self.problem.shape.sizes[-1]
        self.ranks = torch.arange(outputs, 0, -1, dtype=self.dtype, device=self.device)

    # --- state -----------------------------------------------------------------------------

    @torch.inference_mode()
    def load(self, weights: np.ndarray, momentum: np.ndarray) -> None:
        states = self._inward(weights), self._inward(momentum)
        rows, count = states[0].shape
        size = rows * count * states[0].element_size()
        blocks = -(-size // BLOCK_BYTES) if self.device == "cpu" else 1
        width = -(-count // (16 * blocks)) * 16  # equal blocks of whole cache lines
        self.v, self.g = (states[0].new_zeros(5, count) for _ in range(2))
        room = states[0].new_empty(rows * min(width, count))
        parts = (part.split(width, 1) for part in (*states, self.v, self.g))
        shared = self.problem.shared_optimizer
        self.blocks = [
            _Block(w, momentum, v, g, room, shared)
            for w, momentum, v, g in zip(*parts, strict=True)
        ]
        self.widths = [block.v.shape[1] for block in self.blocks]

    def weights(self) -> np.ndarray:
        return self._outward([block.w.all for block in self.blocks])

    def momentum(self) -> np.ndarray:
        return self._outward([block.momentum.all for block in self.blocks])

    def _inward(self, array: np.ndarray) -> Tensor:
        flat = np.moveaxis(np.asarray(array), 0, 1).reshape(array.shape[1], -1)
        return torch.tensor(np.ascontiguousarray(flat), dtype=self.dtype, device=self.device)

    def _outward(self, parts: list[Tensor]) -> np.ndarray:
        array = torch.cat(parts, 1).cpu().numpy()
        return np.moveaxis(array.reshape(len(array), self.seeds, -1), 1, 0).copy()

    # --- the two steps ---------------------------------------------------------------------

    @torch.inference_mode()
    @flushed_denormals()
    def train(self, order: np.ndarray, batch_size: int, replicate: np.ndarray) -> StepLog:
        mask = None if replicate.all() else self._mask(replicate)
        steps = self.problem.replication_steps if replicate.any() else 0
        rows = torch.as_tensor(order, device=self.device)
        correct = torch.zeros(self.seeds, dtype=torch.int64, device=self.device)
        replication, task = [], []
        for number, batch in enumerate(rows.split(batch_size)):
            losses = self._sweep(number > 0, steps, mask)
            replication.append(losses[0] if losses else self.encoding.new_zeros(self.seeds))
            x, y = self.x.index_select(0, batch), self.y.index_select(0, batch)
            loss, right = self._macro(x, y)
            task.append(loss)
            correct += right
        self._sweep(True, 0, None)
        return StepLog(stacked(replication), stacked(task), correct.cpu().numpy())

    @torch.inference_mode()
    @flushed_denormals()
    def replicate(self, steps: int) -> np.ndarray:
        losses = self._sweep(False, steps, None)
        return stacked(losses) if losses else np.zeros((steps, self.seeds))

    def _mask(self, replicate: np.ndarray) -> Tensor:
        each = torch.as_tensor(replicate, device=self.device)
        return each.repeat_interleave(self.v.shape[1] // self.seeds)

    def _sweep(self, descend: bool, steps: int, mask: Tensor | None) -> list[Tensor]:
        """All that happens between two passes of the macro network, block by block, so that a
        block comes into the cache once: the task's update along the gradient in ``g``, the
        replication steps, and the new scalar weights, into ``v``. Returns the losses ``(S,)`` of
        every step."""
        keeps = [None] * len(self.blocks) if mask is None else mask.split(self.widths)
        rows = []
        for block, keep in zip(self.blocks, keeps, strict=True):
            if descend:
                block.momentum.all.mul_(self.problem.momentum)
                block.descend(block.momentum, self.problem.lr, TASK)
            rows.append(self._replication_call(block, steps, keep))
            block.composite(TASK)
        return [self._per_seed(torch.cat(row)).sum(1) for row in zip(*rows, strict=True)]

    def _replication_call(self, block: _Block, steps: int, keep: Tensor | None) -> list[Tensor]:
        """Losses ``(C,)`` of every step; only particles that are masked in make it."""
        if self.problem.goal == "none":
            return []
        step = {
            "self-replication": self._replication_step,
            "permuted": self._permuted_step,
            "multiply": self._multiply_step,
        }[self.problem.goal]
        if block.own is not block.momentum:
            block.own.all.zero_()
        losses = []
        for _ in range(steps):
            if keep is None:
                losses.append(step(block))
                continue
            before = block.w.all.clone(), block.own.all.clone()
            loss = step(block)
            for now, then in zip((block.w.all, block.own.all), before, strict=True):
                now.copy_(torch.where(keep, now, then))
            losses.append(torch.where(keep, loss, 0))
        return losses

    def _replication_step(self, block: _Block) -> Tensor:
        problem, w, momentum = self.problem, block.w.all, block.own.all
        block.composite(ITSELF)
        d, g = block.v[ITSELF], block.g[ITSELF]
        u, p = d[0].sub_(1), d[1:]
        square = torch.mul(w, w, out=block.room.all).sum(0)
        b = self.columns @ w
        torch.addcmul((b * p).sum(0), u, square, out=g[0])
        torch.mm(self.gram, p, out=g[1:]).addcmul_(b, u)
        loss = (d * g).sum(0)
        scale = 2 * problem.alpha / len(w)
        g *= scale
        if problem.target_gradient:  # the direct term, 2 u (w_i u + E_i . p) / n
            push = d * (u * scale)
            momentum.addmm_(self.encoding, push[1:], beta=problem.momentum)
            momentum.addcmul_(w, push[0])
        else:
            momentum *= problem.momentum
        block.descend(block.own, problem.replication_lr, ITSELF)
        return loss.mul_(problem.alpha / len(w))

    def _permuted_step(self, block: _Block) -> Tensor:
        """A control: the target is a permuted copy of the weights, so no closed form is used."""
        problem, w, momentum = self.problem, block.w.all, block.own.all
        block.composite(ITSELF)
        v = block.v[ITSELF]
        rest = w * v[0] + self.encoding @ v[1:] - w[self.order]
        loss = rest.square().mean(0).mul_(problem.alpha)
        rest *= 2 * problem.alpha / len(w)
        block.g[0] = (rest * w).sum(0)
        torch.mm(self.columns, rest, out=block.g[1:4])
        momentum *= problem.momentum
        if problem.target_gradient:
            momentum.addcmul_(rest, v[0]).index_add_(0, self.order, rest, alpha=-1)
        block.descend(block.own, problem.replication_lr, ITSELF)
        return loss

    def _multiply_step(self, block: _Block) -> Tensor:
        problem = self.problem
        block.composite(TASK)
        off = block.v[4] - problem.goal_factor
        torch.mul(off, 2 * problem.alpha, out=block.g[4])
        block.own.all.mul_(problem.momentum)
        block.descend(block.own, problem.replication_lr, TASK)
        return off.square_().mul_(problem.alpha)

    # --- the macro network -----------------------------------------------------------------

    def _per_seed(self, row: Tensor) -> Tensor:
        return row.view(self.seeds, -1)

    def _macro(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Loss ``(S,)`` and right answers ``(S,)``; the loss's gradient goes into ``g``. Layers
        are ``(S, cells, batch)``: the long axis last, also here."""
        shape = self.problem.shape
        layers, activation = shape.split(self._per_seed(self.v[4])), ACTIVATIONS[shape.activation]
        outs = list[Tensor]()

        def sums(layer: int, x: Tensor) -> Tensor:
            if layer:
                return layers[layer] @ x
            flat = layers[0].reshape(-1, len(x)) @ x  # one product for all networks, x is shared
            return flat.view(self.seeds, -1, x.shape[-1])

        def activate(layer: int, sums: Tensor) -> Tensor:
            outs.append(sums if activation is None else activation(sums))
            return outs[layer]

        ins = layer_values(x.T, shape, sums, activate)
        losses, right, delta = self._cross_entropy(ins[-1], y)
        parts = self._macro_backward(delta, layers, ins, outs)
        torch.cat(parts, 1, out=self._per_seed(self.g[4]))
        return losses, right

    def _cross_entropy(self, logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Loss ``(S,)``, right answers ``(S,)``, and the loss's gradient, of the logits' shape."""
        chosen = y.expand(self.seeds, 1, -1)
        delta = logits - logits.amax(1, keepdim=True)
        margin = delta.gather(1, chosen)
        # rank of the first largest logit: quicker than an argmax over an axis that is not the last
        answer = torch.add(self.ranks[:, None], delta.sign(), alpha=len(self.ranks)).amax(1)
        right = (answer == self.ranks.index_select(0, y)).sum(1)
        total = delta.exp_().sum(1, keepdim=True)
        loss = (total.log() - margin).mean((1, 2))
        delta /= total * len(y)
        delta.scatter_add_(1, chosen, torch.full_like(margin, -1 / len(y)))
        return loss, right, delta

    def _macro_backward(
        self, delta: Tensor, layers: list[Tensor], ins: list[Tensor], outs: list[Tensor]
    ) -> list[Tensor]:
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
            if layer in skipped:
                delta = torch.baddbmm(skipped.pop(layer), layers[layer].mT, delta)
            else:
                delta = layers[layer].mT @ delta
        return parts[::-1]


def _through_activation(delta: Tensor, out: Tensor, activation: str) -> Tensor:
    if activation == "relu":
        return delta * (out > 0)
    if activation == "tanh":
        return delta * (1 - out * out)
    return delta
