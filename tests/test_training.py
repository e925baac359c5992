"""The loop: deterministic, resumable from any record, and what it records."""

import dataclasses

import numpy as np
import pytest
import torch

from srnn.config import make_config
from srnn.divergence import MAX_RESCUES
from srnn.engines import Problem, make_engine
from srnn.history import kept_epochs
from srnn.particles import permuted, position_encoding, scalar_weights, self_application
from srnn.tasks import load_task, shifted
from srnn.training import SHIFTS, data_order, train, train_population


def final(config, task, state=None):
    return list(train(config, task, state))[-1]


def test_same_configuration_and_seed_same_bits(small):
    task = load_task("digits")
    first, second = final(small, task), final(small, task)
    assert np.array_equal(first.state.weights, second.state.weights)
    assert first.row() == second.row()
    assert np.isfinite(first.state.weights).all()
    other = final(small.replace(seed=1), task)
    assert not np.array_equal(first.state.weights, other.state.weights)


def test_data_order_is_a_permutation_that_follows_from_seed_and_epoch():
    assert sorted(data_order(3, 1, 50)) == list(range(50))
    assert np.array_equal(data_order(3, 1, 50), data_order(3, 1, 50))
    assert not np.array_equal(data_order(3, 1, 50), data_order(3, 2, 50))
    assert not np.array_equal(data_order(3, 1, 50), data_order(4, 1, 50))


@pytest.mark.parametrize("recipe", ["2022-02", "2022-03"])
@pytest.mark.parametrize("cut", [0, 1, 4])
def test_training_on_from_a_record_equals_never_having_stopped(recipe, cut):
    config = make_config(
        recipe, dataset="digits", neurons=2, batch_size=100, epochs=6, replication_start=0.3
    )
    task = load_task("digits")
    whole = list(train(config, task))
    rest = list(train(config, task, whole[cut].state))
    assert np.array_equal(rest[-1].state.weights, whole[-1].state.weights)
    assert np.array_equal(rest[-1].state.momentum, whole[-1].state.momentum)
    assert [record.row() for record in rest[-2:]] == [record.row() for record in whole[-2:]]


def test_record_zero_is_the_untrained_network(small):
    record = next(train(small, load_task("digits")))
    assert record.epoch == 0
    assert record.types["other"] == sum(record.types.values()) == 64 * 4 + 4 * 4 + 4 * 10
    assert np.isnan(record.task_loss)
    assert record.replication_loss > 0


@pytest.mark.parametrize(
    ("changes", "loss"),
    [
        ({"goal": "none"}, 0.0),
        ({"replication_start": 0.9}, 0.0),
        ({"goal": "multiply", "goal_factor": 0.5}, None),
        ({"goal": "permuted"}, None),
    ],
)
def test_record_zero_has_the_loss_of_the_goal_that_is_trained(small, changes, loss):
    record = next(train(small.replace(**changes), load_task("digits")))
    if loss is None:
        weights = torch.tensor(record.state.weights).double()
        loss = 100 * ((scalar_weights(weights) - 0.5) ** 2).sum().item()
        if changes.get("goal") == "permuted":
            order = permuted(len(weights))
            encoding = torch.from_numpy(position_encoding(small.neurons)).double()
            off = self_application(weights, encoding) - weights[order]
            assert (order != np.arange(len(order))).all() and sorted(order) == list(
                range(len(order))
            )
            loss = 100 * off.square().mean(0).sum().item()
    assert record.replication_loss == pytest.approx(loss, rel=1e-5)


def test_replication_starts_once_the_training_accuracy_is_reached():
    config = make_config(
        dataset="digits", neurons=3, batch_size=25, epochs=9, alpha=0.1, replication_start=0.4
    )
    records = list(train(config, load_task("digits")))
    reached = [record.train_accuracy >= 0.4 for record in records]
    start = reached.index(True)
    assert 1 < start < len(records) - 1
    assert all(record.replication_loss == 0 for record in records[1 : start + 1])
    assert records[start + 1].replication_loss > 0


