"""Outcomes that come with the package, so that the research log opens full.

``python -m srnn reproduce --ship`` makes them: one file per experiment in ``srnn/data/outcomes``,
with its key (settings, claims, version), its words, when it was made, and its tables as Parquet. An
outcome whose key is no longer that of its experiment is not shown.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd

from srnn.experiments.base import Experiment, Outcome

FOLDER = Path(__file__).parent.parent / "data" / "outcomes"
FACTS = "outcome.json"


def ship(experiment: Experiment, asked: Any, outcome: Outcome, folder: Path = FOLDER) -> Path:
    """Write an outcome into the package; returns the file.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{experiment.name}.zip"
    words = {"verdict": outcome.verdict, "finding": outcome.finding, "made": outcome.made}
    facts = json.dumps({"key": experiment.key(asked), "outcome": words}, indent=1, sort_keys=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr(FACTS, facts)
        for name, table in outcome.tables.items():
            file.writestr(f"{name}.parquet", table.to_parquet(index=False, compression="zstd"))
    return path


def shipped_outcome(experiment: Experiment, asked: Any, folder: Path = FOLDER) -> Outcome | None:
    """The outcome that came with the package for just these settings, or None."""
    path = folder / f"{experiment.name}.zip"
    try:
        with zipfile.ZipFile(path) as file:
            facts = json.loads(file.read(FACTS))
            if facts["key"] != json.loads(json.dumps(experiment.key(asked))):
                return None
            names = [name for name in file.namelist() if name.endswith(".parquet")]
            tables = {
                name.removesuffix(".parquet"): pd.read_parquet(io.BytesIO(file.read(name)))
                for name in names
            }
        return Outcome(**facts["outcome"], tables=tables)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None
