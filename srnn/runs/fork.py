"""Forks: a run that begins with what another one was after an epoch, and with acts on particles.

A fork's history is its parent's up to there; its settings say where it comes from and what was
done, so it is made again, with the same bits, from them and its parent. Acts happen under the
parent's settings; training then goes on with the fork's own.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from srnn import paths
from srnn.config import ConfigError, RunConfig
from srnn.history import TrainingState
from srnn.lineage import read_acts, read_fork
from srnn.runs.draft import Draft, trained_alike
from srnn.runs.jobs import read_job
from srnn.runs.library import find_run, get_run
from srnn.runs.record import RECORDS, parse_rows
from srnn.runs.run import Run, RunError, open_run
from srnn.tasks import task_of

if TYPE_CHECKING:
    from srnn.tasks import Task

FIXED = (
    "dataset",
    "dataset_digest",
    "size",
    "neurons",
    "depth",
    "width",
    "residual",
    "activation",
    "encoding",
    "initial_weights",
    "seed",
    "snapshot_every",
)
"""Settings that a fork shares with its parent: what the network is, and its history."""


def forked(fork: str, **changes: object) -> RunConfig:
    """The configuration of a fork: its parent's settings but for ``changes``. The parent is a
    finished run, or one in training.

    ``replication_lr`` follows ``lr`` where it did so in the parent, unless it is given itself.

    Raises:
        ConfigError: a setting cannot change, or is out of range; or training would end before it
            begins.
        RunError: the parent is not there.
        LineageError: the fork cannot be read.
    """
    own, parent = _parent(read_fork(fork)[0])
    if "lr" in changes and own.replication_lr == own.lr:
        changes.setdefault("replication_lr", changes["lr"])
    config = own.replace(**{"acts": "", **changes, "fork": fork})
    _check(config, own, parent)
    return config


def _parent(run_id: str) -> tuple[RunConfig, Run | None]:
    """The settings of a run that is there or asked for, and the run itself if it is finished."""
    if (run := find_run(run_id)) is not None:
        return run.config, run
    job = read_job(run_id)
    if job is None or job.config is None:
        return get_run(run_id).config, None  # which says what is wrong
    return job.config, None


def _check(config: RunConfig, own: RunConfig, parent: Run | None) -> None:
    run_id, epoch = read_fork(config.fork)
    changed = [name for name in FIXED if getattr(config, name) != getattr(own, name)]
    if changed:
        raise ConfigError(f"a fork has its parent's {', '.join(changed)}; leave that out")
    done = parent.record.results.epochs if parent else own.epochs
    if epoch > done or (parent and parent.stopped and epoch == done):
        raise ConfigError(f"run {run_id} has no epoch {epoch} to go on from; it has {done}")
    trained = sum(int(act.numbers[0]) for act in read_acts(config.acts) if act.kind == "retrain")
    if config.epochs < epoch + trained:
        raise ConfigError(f"epochs = {config.epochs}: the fork begins at epoch {epoch + trained}")


def state_at(run: Run, epoch: int) -> TrainingState:
    """The state of a run after an epoch. The end is kept; for an earlier one the run is trained
    again up to there. The weights are the kept snapshot's, if the epoch is one: on another kind of
    processor than the run's own, training again gives slightly other ones.

    Raises:
        ValueError: the run has no such epoch.
        DataError: its data are not here.
    """
    from srnn.engines import available
    from srnn.training import train

    if epoch == run.record.results.epochs:
        state = run.state
    else:
        engine = run.record.engine if available(run.record.engine) else "auto"
        records = train(run.config, task_of(run.config), engine=engine)
        found = next((record.state for record in records if record.epoch == epoch), None)
        if found is None:
            raise ValueError(f"run {run.run_id} has no epoch {epoch}")
        state = found
    if not available(state.engine):
        state = replace(state, engine="auto")
    if epoch in run.snapshot_epochs:
        state = replace(state, weights=np.array(run.snapshots[run.snapshot_epochs.index(epoch)]))
    return state


def begin_fork(draft: Draft) -> None:
    """Begin a training where its fork says, with the acts done.

    Raises:
        RunError: the parent is not there.
        ConfigError: the settings do not fit the parent's.
        ValueError: the acts cannot be done.
    """
    from srnn.acts import steps

    config = draft.config
    run_id, epoch = read_fork(config.fork)
    own, parent = _parent(run_id)
    _check(config, own, parent)
    task = task_of(own)
    rows, state = _history(draft, own, parent, epoch)
    states = {epoch: state}
    states |= {after.epoch: after for after in steps(read_acts(config.acts), state, own, task)}
    if config.acts:
        rows[epoch:] = [_row(one, own, task) for one in states.values()]
    for one in states.values():
        draft.keep(one.epoch, one.weights)
    draft.rows, draft.continued_from = rows, run_id
    draft.imported = parent is not None and parent.record.imported
    draft.state = list(states.values())[-1]


def _history(
    draft: Draft, config: RunConfig, run: Run | None, epoch: int
) -> tuple[list[dict[str, float]], TrainingState]:
    """A parent up to an epoch: its records and its state; the draft keeps of the epochs before what
    the parent did. One that is not finished, nor paused there, is trained again."""
    from srnn.training import train

    run = run or _paused(config, epoch)
    if run is not None:
        rows = parse_rows(run.read(RECORDS))[: epoch + 1]
        draft.take_history(run, epoch)
        return rows, state_at(run, epoch)
    rows = []
    for record in train(config, task_of(config)):
        rows.append(record.row())
        if record.stopped:
            raise ConfigError(f"training diverges in epoch {record.epoch}, before the fork")
        if record.epoch == epoch:
            return rows, record.state
        draft.keep(record.epoch, record.state.weights)
    raise ConfigError(f"there is no epoch {epoch} to go on from")


def _paused(config: RunConfig, epoch: int) -> Run | None:
    """The checkpoint of a parent, if it is one of that epoch."""
    with contextlib.suppress(RunError):
        run = open_run(paths.run_folder(config.run_id), finished=False)
        if run.record.results.epochs == epoch and trained_alike(run.record, run.record.engine):
            return run
    return None


def _row(state: TrainingState, config: RunConfig, task: Task) -> dict[str, float]:
    """The record of an epoch that acts have changed: all of it measured on the weights after it,
    where training's own records have means over its steps."""
    import torch

    from srnn.fixpoints import classify
    from srnn.metanet import accuracy, forward, macro_shape
    from srnn.particles import position_encoding, replication_loss, scalar_weights
    from srnn.vocabulary import count_types

    shape, weights = macro_shape(config), torch.from_numpy(np.array(state.weights))
    encoding = torch.from_numpy(position_encoding(config.neurons, config.encoding))
    scalars, alpha = scalar_weights(weights), config.rates(max(1, state.epoch))[0]
    train = torch.from_numpy(task.x_train), torch.from_numpy(task.y_train)
    test = torch.from_numpy(task.x_test), torch.from_numpy(task.y_test)
    with torch.inference_mode():
        loss = torch.nn.functional.cross_entropy(forward(scalars, train[0], shape), train[1])
        own = alpha * replication_loss(weights, encoding).sum()
        shares = [accuracy(scalars, *data, shape) for data in (train, test)]
    types = count_types(classify(weights, encoding))
    row = {"epoch": state.epoch, "replication_loss": float(own), "task_loss": float(loss)}
    return row | {"train_accuracy": shares[0], "test_accuracy": shares[1], **types}
