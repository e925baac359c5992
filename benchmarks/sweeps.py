"""What a sweep costs beside its training: ``python -m benchmarks.sweeps``.

- Overhead: the same runs of about two seconds, trained one after the other in this process and by a
  sweep with one worker; the ratio, without the worker's start, which is given beside it.
- Many quick runs: time per run, and the driver's memory as the runs become more.
- First map: 64 points on the digits, h = 4, by its command, from its start to its end.
- A Dask cluster of one and of several workers on this machine: seconds per quick run.
- What one run takes the driver: bytes that come back, and seconds beside its training.
- Dask workers by the hundred, whose runs only sleep and so need no cores: what the scheduler and
  the driver of a cluster take a run, and whether they keep up.
- What that predicts: a sweep takes as long as its slowest stage (:func:`predicted`); where all
  share a few cores, as long as all of its work there (:func:`crowded`). Held against sweeps of
  several sizes with several workers, from what one worker and bare trainings side by side take.
"""

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from srnn.config import RunConfig
from srnn.runs import obtain
from srnn.sweeps.driver import Sweep, Workers, sweep
from srnn.sweeps.local import LocalWorkers
from srnn.sweeps.measures import measure
from srnn.sweeps.plan import Plan, make_plan

LONG = {"dataset": "mnist", "epochs": 40}
QUICK = {"dataset": "digits", "epochs": 1, "depth": 3, "width": 3, "batch_size": 500}


def overhead(runs: int) -> dict[str, float]:
    """Seconds per run, bare (training and measures here) and in a sweep; the runs differ in alpha,
    since seeds would be trained together there."""
    plan = make_plan({"base": LONG, "grid": {"alpha": [100 + number for number in range(runs)]}})
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


def quick(seeds: range) -> Plan:
    """A sweep of quick runs."""
    return make_plan({"base": QUICK, "grid": {"seed": list(seeds)}})


@dataclass(frozen=True)
class Cost:
    """Seconds a run of a sweep: by the clock, and of processors, in the workers and in the process
    that hands out and keeps (on Dask, here, with the scheduler in it)."""

    clock: float
    worker: float
    hub: float


def processors() -> np.ndarray:
    """Seconds of processors so far: of this process, and of all that it has started."""
    own = psutil.Process()
    times = [[one.cpu_times() for one in some] for some in ([own], own.children(recursive=True))]
    return np.array([sum(t.user + t.system for t in some) for some in times])


def cost(crew: Workers, runs: int, tell: Callable[[Sweep], None] = lambda found: None) -> Cost:
    """What so many quick runs take, their workers warm."""
    sweep(quick(range(10**6, 10**6 + 16 * crew.workers)), crew)
    started, before = time.perf_counter(), processors()
    sweep(quick(range(runs)), crew, tell=tell)
    hub, worker = (processors() - before) / runs
    return Cost((time.perf_counter() - started) / runs, worker, hub)


