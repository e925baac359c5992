"""What a run says of itself, ``run.json``, and the checks that it and the run's files must pass.

``run.json`` holds the configuration, where and with what the run was trained, how far it is, sizes
and checksums of the other files, and its own ``seal``: the checksum of everything else in it, so
that an edit by hand is seen. A run that is being trained has the same files: ``finished`` is then
null, and the files may have grown since. What a run may contain follows from its configuration.
Nothing here touches the disk, needs torch, or is ever unpickled.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import platform
from collections.abc import Iterable
from functools import cached_property
from importlib.metadata import version
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

import srnn
from srnn.config import RunConfig
from srnn.files import FormatError, Strict, parse_json
from srnn.history import History, keeps_snapshot, kept_epochs, kept_numbers, sample_of
from srnn.tasks import possible_shape
from srnn.vocabulary import TYPES

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 2
"""Version of the files of a run. (Format 1 kept checkpoints and finished runs apart.)"""

RUN, RECORDS, SNAPSHOTS = "run.json", "records.csv", "snapshots.f32"

COLUMNS = ("epoch", "replication_loss", "task_loss", "train_accuracy", "test_accuracy", *TYPES)
_WHOLE = ("epoch", *TYPES)

INFO_BYTES = 1_000_000
"""Largest ``run.json``: a thousand named divergences need half of it."""

ROW_BYTES = 256
"""Longest row of ``records.csv``."""

MOST_DIVERGENCES = 1000
"""Divergences that a run names."""


Text = Annotated[str, Field(max_length=500)]
Seconds = Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)]
Time = Annotated[float, Field(ge=1, le=4_102_444_800, allow_inf_nan=False)]  # until 2100
RunId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Count = Annotated[int, Field(ge=0, le=10**12)]


class Provenance(Strict):
    """With what a run was trained; the same configuration gives the same bits only with the same
    engine, versions and kind of processor. Empty: not used."""

    package: Text
    python: Text
    numpy: Text
    torch: Text
    numba: Text
    processor: Text

    def like(self, other: Provenance) -> bool:
        """Whether training may go on here: everything but Python itself is the same."""
        return self.model_dump(exclude={"python"}) == other.model_dump(exclude={"python"})


class FileFacts(Strict):
    """How many bytes of a file count, and their SHA-256."""

    bytes: Count
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Results(Strict):
    """How it stands after ``epochs``: test accuracy (0 to 1), particles of each type."""

    epochs: Annotated[int, Field(ge=0, le=100_000)]
    test_accuracy: Annotated[float, Field(ge=0, le=1)]
    types: dict[str, Count]


class RunRecord(Strict):
    """The content of ``run.json``."""

    format: Literal[2] = 2
    run_id: RunId
    config: dict[str, str | int | float | bool]
    engine: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    provenance: Provenance
    imported: bool = False
    inputs: Annotated[int, Field(ge=1, le=10**6)]
    classes: Annotated[int, Field(ge=1, le=10**4)]
    particles: Annotated[int, Field(ge=1, le=10**9)]
    sample: Annotated[int, Field(ge=1, le=10**9)] | None = None
    replicating: bool
    results: Results
    seconds: Seconds
    stopped: Text | None = None
    divergences: list[Text] = Field(default_factory=list, max_length=MOST_DIVERGENCES + 1)
    continued_from: RunId | None = None
    finished: Time | None = None
    files: dict[str, FileFacts]
    seal: str = ""

    @cached_property
    def settings(self) -> RunConfig:
        """Its configuration."""
        return RunConfig.from_dict(self.config)

    @property
    def state_file(self) -> str:
        """The file with weights and momentum after the last epoch, ``(2, n, P)`` float32."""
        return state_file(self.results.epochs)

    @property
    def snapshot_numbers(self) -> int:
        """float32 numbers that it keeps of an epoch."""
        return kept_numbers(self.settings, self.particles, self.sample)

    @property
    def snapshot_epochs(self) -> list[int]:
        """The epochs of which it keeps weights so far, ascending."""
        epochs = kept_epochs(self.settings, self.results.epochs)
        if self.stopped is None and self.finished is None:
            return [epoch for epoch in epochs if keeps_snapshot(self.settings, epoch)]
        return epochs


def state_file(epoch: int) -> str:
    """Named by its epoch, so that a new one never touches the one that still counts."""
    return f"state-{epoch}.f32"


def render(record: RunRecord) -> bytes:
    """The bytes of ``run.json``, with a new seal."""
    values = record.model_dump()
    values["seal"] = seal(values)
    return json.dumps(values, indent=1, allow_nan=False).encode()


def seal(values: dict[str, Any]) -> str:
    """SHA-256 over everything in ``run.json`` but the seal itself, however it is laid out."""
    rest = {key: value for key, value in values.items() if key != "seal"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def parse(data: bytes, run_id: str | None = None) -> RunRecord:
    """The record in the bytes of ``run.json``, after all checks that need no other file.

    Raises:
        FormatError: it is not what this program wrote, or not of the run ``run_id``.
    """
    try:
        values = parse_json(data)
    except ValueError as error:
        raise FormatError(f"run.json: {error}") from error
    found = values.get("format", values.get("schema")) if isinstance(values, dict) else None
    if type(found) is not int or found != FORMAT:
        what = "says nothing of its format" if found is None else f"is of format {found!r:.40}"
        raise FormatError(f"run.json {what}, this program reads {FORMAT}; train it again")
    try:
        sealed = values.get("seal") == seal(values)
        record = RunRecord.read(values)
        config_id = record.settings.run_id
    except (ValueError, OverflowError, RecursionError) as error:
        raise FormatError(f"run.json: {str(error)[:300]}") from error
    if not sealed:
        raise FormatError("run.json is not what was written (its seal differs)")
    if record.run_id != config_id or run_id not in (None, record.run_id):
        raise FormatError("run.json belongs to another configuration")
    _check(record)
    return record


def _check(record: RunRecord) -> None:
    """Everything in a record that follows from its configuration."""
    config = record.settings
    if not possible_shape(config, record.inputs, record.classes):
        raise FormatError("run.json: inputs and classes do not follow from the data set")
    if record.particles != particle_count(config, record.inputs, record.classes):
        raise FormatError("run.json: the number of particles does not follow from the settings")
    if record.sample is not None and record.sample > record.particles:
        raise FormatError("run.json: its sample is larger than all its particles")
    done, types = record.results.epochs, record.results.types
    if done > config.epochs or (
        record.finished is not None and not record.stopped and done < config.epochs
    ):
        raise FormatError("run.json: the epochs done do not fit the configuration")
    if set(types) != set(TYPES) or sum(types.values()) != record.particles:
        raise FormatError("run.json: the types do not add up to the particles")
    most = {  # of the table the largest that is allowed, of the others exactly
        RECORDS: ROW_BYTES * (done + 2),
        SNAPSHOTS: 4 * record.snapshot_numbers * len(record.snapshot_epochs),
        record.state_file: 8 * config.particle_weights * record.particles,
    }
    if set(record.files) != set(most):
        raise FormatError(f"run.json: files must name {', '.join(most)}")
    for name, facts in record.files.items():
        if not 0 < facts.bytes <= most[name] or (name != RECORDS and facts.bytes != most[name]):
            raise FormatError(f"{name}: its size does not follow from the configuration")


def particle_count(config: RunConfig, inputs: int, classes: int) -> int:
    """Connections of the macro network."""
    sizes = [inputs, *[config.width] * (config.depth - 1), classes]
    return sum(left * right for left, right in itertools.pairwise(sizes))


def check_contents(record: RunRecord, files: dict[str, bytes]) -> None:
    """Check the files of a run (after :func:`parse`): checksums, kinds, sizes, and numbers that
    are not numbers only where a particle is counted as divergent.

    Raises:
        FormatError: the message names the file and the reason.
    """
    for name, facts in record.files.items():
        check_bytes(name, files[name], facts)
    table = parse_records(files[RECORDS])
    _check_table(table, record)
    weights, momentum = parse_state(files[record.state_file], record)
    if record.stopped is None and not np.isfinite(momentum).all():
        raise FormatError(f"{record.state_file} holds momentum that is not finite")
    kept = parse_history(files[SNAPSHOTS], record)
    last = weights[:, kept.particles]
    if record.finished is not None and not np.array_equal(last, kept.weights[-1], equal_nan=True):
        raise FormatError(f"{record.state_file} holds other weights than the last snapshot")
    for epoch, array in zip(kept.epochs, kept.weights, strict=True):
        broken, counted = int((~np.isfinite(array).all(0)).sum()), table["divergent"].iloc[epoch]
        if broken > counted or (broken < counted and record.sample is None):
            raise FormatError(
                f"{SNAPSHOTS}: {broken} particles of epoch {epoch} are not finite, "
                f"{RECORDS} counts {counted} divergent ones"
            )


def check_bytes(name: str, data: bytes | mmap, facts: FileFacts) -> None:
    """Check that these are the bytes that were written.

    Raises:
        FormatError: they are not.
    """
    if len(data) != facts.bytes:
        raise FormatError(f"{name} has {len(data):,} bytes, not {facts.bytes:,}")
    if hashlib.sha256(data).hexdigest() != facts.sha256:
        raise FormatError(f"{name} is not what was written (its checksum differs)")


def _check_table(table: pd.DataFrame, record: RunRecord) -> None:
    config, done, last = record.settings, record.results.epochs, table.iloc[-1]
    if table["epoch"].tolist() != list(range(done + 1)):
        raise FormatError(f"{RECORDS}: the epochs must be 0 to {done}")
    counts = table[list(TYPES)]
    if (counts < 0).any(axis=None) or (counts.sum(axis=1) != record.particles).any():
        raise FormatError(f"{RECORDS}: the types do not add up to the particles")
    if (table["test_accuracy"].isna()).any():
        raise FormatError(f"{RECORDS}: a test accuracy is missing")
    known = table.iloc[1 : done if record.stopped else done + 1]
    settling = known["epoch"] > config.epochs - config.settle_epochs  # no task step, no numbers
    if known.isna().any(axis=None) and (
        known[~settling].isna().any(axis=None) or known["replication_loss"].isna().any()
    ):
        raise FormatError(f"{RECORDS}: a number is missing")
    shares = table[["train_accuracy", "test_accuracy"]].to_numpy()
    losses = table[["replication_loss", "task_loss"]].to_numpy()
    if ((shares < 0) | (shares > 1)).any() or (losses < -1).any():  # near 0 they round to below
        raise FormatError(f"{RECORDS}: an accuracy or a loss is out of its range")
    same = {name: int(last[name]) for name in TYPES} == record.results.types
    if not same or float(last["test_accuracy"]) != record.results.test_accuracy:
        raise FormatError(f"{RECORDS}: its last row differs from the results in run.json")


def render_rows(rows: Iterable[dict[str, float]]) -> bytes:
    """Rows of ``records.csv``; numbers are written so that they are read exactly, NaN as a gap."""
    lines = (
        ",".join("" if math.isnan(row[name]) else repr(row[name]) for name in COLUMNS)
        for row in rows
    )
    return "".join(line + "\n" for line in lines).encode()


def parse_rows(data: bytes) -> list[dict[str, float]]:
    """The rows of a table of records, one an epoch; a gap is NaN.

    Raises:
        FormatError: it is not a table of these columns, or holds something that is no number.
    """
    kinds = [int if name in _WHOLE else float for name in COLUMNS]
    try:
        header, *lines = data.decode("ascii").splitlines()
        if tuple(header.split(",")) != COLUMNS or not lines:
            raise ValueError(f"the columns must be {', '.join(COLUMNS)}")
        return [
            {
                name: kind(cell or "nan")
                for name, kind, cell in zip(COLUMNS, kinds, line.split(","), strict=True)
            }
            for line in lines
        ]
    except (ValueError, OverflowError) as error:
        raise FormatError(f"{RECORDS} cannot be read ({str(error)[:200]})") from error


def parse_records(data: bytes) -> pd.DataFrame:
    """The table of records in some bytes, as a frame.

    Raises:
        FormatError: see :func:`parse_rows`; or a count is beyond 64 bits.
    """
    import pandas as pd

    table = pd.DataFrame(parse_rows(data))
    if any(table[name].dtype != np.int64 for name in _WHOLE):
        raise FormatError(f"{RECORDS} holds a count that is too large")
    return table


def parse_array(data: bytes | mmap, size: tuple[int, ...]) -> np.ndarray:
    """The float32 array of a known size in some bytes, read-only, no copy."""
    return np.frombuffer(data, dtype="<f4").reshape(size)


def parse_state(data: bytes | mmap, record: RunRecord) -> np.ndarray:
    """Weights and momentum after the last epoch ``(2, n, P)``, read-only, no copy."""
    return parse_array(data, (2, record.settings.particle_weights, record.particles))


def parse_history(data: bytes | mmap, record: RunRecord) -> History:
    """What is kept of the epochs, read-only, no copy."""
    epochs, rows = record.snapshot_epochs, record.settings.particle_weights
    if record.sample is None:
        weights = parse_array(data, (len(epochs), rows, record.particles))
        return History(epochs, np.arange(record.particles), weights, None)
    found = parse_array(data, (len(epochs), record.snapshot_numbers))
    sampled, scalars = np.split(found, [rows * record.sample], axis=1)
    weights = sampled.reshape(len(epochs), rows, record.sample)
    particles = sample_of(record.settings.seed, record.particles, record.sample)
    return History(epochs, particles, weights, scalars)


def provenance(engine: str) -> Provenance:
    """With what this process trains by that engine."""
    import torch

    if engine == "cuda":
        processor = torch.cuda.get_device_name()
    else:
        capability = torch.backends.cpu.get_cpu_capability()
        processor = f"{platform.machine()} {_model()} {capability}"
    return Provenance(
        package=srnn.__version__,
        python=platform.python_version(),
        numpy=np.__version__,
        torch=str(torch.__version__),
        numba=version("numba") if engine == "fused" else "",
        processor=processor[:500],
    )


def _model() -> str:
    """The processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor()
