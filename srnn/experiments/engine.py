"""The engine: makes what experiments need, in parallel and only once, and works out each of them.

Pieces (trainings, measurements of runs, computations) are cached one by one, runs in the run cache,
the rest among the results, so that work that was cut off goes on. What several experiments need is
made once. Outcomes of the full mode are shipped with the package (:mod:`~.shipped`).
"""

from __future__ import annotations

import dataclasses
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from srnn.config import ConfigError, RunConfig
from srnn.experiments import experiments
from srnn.experiments.base import NO_VERDICT, Experiment, Found, Outcome, Piece, Tables
from srnn.experiments.claims import Verdict, claims_table, conclude, judge_all, premises
from srnn.experiments.shipped import shipped_outcome
from srnn.metanet import macro_shape
from srnn.runs import Progress, Run, describe, find_run, in_parallel, obtain
from srnn.runs.results import (
    Computed,
    Result,
    load_result,
    remember,
    result_name,
    result_stamp,
    save_result,
)
from srnn.tasks import resolve

FAILED = "failed: "
"""Beginning of the verdict of an experiment that could not be worked out."""

KILLED = (
    "the process that worked for it, or one beside it, was killed (out of memory?); what is done "
    "is kept: ask again, with fewer processes at once"
)

Tell = Callable[[Progress], None]


@dataclass(frozen=True)
class Row:
    """An experiment with its outcome. ``seconds``: work done for it in this call, on all cores
    together; what experiments share counts for the first. ``cached``: nothing was computed."""

    experiment: Experiment
    outcome: Outcome
    seconds: float
    cached: bool

    @property
    def failed(self) -> bool:
        return self.outcome.verdict.startswith(FAILED)

    def to_dict(self) -> dict[str, object]:
        """The row for ``--json``."""
        one, claims = self.experiment, self.outcome.tables.get("claims", pd.DataFrame())
        return {
            "row": one.name,
            "title": one.title,
            "question": one.question,
            "claims": claims.astype(object).where(claims.notna(), None).to_dict("records"),
            "verdict": self.outcome.verdict,
            "finding": self.outcome.finding,
            "seconds": round(self.seconds, 2),
            "cached": self.cached,
        }


def chosen(names: Sequence[str] | None) -> list[Experiment]:
    """The experiments of these names (all by default), in their order.

    Raises:
        ConfigError: there is no such experiment; the message lists them.
    """
    known = experiments()
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise ConfigError(f"there is no experiment {unknown[0]!r}; rows: {', '.join(known)}")
    return [one for name, one in known.items() if not names or name in names]


def saved_outcome(experiment: Experiment, asked: Any) -> Outcome | None:
    """The cached outcome, or None."""
    known = load_result(*_kept(experiment, asked))
    return None if known is None else Outcome(**known.facts, tables=known.tables)


def known_outcome(experiment: Experiment, asked: Any) -> Outcome | None:
    """The cached outcome, or else the one that came with the package for these settings."""
    return saved_outcome(experiment, asked) or shipped_outcome(experiment, asked)


def outcome_stamp(experiment: Experiment, asked: Any) -> int:
    """Changes when the cached outcome does; 0 if there is none."""
    return result_stamp(*_kept(experiment, asked))


def _kept(experiment: Experiment, asked: Any) -> tuple[str, dict[str, Any]]:
    return f"outcome-{experiment.name}", experiment.key(asked)


def outcome_of(
    experiment: Experiment, asked: Any, tell: Tell | None = None, workers: int | None = None
) -> Outcome:
    """The outcome of one experiment with parameters of its own, computing what is not cached.

    Raises:
        RuntimeError: something that it needs has failed.
    """
    (row,) = run_experiments([experiment], asked, tell, workers)
    if row.failed:
        raise RuntimeError(row.outcome.verdict.removeprefix(FAILED))
    return row.outcome


def run_experiments(
    wanted: Sequence[Experiment], asked: Any, tell: Tell | None = None, workers: int | None = None
) -> Iterator[Row]:
    """Work out experiments, in order; cached ones come at once. One that fails yields a verdict
    that says why, and the others go on."""
    known = {one.name: saved_outcome(one, asked) for one in wanted}
    work = _Work([one for one in wanted if known[one.name] is None], asked, tell, workers)
    work.make_all()
    for one in wanted:
        started, outcome = time.perf_counter(), known[one.name]
        cached = outcome is not None
        if outcome is None:
            work.report(f"{one.label}: {one.title}")
            try:
                outcome = conclude_experiment(one, asked, work.given(one))
                facts = {name: getattr(outcome, name) for name in ("verdict", "finding", "made")}
                save_result(*_kept(one, asked), Result(facts, outcome.tables))
            except Exception as error:
                outcome = Outcome(f"{FAILED}{type(error).__name__}: {error}", "")
            work.done += 1
        spent = time.perf_counter() - started + work.spent[one.name]
        yield Row(one, outcome, spent, cached)
    work.report("done")


