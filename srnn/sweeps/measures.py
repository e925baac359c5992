"""What a sweep keeps of a run: one number each, computed where the run was trained.

All of them hold at the run's last epoch and at the log's epsilon. Accuracies and shares are from 0
to 1, drop costs in percentage points (positive: dropping the replicators loses accuracy).
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from srnn.vocabulary import TYPES, ZERO, count_types, is_replicator

if TYPE_CHECKING:
    from srnn.runs import Run

VERSION = 2
"""Changes when a measure does; rows of another version are computed anew."""

SETTLED = 200
"""Replication-only steps after which a network counts as settled."""

MEASURES = {
    "test_accuracy": "Share of right answers on the test images.",
    **{name: f"Particles of type {name.replace('_', '-')}." for name in TYPES},
    "replicator_share": "Share of the particles that are replicators (zero or identity).",
    "drop_cost": "Accuracy lost by dropping all replicators, in percentage points.",
    "dead_outputs": "Output cells all of whose particles are zero.",
    "settled_replicator_share": f"The same share after {SETTLED} replication-only steps.",
    "settled_drop_cost": f"The drop cost after {SETTLED} replication-only steps.",
}
"""The measures of every run, by name."""


def measure(run: Run, own: Mapping[str, str] | None = None) -> dict[str, float]:
    """All measures of a run, those of one's own (name: ``module:function``) last. A run that a
    divergence stopped has its census; what cannot be measured is NaN.

    Raises:
        ValueError: a measure of one's own cannot be imported, or gives no number.
    """
    import torch

    from srnn.analysis.dropout import accuracy_of, drop
    from srnn.analysis.settle import settle
    from srnn.fixpoints import classify
    from srnn.tasks import task_of

    task, weights = task_of(run.config), run.weights
    encoding = torch.from_numpy(run.encoding)

    def look(weights: np.ndarray) -> tuple[np.ndarray, float, float]:
        codes = classify(torch.from_numpy(np.array(weights)), encoding)
        before = accuracy_of(weights, task.x_test, task.y_test, run.shape)
        without = drop(weights, is_replicator(codes))
        after = accuracy_of(without, task.x_test, task.y_test, run.shape)
        return codes, before, 100 * (before - after)

    codes, accuracy, cost = look(weights)
    found = {"test_accuracy": accuracy, **count_types(codes)}
    found["replicator_share"] = float(is_replicator(codes).mean())
    found["drop_cost"] = math.nan if run.stopped else cost
    outputs = codes[run.shape.starts[-2] :].reshape(run.shape.layers[-1])
    found["dead_outputs"] = int((outputs == ZERO).all(1).sum())
    settled, settled_cost = math.nan, math.nan
    if run.stopped is None:
        later, _, settled_cost = look(settle(weights, run.config, [SETTLED])[0])
        settled = float(is_replicator(later).mean())
    found |= {"settled_replicator_share": settled, "settled_drop_cost": settled_cost}
    for name, path in (own or {}).items():
        found[name] = _own(name, path)(run)
    return found


def _own(name: str, path: str) -> Callable[[Run], float]:
    module, _, function = path.partition(":")
    try:
        called = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"measure {name} = {path!r}: cannot be imported ({error})") from error

    def number(run: Run) -> float:
        value: Any = called(run)
        try:
            return float(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"measure {name} = {path!r} gave {value!r}, no number") from error

    return number
