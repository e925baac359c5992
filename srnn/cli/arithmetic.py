"""``arithmetic``: MetaNets that add or multiply, and the same with their scalar weights."""

import argparse
from typing import Any

from srnn.cli.output import answer, command, count_of, show_pieces
from srnn.files import json_number


def add(commands: Any) -> None:
    parser = command(commands, "arithmetic", "train MetaNets to add or multiply", _arithmetic)
    parser.add_argument("task", choices=("addition", "multiplication"))
    parser.add_argument("--seeds", type=count_of(100), default=10, metavar="K", help="networks")
    parser.add_argument(
        "--steps", type=count_of(1_000_000), default=3000, metavar="N", help="batches of 50"
    )
    parser.add_argument(
        "--disturb", choices=("attack", "melt"), help="one round, by cell, before every task step"
    )


def _arithmetic(options: argparse.Namespace) -> int:
    from srnn.experiments.arithmetic import computation
    from srnn.runs.results import remember

    show = show_pieces()
    show(0, 1, options.task)
    one = computation(options.task, options.seeds, options.steps, options.disturb)
    result, cached = remember(one.name, one.key, lambda: one.function(**one.parameters))
    show(1, 1, "done")
    rows = result.tables["numbers"].to_dict("records")
    form = "{:>5} {:>12} {:>15} {:>11}".format
    lines = [form("seed", "mean error", "scalar weights", "replicators")]
    for row in rows:
        errors = (f"{row[name]:.2g}" for name in ("mae", "swapped"))
        lines.append(form(row["seed"], *errors, f"{18 * row['replicators']:.0f} of 18"))
    rows = [{name: json_number(value) for name, value in row.items()} for row in rows]
    return answer(options, {**one.parameters, "cached": cached, "networks": rows}, *lines)
