"""Rival criteria: is self-replication a good pruning criterion, or just small, quiet weights?

Every rival at every sparsity, over seeds of one configuration: criteria on the same networks,
rivals trained from scratch, control tests. It is asked with a :class:`Study` in place of the log's
settings; its pieces are those of :mod:`srnn.pruning.measure`, its sentences those of
:mod:`srnn.pruning.answers`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from srnn.config import ConfigError, RunConfig
from srnn.experiments.base import Arms, Computation, Experiment, Tables
from srnn.experiments.claims import premises
from srnn.figures.pruning import accuracy_curves
from srnn.pruning.answers import OURS, sentences, summary
from srnn.pruning.controls import PAIRINGS, PERMUTATIONS
from srnn.pruning.curves import RANDOM_DRAWS, SPARSITIES
from srnn.pruning.measure import RETRAINED, RIVALS, retrained_tables, run_tables, scratch_tables
from srnn.runs.results import Computed
from srnn.tasks import resolve

VERSION = 2
"""Version of what the pieces measure; another one is computed anew."""

FAMILIES = (
    ("one-shot", "one-shot-retrained", "lottery"),
    ("gradual",),
    ("l1",),
    ("snip",),
    ("random-start", "mask", "mask-shuffled", "pixels"),
)
"""Rivals trained from scratch that make one piece: those that share a trained network together."""


@dataclass(frozen=True)
class Study:
    """What is compared: a configuration over ``seeds`` seeds (from 1, each with its own order of
    the data), the sparsities, the epochs of retraining (a twentieth of the training unless said),
    random draws, pairings and permutations of the control tests.

    Raises:
        ConfigError: a value is out of range.
    """

    config: RunConfig
    seeds: int = 5
    sparsities: tuple[float, ...] = SPARSITIES
    retrain: int | None = None
    draws: int = RANDOM_DRAWS
    pairings: int = PAIRINGS
    permutations: int = PERMUTATIONS

    def __post_init__(self) -> None:
        object.__setattr__(self, "config", resolve(self.config.replace(seed=1, data_seed=1)))
        if not 1 <= self.seeds <= 100:
            raise ConfigError(f"seeds = {self.seeds}: must be from 1 to 100")
        if not 0 <= self.again <= 10_000:
            raise ConfigError(f"retrain = {self.retrain}: must be from 0 to 10000 epochs")
        if self.config.epochs < 2:
            raise ConfigError("a study needs a training of 2 epochs or more")

    @property
    def again(self) -> int:
        """Epochs of the short retraining."""
        return max(1, self.config.epochs // 20) if self.retrain is None else self.retrain

    @property
    def configs(self) -> tuple[RunConfig, ...]:
        """The trainings, one per seed."""
        seeds = range(1, 1 + self.seeds)
        return tuple(self.config.replace(seed=seed, data_seed=seed) for seed in seeds)


def arms(study: Study) -> Arms:
    """The pieces, by what is done."""
    every = [config.to_dict() for config in study.configs]
    cost = 0.02 * study.config.epochs
    sparsities = list(study.sparsities)

    def over_all(
        name: str, function: Callable[..., Computed], seconds: float, **own: Any
    ) -> Computation:
        about = {"sparsities": sparsities, "configs": every, **own}
        needs = study.configs
        return Computation(name, function, about, version=VERSION, cost=seconds, needs=needs)

    draws = {name: getattr(study, name) for name in ("draws", "pairings", "permutations")}
    return {
        "rivals from scratch": [
            over_all(
                "from-scratch", scratch_tables, cost * 60, names=list(names), retrain=study.again
            )
            for names in FAMILIES
        ],
        "survivors trained on": [
            over_all("trained-on", retrained_tables, cost * 20, criterion=name, epochs=study.again)
            for name in RETRAINED
            if study.again
        ],
        "each network": [
            Computation(
                "curves-and-controls",
                run_tables,
                {"sparsities": sparsities, "config": config.to_dict(), **draws},
                config.seed,
                version=VERSION,
                cost=10,
                needs=(config,),
            )
            for config in study.configs
        ],
    }


def study_says(tables: Tables) -> list[str]:
    """The study's sentences (:func:`srnn.pruning.answers.sentences`), or why there is nothing to
    say: networks that have not learned, or do not replicate."""
    natural = tables["natural"]
    ours = natural[natural["rival"] == OURS]
    seen = pd.DataFrame({"accuracy": ours["base_accuracy"], "replicators": ours["sparsity"]})
    wrong = premises(seen.assign(arm="all seeds"), ["all seeds"])
    return [f"Not evidence: {'; '.join(wrong)}."] if wrong else sentences(tables)


def figure(tables: Tables) -> go.Figure:
    """Accuracy against surviving connections, of all that is trained after or while pruning."""
    points = tables["points"]
    titles = {name: title for name, (title, group) in RIVALS.items() if group != "one network"}
    whole = int(points["dropped"].iloc[0] + points["surviving"].iloc[0])
    return accuracy_curves(summary(points), titles, particles=whole)


STUDY = Experiment(
    "rivals",
    __doc__,
    arms,
    (),
    figure,
    finding=lambda found: study_says(found.tables),
    data="points",
    page="pruning_lab",
    version=VERSION,
)
