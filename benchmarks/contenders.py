"""What is timed: every engine, a plain dense network, ``torch.sparse``, and the original's loop.

Each is made ready here and returned as a function that does so many steps on the same batches.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from benchmarks.timing import Step
from srnn.engines import ENGINES, EngineUnavailable, Problem, make_engine
from srnn.experiments.slow_ways import BlockSparse, ModuleLoop, SlowWay
from srnn.metanet import MacroShape
from srnn.particles import initial_weights, neurons_of, position_encoding

PLAIN, SPARSE, LOOP = "plain dense network", "torch.sparse", "one module per particle"

ALPHA, LR, MOMENTUM = 100.0, 0.002, 0.9
"""Recipe 2022-02, its learning rate lowered so that nothing diverges however long it is timed."""


def synthetic(inputs: int, width: int, h: int, batch: int) -> Problem:
    """A five-layer MetaNet with residual skips on random images of 256 grey levels."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (8 * batch, inputs), dtype=np.uint8)
    x = codes.astype(np.float32) / np.float32(255)
    shape = MacroShape(inputs, 5, width, 10, "each")
    return _problem(shape, h, x, rng.integers(0, 10, len(x)), 0.0002)


def on_images(x: np.ndarray, y: np.ndarray, h: int) -> Problem:
    """The log's MetaNet, 225-6-6-6-6-10 with residual skips."""
    return _problem(MacroShape(x.shape[1], 5, 6, 10, "each"), h, x, y, LR)


def wide(inputs: int, width: int, batch: int) -> Problem:
    """Three layers with ReLU on random images, h = 4, alpha 1."""
    problem = synthetic(inputs, width, 4, batch)
    return replace(problem, shape=MacroShape(inputs, 3, width, 10, "none", "relu"), alpha=1.0)


def _problem(shape: MacroShape, h: int, x: np.ndarray, y: np.ndarray, lr: float) -> Problem:
    encoding = position_encoding(h)
    return Problem(shape, encoding, x, y, ALPHA, lr, lr, MOMENTUM, True, 1, True)


def start_of(problem: Problem, seeds: int = 1) -> np.ndarray:
    """Initial weights ``(S, n, P)``."""
    h, count = neurons_of(len(problem.encoding)), problem.shape.particles
    return np.stack([initial_weights(h, count, seed) for seed in range(seeds)])


class Order:
    """The same endless sequence of batches for every contender."""

    def __init__(self, problem: Problem, batch: int) -> None:
        self.rows = np.random.default_rng(0).permutation(len(problem.x))
        self.batch, self.at = batch, 0

    def next(self, steps: int) -> np.ndarray:
        """The rows of the next ``steps`` batches."""
        places = np.arange(self.at, self.at + steps * self.batch) % len(self.rows)
        self.at = (self.at + steps * self.batch) % len(self.rows)
        return self.rows[places]


@cache
def engine_names() -> tuple[str, ...]:
    """The engines that work on this machine; says why another does not."""
    shape = MacroShape(2, 2, 1, 2)
    x, y = np.ones((1, 2), np.float32), np.zeros(1, np.int64)
    tiny = _problem(shape, 1, x, y, LR)
    names = []
    for name in ENGINES:
        try:
            make_engine(name, tiny, start_of(tiny), start_of(tiny) * 0)
        except EngineUnavailable as error:
            print(f"{name}: {error}")
        else:
            names.append(name)
    return tuple(names)


def engine(name: str, problem: Problem, batch: int, seeds: int = 1) -> Step:
    """One step is a step pair of all ``seeds`` networks."""
    start = start_of(problem, seeds)
    one, order = make_engine(name, problem, start, start * 0), Order(problem, batch)
    everyone = np.ones(seeds, dtype=bool)
    return lambda steps: one.train(order.next(steps), batch, everyone)


def plain(problem: Problem, batch: int) -> Step:
    """The same macro shape as ``nn.Linear`` layers, without particles: what a user pays anyway."""
    layers: list[nn.Module] = []
    for out, inp in problem.shape.layers:
        layers += [nn.Linear(inp, out, bias=False)]
        layers += [nn.ReLU()] if problem.shape.activation == "relu" else []
    network = nn.Sequential(*layers[: len(layers) - (problem.shape.activation == "relu")])
    optimizer = torch.optim.SGD(network.parameters(), lr=LR, momentum=MOMENTUM)
    x, y, order = torch.from_numpy(problem.x), torch.from_numpy(problem.y), Order(problem, batch)

    def run(steps: int) -> None:
        for rows in torch.from_numpy(order.next(steps)).split(batch):
            loss = cross_entropy(network(x.index_select(0, rows)), y.index_select(0, rows))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return run


def sparse(problem: Problem, batch: int) -> Step:
    """All particles as one block-diagonal sparse network."""
    return _pairs(BlockSparse, problem, batch)


def loop(problem: Problem, batch: int) -> Step:
    """The original code's way: a module per particle, asked one after the other in Python."""
    return _pairs(ModuleLoop, problem, batch)


def _pairs(kind: type[SlowWay], problem: Problem, batch: int) -> Step:
    network, order = kind(problem, start_of(problem)[0]), Order(problem, batch)
    return lambda steps: network.train(order.next(steps), batch)
