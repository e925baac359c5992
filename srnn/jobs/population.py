"""Several seeds of one configuration trained together, as one population on shared batches.

One long particle axis instead of S short ones is what a GPU needs, and it helps the manual engine;
the fused engine gains nothing from it and is better run in one process per seed (see
:func:`gains`). Every seed ends as a run of its own, equal to its single run within float32
rounding. A seed that somebody else trains, or that can go on from a checkpoint or a shorter run, is
left to :func:`srnn.jobs.obtain.obtain`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence

from filelock import Timeout

from srnn import paths
from srnn.config import RunConfig
from srnn.engines import Problem, choose
from srnn.estimate import refuse_impossible
from srnn.files import writing
from srnn.jobs.files import Cancelled, Progress, job_lock, lock
from srnn.jobs.obtain import accounted, claim, finish, obtain, settle, stop
from srnn.jobs.report import Reporter
from srnn.store import Run, find_run, find_shorter
from srnn.store.checkpoint import Partial, discard_partial, load_partial
from srnn.tasks import resolve, task_of
from srnn.training import train_population

TOGETHER = ("cuda", "manual")
"""Engines that train a population faster than one network after the other."""


def gains(config: RunConfig, engine: str = "auto") -> bool:
    """Whether seeds of this configuration are faster together than in processes of their own."""
    return choose(engine, Problem.of(config, task_of(config))) in TOGETHER


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
        if len(mine) > 1:
            refuse_impossible(mine[0], engine)
            _train_together(mine, engine, on_progress)
            trained = {config.run_id for config in mine}
    found = [obtain(config, engine, on_progress) for config in configs]
    return [(run, cached and run.run_id not in trained) for run, cached in found]


def obtain_populations(configs: Iterable[RunConfig], engine: str = "auto") -> None:
    """Train together what is missing of those configurations that differ only in their seed, where
    that is faster; all else is left to be obtained one by one."""
    groups: dict[RunConfig, list[RunConfig]] = {}
    for config in configs:
        groups.setdefault(config.replace(seed=0), []).append(config)
    for group in groups.values():
        if len(group) > 1 and gains(group[0], engine):
            obtain_seeds(group, engine)


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
