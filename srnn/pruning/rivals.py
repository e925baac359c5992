"""The whole table: rival x sparsity over several seeds, with the control tests and the sweep.

A :class:`Study` is cut into independent pieces (see :mod:`srnn.pruning.measure`), computed in
parallel processes and cached one by one, so that a study that was cut off goes on, and one more
seed costs one more seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from srnn.config import ConfigError, RunConfig
from srnn.jobs import obtain_seeds, shares
from srnn.jobs.parallel import in_parallel, worker_count
from srnn.pruning.controls import PAIRINGS, PERMUTATIONS
from srnn.pruning.curves import RANDOM_DRAWS, SPARSITIES
from srnn.pruning.measure import RETRAINED, retrained_tables, run_tables, scratch_tables
from srnn.store.results import Computed, Result, load_result, remember
from srnn.tasks import resolve

VERSION = 2
"""Version of what is computed here; another one is computed anew."""

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
    """What is compared: a configuration over ``seeds`` seeds (from 0), the sparsities, the epochs
    of retraining (a twentieth of the training unless said), random draws, pairings and
    permutations of the control tests.

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
        object.__setattr__(self, "config", resolve(self.config.replace(seed=0)))
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
    def configs(self) -> list[RunConfig]:
        """The trainings, one per seed."""
        return [self.config.replace(seed=seed) for seed in range(self.seeds)]


@dataclass(frozen=True)
class Piece:
    """A part of a study that is computed and cached by itself: a function and its parameters."""

    title: str
    function: Callable[..., Computed]
    parameters: dict[str, Any]

    @property
    def name(self) -> tuple[str, dict[str, Any]]:
        """What names its result in the cache."""
        return self.function.__name__.replace("_", "-"), {"version": VERSION, **self.parameters}


def measurements(study: Study) -> list[Piece]:
    """The pieces that follow the training, the longest first."""
    shared = {"sparsities": list(study.sparsities)}
    every = {**shared, "configs": [config.to_dict() for config in study.configs]}
    again = study.again
    return [
        *(
            Piece(
                f"from scratch: {', '.join(names)}",
                scratch_tables,
                {**every, "names": list(names), "retrain": again},
            )
            for names in FAMILIES
        ),
        *(
            Piece(
                f"retraining the survivors of {name}",
                retrained_tables,
                {**every, "criterion": name, "epochs": again},
            )
            for name in RETRAINED
            if again
        ),
        *(
            Piece(
                f"curves and control tests, seed {config.seed}",
                run_tables,
                {
                    **shared,
                    "config": config.to_dict(),
                    "draws": study.draws,
                    "pairings": study.pairings,
                    "permutations": study.permutations,
                },
            )
            for config in study.configs
        ),
    ]


def run_study(study: Study, on_progress: Callable[[int, int, str], None] | None = None) -> Result:
    """The study's tables (see :func:`assemble`), computing what is not cached; ``on_progress`` is
    told pieces done, pieces in all, and what was done last.

    Raises:
        RuntimeError: every seed diverged.
        DataError, OSError: the data cannot be read, the cache not written.
    """
    groups, pieces = shares(study.configs, worker_count()), measurements(study)
    total, done = study.seeds + len(pieces), 0

    def tell(more: int, what: str) -> None:
        nonlocal done
        done += more
        if on_progress:
            on_progress(done, total, what)

    for index, _ in in_parallel(obtain_seeds, groups):
        tell(len(groups[index]), f"training {len(groups[index])} of {study.seeds} seeds")
    for index, _ in in_parallel(_compute, pieces):
        tell(1, pieces[index].title)
    found = load_study(study)
    if found is None:
        raise RuntimeError("the study's results were removed while it ran; start it again")
    return found


def load_study(study: Study) -> Result | None:
    """The study's tables if all of its pieces are cached, else None."""
    results = []
    for piece in measurements(study):
        result = load_result(*piece.name)
        if result is None:
            return None
        results.append(result)
    return assemble(results)


def assemble(results: list[Result]) -> Result:
    """The pieces' tables together: ``points``, ``natural`` (see :mod:`srnn.pruning.measure`),
    ``controls`` and ``epsilon`` (with a column seed); the fact ``stopped`` says which seeds
    diverged and are left out, ``rate`` the dense rivals' learning rate."""
    tables: dict[str, list[pd.DataFrame]] = {}
    stopped: set[str] = set()
    rate = None
    for result in results:
        stopped |= set(result.facts.get("stopped", []))
        rate = result.facts.get("rate", rate)
        for name, table in result.tables.items():
            tables.setdefault(name, []).append(table)
    if "controls" not in tables:
        raise RuntimeError("every seed diverged: " + "; ".join(sorted(stopped)))
    whole = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    seconds = sum(result.seconds for result in results)
    return Result({"stopped": sorted(stopped), "rate": rate}, whole, seconds)


def _compute(piece: Piece) -> None:
    remember(*piece.name, lambda: piece.function(**piece.parameters))
