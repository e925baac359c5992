"""Acts on particles: each by itself against what it must give, and together bit for bit."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from srnn.acts import disturb, mask_of, nearest_replicators, perform, retrain
from srnn.config import RunConfig
from srnn.fixpoints import classify
from srnn.history import TrainingState
from srnn.interactions import interact
from srnn.lineage import Act, LineageError, read_acts, read_fork, write_acts
from srnn.metanet import macro_shape
from srnn.particles import composite, initial_weights, position_encoding, self_application
from srnn.tasks import load_task
from srnn.training import train
from srnn.vocabulary import IDENTITY


@pytest.fixture
def task():
    return load_task("digits")


@pytest.fixture
def state(small: RunConfig, task) -> TrainingState:
    *_, last = train(small.replace(epochs=1), task, engine="manual")
    return last.state


def after(text: str, state: TrainingState, small: RunConfig, task) -> TrainingState:
    return perform(read_acts(text), state, small, task)


def same(one: TrainingState, other: TrainingState) -> bool:
    return (
        np.array_equal(one.weights, other.weights)
        and np.array_equal(one.momentum, other.momentum)
        and one.epoch == other.epoch
    )


def test_acts_are_read_in_order_and_written_in_one_way_only() -> None:
    text = "drop 7,3,4-5 ; noise all 0.10 7;settle 2 100; retrain 1-3 2;perfect 9"
    acts = read_acts(text)
    assert acts[0] == Act("drop", "3-5,7")
    assert acts[1].numbers == (0.1, 7)
    assert write_acts(acts) == (
        "drop 3-5,7; noise all 0.1 7; settle 2 100; retrain 1-3 2; perfect 9"
    )
    assert read_acts(write_acts(acts)) == acts
    assert read_acts("") == ()
    assert read_fork("e15c3ef6769ad81d@40") == ("e15c3ef6769ad81d", 40)


def test_many_acts_on_all_particles_there_could_be_are_read_at_once() -> None:
    """An archive may claim them: index by index they would take hours and gigabytes."""
    text = "; ".join(["drop 9,0-9999999,5-8"] * 5000)
    assert {str(act) for act in read_acts(text)} == {"drop 0-9999999"}
    assert str(read_acts("drop 3-2,7,4-5,6-7,99999999999999999999")[0]) == "drop 4-7"


def test_attack_and_melt_are_a_round_and_leave_the_others_their_momentum(state, small, task):
    shape, places = macro_shape(small), position_encoding(small.neurons, small.encoding)
    for kind in ("attack", "melt"):
        rng = np.random.default_rng(7)
        wanted, pairs = interact(state.weights, places, shape, kind, rng, 0.05, "layer")
        got = after(f"{kind}-layer all 0.05 7", state, small, task)
        hit = sorted({pair[kind == "attack"] for pair in pairs})
        assert np.array_equal(got.weights, wanted) and hit
        assert (got.momentum[:, hit] == 0).all()
        rest = np.setdiff1d(np.arange(shape.particles), hit)
        assert np.array_equal(got.momentum[:, rest], state.momentum[:, rest])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("explode 3", "unknown act"),
        ("drop", "expected drop PARTICLES"),
        ("drop x", "expected particles"),
        ("settle 3", "STEPS"),
        ("settle 3 1.5", "steps"),
        ("noise 3 -1 0", "standard deviation"),
        ("noise 3 nan 0", "standard deviation"),
        ("retrain all 1e9", "epochs"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, why: str) -> None:
    with pytest.raises(LineageError, match=why):
        read_acts(text)


@pytest.mark.parametrize("text", ["", "e15c@4", "e15c3ef6769ad81d", "E15C3EF6769AD81D@4", "x@"])
def test_a_fork_is_a_run_and_an_epoch(text: str) -> None:
    with pytest.raises(LineageError, match="RUN@EPOCH"):
        read_fork(text)


def test_a_particle_that_is_not_there_is_refused() -> None:
    assert mask_of("1-2", 3).tolist() == [False, True, True]
    assert mask_of("all", 2).all()
    for text in ("3", "0-3", "1-99999999999"):
        with pytest.raises(ValueError, match="there are 3"):
            mask_of(text, 3)


def test_dropped_particles_are_exactly_zero_and_stay_so_while_all_are_trained(
    state: TrainingState, small: RunConfig, task
) -> None:
    dropped = after("drop 4-9", state, small, task)
    others = np.delete(np.arange(state.weights.shape[1]), range(4, 10))
    assert not dropped.weights[:, 4:10].any() and not dropped.momentum[:, 4:10].any()
    assert np.array_equal(dropped.weights[:, others], state.weights[:, others])
    assert np.array_equal(dropped.momentum[:, others], state.momentum[:, others])
    trained = after("drop 4-9; retrain all 1", state, small, task)
    assert trained.epoch == state.epoch + 1
    assert not trained.weights[:, 4:10].any()
    assert not np.array_equal(trained.weights[:, others], state.weights[:, others])


def test_a_perfect_replicator_is_one_keeps_its_scalar_weight_and_replicates_exactly(
    state: TrainingState, small: RunConfig, task
) -> None:
    made = after("perfect all", state, small, task)
    v = composite(torch.from_numpy(made.weights).double()).numpy()
    before = composite(torch.from_numpy(state.weights).double()).numpy()
    np.testing.assert_allclose(v[0], 1, atol=3e-7)
    np.testing.assert_allclose(v[1:4], 0, atol=3e-7)
    np.testing.assert_allclose(v[4], before[4], atol=1e-6)
    positions = torch.from_numpy(position_encoding(small.neurons))
    weights = torch.from_numpy(made.weights)
    np.testing.assert_allclose(self_application(weights, positions), weights, atol=2e-6)
    assert (classify(weights, positions) == IDENTITY).all()


def test_there_is_no_nearer_perfect_replicator() -> None:
    weights = initial_weights(2, 6, 3)
    found = nearest_replicators(weights).astype(np.float64)
    for index in range(6):
        origin = weights[:, index].astype(np.float64)

        def rest(w: np.ndarray, target: float) -> np.ndarray:
            return composite(torch.from_numpy(w[:, None])).numpy()[:, 0] - [1, 0, 0, 0, target]

        target = float(composite(torch.from_numpy(origin[:, None]))[4, 0])
        rng = np.random.default_rng(index)
        distances = []
        for start in [found[:, index], *(origin + rng.normal(0, 0.7, (8, len(origin))))]:
            answer = minimize(
                lambda w, o=origin: float(((w - o) ** 2).sum()),
                start,
                jac=lambda w, o=origin: 2 * (w - o),
                constraints={"type": "eq", "fun": rest, "args": (target,)},
                method="SLSQP",
                options={"ftol": 1e-14, "maxiter": 400},
            )
            if answer.success and np.abs(rest(answer.x, target)).max() < 1e-7:
                distances.append(np.linalg.norm(answer.x - origin))
        own = np.linalg.norm(found[:, index] - origin)
        assert own <= min(distances) * 1.02, (index, own, sorted(distances)[:3])


def test_the_nearest_replicator_of_nothing_has_the_least_norm() -> None:
    found = nearest_replicators(np.zeros((3 * 9, 2), dtype=np.float32))
    np.testing.assert_allclose((found.astype(np.float64) ** 2).sum(0), 3, rtol=1e-6)
    with pytest.raises(ValueError, match="diverged"):
        nearest_replicators(np.full((27, 1), np.nan, dtype=np.float32))


def test_noise_depends_on_the_seed_and_the_particle_alone() -> None:
    weights = np.zeros((27, 500), dtype=np.float32)
    noisy = disturb(weights, 0.1, 3)
    assert noisy.dtype == np.float32
    assert abs(noisy.std() - 0.1) < 0.003 and abs(noisy.mean()) < 0.003
    np.testing.assert_array_equal(disturb(weights[:, :40], 0.1, 3), noisy[:, :40])
    assert not np.array_equal(disturb(weights, 0.1, 4), noisy)


def test_only_the_chosen_particles_settle(state: TrainingState, small: RunConfig, task) -> None:
    settled = after("settle 0-9 50", state, small, task)
    assert np.array_equal(settled.weights[:, 10:], state.weights[:, 10:])
    positions = torch.from_numpy(position_encoding(small.neurons))

    def error(weights: np.ndarray) -> float:
        tensor = torch.from_numpy(weights[:, :10])
        return float((self_application(tensor, positions) - tensor).abs().max())

    assert error(settled.weights) < 0.2 * error(state.weights)


def test_retraining_some_leaves_all_others_exactly_as_they_are(
    state: TrainingState, small: RunConfig, task
) -> None:
    trained = after("retrain 0-19 1", state, small, task)
    assert trained.epoch == state.epoch + 1
    assert np.array_equal(trained.weights[:, 20:], state.weights[:, 20:])
    assert not np.array_equal(trained.weights[:, :20], state.weights[:, :20])
    assert not trained.momentum[:, 20:].any()


def test_retraining_batch_by_batch_is_training_when_the_others_are_dropped(
    state: TrainingState, small: RunConfig, task
) -> None:
    # dropped particles stay at zero by themselves, so holding them there must change nothing
    mask = np.zeros(state.weights.shape[1], dtype=bool)
    mask[:30] = True
    rest = f"30-{state.weights.shape[1] - 1}"
    begun = after(f"drop {rest}", state, small, task)
    (alone,) = retrain(begun, mask, small, task, 1)
    (together,) = retrain(begun, np.ones_like(mask), small, task, 1)
    np.testing.assert_allclose(alone.weights, together.weights, atol=1e-6)


def test_acts_done_again_give_the_same_bits(state: TrainingState, small: RunConfig, task) -> None:
    text = "drop 0-3; noise 4-30 0.05 9; perfect 8; settle 10-20 5; retrain 4-40 1; retrain all 1"
    before = state.weights.copy()
    assert same(after(text, state, small, task), after(text, state, small, task))
    np.testing.assert_array_equal(state.weights, before)


def test_acts_one_by_one_are_the_acts_together(
    state: TrainingState, small: RunConfig, task
) -> None:
    whole = after("drop 1; settle 5-9 3; retrain all 1", state, small, task)
    step = state
    for text in ("drop 1", "settle 5-9 3", "retrain all 1"):
        step = after(text, step, small, task)
    assert same(step, whole)


def test_rates_stay_where_their_schedule_is(state: TrainingState, small: RunConfig, task) -> None:
    falling = small.replace(epochs=3, lr_final=0.1, alpha_final=0.5, schedule="linear")
    last = perform(read_acts("retrain all 1"), TrainingState(3, *_of(state)), falling, task)
    steady = small.replace(lr=small.lr * 0.1, alpha=small.alpha * 0.5)
    same_rates = perform(read_acts("retrain all 1"), TrainingState(3, *_of(state)), steady, task)
    np.testing.assert_allclose(last.weights, same_rates.weights, atol=1e-6)


def _of(state: TrainingState) -> tuple:
    return state.weights, state.momentum, state.replicating, state.engine
