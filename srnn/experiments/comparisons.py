"""Networks without particles, trained on a MetaNet's data and macro shape (rows 9 and 15)."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from srnn.analysis.connectivity import node_table
from srnn.config import RunConfig
from srnn.experiments.fitting import accuracy_of, fit, trained_parameters
from srnn.experiments.networks import FromNoise, Hyper, Wide
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
CHANCE = "random connections"
LAB: dict[str, Callable[[Setup], torch.Tensor]] = {
    DENSE: lambda setup: setup.dense,
    PRUNED: SCRATCH["one-shot-retrained"].make,
    LOTTERY: SCRATCH["lottery"].make,
    CHANCE: SCRATCH["random-start"].make,
}
"""What row 9 takes from the pruning lab."""


def compare(kind: str, config: dict[str, Any], epochs: int) -> Computed:
    """Train a generator of networks (a key of :data:`KINDS`) on a configuration's data, shape,
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


def pruned(
    config: dict[str, Any],
    names: Sequence[str] = (DENSE, PRUNED, LOTTERY),
    epochs: int | None = None,
) -> Computed:
    """Dense networks of the pruning lab (keys of :data:`LAB`), trained as long as the configuration
    says (or for ``epochs``), whole and with the log's number of connections. Table ``numbers``:
    ``arm, seed``, the facts, and ``outputs_reached``, output cells to which any input leads."""
    run = RunConfig.from_dict(config)
    task, shape, epochs = task_of(run), macro_shape(run), epochs or run.epochs
    drop = np.array([[shape.particles - round(KEPT * shape.particles)]])
    setup = Setup(task, shape, Rules.of(run), (run.seed,), drop, epochs, max(1, epochs // 20))
    x, y = torch.from_numpy(task.x_test), torch.from_numpy(task.y_test)
    rows = []
    for name in names:
        scalars = LAB[name](setup)
        kept = (scalars[0] != 0).numpy()
        nodes = node_table(kept, shape).query("layer == @shape.depth")
        rows.append(
            {
                "arm": name,
                "seed": run.seed,
                "accuracy": float(accuracies(scalars, x, y, shape)[0]),
                "parameters": shape.particles,
                "connections": int(kept.sum()),
                "outputs_reached": int(nodes["reached"].sum()),
            }
        )
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

    about = {"data_seed": run.data_seed, **ADAM}
    fit(network, task, short, run.batch_size, penalty=penalty, **about)
    with torch.no_grad():
        logits = network(torch.from_numpy(task.x_test))
    answers, y = logits.argmax(-1), torch.from_numpy(task.y_test)
    pairs = [float((a != b).double().mean()) for a, b in itertools.combinations(answers, 2)]
    return {
        "accuracy": float((answers == y).double().mean()),
        "parameters": trained_parameters(network),
        "connections": shape.particles,
        "epochs": short,
        "ensemble_accuracy": float((logits.softmax(-1).mean(0).argmax(-1) == y).double().mean()),
        "disagreement": float(np.mean(pairs)),
    }


KINDS = {"hypernetwork": _hyper, "noise to weights": _noise}
"""How the generators of the log's list are trained (row 9)."""
