"""``train``: train a MetaNet, or load the cached run of exactly this configuration; ``work``: do
what is queued; ``verify``: hold an engine against a reference file."""

import argparse
import time
from pathlib import Path
from typing import Any

from srnn.cli.output import answer, command, show_progress, summarise
from srnn.config import (
    DEFAULT_RECIPE,
    RECIPES,
    ConfigError,
    RunConfig,
    describe,
    field_names,
    make_config,
)
from srnn.files import json_number
from srnn.presets import PRESETS


def add(commands: Any) -> None:
    train = command(commands, "train", "train a MetaNet, or load the cached run", _train)
    train.add_argument("--preset", choices=PRESETS, help="a named configuration to start from")
    train.add_argument("--recipe", choices=RECIPES, help=f"default: {DEFAULT_RECIPE}")
    add_config_options(train)
    command(commands, "work", "do what is queued, then end (started by the app)", _work)
    verify = command(commands, "verify", "recompute a reference file", _verify)
    verify.add_argument("file", type=Path, help="FILE.npz, with FILE.json beside it")
    for parser in (train, verify):
        parser.add_argument("--engine", default="auto", help="auto (default), or an engine's name")


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """An option for every setting of a run; what is not given comes from the recipe."""
    for name in field_names():
        about, option = describe(name), "--" + name.replace("_", "-")
        kind = type(about["default"])
        limits = f" [{about['low']} to {about['high']}]" if "low" in about else ""
        rule: dict[str, Any] = {"type": kind, "metavar": kind.__name__.upper()}
        if "choices" in about:
            rule = {"choices": about["choices"]}
        elif kind is bool:
            rule = {"action": argparse.BooleanOptionalAction}
        if name == "residual":
            text = "residual skips of the recipe's kind, or none"
            parser.add_argument(option, action=argparse.BooleanOptionalAction, help=text)
            option, rule = "--residual-kind", {"choices": ("each", "pairs")}
        parser.add_argument(option, help=(about["help"] + limits).replace("%", "%%"), **rule)


def config_from(options: argparse.Namespace) -> RunConfig:
    """The configuration that the options of :func:`add_config_options` state.

    Raises:
        ConfigError: a value is out of range, or options contradict each other.
    """
    chosen = PRESETS.get(options.preset) if options.preset else None
    recipe = options.recipe or (chosen.recipe if chosen else DEFAULT_RECIPE)
    given = {name: getattr(options, name) for name in field_names()}
    residual = given.pop("residual")
    changes = (chosen.changes if chosen else {}) | {
        name: value for name, value in given.items() if value is not None
    }
    if residual is False and options.residual_kind:
        raise ConfigError("--no-residual and --residual-kind contradict each other")
    if residual is False:
        changes["residual"] = "none"
    elif options.residual_kind or residual:
        changes["residual"] = options.residual_kind or RECIPES[recipe]["residual"]
    if options.fork:  # what is not given comes from the parent
        from srnn.runs.fork import forked

        if options.preset or options.recipe:
            raise ConfigError("a fork has its parent's settings: leave out --preset and --recipe")
        return forked(changes.pop("fork"), **changes)
    return make_config(recipe, **changes)


def _train(options: argparse.Namespace) -> int:
    config = config_from(options)  # first: a wrong setting needs no torch to be refused
    import torch

    from srnn.runs import obtain

    torch.set_num_threads(1)
    started = time.perf_counter()
    run, cached = obtain(config, options.engine, show_progress(" epochs"))
    summary = summarise(run) | {"cached": cached}
    types = ", ".join(f"{count} {name}" for name, count in summary["types"].items() if count)
    spent = time.perf_counter() - started
    how = "cached" if cached else f"trained in {spent:.1f} s"
    return answer(
        options,
        summary,
        f"run {run.run_id} ({how}): {run.name}",
        f"test accuracy {summary['test_accuracy']:.1%} after {summary['epochs']} epochs",
        f"{summary['particles']} particles: {types}",
        *([f"stopped early: {run.stopped}"] if run.stopped else []),
    )


def _work(options: argparse.Namespace) -> int:
    from srnn.runs import work

    done = work()
    return answer(options, {"jobs": done}, f"jobs done: {done}")


def _verify(options: argparse.Namespace) -> int:
    import torch

    from srnn.verify import verify

    torch.set_num_threads(1)
    rows = verify(options.file, options.engine)
    facts = [vars(row) | {"difference": json_number(row.difference)} for row in rows]
    verdicts = {True: "agrees", False: "DIFFERS"}
    lines = (f"{row.name:<28} {row.difference:10.2e}  {verdicts[row.agrees]}" for row in rows)
    answer(options, facts, *lines)
    return 0 if rows and all(row.agrees for row in rows) else 1
