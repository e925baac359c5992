"""Networks without particles, trained on a MetaNet's data and macro shape (rows 9 and 15).

Each kind with the learning rate that serves it best on a validation part of the training images,
chosen once for all seeds."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from srnn.analysis.connectivity import node_table
from srnn.config import RunConfig
from srnn.experiments.base import FIRST_SEED, Found
from srnn.experiments.networks import FromNoise, Hyper, accuracy_of, chosen_rate, fit, wide
from srnn.metanet import macro_shape
from srnn.pruning.dense import Rules, accuracies
from srnn.pruning.scratch import RATES, SCRATCH, Setup, best_rate
from srnn.runs.results import Computed, remember
from srnn.tasks import Task, task_of

KEPT = 353 / 1518
"""Share of connections that pruned and sparse networks keep: the log's survivors (row 11)."""
GRID = (0.003, *RATES)
ADAM_GRID = (0.001, 0.003, 0.01, 0.03)
"""Learning rates that are tried, with Adam for generators."""
KINDS = {"hypernetwork": Hyper, "noise to weights": FromNoise}
"""The generators of the log's list (row 9)."""
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
    ``connections`` (that exist in the end), ``epochs`` (from noise a fourth, as every step trains
    several networks), ``rate``; of many networks ``disagreement`` and ``ensemble_accuracy``.

    Raises:
        ValueError: unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; kinds: {', '.join(KINDS)}")
    run = RunConfig.from_dict(config)
    if KINDS[kind] is FromNoise:
        epochs = max(1, epochs // 4)
    make = partial(KINDS[kind], macro_shape(run))
    return _trained(make, run, ADAM_GRID, kind=kind, epochs=epochs), {}


def compare_wide(
    config: dict[str, Any], width: int, epochs: int, grid: Sequence[float] = GRID
) -> Computed:
    """A dense network of any width, at the best of the learning rates; the same facts, and
    ``neurons``, its hidden and output cells."""
    run = RunConfig.from_dict(config)
    shape = dataclasses.replace(macro_shape(run), width=width)
    facts = _trained(partial(wide, shape), run, grid, kind="wide", width=width, epochs=epochs)
    return {**facts, "connections": shape.particles, "neurons": sum(shape.sizes[1:])}, {}


def pruned(
    config: dict[str, Any],
    names: Sequence[str] = (DENSE, PRUNED, LOTTERY),
    epochs: int | None = None,
) -> Computed:
    """Dense networks of the pruning lab (keys of :data:`LAB`), trained as long as the configuration
    says (or for ``epochs``), whole and with the log's number of connections, at the rate that
    serves the whole one best. Table ``numbers``: ``arm, seed``, the facts, and ``outputs_reached``,
    output cells to which any input leads."""
    run = RunConfig.from_dict(config)
    task, shape, length = task_of(run), macro_shape(run), epochs or run.epochs
    drop = np.array([[shape.particles - round(KEPT * shape.particles)]])

    def setup(run: RunConfig, task: Task, rate: float) -> Setup:
        rules, again = Rules.of(run, rate), max(1, length // 20)
        return Setup(task, shape, rules, (run.seed,), drop, length, again)

    def choose(first: RunConfig, task: Task) -> float:
        return best_rate(setup(first, task, GRID[0]), GRID)

    rate = _rate(choose, run, kind="dense", epochs=length, grid=GRID)
    made = setup(run, task, rate)
    x, y = torch.from_numpy(task.x_test), torch.from_numpy(task.y_test)
    rows = []
    for name in names:
        scalars = LAB[name](made)
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
                "rate": rate,
            }
        )
    return {}, {"numbers": pd.DataFrame(rows)}


def rates(found: Found, arm: str) -> str:
    """The learning rate that was chosen for an arm: ``0.02``; nothing where none was."""
    known = {rate for rate in found.values(arm, "rate") if rate == rate}
    return " or ".join(f"{rate:g}" for rate in sorted(known))


def _rate(choose: Callable[[RunConfig, Task], float], run: RunConfig, **about: Any) -> float:
    """The learning rate of a kind of network, chosen with the first seed on true labels."""
    first = run.replace(seed=FIRST_SEED, data_seed=FIRST_SEED, labels="true")
    key = {"config": first.to_dict(), **about}

    def chosen() -> Computed:
        return {"rate": choose(first, task_of(first))}, {}

    return float(remember("learning-rate", key, chosen)[0].facts["rate"])


def _trained(
    make: Callable[[int], nn.Module], run: RunConfig, grid: Sequence[float], **about: Any
) -> dict[str, Any]:
    """The facts of a network that is made of a seed and trained for ``epochs``, at the best rate of
    the grid."""

    def trained(run: RunConfig, task: Task, rate: float) -> nn.Module:
        network = make(run.seed)
        fit(network, task, about["epochs"], run.batch_size, lr=rate, data_seed=run.data_seed)
        return network

    def choose(first: RunConfig, task: Task) -> float:
        return chosen_rate(partial(trained, first), task, grid)

    rate, task = _rate(choose, run, grid=list(grid), **about), task_of(run)
    network = trained(run, task, rate)
    facts = {
        "parameters": sum(one.numel() for one in network.parameters()),
        "connections": macro_shape(run).particles,
        "epochs": about["epochs"],
        "rate": rate,
    }
    if not isinstance(network, FromNoise):
        return {"accuracy": accuracy_of(network, task), **facts}
    with torch.no_grad():
        logits = network(torch.from_numpy(task.x_test))
    answers, y = logits.argmax(-1), torch.from_numpy(task.y_test)
    pairs = [float((a != b).double().mean()) for a, b in itertools.combinations(answers, 2)]
    return {
        "accuracy": float((answers == y).double().mean()),
        **facts,
        "ensemble_accuracy": float((logits.softmax(-1).mean(0).argmax(-1) == y).double().mean()),
        "disagreement": float(np.mean(pairs)),
    }
