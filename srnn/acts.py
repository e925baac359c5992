"""Acts on particles: drop, make perfect, disturb, attack, melt, settle, retrain. A state in, a new
state out.

An act changes the particles that it is done to and no other one (retraining ``all`` is training).
A particle that was changed by hand starts without momentum: the old one belonged to other weights.
Everything random has its seed in the act, so acts done again give the same bits.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from srnn.analysis.settle import settle
from srnn.config import RunConfig
from srnn.engines import Problem, make_engine
from srnn.engines.base import batches
from srnn.history import TrainingState
from srnn.interactions import interact
from srnn.lineage import ALL, Act, unpack
from srnn.metanet import macro_shape
from srnn.particles import INPUTS, neurons_of, position_encoding
from srnn.tasks import Task
from srnn.training import data_order, train

_ROUNDS, _SHARE, _STILL, _RIDGE = 80, 0.5, 1e-5, 1e-12
"""Of the search for the nearest replicator: most rounds, the share of a step that is gone (whole
steps may overshoot), the step at which it rests, and what keeps a dead particle solvable."""


def perform(
    acts: Iterable[Act], state: TrainingState, config: RunConfig, task: Task
) -> TrainingState:
    """The state after some acts (:func:`steps`)."""
    return [state, *steps(acts, state, config, task)][-1]


def steps(
    acts: Iterable[Act], state: TrainingState, config: RunConfig, task: Task
) -> Iterator[TrainingState]:
    """The states that some acts lead through, one after the other, under a run's settings: one for
    each act, or for each epoch of a retraining. Where alpha or the learning rate follows a
    schedule, they stay as they are at the first state's epoch.

    Raises:
        ValueError: an act names a particle that is not there, or asks what a diverged one cannot
            give; or particles diverged while they were retrained.
    """
    alpha, lr = config.rates(max(1, state.epoch))
    config = config.replace(alpha=alpha, lr=lr, alpha_final=1.0, lr_final=1.0, settle_epochs=0)
    for act in acts:
        mask = mask_of(act.particles, state.weights.shape[1])
        if act.kind == "retrain":
            for trained in retrain(state, mask, config, task, int(act.numbers[0])):
                state = trained
                yield state
            continue
        weights = state.weights
        if act.kind == "drop":
            changed = np.zeros_like(weights)
        elif act.kind == "perfect":
            changed = np.array(weights)
            changed[:, mask] = nearest_replicators(weights[:, mask])
        elif act.kind == "noise":
            changed = disturb(weights, *act.numbers)
        elif act.kind != "settle":
            (kind, level), (ratio, seed) = act.kind.split("-"), act.numbers
            places = position_encoding(config.neurons, config.encoding)
            rng = np.random.default_rng(int(seed))
            changed, _ = interact(weights, places, macro_shape(config), kind, rng, ratio, level)
            mask = mask & (changed != weights).any(0)
        else:
            changed = settle(weights, config, (int(act.numbers[0]),), engine=state.engine)[0]
        state = replace(
            state,
            weights=np.where(mask, changed, weights),
            momentum=np.where(mask, np.float32(0), state.momentum),
        )
        yield state


def mask_of(particles: str, count: int) -> np.ndarray:
    """Which of ``count`` particles an act's text names, ``(count,)`` bool.

    Raises:
        ValueError: one of them is not there.
    """
    mask = np.zeros(count, dtype=bool)
    chosen = list(range(count) if particles == ALL else unpack(particles, count + 1))
    if not chosen or chosen[-1] >= count:
        raise ValueError(f"particles {particles:.40}: there are {count:,}, counted from 0")
    mask[chosen] = True
    return mask


def disturb(weights: np.ndarray, deviation: float, seed: float) -> np.ndarray:
    """Weights ``(n, P)`` with normal noise of that standard deviation on each, float32. Particle
    i's noise depends on the seed and on i only."""
    draws = np.random.default_rng(int(seed)).standard_normal(weights.shape[::-1])
    return (weights + deviation * draws.T).astype(np.float32)


def nearest_replicators(weights: np.ndarray) -> np.ndarray:
    """The nearest perfect replicator of every particle, with the same scalar weight: ``(n, P)`` ->
    ``(n, P)`` float32.

    A composite of ``(1, 0, 0, 0, v4)`` answers every weight with itself, whatever the positions.
    The closest such weights are a zero of the Lagrange conditions, found by sequential projection
    onto the linearised conditions, in float64. The conditions have many zeros; the nearest of those
    reached from the particle itself and from the smallest replicators beside it is taken.

    Raises:
        ValueError: a particle has diverged.
    """
    origin = np.ascontiguousarray(weights.T, dtype=np.float64)
    if not np.isfinite(origin).all():
        raise ValueError("a diverged particle has no nearest replicator")
    target = _composites(origin)
    target[:, :4] = (1, 0, 0, 0)
    small = _smallest(target, origin)
    best, least = small, np.linalg.norm(small - origin, axis=1)
    for start in (origin, small + origin, small):
        found, whole = _project(origin, start, target)
        distance = np.where(whole, np.linalg.norm(found - origin, axis=1), np.inf)
        nearer = distance < least
        best, least = np.where(nearer[:, None], found, best), np.where(nearer, distance, least)
    return np.ascontiguousarray(best.T, dtype=np.float32)


