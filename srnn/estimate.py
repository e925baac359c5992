"""What a training will take, before it is started: time, memory and disk; and what is impossible.

Memory and disk follow from the configuration: a population is ``n * P`` float32 numbers, the engine
and the loop hold up to :data:`COPIES` of them, a run keeps one per snapshot, or a sample of it
(:mod:`srnn.history`): its file grows with the epochs, the memory does not. Time is measured: a
few steps of the same shape, on random data, with the engine that would train (once per shape and
process, about a tenth of a second).
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil
import torch

from srnn import paths
from srnn.config import RunConfig
from srnn.engines import Problem, choose, make_engine
from srnn.files import free_bytes, human
from srnn.fixpoints import classify
from srnn.history import kept_epochs, kept_numbers, sample_size
from srnn.metanet import MacroShape, accuracy, macro_shape
from srnn.particles import initial_weights, scalar_weights
from srnn.tasks import load_task

COPIES = 20
"""Populations held at the same time: weights, momentum and work space of the engine, the state
before and after an epoch, a record's copy, a checkpoint on its way out."""

BASE_BYTES = 450_000_000
"""A process with torch, numpy and numba loaded, before any data."""

ROW_BYTES = 160
"""A row of records, as text."""

START_SECONDS = 3.0
"""From a worker's start to its first epoch: importing torch, reading the data."""

WRITE_RATE = 1e8
"""Bytes a second at which a run is written and checked."""

LONGEST = 30 * 86_400.0
"""Longest training that is accepted, in seconds."""

SLACK_BYTES = 50_000_000
"""Disk that must stay free."""

_LARGE = 2_000_000
"""Weights of a population (n * P) above which a smaller one is timed and scaled up."""

_COUNTS = {"mnist": (60_000, 10_000), "digits": (1_438, 359)}
_measuring = threading.Lock()
_measured: dict[tuple, tuple[float, float]] = {}


class ImpossibleError(ValueError):
    """A request that cannot be done on this machine; the message says why, with the numbers."""


@dataclass(frozen=True)
class Estimate:
    """What a training takes. ``problems`` is empty if it can be done here.

    ``seconds`` of training; ``memory_bytes`` at its peak; ``disk_bytes`` of the run, and of a
    second checkpoint while that is written.
    """

    seconds: float
    memory_bytes: int
    disk_bytes: int
    problems: list[str]


def estimate(config: RunConfig, networks: int = 1) -> Estimate:
    """Estimate a training from its start, of several networks at once if so said.

    Raises:
        DataError: the data set cannot be used.
    """
    memory, disk, problems = _resources(config, networks)
    seconds = _floor_seconds(config) if problems else _seconds(config, networks=networks)
    return Estimate(seconds, memory, disk, [*problems, *_too_long(seconds)])


def refuse_impossible(config: RunConfig, engine: str = "auto", networks: int = 1) -> None:
    """Raise if a training cannot be done here, of several networks at once if so said. Cheap: time
    is measured only if it may be too long.

    Raises:
        ImpossibleError: too much memory, disk or time; the message gives the numbers.
        DataError: the data set cannot be used.
    """
    _, _, problems = _resources(config, networks)
    if not problems and _floor_seconds(config) * 1000 > LONGEST:
        problems = _too_long(_seconds(config, engine))
    if problems:
        raise ImpossibleError("; ".join(problems))


def run_bytes(config: RunConfig) -> int:
    """Bytes of the finished run on disk, for data of the configured set."""
    particles = macro_shape(config).particles
    kept = len(kept_epochs(config)) * kept_numbers(config, particles, sample_size(particles))
    state = 2 * config.particle_weights * particles
    return 4 * (kept + state) + ROW_BYTES * (config.epochs + 1) + 4096


def _resources(config: RunConfig, networks: int = 1) -> tuple[int, int, list[str]]:
    """Peak memory and disk in bytes, and what of it is not there."""
    shape, (train, test) = macro_shape(config), _rows(config)
    population = 4 * config.particle_weights * shape.particles
    data = 4 * (train + test) * shape.inputs
    cells = shape.inputs + 3 * config.width * config.depth + 3 * shape.outputs
    batch = 4 * max(min(config.batch_size, train), test) * cells
    records = 600 * (config.epochs + 1)
    memory = BASE_BYTES + 2 * data + networks * (COPIES * population + batch + records)
    disk = networks * (run_bytes(config) + 2 * population)
    problems = []
    free_memory = psutil.virtual_memory().available
    if memory > free_memory:
        problems.append(
            f"this training needs about {human(memory)} of memory, {human(free_memory)} are free: "
            f"{shape.particles:,} particles of {config.particle_weights:,} weights each; "
            "choose fewer neurons, a smaller width or less depth"
        )
    free_disk = free_bytes(paths.cache_root())
    if disk + SLACK_BYTES > free_disk:
        problems.append(
            f"this training writes up to {human(disk)}, {human(free_disk)} are free on the disk of "
            f"{paths.cache_root()}; keep fewer snapshots (snapshot_every), or delete runs"
        )
    return memory, disk, problems


