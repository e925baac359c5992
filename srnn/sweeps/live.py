"""A grid that is trained where somebody looks: the live mode of the page Phase map.

The page writes down where the pointer is (:func:`look_at`); the sweep beside it trains the nearest
missing point next, and looks again after every run. A network small enough to be trained in a tenth
of a second thus answers as the pointer moves. Runs and rows are cached like those of any sweep.
"""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from srnn import paths
from srnn.files import read_json, write_bytes, writing
from srnn.presets import PLANE
from srnn.sweeps.driver import Crew, Progress, Sweep
from srnn.sweeps.plan import Plan
from srnn.sweeps.work import attempt

FIELDS = ("alpha", "lr")
"""The fields of the plane: across, and up."""

PATIENCE = 30.0
"""Seconds after the pointer's last move at which the training ends."""

_BASE = "\n".join(f"{name} = {json.dumps(value)}" for name, value in PLANE.items())
PLAN = f"""title = "live: alpha and learning rate, a small network on digits"

[base]
{_BASE}

[grid]
alpha = [0.1, 0.18, 0.32, 0.56, 1, 1.8, 3.2, 5.6, 10, 18, 32, 56, 100, 180, 320, 560, 1000]
lr = [0.001, 0.0016, 0.0025, 0.004, 0.0063, 0.01, 0.016, 0.025, 0.04, 0.063, 0.1, 0.16, 0.25]
"""
"""The plane as it is at first: 17 x 13 networks of 312 particles."""


class Here:
    """A worker in this process, which has no start to wait for."""

    workers = ahead = 0

    def __init__(self) -> None:
        self._tasks: list[dict[str, Any]] = []

    def submit(self, task: dict[str, Any]) -> None:
        self._tasks.append(task)

    def next(self) -> dict[str, Any]:
        return attempt(self._tasks.pop(0))


def _place_file(plan: Plan) -> Path:
    return paths.sweeps_folder() / f"{plan.name}.place"


def look_at(plan: Plan, x: float, y: float) -> None:
    """Write down where somebody looks: values of the first two fields that vary.

    Raises:
        CacheError: the cache cannot be written.
    """
    with writing():
        paths.sweeps_folder().mkdir(parents=True, exist_ok=True)
        write_bytes(_place_file(plan), json.dumps([x, y]).encode(), durable=False)


def _looked_at(plan: Plan) -> tuple[tuple[float, float] | None, float]:
    """Where somebody looks, and for how many seconds already; None where nobody ever has."""
    file = _place_file(plan)
    try:
        x, y = read_json(file)
        return (float(x), float(y)), time.time() - file.stat().st_mtime
    except (OSError, ValueError, TypeError):
        return None, 0.0


def nearest(plan: Plan, missing: set[tuple[int, int]], at: tuple[float, float]) -> tuple[int, int]:
    """The missing point of a grid, as its place in the lists of values, that is nearest to a pair
    of values, counted in steps of the lists."""
    lists = list(plan.varied.values())
    here = [
        min(range(len(values)), key=lambda k: abs(values[k] - value))
        for values, value in zip(lists, at, strict=True)
    ]
    return min(missing, key=lambda cell: (math.dist(cell, here), cell))


def live(plan: Plan, tell: Callable[[Sweep], None]) -> Sweep:
    """Train a grid over two fields, with its first seed, around where somebody looks, until all is
    trained or nobody has moved for :data:`PATIENCE` seconds.

    Raises:
        CacheError: the cache cannot be written.
    """
    (x, xs), (y, ys) = plan.varied.items()
    cells = {
        (i, j): plan.configs({x: a, y: b})[0] for i, a in enumerate(xs) for j, b in enumerate(ys)
    }
    started, found = time.monotonic(), Sweep(plan, Progress(len(cells)))
    crew = Crew(found, Here(), "", tell)
    known = {cell for cell, config in cells.items() if crew.take(config) is not None}
    missing = set(cells) - known
    while missing:
        at, idle = _looked_at(plan)
        if min(idle, time.monotonic() - started) > PATIENCE:
            break
        if at is None:
            time.sleep(0.05)
            continue
        cell = nearest(plan, missing, at)
        missing.discard(cell)
        crew.begin(cells[cell])
        crew.next()
    found.seconds = time.monotonic() - started
    return found
