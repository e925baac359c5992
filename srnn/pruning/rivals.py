"""The whole table: rival x sparsity over several seeds, with the control tests and the sweep.

A :class:`Study` is cut into independent pieces (one seed's curves, one criterion's retraining, one
family of rivals trained from scratch), computed in parallel processes and cached one by one, so
that a study that was cut off goes on, and one more seed costs one more seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from srnn.config import ConfigError, RunConfig
from srnn.jobs import obtain, obtain_seeds, shares
from srnn.jobs.parallel import in_parallel, worker_count
from srnn.metanet import accuracy, macro_shape
from srnn.particles import scalar_weights
from srnn.pruning.controls import DRAWS, control_table, control_tests
from srnn.pruning.criteria import CRITERIA, order_of
from srnn.pruning.curves import RANDOM_DRAWS, SPARSITIES, curves, natural_points
from srnn.pruning.dense import DENSE_LR, Rules, accuracies, train_dense
from srnn.pruning.masks import count_of, masks_of, natural_count
from srnn.pruning.retrain import retrain
from srnn.pruning.subject import Subject
from srnn.pruning.sweeps import epsilon_sweep
from srnn.pruning.trained import TRAINED, Setup
from srnn.store import Run, find_run
from srnn.store.results import Computed, Result, load_result, remember
from srnn.tasks import resolve, task_of

VERSION = 1
"""Version of what is computed here; another one is computed anew."""

RETRAINED = ("replicators", "magnitude", "activity", "random")
"""The criteria whose survivors are trained on."""

FAMILIES = (("one-shot", "one-shot-retrained", "lottery"), ("gradual",), ("l1",))
"""Rivals trained from scratch that share a trained network are one piece."""

RIVALS: dict[str, tuple[str, str]] = {
    **{name: (one.title, "one network") for name, one in CRITERIA.items()},
    **{
        f"{name}-retrained": (f"{CRITERIA[name].title}, retrained", "retrained")
        for name in RETRAINED
    },
    "replicators-collapsed": ("Replicators first, collapsed and retrained", "retrained"),
    **{name: (one.title, "from scratch") for name, one in TRAINED.items()},
}
"""Every row of the table: its title and its group (``one network``: nothing is trained after
pruning; ``retrained``: the survivors are trained on; ``from scratch``: a plain dense network)."""


@dataclass(frozen=True)
class Study:
    """What is compared: a configuration over ``seeds`` seeds (from 0), the sparsities, the epochs
    of retraining (a twentieth of the training unless said), random draws, draws of the control
    tests, the dense rivals' learning rate.

    Raises:
        ConfigError: a value is out of range.
    """

    config: RunConfig
    seeds: int = 5
    sparsities: tuple[float, ...] = SPARSITIES
    retrain: int | None = None
    draws: int = RANDOM_DRAWS
    control_draws: int = DRAWS
    lr: float = DENSE_LR

    def __post_init__(self) -> None:
        object.__setattr__(self, "config", resolve(self.config.replace(seed=0)))
        if self.retrain is None:
            object.__setattr__(self, "retrain", max(1, self.config.epochs // 20))
        if not 1 <= self.seeds <= 100:
            raise ConfigError(f"seeds = {self.seeds}: must be from 1 to 100")
        if not 0 <= self.retrain <= 10_000:
            raise ConfigError(f"retrain = {self.retrain}: must be from 0 to 10000 epochs")
        if self.config.epochs < 2:
            raise ConfigError("a study needs a training of 2 epochs or more")

    @property
    def configs(self) -> list[RunConfig]:
        """The trainings, one per seed."""
        return [self.config.replace(seed=seed) for seed in range(self.seeds)]

    def key(self, *fields: str) -> dict[str, object]:
        """What names a result that depends on the configuration and these fields."""
        values = {name: getattr(self, name) for name in fields}
        return {"version": VERSION, "config": self.config.to_dict(), **values}


@dataclass(frozen=True)
class Piece:
    """A part of a study that is computed and cached by itself; of training, some ``configs``."""

    study: Study
    kind: str
    name: str = ""
    seed: int = 0
    configs: tuple[RunConfig, ...] = ()

    @property
    def key(self) -> dict[str, object]:
        fields = {
            "seed": ("sparsities", "draws", "control_draws"),
            "retrain": ("seeds", "sparsities", "retrain"),
            "trained": ("seeds", "sparsities", "retrain", "lr"),
        }[self.kind]
        return {**self.study.key(*fields), "name": self.name, "seed": self.seed}

    @property
    def size(self) -> int:
        """How many pieces it counts as."""
        return len(self.configs) or 1

    @property
    def title(self) -> str:
        """What is being done, in a few words."""
        return {
            "train": f"training {len(self.configs)} of {self.study.seeds} seeds",
            "seed": f"curves and control tests, seed {self.seed}",
            "retrain": f"retraining the survivors of {self.name}",
            "trained": f"rivals from scratch: {self.name}",
        }[self.kind]


def pieces(study: Study) -> list[list[Piece]]:
    """A study's pieces in stages; the pieces of a stage need those before it, not each other."""
    training = [
        Piece(study, "train", configs=tuple(share))
        for share in shares(study.configs, worker_count())
    ]
    return [training, _measurements(study)]