def _too_long(seconds: float) -> list[str]:
    if seconds <= LONGEST:
        return []
    return [
        f"this training would take about {seconds / 86_400:,.0f} days, more than the "
        f"{LONGEST / 86_400:.0f} that are accepted; choose fewer epochs or a smaller network"
    ]


def _seconds(config: RunConfig, engine: str = "auto", networks: int = 1) -> float:
    train, _ = _rows(config)
    steps = math.ceil(train / config.batch_size)
    pair, record = _speed(config, engine, networks)
    writing = networks * 2 * run_bytes(config) / WRITE_RATE
    return START_SECONDS + writing + config.epochs * (steps * pair + record)


def _floor_seconds(config: RunConfig) -> float:
    """Seconds that no machine of today's kind goes below: 1e11 multiply-adds a second."""
    shape, (train, _) = macro_shape(config), _rows(config)
    steps = math.ceil(train / config.batch_size)
    population = config.particle_weights * shape.particles
    work = steps * (config.replication_steps + 1) * population + train * shape.particles
    return config.epochs * work / 1e11


def _speed(config: RunConfig, engine: str, networks: int) -> tuple[float, float]:
    """Measured seconds of one step pair, and of one record, of so many networks. Kept per shape and
    rules."""
    config, scale = _smaller(config)
    shape, (train, test) = macro_shape(config), _rows(config)
    rows = min(config.batch_size, train)
    rules = (config.goal, config.target_gradient, config.shared_optimizer)
    key = (engine, shape, config.neurons, rows, test, config.replication_steps, rules, networks)
    with _measuring:
        if key not in _measured:
            _measured[key] = _measure(config, shape, engine, rows, test, networks)
        pair, record = _measured[key]
    return pair * scale, record * scale


def _smaller(config: RunConfig) -> tuple[RunConfig, float]:
    """A configuration quick enough to be timed, and how many times larger the real one is."""
    size = config.particle_weights * macro_shape(config).particles
    small, least = config, size
    while least > _LARGE and small.width > 1:
        small = small.replace(width=max(1, small.width // 2))
        least = small.particle_weights * macro_shape(small).particles
    return small, size / least


def _measure(
    config: RunConfig, shape: MacroShape, name: str, rows: int, test: int, networks: int
) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    x = rng.random((rows, shape.inputs), dtype=np.float32)
    y = rng.integers(0, shape.outputs, rows)
    problem = Problem.on(config, shape, x, y)
    encoding = torch.from_numpy(problem.encoding)
    start = initial_weights(config.neurons, shape.particles, 0, config.initial_weights)
    population = np.repeat(start[None], networks, axis=0)
    engine = make_engine(choose(name), problem, population, np.zeros_like(population))
    order, replicate = np.arange(rows), np.full(networks, config.replication_steps > 0)
    pair = _time(lambda: engine.train(order, rows, replicate))
    x_test = torch.from_numpy(rng.random((test, shape.inputs), dtype=np.float32))
    y_test = torch.from_numpy(rng.integers(0, shape.outputs, test))

    def record() -> None:
        weights = torch.from_numpy(engine.weights()[0])
        accuracy(scalar_weights(weights), x_test, y_test, shape)
        classify(weights, encoding)
        weights.numpy().copy(), engine.momentum()[0].copy()

    return pair, networks * _time(record)


def _time(work: Callable[[], object]) -> float:
    """Seconds of one call: the median of as many as take 60 ms, after one to warm up."""
    work()
    taken: list[float] = []
    while not taken or sum(taken) < 0.06:
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))


def _rows(config: RunConfig) -> tuple[int, int]:
    """Training and test images of a configuration's data set."""
    if config.dataset in _COUNTS:
        return _COUNTS[config.dataset]
    task = load_task(config.dataset, config.size)
    return len(task.x_train), len(task.x_test)
