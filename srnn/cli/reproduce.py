"""``reproduce``: run the rows of the research log, and say what came out."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

from srnn.cli.output import command

CLEAR = "\r" + " " * 79 + "\r"


def add(commands: Any) -> None:
    """Declare the command."""
    reproduce = command(commands, "reproduce", "run the rows of the research log", _reproduce)
    reproduce.add_argument(
        "--row",
        action="extend",
        type=int,
        nargs="+",
        metavar="N",
        help="rows to run (default: all, 1 to 17)",
    )
    reproduce.add_argument(
        "--quick",
        action="store_true",
        help="digits and a tenth of the epochs; makes no verdicts about the log's numbers",
    )
    reproduce.add_argument(
        "--seeds", type=_seeds, metavar="K", help="seeds of every training (default: 3; quick: 1)"
    )
    reproduce.add_argument(
        "--jobs", type=_seeds, metavar="N", help="processes at once (default: the cores)"
    )
    reproduce.add_argument(
        "--out", type=Path, metavar="FOLDER", help="also write every table there as CSV"
    )
    reproduce.add_argument("--background", action="store_true", help=argparse.SUPPRESS)


def _seeds(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 100:
        raise argparse.ArgumentTypeError("expected 1 to 100")
    return value


def _reproduce(options: argparse.Namespace) -> int:
    from srnn.experiments.base import Settings
    from srnn.experiments.reproduce import chosen, reproduce
    from srnn.jobs.background import REPRODUCTION

    chosen(options.row)  # a wrong row is refused before anything else is loaded
    import torch

    torch.set_num_threads(1)
    settings = Settings(options.quick, options.seeds or (1 if options.quick else 3))
    tell = REPRODUCTION.tell if options.background else _progress
    started, rows = time.perf_counter(), []
    for row in reproduce(options.row, settings, tell, options.jobs):
        rows.append(row)
        if options.out:
            _write(options.out, row)
        if options.background:
            if row.failed:
                print(f"row {row.experiment.row} {row.outcome.verdict}", file=sys.stderr)
        elif not options.json:
            sys.stderr.write(CLEAR)
            _print(row)
    if not options.background:
        sys.stderr.write(CLEAR)
    if options.json:
        print(json.dumps([row.to_dict() for row in rows]))
    elif not options.background:
        print(f"{len(rows)} rows in {time.perf_counter() - started:.0f} s")
    return 1 if any(row.failed for row in rows) else 0


def _progress(done: int, total: int, what: str) -> None:
    sys.stderr.write(f"\r{f'{done}/{total} {what}'[:78]:<79}")
    sys.stderr.flush()


def _print(row: Any) -> None:
    one = row.experiment
    print(f"{one.row:>2}  {one.title}  [{row.seconds:.1f} s{', cached' if row.cached else ''}]")
    for label, text in (
        ("asks", one.question),
        ("log", one.expected),
        ("obtained", row.outcome.obtained),
        ("verdict", row.outcome.verdict),
    ):
        lines = textwrap.wrap(
            text, 84, initial_indent=f"    {label:<9} ", subsequent_indent=" " * 14
        )
        print("\n".join(lines))
    print(flush=True)


def _write(folder: Path, row: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in row.outcome.tables.items():
        table.to_csv(folder / f"row-{row.experiment.row:02d}-{name}.csv", index=False)