def _measurements(study: Study) -> list[Piece]:
    """What follows the training, the longest first."""
    return [
        *(Piece(study, "trained", "+".join(names)) for names in FAMILIES),
        *(Piece(study, "retrain", name) for name in RETRAINED if study.retrain),
        *(Piece(study, "seed", seed=seed) for seed in range(study.seeds)),
    ]


def run_study(study: Study, on_progress: Callable[[int, int, str], None] | None = None) -> Result:
    """The study's tables (see :func:`assemble`), computing what is not cached; ``on_progress`` is
    told pieces done, pieces in all, and what was done last.

    Raises:
        RuntimeError: every seed diverged.
        DataError, OSError: the data cannot be read, the cache not written.
    """
    stages = pieces(study)
    total, done = sum(piece.size for stage in stages for piece in stage), 0
    for stage in stages:
        for index, _ in in_parallel(compute, stage):
            done += stage[index].size
            if on_progress:
                on_progress(done, total, stage[index].title)
    found = load_study(study)
    if found is None:
        raise RuntimeError("the study's results were removed while it ran; start it again")
    return found


def load_study(study: Study) -> Result | None:
    """The study's tables if all of its pieces are cached, else None."""
    results = []
    for piece in _measurements(study):
        result = load_result(f"rivals-{piece.kind}", piece.key)
        if result is None:
            return None
        results.append(result)
    return assemble(results)


def assemble(results: list[Result]) -> Result:
    """The pieces' tables together: ``points`` (rival, seed, draw, sparsity, dropped, surviving,
    accuracy, base_accuracy), ``natural`` (the same where all replicators are dropped),
    ``controls`` and ``epsilon`` (with a column seed); the fact ``stopped`` says which seeds
    diverged and are left out."""
    tables: dict[str, list[pd.DataFrame]] = {}
    stopped: set[str] = set()
    for result in results:
        stopped |= set(result.facts.get("stopped", []))
        for name, table in result.tables.items():
            if len(table):
                tables.setdefault(name, []).append(table)
    if "controls" not in tables:
        raise RuntimeError("every seed diverged: " + "; ".join(sorted(stopped)))
    whole = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    seconds = sum(result.seconds for result in results)
    return Result({"stopped": sorted(stopped)}, whole, seconds)


def compute(piece: Piece) -> None:
    """Compute one piece, unless it is cached."""
    if piece.kind == "train":
        obtain_seeds(piece.configs)
        return
    work = {"seed": _seed, "retrain": _retrain, "trained": _trained}[piece.kind]
    remember(f"rivals-{piece.kind}", piece.key, lambda: work(piece))


def _runs(study: Study) -> Iterator[tuple[int, Run]]:
    """The study's runs that did not diverge, with their seeds."""
    for seed, config in enumerate(study.configs):
        run = find_run(config.run_id) or obtain(config)[0]
        if run.stopped is None:
            yield seed, run


