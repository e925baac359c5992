"""Where it breaks: how far does self-replication pruning carry?

The drop cost of all replicators beside that of as many connections by |scalar weight × input std|,
over data sets, sizes, shapes and recipes, at the instant training stopped and settled by
replication-only steps. It is asked with :class:`srnn.pruning.limits.Limits` in place of settings.
"""

from __future__ import annotations

from srnn.experiments.base import Experiment
from srnn.figures.pruning import limit_costs
from srnn.pruning.limits import COLUMNS, Limits, limits_of, limits_sentences

LIMITS = Experiment(
    "limits",
    __doc__,
    Limits.settings,
    (),
    lambda tables: limit_costs(tables["numbers"]),
    limits_of,
    lambda found: limits_sentences(found.numbers[["arm", "seed", *COLUMNS]]),
    page="pruning_lab",
)
