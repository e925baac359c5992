"""``sweep``: many runs from one file, in local processes or on a Dask cluster."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from pathlib import Path
from typing import Any

from srnn.cli.output import answer, command, show_pieces
from srnn.config import ConfigError
from srnn.files import check_target

SAVE = 2.0
"""Seconds between two writings of the table while the sweep goes on."""


def add(commands: Any) -> None:
    """Declare the command."""
    sweep = command(commands, "sweep", "train all runs of a TOML file, and tabulate them", _sweep)
    sweep.add_argument("file", help="what to run: see srnn/sweeps/plan.py, or docs/sweeps.md")
    sweep.add_argument(
        "--scheduler",
        default=os.environ.get("SRNN_SCHEDULER"),
        help="a Dask scheduler (tcp://...), also by SRNN_SCHEDULER; default: local processes",
    )
    sweep.add_argument("--workers", type=int, help="local processes (default: SRNN_JOBS, or cores)")
    sweep.add_argument(
        "--history",
        default="",
        help="on a cluster: 'driver' brings every run back into this cache, an fsspec URL keeps "
        "them there; without it only the measures come back",
    )
    sweep.add_argument("--out", type=Path, help="the table: .parquet or .csv (default: cache)")
    sweep.add_argument("--force", action="store_true", help="replace a table that is there")
    sweep.add_argument("--dry-run", action="store_true", help="only say what would be done")


def _sweep(options: argparse.Namespace) -> int:
    from srnn.sweeps.plan import parse_plan, read_text

    if options.workers is not None and options.workers < 1:
        raise ConfigError(f"--workers {options.workers}: must be at least 1")
    if options.out:
        check_target(options.out, options.force)
    text = read_text(options.file)
    plan = parse_plan(text)  # first: what is no plan is not kept
    from srnn.sweeps.driver import Sweep, known_row, save_table, sweep
    from srnn.sweeps.library import keep

    if options.dry_run:
        configs = plan.runs() if plan.kind != "map" else []
        cached = sum(known_row(config, plan) is not None for config in configs)
        return _say(options, plan, {"runs": len(configs) or plan.budget, "cached": cached})
    keep(text)
    show, saved = show_pieces(), time.monotonic()

    def tell(found: Sweep) -> None:
        nonlocal saved
        now = found.progress
        show(now.done, now.runs, f"{now.cached} cached, {now.failed} failed")
        if time.monotonic() > saved + SAVE:  # the page shows the map as it fills in
            save_table(found)
            saved = time.monotonic()

    with _workers(options) as workers:
        found = sweep(plan, workers, options.history, tell)
    table = save_table(found, options.out)
    errors = dict(list(found.errors.items())[:20])
    summary = dataclasses.asdict(found.progress) | {
        "seconds": round(found.seconds, 2),
        "table": str(table),
        "errors": errors,
    }
    _say(options, plan, summary)
    return 1 if found.errors else 0


def _workers(options: argparse.Namespace) -> Any:
    if options.scheduler:
        from srnn.sweeps.cluster import DaskWorkers

        return DaskWorkers(options.scheduler)
    from srnn.runs import worker_limit
    from srnn.sweeps.local import LocalWorkers

    return LocalWorkers(options.workers or worker_limit())


def _say(options: argparse.Namespace, plan: Any, summary: dict[str, Any]) -> int:
    if not options.json:
        for run_id, error in summary.get("errors", {}).items():
            print(f"run {run_id}: {error}", file=sys.stderr)
    line = ", ".join(f"{name} {value}" for name, value in summary.items() if name != "errors")
    return answer(options, summary, line)
