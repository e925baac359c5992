"""What a sweep costs beside its training: ``python -m benchmarks.sweeps``.

- Overhead: the same runs of about two seconds, trained one after the other in this process and by a
  sweep with one worker; the ratio, without the worker's start, which is given beside it.
- Many quick runs: time per run, and the driver's memory as the runs become more.
- What one row takes the driver: bytes that come back, and seconds to keep it.
- What that predicts: a sweep takes as long as its slowest stage (:func:`predicted`).
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from typing import Any

from srnn.config import RunConfig
from srnn.runs import obtain
from srnn.runs.results import Result, save_result
from srnn.sweeps.driver import sweep
from srnn.sweeps.local import LocalWorkers
from srnn.sweeps.measures import measure
from srnn.sweeps.plan import make_plan

LONG = {"dataset": "mnist", "epochs": 40}
QUICK = {"dataset": "digits", "epochs": 1, "depth": 3, "width": 3, "batch_size": 500}


def overhead(runs: int) -> dict[str, float]:
    """Seconds per run, bare (training and measures here) and in a sweep."""
    plan = make_plan({"base": LONG, "grid": {"seed": list(range(runs))}})
    os.environ["SRNN_CACHE"] = tempfile.mkdtemp()
    measure(obtain(plan.runs()[0].replace(epochs=1))[0])  # compiled, loaded
    started = time.perf_counter()
    for config in plan.runs():
        measure(obtain(config)[0])
    bare = time.perf_counter() - started
    os.environ["SRNN_CACHE"] = tempfile.mkdtemp()
    with LocalWorkers(1) as workers:
        started = time.perf_counter()
        sweep(make_plan({"base": QUICK, "grid": {"seed": [10**6]}}), workers)
        start = time.perf_counter() - started
        started = time.perf_counter()
        sweep(plan, workers)
        swept = time.perf_counter() - started
    return {"bare_s": bare / runs, "swept_s": swept / runs, "ratio": swept / bare, "start_s": start}


def many(runs: int, workers: int) -> dict[str, Any]:
    """A sweep of quick runs: seconds per run, and the driver's memory (MB) on the way."""
    os.environ["SRNN_CACHE"] = tempfile.mkdtemp()
    plan = make_plan({"base": QUICK, "grid": {"seed": list(range(runs))}})
    marks = {runs // 10, runs // 2, runs}
    memory: dict[int, float] = {}

    def tell(found: Any) -> None:
        if found.progress.done in marks:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            memory[found.progress.done] = peak / 1024

    started = time.perf_counter()
    with LocalWorkers(workers) as crew:
        sweep(plan, crew, tell=tell)
    return {"runs": runs, "s_per_run": (time.perf_counter() - started) / runs, "peak_MB": memory}


def row_cost(rows: int = 200) -> dict[str, float]:
    """Bytes of an answer, and seconds of keeping its row."""
    os.environ["SRNN_CACHE"] = tempfile.mkdtemp()
    config = RunConfig(**QUICK)
    row = {**config.to_dict(), **measure(obtain(config)[0])}
    started = time.perf_counter()
    for index in range(rows):
        save_result("sweep", {"run": index}, Result(row))
    keeping = (time.perf_counter() - started) / rows
    return {"bytes": len(json.dumps(row)), "keep_s": keeping}


SCHEDULER = 0.010
"""Seconds of Dask's scheduler per task (measured with distributed 2026.8: 10 ms)."""


def predicted(runs: float, workers: int, task: float, keep: float) -> tuple[float, str]:
    """Seconds of a sweep and the stage that sets them: ``task`` seconds a run on its worker,
    ``keep`` seconds a run in the driver.

    >>> predicted(1000, 10, 2.0, 0.005)
    (200.0, 'workers')
    """
    stages = {"workers": runs * task / workers, "scheduler": runs * SCHEDULER}
    stages["driver"] = runs * keep
    name = max(stages, key=lambda stage: stages[stage])
    return stages[name], name


def main() -> None:
    """Print all figures as JSON."""
    quick = "--quick" in sys.argv
    found = {
        "row": row_cost(),
        "overhead": overhead(2 if quick else 5),
        "many": many(100 if quick else 2000, os.cpu_count() or 1),
    }
    task, keep = found["overhead"]["swept_s"], found["row"]["keep_s"]
    found["predicted"] = {
        f"{runs:.0e} runs, {workers} workers": predicted(runs, workers, task, keep)
        for runs in (1e3, 1e5, 1e6)
        for workers in (10, 100, 1000)
    }
    quick_task = found["many"]["s_per_run"] * (os.cpu_count() or 1)
    checked = predicted(found["many"]["runs"], os.cpu_count() or 1, quick_task, keep)
    found["check"] = {
        "predicted_s": checked[0],
        "measured_s": found["many"]["runs"] * found["many"]["s_per_run"],
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