def conclude_experiment(one: Experiment, asked: Any, given: list[Given]) -> Outcome:
    """The outcome of an experiment from what its pieces gave; a pure function."""
    parts: dict[str, list[pd.DataFrame]] = {}
    diverged: list[str] = []
    for arm, seed, result in given:
        if stopped := result.facts.get("stopped"):
            diverged.append(f"Diverged and left out: {arm}, seed {seed} ({stopped}).")
            continue
        plain = {k: v for k, v in result.facts.items() if v is None or isinstance(v, int | float)}
        numbers = pd.DataFrame([plain], dtype=float)
        for name, table in {"numbers": numbers, **result.tables}.items():
            about = {key: v for key, v in (("arm", arm), ("seed", seed)) if key not in table}
            parts.setdefault(name, []).append(table.assign(**about))
    if not parts:
        raise RuntimeError(f"every run diverged: {diverged[0] if diverged else 'there is none'}")
    tables = {name: pd.concat(own, ignore_index=True) for name, own in parts.items()}
    numbers = tables["numbers"]
    facts = numbers.columns.drop(["arm", "seed"])
    tables["numbers"] = numbers[["arm", "seed", *facts]].astype(dict.fromkeys(facts, float))
    made = {
        "at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "seeds": int(numbers["seed"].nunique()),
        "seconds": round(sum(result.seconds for *_, result in given), 1),
    }
    found = judged_outcome(one, {**tables, **one.tables()}, made, diverged)
    if getattr(asked, "quick", False):
        found.tables["claims"]["verdict"] = NO_VERDICT
        return dataclasses.replace(found, verdict=NO_VERDICT)
    return found


def judged_outcome(
    one: Experiment, tables: Tables, made: dict[str, Any], diverged: Sequence[str] = ()
) -> Outcome:
    """Verdict, claims and sentences of an experiment, from its tables alone; ``diverged`` are
    sentences about the runs that are left out."""
    numbers = tables["numbers"]
    judged = judge_all(one.claims, numbers)
    wrong = premises(numbers, one.premise)
    _, words = conclude(list(judged.values()), wrong)
    said = one.finding(Found(numbers, tables, judged))
    claims = claims_table(list(judged.values()))
    if wrong:
        claims["verdict"] = Verdict.NOT_EVIDENCE.value
    return Outcome(words, " ".join([*said, *diverged]), {**tables, "claims": claims}, made)


Given = tuple[str, int, Result]
"""An arm, a seed, and what its piece gave."""


def measure_run(measure: Callable[[Run], Computed], run: Run) -> Computed:
    """What an experiment reads off a run, with ``accuracy`` and ``replicators``, which all have; of
    a run that a divergence stopped only the fact ``stopped``."""
    if run.stopped:
        return {"stopped": run.stopped}, {}
    facts, tables = measure(run)
    last = run.records.iloc[-1]
    share = float(last["zero"] + last["identity"]) / run.shape.particles
    return {"accuracy": float(last["test_accuracy"]), "replicators": share, **facts}, tables


@dataclass(frozen=True)
class _Job:
    """Work for one process, made for the experiment ``owner``: what is ``kept``, by name, key and
    how it is computed, once the trainings that it ``needs`` are there; or just these, a chain in
    which the longer ones are trained on from the shorter."""

    owner: str
    label: str
    cost: float
    stage: int
    needs: tuple[RunConfig, ...]
    kept: tuple[str, dict[str, Any], Callable[[], Computed]] | None = None


