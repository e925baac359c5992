"""The cache of computed tables: what an experiment works out, one folder each.

Named by what was computed, its parameters and the version of the code that did it, so that another
setting or a newer version is never taken for it. ``facts.json`` holds facts and the checksums of
the tables beside it, which are Parquet. A result that cannot be read, or whose checksum differs,
counts as not there and is computed again.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srnn import paths
from srnn.files import parse_json, read_file, write_bytes, write_json, writing

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 2
"""Version of the files."""

MOST_BYTES = 500_000_000
"""Largest table that is read."""

Computed = tuple[dict[str, Any], dict[str, "pd.DataFrame"]]
"""What a computation returns: facts (JSON values) and tables."""


@dataclass(frozen=True)
class Result:
    """Facts (JSON values) and tables; ``seconds`` is what computing them took."""

    facts: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    seconds: float = 0.0


def result_name(name: str, parameters: dict[str, Any]) -> str:
    """Folder name of a result: the name, and 16 hex digits over the parameters (JSON values)."""
    text = json.dumps({"schema": SCHEMA, "name": name, **parameters}, sort_keys=True)
    return f"{name}-{_digest(text.encode())[:16]}"


def _folder(name: str, parameters: dict[str, Any]) -> Path:
    return paths.results_folder() / result_name(name, parameters)


def load_result(name: str, parameters: dict[str, Any]) -> Result | None:
    """The cached result, or None if there is none that can be read."""
    import pandas as pd

    folder = _folder(name, parameters)
    try:
        content = parse_json(read_file(folder / "facts.json", 50_000_000))
        body, tables = content["body"], {}
        if content["checksum"] != _checksum(body):
            return None
        for key, digest in body["tables"].items():
            data = read_file(folder / f"{digest}.parquet", MOST_BYTES)
            if _digest(data) != digest:
                return None
            tables[key] = pd.read_parquet(io.BytesIO(data))
        return Result(body["facts"], tables, float(body["seconds"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def result_stamp(name: str, parameters: dict[str, Any]) -> int:
    """When the cached result was written, in nanoseconds; 0 if there is none."""
    try:
        return (_folder(name, parameters) / "facts.json").stat().st_mtime_ns
    except OSError:
        return 0


def save_result(name: str, parameters: dict[str, Any], result: Result) -> None:
    """Write a result: its tables, each named by its checksum, then the facts that name them.

    Raises:
        ValueError: a fact is not a JSON value, or a column mixes kinds.
    """
    folder = _folder(name, parameters)
    digests = {}
    with writing():
        folder.mkdir(parents=True, exist_ok=True)
        for key, table in result.tables.items():
            data = table.to_parquet(index=False)
            digests[key] = _digest(data)
            write_bytes(folder / f"{digests[key]}.parquet", data)
        body = {"facts": result.facts, "tables": digests, "seconds": round(result.seconds, 3)}
        write_json(folder / "facts.json", {"checksum": _checksum(body), "body": body})
        for path in folder.glob("*.parquet"):
            if path.stem not in digests.values():  # an earlier result's
                path.unlink(missing_ok=True)


def remember(
    name: str, parameters: dict[str, Any], compute: Callable[[], Computed]
) -> tuple[Result, bool]:
    """The cached result and True, or what ``compute`` returns, now cached, and False."""
    known = load_result(name, parameters)
    if known is not None:
        return known, True
    started = time.perf_counter()
    facts, tables = compute()
    result = Result(facts, tables, time.perf_counter() - started)
    save_result(name, parameters, result)
    return result, False


def _checksum(body: Any) -> str:
    return _digest(json.dumps(body, sort_keys=True).encode())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
