"""Load, for ``scripts/fault_report.py``: what checkpoints cost, many jobs, many visitors."""

import os
import statistics
import time
from collections import Counter
from pathlib import Path

import faults
import numpy as np
import sessions
import test_jobs

from srnn import runs
from srnn.presets import preset
from srnn.runs import list_runs, worker
from srnn.runs.draft import Draft
from srnn.runs.lock import Lock
from srnn.tasks import load_task
from srnn.training import train

Row = tuple[str, int, str, bool]
"""What was done, how often, what came of it, and whether that is as it should be."""


def checkpoint_cost(room: Path) -> list[Row]:
    """Train on MNIST for a while; measure what the checkpoints take."""
    config, saves, spent = preset("log-h8-residual", epochs=400), 0, 0.0
    with faults.using(room):
        folder = runs.jobs.ask(config, "auto", queue=False)
        lock = Lock(folder / "lock")
        lock.take()
        draft = Draft(config, lock)
        started = time.perf_counter()
        for record in train(config, load_task("mnist")):
            draft.add(record)
            before = time.perf_counter()
            if draft.save_if_due():
                saves, spent = saves + 1, spent + time.perf_counter() - before
        lock.release()
    length = time.perf_counter() - started
    share = spent / length
    said = f"{100 * share:.2f} % of {length:.0f} s of training"
    return [("Checkpoints of log-h8-residual, 400 epochs", saves, said, share < 0.02)]


def queue(room: Path, count: int) -> list[Row]:
    """Queue the same jobs from four processes at once, in different orders."""
    configs = [faults.victim(seed, epochs=1).to_dict() for seed in range(count)]
    with faults.using(room / "cache"):
        started = time.monotonic()
        children = [
            faults.start(
                test_jobs.submit_many,
                str(room / "cache"),
                [configs[place] for place in np.random.default_rng(turn).permutation(count)],
            )
            for turn in range(4)
        ]
        for child in children:
            child.join(300)
        test_jobs.until(lambda: not runs.list_jobs(), 300)
        test_jobs.until(lambda: not test_jobs.slots_in_use())
        length = time.monotonic() - started
        begun = Counter(test_jobs.begun())
        there = sum(not run.bundled for run in list_runs())
    once = sum(times == 1 for times in begun.values())
    said = f"{once} trained exactly once, {there} runs, {length:.0f} s"
    fine = once == there == count == len(begun)
    return [(f"{count} jobs queued by 4 processes at once, 2 workers", count, said, fine)]


def visitors(room: Path, files: list[str], count: int, seconds: float) -> list[Row]:
    """Visitors who browse cached runs while a job trains on MNIST."""
    pause = 8.0
    with faults.using(room / "cache"):
        ids = [runs.obtain(faults.victim(seed, epochs=20))[0].run_id for seed in range(4)]
        ids += [run.run_id for run in list_runs() if run.bundled]
        config = preset("log-h8-residual", epochs=20_000, snapshot_every=1000)
        os.environ["SRNN_JOBS"] = "1"
        job = runs.submit(config)
        test_jobs.until(lambda: (one := runs.read_job(job)) and one.progress, 120)
        pages = ["", *(Path(page).stem for page in files), "train"]
        try:
            with sessions.server(room / "cache") as port:
                first = sessions.visit_all(port, pages, ids)
                visits = sessions.browse(port, pages, ids, count, seconds, pause)
            running = runs.read_job(job)
            trained = running is not None and running.state == "running"
        finally:
            runs.cancel(job)
            test_jobs.until(lambda: runs.read_job(job).state != "running", 120)
            test_jobs.until(lambda: all(child.poll() is not None for child in worker._children))
    visits.errors += first.errors
    median, alone = statistics.median(visits.all), statistics.median(first.all)
    slow = sorted(visits.all)[int(0.95 * len(visits.all))]
    for error in visits.errors[:10]:
        print(f"    {error}")
    pages_said = ", ".join(
        f"{page} {statistics.median(values):.2f}" for page, values in sorted(visits.seconds.items())
    )
    said = (
        f"median {median:.2f} s, 95 % under {slow:.2f} s, {len(visits.errors)} errors; job went "
        f"on: {'yes' if trained else 'no'}; one visitor alone {alone:.2f} s. Medians by page: "
        f"{pages_said}"
    )
    title = f"Page reruns by {count} visitors in {seconds:.0f} s (pauses of about {pause:.0f} s)"
    return [(title, len(visits.all), said, slow < 1.5 and not visits.errors and trained)]
