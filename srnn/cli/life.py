"""``particles``: the experiments of 2019 with free particles, beside their published figures;
``arithmetic``: MetaNets that add or multiply, and the same with their scalar weights."""

import argparse
import sys
import time
from typing import Any

from srnn.cli.output import answer, command, number, show_progress
from srnn.config import ConfigError

NAMES = (
    "self-application", "self-training", "robustness", "learn-from", "mixed", "mixed-alone", "soup",
)  # fmt: skip

OWN = {"mixed": ("kind", "count"), "mixed-alone": ("kind",)}
"""The options that only some experiments have."""


def add(commands: Any) -> None:
    particles = command(
        commands, "particles", "free particles and soups beside their published figures", _particles
    )
    particles.add_argument("experiment", choices=NAMES)
    particles.add_argument("--quick", action="store_true", help="fewer units")
    particles.add_argument("--seed", type=number(0), default=0, metavar="S")
    particles.add_argument(
        "--placebo", action="store_true", help="without what the claim is about: must not agree"
    )
    particles.add_argument(
        "--kind",
        choices=("weightwise", "aggregating", "recurrent"),
        help="mixed, mixed-alone: kind of particle (default: weightwise)",
    )
    particles.add_argument(
        "--count", choices=("identity", "zero"), help="mixed: what is counted (default: identity)"
    )
    sums = command(commands, "arithmetic", "train MetaNets to add or multiply", _arithmetic)
    sums.add_argument("task", choices=("addition", "multiplication"))
    sums.add_argument("--seeds", type=number(1, 100), default=10, metavar="K", help="networks")
    sums.add_argument(
        "--steps", type=number(1, 1_000_000), default=3000, metavar="N", help="batches of 50"
    )
    sums.add_argument(
        "--disturb", choices=("attack", "melt"), help="one round, by cell, before every task step"
    )


def _particles(options: argparse.Namespace) -> int:
    chosen = {name: value for name in OWN["mixed"] if (value := getattr(options, name)) is not None}
    if wrong := chosen.keys() - set(OWN.get(options.experiment, ())):
        raise ConfigError(f"{options.experiment} takes no --{min(wrong)}")
    from srnn.life.replications import EXPERIMENTS

    started = time.perf_counter()
    rows = EXPERIMENTS[options.experiment](
        quick=options.quick, seed=options.seed, placebo=options.placebo, **chosen
    )
    form = "{:<24} {:>15} {:>15} {:>15} {:>5}  {:>6}".format
    lines = [form("setting", "published", "here", "sd", "units", "z")]
    for line in rows:
        cells = (_figures(line[name]) for name in ("published", "obtained", "sd"))
        z = "" if line["z"] is None else f"{line['z']:.1f}"
        lines.append(form(line["setting"], *cells, line["units"], z))
    if not options.json:
        print(f"unit: {rows[0]['unit']}; {time.perf_counter() - started:.1f} s", file=sys.stderr)
    return answer(options, rows, *lines)


def _figures(value: Any) -> str:
    if value is None:
        return ""
    return " / ".join(f"{part:.2f}" for part in (value if isinstance(value, list) else [value]))


def _arithmetic(options: argparse.Namespace) -> int:
    from srnn.experiments.arithmetic import computation
    from srnn.runs import Progress
    from srnn.runs.results import remember

    show = show_progress(" pieces")
    show(Progress(done=0, total=1, what=options.task))
    one = computation(options.task, options.seeds, options.steps, options.disturb)
    result, cached = remember(one.name, one.key, lambda: one.function(**one.parameters))
    show(Progress(done=1, total=1, what="done"))
    networks = result.tables["numbers"]
    form = "{:>5} {:>12} {:>15} {:>11}".format
    lines = [form("seed", "mean error", "scalar weights", "replicators")]
    for row in networks.to_dict("records"):
        errors = (f"{row[name]:.2g}" for name in ("mae", "swapped"))
        lines.append(form(row["seed"], *errors, f"{18 * row['replicators']:.0f} of 18"))
    return answer(options, {**one.parameters, "cached": cached, "networks": networks}, *lines)
