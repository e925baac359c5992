"""The cache of computed tables: what an experiment works out, one JSON file each.

Named by what was computed, its parameters and the version of the code that did it, so that another
setting or a newer version is never taken for it. A file that cannot be read, or whose checksum
differs, counts as not there and is computed again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from srnn import paths
from srnn.files import json_number, read_json, write_json

SCHEMA = 1
"""Version of the file format."""

Computed = tuple[dict[str, Any], dict[str, pd.DataFrame]]
"""What a computation returns: facts (JSON values) and tables."""


@dataclass(frozen=True)
class Result:
    """Facts (JSON values) and tables; ``seconds`` is what computing them took."""

    facts: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    seconds: float = 0.0


def result_name(name: str, parameters: dict[str, Any]) -> str:
    """File name of a result: the name, and 16 hex digits over the parameters (JSON values)."""
    text = json.dumps({"schema": SCHEMA, "name": name, **parameters}, sort_keys=True)
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def load_result(name: str, parameters: dict[str, Any]) -> Result | None:
    """The cached result, or None if there is none that can be read."""
    path = paths.result_file(result_name(name, parameters))
    try:
        content = read_json(path)
        body = content["body"]
        if content["schema"] != SCHEMA or content["checksum"] != _checksum(body):
            return None
        tables = {key: _table(value) for key, value in body["tables"].items()}
        return Result(body["facts"], tables, float(body["seconds"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def result_stamp(name: str, parameters: dict[str, Any]) -> int:
    """When the cached result was written, in nanoseconds; 0 if there is none."""
    try:
        return paths.result_file(result_name(name, parameters)).stat().st_mtime_ns
    except OSError:
        return 0


def save_result(name: str, parameters: dict[str, Any], result: Result) -> None:
    """Write a result as a whole. NaN and infinity in a table become gaps (NaN when read).

    Raises:
        OSError: the cache cannot be written.
        ValueError: a fact is not a JSON value.
    """
    body = {
        "facts": result.facts,
        "tables": {key: _columns(table) for key, table in result.tables.items()},
        "seconds": round(result.seconds, 3),
    }
    content = {"schema": SCHEMA, "checksum": _checksum(body), "body": body}
    write_json(paths.result_file(result_name(name, parameters)), content)


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
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


_KINDS = {"float": np.float64, "int": np.int64, "bool": bool}


def _columns(table: pd.DataFrame) -> list[list[Any]]:
    """A table as ``[name, kind, values]`` per column."""
    columns = []
    for name in table.columns:
        values = table[name]
        if pd.api.types.is_bool_dtype(values):
            columns.append([name, "bool", values.tolist()])
        elif pd.api.types.is_integer_dtype(values):
            columns.append([name, "int", values.tolist()])
        elif pd.api.types.is_float_dtype(values):
            clean = [json_number(value) for value in values.tolist()]
            columns.append([name, "float", clean])
        else:
            columns.append([name, "text", [str(value) for value in values]])
    return columns


def _table(columns: list[list[Any]]) -> pd.DataFrame:
    table = {}
    for name, kind, values in columns:
        if kind == "text":
            table[name] = pd.array(values, dtype="str")
        else:
            table[name] = np.array(
                [np.nan if value is None else value for value in values], dtype=_KINDS[kind]
            )
    return pd.DataFrame(table)
