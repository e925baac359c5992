"""Doing a sweep: what is cached is taken, the rest is handed out, every answer kept at once.

A row is cached by its run, the measures and their version, so a sweep that was cut off goes on, and
another sweep with some of the same runs does not repeat them. The driver's memory holds the tasks
under way and one row a run.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from srnn import paths
from srnn.config import RunConfig
from srnn.files import write_bytes, writing
from srnn.runs.results import Result, load_result, save_result
from srnn.sweeps.measures import MEASURES
from srnn.sweeps.plan import Plan
from srnn.sweeps.work import ROW, make_task, row_key, versions


class Workers(Protocol):
    """Where tasks are done: local processes, or a cluster. ``workers`` tasks may be under way."""

    workers: int

    def submit(self, task: dict[str, Any]) -> None: ...

    def next(self) -> dict[str, Any]: ...


@dataclass
class Progress:
    """A sweep so far: runs in all (for a map its budget), done (with those cached), taken from the
    cache, failed."""

    runs: int
    done: int = 0
    cached: int = 0
    failed: int = 0


@dataclass
class Sweep:
    """What came out: a row a run, and the errors of runs that failed (run id: message)."""

    plan: Plan
    progress: Progress
    rows: list[dict[str, Any]] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def table(self) -> pd.DataFrame:
        """One row a run: ``run_id``, all fields, the measures (NaN where one cannot be measured),
        ``stopped`` (a divergence, or empty), ``seconds`` of training."""
        names = [*MEASURES, *self.plan.measures]
        table = pd.DataFrame(self.rows)
        if not len(table):
            return pd.DataFrame(columns=["run_id", *names])
        table[names] = table[names].astype(float)
        return table.sort_values("run_id", ignore_index=True)


def known_row(config: RunConfig, plan: Plan) -> dict[str, Any] | None:
    """The cached row of a run, or None."""
    found = load_result(ROW, row_key(config.run_id, plan.measures))
    return None if found is None else found.facts


def sweep(
    plan: Plan,
    workers: Workers,
    history: str = "",
    tell: Callable[[Sweep], None] = lambda found: None,
) -> Sweep:
    """Do a sweep; ``history`` says where the runs' histories go (see
    :func:`srnn.sweeps.work.make_task`), ``tell`` hears of every run that is done.

    Raises:
        ConfigError: a point of a random sample or a map is no configuration.
        CacheError: the cache cannot be written; what is done is kept.
    """
    started = time.perf_counter()
    runs = plan.runs() if plan.kind != "map" else []
    found = Sweep(plan, Progress(plan.budget if plan.kind == "map" else len(runs)))
    crew = _Crew(found, workers, history, tell)
    if plan.kind == "map":
        _map(plan, crew)
    else:
        for _ in crew.do(runs):
            pass
    found.seconds = time.perf_counter() - started
    return found


class _Crew:
    """The workers with the cache before them."""

    def __init__(
        self, found: Sweep, workers: Workers, history: str, tell: Callable[[Sweep], None]
    ) -> None:
        self.found, self.workers, self.history, self.tell = found, workers, history, tell
        self.versions = versions()
        self.under_way: dict[str, RunConfig] = {}

    @property
    def full(self) -> bool:
        return len(self.under_way) >= self.workers.workers + 1

    def do(self, configs: Sequence[RunConfig]) -> Iterator[tuple[RunConfig, dict[str, Any] | None]]:
        """Do runs, yielding each with its row (None if it failed) as it is done."""
        for config in configs:
            while self.full:
                yield self.next()
            if (known := self.begin(config)) is not None:
                yield config, known
        while self.under_way:
            yield self.next()

    def begin(self, config: RunConfig) -> dict[str, Any] | None:
        """The row of a run that is cached; else it is handed out."""
        row = known_row(config, self.found.plan)
        if row is None:
            self.under_way[config.run_id] = config
            plan = self.found.plan
            self.workers.submit(make_task(config, plan.measures, self.history, self.versions))
            return None
        self.found.progress.cached += 1
        self._keep(row)
        return row

    def next(self) -> tuple[RunConfig, dict[str, Any] | None]:
        """The run that is done next, with its row."""
        answer = self.workers.next()
        config = self.under_way.pop(answer["run_id"])
        if "error" in answer:
            self.found.errors[config.run_id] = answer["error"]
            self.found.progress.done += 1
            self.found.progress.failed += 1
            self.tell(self.found)
            return config, None
        if "archive" in answer:
            from srnn.runs.share import import_run

            import_run(io.BytesIO(answer["archive"]))
        row = answer["row"]
        self.found.progress.cached += answer["cached"]
        if known_row(config, self.found.plan) is None:  # from a worker with another cache
            key = row_key(config.run_id, self.found.plan.measures)
            save_result(ROW, key, Result(row))
        self._keep(row)
        return config, row

    def _keep(self, row: dict[str, Any]) -> None:
        self.found.rows.append(row)
        self.found.progress.done += 1
        self.tell(self.found)


def _map(plan: Plan, crew: _Crew) -> None:
    """Refine a map until its budget of runs is used. A point that failed or diverged counts as 0,
    so that the map has no holes; the table says which."""
    from srnn.sweeps.refine import Refinement

    refinement = Refinement(plan)
    waiting: dict[str, dict[str, Any]] = {}  # by run
    open_points: dict[tuple[Any, ...], list[float]] = {}
    used = 0

    def take(point: dict[str, Any], row: dict[str, Any] | None) -> None:
        value = None if row is None else row[plan.measure]
        values = open_points[tuple(point.values())]
        values.append(0.0 if value is None or math.isnan(value) else float(value))
        if len(values) == len(plan.seeds):
            refinement.tell(point, sum(values) / len(values))
            del open_points[tuple(point.values())]

    while used + len(plan.seeds) <= plan.budget or waiting:
        point = None
        if used + len(plan.seeds) <= plan.budget and not crew.full:
            point = refinement.ask()
        if point is not None:
            used += len(plan.seeds)
            open_points[tuple(point.values())] = []
            for config in plan.configs(point):
                waiting[config.run_id] = point
                if (row := crew.begin(config)) is not None:
                    take(waiting.pop(config.run_id), row)
        elif waiting:
            config, row = crew.next()
            take(waiting.pop(config.run_id), row)
        else:
            break  # the fields' whole numbers are exhausted


def save_table(found: Sweep, path: Path | None = None) -> Path:
    """Write a sweep's table as Parquet (or CSV, by the ending of ``path``); default: in the cache,
    named after the plan.

    Raises:
        CacheError: the cache cannot be written.
    """
    table, buffer = found.table(), io.BytesIO()
    target = path or paths.sweeps_folder() / f"{found.plan.name}.parquet"
    with writing(paths.cache_root()):
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".csv":
            buffer.write(table.to_csv(index=False).encode())
        else:
            table.to_parquet(buffer, index=False)
        write_bytes(target, buffer.getbuffer())
    return target
