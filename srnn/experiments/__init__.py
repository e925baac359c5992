"""Experiments: the rows of the 2022 research log, and what came after it.

Every module of this folder with a name ``EXPERIMENT`` is one; nothing else registers it
(:mod:`srnn.experiments.base` says what it consists of). Row 18 of the log is
:mod:`srnn.life`, a part of the program of its own.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from srnn.experiments.base import Experiment


@cache
def experiments() -> dict[str, Experiment]:
    """All experiments by name: the log's rows in their order, then those that came after it."""
    found = []
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        one = getattr(importlib.import_module(module.name), "EXPERIMENT", None)
        if one is not None:
            found.append(one)
    found.sort(key=lambda one: (one.row or 1000, one.name))
    return {one.name: one for one in found}
