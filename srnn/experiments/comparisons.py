"""Networks without particles, trained on a MetaNet's data and macro shape (rows 9 and 15)."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import torch

from srnn.analysis.connectivity import node_table
from srnn.config import RunConfig
from srnn.experiments.fitting import accuracy_of, fit, trained_parameters
from srnn.experiments.networks import FromNoise, Hyper, Sparse, Wide
from srnn.metanet import MacroShape, macro_shape
from srnn.pruning.dense import Rules, accuracies
from srnn.pruning.scratch import SCRATCH, Setup
from srnn.runs.results import Computed
from srnn.tasks import Task, task_of

KEPT = 353 / 1518
"""Share of connections that pruned and sparse networks keep: the log's survivors (row 11)."""
DIVERSITY = 0.1
"""Weight of the diversity term."""
ADAM: dict[str, Any] = {"lr": 0.003, "adam": True}
"""How generators are trained: plain SGD needs several times as long for them."""
DENSE, PRUNED, LOTTERY = "dense network", "magnitude pruning, fine-tuned", "lottery ticket"


def compare(kind: str, config: dict[str, Any], epochs: int) -> Computed:
    """Train a network of one kind (a key of :data:`KINDS`) on a configuration's data, shape,
    batches and seed. Facts: ``accuracy`` (test, 0..1), ``parameters`` (trained numbers),
    ``connections`` (that exist in the end), ``epochs``, and what the kind adds.

    Raises:
        ValueError: unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; kinds: {', '.join(KINDS)}")
    run = RunConfig.from_dict(config)
    return KINDS[kind](task_of(run), macro_shape(run), run, epochs), {}


def compare_wide(config: dict[str, Any], width: int, epochs: int) -> Computed:
    """A dense network of any width (a MetaNet's own ends at 1,024); the same facts, and
    ``neurons``, its hidden and output cells."""
    run = RunConfig.from_dict(config)
    task, shape = task_of(run), dataclasses.replace(macro_shape(run), width=width)
    network = Wide(shape, run.seed)
    fit(network, task, epochs, run.batch_size, data_seed=run.data_seed)
    facts = _facts(network, task, shape.particles, epochs)
    return {**facts, "neurons": sum(shape.sizes[1:])}, {}


def pruned(config: dict[str, Any]) -> Computed:
    """The dense networks of the pruning lab, trained as long as the configuration says, whole and
    pruned to the log's number of connections. Table ``numbers``: ``arm, seed`` and the facts."""
    run = RunConfig.from_dict(config)
    task, shape = task_of(run), macro_shape(run)
    retrain = max(1, run.epochs // 20)
    drop = np.array([[shape.particles - round(KEPT * shape.particles)]])
    setup = Setup(task, shape, Rules.of(run), (run.seed,), drop, run.epochs, retrain)
    x, y = torch.from_numpy(task.x_test), torch.from_numpy(task.y_test)
    networks = {
        DENSE: setup.dense,
        PRUNED: SCRATCH["one-shot-retrained"].make(setup),
        LOTTERY: SCRATCH["lottery"].make(setup),
    }
    rows = [
        {
            "arm": name,
            "seed": run.seed,
            "accuracy": float(accuracies(scalars, x, y, shape)[0]),
            "parameters": shape.particles,
            "connections": int((scalars != 0).sum()),
        }
        for name, scalars in networks.items()
    ]
    return {}, {"numbers": pd.DataFrame(rows)}


def _facts(network: torch.nn.Module, task: Task, connections: int, epochs: int) -> dict[str, Any]:
    return {
        "accuracy": accuracy_of(network, task),
        "parameters": trained_parameters(network),
        "connections": connections,
        "epochs": epochs,
    }


def _hyper(task: Task, shape: MacroShape, run: RunConfig, epochs: int) -> dict[str, Any]:
    network = Hyper(shape, run.seed)
    fit(network, task, epochs, run.batch_size, data_seed=run.data_seed, **ADAM)
    return _facts(network, task, shape.particles, epochs)


def _noise(task: Task, shape: MacroShape, run: RunConfig, epochs: int) -> dict[str, Any]:
    network = FromNoise(shape, run.seed)
    short = max(1, epochs // 4)  # every step trains `samples` networks

    def penalty() -> torch.Tensor:
        return -DIVERSITY * network.diversity()

    options: dict[str, Any] = {"data_seed": run.data_seed, **ADAM}
    fit(network, task, short, run.batch_size, penalty=penalty, **options)
    with torch.no_grad():
        logits = network(torch.from_numpy(task.x_test))
    answers, y = logits.argmax(-1), torch.from_numpy(task.y_test)
    pairs = [
        float((answers[i] != answers[j]).double().mean())
        for i in range(len(answers))
        for j in range(i)
    ]
    return {
        "accuracy": float((answers == y).double().mean()),
        "parameters": trained_parameters(network),
        "connections": shape.particles,
        "epochs": short,
        "ensemble_accuracy": float((logits.softmax(-1).mean(0).argmax(-1) == y).double().mean()),
        "disagreement": float(np.mean(pairs)),
    }


def _sparse(task: Task, shape: MacroShape, run: RunConfig, epochs: int) -> dict[str, Any]:
    return _train_sparse(task, shape, run, epochs, first=0)


def _sparse_pixels(task: Task, shape: MacroShape, run: RunConfig, epochs: int) -> dict[str, Any]:
    return _train_sparse(task, shape, run, epochs, first=shape.particles - shape.starts[1])


def _train_sparse(
    task: Task, shape: MacroShape, run: RunConfig, epochs: int, first: int
) -> dict[str, Any]:
    """Random connections, the last ``first`` ones all kept; ``outputs_reached`` counts the output
    cells to which any input still leads."""
    rng = torch.Generator().manual_seed(run.seed)
    mask = torch.zeros(shape.particles, dtype=torch.bool)
    open_to = shape.particles - first
    mask[open_to:] = True
    kept = max(1, round(KEPT * shape.particles) - first)
    mask[torch.randperm(open_to, generator=rng)[:kept]] = True
    network = Sparse(shape, run.seed, mask)
    fit(network, task, epochs, run.batch_size, data_seed=run.data_seed)
    nodes = node_table(mask.numpy(), shape)
    reached = int(nodes[nodes["layer"] == shape.depth]["reached"].sum())
    return _facts(network, task, int(mask.sum()), epochs) | {"outputs_reached": reached}


KINDS = {
    "hypernetwork": _hyper,
    "noise to weights": _noise,
    "torch.sparse": _sparse,
    "torch.sparse, first layer": _sparse_pixels,
}
"""How each kind of the log's list is trained (row 9)."""
