"""The command line, ``srnn`` or ``python -m srnn``: the same functions that the app uses.

Every module here declares its commands with ``add``; adding one is a module and a name below.
Modules import torch only once a command runs, so that a wrong setting is refused at once.
"""

import argparse
import sys

from srnn import __version__
from srnn.cli import (
    app,
    arithmetic,
    listing,
    particles,
    pruning,
    reproduce,
    sharing,
    sweep,
    training,
    verifying,
)
from srnn.config import ConfigError
from srnn.files import TargetError

MODULES = (
    app, training, listing, verifying, sharing, reproduce, pruning, particles, arithmetic, sweep,
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status (0 fine, 1 failed, 2 wrong usage, 130 interrupted)."""
    options = build_parser().parse_args(arguments)
    from srnn.runs.parallel import as_job  # takes as long as all the rest, and --help is done

    return as_job(lambda: _status(options))


def _status(options: argparse.Namespace) -> int:
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    except MemoryError:
        print("srnn: no memory is left; a smaller network, or fewer at once", file=sys.stderr)
        return 1
    except (ValueError, RuntimeError, OSError) as error:
        print(f"srnn: {_reason(error)}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError | TargetError) else 1


def _reason(error: Exception) -> str:
    """What went wrong, in a line; of the system's own errors the file and the words."""
    if type(error).__str__ is not OSError.__str__ or not isinstance(error, OSError):
        return str(error)
    place = f"{str(error.filename)[:200]}: " if error.filename else ""
    return place + (error.strerror or str(error)).lower()


def build_parser() -> argparse.ArgumentParser:
    """The parser with all commands."""
    parser = argparse.ArgumentParser(prog="srnn", description="Train, question and prune MetaNets.")
    parser.add_argument("--version", action="version", version=f"srnn {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in MODULES:
        module.add(commands)
    return parser