def _split(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``W1 (P, h, 5)``, ``W2 (P, h, h)``, ``W3 (P, h)`` of particles in rows ``(P, n)``."""
    h = neurons_of(rows.shape[1])
    first, second, third = np.split(rows, (INPUTS * h, INPUTS * h + h * h), axis=1)
    return first.reshape(-1, h, INPUTS), second.reshape(-1, h, h), third


def _composites(rows: np.ndarray) -> np.ndarray:
    w1, w2, w3 = _split(rows)
    return np.einsum("pk,pki,pic->pc", w3, w2, w1)


def _slopes(rows: np.ndarray) -> np.ndarray:
    """The composites' derivatives by the weights, ``(P, 5, n)``."""
    w1, w2, w3 = _split(rows)
    count = len(rows)
    half, rest = np.einsum("pk,pki->pi", w3, w2), np.einsum("pki,pic->pkc", w2, w1)
    by1 = np.einsum("pi,cd->pcid", half, np.eye(INPUTS)).reshape(count, INPUTS, -1)
    by2 = np.einsum("pk,pic->pcki", w3, w1).reshape(count, INPUTS, -1)
    return np.concatenate([by1, by2, rest.transpose(0, 2, 1)], axis=2)


def _smallest(target: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """Weights of least norm that have the target composites: one path through the particle, shared
    out evenly; the path and the signs on it that lie nearest to the origin."""
    w1, w2, w3 = _split(origin)
    h = w3.shape[1]
    size = np.linalg.norm(target, axis=1)[:, None]
    unit = target / size
    signs = np.array([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)])
    first = np.einsum("s,pic,pc->psi", signs[:, 0], w1, unit)[:, :, None]
    second = signs[:, 1, None, None] * w2[:, None]
    third = (signs[:, 2, None] * w3[:, None])[..., None]
    overlap = (first + second + third).reshape(len(target), -1).argmax(1)
    sign, way = signs[overlap // (h * h)], overlap % (h * h)
    row, rows = np.arange(len(target)), np.zeros_like(origin)
    at = (way % h) * INPUTS + np.arange(INPUTS)[:, None]
    rows[row, at] = (sign[:, :1] * unit).T
    rows[row, INPUTS * h + way] = sign[:, 1]
    rows[row, INPUTS * h + h * h + way // h] = sign[:, 2]
    return rows * np.cbrt(size)


def _project(
    origin: np.ndarray, start: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """From a start, a point with the target composites and nearest to the origin around there; and
    where that was reached."""
    rows, moving = np.array(start), np.arange(len(start))
    for _ in range(_ROUNDS):
        here, back = rows[moving], origin[moving] - rows[moving]
        step = back + _correction(here, target[moving], back)
        length = np.linalg.norm(step, axis=1, keepdims=True)
        rows[moving] = here + _SHARE * step / np.maximum(1, length)  # far steps are cut short
        moving = moving[(length[:, 0] > _STILL) & np.isfinite(length[:, 0])]
        if not len(moving):
            break
    for _ in range(4):  # exactly onto the conditions, by the shortest way
        rows = rows + _correction(rows, target, 0)
    return rows, np.abs(_composites(rows) - target).max(1, initial=0) < 1e-9


def _correction(rows: np.ndarray, target: np.ndarray, move: np.ndarray | int) -> np.ndarray:
    """The shortest step that, after a move, reaches the target composites in a linear view."""
    slopes = _slopes(rows)
    gram = slopes @ slopes.transpose(0, 2, 1) + _RIDGE * np.eye(INPUTS)
    missing = target - _composites(rows)
    if not isinstance(move, int):
        missing = missing - np.einsum("pcn,pn->pc", slopes, move)
    return np.einsum("pcn,pc->pn", slopes, np.linalg.solve(gram, missing[..., None])[..., 0])


def retrain(
    state: TrainingState, mask: np.ndarray, config: RunConfig, task: Task, epochs: int
) -> Iterator[TrainingState]:
    """Train on for some epochs, a state each; only the particles of the mask ``(P,)`` bool: all
    others keep their weights exactly, and have no momentum afterwards. If the mask holds all, that
    is training.

    Raises:
        ValueError: particles diverged.
    """
    longer = config.replace(epochs=state.epoch + epochs)
    if mask.all():
        for record in train(longer, task, state):
            if record.stopped:
                raise ValueError(f"particles diverged in epoch {record.epoch}")
            yield record.state
        return
    problem = Problem.of(longer, task)
    engine = make_engine(state.engine, problem, state.weights[None], state.momentum[None])
    replicating, kept = np.array([state.replicating]), state.weights
    for epoch in range(state.epoch + 1, longer.epochs + 1):
        right = 0
        order = data_order(config.data_seed, epoch, len(problem.x))
        for batch in batches(order, config.batch_size):
            right += int(engine.train(batch, config.batch_size, replicating).correct[0])
            weights, momentum = engine.weights(), engine.momentum()
            weights[0] = np.where(mask, weights[0], kept)
            momentum[0] = np.where(mask, momentum[0], np.float32(0))
            engine.load(weights, momentum)
        if not np.isfinite(weights[0][:, mask]).all():
            raise ValueError(f"particles diverged in epoch {epoch}")
        replicating |= right / len(order) >= config.replication_start
        yield TrainingState(epoch, weights[0], momentum[0], bool(replicating[0]), state.engine)
