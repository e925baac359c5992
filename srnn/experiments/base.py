"""What an experiment is: a question, the claims made before it runs, what it needs, its figure.

One file in this folder with a name ``EXPERIMENT`` is one experiment: it appears in the app, in the
shell (``python -m srnn reproduce --row NAME``) and in the tests without any other edit. It needs

- ``arms``: named lists of pieces, one piece per seed. A piece is a training (a
  :class:`~srnn.config.RunConfig`; :func:`trainings` makes arms of them) or a
  :class:`Computation` (:func:`computations`). One arm is the log's setting, others are placebos:
  ordinary trainings in which a claim must not hold.
- ``measure``: what is read off a finished run, as named numbers and tables. It is computed once per
  run, in parallel, and cached. ``accuracy`` and ``replicators`` (shares) are always there.
- ``claims``, judged on these numbers (:mod:`srnn.experiments.claims`), and a ``figure`` of them.

An experiment with parameters of its own takes them in place of :class:`Settings`: ``arms`` gets
whatever frozen dataclass the engine was called with (a configuration, seeds, sparsities, ...), and
all of its fields name the outcome in the cache. Its computations say in ``needs`` which trainings
they read (they obtain them by themselves) and carry in ``parameters`` only what they depend on, so
that one seed more costs one seed more. :func:`srnn.experiments.engine.outcome_of` runs it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from srnn.analysis.dropout import dropout_masks
from srnn.analysis.types import history_measures
from srnn.config import RunConfig, make_config
from srnn.experiments.claims import RULES, At, Claim, Judged, finite_estimate, show, values, write
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.statistics import Estimate
from srnn.tasks import task_of

Tables = dict[str, pd.DataFrame]

NO_VERDICT = "quick: no verdict"
"""The verdict of every quick run: digits and few epochs say nothing about the log's numbers."""

FIRST_SEED = 1
"""Seeds are counted from here: the bundled runs (seed 0) are for the first look, not evidence."""


NONE, SHUFFLED, PERMUTED = "no self-replication", "labels shuffled", "target permuted"
PLACEBOS: dict[str, dict[str, Any]] = {
    NONE: {"goal": "none"},
    SHUFFLED: {"labels": "shuffled"},
    PERMUTED: {"goal": "permuted", "epochs": 20},
}
"""The placebos that most claims have: trainings with the goal ``none``; with labels dealt out anew
among the training images; and with every particle asked to reproduce its weights in a permuted
order, which is all of self-replication but the replicating (20 epochs, by which nothing changes any
more)."""


