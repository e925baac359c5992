"""What the commands share: how a command is declared, how a run and a table are printed."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from srnn.runs.jobs import Progress


def command(
    commands: Any, name: str, help: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)
    return parser


def count_of(most: int) -> Callable[[str], int]:
    """What reads an option that counts something, from 1 on."""

    def count(text: str) -> int:
        if not 1 <= (value := int(text)) <= most:
            raise argparse.ArgumentTypeError(f"expected 1 to {most:,}")
        return value

    return count


def summarise(run: Any) -> dict[str, Any]:
    """A run as one flat JSON object."""
    return {
        "run_id": run.run_id,
        "name": run.name,
        "bundled": run.bundled,
        "particles": run.record.particles,
        "weights_per_particle": run.config.particle_weights,
        "epochs": run.record.results.epochs,
        "test_accuracy": run.record.results.test_accuracy,
        "types": run.record.results.types,
        "engine": run.record.engine,
        "provenance": run.record.provenance.model_dump(),
        "imported": run.record.imported,
        "seconds": run.record.seconds,
        "stopped": run.stopped,
        "config": run.config.to_dict(),
    }


def answer(options: argparse.Namespace, facts: Any, *lines: str) -> int:
    """Print the facts as JSON if that is asked for, else the lines; returns exit status 0."""
    print(json.dumps(facts) if options.json else "\n".join(lines), flush=True)
    return 0


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


def show_pieces() -> Callable[[int, int, str], None]:
    """:func:`show_progress` for work in pieces: told how many are done, of how many, and what is
    being done."""
    from srnn.runs.jobs import Progress

    show, started = show_progress(" pieces"), time.monotonic()

    def tell(done: int, total: int, what: str) -> None:
        seconds = time.monotonic() - started
        show(Progress(done=done, total=total, what=what[:500], seconds=seconds))

    return tell
