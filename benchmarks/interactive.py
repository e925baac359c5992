"""What a page waits for: types, the epsilon slider, the trajectory cube, a long history, soups."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.timing import Step, by_turns, in_a_process, peak_mb
from srnn.analysis.trajectories import fit_trajectories, sample_particles
from srnn.analysis.types import history_measures, type_counts
from srnn.config import RunConfig
from srnn.figures.trajectories import trajectory_cube
from srnn.figures.types import type_lines
from srnn.fixpoints import classify
from srnn.life.basins import directions, slice_map
from srnn.life.recipes import Recipe, identity, newborn
from srnn.life.replications import robustness, self_application
from srnn.life.selection import Setting, select
from srnn.life.soup import Rules, evolve
from srnn.metanet import macro_shape, particle_table
from srnn.particles import position_encoding
from srnn.presets import preset
from srnn.runs.draft import Draft
from srnn.runs.lock import Lock
from srnn.runs.run import open_run
from srnn.tasks import load_task
from srnn.training import train

SNAPSHOTS = 41
"""Snapshots that the slider and the cube are timed on."""

EPOCHS = 199
"""Epochs of the run whose history is opened, every one of them kept: 200 snapshots."""

DRAWN = 250
"""Particles of the cube, as many as the page draws unless all are asked for."""


def interactive(turns: int, seconds: float) -> list[dict[str, Any]]:
    """Milliseconds of everything, on a trained MetaNet of 1,518 particles, h = 8."""
    config = preset("log-h8-residual", epochs=EPOCHS, snapshot_every=1)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "runs", config.run_id)
        _train(config, run)
        snapshots = open_run(run).snapshots[:SNAPSHOTS]
        steps = _steps(snapshots, config)
        rows = [
            {"what": name, **asdict(by_turns({name: step}, turns, seconds)[name])}
            for name, step in steps.items()
        ]
        opened, peak = in_a_process(_open, run)
    about = {"median": opened, "peak_mb": peak, "turns": 1}
    history = {"what": f"open {EPOCHS + 1} snapshots", **about}
    rows += [
        {"what": name, **asdict(by_turns({name: step}, turns, seconds)[name])}
        for name, step in _soups().items()
    ]
    once = [history, _selection(4 if turns < 20 else 100)]
    return [*rows, *(one | dict.fromkeys(("low", "high"), one["median"]) for one in once)]


def _train(config: RunConfig, folder: Path) -> None:
    folder.mkdir(parents=True)
    lock = Lock(folder / "lock")
    lock.take()
    draft = Draft(config, lock)
    for record in train(config, load_task(config.dataset)):
        draft.add(record)
    draft.finish()
    lock.release()


def _steps(snapshots: np.ndarray, config: RunConfig) -> dict[str, Step]:
    encoding, epochs = position_encoding(config.neurons, config.encoding), list(range(SNAPSHOTS))
    table = particle_table(macro_shape(config))
    names, layers = table["particle"].tolist(), table["layer"].to_numpy()
    weights, places = torch.from_numpy(np.array(snapshots[-1])), torch.from_numpy(encoding)
    found = history_measures(snapshots, encoding)
    kinds = found.codes()[-1]
    shown = sample_particles(np.ones(len(names), dtype=bool), DRAWN)
    epsilons = iter(np.resize(np.geomspace(1e-7, 1e-2, 97), 1_000_000))

    def slider() -> None:
        type_lines(type_counts(found.codes(float(next(epsilons))), epochs))

    def cube() -> None:
        paths = fit_trajectories(snapshots, epochs, names, layers, components=3, particles=shown)
        trajectory_cube(paths.coordinates, epochs, kinds[shown], paths.names)

    return {
        "classify 1,518 particles": _repeated(lambda: classify(weights, places)),
        f"measure {SNAPSHOTS} snapshots": _repeated(lambda: history_measures(snapshots, encoding)),
        f"epsilon slider, {SNAPSHOTS} snapshots": _repeated(slider),
        f"components and cube, {SNAPSHOTS} snapshots": _repeated(cube),
    }


def _soups() -> dict[str, Step]:
    """Free particles of h = 2: a soup's step, the tables of the two fastest experiments, a map."""
    recipe, rng = Recipe(), np.random.default_rng(0)
    soup, axes = newborn(recipe, 10_000, rng), directions(recipe.weights, 0)
    rules = Rules(attack=0.1, learn_from=0.1, train=1, respawn=True)
    return {
        "a step of a soup of 10,000": _repeated(lambda: evolve(soup, recipe, rules, 1, rng)),
        "robustness table": _repeated(robustness),
        "self-application table": _repeated(self_application),
        "500 x 500 map of basins": _repeated(lambda: slice_map(identity(recipe), axes, recipe, 2)),
    }


def _selection(generations: int) -> dict[str, Any]:
    """Milliseconds of a population of 50 MetaNets over so many generations."""
    started = time.perf_counter()
    select(Setting(generations=generations))
    name = f"selection of 50, {generations} generations"
    return {"what": name, "median": (time.perf_counter() - started) * 1000, "turns": 1}


def _repeated(work: Callable[[], object]) -> Step:
    def step(times: int) -> None:
        for _ in range(times):
            work()

    return step


def _open(run: Path) -> tuple[float, float]:
    """Milliseconds to open a run, check it and read its history; peak memory, MB."""
    started = time.perf_counter()
    float(open_run(run).snapshots[-1].sum())
    return (time.perf_counter() - started) * 1000, peak_mb()
