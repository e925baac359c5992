"""What a sweep keeps of a run: one number each, computed where the run was trained.

All of them hold at the run's last epoch and at the log's epsilon. Accuracies and shares are from 0
to 1, drop costs in percentage points (positive: dropping the replicators loses accuracy).
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from srnn.vocabulary import SETTLED, TYPES

if TYPE_CHECKING:
    from srnn.runs import Run

VERSION = 2
"""Changes when a measure does; rows of another version are computed anew."""

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
    from srnn.analysis.moment import look
    from srnn.analysis.settle import settle
    from srnn.analysis.types import dead_cells
    from srnn.tasks import task_of

    about = run.encoding, run.shape, task_of(run.config)
    end = look(run.weights, *about)
    found = {"test_accuracy": end.before, **end.types, "replicator_share": end.share}
    found["drop_cost"] = math.nan if run.stopped else 100 * end.cost
    found["dead_outputs"] = int(dead_cells(end.codes, run.shape).sum())
    found |= {"settled_replicator_share": math.nan, "settled_drop_cost": math.nan}
    if run.stopped is None:
        later = look(settle(run.weights, run.config, [SETTLED])[0], *about)
        found["settled_replicator_share"] = later.share
        found["settled_drop_cost"] = 100 * later.cost
    for name, path in (own or {}).items():
        found[name] = _own(name, path, run)
    return found


def _own(name: str, path: str, run: Run) -> float:
    module, _, function = path.partition(":")
    try:
        called = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"measure {name} = {path!r}: cannot be imported ({error})") from error
    value: Any = called(run)
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"measure {name} = {path!r} gave {value!r}, no number") from error