@pytest.mark.parametrize("seeds", [2, 3])
def test_a_population_equals_its_single_runs(seeds):
    config = make_config(dataset="digits", neurons=4, depth=4, batch_size=100, epochs=2)
    configs = [config.replace(seed=seed) for seed in range(seeds)]
    task = load_task("digits")
    together = list(train_population(configs, task, engine="manual"))[-1]
    for one, record in zip(configs, together, strict=True):
        alone = list(train(one, task, engine="manual"))[-1]
        scale = np.abs(alone.state.weights).max()
        assert np.abs(alone.state.weights - record.state.weights).max() <= 1e-4 * scale


def test_a_population_may_differ_only_in_its_seed():
    config = make_config(dataset="digits")
    with pytest.raises(ValueError, match="seed"):
        next(train_population([config, config.replace(alpha=1.0)], load_task("digits")))


def test_a_state_that_does_not_fit_is_refused(small):
    record = next(train(small, load_task("digits")))
    with pytest.raises(ValueError, match="weights"):
        next(train(small.replace(neurons=2), load_task("digits"), record.state))


def test_snapshots_are_dense_at_first_and_a_longer_run_keeps_what_a_shorter_kept():
    config = make_config(epochs=200)
    kept = kept_epochs(config)
    assert kept[:8] == [0, 1, 2, 3, 4, 5, 6, 8]
    assert kept[-1] == 200
    assert len(kept) == 32
    assert set(kept) <= set(kept_epochs(config.replace(epochs=500)))
    assert kept_epochs(config.replace(epochs=7, snapshot_every=3)) == [0, 3, 6, 7]


def test_the_task_is_learned():
    config = make_config(
        dataset="digits", neurons=3, goal="none", batch_size=25, epochs=20, residual="each"
    )
    assert final(config, load_task("digits")).test_accuracy > 0.8


def test_self_replication_makes_replicators():
    config = make_config(dataset="digits", neurons=3, depth=3, batch_size=50, epochs=12)
    types = final(config, load_task("digits")).types
    assert types["zero"] + types["identity"] > 0.5 * sum(types.values())


# --- divergence -----------------------------------------------------------------------------


def wild(policy: str, lr: float = 0.01):
    """Detached targets at this learning rate: particle L0_C5_W58 blows up in the first epoch."""
    return make_config(
        dataset="digits",
        neurons=4,
        depth=4,
        batch_size=50,
        epochs=3,
        seed=3,
        lr=lr,
        target_gradient=False,
        on_divergence=policy,
    )


def test_stop_names_the_particle_the_epoch_and_the_step():
    records = list(train(wild("stop"), load_task("digits")))
    (event,) = records[-1].divergences
    assert records[-1].stopped
    assert records[-1].epoch == event.epoch == 1
    assert 1 <= event.step <= 29
    assert event.particle in str(event) and "epoch 1" in str(event)
    assert records[-1].types["divergent"] == 1
    assert np.isfinite(records[-1].state.weights).all(0).sum() == 64 * 6 + 36 + 36 + 60 - 1


@pytest.mark.parametrize("policy", ["reinitialise", "freeze"])
def test_the_rest_of_the_network_survives(policy):
    records = list(train(wild(policy), load_task("digits")))
    assert records[-1].epoch == 3
    assert not records[-1].stopped
    assert records[1].divergences
    assert np.isfinite(records[-1].state.weights).all()
    assert records[-1].test_accuracy > records[0].test_accuracy + 0.2
    if policy == "freeze":
        assert records[-1].types["zero"] >= len(records[1].divergences)


def test_too_many_divergences_stop_the_training():
    records = list(train(wild("reinitialise", lr=1.0), load_task("digits")))
    assert records[-1].stopped
    assert len(records[-1].divergences) == MAX_RESCUES + 1


