"""Several seeds of one configuration trained together, as one population on shared batches.

One long particle axis instead of S short ones is what a GPU needs; on a CPU a batch is gathered
once for all. Where several processes may work, seeds are trained as one population in each (see
:func:`shares`). Every seed ends as a run of its own, and each of its steps equals its single run's
within float32 rounding (bit for bit with the fused engine). What happens to one seed, a divergence,
a cancellation or an error, leaves the others alone. A seed that somebody else trains, or that can
go on from a checkpoint or a shorter run, is left to :func:`srnn.jobs.obtain.obtain`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

from filelock import BaseFileLock, Timeout

from srnn import paths
from srnn.config import RunConfig
from srnn.engines import choose
from srnn.estimate import ImpossibleError, refuse_impossible
from srnn.files import writing
from srnn.jobs.files import Progress, lock
from srnn.jobs.obtain import accounted, claim, finish, obtain, settle, stop_if_cancelled
from srnn.jobs.parallel import worker_count
from srnn.jobs.report import Reporter
from srnn.store import Run, find_run, find_shorter
from srnn.store.checkpoint import Partial, discard_partial, load_partial
from srnn.tasks import resolve, task_of
from srnn.training import Record, train_population


def shares(
    configs: Sequence[RunConfig], processes: int, engine: str = "auto"
) -> list[list[RunConfig]]:
    """Configurations that differ only in their seed, dealt out as one population for each of so
    many processes, at most; a GPU takes all of them as one."""
    if choose(engine) == "cuda":
        processes = 1
    count = max(1, min(processes, len(configs)))
    return [list(configs[start::count]) for start in range(count)]


def obtain_seeds(
    configs: Sequence[RunConfig],
    engine: str = "auto",
    on_progress: Callable[[Progress], None] | None = None,
) -> list[tuple[Run, bool]]:
    """The finished runs of configurations that differ only in their seed, and whether each was
    cached; those that are not there are trained together. ``on_progress`` hears of one of them.

    Raises:
        ValueError: the configurations differ in more than their seed.
        Exception: whatever :func:`srnn.jobs.obtain.obtain` raises for a seed, after the others are
            done; the first if several do.
    """
    configs = [resolve(config) for config in configs]
    if any(other.replace(seed=configs[0].seed) != configs[0] for other in configs):
        raise ValueError("networks of one population may differ only in their seed")
    seeds: list[_Seed] = []
    with contextlib.ExitStack() as held:
        mine = []
        for config in configs:
            if (own := _take(config)) is not None:
                held.callback(own.release)
                mine.append((config, own))
        if len(mine) > 1 and _fit([config for config, _ in mine], engine):
            seeds = _train_together(mine, engine, on_progress)
    errors = {seed.config.run_id: seed.error for seed in seeds}
    found = []
    for config in configs:
        if errors.get(config.run_id) is None:
            try:
                run, cached = obtain(config, engine, on_progress)
                found.append((run, cached and config.run_id not in errors))
            except Exception as error:
                errors[config.run_id] = error
    for error in errors.values():
        if error is not None:
            raise error
    return found


def _take(config: RunConfig) -> BaseFileLock | None:
    """The run's lock, taken, if nothing of the run is there to go on from and no other process has
    it; else None. Nothing of a run is read without its lock."""
    own = lock(config.run_id)
    try:
        with writing(paths.cache_root()):
            own.acquire(timeout=0)
    except Timeout:
        return None
    with contextlib.ExitStack() as undo:
        undo.callback(own.release)
        if (
            find_run(config.run_id) is not None
            or load_partial(config, paths.work_folder(config.run_id)) is not None
            or find_shorter(config) is not None
        ):
            return None
        undo.pop_all()
    return own


def _fit(configs: Sequence[RunConfig], engine: str) -> bool:
    """Whether there is room for all at once, in every process that may work; otherwise they are
    trained one after the other."""
    try:
        refuse_impossible(configs[0], engine, len(configs) * worker_count())
    except ImpossibleError:
        return False
    return True


class _Seed:
    """One network of a population in training, whose lock is held: its job, what it is so far, and
    how it ends."""

    def __init__(self, config: RunConfig, engine: str, own: BaseFileLock) -> None:
        folder = paths.work_folder(config.run_id)
        discard_partial(folder)
        self.config, self.partial, self.own = config, Partial(config, folder), own
        self.gone = False
        self.error: Exception | None = None
        job = claim(config, engine)
        assert job is not None
        self.job = job
        self.account = contextlib.ExitStack()
        self.account.enter_context(accounted(config, job))
        self.reporter = Reporter(config, self.partial, None)

    @property
    def leaves(self) -> bool:
        """Whether it has stopped for good, or somebody wants it to."""
        return self.partial.stopped is not None or (self.partial.folder / "cancel").exists()

    def add(self, record: Record, seconds: float) -> None:
        self.partial.add(record)
        self.partial.seconds += seconds
        self.partial.save_if_due()
        self.reporter.report("training")

    def leave(self, whole: bool) -> None:
        """Put it into the cache if it is trained (``whole``) or has diverged; else cancel it,
        unless it has been asked for again meanwhile. What goes wrong is kept in ``error``."""
        self.reporter.report("training", now=True)
        try:
            with contextlib.ExitStack() as leaving:
                leaving.push(self.account)
                if not whole and self.partial.stopped is None:
                    stop_if_cancelled(self.partial, self.job)
                    leaving.pop_all()
                    return
                finish(self.partial)
            settle(self.config)
        except Exception as error:
            self.error = error
        self.gone = True
        self.own.release()


def _train_together(
    mine: list[tuple[RunConfig, BaseFileLock]],
    engine: str,
    on_progress: Callable[[Progress], None] | None,
) -> list[_Seed]:
    """Train configurations whose locks are held; each ends by itself. What stops all is raised."""
    seeds: list[_Seed] = []
    with contextlib.ExitStack() as accounts:
        for config, own in mine:
            seeds.append(_Seed(config, engine, own))
            accounts.push(seeds[-1].account)
        living = seeds
        while living:
            living[0].reporter.tell = on_progress
            leaving, whole = _until_one_leaves(living, engine)
            for seed in leaving:
                seed.leave(whole)
            living = [seed for seed in living if not seed.gone]
    return seeds


def _until_one_leaves(living: list[_Seed], engine: str) -> tuple[list[_Seed], bool]:
    """Train on from where they are, until they are through or one leaves; returns those that
    leave here, and whether they are through."""
    reached = [seed.partial.state for seed in living]
    states = [state for state in reached if state is not None] or None
    configs = [seed.config for seed in living]
    before = time.perf_counter()
    for records in train_population(configs, task_of(configs[0]), states, engine):
        now = time.perf_counter()
        for seed, record in zip(living, records, strict=True):
            if record is not None:
                seed.add(record, (now - before) / len(living))
        before = now
        if leaving := [seed for seed in living if seed.leaves]:
            return leaving, False
    return living, True
