"""What a sweep costs beside its training: ``python -m benchmarks.sweeps``.

- Overhead: the same runs of about two seconds, trained one after the other in this process and by a
  sweep with one worker; the ratio, without the worker's start, which is given beside it.
- Many quick runs: time per run, and the driver's memory as the runs become more.
- First map: 64 points on the digits, h = 4, by its command, from its start to its end.
- A Dask cluster of one and of two workers on this machine: seconds per quick run.
- What one run takes the driver: bytes that come back, and seconds beside its training.
- What that predicts: a sweep takes as long as its slowest stage (:func:`predicted`); held against
  the sweeps with several workers, from what one worker takes.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from srnn.config import RunConfig
from srnn.runs import obtain
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
    warm = make_plan({"base": LONG | {"epochs": 1}, "grid": {"seed": [0]}})  # as this process is
    with LocalWorkers(1) as workers:
        started = time.perf_counter()
        sweep(warm, workers)
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


FIRST = """[base]
preset = "quick"
dataset = "digits"
neurons = 4
epochs = 20
batch_size = 100
[grid]
alpha = [0.1, 0.4, 1.6, 6.3, 25, 100, 400, 1000]
lr = [0.002, 0.004, 0.008, 0.016, 0.03, 0.06, 0.12, 0.25]
"""


def first_map() -> float:
    """Seconds of ``srnn sweep`` for a first map of 64 points, with a process for every core."""
    folder = Path(tempfile.mkdtemp())
    (folder / "map.toml").write_text(FIRST)
    started = time.perf_counter()
    command = [sys.executable, "-m", "srnn", "sweep", str(folder / "map.toml"), "--json"]
    subprocess.run(command, check=True, env=os.environ | {"SRNN_CACHE": str(folder)})
    return time.perf_counter() - started


def on_dask(runs: int, workers: int) -> float:
    """Seconds per quick run of a sweep on a Dask cluster of so many local workers."""
    from distributed import LocalCluster

    from srnn.sweeps.cluster import DaskWorkers

    os.environ["SRNN_CACHE"] = tempfile.mkdtemp()
    options = {"threads_per_worker": 1, "dashboard_address": None, "processes": True}
    with (
        LocalCluster(n_workers=workers, **options) as cluster,
        DaskWorkers(cluster.scheduler_address) as crew,
    ):
        sweep(make_plan({"base": QUICK, "grid": {"seed": list(range(10**6, 10**6 + 8))}}), crew)
        plan = make_plan({"base": QUICK, "grid": {"seed": list(range(runs))}})
        started = time.perf_counter()
        sweep(plan, crew)
        return (time.perf_counter() - started) / runs


class Instant:
    """Workers that have every answer at once: a sweep of theirs takes what its driver takes."""

    workers = ahead = 1

    def __init__(self) -> None:
        run = obtain(RunConfig(**QUICK))[0]
        self.row = {**measure(run), "stopped": "", "seconds": 1.0}
        self.tasks: list[dict[str, Any]] = []

    def submit(self, task: dict[str, Any]) -> None:
        self.tasks.append(task)

    def next(self) -> dict[str, Any]:
        task = self.tasks.pop(0)
        row = {"run_id": task["run_id"], **task["config"], **self.row}
        return {"run_id": task["run_id"], "row": row, "cached": False}


def driver(runs: int = 1000) -> dict[str, float]:
    """Bytes of an answer, and the driver's seconds a run: to make its task, to look for its row, to
    keep it."""
    os.environ["SRNN_CACHE"] = tempfile.mkdtemp()
    workers, plan = Instant(), make_plan({"base": QUICK, "grid": {"seed": list(range(runs))}})
    started = time.perf_counter()
    found = sweep(plan, workers)
    keeping = (time.perf_counter() - started) / runs
    row = found.table().iloc[0].to_dict()
    return {"bytes": len(json.dumps(row, default=str)), "keep_s": keeping}


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
    quick, cores = "--quick" in sys.argv, os.cpu_count() or 1
    parts: dict[str, Callable[[], Any]] = {
        "driver": driver,
        "overhead": lambda: overhead(2 if quick else 8),
        "first_map_s": first_map,
        "dask_s_per_run": lambda: {n: on_dask(50 if quick else 300, n) for n in (1, 2)},
        "one_worker": lambda: many(50 if quick else 200, 1),
        "many": lambda: many(100 if quick else 2000, cores),
    }
    found: dict[str, Any] = {}
    for name, measured in parts.items():
        found[name] = measured()
        print(f"{name}: {found[name]}", file=sys.stderr, flush=True)
    task, keep = found["overhead"]["swept_s"], found["driver"]["keep_s"]
    found["predicted"] = {
        f"{runs:.0e} runs, {workers} workers": predicted(runs, workers, task, keep)
        for runs in (1e3, 1e5, 1e6)
        for workers in (10, 100, 1000)
    }
    local = (found[part]["s_per_run"] for part in ("one_worker", "many"))
    found["check"] = {  # one worker's seconds a run foretell those of several
        f"{runs} quick runs, {workers} {where}": {
            "predicted_s": predicted(runs, workers, one, keep)[0],
            "measured_s": runs * measured_s,
        }
        for where, runs, workers, one, measured_s in (
            ("local workers", found["many"]["runs"], cores, *local),
            ("Dask workers", 300, 2, *found["dask_s_per_run"].values()),
        )
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
