"""Doing a sweep: what is cached is taken, the rest is handed out, every answer kept at once.

A row is cached by its run, the measures and their version, so a sweep that was cut off goes on, and
another sweep with some of the same runs does not repeat them. The driver's memory holds the tasks
under way and one row a run.
"""

import io
import math
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from srnn.config import RunConfig, field_names
from srnn.files import write_bytes, writing
from srnn.runs.results import Result, load_result, save_result
from srnn.sweeps.library import kept_of
from srnn.sweeps.measures import MEASURES
from srnn.sweeps.plan import Plan
from srnn.sweeps.work import ROW, make_task, row_key, versions


class Workers(Protocol):
    """Where tasks are done: local processes, or a cluster. So many ``workers`` do one at a time;
    ``ahead`` tasks may be under way."""

    @property
    def workers(self) -> int: ...

    @property
    def ahead(self) -> int: ...

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


CHUNK = 500
"""Rows that are held as they came; more are packed into a table, a tenth of their size."""


@dataclass
class Sweep:
    """What came out: a row a run."""

    plan: Plan
    progress: Progress
    rows: list[dict[str, Any]] = field(default_factory=list)
    packed: list[pd.DataFrame] = field(default_factory=list)
    seconds: float = 0.0

    def table(self) -> pd.DataFrame:
        """One row a run: ``run_id``, all fields, the measures (NaN where one cannot be measured),
        ``stopped`` (a divergence, or empty), ``seconds`` of training, and ``error``: why a run
        failed, which then has no measures; else empty."""
        parts = [*self.packed, *([self._pack(self.rows)] if self.rows else [])]
        if not parts:
            return self._pack([])
        return pd.concat(parts).sort_values("run_id", ignore_index=True)

    @property
    def errors(self) -> dict[str, str]:
        """Why runs failed, by their ids."""
        table = self.table()
        failed = table[table["error"] != ""]
        return dict(zip(failed["run_id"], failed["error"], strict=True))

    def keep(self, row: dict[str, Any]) -> None:
        """Add a run's row."""
        self.rows.append(row)
        if len(self.rows) == CHUNK:
            self.packed.append(self._pack(self.rows))
            self.rows.clear()

    def _pack(self, rows: list[dict[str, Any]]) -> pd.DataFrame:
        measures = [*MEASURES, *self.plan.measures]
        names = ["run_id", *field_names(), *measures, "stopped", "seconds", "error"]
        table = pd.DataFrame(rows, columns=names)
        numbers = [*measures, "seconds"]
        table[numbers] = table[numbers].astype(float)
        texts = ["stopped", "error"]
        table[texts] = table[texts].astype(object).fillna("")
        same = {name: table[name].map(sys.intern) for name in names if _texts(table[name])}
        return table.assign(**same)  # a text that many rows have is there once


def _texts(column: pd.Series) -> bool:
    return bool(len(column)) and all(isinstance(value, str) for value in column)


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
    found = Sweep(plan, Progress(plan.total() if plan.kind == "map" else len(runs)))
    crew = Crew(found, workers, history, tell)
    if plan.kind == "map":
        _map(plan, crew)
    else:
        crew.do(runs)
    found.seconds = time.perf_counter() - started
    found.progress.runs = found.progress.done  # a map may have come to an end before its budget
    return found


class Crew:
    """The workers with the cache before them."""

    def __init__(
        self, found: Sweep, workers: Workers, history: str, tell: Callable[[Sweep], None]
    ) -> None:
        self.found, self.workers, self.history, self.tell = found, workers, history, tell
        self.versions = versions()
        self.under_way: dict[str, RunConfig] = {}

    def do(self, configs: Sequence[RunConfig]) -> None:
        """Do runs."""
        for config in configs:
            while len(self.under_way) > self.workers.ahead:
                self.next()
            self.begin(config)
        while self.under_way:
            self.next()

    def begin(self, config: RunConfig) -> dict[str, Any] | None:
        """The row of a run that is cached; else it is handed out."""
        if (row := self.take(config)) is None:
            self.under_way[config.run_id] = config
            plan = self.found.plan
            self.workers.submit(make_task(config, plan.measures, self.history, self.versions))
        return row

    def take(self, config: RunConfig) -> dict[str, Any] | None:
        """The row of a run, if it is cached."""
        row = known_row(config, self.found.plan)
        if row is not None:
            self.found.progress.cached += 1
            self._keep(row)
        return row

    def next(self) -> tuple[RunConfig, dict[str, Any] | None]:
        """The run that is done next, with its row (None if it failed)."""
        answer = self.workers.next()
        config = self.under_way.pop(answer["run_id"])
        if "error" in answer:
            self.found.progress.failed += 1
            self._keep({"run_id": config.run_id, **dict(config), "error": answer["error"]})
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
        self.found.keep(row)
        self.found.progress.done += 1
        self.tell(self.found)


LAG = 16
"""Part of a map's points that may be under way at once; at least :data:`LEAST`."""

LEAST = 4


def _map(plan: Plan, crew: Crew) -> None:
    """Refine a map until its budget of runs is used. Each point is asked for when so many answers
    are known, in the order in which their points were asked for, so that a map is the same whoever
    computes it, how fast, and however often it was cut off. A point that failed or diverged counts
    as 0, so that the map has no holes; the table says which."""
    from srnn.sweeps.refine import Refinement

    refinement, points = Refinement(plan), plan.budget // plan.each
    lag = max(LEAST, points // LAG)
    open_points: deque[tuple[dict[str, Any], list[RunConfig]]] = deque()
    values: dict[str, float] = {}  # by run

    def keep(config: RunConfig, row: dict[str, Any] | None) -> None:
        value = None if row is None or row["stopped"] else row[plan.measure]
        values[config.run_id] = 0.0 if value is None or math.isnan(value) else float(value)

    def tell_first() -> None:
        point, configs = open_points.popleft()
        runs = [config.run_id for config in configs]
        while not all(run_id in values for run_id in runs):
            keep(*crew.next())
        refinement.tell(point, [values.pop(run_id) for run_id in runs])

    begun = 0
    while begun < points or open_points:
        point = refinement.ask() if begun < points and len(open_points) < lag else None
        if point is not None:
            configs = plan.configs(point, begun)
            begun += 1
            open_points.append((point, configs))
            for config in configs:
                if (row := crew.begin(config)) is not None:
                    keep(config, row)
        elif open_points:
            tell_first()
        else:
            break  # the fields' whole numbers are exhausted


def save_table(found: Sweep, path: Path | None = None) -> Path:
    """Write a sweep's table as Parquet (or CSV, by the ending of ``path``); default: in the cache,
    named after the plan.

    Raises:
        CacheError: the cache cannot be written.
    """
    table, buffer = found.table(), io.BytesIO()
    target = path or kept_of(found.plan).table_file
    with writing():
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".csv":
            buffer.write(table.to_csv(index=False).encode())
        else:
            table.to_parquet(buffer, index=False)
        write_bytes(target, buffer.getbuffer())
    return target