class _Work:
    """What the experiments to do need, and what has been made of it."""

    def __init__(
        self, todo: Sequence[Experiment], asked: Any, tell: Tell | None, workers: int | None
    ) -> None:
        self.tell, self.workers = tell or (lambda progress: None), workers
        self.jobs: dict[str, _Job] = {}
        self.results: dict[str, Result] = {}
        self.errors: dict[str, str] = {}
        self.spent: dict[str, float] = defaultdict(float)
        self.pieces: dict[str, list[tuple[str, int, str]]] = {one.name: [] for one in todo}
        for one in todo:
            for arm, pieces in one.arms(asked).items():
                for piece in pieces:
                    key = self._add(_job(one, piece))
                    self.pieces[one.name].append((arm, piece.seed, key))
        self._add_trainings()
        self.done, self.total = 0, len(self.jobs) + len(todo)
        self.cost_done, self.cost = 0.0, sum(job.cost for job in self.jobs.values())
        self.started = time.perf_counter()

    def _add(self, job: _Job) -> str:
        """Add a job, unless its result is known; returns the name of the result."""
        assert job.kept is not None
        key = result_name(*job.kept[:2])
        if key not in self.jobs and key not in self.results:
            if (known := load_result(*job.kept[:2])) is not None:
                self.results[key] = known
            else:
                self.jobs[key] = job
        return key

    def _add_trainings(self) -> None:
        chains: dict[RunConfig, list[RunConfig]] = {}
        owners: dict[RunConfig, str] = {}
        for job in self.jobs.values():
            for config in job.needs:
                trunk = config.replace(epochs=0)
                chain = chains.setdefault(trunk, [])
                if config not in chain and find_run(resolve(config).run_id) is None:
                    owners.setdefault(trunk, job.owner)
                    chain.append(config)
        for trunk, chain in chains.items():
            if chain:
                chain.sort(key=lambda config: config.epochs)
                last = chain[-1]
                size = macro_shape(last).particles / 1518
                cost = last.epochs * (0.02 + (0.01 + 0.0002 * last.particle_weights) * size)
                self.jobs[trunk.run_id] = _Job(owners[trunk], describe(last), cost, 0, tuple(chain))

    def report(self, what: str) -> None:
        """Tell what is being done and, once that can be guessed, how long the rest takes."""
        spent, rest = time.perf_counter() - self.started, self.cost - self.cost_done
        known = self.cost_done > 0 and spent > 2 and rest > 0.5
        left = rest * spent / self.cost_done if known else None
        self.tell(
            Progress(
                done=self.done, total=self.total, what=what[:500], seconds=spent, remaining=left
            )
        )

    def make_all(self) -> None:
        """Do all jobs: trainings and what needs none; then what needs them; timings alone."""
        for stage in (0, 1, 2):
            jobs = [(key, job) for key, job in self.jobs.items() if job.stage == stage]
            jobs.sort(key=lambda pair: -pair[1].cost)
            if not jobs:
                continue
            self.report(jobs[0][1].label)
            left = dict(enumerate(jobs))
            workers = 1 if stage == 2 else self.workers
            try:
                for index, told in in_parallel(_do, [job for _, job in jobs], workers):
                    self._take(*left.pop(index), *told)
            except BrokenExecutor:
                for key, job in left.values():
                    self._take(key, job, 0.0, KILLED)

    def _take(self, key: str, job: _Job, seconds: float, error: str) -> None:
        self.done, self.cost_done = self.done + 1, self.cost_done + job.cost
        self.spent[job.owner] += seconds
        self.report(job.label)
        if job.kept is None:
            return
        if (known := load_result(*job.kept[:2])) is not None:
            self.results[key] = known
        else:
            self.errors[key] = error or "its result cannot be read"

    def given(self, one: Experiment) -> list[Given]:
        """What the pieces of an experiment gave.

        Raises:
            RuntimeError: one of them has failed.
        """
        for _, _, key in self.pieces[one.name]:
            if key not in self.results:
                raise RuntimeError(self.errors.get(key, "a part of it was not made"))
        return [(arm, seed, self.results[key]) for arm, seed, key in self.pieces[one.name]]


def _job(one: Experiment, piece: Piece) -> _Job:
    if isinstance(piece, RunConfig):
        key = {"version": one.version, "run": resolve(piece).run_id}
        kept = f"measure-{one.name}", key, partial(_measured, one.measure, piece)
        return _Job(one.name, f"{one.label}: {describe(piece)}", 1.0, 1, (piece,), kept)
    stage = 2 if piece.alone else 1 if piece.needs else 0
    kept = piece.name, piece.key, partial(piece.function, **piece.parameters)
    return _Job(one.name, f"{one.label}: {piece.name}", piece.cost, stage, piece.needs, kept)


def _measured(measure: Callable[[Run], Computed], config: RunConfig) -> Computed:
    return measure_run(measure, obtain(config)[0])


def _do(job: _Job) -> tuple[float, str]:
    """Do a job, wherever this runs; its seconds, and what went wrong. What it makes is left in the
    cache."""
    started, error = time.perf_counter(), ""
    try:
        if job.kept is None:
            for config in job.needs:
                obtain(config)
        else:
            name, key, compute = job.kept
            remember(name, key, lambda: _plain(compute()))
    except Exception as caught:
        error = f"{type(caught).__name__}: {caught}"
    return time.perf_counter() - started, error


def _plain(computed: Computed) -> Computed:
    """The same as JSON values: what could not be measured (NaN) is null."""
    facts, tables = computed
    return {key: None if v != v else v for key, v in facts.items()}, tables