def test_one_diverging_network_does_not_touch_the_others_of_its_population():
    config = wild("stop")
    configs = [config, config.replace(seed=0)]
    task = load_task("digits")
    alone = [list(train(one, task, engine="manual")) for one in configs]
    together = list(train_population(configs, task, engine="manual"))
    for member, single in enumerate(alone):
        rows = [records[member] for records in together if records[member] is not None]
        assert len(rows) == len(single)
        assert rows[-1].stopped == single[-1].stopped


# --- schedules and settling ------------------------------------------------------------------


def test_an_epoch_is_trained_at_its_rates(small):
    """The second epoch of a schedule is an epoch at the second epoch's alpha and learning rate."""
    task = load_task("digits")
    config = small.replace(epochs=2, alpha_final=0.5, lr_final=0.25, schedule="linear")
    first, second = list(train(config, task))[1:]
    plain = small.replace(epochs=2, alpha=config.alpha * 0.5, lr=config.lr * 0.25)
    (again,) = train(plain, task, first.state)
    assert np.array_equal(again.state.weights, second.state.weights)
    assert again.replication_loss == second.replication_loss


@pytest.mark.parametrize("engine", ["fused", "manual", "autograd"])
def test_every_epoch_sees_its_own_shifted_images(small, engine):
    """The second epoch is one on the second epoch's images; its state is all that it goes on from;
    without shifts it is another."""
    task, config = load_task("digits"), small.replace(epochs=2, shift=1)
    first, second = list(train(config, task, engine=engine))[1:]
    (resumed,) = train(config, task, first.state)
    x = shifted(task.x_train, task.image, 1, [config.data_seed, 2, SHIFTS])
    seen = dataclasses.replace(task, x_train=x)
    (again,) = train(small.replace(epochs=2), seen, first.state)
    (plain,) = train(small.replace(epochs=2), task, first.state)
    for other, same in ((resumed, True), (again, True), (plain, False)):
        assert np.array_equal(other.state.weights, second.state.weights) == same


@pytest.mark.parametrize("engine", ["fused", "manual", "autograd"])
def test_a_settling_epoch_makes_as_many_replication_steps_and_nothing_else(small, engine):
    task = load_task("digits")
    config = small.replace(epochs=2, settle_epochs=1, replication_steps=2, alpha=1.0)
    _, before, after = train(config, task, engine=engine)
    problem = Problem.of(config, task)
    alone = make_engine(engine, problem, before.state.weights[None], before.state.momentum[None])
    steps = 2 * -(-len(task.y_train) // config.batch_size)
    losses = alone.replicate(steps)
    assert np.array_equal(alone.weights()[0], after.state.weights)
    assert after.replication_loss == losses.mean()
    assert np.isnan(after.task_loss) and np.isnan(after.train_accuracy)


def test_settling_goes_on_bit_for_bit_from_any_epoch(small):
    config, task = small.replace(epochs=4, settle_epochs=3), load_task("digits")
    whole = list(train(config, task))
    (*_, last) = train(config, task, whole[2].state)
    assert np.array_equal(last.state.weights, whole[-1].state.weights)
    assert np.array_equal(last.state.momentum, whole[-1].state.momentum)


@pytest.mark.parametrize("policy", ["stop", "freeze"])
def test_a_particle_that_diverges_while_settling_is_named(small, policy):
    config = small.replace(epochs=2, settle_epochs=1, on_divergence=policy)
    task = load_task("digits")
    state = next(train(config.replace(settle_epochs=0), task)).state
    weights = state.weights.copy()
    weights[:, 5] = 1e4  # W3 W2 W1 of it is 1e12 times too large
    wild = dataclasses.replace(state, epoch=1, weights=weights)
    (record,) = train(config, task, wild)
    assert [event.particle for event in record.divergences] == ["L0_C0_W5"]
    assert (record.divergences[0].epoch, record.divergences[0].action) == (2, policy)
    assert record.stopped == (policy == "stop")
    if policy == "freeze":
        assert not record.state.weights[:, 5].any()
        assert np.isfinite(record.state.weights).all()
