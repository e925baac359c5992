"""``sweep``: many runs from one file, in local processes or on a Dask cluster."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srnn.cli.output import answer, command, number, show_progress
from srnn.files import check_target
from srnn.runs import worker_limit

if TYPE_CHECKING:
    from srnn.sweeps.driver import Sweep, Workers
    from srnn.sweeps.outlook import Outlook
    from srnn.sweeps.plan import Plan

SAVE = 2.0
"""Seconds between two writings of the table while the sweep goes on."""

LIVE = 0.2
"""The same where somebody looks on."""


def add(commands: Any) -> None:
    sweep = command(commands, "sweep", "train all runs of a TOML file, and tabulate them", _sweep)
    sweep.add_argument("file", help="what to run: see srnn/sweeps/plan.py, or docs/sweeps.md")
    sweep.add_argument(
        "--scheduler",
        default=os.environ.get("SRNN_SCHEDULER"),
        help="a Dask scheduler (tcp://...), also by SRNN_SCHEDULER; default: local processes",
    )
    sweep.add_argument(
        "--workers", type=number(1), help="local processes (default: SRNN_JOBS, or cores)"
    )
    sweep.add_argument(
        "--history",
        default="",
        help="on a cluster: 'driver' brings every run back into this cache, an fsspec URL keeps "
        "them there; without it only the measures come back",
    )
    sweep.add_argument("--out", type=Path, help="the table: .parquet or .csv (default: cache)")
    sweep.add_argument("--force", action="store_true", help="replace a table that is there")
    sweep.add_argument("--dry-run", action="store_true", help="only say what would be done")
    live = command(commands, "live", "train a grid around where the app's pointer is", _live)
    live.add_argument("file", help="a sweep with a grid over two fields")


def _sweep(options: argparse.Namespace) -> int:
    from srnn.sweeps.plan import parse_plan, read_text

    if options.out:
        check_target(options.out, options.force)
    text = read_text(options.file)
    plan = parse_plan(text)  # first: what is no plan is not kept
    from srnn.sweeps.driver import save_table, sweep
    from srnn.sweeps.library import keep
    from srnn.sweeps.outlook import look_ahead

    if options.dry_run:
        ahead = dataclasses.asdict(look_ahead(plan, options.workers or worker_limit()))
        return _say(options, ahead | {"seconds": round(ahead["seconds"], 1)})
    keep(text)
    with _workers(options, plan) as workers:
        found = sweep(plan, workers, options.history, _teller(SAVE))
    table = save_table(found, options.out)
    errors = found.errors
    summary = dataclasses.asdict(found.progress) | {
        "seconds": round(found.seconds, 2),
        "table": str(table),
        "errors": dict(list(errors.items())[:20]),
    }
    _say(options, summary)
    return 1 if errors else 0


def _live(options: argparse.Namespace) -> int:
    from srnn.sweeps.driver import save_table
    from srnn.sweeps.live import live
    from srnn.sweeps.plan import read_plan

    found = live(read_plan(options.file), _teller(LIVE))
    save_table(found)
    return _say(options, dataclasses.asdict(found.progress))


def _teller(pause: float) -> Callable[[Sweep], None]:
    """What a sweep tells of itself: its progress, and now and then its table, so that the page
    shows the map as it fills in. A large table is written more rarely."""
    from srnn.runs import Progress
    from srnn.sweeps.driver import save_table

    show, started, again = show_progress(" runs"), time.monotonic(), 0.0

    def tell(found: Sweep) -> None:
        nonlocal again
        now, begun = found.progress, time.monotonic()
        what, seconds = f"{now.cached} cached, {now.failed} failed", begun - started
        show(Progress(done=now.done, total=now.runs, what=what, seconds=seconds))
        if begun > again:
            save_table(found)
            cost = time.monotonic() - begun if again else 0.0  # the first one imports its writer
            again = time.monotonic() + max(pause, 20 * cost)

    return tell


@contextlib.contextmanager
def _workers(options: argparse.Namespace, plan: Plan) -> Iterator[Workers]:
    """Who does the runs: a cluster, or as many processes as slots are free, or are asked for. Says
    first what is ahead."""
    from srnn.sweeps.outlook import look_ahead

    if options.scheduler:
        from srnn.sweeps.cluster import DaskWorkers

        with DaskWorkers(options.scheduler) as cluster:
            _tell_ahead(look_ahead(plan, cluster.workers, together=1))
            yield cluster
        return
    from srnn.runs.parallel import taken
    from srnn.sweeps.local import LocalWorkers

    own = options.workers
    with contextlib.nullcontext(own) if own else taken(plan.total()) as count:
        ahead = look_ahead(plan, count)
        _tell_ahead(ahead)
        with LocalWorkers(min(count, max(1, ahead.runs - ahead.cached))) as processes:
            yield processes


def _tell_ahead(ahead: Outlook) -> None:
    rest = f"the rest takes about {ahead.seconds:,.0f} s"
    left = rest if ahead.cached < ahead.runs else "nothing is missing"
    print(f"{ahead.runs:,} runs, {ahead.cached:,} cached; {left}", file=sys.stderr)


def _say(options: argparse.Namespace, summary: dict[str, Any]) -> int:
    if not options.json:
        for run_id, error in summary.get("errors", {}).items():
            print(f"run {run_id}: {error}", file=sys.stderr)
    line = ", ".join(f"{name} {value}" for name, value in summary.items() if name != "errors")
    return answer(options, summary, line)
