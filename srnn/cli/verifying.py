"""``verify``: recompute a reference file with the engine."""

import argparse
from pathlib import Path
from typing import Any

from srnn.cli.output import answer, command


def add(commands: Any) -> None:
    verify = command(commands, "verify", "recompute a reference file", _verify)
    verify.add_argument("file", type=Path, help="FILE.npz, with FILE.json beside it")
    verify.add_argument("--engine", default="auto", help="auto (default), or an engine's name")


def _verify(options: argparse.Namespace) -> int:
    import torch

    from srnn.files import json_number
    from srnn.verify import verify

    torch.set_num_threads(1)
    rows = verify(options.file, options.engine)
    facts = [vars(row) | {"difference": json_number(row.difference)} for row in rows]
    verdicts = {True: "agrees", False: "DIFFERS"}
    lines = (f"{row.name:<28} {row.difference:10.2e}  {verdicts[row.agrees]}" for row in rows)
    answer(options, facts, *lines)
    return 0 if rows and all(row.agrees for row in rows) else 1
