"""Where it breaks: how far does self-replication pruning carry?

The drop cost of all replicators beside that of as many connections by |scalar weight × input std|,
over data sets, sizes, shapes and recipes, at the instant training stopped and settled by
replication-only steps. It is asked with :class:`srnn.pruning.limits.Limits` in place of settings.
"""

from __future__ import annotations

import pandas as pd

from srnn.experiments.base import Experiment
from srnn.experiments.claims import premises
from srnn.figures.pruning import limit_costs
from srnn.pruning.limits import Limits, limits_of, limits_sentences


def limits_finding(numbers: pd.DataFrame) -> list[str]:
    """What the table says of the settings whose networks learn and replicate; which do not."""
    wrong = {arm: premises(numbers, [arm]) for arm in numbers["arm"].unique()}
    good = numbers[numbers["arm"].map(lambda arm: not wrong[arm])]
    said = limits_sentences(good) if len(good) else []
    return [*said, *(f"Not evidence: {one}." for ones in wrong.values() for one in ones)]


LIMITS = Experiment(
    "limits",
    __doc__,
    Limits.settings,
    (),
    lambda tables: limit_costs(tables["numbers"]),
    limits_of,
    lambda found: limits_finding(found.numbers),
    page="pruning_lab",
)
