"""What a study measures: three kinds of piece, each a function of JSON values that gives tables.

Tables ``points`` (asked-for sparsities) and ``natural`` (as many dropped as the run has
replicators) have the columns ``rival, seed, draw, sparsity, dropped, surviving, accuracy,
base_accuracy``: accuracies are 0..1 on test images, the base is that of the whole network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch

from srnn.config import RunConfig
from srnn.particles import scalar_weights
from srnn.pruning.controls import PAIRINGS, PERMUTATIONS, control_tests
from srnn.pruning.criteria import CRITERIA, order_of
from srnn.pruning.curves import RANDOM_DRAWS, curves, natural_points, points_of
from srnn.pruning.dense import Rules, train_dense
from srnn.pruning.masks import count_of, masks_of, natural_count
from srnn.pruning.retrain import fresh_states, retrain
from srnn.pruning.scratch import SCRATCH, Setup, best_rate
from srnn.pruning.subject import Subject
from srnn.pruning.sweeps import epsilon_sweep
from srnn.runs import Run, obtain
from srnn.runs.results import Computed, remember

RETRAINED = ("replicators", "magnitude", "activity", "random")
"""The criteria whose survivors are trained on."""

RIVALS: dict[str, tuple[str, str]] = {
    **{name: (one.title, "one network") for name, one in CRITERIA.items()},
    **{
        f"{name}-retrained": (f"{CRITERIA[name].title}, retrained", "retrained")
        for name in RETRAINED
    },
    "replicators-collapsed": ("Replicators first, collapsed and retrained", "retrained"),
    "replicators-renewed": ("The survivors' particles, drawn anew", "retrained"),
    **{name: (one.title, "from scratch") for name, one in SCRATCH.items()},
}
"""Every row of the table: its title and its group (``one network``: nothing is trained after
pruning; ``retrained``: the survivors are trained on; ``from scratch``: a plain dense network)."""


def run_tables(
    config: dict[str, Any],
    sparsities: Sequence[float],
    draws: int = RANDOM_DRAWS,
    pairings: int = PAIRINGS,
    permutations: int = PERMUTATIONS,
) -> Computed:
    """One trained run: curves, the natural point, the control tests, the sweep over epsilon. The
    fact ``stopped`` says that it diverged."""
    run, _ = obtain(RunConfig.from_dict(config))
    seed = run.config.seed
    if run.stopped:
        return {"stopped": run.stopped}, {}
    subject = Subject.of(run)
    points = curves(subject, sparsities=sparsities, draws=draws)
    tables = {
        "points": points,
        "natural": natural_points(subject),
        "controls": control_tests(subject, pairings, permutations, seed),
        "epsilon": epsilon_sweep(subject),
    }
    return {}, {name: table.assign(seed=seed) for name, table in tables.items()}


def retrained_tables(
    configs: Sequence[dict[str, Any]], criterion: str, sparsities: Sequence[float], epochs: int
) -> Computed:
    """The survivors of a criterion trained on as particles, for every run (configurations that
    differ in their seed). With ``replicators`` also collapsed to a dense network and trained on,
    and, at the natural count, drawn anew and trained as long as the run was."""
    grid = Grid.of(configs, sparsities)
    if not grid.runs:
        return {"stopped": grid.stopped}, {}
    config, some = grid.runs[0].config, grid.subjects[0]
    keep, each = grid.kept(criterion), grid.counts.shape[1]
    states = [run.state for run in grid.runs for _ in range(each)]
    weights = retrain(config, some.task, states, keep.reshape(-1, some.particles), epochs)
    found = {f"{criterion}-retrained": _of_particles(weights, some)}
    if criterion == "replicators":
        scalars = torch.cat([one.scalars.expand(each, -1) for one in grid.subjects])
        again = range(config.epochs + 1, config.epochs + 1 + epochs)
        masks = torch.from_numpy(keep.reshape(-1, some.particles))
        dense, _ = train_dense(scalars, masks, some.shape, some.task, again, Rules.of(config))
        found["replicators-collapsed"] = some.answered(dense)
        natural = keep[:, -1]
        fresh = fresh_states([run.config for run in grid.runs], natural)
        renewed = retrain(config, some.task, fresh, natural, config.epochs)
        found["replicators-renewed"] = _of_particles(renewed, some)
    return {}, grid.tables([one.accuracy() for one in grid.subjects], found)


def scratch_tables(
    configs: Sequence[dict[str, Any]],
    names: Sequence[str],
    sparsities: Sequence[float],
    retrain: int,
) -> Computed:
    """Rivals trained from scratch beside every run, with the learning rate that serves the whole
    dense network best on validation images (the fact ``rate``)."""
    grid = Grid.of(configs, sparsities)
    if not grid.runs:
        return {"stopped": grid.stopped}, {}
    config, some = grid.runs[0].config, grid.subjects[0]
    seeds = tuple(run.config.seed for run in grid.runs)
    setup = Setup(
        some.task, some.shape, Rules.of(config), seeds, grid.counts, config.epochs, retrain,
        grid.kept("replicators"),
    )  # fmt: skip
    key = {"config": config.to_dict(), "seeds": seeds}
    rate = remember("dense-rate", key, lambda: ({"rate": best_rate(setup)}, {}))[0].facts["rate"]
    setup = replace(setup, rules=replace(setup.rules, lr=rate))
    natural = replace(setup, counts=setup.counts[:, -1:], kept=setup.kept[:, -1:])
    found = {
        name: some.answered(SCRATCH[name].make(natural if SCRATCH[name].natural else setup))
        for name in names
    }
    return {"rate": rate}, grid.tables(list(some.answered(setup.dense)), found)


@dataclass(frozen=True, eq=False)
class Grid:
    """Runs by counts: in each run as many connections are dropped as every sparsity says and, in
    the last column of ``counts (S, K)``, as it has replicators. ``stopped`` says what became of one
    that diverged and is left out."""

    runs: list[Run]
    sparsities: Sequence[float]
    stopped: str

    @classmethod
    def of(cls, configs: Sequence[dict[str, Any]], sparsities: Sequence[float]) -> Grid:
        """The grid of the runs that did not diverge."""
        runs = [obtain(RunConfig.from_dict(config))[0] for config in configs]
        well = [run for run in runs if run.stopped is None]
        return cls(well, sparsities, next((run.stopped for run in runs if run.stopped), ""))

    @cached_property
    def subjects(self) -> list[Subject]:
        return [Subject.of(run) for run in self.runs]

    @cached_property
    def counts(self) -> np.ndarray:
        return np.array(
            [
                [count_of(share, one.particles) for share in self.sparsities]
                + [natural_count("replicators", one)]
                for one in self.subjects
            ]
        )

    def kept(self, criterion: str) -> np.ndarray:
        """What survives of every run at every count, ``(S, K, P)`` bool."""
        return np.stack(
            [
                masks_of(order_of(criterion, one, run.config.seed), row)
                for run, one, row in zip(self.runs, self.subjects, self.counts, strict=True)
            ]
        )

    def tables(
        self, base: Sequence[float], found: Mapping[str, np.ndarray]
    ) -> dict[str, pd.DataFrame]:
        """Accuracies of rivals as the tables ``points`` and ``natural``: ``S * K`` values, or
        ``S`` of a rival that is made at the natural count only; ``base (S,)`` are those of the
        whole networks."""
        frames = []
        for rival, values in found.items():
            wide = np.reshape(values, (len(self.subjects), -1))
            each = wide.shape[1]
            dropped = self.counts[:, -each:].ravel()
            particles = self.subjects[0].particles
            asked = np.tile(np.append(self.sparsities, np.nan)[-each:], len(wide))
            natural = np.isnan(asked)
            shares = np.where(natural, dropped / particles, asked)
            whole = np.repeat(base, each)
            frame = points_of(rival, shares, dropped, particles, wide.ravel(), whole)
            seeds = np.repeat([run.config.seed for run in self.runs], each)
            frames.append(frame.assign(seed=seeds, natural=natural))
        table = pd.concat(frames, ignore_index=True)
        parts = {"points": table[~table["natural"]], "natural": table[table["natural"]]}
        return {
            name: part.drop(columns="natural").reset_index(drop=True)
            for name, part in parts.items()
            if len(part)
        }


def _of_particles(weights: np.ndarray, subject: Subject) -> np.ndarray:
    """Test accuracies of MetaNets ``(S, n, P)``."""
    return subject.answered(scalar_weights(torch.from_numpy(weights)))
