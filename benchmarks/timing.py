"""Timing by turns: what is compared is timed within the same seconds of the same process."""

import multiprocessing
import platform
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Step = Callable[[int], object]
"""Does that many steps."""

SLOW = 0.5
"""Seconds a step from which on a contender is slow: it has only ``SLOW_TURNS`` turns."""

SLOW_TURNS = 3


@dataclass(frozen=True)
class Times:
    """Milliseconds of one step: median and quartiles over the turns; ``ratio`` is the median over
    the turns of the time to the first contender's in the same turn, with its quartiles."""

    median: float
    low: float
    high: float
    ratio: float
    ratio_low: float
    ratio_high: float
    turns: int


def by_turns(contenders: dict[str, Step], turns: int, seconds: float) -> dict[str, Times]:
    """Time all contenders by turns, about ``seconds`` each turn; the first one is the yardstick."""
    counts = {}
    for name, step in contenders.items():
        step(1)  # compilation, first touch of the memory
        started = time.perf_counter()
        step(1)
        once = time.perf_counter() - started
        counts[name] = 0 if once > SLOW else int(np.clip(seconds / once, 1, 500))
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(turns):
        for name, step in contenders.items():
            if counts[name] == 0 and turn >= SLOW_TURNS:
                continue
            count = max(1, counts[name])
            started = time.perf_counter()
            step(count)
            spent[name].append((time.perf_counter() - started) / count * 1000)
    yardstick = next(iter(spent.values()))
    return {name: _times(np.array(times), np.array(yardstick)) for name, times in spent.items()}


def _times(times: np.ndarray, yardstick: np.ndarray) -> Times:
    low, median, high = np.percentile(times, (25, 50, 75))
    ratios = np.percentile(times / yardstick[: len(times)], (25, 50, 75))
    return Times(median, low, high, ratios[1], ratios[0], ratios[2], len(times))


def in_a_process(work: Callable[..., Any], *arguments: Any) -> Any:
    """What ``work`` returns in a fresh process, whose memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def peak_mb() -> float:
    """Peak memory of this process, MB."""
    status = Path("/proc/self/status")
    if status.exists():  # elsewhere a parent's peak is not inherited
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1e3
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if platform.system() == "Darwin" else 1e3)
