"""What the commands share: how a command is declared, how a run and a table are printed."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from srnn.files import json_number

if TYPE_CHECKING:
    from srnn.runs.jobs import Progress


def command(
    commands: Any, name: str, help: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)
    return parser


def number(low: float, high: float = math.inf, kind: type = int) -> Callable[[str], Any]:
    """What reads an option that is a number from ``low`` to ``high``."""

    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            limits = f"from {low} to {high:,}" if high < math.inf else f"{low} or more"
            raise argparse.ArgumentTypeError(f"{text:.40}: must be {KINDS[kind]}, {limits}")
        return value

    return read


KINDS = {int: "a whole number", float: "a number"}


def summarise(run: Any) -> dict[str, Any]:
    """A run as one flat JSON object."""
    named = ("run_id", "particles", "engine", "provenance", "imported", "seconds", "stopped")
    facts = run.record.model_dump(include={*named, "config"}) | run.record.results.model_dump()
    weights = run.config.particle_weights
    return facts | {"name": run.name, "bundled": run.bundled, "weights_per_particle": weights}


def answer(options: argparse.Namespace, facts: Any, *lines: str) -> int:
    """Print the facts (tables as lists of their rows) as JSON if that is asked for, else the lines;
    returns exit status 0."""
    print(json.dumps(facts, default=_rows) if options.json else "\n".join(lines), flush=True)
    return 0


def _rows(table: Any) -> list[dict[str, Any]]:
    return [
        {name: json_number(cell) if isinstance(cell, float) else cell for name, cell in row.items()}
        for row in table.to_dict("records")
    ]


def show_progress(unit: str) -> Callable[[Progress], None]:
    """What a command tells its progress to: the job that it is, else a bar on the terminal (none
    where standard error is no terminal)."""
    from tqdm import tqdm

    from srnn.runs.parallel import job_teller

    if (teller := job_teller()) is not None:
        return teller
    bar = tqdm(disable=None if sys.stderr else True, unit=unit, leave=False, dynamic_ncols=True)

    def show(progress: Progress) -> None:
        bar.total = progress.total
        bar.set_description_str(progress.what[:60], refresh=False)
        bar.update(progress.done - bar.n)
        if progress.done >= progress.total:
            bar.close()

    return show
