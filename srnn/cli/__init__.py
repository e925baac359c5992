"""The command line, ``srnn`` or ``python -m srnn``: the same functions that the app uses.

Every module here declares its commands with ``add``; adding one is a module and a name below.
Modules import torch only once a command runs, so that a wrong setting is refused at once.
"""

import argparse
import sys
from typing import NoReturn

from srnn import __version__
from srnn.cli import app, life, listing, pruning, reproduce, sweep, training
from srnn.config import ConfigError
from srnn.files import TargetError

MODULES = (app, training, listing, reproduce, pruning, life, sweep)


class Parser(argparse.ArgumentParser):
    """One that says what is wrong in a line."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see: {self.prog} --help)")


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status (0 fine, 1 failed, 2 wrong usage, 130 interrupted)."""
    try:
        options = build_parser().parse_args(arguments)
    except ConfigError as error:
        return _failed(error)
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
        return _failed(error)


def _failed(error: Exception) -> int:
    """Say what went wrong, in a line; of the system's own errors the file and the words."""
    reason = str(error)
    if isinstance(error, OSError) and type(error).__str__ is OSError.__str__ and error.strerror:
        reason = error.strerror
        if error.filename:
            reason = f"{str(error.filename)[:200]}: {reason.lower()}"
    print(f"srnn: {reason}", file=sys.stderr)
    return 2 if isinstance(error, ConfigError | TargetError) else 1


def build_parser() -> argparse.ArgumentParser:
    """The parser with all commands."""
    parser = Parser(prog="srnn", description="Train, question and prune MetaNets.")
    parser.add_argument("--version", action="version", version=f"srnn {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in MODULES:
        module.add(commands)
    return parser
