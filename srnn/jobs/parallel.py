"""Many independent pieces of work on all cores: separate processes (joblib's loky), one torch
thread each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import joblib

from srnn import paths


def in_parallel(
    function: Callable[[Any], Any], pieces: Sequence[Any], workers: int | None = None
) -> Iterator[tuple[int, Any]]:
    """``(index, function(pieces[index]))`` in the order in which they are done.

    ``function`` must be importable by name. With one worker, or one piece, it runs here.

    Raises:
        Exception: whatever the function raises; the rest is then given up.
    """
    count = min(worker_count() if workers is None else workers, len(pieces))
    if count <= 1:
        for index, piece in enumerate(pieces):
            yield index, function(piece)
        return
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        pool = joblib.Parallel(n_jobs=count, return_as="generator_unordered", batch_size=1)
        cache = str(paths.cache_root())  # a process that is used again may know another one
        jobs = (
            joblib.delayed(_one)(function, index, piece, cache)
            for index, piece in enumerate(pieces)
        )
        yield from pool(jobs)


def worker_count() -> int:
    """Processes that may work at once: ``SRNN_JOBS``, or the cores this process may use."""
    try:
        return max(1, int(os.environ["SRNN_JOBS"]))
    except (KeyError, ValueError):
        return joblib.cpu_count()


def _one(function: Callable[[Any], Any], index: int, piece: Any, cache: str) -> tuple[int, Any]:
    import torch

    os.environ["SRNN_CACHE"] = cache
    torch.set_num_threads(1)
    return index, function(piece)
