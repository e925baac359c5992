"""Obtaining runs: from the cache, or by training them here.

:func:`obtain` is the one way to a run, for the command line, the experiments and the background
workers alike. It holds the run's lock while it trains, so that of two processes asking for the same
run one trains and the other waits and loads.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from filelock import Timeout

from srnn import paths
from srnn.checkpoint import Partial, discard_partial, load_partial
from srnn.config import RunConfig
from srnn.files import write_json
from srnn.jobs.files import (
    Progress,
    Reporter,
    clear,
    host,
    lock,
    new_job,
    read_job_file,
    read_progress,
)
from srnn.metanet import macro_shape
from srnn.store import Run, find_run, find_shorter, save_run
from srnn.tasks import load_task, resolve
from srnn.training import TrainingState, keeps_snapshot, train


class Cancelled(RuntimeError):
    """The training was cancelled; it goes on from its last checkpoint when asked for again."""


def obtain(
    config: RunConfig,
    engine: str = "auto",
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[Run, bool]:
    """The finished run of a configuration, and whether it was cached. Trains it if it is not
    there: from its checkpoint, else from a shorter run of the same configuration, else anew.

    Raises:
        DataError: the data set cannot be used.
        Cancelled: somebody cancelled it.
        OSError: the cache cannot be written (full or read-only).
    """
    config = resolve(config)
    run = find_run(config.run_id)
    if run is not None:
        return run, True
    with _run_lock(config, on_progress):
        run = find_run(config.run_id)
        if run is not None:
            clear(config.run_id)
            return run, True
        return train_locked(config, engine, on_progress), False


@contextlib.contextmanager
def _run_lock(config: RunConfig, on_progress: Callable[[Progress], None] | None) -> Iterator[None]:
    held = lock(config.run_id)
    while True:
        try:
            held.acquire(timeout=0.3)
            break
        except Timeout:
            if on_progress:
                other = read_progress(config.run_id)
                waiting = other or Progress(0, config.epochs, "waiting", 0, None)
                on_progress(dataclasses.replace(waiting, phase="waiting"))
    try:
        yield
    finally:
        held.release()


def train_locked(
    config: RunConfig, engine: str, on_progress: Callable[[Progress], None] | None
) -> Run:
    folder = paths.work_folder(config.run_id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cancel").unlink(missing_ok=True)
    job = read_job_file(config.run_id) or new_job(config, engine)
    me = psutil.Process()
    job |= {"state": "running", "pid": me.pid, "born": me.create_time(), "host": host()}
    write_json(folder / "job.json", job)
    try:
        partial = _train_partial(config, engine, folder, on_progress)
        run = _finish(partial)
    except Cancelled:
        write_json(folder / "job.json", job | {"state": "cancelled", "message": ""})
        raise
    except BaseException as error:
        text = "interrupted from outside" if isinstance(error, KeyboardInterrupt) else str(error)
        with contextlib.suppress(OSError):
            message = f"{type(error).__name__}: {text}"
            write_json(folder / "job.json", job | {"state": "failed", "message": message})
        raise
    clear(config.run_id)
    return run


def _train_partial(
    config: RunConfig,
    engine: str,
    folder: Path,
    on_progress: Callable[[Progress], None] | None,
) -> Partial:
    partial = load_partial(config, folder)
    if partial is None:
        discard_partial(folder)
        partial = _from_shorter(config, folder) or Partial(config, folder)
    reporter = Reporter(config, partial, on_progress)
    reporter.report("preparing")
    if partial.stopped is None:
        before, started = partial.seconds, time.perf_counter()
        for record in train(config, load_task(config.dataset), partial.state, engine):
            partial.add(record)
            partial.seconds = before + time.perf_counter() - started
            partial.save_if_due()
            reporter.report("training")
            if (folder / "cancel").exists():
                partial.save()
                raise Cancelled(f"run {config.run_id} was cancelled")
    reporter.report("training", now=True)
    return partial


def _from_shorter(config: RunConfig, folder: Path) -> Partial | None:
    """Start from a finished run of the same configuration with fewer epochs."""
    run = find_shorter(config)
    if run is None:
        return None
    state: TrainingState = run.state
    partial = Partial(
        config,
        folder,
        run.records.to_dict("records"),
        state=state,
        seconds=run.info["seconds"],
        divergences=list(run.info["divergences"]),
        continued_from=run.run_id,
    )
    for epoch, weights in zip(run.snapshot_epochs, run.snapshots, strict=True):
        if keeps_snapshot(config, epoch):
            partial.append_snapshot(epoch, weights)
    return partial


def _finish(partial: Partial) -> Run:
    config = partial.config
    assert partial.state is not None
    return save_run(
        config,
        macro_shape(config),
        partial.records,
        partial.snapshots(),
        partial.snapshot_epochs,
        partial.state,
        seconds=partial.seconds,
        stopped=partial.stopped,
        divergences=partial.divergences,
        continued_from=partial.continued_from,
    )
