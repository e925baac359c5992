"""The format of a finished run, and the checks that a stranger's run must pass.

``run.json`` holds configuration, results, sizes and checksums of the other files, and its own
``seal``: the checksum of everything else in it, so that an edit by hand is seen. What a run may
contain follows from its configuration; :func:`check_contents` holds every array and table against
it. Nothing here touches the disk, and nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import numpy as np
import pandas as pd

from srnn.config import SCHEMA, ConfigError, RunConfig
from srnn.history import kept_epochs
from srnn.metanet import MacroShape
from srnn.tasks import possible_shape
from srnn.vocabulary import TYPES

FILES = ("records.csv", "snapshots.npy", "momentum.npy")
COLUMNS = (
    "epoch",
    "replication_loss",
    "task_loss",
    "train_accuracy",
    "test_accuracy",
    *TYPES,
)
_WHOLE = ("epoch", *TYPES)

INFO_BYTES = 4_000_000
"""Largest ``run.json``; 100,000 epochs with every snapshot kept need a third of it."""

ROW_BYTES = 256
"""Longest row of ``records.csv``."""

NPY_HEADER = 1024
"""Longest header of an ``.npy`` file here; numpy writes 128 bytes."""

_KEYS: dict[str, type | tuple[type, ...]] = {
    "checksums": dict,
    "classes": int,
    "continued_from": (str, type(None)),
    "divergences": list,
    "engine": str,
    "finished": (int, float),
    "inputs": int,
    "particles": int,
    "replicating": bool,
    "results": dict,
    "seconds": (int, float),
    "sizes": dict,
    "snapshot_epochs": list,
    "stopped": (str, type(None)),
}


class FormatError(ValueError):
    """A run is damaged, forged, or of another schema; the message names the file and the reason."""


def seal(info: dict[str, Any]) -> str:
    """SHA-256 over everything in ``run.json`` but the seal itself, however it is laid out."""
    rest = {key: value for key, value in info.items() if key != "seal"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def check_info(info: Any, run_id: str | None = None) -> RunConfig:
    """Check ``run.json``: schema, seal, configuration, kinds of all entries and what follows from
    the configuration. Returns the configuration.

    Raises:
        FormatError: it is not what this program wrote; the message says why.
    """
    found = info.get("schema") if isinstance(info, dict) else None
    if type(found) is not int or found != SCHEMA:
        raise FormatError(f"run.json is of schema {found!r:.40}, this program reads {SCHEMA}")
    if info.get("seal") != seal(info):
        raise FormatError("run.json is not what was written (its seal differs)")
    try:
        config = RunConfig.from_dict(info.get("config"))
    except ConfigError as error:
        raise FormatError(f"run.json: {error}") from error
    if (run_id is not None and config.run_id != run_id) or info.get("run_id") != config.run_id:
        raise FormatError("run.json belongs to another configuration")
    for key, kind in _KEYS.items():
        value = info.get(key, ...)
        wrong_bool = isinstance(value, bool) and kind is not bool
        if not isinstance(value, kind) or wrong_bool:
            raise FormatError(f"run.json lacks a proper {key!r}")
    _check_results(info, config)
    return config


def _check_results(info: dict[str, Any], config: RunConfig) -> None:
    if not possible_shape(config, info["inputs"], info["classes"]):
        raise FormatError("run.json: inputs and classes do not follow from the data set")
    if info["particles"] != shape_of(info, config).particles:
        raise FormatError("run.json: the number of particles does not follow from the settings")
    results = info["results"]
    done, share, types = (results.get(key) for key in ("epochs", "test_accuracy", "types"))
    whole = done == config.epochs and info["stopped"] is None
    early = type(done) is int and 1 <= done <= config.epochs and info["stopped"]
    if not whole and not early:
        raise FormatError("run.json: the epochs done do not fit the configuration")
    if info["snapshot_epochs"] != kept_epochs(config, done):
        raise FormatError("run.json: the snapshots are not those of the configuration")
    if not isinstance(share, float) or not 0 <= share <= 1:
        raise FormatError("run.json: the test accuracy is not from 0 to 1")
    counts = list(types.values()) if isinstance(types, dict) else []
    if not isinstance(types, dict) or set(types) != set(TYPES) or not _counts(counts, info):
        raise FormatError("run.json: the types do not add up to the particles")
    texts = [*info["divergences"], info["stopped"] or "", info["engine"]]
    if not all(isinstance(text, str) and len(text) < 500 for text in texts):
        raise FormatError("run.json: a text is missing or too long")
    for key, kind in (("checksums", str), ("sizes", int)):
        values = info[key]
        if set(values) != set(FILES) or not all(type(one) is kind for one in values.values()):
            raise FormatError(f"run.json: {key} must name {', '.join(FILES)}")
    for name, most in most_bytes(info, config).items():
        if not 0 < info["sizes"][name] <= most:
            raise FormatError(f"{name}: its size does not follow from the configuration")


def _counts(counts: list[Any], info: dict[str, Any]) -> bool:
    fine = all(type(count) is int and count >= 0 for count in counts)
    return fine and sum(counts) == info["particles"]


def shape_of(info: dict[str, Any], config: RunConfig) -> MacroShape:
    """The macro network's shape, without reading the data set."""
    return MacroShape(
        info["inputs"],
        config.depth,
        config.width,
        info["classes"],
        config.residual,
        config.activation,
    )


