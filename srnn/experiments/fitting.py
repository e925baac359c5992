"""Training of networks without particles, in the same order of the same data as a MetaNet."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from srnn.pruning.scratch import validation_split
from srnn.tasks import Task
from srnn.training import data_order

CHUNK = 2000
"""Test images at once: a network of thousands of cells keeps its activations of all of them."""


def fit(
    network: nn.Module,
    task: Task,
    epochs: int,
    batch_size: int,
    *,
    lr: float,
    adam: bool = False,
    data_seed: int = 0,
    penalty: Callable[[], Tensor] | None = None,
) -> list[float]:
    """Train on cross-entropy (plus a penalty): SGD with momentum 0.9, or Adam; returns the mean
    loss of every epoch."""
    optimizer = (
        torch.optim.Adam(network.parameters(), lr=lr)
        if adam
        else torch.optim.SGD(network.parameters(), lr=lr, momentum=0.9)
    )
    x, y = torch.from_numpy(task.x_train), torch.from_numpy(task.y_train)
    losses = []
    for epoch in range(1, epochs + 1):
        total = 0.0
        order = torch.from_numpy(data_order(data_seed, epoch, len(x)))
        for part in order.split(batch_size):
            loss = cross_entropy(network(x.index_select(0, part)), y[part])
            if penalty is not None:
                loss = loss + penalty()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(part)
        losses.append(total / len(order))
    return losses


def chosen_rate(
    train: Callable[[Task, float], nn.Module], task: Task, rates: Sequence[float]
) -> float:
    """The learning rate with which what ``train`` makes of a task answers the most images rightly
    of a validation part of the training images; a single one need not be tried."""
    if len(rates) == 1:
        return rates[0]
    split = validation_split(task)
    return max(rates, key=lambda rate: accuracy_of(train(split, rate), split))


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy of logits ``(..., B, outputs)``; over all networks if there are many."""
    flat = logits.reshape(-1, logits.shape[-1])
    return nn.functional.cross_entropy(flat, y.repeat(len(flat) // len(y)))


def accuracy_of(network: nn.Module, task: Task) -> float:
    """Test accuracy, 0..1; the mean if the network stands for many."""
    right = 0
    with torch.no_grad():
        for start in range(0, len(task.y_test), CHUNK):
            part = slice(start, start + CHUNK)
            logits = network(torch.from_numpy(task.x_test[part]))
            hits = logits.argmax(-1) == torch.from_numpy(task.y_test[part])
            right += float(hits.double().sum()) / (hits.numel() // hits.shape[-1])
    return right / len(task.y_test)
