"""What the commands share: how a command is declared, how a run and a table are printed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any


def command(
    commands: Any, name: str, help: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)
    return parser


def summarise(run: Any) -> dict[str, Any]:
    """A run as one flat JSON object."""
    return {
        "run_id": run.run_id,
        "name": run.name,
        "bundled": run.bundled,
        "particles": run.info["particles"],
        "weights_per_particle": run.config.particle_weights,
        "epochs": run.results["epochs"],
        "test_accuracy": run.results["test_accuracy"],
        "types": run.results["types"],
        "engine": run.info["engine"],
        "seconds": run.info["seconds"],
        "stopped": run.stopped,
        "config": run.config.to_dict(),
    }


def print_table(
    options: argparse.Namespace, rows: list[dict], line: Callable[[dict], str], empty: str
) -> int:
    if options.json:
        print(json.dumps(rows))
    else:
        print("\n".join(line(row) for row in rows) or empty)
    return 0