def _seed(piece: Piece) -> Computed:
    study = piece.study
    run, _ = obtain(study.configs[piece.seed])
    if run.stopped:
        return {"stopped": [f"seed {piece.seed}: {run.stopped}"]}, {}
    subject = Subject.of(run)
    points = curves(subject, sparsities=study.sparsities, draws=study.draws)
    controls = control_table(control_tests(subject, study.control_draws, piece.seed))
    tables = {
        "points": points.rename(columns={"criterion": "rival"}),
        "natural": natural_points(subject).rename(columns={"criterion": "rival"}),
        "controls": controls,
        "epsilon": epsilon_sweep(subject),
    }
    return {}, {name: table.assign(seed=piece.seed) for name, table in tables.items()}


def _retrain(piece: Piece) -> Computed:
    """Every seed and sparsity (and the point where all replicators are dropped) of a criterion,
    trained on as particles; ``replicators`` also as the collapsed dense network."""
    study, task = piece.study, task_of(piece.study.config)
    rows, states, masks, scalars = [], [], [], []
    for seed, run in _runs(study):
        subject = Subject.of(run)
        natural = natural_count("replicators", subject)
        counts = [count_of(share, subject.particles) for share in study.sparsities]
        wanted = [*zip(study.sparsities, counts, strict=True), (None, natural)]
        base = subject.accuracy()
        masks.append(masks_of(order_of(piece.name, subject, seed), [*counts, natural]))
        states += [run.state] * len(wanted)
        scalars.append(subject.scalars.expand(len(wanted), -1))
        rows += [_row(seed, share, count, subject.particles, base) for share, count in wanted]
    if not rows:
        return {}, {}
    shape, keep = macro_shape(study.config), np.concatenate(masks)
    weights = retrain(study.config, task, states, keep, study.retrain)
    x, y = torch.from_numpy(task.x_test), torch.from_numpy(task.y_test)
    after = [accuracy(scalar_weights(torch.from_numpy(one)), x, y, shape) for one in weights]
    table = pd.DataFrame(rows).assign(rival=f"{piece.name}-retrained", accuracy=after)
    if piece.name == "replicators":
        dense, _ = train_dense(
            torch.cat(scalars),
            torch.from_numpy(keep),
            shape,
            task,
            range(study.config.epochs + 1, study.config.epochs + 1 + study.retrain),
            Rules.of(study.config, study.lr),
        )
        after = accuracies(dense, x, y, shape)
        collapsed = pd.DataFrame(rows).assign(rival="replicators-collapsed", accuracy=after)
        table = pd.concat([table, collapsed], ignore_index=True)
    points = table[table["natural"] == 0].drop(columns="natural").reset_index(drop=True)
    natural_rows = table[table["natural"] == 1].drop(columns="natural").reset_index(drop=True)
    return {}, {"points": points, "natural": natural_rows}


def _row(
    seed: int, share: float | None, count: int, particles: int, base: float
) -> dict[str, float]:
    return {
        "seed": seed,
        "draw": 0,
        "sparsity": count / particles if share is None else share,
        "dropped": count,
        "surviving": particles - count,
        "base_accuracy": base,
        "natural": int(share is None),
    }


def _trained(piece: Piece) -> Computed:
    study, task = piece.study, task_of(piece.study.config)
    config, shape = study.config, macro_shape(study.config)
    setup = Setup(
        task,
        shape,
        Rules.of(config, study.lr),
        range(study.seeds),
        study.sparsities,
        config.epochs,
        study.retrain,
    )
    x, y = torch.from_numpy(task.x_test), torch.from_numpy(task.y_test)
    base = accuracies(setup.dense, x, y, shape)
    tables = []
    for name in piece.name.split("+"):
        scalars = TRAINED[name].make(setup)
        after = accuracies(scalars, x, y, shape).reshape(study.seeds, -1)
        for seed in range(study.seeds):
            rows = [
                _row(seed, share, count, shape.particles, base[seed])
                for share, count in zip(study.sparsities, setup.counts, strict=True)
            ]
            tables.append(pd.DataFrame(rows).assign(rival=name, accuracy=after[seed]))
    return {}, {"points": pd.concat(tables, ignore_index=True).drop(columns="natural")}
