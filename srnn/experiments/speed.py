"""Sparse training of self-replication: does sparse training make research faster?

The log asked for sparse training of self-replication, for faster research: all particles as one
network with sparse matrices. It is timed beside one module per particle (what the original code
did), the engines here and a plain dense network of the same macro shape, on one thread, taking
turns.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
from torch.nn.functional import cross_entropy

from srnn.config import RunConfig
from srnn.engines import ENGINES, Problem, available, make_engine
from srnn.experiments.base import FIRST_SEED, Arms, Computation, Experiment, Found, Settings, Tables
from srnn.experiments.claims import Log, at_least, question, within
from srnn.experiments.networks import wide
from srnn.experiments.slow_ways import BlockSparse, ModuleLoop
from srnn.figures.rows import dots, panels, rows_high
from srnn.figures.style import INK, MUTED
from srnn.particles import initial_weights
from srnn.runs.results import Computed
from srnn.tasks import task_of

PLAIN, SPARSE, LOOP = "plain dense network", "torch.sparse, block-diagonal", "a module per particle"
AGAIN = f"{LOOP}, once more"
SIZES = {"h = 4": 4, "h = 8": 8}
SLOW = {SPARSE: 10, "autograd": 10, LOOP: 1000, AGAIN: 1000}
"""By how much fewer step pairs a slow one makes in a chunk."""


def arms(settings: Settings) -> Arms:
    """The timings, per h, alone on the machine; a round is what a seed is elsewhere."""
    rounds, pairs = (2, 4) if settings.quick else (5, 60)
    found = {}
    for arm, h in SIZES.items():
        config = settings.config(neurons=h).to_dict()
        asked, cost = {"config": config, "rounds": rounds, "pairs": pairs}, rounds * 4
        found[arm] = [Computation("speed", measure, asked, version=2, cost=cost, alone=True)]
    return found


def measure(config: dict[str, Any], rounds: int, pairs: int) -> Computed:
    """Time one step pair (a replication and a task step) of every engine that works here, of the
    block-diagonal sparse network, of one module per particle (twice: the same against itself), and
    one step of the plain dense network of the same macro shape.

    All take turns, ``rounds`` times, in chunks of ``pairs`` (the slow ones of fewer), on one
    thread. Tables ``speed``: ``h, variant, milliseconds`` (median), ``to_plain``; ``numbers``: per
    round how many times as fast torch.sparse is as the modules (``sparse``), the best engine as
    torch.sparse (``batched``), the modules as themselves (``itself``).
    """
    torch.set_num_threads(1)
    run = RunConfig.from_dict(config)
    task = task_of(run)
    steps = _steps(run, Problem.of(run, task))
    order = np.random.default_rng(0).permutation(len(task.x_train))
    for step in steps.values():  # compilation, first touch of the memory
        step(order[: run.batch_size])
    spent = pd.DataFrame(index=range(rounds), columns=list(steps), dtype=float)
    for turn in range(rounds):
        for name, step in steps.items():
            count = max(1, pairs // SLOW.get(name, 1))
            rows = np.resize(order, run.batch_size * count)
            started = time.perf_counter()
            step(rows)
            spent.loc[turn, name] = (time.perf_counter() - started) / count * 1000
    best = spent[[name for name in steps if name in ENGINES]].min(axis=1)
    numbers = pd.DataFrame(
        {
            "seed": range(FIRST_SEED, FIRST_SEED + rounds),
            "sparse": spent[LOOP] / spent[SPARSE],
            "batched": spent[SPARSE] / best,
            "itself": spent[LOOP] / spent[AGAIN],
        }
    )
    middle = spent.drop(columns=AGAIN).median()
    table = pd.DataFrame({"variant": middle.index, "milliseconds": middle.to_numpy()})
    table["to_plain"] = table["milliseconds"] / middle[PLAIN]
    table.insert(0, "h", run.neurons)
    return {}, {"numbers": numbers, "speed": table}


def _steps(run: RunConfig, problem: Problem) -> dict[str, Callable[[np.ndarray], object]]:
    """What is timed, by name: a function of the rows to train on."""
    start = initial_weights(run.neurons, problem.shape.particles, 0, run.initial_weights)
    found: dict[str, Callable[[np.ndarray], object]] = {PLAIN: _plain(run, problem)}
    everyone = np.array([True])
    for name in ENGINES:
        if available(name):
            engine = make_engine(name, problem, start[None], np.zeros_like(start)[None])
            found[name] = partial(engine.train, batch_size=run.batch_size, replicate=everyone)
    for name, kind in ((SPARSE, BlockSparse), (LOOP, ModuleLoop), (AGAIN, ModuleLoop)):
        found[name] = partial(kind(problem, start).train, batch_size=run.batch_size)
    return found


def _plain(run: RunConfig, problem: Problem) -> Callable[[np.ndarray], object]:
    network = wide(problem.shape, 0)
    optimizer = torch.optim.SGD(network.parameters(), lr=run.lr, momentum=run.momentum)
    x, y = torch.from_numpy(problem.x), torch.from_numpy(problem.y)

    def step(rows: np.ndarray) -> None:
        for index in torch.from_numpy(rows).split(run.batch_size):
            optimizer.zero_grad()
            cross_entropy(network(x.index_select(0, index)), y[index]).backward()
            optimizer.step()

    return step


WORTH = at_least(1.5, "half as fast again: less is not worth a change", "1")
AIM = Log(where='question of the log: "for faster research"')
CLAIMS = (
    question(
        "torch.sparse, times as fast as one module per particle, h = 4",
        within("h = 4", "sparse", "itself", AGAIN),
        WORTH,
        "sparse training of all particles at once is faster than one module per particle",
        "sparse training of all particles at once is no faster",
        AIM,
    ),
    question(
        "the fastest engine, times as fast as torch.sparse, h = 4",
        within("h = 4", "batched", "itself", AGAIN),
        WORTH,
        "a batched engine is faster still",
        "no batched engine is faster than torch.sparse",
        AIM,
    ),
)


def finding(found: Found) -> list[str]:
    table = found.tables["speed"].query("h == 4")
    every = ", ".join(
        f"{name} {value:.3g}"
        for name, value in zip(table["variant"], table["to_plain"], strict=True)
    )
    return [f"A step pair at h = 4, in plain dense steps: {every}."]


def figure(tables: Tables) -> go.Figure:
    """Time of a step pair in units of a plain dense step, per variant and h."""
    table, drawn = tables["speed"], panels(1)
    styles = (("circle", INK, "top center"), ("square", MUTED, "bottom center"))
    for (h, part), (symbol, color, side) in zip(table.groupby("h"), styles, strict=False):
        style: dict[str, Any] = {"symbol": symbol, "color": color, "position": side}
        dots(drawn, part, "to_plain", "variant", form="{:.3g}", name=f"h = {h}", **style)
    ends = np.log10([table["to_plain"].min(), table["to_plain"].max()])
    drawn.update_xaxes(
        title="A step pair, in plain dense steps",
        type="log",
        dtick=1,
        range=[ends[0] - 0.4, ends[1] + 0.4],
    )
    return rows_high(drawn, table["variant"].nunique(), 52)


EXPERIMENT = Experiment("17", __doc__, arms, CLAIMS, figure, finding=finding, data="speed")
