"""What an experiment is: one row of the research log that runs, with its expected result.

An experiment names the trainings it needs (``configs``) and the other computations
(``computations``), and works out tables, a sentence and a verdict from what they gave
(``evaluate``, a pure function). Bands are fixed beforehand and stand in the tables beside what was
obtained.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from srnn.config import RunConfig, make_config
from srnn.store import Run
from srnn.store.results import Computed, Result

NO_VERDICT = "quick: no verdict"
"""The verdict of every quick run: digits and few epochs say nothing about the log's numbers."""

AGREES, DIFFERS = "agrees", "differs"
ANSWERED = "open question answered: "
"""The three kinds of verdict of a full run."""


@dataclass(frozen=True)
class Settings:
    """How the log is reproduced: ``quick`` (digits, a tenth of the epochs) or in full, over how
    many seeds (from 0)."""

    quick: bool = False
    seeds: int = 3

    def config(self, **changes: Any) -> RunConfig:
        """A configuration of recipe 2022-02 with some fields changed, made small if quick."""
        config = make_config("2022-02", **changes)
        if self.quick:
            epochs = max(4, config.epochs // 10)
            config = config.replace(dataset="digits", depth=4, batch_size=50, epochs=epochs)
        return config

    def configs(self, **changes: Any) -> list[RunConfig]:
        """The same over all seeds."""
        return [self.config(**changes, seed=seed) for seed in range(self.seeds)]

    def verdict(self, text: str) -> str:
        """The verdict, or that there is none."""
        return NO_VERDICT if self.quick else text

    def checks(self, checks: list[Check]) -> dict[str, pd.DataFrame]:
        """The checks that a full run's verdict stands on, as a table to show; none if quick."""
        return {} if self.quick else {"checks": checks_table(checks)}


@dataclass(frozen=True)
class Computation:
    """Something to compute that is no MetaNet training: an importable function and its keyword
    arguments (JSON values). ``version`` changes when the function does; ``cost`` is a rough
    duration in seconds, so that the longest are started first. ``when``: ``with`` the trainings,
    ``after`` them, or ``alone`` on the machine (timings)."""

    name: str
    function: Callable[..., Computed]
    parameters: dict[str, Any]
    version: int = 1
    cost: float = 1.0
    when: str = "with"

    @property
    def key(self) -> dict[str, Any]:
        """What names its result."""
        return {"version": self.version, "parameters": self.parameters}


@dataclass(frozen=True)
class Given:
    """What an experiment asked for: runs by configuration, results by computation."""

    runs: Mapping[RunConfig, Run]
    results: Mapping[str, Result]

    def of(self, configs: list[RunConfig]) -> list[Run]:
        """The runs of some configurations, without those that a divergence stopped.

        Raises:
            RuntimeError: all of them were stopped.
        """
        healthy = self.healthy(configs)
        if not healthy:
            raise RuntimeError(f"every run diverged: {self.runs[configs[0]].stopped}")
        return healthy

    def healthy(self, configs: list[RunConfig]) -> list[Run]:
        """The same, but possibly none."""
        runs = [self.runs[config] for config in configs]
        return [run for run in runs if run.stopped is None]

    def diverged(self, configs: list[RunConfig]) -> str:
        """A sentence about the runs that a divergence stopped; empty if there are none."""
        lost = [run for run in (self.runs[config] for config in configs) if run.stopped]
        if not lost:
            return ""
        names = "; ".join(f"h {run.config.neurons}, seed {run.config.seed}" for run in lost)
        return f" Diverged and left out: {names} ({lost[0].stopped})."

    def result(self, computation: Computation) -> Result:
        """The result of a computation."""
        return self.results[result_key(computation)]


def result_key(computation: Computation) -> str:
    """A computation's key among the results given."""
    return f"{computation.name} {sorted(computation.key['parameters'].items())}"


@dataclass(frozen=True)
class Check:
    """One quantity, the log's figure for it, the band fixed beforehand, what was obtained.

    ``values`` holds one number per seed; their mean is what is held against the band, which is
    closed. ``log`` is text, because the log often gives a range. A check that is not ``required``
    is shown and judged, but does not decide the row's verdict.
    """

    quantity: str
    log: str
    low: float
    high: float
    source: str
    values: list[float]
    required: bool = True

    @property
    def mean(self) -> float:
        return float(np.mean(self.values)) if self.values else float("nan")

    @property
    def agrees(self) -> bool:
        return bool(self.low <= self.mean <= self.high)

    def row(self) -> dict[str, Any]:
        """The check as a row of the table ``checks``."""
        return {
            "quantity": self.quantity,
            "log": self.log,
            "band_low": self.low,
            "band_high": self.high,
            "obtained": self.mean,
            "lowest": min(self.values, default=float("nan")),
            "highest": max(self.values, default=float("nan")),
            "seeds": len(self.values),
            "verdict": AGREES if self.agrees else DIFFERS,
            "required": self.required,
            "source": self.source,
        }


def judge(checks: list[Check]) -> str:
    """``agrees`` if all required checks do, else ``differs``; names optional ones that differ."""
    failed = [check for check in checks if check.required and not check.agrees]
    if failed:
        return f"{DIFFERS}: " + "; ".join(check.quantity for check in failed)
    other = [check.quantity for check in checks if not check.agrees]
    return AGREES + (f"; but differs in {' and '.join(other)}" if other else "")


def checks_table(checks: list[Check]) -> pd.DataFrame:
    """The checks as a table."""
    return pd.DataFrame([check.row() for check in checks])


@dataclass(frozen=True)
class Outcome:
    """What came out of a row: ``obtained`` in a few words with numbers (mean and spread over
    seeds), the verdict, a sentence that says what it means, and the tables behind it."""

    obtained: str
    verdict: str
    finding: str
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)


def _no_configs(settings: Settings) -> list[RunConfig]:
    return []


def _no_computations(settings: Settings) -> list[Computation]:
    return []


@dataclass(frozen=True)
class Experiment:
    """A row of the log. ``help`` says what the log asked; ``expected`` its figure, with the band;
    ``page`` the page of the app that explores it."""

    row: int
    title: str
    question: str
    help: str
    expected: str
    evaluate: Callable[[Settings, Given], Outcome]
    page: str = ""
    configs: Callable[[Settings], list[RunConfig]] = _no_configs
    computations: Callable[[Settings], list[Computation]] = _no_computations
    version: int = 1

    def key(self, settings: Settings) -> dict[str, Any]:
        """What names this row's outcome in the cache."""
        return {"row": self.row, "version": self.version, **dataclasses.asdict(settings)}


def spread(values: list[float], form: str = "{:.3f}") -> str:
    """Mean and range of some numbers: ``0.851 (0.848 to 0.853)``; one number stands alone."""
    if not values:
        return "nothing (diverged)"
    mean = form.format(float(np.mean(values)))
    if len(values) == 1:
        return mean
    return f"{mean} ({form.format(min(values))} to {form.format(max(values))})"


def percent(values: list[float]) -> str:
    """The same for shares, in percent: ``85.1 % (84.8 to 85.3)``."""
    text = spread([100 * value for value in values], "{:.1f}")
    return text.replace(" (", " % (") if len(values) > 1 else f"{text} %" if values else text


def points(values: list[float]) -> str:
    """Differences in signed percentage points: ``-0.05 pp (-0.10 to +0.01)``."""
    text = spread([100 * value for value in values], "{:+.2f}")
    return text.replace(" (", " pp (") if len(values) > 1 else f"{text} pp" if values else text
