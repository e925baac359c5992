"""Verify the engine against reference numbers computed by the original research code.

A reference is an ``.npz`` of arrays with a ``.json`` of settings beside it. Its procedure: one SGD
with shared buffers; step s is a replication step on alpha x the sum of losses, then a cross-entropy
step on ``x[s], y[s]``; then, with a fresh SGD, ``self_training_steps`` replication steps.

Agreement means: the largest difference is at most 1e-4 of the array's largest finite value, NaN and
infinity stand in the same places, and all types are equal.
"""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from srnn.config import make_config
from srnn.engines import ENGINES, Engine, EngineUnavailable, Problem, make_engine
from srnn.files import read_file, read_json
from srnn.fixpoints import classify
from srnn.metanet import MacroShape, forward, particle_table
from srnn.particles import replication_loss, scalar_weights, self_application
from srnn.vocabulary import TYPES

TOLERANCE = 1e-4
FORMAT = 1
MOST_BYTES = 200_000_000
RULES = (
    "neurons", "depth", "width", "residual", "encoding", "target_gradient", "alpha", "lr",
    "momentum",
)  # fmt: skip
"""The settings of a reference that are a run's; all others of a run are at their default."""


class BadReference(ValueError):
    """A reference file cannot be used; the message says why."""


@dataclass(frozen=True)
class Comparison:
    """One array or list of types: ``difference`` is relative to the array's maximum (for types
    and names: the share that differs); ``agrees`` is the verdict."""

    name: str
    difference: float
    agrees: bool


def verify(path: Path, engine: str = "auto") -> list[Comparison]:
    """Recompute every array of a reference file with an engine.

    Raises:
        BadReference: the file or its JSON is missing, broken or of another format.
        ValueError: unknown engine.
    """
    if engine not in ("auto", *ENGINES):
        raise ValueError(f"unknown engine {engine!r}; engines: auto, {', '.join(ENGINES)}")
    settings, arrays = _load(path)
    try:
        computed, types = _recompute(settings, arrays, engine)
    except EngineUnavailable:
        raise
    except (KeyError, RuntimeError, TypeError, IndexError, ValueError) as error:
        raise BadReference(f"{path}: does not fit its own settings ({error!r})") from error
    unknown = sorted(set(arrays) - set(computed) - {"x", "y", "initial_weights"})
    unknown = [name for name in unknown if name != "special_weights"]
    if unknown:
        raise BadReference(f"{path}: holds arrays this program cannot recompute: {unknown}")
    rows = [_compare(name, computed[name], arrays[name]) for name in computed if name in arrays]
    for name, values in types.items():
        if name in settings:
            rows.append(_compare_words(name, values, settings[name]))
    return rows


def _load(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    if path.suffix != ".npz":
        raise BadReference(f"{path}: not a reference: NAME.npz, with NAME.json beside it")
    try:
        settings = read_json(path.with_suffix(".json"))
        content = io.BytesIO(read_file(path, MOST_BYTES))
        with zipfile.ZipFile(content) as archive:
            if (size := sum(entry.file_size for entry in archive.infolist())) > MOST_BYTES:
                raise ValueError(f"it would unpack to {size:,} bytes")
        with np.load(content, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise BadReference(f"{path}: cannot be read ({error})") from error
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        raise BadReference(f"{path.with_suffix('.json')}: not of format {FORMAT}")
    for name in ("initial_weights", "x", "y"):
        if name not in arrays:
            raise BadReference(f"{path}: lacks the array {name}")
    return settings, arrays


def _recompute(
    settings: dict[str, Any], arrays: dict[str, np.ndarray], engine_name: str
) -> tuple[dict[str, np.ndarray], dict[str, list[str]]]:
    activation = settings.get("activation", "none")
    config = make_config(activation=activation, **{name: settings[name] for name in RULES})
    sizes = (settings["inputs"], config.depth, config.width, settings["outputs"])
    shape = MacroShape(*sizes, config.residual, activation)
    x, y = arrays["x"].astype(np.float32), arrays["y"].astype(np.int64)
    problem = Problem.on(config, shape, x.reshape(-1, shape.inputs), y.reshape(-1))
    encoding = problem.encoding
    start = np.ascontiguousarray(arrays["initial_weights"].T, dtype=np.float32)

    def fresh(weights: np.ndarray) -> Engine:
        return make_engine(engine_name, problem, weights[None], np.zeros_like(weights)[None])

    out = _measure(start, encoding, x[0], shape)
    engine, steps = fresh(start), []
    replication, task = [], []
    for step in range(settings["steps"]):
        rows = np.arange(step * x.shape[1], (step + 1) * x.shape[1])
        log = engine.train(rows, x.shape[1], np.array([True]))
        replication.append(log.replication[0, 0])
        task.append(log.task[0, 0])
        steps.append(engine.weights()[0].T)
    trained = engine.weights()[0]
    out["weights_after_step"] = np.stack(steps)
    out["replication_loss"], out["task_loss"] = np.array(replication), np.array(task)
    out["final_logits"] = _logits(trained, x[0], shape)
    engine = fresh(trained)
    engine.replicate(settings["self_training_steps"])
    after = engine.weights()[0]
    out["weights_after_self_training"] = after.T
    types = {
        "particle_names": list(particle_table(shape)["particle"]),
        "types_after_self_training": _types(after, encoding, settings),
    }
    if "special_weights" in arrays:
        types["special_types"] = _types(arrays["special_weights"].T, encoding, settings)
    return out, types


def _measure(
    weights: np.ndarray, encoding: np.ndarray, x: np.ndarray, shape: MacroShape
) -> dict[str, np.ndarray]:
    w, e = torch.tensor(weights), torch.tensor(encoding)
    columns = np.zeros((len(encoding), 5), dtype=np.float32)
    columns[:, 1:4] = encoding
    return {
        "position_encoding": columns,
        "initial_scalar_weights": scalar_weights(w).numpy(),
        "initial_self_application": self_application(w, e).numpy().T,
        "initial_replication_loss": replication_loss(w, e).numpy(),
        "initial_logits": _logits(weights, x, shape),
    }


def _logits(weights: np.ndarray, x: np.ndarray, shape: MacroShape) -> np.ndarray:
    scalars = scalar_weights(torch.tensor(weights))
    return forward(scalars, torch.tensor(x, dtype=scalars.dtype), shape).numpy()


def _types(weights: np.ndarray, encoding: np.ndarray, settings: dict[str, Any]) -> list[str]:
    codes = classify(
        torch.tensor(np.ascontiguousarray(weights)), torch.tensor(encoding), settings["epsilon"]
    )
    return [TYPES[code] for code in codes]


def _compare(name: str, computed: np.ndarray, expected: np.ndarray) -> Comparison:
    if computed.shape != expected.shape:
        return Comparison(name, float("inf"), False)
    computed, expected = computed.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(expected)
    alike = np.array_equal(computed[~finite], expected[~finite], equal_nan=True)
    if not finite.any():
        return Comparison(name, 0.0 if alike else float("inf"), alike)
    largest = float(np.abs(expected[finite]).max())
    gap = float(np.abs(computed[finite] - expected[finite]).max())
    difference = gap / largest if largest else gap
    return Comparison(name, difference, alike and bool(difference <= TOLERANCE))


def _compare_words(name: str, computed: list[str], expected: list[str]) -> Comparison:
    if len(computed) != len(expected):
        return Comparison(name, 1.0, False)
    wrong = sum(a != b for a, b in zip(computed, expected, strict=True))
    return Comparison(name, wrong / max(1, len(expected)), wrong == 0)
