"""The measurements, each a list of plain rows."""

import os
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import contenders
from benchmarks.contenders import LOOP, PLAIN, SPARSE
from benchmarks.interactive import interactive
from benchmarks.timing import Step, by_turns, in_a_process, peak_mb
from srnn.config import RunConfig
from srnn.engines import Problem, choose, prepare
from srnn.presets import preset
from srnn.tasks import load_task

Row = dict[str, Any]

BATCH = 500
SHAPES = ((225, 6), (784, 20), (784, 100), (784, 200))
"""Macro shapes ``inputs, width`` of the growth with particles (1.5 thousand to 280 thousand)."""

WIDE_SHAPES = ((225, 100), (784, 256), (784, 680))
"""``inputs, width`` of the wide networks: 33,500, 268,800 and a million particles."""

PRESET = "log-connectivity-h4"


def machine() -> dict[str, str]:
    """What this was measured on."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = models[0].split(":", 1)[1].strip() if models else name
    return {
        "processor": name,
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": "1",
        "load at the start": f"{os.getloadavg()[0]:.1f}",
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }


def step_pairs(quick: bool) -> list[Row]:
    """One step pair of everything, for h = 2, 4, 8, 16, to a plain dense step."""
    rows, engines, task = [], contenders.engine_names(), load_task("mnist")
    for h in (2, 4, 8, 16):
        problem = contenders.on_images(task.x_train, task.y_train, h)
        steps = {PLAIN: contenders.plain(problem, BATCH)}
        steps |= {name: contenders.engine(name, problem, BATCH) for name in engines}
        steps[SPARSE] = contenders.sparse(problem, BATCH)
        if h == 4 or not quick:
            steps[LOOP] = contenders.loop(problem, BATCH)
        for name, times in by_turns(steps, *_effort(quick)).items():
            rows.append({"h": h, "variant": name, **asdict(times)})
    return rows


def growth(quick: bool) -> list[Row]:
    """One step pair at h = 8 of ever larger macro networks; the ratio is to the manual engine."""
    rows, names = [], [name for name in contenders.engine_names() if name != "autograd"]
    for inputs, width in SHAPES[:-1] if quick else SHAPES:
        problem = contenders.synthetic(inputs, width, 8, BATCH)
        steps = {name: contenders.engine(name, problem, BATCH) for name in names}
        for name, times in by_turns(steps, *_effort(quick)).items():
            count = problem.shape.particles
            each = {"per_particle_us": times.median * 1000 / count}
            rows.append({"particles": count, "variant": name, **asdict(times), **each})
    return rows


def wide(quick: bool) -> list[Row]:
    """One step pair of wide networks at h = 4 on one thread and on two, to the plain dense
    network's step on one; and the peak memory of so many particles in a process of their own."""
    rows = []
    for inputs, width in WIDE_SHAPES[:1] if quick else WIDE_SHAPES:
        problem = contenders.wide(inputs, width, BATCH)
        pair = contenders.engine("fused", problem, BATCH)
        steps = {PLAIN: contenders.plain(problem, BATCH)}
        steps |= {f"{count} threads": _on_threads(pair, count) for count in (1, 2)}
        found = by_turns(steps, *_effort(quick))
        peak = in_a_process(_wide_for_memory, inputs, width)
        for name, times in found.items():
            each = {"per_particle_us": times.median * 1000 / problem.shape.particles}
            row = {"particles": problem.shape.particles, "variant": name, **asdict(times), **each}
            rows.append(row | {"speedup": found["1 threads"].median / times.median, "mb": peak})
    return rows


def _on_threads(step: Step, count: int) -> Step:
    def run(steps: int) -> None:
        before = os.environ["OMP_NUM_THREADS"]
        os.environ["OMP_NUM_THREADS"] = str(count)
        try:
            step(steps)
        finally:
            os.environ["OMP_NUM_THREADS"] = before

    return run


def _wide_for_memory(inputs: int, width: int) -> float:
    torch.set_num_threads(1)
    contenders.engine("fused", contenders.wide(inputs, width, BATCH), BATCH)(2)
    return peak_mb()


