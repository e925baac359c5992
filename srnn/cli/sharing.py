"""``share`` and ``import``: a run as one file, from here or from somebody else."""

import argparse
from pathlib import Path
from typing import Any

from srnn.cli.output import answer, command, summarise
from srnn.files import check_target, write_out


def add(commands: Any) -> None:
    share = command(commands, "share", "write a run into one zip file", _share)
    share.add_argument(
        "run_id", metavar="RUN", help="run id (16 hex digits; see: python -m srnn runs)"
    )
    share.add_argument("--out", type=Path, help="default: RUN.zip in this folder")
    share.add_argument("--force", action="store_true", help="replace a file that is there")
    take = command(commands, "import", "check a shared run and put it into the cache", _import)
    take.add_argument("file", type=Path, help="a zip file that share made")


def _share(options: argparse.Namespace) -> int:
    from srnn.runs import get_run
    from srnn.runs.share import export_bytes

    out = options.out or Path(f"{options.run_id}.zip")
    check_target(out, options.force)
    write_out(out, export_bytes(get_run(options.run_id)), force=options.force)
    size = out.stat().st_size
    facts = {"run_id": options.run_id, "file": str(out), "bytes": size}
    return answer(options, facts, f"{out}: {size:,} bytes")


def _import(options: argparse.Namespace) -> int:
    from srnn.runs.share import import_run

    imported = import_run(options.file)
    facts = summarise(imported.run) | {"existed": imported.existed}
    what = "was here already" if imported.existed else "imported"
    return answer(options, facts, f"run {imported.run.run_id} {what}: {imported.run.name}")
