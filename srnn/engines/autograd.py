"""The autograd engine: the losses as they are defined, PyTorch does the rest.

Slow and plain: it writes out self-application instead of the closed form and uses
``torch.optim.SGD``. It is what every other engine is compared with, and it runs on any device and
with any option.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from srnn.engines.base import StepLog, TorchEngine, batches, stacked
from srnn.metanet import forward
from srnn.particles import composite, scalar_weights


class AutogradEngine(TorchEngine):
    """See :class:`srnn.engines.base.Engine`; weights are kept as ``(S, n, P)``."""

    name = "autograd"

    def load(self, weights: np.ndarray, momentum: np.ndarray) -> None:
        self._weights = torch.tensor(weights, dtype=self.dtype, device=self.device)
        self._weights.requires_grad_(True)
        self._momentum = torch.tensor(momentum, dtype=self.dtype, device=self.device)

    def weights(self) -> np.ndarray:
        return self._weights.detach().cpu().numpy().copy()

    def momentum(self) -> np.ndarray:
        return self._momentum.cpu().numpy().copy()

    def train(self, order: np.ndarray, batch_size: int, replicate: np.ndarray) -> StepLog:
        mask = torch.as_tensor(replicate, device=self.device)
        replication, task, correct = [], [], torch.zeros(len(replicate), device=self.device)
        for rows in batches(order, batch_size):
            losses = self._replication_call(self.problem.replication_steps, mask)
            replication.append(losses[0] if losses else torch.zeros_like(correct))
            index = torch.as_tensor(rows, device=self.device)
            loss, right = self._task_step(self.x[index], self.y[index])
            task.append(loss)
            correct += right
        return StepLog(stacked(replication), stacked(task), correct.cpu().numpy().astype(np.int64))

    def replicate(self, steps: int) -> np.ndarray:
        everyone = torch.ones(len(self._weights), dtype=torch.bool, device=self.device)
        losses = self._replication_call(steps, everyone)
        return stacked(losses) if losses else np.zeros((steps, len(self._weights)))

    def _replication_call(self, steps: int, mask: Tensor) -> list[Tensor]:
        """``steps`` replication steps: on the shared buffer, or on one of their own."""
        problem = self.problem
        if problem.goal == "none" or not mask.any():
            return []
        buffer = self._momentum if problem.shared_optimizer else torch.zeros_like(self._momentum)
        losses = []
        for _ in range(steps):
            loss = problem.alpha * self._goal_loss().sum(-1)
            (gradient,) = torch.autograd.grad(loss.sum(), self._weights)
            self._sgd(gradient, buffer, problem.replication_lr, mask)
            losses.append(torch.where(mask, loss.detach(), 0))
        return losses

    def _goal_loss(self) -> Tensor:
        """Loss of every particle, ``(S, P)``."""
        weights, problem = self._weights, self.problem
        if problem.goal == "multiply":  # over normal inputs x: E[(v4 x - c x)^2] = (v4 - c)^2
            return (scalar_weights(weights) - problem.goal_factor) ** 2
        asked = weights if problem.target_gradient else weights.detach()
        v = composite(weights)
        output = asked * v[..., :1, :] + self.encoding @ v[..., 1:4, :]
        target = asked if problem.goal == "self-replication" else asked[..., self.order, :]
        return ((output - target) ** 2).mean(-2)

    def _task_step(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        logits = forward(scalar_weights(self._weights), x, self.problem.shape)
        losses = torch.stack([cross_entropy(one, y) for one in logits])
        (gradient,) = torch.autograd.grad(losses.sum(), self._weights)
        self._sgd(gradient, self._momentum, self.problem.lr, None)
        return losses.detach(), (logits.argmax(-1) == y).sum(-1)

    def _sgd(self, gradient: Tensor, buffer: Tensor, lr: float, mask: Tensor | None) -> None:
        """SGD with momentum as ``torch.optim.SGD`` defines it, in place; only where masked in."""
        with torch.no_grad():
            new = self.problem.momentum * buffer + gradient
            step = lr * new
            if mask is not None:
                keep = mask[:, None, None]
                new, step = torch.where(keep, new, buffer), torch.where(keep, step, 0)
            buffer.copy_(new)
            self._weights -= step
