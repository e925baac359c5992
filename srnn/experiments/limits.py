"""Where self-replication pruning breaks: over data sets, sizes, shapes and recipes.

It is asked with :class:`srnn.pruning.limits.Limits` in place of the log's settings.
"""

from __future__ import annotations

from srnn.experiments.base import Experiment
from srnn.figures.pruning import limit_costs
from srnn.pruning.limits import COLUMNS, Limits, limits_of, limits_sentences

LIMITS = Experiment(
    "limits",
    "Where it breaks",
    "How far does self-replication pruning carry?",
    "The drop cost of all replicators beside that of as many connections by |scalar weight × input "
    "std|, at the instant training stopped and settled by replication-only steps.",
    Limits.settings,
    (),
    lambda tables: limit_costs(tables["numbers"]),
    measure=limits_of,
    finding=lambda found: limits_sentences(found.numbers[["arm", "seed", *COLUMNS]]),
    page="pages/pruning_lab.py",
)
