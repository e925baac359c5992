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
from typing import Any

from filelock import Timeout

from srnn import paths
from srnn.config import RunConfig
from srnn.engines import available
from srnn.estimate import refuse_impossible
from srnn.files import writing
from srnn.history import TrainingState, keeps_snapshot
from srnn.jobs.files import (
    Cancelled,
    Progress,
    clear,
    job_lock,
    lock,
    new_job,
    read_job_file,
    read_progress,
    tidy,
    write_job,
)
from srnn.jobs.process import me
from srnn.jobs.report import Reporter, heartbeat, note
from srnn.metanet import macro_shape
from srnn.store import Run, find_run, find_shorter, save_run
from srnn.store.checkpoint import Partial, discard_partial, load_partial
from srnn.store.space import clean_up
from srnn.tasks import resolve, task_of
from srnn.training import train


def obtain(
    config: RunConfig,
    engine: str = "auto",
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[Run, bool]:
    """The finished run of a configuration, and whether it was cached. Trains it if it is not
    there: from its checkpoint, else from a shorter run of the same configuration, else anew.

    Raises:
        DataError: the data set cannot be used.
        ImpossibleError: too much memory, disk or time for this machine.
        Cancelled: somebody cancelled it.
        CacheError: the cache cannot be written (full or read-only).
        RunError: the run is there, but damaged, and cannot be set aside.
    """
    config = resolve(config)
    run = find_run(config.run_id)
    if run is not None:
        tidy(config.run_id)
        return run, True
    refuse_impossible(config, engine)
    with _run_lock(config, on_progress):
        run = find_run(config.run_id)
        if run is not None:
            return run, True
        job = claim(config, engine)
        assert job is not None
        return train_locked(config, job, on_progress), False


@contextlib.contextmanager
def _run_lock(config: RunConfig, on_progress: Callable[[Progress], None] | None) -> Iterator[None]:
    held = lock(config.run_id)
    while True:
        try:
            with writing(paths.cache_root()):
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


def claim(config: RunConfig, engine: str, *, queued: bool = False) -> dict[str, Any] | None:
    """Write down that this process trains a run, whose lock it holds; returns the job's values.
    With ``queued`` only if it still waits in the queue (else None)."""
    run_id = config.run_id
    with job_lock(run_id):
        paths.work_folder(run_id).mkdir(parents=True, exist_ok=True)
        job = read_job_file(run_id)
        if queued and (job is None or job["state"] != "queued"):
            return None
        (paths.work_folder(run_id) / "cancel").unlink(missing_ok=True)
        job = (job or new_job(config, engine)) | {"state": "running", "message": "", **me()}
        write_job(run_id, job)
    return job


def train_locked(
    config: RunConfig, job: dict[str, Any], on_progress: Callable[[Progress], None] | None
) -> Run:
    """Train a run that this process has claimed, and put it into the cache. However it ends, the
    job's file says so."""
    with accounted(config, job):
        run = finish(_train_partial(config, job, on_progress))
    settle(config)
    return run


@contextlib.contextmanager
def accounted(config: RunConfig, job: dict[str, Any]) -> Iterator[None]:
    """Training a claimed run: shows a sign of life, and writes down how it ends."""
    run_id = config.run_id
    note("begins", run_id)
    try:
        with writing(paths.cache_root()), heartbeat(paths.work_folder(run_id) / "alive"):
            yield
    except Cancelled:
        note("cancelled", run_id)
        raise
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt | SystemExit)
        state = "interrupted" if stopped else "failed"
        note(state, run_id)
        message = "stopped from outside" if stopped else f"{type(error).__name__}: {error}"
        with contextlib.suppress(OSError), job_lock(run_id):
            write_job(run_id, job | {"state": state, "message": message})
        raise
    note("finished", run_id)


def settle(config: RunConfig) -> None:
    """Remove the job of a run that is in the cache now, and what the cache has no room for."""
    with contextlib.suppress(OSError):
        with job_lock(config.run_id):
            clear(config.run_id)
        clean_up(keep=config.run_id)


def _train_partial(
    config: RunConfig,
    job: dict[str, Any],
    on_progress: Callable[[Progress], None] | None,
) -> Partial:
    folder = paths.work_folder(config.run_id)
    resolve(config)  # a folder of data may have changed while the job waited
    partial = load_partial(config, folder)
    if partial is None or not _can_go_on(partial.state):
        discard_partial(folder)
        partial = _from_shorter(config) or Partial(config, folder)
    reporter = Reporter(config, partial, on_progress)
    reporter.report("preparing")
    if partial.stopped is None:
        before, started = partial.seconds, time.perf_counter()
        for record in train(config, task_of(config), partial.state, job["engine"]):
            partial.add(record)
            partial.seconds = before + time.perf_counter() - started
            partial.save_if_due()
            reporter.report("training")
            if (folder / "cancel").exists():
                reporter.report("training", now=True)
                stop_if_cancelled(partial, job)
    reporter.report("training", now=True)
    return partial


def stop_if_cancelled(partial: Partial, job: dict[str, Any]) -> None:
    """Save what is trained and write down that it was cancelled, unless the run has been asked for
    again meanwhile.

    Raises:
        Cancelled: it is saved.
    """
    run_id, mark = partial.config.run_id, partial.folder / "cancel"
    with job_lock(run_id):
        if not mark.exists():
            return
        partial.save()
        write_job(run_id, job | {"state": "cancelled", "message": ""})
        mark.unlink(missing_ok=True)
    raise Cancelled(f"run {run_id} was cancelled")


def _from_shorter(config: RunConfig) -> Partial | None:
    """Start from a finished run of the same configuration with fewer epochs."""
    run = find_shorter(config)
    if run is None or not _can_go_on(run.state):
        return None
    state = run.state
    partial = Partial(
        config,
        paths.work_folder(config.run_id),
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


def _can_go_on(state: TrainingState | None) -> bool:
    """Whether the engine that trained this state works here; no other one goes on bit for bit."""
    return state is None or available(state.engine)


def finish(partial: Partial) -> Run:
    """Put a whole training into the cache."""
    config = partial.config
    assert partial.state is not None
    try:
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
    except OSError:  # a full disk: keep what was trained, if there is room for that
        with contextlib.suppress(OSError):
            partial.save()
        raise
