"""Exporting, and proving it: the same answers, the true size, the real latency.

The file is loaded again with its own library, answers the whole test set, and is held against the
MetaNet with the same particles dropped. Sizes are files on the disk; latencies are medians of
interleaved calls on one thread, so that all see the same machine.
"""

import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from srnn.export.compact import Compact, compact, complete
from srnn.export.example import example
from srnn.export.formats import FORMATS, Format, Predict, packed
from srnn.files import check_target, write_out
from srnn.metanet import forward
from srnn.particles import scalar_weights
from srnn.pruning.subject import Subject

CHECK_IMAGES = 500
"""Test images, from the first, in the file that the example checks itself against."""

REPEATS = 30
"""Calls behind a latency's median."""


@dataclass(frozen=True)
class Export:
    """What was exported and measured.

    ``max_logit_difference`` is over the whole test set, between the file and the MetaNet with the
    same particles dropped, computed in float64; ``largest_logit`` is what to measure it against.
    ``table`` has the rows ``particles`` (the MetaNet), ``dense`` (its whole
    collapsed network, in the same format) and ``compact`` (the file) with ``parameters``,
    ``connections``, ``bytes``, ``ms_one`` and ``ms_all``: milliseconds for one image and for the
    whole test set.
    """

    path: Path
    example: Path
    check: Path
    format: str
    network: Compact
    max_logit_difference: float
    largest_logit: float
    accuracy: float
    table: pd.DataFrame

    def facts(self) -> dict[str, Any]:
        """The result as plain JSON values."""
        network = self.network
        return {
            "format": self.format,
            "path": str(self.path),
            "example": str(self.example),
            "check": str(self.check),
            "max_logit_difference": self.max_logit_difference,
            "largest_logit": self.largest_logit,
            "accuracy": self.accuracy,
            "connections": network.connections,
            "pixels": len(network.pixels),
            "unread_pixels": network.shape.inputs - len(network.pixels),
            "neurons_removed": network.neurons_removed,
            "sizes": list(network.sizes),
            "measured": self.table.to_dict("records"),
        }


def export(
    subject: Subject, mask: np.ndarray, format: str, path: Path, *, force: bool = False
) -> Export:
    """Write what the mask ``(P,)`` leaves as a compact network, its example (``.._example.py``)
    and check file (``.._check.npz``) beside it, and measure.

    Raises:
        ValueError: unknown format, or a surviving particle has diverged.
        MissingPackage: the format's library is not installed.
        TargetError: one of the files is there already (without ``force``), or no regular file.
        OSError: the files cannot be written.
    """
    if format not in FORMATS:
        raise ValueError(f"unknown format {format!r}; formats: {', '.join(FORMATS)}")
    kind = FORMATS[format]
    network = compact(subject.scalars.numpy(), mask, subject.shape)
    expected = subject.logits(mask).numpy()
    check = path.with_name(f"{path.stem}_{format}_check.npz")
    script = path.with_name(f"{path.stem}_{format}_example.py")
    some = {"images": subject.task.x_test, "labels": subject.task.y_test, "logits": expected}
    files = {
        path: kind.write(network),
        check: packed({name: values[:CHECK_IMAGES] for name, values in some.items()}),
        script: example(format, network, path.name, check.name).encode(),
    }
    for target in files:
        check_target(target, force)
    for target, data in files.items():
        write_out(target, data, force=force)
    predict = kind.load(path, network)
    logits = predict(subject.task.x_test)
    return Export(
        path,
        script,
        check,
        format,
        network,
        float(np.abs(logits - expected).max()),
        float(np.abs(expected).max()),
        float((logits.argmax(1) == subject.task.y_test).mean()),
        _measure(subject, network, kind, path, predict),
    )


def _measure(
    subject: Subject,
    network: Compact,
    kind: Format,
    path: Path,
    predict: Predict,
) -> pd.DataFrame:
    weights, shape = torch.from_numpy(subject.weights), subject.shape
    whole = complete(subject.scalars.nan_to_num().numpy(), shape)

    def particles(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return forward(scalar_weights(weights), torch.from_numpy(x), shape).numpy()

    with tempfile.TemporaryDirectory() as folder:
        metanet, dense = Path(folder) / "metanet.pt", Path(folder) / f"dense{kind.suffix}"
        torch.save(weights, metanet)
        dense.write_bytes(kind.write(whole))
        calls = {"particles": particles, "dense": kind.load(dense, whole), "compact": predict}
        return pd.DataFrame(
            {
                "network": list(calls),
                "parameters": [weights.numel(), whole.parameters, network.parameters],
                "connections": [subject.particles, subject.particles, network.connections],
                "bytes": [file.stat().st_size for file in (metanet, dense, path)],
                "ms_one": latencies(calls.values(), subject.task.x_test[:1], REPEATS),
                "ms_all": latencies(calls.values(), subject.task.x_test, REPEATS // 3),
            }
        )


def latencies(calls: Collection[Predict], x: np.ndarray, repeats: int) -> np.ndarray:
    """Median milliseconds of each call on ``x``, interleaved, after one call to warm up."""
    spent = np.empty((repeats + 1, len(calls)))
    for turn in spent:
        for index, call in enumerate(calls):
            started = time.perf_counter()
            call(x)
            turn[index] = 1000 * (time.perf_counter() - started)
    return np.median(spent[1:], axis=0)
