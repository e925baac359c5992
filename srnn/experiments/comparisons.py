"""One network without particles, trained on a MetaNet's data and macro shape (rows 9 and 15)."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import torch

from srnn.analysis.connectivity import node_table
from srnn.config import RunConfig
from srnn.experiments.fitting import accuracy_of, fit, trained_parameters
from srnn.experiments.networks import FromNoise, Hyper, Plain, Sparse, Wide
from srnn.metanet import MacroShape, macro_shape
from srnn.store.results import Computed
from srnn.tasks import Task, task_of

KEPT = 353 / 1518
"""Share of connections that pruned and sparse networks keep: the log's survivors (row 11)."""
ROUNDS = 3
"""Rounds of the lottery ticket's pruning."""
DIVERSITY = 0.1
"""Weight of the diversity term."""
ADAM = {"lr": 0.003, "adam": True}
"""How generators are trained: plain SGD needs several times as long for them."""


def compare(kind: str, config: dict[str, Any], epochs: int) -> Computed:
    """Train a network of one kind (a key of :data:`KINDS`) on a configuration's data, shape, batch
    size and seed. Facts: ``accuracy`` (test, 0..1), ``parameters`` (trained numbers),
    ``connections`` (that exist in the end), ``seconds`` of training, ``epochs``, and what the kind
    adds; table ``curve``: ``epoch, loss, test_accuracy``.

    Raises:
        ValueError: unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; kinds: {', '.join(KINDS)}")
    run = RunConfig.from_dict(config)
    task, shape = task_of(run), macro_shape(run)
    facts, curve = KINDS[kind](task, shape, run, epochs)
    return facts, {"curve": curve}


Kind = tuple[dict[str, Any], pd.DataFrame]


def _facts(network: torch.nn.Module, task: Task, connections: int, seconds: float) -> dict:
    return {
        "accuracy": accuracy_of(network, task),
        "parameters": trained_parameters(network),
        "connections": connections,
        "seconds": seconds,
    }


def _dense(task: Task, shape: MacroShape, run: RunConfig, epochs: int) -> Kind:
    network = Plain(shape, run.seed)
    curve, seconds = fit(network, task, epochs, run.batch_size)
    return _facts(network, task, shape.particles, seconds) | {"epochs": epochs}, curve


def _hyper(task: Task, shape: MacroShape, run: RunConfig, epochs: int) -> Kind:
    network = Hyper(shape, run.seed)
    curve, seconds = fit(network, task, epochs, run.batch_size, **ADAM)
    return _facts(network, task, shape.particles, seconds) | {"epochs": epochs}, curve


def _noise(task: Task, shape: MacroShape, run: RunConfig, epochs: int) -> Kind:
    network = FromNoise(shape, run.seed)
    short = max(1, epochs // 4)  # every step trains `samples` networks
    curve, seconds = fit(
        network,
        task,
        short,
        run.batch_size,
        penalty=lambda: -DIVERSITY * network.diversity(),
        evaluate=False,
        **ADAM,
    )
    with torch.no_grad():
        logits = network(torch.from_numpy(task.x_test))
    answers, y = logits.argmax(-1), torch.from_numpy(task.y_test)
    pairs = [
        float((answers[i] != answers[j]).double().mean())
        for i in range(len(answers))
        for j in range(i)
    ]
    ensemble = (logits.softmax(-1).mean(0).argmax(-1) == y).double().mean()
    own = {
        "accuracy": float((answers == y).double().mean()),
        "parameters": trained_parameters(network),
        "connections": shape.particles,
        "seconds": seconds,
        "epochs": short,
        "ensemble_accuracy": float(ensemble),
        "disagreement": float(np.mean(pairs)),
    }
    return own, curve


def _sparse(task: Task, shape: MacroShape, run: RunConfig, epochs: int) -> Kind:
    return _train_sparse(task, shape, run, epochs, first=0)


def _sparse_pixels(task: Task, shape: MacroShape, run: RunConfig, epochs: int) -> Kind:
    return _train_sparse(task, shape, run, epochs, first=shape.particles - shape.starts[1])


def _train_sparse(task: Task, shape: MacroShape, run: RunConfig, epochs: int, first: int) -> Kind:
    """Random connections, the last ``first`` ones all kept; ``outputs_reached`` counts the output
    cells to which any input still leads."""
    rng = torch.Generator().manual_seed(run.seed)
    mask = torch.zeros(shape.particles, dtype=torch.bool)
    open_to = shape.particles - first
    mask[open_to:] = True
    kept = max(1, _kept(shape, KEPT) - first)
    mask[torch.randperm(open_to, generator=rng)[:kept]] = True
    network = Sparse(shape, run.seed, mask)
    curve, seconds = fit(network, task, epochs, run.batch_size)
    nodes = node_table(mask.numpy(), shape)
    reached = int(nodes[nodes["layer"] == shape.depth]["reached"].sum())
    facts = _facts(network, task, int(mask.sum()), seconds)
    return facts | {"epochs": epochs, "outputs_reached": reached}, curve


def _magnitude(task: Task, shape: MacroShape, run: RunConfig, epochs: int) -> Kind:
    network, tuning = Plain(shape, run.seed), max(1, epochs // 4)
    first, spent = fit(network, task, epochs - tuning, run.batch_size)
    network.mask = largest(network.scalars(), _kept(shape, KEPT)).float()
    raw = accuracy_of(network, task)
    second, tuned = fit(network, task, tuning, run.batch_size)
    second["epoch"] += epochs - tuning
    connections = int(network.mask.sum())
    facts = _facts(network, task, connections, spent + tuned) | {"epochs": epochs}
    return facts | {"accuracy_before_tuning": raw}, pd.concat([first, second], ignore_index=True)


def _lottery(task: Task, shape: MacroShape, run: RunConfig, epochs: int) -> Kind:
    mask, spent = torch.ones(shape.particles), 0.0
    for step in range(1, ROUNDS + 1):
        network = Plain(shape, run.seed, mask)  # rewound to its start
        _, seconds = fit(network, task, epochs, run.batch_size, evaluate=False)
        spent += seconds
        mask = largest(network.scalars(), _kept(shape, KEPT ** (step / ROUNDS))).float()
    network = Plain(shape, run.seed, mask)
    curve, seconds = fit(network, task, epochs, run.batch_size)
    facts = _facts(network, task, int(mask.sum()), spent + seconds)
    return facts | {"epochs": epochs * (ROUNDS + 1)}, curve


def _wide(task: Task, shape: MacroShape, run: RunConfig, epochs: int) -> Kind:
    network = Wide(shape, run.seed)
    curve, seconds = fit(network, task, epochs, run.batch_size)
    return _facts(network, task, shape.particles, seconds) | {"epochs": epochs}, curve


def compare_wide(config: dict[str, Any], width: int, epochs: int) -> Computed:
    """As :func:`compare`, a dense network of any width (a MetaNet's own ends at 1,024)."""
    run = RunConfig.from_dict(config)
    shape = dataclasses.replace(macro_shape(run), width=width)
    facts, curve = _wide(task_of(run), shape, run, epochs)
    return facts, {"curve": curve}


def largest(weights: torch.Tensor, count: int) -> torch.Tensor:
    """Mask of the ``count`` weights ``(P,)`` that are largest by magnitude; exact, ties to the
    smaller index."""
    order = torch.argsort(weights.detach().abs(), descending=True, stable=True)
    mask = torch.zeros(len(weights), dtype=torch.bool)
    mask[order[:count]] = True
    return mask


def _kept(shape: MacroShape, share: float) -> int:
    return round(share * shape.particles)


KINDS = {
    "dense": _dense,
    "hypernetwork": _hyper,
    "noise to weights": _noise,
    "torch.sparse": _sparse,
    "torch.sparse, first layer": _sparse_pixels,
    "magnitude pruning": _magnitude,
    "lottery ticket": _lottery,
    "wide": _wide,
}
"""How each kind is trained; the log's list (row 9), and dense networks of any width (row 15)."""
