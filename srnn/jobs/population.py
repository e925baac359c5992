"""Several seeds of one configuration trained together, as one population on shared batches.

One long particle axis instead of S short ones is what a GPU needs; on a CPU a batch is gathered
once for all. Where several processes may work, seeds are trained as one population in each (see
:func:`shares`). Every seed ends as a run of its own, equal to its single run within float32
rounding. A seed that somebody else trains, or that can go on from a checkpoint or a shorter run, is
left to :func:`srnn.jobs.obtain.obtain`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

from filelock import Timeout

from srnn import paths
from srnn.config import RunConfig
from srnn.engines import choose
from srnn.estimate import ImpossibleError, refuse_impossible
from srnn.files import writing
from srnn.jobs.files import Cancelled, Progress, job_lock, lock
from srnn.jobs.obtain import accounted, claim, finish, obtain, settle, stop
from srnn.jobs.report import Reporter
from srnn.store import Run, find_run, find_shorter
from srnn.store.checkpoint import Partial, discard_partial, load_partial
from srnn.tasks import resolve, task_of
from srnn.training import train_population


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
    cached; those that are not there are trained together.

    Raises:
        ValueError: the configurations differ in more than their seed.
        Exception: whatever :func:`srnn.jobs.obtain.obtain` raises.
    """
    configs = [resolve(config) for config in configs]
    if any(other.replace(seed=configs[0].seed) != configs[0] for other in configs):
        raise ValueError("networks of one population may differ only in their seed")
    trained: set[str] = set()
    with contextlib.ExitStack() as held:
        mine = [config for config in configs if _take(config, held) and _is_new(config)]
        if len(mine) > 1 and _fits(mine, engine):
            _train_together(mine, engine, on_progress)
            trained = {config.run_id for config in mine}
    found = [obtain(config, engine, on_progress) for config in configs]
    return [(run, cached and run.run_id not in trained) for run, cached in found]


def _fits(configs: Sequence[RunConfig], engine: str) -> bool:
    """Whether there is room for all at once; otherwise they are trained one after the other."""
    try:
        refuse_impossible(configs[0], engine, len(configs))
    except ImpossibleError:
        return False
    return True


def _is_new(config: RunConfig) -> bool:
    """Whether nothing of this run, whose lock is held, is there to go on from."""
    return (
        find_run(config.run_id) is None
        and load_partial(config, paths.work_folder(config.run_id)) is None
        and find_shorter(config) is None
    )


def _take(config: RunConfig, held: contextlib.ExitStack) -> bool:
    """Take the run's lock until ``held`` closes, unless another process has it."""
    own = lock(config.run_id)
    try:
        with writing(paths.cache_root()):
            own.acquire(timeout=0)
    except Timeout:
        return False
    held.callback(own.release)
    return find_run(config.run_id) is None


def _train_together(
    configs: list[RunConfig], engine: str, on_progress: Callable[[Progress], None] | None
) -> None:
    partials = [Partial(config, paths.work_folder(config.run_id)) for config in configs]
    jobs = []
    with contextlib.ExitStack() as accounts:
        for config, partial in zip(configs, partials, strict=True):
            discard_partial(partial.folder)
            job = claim(config, engine)
            assert job is not None
            jobs.append(job)
            accounts.enter_context(accounted(config, job))
        tell = [on_progress, *[None] * (len(partials) - 1)]
        reporters = [
            Reporter(partial.config, partial, one)
            for partial, one in zip(partials, tell, strict=True)
        ]
        started = time.perf_counter()
        task = task_of(configs[0])
        for records in train_population(configs, task, engine=engine):
            share = (time.perf_counter() - started) / len(configs)
            for partial, record, reporter in zip(partials, records, reporters, strict=True):
                if record is not None:
                    partial.add(record)
                    partial.seconds = share
                    partial.save_if_due()
                    reporter.report("training")
            if any((partial.folder / "cancel").exists() for partial in partials):
                for partial, job in zip(partials, jobs, strict=True):
                    with job_lock(partial.config.run_id):
                        stop(partial, job)
                raise Cancelled("one of the seeds was cancelled; each goes on from here by itself")
        for partial in partials:
            finish(partial)
    for config in configs:
        settle(config)
