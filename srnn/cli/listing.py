"""``runs``, ``presets``, ``datasets``: what there is; ``share``, ``import``: a run as one file."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from srnn.cli.output import answer, command, summarise
from srnn.files import check_target, write_out
from srnn.presets import PRESETS


def add(commands: Any) -> None:
    command(commands, "runs", "list the finished runs", _runs)
    command(commands, "presets", "list the named configurations", _presets)
    command(commands, "datasets", "list the data sets", _datasets)
    share = command(commands, "share", "write a run into one zip file", _share)
    share.add_argument("run_id", metavar="RUN", help="a finished run (see: runs)")
    share.add_argument("--out", type=Path, help="default: RUN.zip in this folder")
    share.add_argument("--force", action="store_true", help="replace a file that is there")
    take = command(commands, "import", "check a shared run and put it into the cache", _import)
    take.add_argument("file", type=Path, help="a zip file that share made")


def _runs(options: argparse.Namespace) -> int:
    from srnn.runs import list_all
    from srnn.runs.labels import labelled

    found, damaged = list_all()
    for one in damaged[:5]:
        print(f"damaged: {one.name}: {one.reason}", file=sys.stderr)
    if len(damaged) > 5:
        print(f"damaged: {len(damaged) - 5:,} more", file=sys.stderr)
    if options.json:
        print(json.dumps([summarise(run) for run in found]))
        return 0
    named = labelled()
    for run in found:
        name = run.name if run.run_id in named else run.description
        print(f"{run.run_id}  {run.record.results.test_accuracy:6.1%}  {name}")
    if not found:
        print("no runs yet: python -m srnn train --preset quick")
    return 0


def _presets(options: argparse.Namespace) -> int:
    rows = [
        {
            "name": name,
            "title": one.title,
            "about": one.about,
            "recipe": one.recipe,
            "config": one.config.to_dict(),
            "run_id": one.config.run_id,
        }
        for name, one in PRESETS.items()
    ]
    return answer(options, rows, *(f"{row['name']:<22} {row['about']}" for row in rows))


def _datasets(options: argparse.Namespace) -> int:
    from srnn.tasks import DATASETS, data_shape

    rows = []
    for name, about in DATASETS.items():
        inputs, classes = data_shape(name)
        rows.append({"name": name, "about": about, "inputs": inputs, "classes": classes})
    lines = [f"{row['name']:<22} {row['about']}" for row in rows]
    return answer(options, rows, *lines, "or the path of any folder of IDX files")


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