def seeds(quick: bool) -> list[Row]:
    """One step pair of S networks together; ratios per network: to one network alone, and to a
    plain dense network's step in the same turns."""
    rows, task = [], load_task("mnist")
    names = [name for name in contenders.engine_names() if name != "autograd"]
    for h in (4, 8):
        problem = contenders.on_images(task.x_train, task.y_train, h)
        for name in names:
            sizes = (1, 8) if quick else (1, 8, 32)
            steps = {str(s): contenders.engine(name, problem, BATCH, s) for s in sizes}
            found = by_turns({**steps, PLAIN: contenders.plain(problem, BATCH)}, *_effort(quick))
            for size in sizes:
                times = found[str(size)]
                values = {key: value / size for key, value in asdict(times).items()}
                values |= {"turns": times.turns, "to_plain": values["median"] / found[PLAIN].median}
                rows.append({"h": h, "variant": name, "seeds": size, **values})
    return rows


def whole_run(quick: bool) -> Row:
    """The preset's whole training (evaluation and history included), epoch by epoch in turns with
    the plain dense network's; and the peak memory of both, in processes of their own."""
    config = preset(PRESET, **({"epochs": 10} if quick else {}))
    task = load_task(config.dataset)
    problem = Problem.of(config, task)
    plain, batches = contenders.plain(problem, BATCH), len(task.x_train) // BATCH
    ours = others = 0.0
    with tempfile.TemporaryDirectory() as folder:
        training = _training(config, Path(folder))
        next(training)
        plain(1)
        for _ in range(config.epochs):
            started = time.perf_counter()
            next(training)
            between = time.perf_counter()
            plain(batches)
            ours, others = ours + between - started, others + time.perf_counter() - between
        started = time.perf_counter()
        for _ in training:
            pass
        ours += time.perf_counter() - started
    return {
        "preset": PRESET,
        "engine": choose("auto"),
        "epochs": config.epochs,
        "seconds": ours,
        "plain_seconds": others,
        "ratio": ours / others,
        "peak_mb": in_a_process(_train_for_memory),
        "plain_peak_mb": in_a_process(_plain_for_memory),
    }


def _training(config: RunConfig, folder: Path) -> Iterator[int]:
    """The training as a job does it, into ``folder``; yields after every epoch, from epoch 0."""
    from srnn.runs.draft import Draft
    from srnn.runs.lock import Lock
    from srnn.training import train

    lock = Lock(folder / config.run_id / "lock")  # a run's folder bears its name
    lock.path.parent.mkdir()
    lock.take()
    draft = Draft(config, lock)
    for record in train(config, load_task(config.dataset)):
        draft.add(record)
        draft.save_if_due()
        yield record.epoch
    draft.finish()
    lock.release()


def _train_for_memory() -> float:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for _ in _training(preset(PRESET, epochs=6), Path(folder)):
            pass
    return peak_mb()


def _plain_for_memory() -> float:
    torch.set_num_threads(1)
    config = preset(PRESET)
    contenders.plain(Problem.of(config, load_task(config.dataset)), BATCH)(6 * 120)
    return peak_mb()


def preparation() -> float:
    """Seconds to make the fused engine ready."""
    return prepare("fused")


def _effort(quick: bool) -> tuple[int, float]:
    """Turns, and seconds of one contender's turn."""
    return (7, 0.04) if quick else (21, 0.2)


def everything(quick: bool) -> dict[str, Any]:
    """All measurements, three minutes if quick, else about ten or more."""
    torch.set_num_threads(1)
    np.seterr(all="ignore")
    parts: dict[str, Any] = {"machine": machine(), "quick": quick, "prepare_seconds": preparation()}
    for name, measure in (
        ("step_pairs", step_pairs),
        ("growth", growth),
        ("wide", wide),
        ("seeds", seeds),
        ("interactive", lambda quick: interactive(*_effort(quick))),
        ("whole_run", whole_run),
    ):
        started = time.perf_counter()
        parts[name] = measure(quick)
        print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
    return parts
