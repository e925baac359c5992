"""Where it breaks: how far does self-replication pruning carry?

The drop cost of all replicators beside that of as many connections by |scalar weight × input std|,
over data sets, sizes, shapes and recipes, at the instant training stopped and settled by
replication-only steps. It is asked with :class:`Limits` in place of settings.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from srnn.config import ConfigError, RunConfig, make_config
from srnn.experiments.base import Experiment
from srnn.experiments.claims import evidence
from srnn.figures.pruning import limit_costs
from srnn.pruning.masks import kept_by
from srnn.pruning.subject import Subject
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.statistics import Estimate, estimate
from srnn.vocabulary import SETTLED

BREAKS = 1.0
"""Percentage points; a drop cost above it is said to break."""

SHAPES: dict[str, dict[str, object]] = {
    "h = 8": {},
    "h = 4": {"neurons": 4},
    "width 12": {"width": 12},
    "width 20": {"width": 20},
    "depth 3": {"depth": 3},
    "depth 6": {"depth": 6},
    "ReLU": {"activation": "relu"},
}
"""What is changed in recipe 2022-02 with h = 8 (depth 5, width 6, residual skips)."""

COLUMNS = {
    "accuracy": "Accuracy (%)",
    "replicators": "Replicators (%)",
    "cost": "Drop cost",
    "rule_cost": "As many by contribution",
    "settled_replicators": "Settled: replicators (%)",
    "settled_cost": "Settled: drop cost",
    "settled_rule_cost": "Settled: as many by contribution",
}
"""The measured facts (0..1), and what the table calls them; costs are shown in points."""


@dataclass(frozen=True)
class Limits:
    """Which settings, over how many seeds and epochs; ``folders`` are IDX data sets of one's own.

    Raises:
        ConfigError: a number is out of range.
    """

    folders: tuple[str, ...] = ()
    seeds: int = 3
    epochs: int = 200

    def __post_init__(self) -> None:
        if not 1 <= self.seeds <= 100:
            raise ConfigError(f"seeds = {self.seeds}: must be from 1 to 100")
        if self.epochs < 1:
            raise ConfigError(f"epochs = {self.epochs}: must be 1 or more")

    def settings(self) -> dict[str, list[RunConfig]]:
        """The trainings of every row, by the row's name: MNIST in every shape and by the later
        recipe, each folder at 15x15 with h = 8 and h = 4 and at its own size."""
        base = make_config("2022-02", neurons=8, epochs=self.epochs)
        found = {f"MNIST, {name}": base.replace(**changes) for name, changes in SHAPES.items()}
        found["MNIST, recipe 2022-03"] = make_config("2022-03", epochs=self.epochs)
        for folder in self.folders:
            name, own = Path(folder).name, base.replace(dataset=folder)
            found[f"{name}, h = 8"] = own
            found[f"{name}, h = 4"] = own.replace(neurons=4)
            found[f"{name}, own size, h = 8"] = own.replace(size=0)
        return {
            name: [config.replace(seed=seed, data_seed=seed) for seed in range(1, self.seeds + 1)]
            for name, config in found.items()
        }


def limits_of(run: Run) -> Computed:
    """The facts of one run: see :data:`COLUMNS`; costs and accuracies are 0..1."""
    subject = Subject.of(run)
    facts = {"accuracy": subject.accuracy()}
    for name, one in (("", subject), ("settled_", Subject.settled(run))):
        before = one.accuracy()
        facts[f"{name}replicators"] = float(one.replicators.mean())
        for column, criterion in (("cost", "replicators"), ("rule_cost", "activity")):
            facts[f"{name}{column}"] = before - one.accuracy(kept_by(criterion, one))
    return facts, {}


def limits_table(numbers: pd.DataFrame) -> pd.DataFrame:
    """The table for readers: one row per setting, mean and 95 % interval over seeds in percent and
    points. ``numbers``: ``arm, seed`` and a column per fact."""
    rows = []
    for arm, mine in numbers.groupby("arm", sort=False):
        digits = {name: 2 if "cost" in name else 1 for name in COLUMNS}
        means = {COLUMNS[name]: estimate(mine[name]).text(100, digits[name]) for name in COLUMNS}
        rows.append({"setting": arm, "seeds": len(mine), **means})
    return pd.DataFrame(rows)


def limits_finding(numbers: pd.DataFrame) -> list[str]:
    """What the table says of the settings whose networks learn and replicate, each sentence chosen
    by the numbers; which do not."""
    good, wrong = evidence(numbers, list(numbers["arm"].unique()))
    if not good:
        return wrong
    settings = numbers[numbers["arm"].isin(good)].groupby("arm", sort=False)

    def means(column: str) -> dict[str, Estimate]:
        return {str(arm): estimate(values) for arm, values in settings[column]}

    costs, rule, settled = means("cost"), means("rule_cost"), means("settled_replicators")
    broken = [f"{arm} ({one.text(100)})" for arm, one in costs.items() if 100 * one.mean > BREAKS]
    worst = max(rule, key=lambda arm: rule[arm].mean)
    few = min(settled, key=lambda arm: settled[arm].mean)
    return [
        f"Dropping all replicators costs more than {BREAKS:g} point in {len(broken)} of "
        f"{len(costs)} settings" + (f": {'; '.join(broken)}." if broken else "."),
        f"As many by |scalar weight × input std| cost at most {rule[worst].text(100)} points "
        f"({worst}).",
        f"After {SETTLED} replication-only steps at least {settled[few].text(100, 1)} % of the "
        f"connections replicate ({few}): the drop cost belongs to the instant at which types are "
        "read."
        if settled[few].mean > 0.9
        else f"After {SETTLED} replication-only steps {settled[few].text(100, 1)} % of the "
        f"connections replicate in {few}, more elsewhere.",
        *wrong,
    ]


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
