"""Row 17: sparse training of self-replication, "for faster research": the engines' speeds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch

from srnn.config import RunConfig
from srnn.engines import ENGINES, Problem, make_engine
from srnn.experiments.base import ANSWERED, Computation, Experiment, Given, Outcome, Settings
from srnn.experiments.block_sparse import BlockSparse
from srnn.experiments.fitting import cross_entropy
from srnn.experiments.networks import Wide
from srnn.particles import initial_weights
from srnn.store.results import Computed
from srnn.tasks import task_of

PLAIN, SPARSE = "plain dense network", "torch.sparse, block-diagonal"
NEURONS = (4, 8)


def measure(config: dict[str, Any], rounds: int, pairs: int) -> Computed:
    """Time one step pair (a replication and a task step) of every engine that works here, of the
    block-diagonal sparse network, and one step of the plain dense network of the same macro shape.

    All take turns, ``rounds`` times, in chunks of ``pairs`` (the slow ones of one), on one thread.
    Table ``speed``: ``variant, milliseconds`` (median), ``lowest, highest, to_plain`` (ratio of
    the medians).
    """
    torch.set_num_threads(1)
    run = RunConfig.from_dict(config)
    task = task_of(run)
    problem = Problem.of(run, task)
    steps = _steps(run, problem)
    spent: dict[str, list[float]] = {name: [] for name in steps}
    order = np.random.default_rng(0).permutation(len(task.x_train))
    for step in steps.values():  # compilation, first touch of the memory
        step(order[: run.batch_size])
    for _ in range(rounds):
        for name, step in steps.items():
            count = max(1, pairs // 10) if name in (SPARSE, "autograd") else pairs
            rows = np.resize(order, run.batch_size * count)
            started = time.perf_counter()
            step(rows)
            spent[name].append((time.perf_counter() - started) / count * 1000)
    plain = float(np.median(spent[PLAIN]))
    table = [
        {
            "h": run.neurons,
            "variant": name,
            "milliseconds": float(np.median(times)),
            "lowest": min(times),
            "highest": max(times),
            "to_plain": float(np.median(times)) / plain,
        }
        for name, times in spent.items()
    ]
    return {}, {"speed": pd.DataFrame(table)}


def _steps(run: RunConfig, problem: Problem) -> dict[str, Callable[[np.ndarray], object]]:
    """What is timed, by name: a function of the rows to train on."""
    start = initial_weights(run.neurons, problem.shape.particles, 0, run.initial_weights)
    yes, size = np.array([True]), run.batch_size
    found: dict[str, Callable[[np.ndarray], object]] = {PLAIN: _plain(run, problem)}
    for name in ENGINES:
        if name == "cuda" and not torch.cuda.is_available():
            continue
        try:
            engine = make_engine(name, problem, start[None], np.zeros_like(start)[None])
        except (ImportError, RuntimeError):  # an engine that this machine lacks
            continue
        found[name] = lambda rows, engine=engine: engine.train(rows, size, yes)
    found[SPARSE] = _sparse(run, problem, start)
    return found


def _batches(rows: np.ndarray, size: int, x: torch.Tensor, y: torch.Tensor):
    for first in range(0, len(rows), size):
        index = torch.from_numpy(rows[first : first + size])
        yield x.index_select(0, index), y.index_select(0, index)


def _plain(run: RunConfig, problem: Problem) -> Callable[[np.ndarray], object]:
    network = Wide(problem.shape, 0)
    optimizer = torch.optim.SGD(network.parameters(), lr=run.lr, momentum=run.momentum)
    x, y = torch.from_numpy(problem.x), torch.from_numpy(problem.y)

    def step(rows: np.ndarray) -> None:
        for images, labels in _batches(rows, run.batch_size, x, y):
            optimizer.zero_grad()
            cross_entropy(network(images), labels).backward()
            optimizer.step()

    return step


def _sparse(run: RunConfig, problem: Problem, start: np.ndarray) -> Callable[[np.ndarray], object]:
    particles = BlockSparse(
        start,
        problem.encoding,
        problem.shape,
        alpha=run.alpha,
        lr=run.lr,
        momentum=run.momentum,
        coupled=run.target_gradient,
    )
    x, y = torch.from_numpy(problem.x), torch.from_numpy(problem.y)

    def step(rows: np.ndarray) -> None:
        for images, labels in _batches(rows, run.batch_size, x, y):
            particles.replication_step()
            particles.task_step(images, labels)

    return step


def computations(settings: Settings) -> list[Computation]:
    """The timings, per h, alone on the machine."""
    rounds, pairs = (3, 10) if settings.quick else (9, 60)
    return [
        Computation(
            "speed",
            measure,
            {
                "config": settings.config(neurons=h).to_dict(),
                "rounds": rounds,
                "pairs": pairs,
            },
            when="alone",
        )
        for h in NEURONS
    ]


def evaluate(settings: Settings, given: Given) -> Outcome:
    table = pd.concat(
        [given.result(one).tables["speed"] for one in computations(settings)], ignore_index=True
    )
    main = table[table["h"] == 4].set_index("variant")
    engines = main.drop(index=[PLAIN, SPARSE])
    best = str(engines["milliseconds"].idxmin())
    gain = main.loc[SPARSE, "milliseconds"] / main.loc[best, "milliseconds"]
    every = ", ".join(f"{name} {row['to_plain']:.2f}" for name, row in main.iterrows())
    return Outcome(
        f"step pair at h = 4, to a plain dense step: {every}",
        settings.verdict(
            f"{ANSWERED}yes, training all particles at once pays; a batched engine does it better "
            f"than torch.sparse ({best}: {gain:,.0f} times as fast)"
        ),
        "Particles as one block-diagonal sparse network take "
        f"{main.loc[SPARSE, 'milliseconds']:.1f} ms a step pair at h = 4, the {best} engine "
        f"{main.loc[best, 'milliseconds']:.2f} ms: sparse products look up every index, while "
        "equal particles need none.",
        {"speed": table},
    )


EXPERIMENT = Experiment(
    17,
    "Sparse training of self-replication",
    "Does sparse training make research faster?",
    "The log asked for sparse training of self-replication, for faster research: all particles as "
    "one network with sparse matrices. It is timed beside the batched engines and a plain dense "
    "network of the same macro shape, on one thread, taking turns.",
    "no figure in the log",
    evaluate,
    "",
    computations=computations,
)
