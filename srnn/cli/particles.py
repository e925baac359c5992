"""``particles``: the experiments of 2019 with free particles, beside their published figures."""

import argparse
import sys
import time
from typing import Any

from srnn.cli.output import answer, command
from srnn.config import ConfigError

NAMES = (
    "self-application", "self-training", "robustness", "learn-from", "mixed", "mixed-alone", "soup",
)  # fmt: skip


def add(commands: Any) -> None:
    parser = command(
        commands, "particles", "free particles and soups beside their published figures", _particles
    )
    parser.add_argument("experiment", choices=NAMES)
    parser.add_argument("--quick", action="store_true", help="fewer units")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument(
        "--placebo", action="store_true", help="without what the claim is about: must not agree"
    )
    parser.add_argument(
        "--kind",
        choices=("weightwise", "aggregating", "recurrent"),
        help="mixed, mixed-alone: kind of particle (default: weightwise)",
    )
    parser.add_argument(
        "--count", choices=("identity", "zero"), help="mixed: what is counted (default: identity)"
    )


def _particles(options: argparse.Namespace) -> int:
    if options.seed < 0:
        raise ConfigError(f"--seed {options.seed}: must be 0 or more")
    from srnn.life.replications import EXPERIMENTS

    allowed = {"mixed": ("kind", "count"), "mixed-alone": ("kind",)}.get(options.experiment, ())
    chosen = {name: getattr(options, name) for name in ("kind", "count")}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    if not chosen.keys() <= set(allowed):
        raise ValueError(
            f"{options.experiment} takes no --{next(iter(chosen.keys() - {*allowed}))}"
        )
    started = time.perf_counter()
    rows = EXPERIMENTS[options.experiment](
        quick=options.quick, seed=options.seed, placebo=options.placebo, **chosen
    )
    form = "{:<24} {:>15} {:>15} {:>15} {:>5}  {:>6}".format
    lines = [form("setting", "published", "here", "sd", "units", "z")]
    for line in rows:
        cells = (_number(line[name]) for name in ("published", "obtained", "sd"))
        z = "" if line["z"] is None else f"{line['z']:.1f}"
        lines.append(form(line["setting"], *cells, line["units"], z))
    if not options.json:
        print(f"unit: {rows[0]['unit']}; {time.perf_counter() - started:.1f} s", file=sys.stderr)
    return answer(options, rows, *lines)


def _number(value: Any) -> str:
    if value is None:
        return ""
    return " / ".join(f"{part:.2f}" for part in (value if isinstance(value, list) else [value]))
