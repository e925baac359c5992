"""``runs``, ``presets``, ``datasets``: what there is."""

import argparse
import json
import sys
from typing import Any

from srnn.cli.output import answer, command, summarise
from srnn.presets import PRESETS


def add(commands: Any) -> None:
    command(commands, "runs", "list the finished runs", _runs)
    command(commands, "presets", "list the named configurations", _presets)
    command(commands, "datasets", "list the data sets", _datasets)


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
    from srnn.tasks import data_shape, dataset_names

    rows = []
    for name, about in dataset_names().items():
        inputs, classes = data_shape(name)
        rows.append({"name": name, "about": about, "inputs": inputs, "classes": classes})
    lines = [f"{row['name']:<22} {row['about']}" for row in rows]
    return answer(options, rows, *lines, "or the path of any folder of IDX files")