def most_bytes(info: dict[str, Any], config: RunConfig) -> dict[str, int]:
    """The largest size of each file that the configuration allows."""
    population = 4 * config.particle_weights * info["particles"]
    return {
        "records.csv": ROW_BYTES * (info["results"]["epochs"] + 2),
        "snapshots.npy": NPY_HEADER + population * len(info["snapshot_epochs"]),
        "momentum.npy": NPY_HEADER + population,
    }


def check_contents(info: dict[str, Any], files: dict[str, bytes]) -> None:
    """Check the files of a run (after :func:`check_info`): checksums, kinds, sizes, and numbers
    that are not numbers only where a particle is counted as divergent.

    Raises:
        FormatError: the message names the file and the reason.
    """
    config = RunConfig.from_dict(info["config"])
    for name in FILES:
        if hashlib.sha256(files[name]).hexdigest() != info["checksums"][name]:
            raise FormatError(f"{name} is not what was written (its checksum differs)")
    table = parse_records(files["records.csv"])
    _check_table(table, info)
    size = (config.particle_weights, info["particles"])
    momentum = parse_array(files["momentum.npy"], size, "momentum.npy")
    if info["stopped"] is None and not np.isfinite(momentum).all():
        raise FormatError("momentum.npy holds numbers that are not finite")
    snapshots = parse_array(
        files["snapshots.npy"], (len(info["snapshot_epochs"]), *size), "snapshots.npy"
    )
    for epoch, weights in zip(info["snapshot_epochs"], snapshots, strict=True):
        broken = int((~np.isfinite(weights).all(0)).sum())
        if broken != table["divergent"].iloc[epoch]:
            raise FormatError(
                f"snapshots.npy: {broken} particles of epoch {epoch} are not finite, "
                f"records.csv counts {table['divergent'].iloc[epoch]} divergent ones"
            )


def _check_table(table: pd.DataFrame, info: dict[str, Any]) -> None:
    done, last = info["results"]["epochs"], table.iloc[-1]
    if table["epoch"].tolist() != list(range(done + 1)):
        raise FormatError(f"records.csv: the epochs must be 0 to {done}")
    counts = table[list(TYPES)]
    if (counts < 0).any(axis=None) or (counts.sum(axis=1) != info["particles"]).any():
        raise FormatError("records.csv: the types do not add up to the particles")
    if (table["test_accuracy"].isna()).any():
        raise FormatError("records.csv: a test accuracy is missing")
    known = table.iloc[1 : done if info["stopped"] else done + 1]
    if known.isna().any(axis=None):
        raise FormatError("records.csv: a number is missing")
    shares = table[["train_accuracy", "test_accuracy"]].to_numpy()
    losses = table[["replication_loss", "task_loss"]].to_numpy()
    if ((shares < 0) | (shares > 1)).any() or (losses < -1).any():  # near 0 they round to below
        raise FormatError("records.csv: an accuracy or a loss is out of its range")
    same = {name: int(last[name]) for name in TYPES} == info["results"]["types"]
    if not same or float(last["test_accuracy"]) != info["results"]["test_accuracy"]:
        raise FormatError("records.csv: its last row differs from the results in run.json")


def parse_records(data: bytes) -> pd.DataFrame:
    """The table of records in some bytes; numbers are read exactly, a gap is NaN.

    Raises:
        FormatError: it is not a table of these columns, or holds something that is no number.
    """
    try:
        header, *rows = data.decode("ascii").splitlines()
        cells = [row.split(",") for row in rows]
        columns = list(zip(*cells, strict=True))
        if tuple(header.split(",")) != COLUMNS or len(columns) != len(COLUMNS):
            raise ValueError(f"the columns must be {', '.join(COLUMNS)}")
        return pd.DataFrame(
            {
                name: np.array([int(cell) for cell in column], dtype=np.int64)
                if name in _WHOLE
                else np.array([float(cell or "nan") for cell in column])
                for name, column in zip(COLUMNS, columns, strict=True)
            }
        )
    except (ValueError, OverflowError) as error:
        raise FormatError(f"records.csv cannot be read ({str(error)[:200]})") from error


def parse_array(data: bytes, size: tuple[int, ...], name: str) -> np.ndarray:
    """The float32 array of a known size in the bytes of an ``.npy`` file, read-only, no copy.

    Raises:
        FormatError: another kind or size of array, or bytes missing or left over.
    """
    stream = io.BytesIO(data[:NPY_HEADER])
    try:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise FormatError(f"{name}: an npy file of version {version}, expected 1.0")
        found, fortran, dtype = np.lib.format.read_array_header_1_0(stream, NPY_HEADER)
    except FormatError:
        raise
    except Exception as error:  # numpy's parser fails in many ways on bytes that are no header
        raise FormatError(f"{name}: not an npy file ({error})") from error
    if dtype != np.dtype("<f4") or fortran or tuple(found) != size:
        raise FormatError(f"{name} holds {dtype} {found}, expected float32 {size}")
    start, count = stream.tell(), int(np.prod(size, dtype=np.int64))
    if len(data) != start + 4 * count:
        raise FormatError(f"{name}: {len(data):,} bytes, expected {start + 4 * count:,}")
    return np.frombuffer(data, dtype="<f4", offset=start, count=count).reshape(size)
