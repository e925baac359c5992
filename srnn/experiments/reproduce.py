"""Reproducing the log: what the rows need is trained in parallel, then each row is worked out.

Everything is cached: runs in the run cache, other computations and the rows' outcomes among the
results. What several rows need is made once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass

from srnn.config import ConfigError, RunConfig
from srnn.experiments import EXPERIMENTS
from srnn.experiments.base import Computation, Experiment, Given, Outcome, Settings, result_key
from srnn.jobs import obtain_seeds, shares
from srnn.jobs.parallel import in_parallel, worker_count
from srnn.store import Run, find_run
from srnn.store.results import Result, load_result, remember, result_stamp, save_result
from srnn.tasks import resolve

FAILED = "failed: "
"""Beginning of the verdict of a row that could not be worked out."""

KILLED = (
    "the process that worked for it, or one beside it, was killed (out of memory?); what is done "
    "is kept: ask again, with fewer processes at once"
)

Tell = Callable[[int, int, str], None]
"""Progress: pieces of work done, pieces in all, what is being done."""


@dataclass(frozen=True)
class Row:
    """A row of the log with its outcome. ``seconds``: work done for it in this call, on all cores
    together; what rows share counts for the first. ``cached``: nothing had to be computed."""

    experiment: Experiment
    outcome: Outcome
    seconds: float
    cached: bool

    @property
    def failed(self) -> bool:
        return self.outcome.verdict.startswith(FAILED)

    def to_dict(self) -> dict[str, object]:
        """The row for ``--json``."""
        one = self.experiment
        return {
            "row": one.row,
            "title": one.title,
            "question": one.question,
            "expected": one.expected,
            "obtained": self.outcome.obtained,
            "verdict": self.outcome.verdict,
            "finding": self.outcome.finding,
            "seconds": round(self.seconds, 2),
            "cached": self.cached,
        }


def chosen(rows: Sequence[int] | None) -> list[Experiment]:
    """The experiments of some rows (all by default), in the log's order.

    Raises:
        ConfigError: there is no such row; the message lists them.
    """
    unknown = sorted(set(rows or ()) - set(EXPERIMENTS))
    if unknown:
        known = f"{min(EXPERIMENTS)} to {max(EXPERIMENTS)}"
        raise ConfigError(f"there is no experiment for row {unknown[0]}; rows: {known}")
    return [one for row, one in sorted(EXPERIMENTS.items()) if not rows or row in rows]


def saved_outcome(experiment: Experiment, settings: Settings) -> Outcome | None:
    """The cached outcome of a row, or None."""
    known = load_result(_name(experiment), experiment.key(settings))
    if known is None:
        return None
    return Outcome(**known.facts, tables=known.tables)


def outcome_stamp(experiment: Experiment, settings: Settings) -> int:
    """Changes when the cached outcome of a row does; 0 if there is none."""
    return result_stamp(_name(experiment), experiment.key(settings))


def reproduce(
    rows: Sequence[int] | None = None,
    settings: Settings | None = None,
    tell: Tell | None = None,
    workers: int | None = None,
) -> Iterator[Row]:
    """Work out rows of the log (all by default), in order; cached ones come at once.

    A row that fails yields a verdict that says why, and the others go on.

    Raises:
        ConfigError: there is no such row.
    """
    settings, tell = settings or Settings(), tell or (lambda done, total, what: None)
    wanted = chosen(rows)
    known = {one.row: saved_outcome(one, settings) for one in wanted}
    todo = [one for one in wanted if known[one.row] is None]
    work = _Work(todo, settings, tell, workers)
    work.make(("with", "after"))
    for one in wanted:
        started = time.perf_counter()
        outcome = known[one.row]
        if outcome is not None:
            yield Row(one, outcome, time.perf_counter() - started, True)
            continue
        tell(work.done, work.total, f"row {one.row}: {one.title}")
        try:
            outcome = work.evaluate(one)
            facts = {key: getattr(outcome, key) for key in ("obtained", "verdict", "finding")}
            key = one.key(settings)
            save_result(_name(one), key, Result(facts, outcome.tables, 0.0))
        except Exception as error:
            outcome = Outcome("", f"{FAILED}{type(error).__name__}: {error}", "")
        work.done += 1
        yield Row(one, outcome, time.perf_counter() - started + work.spent.get(one.row, 0.0), False)
    tell(work.done, work.total, "done")


def _name(experiment: Experiment) -> str:
    return f"row-{experiment.row:02d}"


@dataclass(frozen=True)
class _Piece:
    """Work for one process: runs of one configuration and some seeds, in order of their epochs,
    the longer ones trained on from the shorter; or one computation."""

    row: int
    populations: tuple[tuple[RunConfig, ...], ...] = ()
    computation: Computation | None = None

    @property
    def configs(self) -> list[RunConfig]:
        return [config for population in self.populations for config in population]

    @property
    def when(self) -> str:
        return self.computation.when if self.computation else "with"

    @property
    def cost(self) -> float:
        """Rough seconds."""
        if self.computation:
            return self.computation.cost
        last = self.populations[-1][0]
        each = last.epochs * (1 + last.particle_weights / 40) * (0.05 if last.width > 2 else 0.03)
        return each * len(self.populations[-1])


class _Work:
    """What the rows to do need, and what has been made of it."""

    def __init__(
        self, todo: list[Experiment], settings: Settings, tell: Tell, workers: int | None
    ) -> None:
        self.settings, self.tell, self.workers = settings, tell, workers
        self.runs: dict[RunConfig, Run] = {}
        self.results: dict[str, Result] = {}
        self.errors: dict[str, str] = {}
        self.spent: dict[int, float] = {}
        self.pieces = self._pieces(todo)
        self.done, self.total = 0, len(self.pieces) + len(todo)

    def _pieces(self, todo: list[Experiment]) -> list[_Piece]:
        chains: dict[RunConfig, set[RunConfig]] = {}
        owners: dict[RunConfig, int] = {}
        computations: dict[str, _Piece] = {}
        for one in todo:
            for config in one.configs(self.settings):
                if (run := _there(config)) is not None:
                    self.runs[config] = run
                    continue
                trunk = config.replace(epochs=0)
                chains.setdefault(trunk, set()).add(config)
                owners.setdefault(trunk, one.row)
            for computation in one.computations(self.settings):
                key = result_key(computation)
                if key not in self.results and key not in computations:
                    known = load_result(computation.name, computation.key)
                    if known is not None:
                        self.results[key] = known
                    else:
                        computations[key] = _Piece(one.row, computation=computation)
        beside = sum(piece.cost for piece in computations.values() if piece.when == "with")
        runs = self._populations(chains, owners, beside)
        return sorted([*runs, *computations.values()], key=lambda piece: -piece.cost)

    def _populations(
        self, chains: dict[RunConfig, set[RunConfig]], owners: dict[RunConfig, int], beside: float
    ) -> list[_Piece]:
        """Chains that differ only in their seed as populations, of which the costly ones are dealt
        out to several processes; ``beside`` is the cost of what else is done meanwhile."""
        groups: dict[tuple, list[RunConfig]] = {}
        for trunk, configs in chains.items():
            epochs = tuple(sorted(config.epochs for config in configs))
            groups.setdefault((trunk.replace(seed=0), epochs), []).append(trunk)

        def piece(trunks: list[RunConfig], epochs: tuple[int, ...]) -> _Piece:
            chain = tuple(tuple(one.replace(epochs=last) for one in trunks) for last in epochs)
            return _Piece(min(owners[trunk] for trunk in trunks), chain)

        costs = {key: piece(trunks, key[1]).cost for key, trunks in groups.items()}
        each = (sum(costs.values()) + beside) / (self.workers or worker_count())
        return [
            piece(share, key[1])
            for key, trunks in groups.items()
            for share in shares(trunks, math.ceil(costs[key] / each))
        ]

    def make(self, stages: Sequence[str]) -> None:
        """Do the pieces of some stages, one stage after the other."""
        for stage in stages:
            pieces = [piece for piece in self.pieces if piece.when == stage]
            if not pieces:
                continue
            self.tell(self.done, self.total, _about(pieces[0]))
            workers = 1 if stage == "alone" else self.workers
            left = dict(enumerate(pieces))
            try:
                for index, (seconds, error) in in_parallel(_do, pieces, workers):
                    self._take(left.pop(index), seconds, error)
            except BrokenExecutor:
                for piece in left.values():
                    self._take(piece, 0.0, KILLED)
            self.pieces = [piece for piece in self.pieces if piece not in pieces]

    def _take(self, piece: _Piece, seconds: float, error: str) -> None:
        self.done += 1
        self.spent[piece.row] = self.spent.get(piece.row, 0.0) + seconds
        self.tell(self.done, self.total, _about(piece))
        if piece.computation is not None:
            key = result_key(piece.computation)
            known = load_result(piece.computation.name, piece.computation.key)
            if known is not None:
                self.results[key] = known
            else:
                self.errors[key] = error or "its result cannot be read"
        for config in piece.configs:
            run = _there(config)
            if run is None:
                self.errors[config.run_id] = error or "its run cannot be read"
            else:
                self.runs[config] = run

    def evaluate(self, one: Experiment) -> Outcome:
        """A row's outcome; timings that must be alone on the machine are made now.

        Raises:
            RuntimeError: something it needs has failed.
        """
        alone = [piece for piece in self.pieces if piece.row == one.row and piece.when == "alone"]
        if alone:
            self.make(("alone",))
        for config in one.configs(self.settings):
            if config.run_id in self.errors:
                raise RuntimeError(self.errors[config.run_id])
        for computation in one.computations(self.settings):
            if result_key(computation) in self.errors:
                raise RuntimeError(self.errors[result_key(computation)])
        return one.evaluate(self.settings, Given(self.runs, self.results))


def _there(config: RunConfig) -> Run | None:
    return find_run(resolve(config).run_id)


def _about(piece: _Piece) -> str:
    if piece.computation is not None:
        kind = piece.computation.parameters.get("kind", "")
        return f"row {piece.row}: {piece.computation.name} {kind}".rstrip()
    from srnn.store import describe

    population = piece.populations[-1]
    more = f" and {len(population) - 1} more" if len(population) > 1 else ""
    return f"row {piece.row}: {describe(population[0])}{more}"


def _do(piece: _Piece) -> tuple[float, str]:
    """Do a piece of work, wherever this runs; its seconds, and what went wrong. What it makes is
    left in the cache."""
    started = time.perf_counter()
    lost: set[RunConfig] = set()
    try:
        failed: Exception | None = None
        for population in piece.populations:
            try:  # a seed that fails leaves the others alone, here and when they are trained on
                obtain_seeds([one for one in population if one.replace(epochs=0) not in lost])
            except Exception as error:
                failed = failed or error
                lost |= {one.replace(epochs=0) for one in population if not _there(one)}
        if failed:
            raise failed
        if (one := piece.computation) is not None:
            remember(one.name, one.key, lambda: one.function(**one.parameters))
    except Exception as error:
        return time.perf_counter() - started, f"{type(error).__name__}: {error}"
    return time.perf_counter() - started, ""