@dataclass(frozen=True)
class Settings:
    """How the log is reproduced: ``quick`` (digits, a tenth of the epochs) or in full, over how
    many seeds."""

    quick: bool = False
    seeds: int = 5

    @property
    def each(self) -> range:
        """The seeds."""
        return range(FIRST_SEED, FIRST_SEED + self.seeds)

    def config(self, **changes: Any) -> RunConfig:
        """A configuration of recipe 2022-02 with some fields changed, made small if quick."""
        config = make_config("2022-02", **changes)
        if self.quick:
            epochs = min(config.epochs, max(4, config.epochs // 10))
            config = config.replace(dataset="digits", depth=4, batch_size=50, epochs=epochs)
        return config

    def configs(self, first: int = FIRST_SEED, least: int = 0, **changes: Any) -> list[RunConfig]:
        """The same over all seeds from ``first`` on (at least so many in full mode); the order of
        the data changes with the seed."""
        seeds = range(first, first + (self.seeds if self.quick else max(self.seeds, least)))
        return [self.config(**changes, seed=seed, data_seed=seed) for seed in seeds]


@dataclass(frozen=True)
class Computation:
    """Something to compute that is no training: an importable function and its keyword arguments
    (JSON values), which with ``version`` name the result. ``needs``: trainings to be done before;
    ``cost``: rough seconds, so that the longest start first; ``alone``: on an idle machine, for
    timings. A result with a table ``numbers`` (``seed`` and a column per quantity, and ``arm`` if
    it fills several) speaks of many seeds at once; otherwise its facts are those of ``seed``."""

    name: str
    function: Callable[..., Computed]
    parameters: dict[str, Any]
    seed: int = FIRST_SEED
    version: int = 1
    cost: float = 1.0
    needs: tuple[RunConfig, ...] = ()
    alone: bool = False

    @property
    def key(self) -> dict[str, Any]:
        """What names its result."""
        return {"version": self.version, "parameters": self.parameters}


Piece = RunConfig | Computation
Arms = Mapping[str, Sequence[Piece]]


def trainings(
    arms: Mapping[str, Mapping[str, Any]], of: str = "", placebos: Sequence[str] = ()
) -> Callable[[Settings], Arms]:
    """The ``arms`` of an experiment that only trains: what each changes in the recipe. The
    :data:`PLACEBOS` that are named are those ``of`` one arm."""
    every = {**arms, **{name: {**arms[of], **PLACEBOS[name]} for name in placebos}}

    def trained(settings: Settings) -> Arms:
        return {name: settings.configs(**changes) for name, changes in every.items()}

    return trained


def computations(
    name: str,
    function: Callable[..., Computed],
    over: Iterable[RunConfig | int],
    *,
    version: int = 1,
    cost: float = 1.0,
    **parameters: Any,
) -> list[Computation]:
    """The same computation over configurations or seeds, which it takes as ``config`` or
    ``seed`` beside the other parameters."""
    found = []
    for one in over:
        own: dict[str, Any] = {"seed": one} if isinstance(one, int) else {"config": one.to_dict()}
        seed = one if isinstance(one, int) else one.seed
        found.append(Computation(name, function, parameters | own, seed, version, cost))
    return found


@dataclass(frozen=True)
class Found:
    """What the pieces gave: ``numbers`` (``arm, seed`` and a column per fact), ``tables`` (the
    pieces' tables of one name together, each with ``arm, seed``), and the judged claims by
    quantity."""

    numbers: pd.DataFrame
    tables: Tables
    judged: dict[str, Judged]

    def values(self, arm: str, key: str) -> list[float]:
        """One number per seed."""
        return list(values(self.numbers, At(arm, key)).values())

    def estimate(self, arm: str, key: str) -> Estimate:
        """Mean and interval over seeds, numbers that are not finite left out."""
        return finite_estimate(self.values(arm, key))

    def text(self, arm: str, key: str, unit: str = "%") -> str:
        """The same for readers."""
        return show(self.estimate(arm, key), unit)

    def mean(self, arm: str, key: str, unit: str = "%") -> str:
        """The mean for readers, in lists that would be too long with their intervals."""
        found = self.estimate(arm, key)
        return write(found.mean, unit) if found.count else "not measured"


@dataclass(frozen=True)
class Outcome:
    """What came out: the verdict, sentences that say what it means, and the tables behind it
    (``claims``, ``numbers`` and the experiment's own). ``made`` says when and how."""

    verdict: str
    finding: str
    tables: Tables = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)


def final_codes(run: Run) -> np.ndarray:
    """Types of a run's particles at the end, ``(P,)``, at the log's epsilon."""
    return history_measures(run.snapshots[-1:], run.encoding).codes()[0]


def drop_costs(
    weights: np.ndarray, groups: dict[str, np.ndarray], run: Run
) -> tuple[dict[str, float], pd.DataFrame]:
    """What dropping groups of particles (masks ``(P,)``) costs: accuracy before minus after, by
    group, and as many at random (``NAME, at random``, by the run's seed); NaN for an empty group.
    And the same as a table ``group, count, cost, accuracy`` (shares of 0..1)."""
    task, order = task_of(run.config), np.random.default_rng(run.config.seed)
    masks = {}
    for name, mask in groups.items():
        masks[name] = mask
        masks[f"{name}, at random"] = order.permutation(mask)
    test = dropout_masks(weights, masks, task.x_test, task.y_test, run.shape)
    test["cost"] = np.where(test["count"] > 0, test["before"] - test["accuracy"], np.nan)
    table = test.rename(columns={"type": "group"})[["group", "count", "cost", "accuracy"]]
    return dict(zip(table["group"], table["cost"].astype(float), strict=True)), table


def nothing(run: Run) -> Computed:
    """The measurement of an experiment that needs accuracy and replicators only."""
    return {}, {}


def finding_of_claims(found: Found) -> list[str]:
    """The finding of an experiment without one of its own: its claims, real beside placebo."""
    said = []
    for name, one in found.judged.items():
        real, placebo = (show(end, one.claim.unit) for end in (one.real, one.placebo))
        said.append(f"{name[0].upper()}{name[1:]}: {real}; {one.claim.condition}: {placebo}.")
    return said


@dataclass(frozen=True)
class Experiment:
    """An experiment. ``name`` is its row in the log, or a word for one that came after it;
    ``about`` the docstring of its module: ``TITLE: QUESTION?`` in the first line, then the help.

    ``premise`` are the arms that must be MetaNets (have learned, and replicate) for the outcome to
    mean anything; ``data`` is the table behind the figure; ``page`` the page of the app that
    explores it; ``tables`` are shown beside what was found; ``version`` changes when the
    measurement does.
    """

    name: str
    about: str | None
    arms: Callable[[Any], Arms]
    claims: Sequence[Claim]
    figure: Callable[[Tables], go.Figure]
    measure: Callable[[Run], Computed] = nothing
    finding: Callable[[Found], list[str]] = finding_of_claims
    premise: tuple[str, ...] = ()
    data: str = "numbers"
    page: str = ""
    tables: Callable[[], Tables] = dict
    version: int = 1

    @property
    def title(self) -> str:
        return self._first[0]

    @property
    def question(self) -> str:
        """What it asks, with a question mark."""
        return self._first[1][:1].upper() + self._first[1][1:]

    @property
    def help(self) -> str:
        """More than the question, as one paragraph."""
        return " ".join((self.about or "").partition("\n\n")[2].split())

    @property
    def _first(self) -> list[str]:
        first = " ".join((self.about or "").partition("\n\n")[0].split())
        return first.split(": ", 1)

    @property
    def row(self) -> int | None:
        """Its row in the log; None for one that came after it."""
        return int(self.name) if self.name.isdigit() else None

    @property
    def label(self) -> str:
        """How people call it: ``row 10``, ``after the log: instant``."""
        return f"row {self.name}" if self.row else f"after the log: {self.name}"

    def key(self, asked: Any) -> dict[str, Any]:
        """What names its outcome in the cache: all that was asked for, and what it is made of."""
        pieces = (piece for pieces in self.arms(asked).values() for piece in pieces)
        made = {f"{one.name} {one.version}" for one in pieces if isinstance(one, Computation)}
        about = {"name": self.name, "version": self.version, "claims": repr(self.claims)}
        fields = {one.name: getattr(asked, one.name) for one in dataclasses.fields(asked)}
        plain = {k: v.to_dict() if isinstance(v, RunConfig) else v for k, v in fields.items()}
        return {**about, **plain, "computed": sorted(made), "rules": RULES}
