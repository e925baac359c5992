"""``reproduce``: run the experiments (the rows of the research log, and what came after it)."""

import argparse
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

from srnn.cli.output import answer, command, number, show_progress
from srnn.files import TargetError, check_target, write_out


def add(commands: Any) -> None:
    reproduce = command(commands, "reproduce", "run the rows of the research log", _reproduce)
    reproduce.add_argument(
        "--row",
        action="extend",
        nargs="+",
        metavar="NAME",
        help="rows to run: 1 to 17, or the names of those after the log (default: all)",
    )
    reproduce.add_argument(
        "--quick",
        action="store_true",
        help="digits and a tenth of the epochs; makes no verdicts about the log's numbers",
    )
    reproduce.add_argument(
        "--seeds",
        type=number(1, 100),
        metavar="K",
        help="seeds of every training (default: 5; quick: 1)",
    )
    reproduce.add_argument(
        "--jobs", type=number(1, 100), metavar="N", help="processes at once (default: the cores)"
    )
    reproduce.add_argument(
        "--out", type=Path, metavar="FOLDER", help="also write every table there as CSV"
    )
    reproduce.add_argument("--force", action="store_true", help="replace tables that are there")
    reproduce.add_argument(
        "--ship",
        action="store_true",
        help="also put the outcomes into the package, as what the app shows before anything is run",
    )


def _reproduce(options: argparse.Namespace) -> int:
    from srnn.experiments.base import Settings
    from srnn.experiments.engine import chosen, run_experiments
    from srnn.experiments.shipped import ship

    wanted = chosen(options.row)  # a wrong row is refused before anything else is loaded
    if options.out:
        _check_folder(options.out, [one.name for one in wanted], options.force)
    import torch

    torch.set_num_threads(1)
    settings = Settings(options.quick, options.seeds or (1 if options.quick else 5))
    started, rows = time.perf_counter(), []
    for row in run_experiments(wanted, settings, show_progress(" pieces"), options.jobs):
        rows.append(row)
        if options.out:
            _write(options.out, row, options.force)
        if options.ship and not row.failed:
            ship(row.experiment, settings, row.outcome)
        if row.failed:
            print(f"{row.experiment.label} {row.outcome.verdict}", file=sys.stderr)
        if not options.json:
            _print(row)
    seconds = time.perf_counter() - started
    answer(options, [row.to_dict() for row in rows], f"{len(rows)} rows in {seconds:.0f} s")
    return 1 if any(row.failed for row in rows) else 0


def _print(row: Any) -> None:
    one, claims = row.experiment, row.outcome.tables.get("claims")
    cached = ", cached" if row.cached else ""
    print(f"{one.name:>2}  {one.title}  [{row.seconds:.1f} s{cached}]")
    lines = [("asks", one.question)]
    for claim in [] if claims is None else claims.to_dict("records"):
        placebo = f"{claim['control']}: {claim['placebo']}"
        text = f"{claim['claim']}: the log {claim['log']}; here {claim['here']}; {placebo}"
        lines.append(("claim", f"{text} [{claim['verdict']}]"))
    for label, text in (*lines, ("verdict", row.outcome.verdict), ("finding", row.outcome.finding)):
        if text:
            first, rest = f"    {label:<9} ", " " * 14
            print("\n".join(textwrap.wrap(text, 98, initial_indent=first, subsequent_indent=rest)))
    print(flush=True)


def _check_folder(folder: Path, names: list[str], force: bool) -> None:
    """Refuse a folder that is none, and tables that are there already, before the work begins."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise TargetError(f"{folder} is no folder")
    for name in names:
        for path in folder.glob(f"row-{name}-*.csv"):
            check_target(path, force)


def _write(folder: Path, row: Any, force: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in row.outcome.tables.items():
        path = folder / f"row-{row.experiment.name}-{name}.csv"
        write_out(path, table.to_csv(index=False).encode(), force=force)
