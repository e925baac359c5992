"""The engines, by name; adding one is a small file and a row in :data:`ENGINES`.

``auto`` is the fastest that works here. A run records the engine that trained it, and training it
further uses that one; its identity does not depend on it.
"""

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch

from srnn.engines.autograd import AutogradEngine
from srnn.engines.base import Engine, EngineUnavailable, Problem, StepLog
from srnn.engines.manual import ManualEngine

log = logging.getLogger(__name__)


WIDE = 8192
"""Particles from which the fused engine is the one for wide networks."""


def _fused(problem: Problem, *arguments: Any, **options: Any) -> Engine:
    if problem.goal == "permuted":  # a control: its step is written once, in the manual engine
        return ManualEngine(problem, *arguments, **options)
    from srnn.engines.fused import FusedEngine
    from srnn.engines.fused_wide import WideEngine

    kind = WideEngine if problem.shape.particles >= WIDE else FusedEngine
    return kind(problem, *arguments, **options)


def _cuda(*arguments: Any, **options: Any) -> Engine:
    if not torch.cuda.is_available():
        raise EngineUnavailable("the engine cuda needs a CUDA device, and there is none")
    engine = ManualEngine(*arguments, **{"device": "cuda", **options})
    engine.name = "cuda"
    return engine


ENGINES: dict[str, Callable[..., Engine]] = {
    "autograd": AutogradEngine,
    "manual": ManualEngine,
    "fused": _fused,
    "cuda": _cuda,
}
"""Engine constructors: ``(problem, weights, momentum, dtype=...)``."""


def choose(name: str) -> str:
    """The engine's name, ``auto`` resolved to the fastest that works here: cuda, else fused (if
    need be compiled first: see :func:`prepare`), else manual.

    Raises:
        ValueError: unknown engine; the message lists the names.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "fused" if _fused_works() else "manual"
    if name not in ENGINES:
        raise ValueError(f"unknown engine {name!r}; engines: auto, {', '.join(ENGINES)}")
    return name


def available(name: str) -> bool:
    """Whether an engine of that name works here (``auto`` always does)."""
    if name == "fused":
        return _fused_works()
    if name == "cuda":
        return torch.cuda.is_available()
    return name == "auto" or name in ENGINES


def make_engine(
    name: str, problem: Problem, weights: np.ndarray, momentum: np.ndarray, **options: Any
) -> Engine:
    """An engine with S networks in the given state (both ``(S, n, P)``).

    Raises:
        ValueError: unknown engine.
        EngineUnavailable: it does not work here.
    """
    return ENGINES[choose(name)](problem, weights, momentum, **options)


def prepare(name: str = "auto") -> float:
    """Make an engine ready to start at once; returns the seconds that took.

    Only the fused engine needs it, and ``auto`` where that would be chosen: about 15 s at its first
    use on a machine, half a second once per process later, then nothing. Without it, the first
    training waits as long.
    """
    start = time.perf_counter()
    if name == "fused" or (name == "auto" and not torch.cuda.is_available()):
        _fused_works()
    return time.perf_counter() - start


@cache
def _fused_works() -> bool:
    """Whether the fused engine can be imported and compiled here; says why not."""
    try:
        from srnn.engines import fused

        fused.try_out()
    except Exception as error:  # whatever is wrong with numba here, there is another engine
        log.warning("the fused engine does not work here, the manual one trains instead: %s", error)
        return False
    return True
