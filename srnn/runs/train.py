"""Obtaining runs: from the cache, or by training them here; one, or several seeds at once.

:func:`obtain` is the one way to a run, for the command line, the experiments and the workers alike.
It holds the run's lock while it trains, so that of two processes asking for the same run one trains
and the other waits and loads.

:func:`obtain_seeds` trains several seeds of one configuration as one population on shared batches:
one long particle axis instead of S short ones is what a GPU needs; on a CPU a batch is gathered
once for all. Every seed ends as a run of its own, and each of its steps equals its single run's
within float32 rounding (bit for bit with the fused engine). What happens to one seed, a divergence,
a cancellation or an error, leaves the others alone. A seed that somebody else trains, or that can
go on from a checkpoint or a shorter run, is left to :func:`obtain`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from srnn import paths
from srnn.config import RunConfig
from srnn.files import json_number, writing
from srnn.runs.draft import Draft
from srnn.runs.fork import begin_fork
from srnn.runs.jobs import (
    CANCEL,
    FAILED,
    Cancelled,
    Progress,
    ask,
    note,
    read_progress,
    set_mark,
    settle,
    tell,
)
from srnn.runs.labels import mark_used
from srnn.runs.library import LOCK, REQUEST, find_run, find_shorter, is_unfinished
from srnn.runs.lock import Lock
from srnn.runs.record import RUN
from srnn.runs.run import Run
from srnn.runs.settings import worker_limit
from srnn.runs.space import clean_up
from srnn.tasks import resolve, task_of

if TYPE_CHECKING:
    from srnn.training import Record

Tell = Callable[[Progress], None]

LIVE_ROWS = 400
"""Rows of the live table at most; longer ones are thinned."""


def obtain(
    config: RunConfig, engine: str = "auto", on_progress: Tell | None = None
) -> tuple[Run, bool]:
    """The finished run of a configuration, and whether it was cached. Trains it if it is not
    there: from its checkpoint, else from a shorter run of the same configuration, else anew.

    Raises:
        ValueError: unknown engine.
        DataError: the data set cannot be used.
        ImpossibleError: too much memory, disk or time for this machine.
        Cancelled: somebody cancelled it.
        RunError: the run is there, but damaged, and cannot be set aside; or its folder was removed
            while it was being trained.
    """
    from srnn.estimate import refuse_impossible

    _check_engine(engine)
    config = resolve(config)
    while True:
        run = find_run(config.run_id)
        if run is not None:
            _tidy(run)
            mark_used(run.run_id)
            return run, True
        refuse_impossible(config, engine)
        with _taken(config, on_progress) as lock:
            if is_unfinished(lock.path.parent) or not (lock.path.parent / RUN).exists():
                ask(config, engine, queue=False)
                with accounted(lock):
                    return train_locked(config, engine, lock, on_progress), False


def _check_engine(engine: str) -> None:
    if engine != "auto":
        from srnn.engines import choose

        choose(engine)


def _tidy(run: Run) -> None:
    """Remove what a process left of its work that was killed after it had finished a run."""
    lock = Lock(run.path / LOCK)
    if not run.bundled and (lock.path.exists() or (run.path / REQUEST).exists()):
        with contextlib.suppress(OSError):
            if lock.take():
                settle(run.path)
                lock.release(remove=True)


@contextlib.contextmanager
def _taken(config: RunConfig, on_progress: Tell | None) -> Iterator[Lock]:
    """Hold the lock of a run's folder, made if need be; somebody else's training is waited for."""
    folder = paths.run_folder(config.run_id)
    lock = Lock(folder / LOCK)
    with writing():
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # removed at this very moment
                if lock.take(0.3):
                    break
            if on_progress:
                waiting = read_progress(folder) or Progress(done=0, total=config.epochs, what="")
                on_progress(waiting.model_copy(update={"what": "waiting"}))
    try:
        yield lock
    finally:
        lock.release(remove=not is_unfinished(folder))


@contextlib.contextmanager
def accounted(lock: Lock) -> Iterator[None]:
    """Training a run whose lock is held: however it ends, its folder says so. A process that is
    stopped from outside says nothing: its run is interrupted."""
    folder = lock.path.parent
    note("begins", folder.name)
    try:
        with writing():
            yield
    except Cancelled:
        note("cancelled", folder.name)
        raise
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt | SystemExit)
        note("interrupted" if stopped else "failed", folder.name)
        if not stopped and lock.mine():
            with contextlib.suppress(OSError):
                set_mark(folder, FAILED, f"{type(error).__name__}: {error}")
        raise
    note("finished", folder.name)


def train_locked(
    config: RunConfig,
    engine: str,
    lock: Lock,
    on_progress: Tell | None,
    until: int | None = None,
) -> Run:
    """Train a run whose lock is held, from where it is, and finish it; or cancel it after the epoch
    ``until``."""
    from srnn.engines import choose
    from srnn.training import train

    resolve(config)  # a folder of data may have changed while the job waited
    draft = Draft(config, lock, engine)
    if draft.state is None and (shorter := find_shorter(config, choose(engine))) is not None:
        draft.begin_from(shorter)
    elif draft.state is None and config.fork:
        begin_fork(draft)
    training = Training(draft, on_progress)
    training.report("preparing")
    if draft.stopped is None:
        last = time.perf_counter()
        for record in train(config, task_of(config), draft.state, engine):
            now = time.perf_counter()
            training.add(record, now - last)
            last = now
            if until is not None and until <= record.epoch < config.epochs:
                set_mark(draft.folder, CANCEL)
            if training.cancelled:
                training.report("training", now=True)
                stop_if_cancelled(draft)
    training.report("training", now=True)
    return finish(draft)


def stop_if_cancelled(draft: Draft) -> None:
    """Save what is trained and stop, unless the run has been asked for again meanwhile.

    Raises:
        Cancelled: it is saved.
    """
    draft.save()
    if (draft.folder / CANCEL).exists():
        raise Cancelled(f"run {draft.config.run_id} was cancelled")


def finish(draft: Draft) -> Run:
    """Make a whole training a finished run, and remove what the cache has no room for."""
    run = draft.finish()
    settle(draft.folder)
    mark_used(run.run_id)
    with contextlib.suppress(OSError):
        clean_up(keep=run.run_id)
    return run


class Training:
    """A run in training, whose lock is held: the caller hears of it every epoch, the progress file
    five times a second."""

    def __init__(self, draft: Draft, on_progress: Tell | None) -> None:
        self.draft, self.on_progress = draft, on_progress
        self.started, self.written = time.perf_counter(), 0.0
        self.first_epoch = draft.state.epoch if draft.state else 0

    @property
    def cancelled(self) -> bool:
        """Whether somebody wants it to stop."""
        return (self.draft.folder / CANCEL).exists()

    def add(self, record: Record, seconds: float, networks: int = 1) -> None:
        """Take in an epoch of one of ``networks`` trained together, that took so many seconds."""
        self.draft.add(record, seconds)
        self.draft.save_if_due(networks)
        self.report("training")

    def report(self, what: str, now: bool = False) -> None:
        draft, total = self.draft, self.draft.config.epochs
        epoch = draft.state.epoch if draft.state else 0
        done, elapsed = epoch - self.first_epoch, time.perf_counter() - self.started
        remaining = elapsed / done * (total - epoch) if done > 0 else None
        progress = Progress(
            done=epoch, total=total, what=what, seconds=draft.seconds, remaining=remaining
        )
        if self.on_progress:
            self.on_progress(progress)
        if now or time.perf_counter() - self.written > 0.2 or what == "preparing":
            self.written = time.perf_counter()
            rows = draft.rows[:: 1 + len(draft.rows) // LIVE_ROWS]
            clean = [{key: json_number(value) for key, value in row.items()} for row in rows]
            tell(draft.folder, progress.model_copy(update={"rows": clean}))


# --- several seeds -------------------------------------------------------------------------


def obtain_seeds(
    configs: Sequence[RunConfig], engine: str = "auto", on_progress: Tell | None = None
) -> list[tuple[Run, bool]]:
    """The finished runs of configurations that differ only in their seed, and whether each was
    cached; those that are not there are trained together. ``on_progress`` hears of one of them.

    Raises:
        ValueError: the configurations differ in more than their seed.
        Exception: whatever :func:`obtain` raises for a seed, after the others are done; the first
            if several do.
    """
    _check_engine(engine)
    configs = [resolve(config) for config in configs]
    if any(other.replace(seed=configs[0].seed) != configs[0] for other in configs):
        raise ValueError("networks of one population may differ only in their seed")
    seeds: list[_Seed] = []
    with contextlib.ExitStack() as held:
        mine = []
        for config in configs:
            if (lock := _take(config, engine)) is not None:
                held.callback(lock.release)
                mine.append((config, lock))
        if len(mine) > 1 and _fit([config for config, _ in mine], engine):
            seeds = _train_together(mine, engine, on_progress)
    errors = {seed.draft.config.run_id: seed.error for seed in seeds}
    found = []
    for config in configs:
        if errors.get(config.run_id) is None:
            try:
                run, cached = obtain(config, engine, on_progress)
                found.append((run, cached and config.run_id not in errors))
            except Exception as error:
                errors[config.run_id] = error
    for failure in errors.values():
        if failure is not None:
            raise failure
    return found


def _take(config: RunConfig, engine: str) -> Lock | None:
    """The lock of a run, taken, if nothing of it is there to go on from and no other process has
    it; else None. Nothing of a run is read without its lock."""
    from srnn.engines import choose

    folder = paths.run_folder(config.run_id)
    if find_run(config.run_id) is not None:
        return None
    with writing():
        folder.mkdir(parents=True, exist_ok=True)
        lock = Lock(folder / LOCK)
        if not lock.take(0.05):
            return None
    if config.fork or (folder / RUN).exists() or find_shorter(config, choose(engine)) is not None:
        lock.release()
        return None
    return lock


def _fit(configs: Sequence[RunConfig], engine: str) -> bool:
    """Whether there is room for all at once, in every process that may work; otherwise they are
    trained one after the other."""
    from srnn.estimate import ImpossibleError, refuse_impossible

    try:
        refuse_impossible(configs[0], engine, len(configs) * worker_limit())
    except ImpossibleError:
        return False
    return True


class _Seed(Training):
    """One network of a population in training, and how it ends."""

    def __init__(self, config: RunConfig, engine: str, lock: Lock) -> None:
        ask(config, engine, queue=False)
        super().__init__(Draft(config, lock, engine), None)
        self.gone = False
        self.error: Exception | None = None
        self.account = contextlib.ExitStack()
        self.account.enter_context(accounted(lock))

    @property
    def leaves(self) -> bool:
        """Whether it has stopped for good, or somebody wants it to."""
        return self.draft.stopped is not None or self.error is not None or self.cancelled

    def add(self, record: Record, seconds: float, networks: int = 1) -> None:
        try:
            super().add(record, seconds, networks)
        except Exception as error:  # its own: the others go on
            self.error = error

    def leave(self, whole: bool) -> None:
        """Finish it if it is trained (``whole``) or has diverged; else cancel it, unless it has
        been asked for again meanwhile. What goes wrong is kept in ``error``."""
        self.report("training", now=True)
        try:
            with contextlib.ExitStack() as leaving:
                leaving.push(self.account)
                if self.error is not None:
                    raise self.error
                if not whole and self.draft.stopped is None:
                    stop_if_cancelled(self.draft)
                    leaving.pop_all()
                    return
                finish(self.draft)
        except Exception as error:
            self.error = error
        self.gone = True
        self.draft.lock.release(remove=self.error is None)


def _train_together(
    mine: list[tuple[RunConfig, Lock]], engine: str, on_progress: Tell | None
) -> list[_Seed]:
    """Train configurations whose locks are held; each ends by itself. What stops all is raised."""
    seeds: list[_Seed] = []
    with contextlib.ExitStack() as accounts:
        for config, lock in mine:
            seeds.append(_Seed(config, engine, lock))
            accounts.push(seeds[-1].account)
        living = seeds
        while living:
            living[0].on_progress = on_progress
            leaving, whole = _until_one_leaves(living, engine)
            for seed in leaving:
                seed.leave(whole)
            living = [seed for seed in living if not seed.gone]
    return seeds


def _until_one_leaves(living: list[_Seed], engine: str) -> tuple[list[_Seed], bool]:
    """Train on from where they are, until they are through or one leaves; returns those that
    leave here, and whether they are through."""
    from srnn.training import train_population

    reached = [seed.draft.state for seed in living]
    states = [state for state in reached if state is not None] or None
    configs = [seed.draft.config for seed in living]
    before = time.perf_counter()
    for records in train_population(configs, task_of(configs[0]), states, engine):
        now = time.perf_counter()
        for seed, record in zip(living, records, strict=True):
            if record is not None:
                seed.add(record, (now - before) / len(living), len(living))
        before = now
        if leaving := [seed for seed in living if seed.leaves]:
            return leaving, False
    return living, True
