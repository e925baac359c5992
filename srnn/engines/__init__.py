"""The engines, by name; adding one is a small file and a row in :data:`ENGINES`.

``auto`` is the fastest that works here for the problem at hand. A run records the engine that
trained it, and training it further uses that one; its identity does not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from srnn.engines.autograd import AutogradEngine
from srnn.engines.base import Engine, Problem, StepLog
from srnn.engines.manual import ManualEngine

__all__ = ["ENGINES", "Engine", "Problem", "StepLog", "choose", "make_engine"]

ENGINES: dict[str, Callable[..., Engine]] = {
    "autograd": AutogradEngine,
    "manual": ManualEngine,
    "cuda": lambda *arguments, **options: ManualEngine(
        *arguments, **{"device": "cuda", **options}
    ),
}
"""Engine constructors: ``(problem, weights, momentum, dtype=...)``."""


def choose(name: str, problem: Problem) -> str:
    """The engine's name, ``auto`` resolved to the fastest that works here.

    Raises:
        ValueError: unknown engine; the message lists the names.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "manual"
    if name not in ENGINES:
        raise ValueError(f"unknown engine {name!r}; engines: auto, {', '.join(ENGINES)}")
    return name


def make_engine(
    name: str, problem: Problem, weights: np.ndarray, momentum: np.ndarray, **options: object
) -> Engine:
    """An engine with S networks in the given state (both ``(S, n, P)``).

    Raises:
        ValueError: unknown engine.
    """
    return ENGINES[choose(name, problem)](problem, weights, momentum, **options)