def locally(runs: int, workers: int) -> tuple[Cost, dict[int, float]]:
    """The cost of quick runs in local processes, and the driver's memory (MB) on the way."""
    os.environ["SRNN_CACHE"] = tempfile.mkdtemp()
    marks = {runs // 10, runs // 2, runs}
    memory: dict[int, float] = {}

    def tell(found: Sweep) -> None:
        if found.progress.done in marks:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            memory[found.progress.done] = peak / 1024

    with LocalWorkers(workers) as crew:
        return cost(crew, runs, tell), memory


def on_dask(runs: int, workers: int) -> Cost:
    """The cost of quick runs on a Dask cluster of so many local workers."""
    from distributed import LocalCluster

    from srnn.sweeps.cluster import DaskWorkers

    os.environ["SRNN_CACHE"] = tempfile.mkdtemp()
    options = {"threads_per_worker": 1, "dashboard_address": None, "processes": True}
    with (
        LocalCluster(n_workers=workers, **options) as cluster,
        DaskWorkers(cluster.scheduler_address) as crew,
    ):
        return cost(crew, runs)


ASLEEP = """
import asyncio, json, sys, time
from distributed import Worker
from srnn.sweeps import cluster
address, workers, seconds, row = json.loads(sys.argv[1])
cluster.versions()  # once, not in every thread at the same time
def sleep(task):
    time.sleep(seconds)
    name = {"run_id": task["run_id"]}
    return {**name, "row": {**name, **task["config"], **row}, "cached": False}
cluster.do = sleep
async def main():
    all = [Worker(address, nthreads=1, memory_limit=0, dashboard=False) for _ in range(workers)]
    await asyncio.gather(*all)
    await all[0].finished()
asyncio.run(main())
"""


def asleep(runs: int, workers: int, seconds: float) -> dict[str, float]:
    """A sweep whose runs sleep, on so many Dask workers in one process, with a scheduler in
    another: its seconds, and of processors a run, in scheduler, workers and driver."""
    from distributed import Client

    from srnn.sweeps.cluster import DaskWorkers

    os.environ["SRNN_CACHE"] = tempfile.mkdtemp()
    row, address = Instant().row, "tcp://127.0.0.1:18786"
    options = ["--host", "127.0.0.1", "--port", "18786", "--no-dashboard"]
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", *options]
    told = json.dumps([address, workers, seconds, row])
    with contextlib.ExitStack() as started:
        both = []
        for command in (scheduler, [sys.executable, "-c", ASLEEP, told]):
            one = started.enter_context(subprocess.Popen(command, stderr=subprocess.DEVNULL))
            started.callback(one.kill)
            both.append(psutil.Process(one.pid))
        with Client(address, timeout=60) as client:
            client.wait_for_workers(workers, timeout=120)
        both.append(psutil.Process())
        with DaskWorkers(address) as crew:
            sweep(quick(range(10**6, 10**6 + workers)), crew)
            before = [sum(one.cpu_times()[:2]) for one in both]
            found = sweep(quick(range(runs)), crew)
            after = [sum(one.cpu_times()[:2]) for one in both]
    names = ("scheduler_s", "workers_s", "driver_s")
    taken = ((now - then) / runs for now, then in zip(after, before, strict=True))
    return {"clock_s": found.seconds, **dict(zip(names, taken, strict=True))}


ALONE = """
import time
from srnn.config import RunConfig
from srnn.runs import obtain
from srnn.sweeps.measures import measure
def some(seeds):
    for seed in seeds:
        measure(obtain(RunConfig(**{quick}, seed=seed))[0])
some(range(3))
print(flush=True)
input()
started = time.perf_counter()
some(range(3, 3 + {runs}))
print(time.perf_counter() - started)
"""


def crowding(runs: int, side_by_side: int) -> float:
    """How much longer the same runs take where so many processes, which know nothing of each
    other, do theirs at once: what cores share, without any sweep."""

    def seconds(processes: int) -> float:
        started = [
            subprocess.Popen(
                [sys.executable, "-c", ALONE.format(quick=QUICK, runs=runs)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"SRNN_CACHE": tempfile.mkdtemp(), "OMP_NUM_THREADS": "1"},
            )
            for _ in range(processes)
        ]
        for one in started:  # all have trained their first
            assert one.stdout
            one.stdout.readline()
        for one in started:
            assert one.stdin
            one.stdin.write("\n")
            one.stdin.flush()
        return max(float(one.communicate()[0]) for one in started)

    return seconds(side_by_side) / seconds(1)


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
    workers, plan = Instant(), quick(range(runs))
    started = time.perf_counter()
    found = sweep(plan, workers)
    keeping = (time.perf_counter() - started) / runs
    row = found.table().iloc[0].to_dict()
    return {"bytes": len(json.dumps(row, default=str)), "keep_s": keeping}


def predicted(
    runs: float, workers: int, task: float, scheduler: float, driver: float
) -> tuple[float, str]:
    """Seconds of a sweep and the stage that sets them, where everybody has a core: ``task`` seconds
    a run on its worker, the others' in the scheduler and in the driver.

    >>> predicted(1000, 10, 2.0, 0.004, 0.005)
    (200.0, 'workers')
    """
    stages = {"workers": runs * task / workers, "scheduler": runs * scheduler}
    stages["driver"] = runs * driver
    name = max(stages, key=lambda stage: stages[stage])
    return stages[name], name


def crowded(runs: int, workers: int, one: Cost, cores: int, crowd: float) -> float:
    """Seconds of a sweep where workers, scheduler and driver share so many cores: as many as its
    slowest stage takes, or as all of their work takes on all cores, each of which is ``crowd``
    times as slow as if the others were idle. ``one`` is what a sweep with one worker takes.

    >>> crowded(100, 2, Cost(1.0, 0.9, 0.5), 2, 1.2)
    84.0
    """
    all_work = (one.worker + one.hub) * crowd / cores
    return runs * max(one.clock / workers, one.hub, all_work)


def main() -> None:
    """Print all figures as JSON."""
    small, cores = "--quick" in sys.argv, os.cpu_count() or 1
    parts: dict[str, Callable[[], Any]] = {
        "driver": driver,
        "overhead": lambda: overhead(2 if small else 8),
        "first_map_s": first_map,
        "crowding": lambda: crowding(20 if small else 200, cores),
        "local": lambda: locally(48 if small else 200, 1)[0],
        "dask": lambda: on_dask(30 if small else 100, 1),
        "asleep": lambda: asleep(*((20, 4, 0.2) if small else (1500, 100, 2.0))),
    }
    found: dict[str, Any] = {}

    def measure_part(name: str, measured: Callable[[], Any]) -> None:
        found[name] = measured()
        print(f"{name}: {found[name]}", file=sys.stderr, flush=True)

    for name, measured in parts.items():
        measure_part(name, measured)
    stages = found["asleep"]["scheduler_s"], found["asleep"]["driver_s"]
    found["predicted"] = {
        f"{runs:.0e} runs, {workers} workers": predicted(runs, workers, 2.0, *stages)
        for runs in (1e3, 1e5, 1e6)
        for workers in (10, 100, 1000)
    }
    checks: dict[str, Any] = {}
    for where, runs in (("local", 500), ("local", 2000), ("dask", 150), ("dask", 400)):
        runs //= 10 if small else 1
        foretold = crowded(runs, cores, found[where], cores, found["crowding"])
        if where == "local":
            measured_cost, found["memory_MB"] = locally(runs, cores)
        else:
            measured_cost = on_dask(runs, cores)
        checks[f"{runs} quick runs, {cores} workers, {where}"] = {
            "predicted_s": foretold,
            "measured_s": runs * measured_cost.clock,
            "cost": measured_cost,
        }
        print(list(checks.items())[-1], file=sys.stderr, flush=True)
    found["check"] = checks
    print(json.dumps(found, indent=1, default=asdict))


if __name__ == "__main__":
    main()
