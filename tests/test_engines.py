"""Every engine against the autograd engine, and that against a MetaNet of single particles."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from oracle import MetaNet, train

from srnn.config import RECIPES
from srnn.engines import ENGINES, Problem, make_engine
from srnn.fixpoints import classify_measures, measures
from srnn.metanet import MacroShape
from srnn.particles import initial_weights, neurons_of, position_encoding

F32, F64 = torch.float32, torch.float64
FAST = [
    name if name != "cuda" else pytest.param(
        name,
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
        ],
    )
    for name in ENGINES
    if name != "autograd"
]  # fmt: skip
"""The engines that are held against autograd."""


def problem(shape: MacroShape | None = None, rows: int = 64, **changes) -> Problem:
    """A small MetaNet on random images, 7-4-4-4-3 unless said, its rules changed."""
    rng = np.random.default_rng(0)
    skips, activation = changes.pop("residual", "each"), changes.pop("activation", "none")
    shape = shape or MacroShape(7, 5, 4, 3, skips, activation)
    rules = {
        "alpha": 3.0,
        "lr": 0.01,
        "replication_lr": 0.02,
        "momentum": 0.9,
        "shared_optimizer": True,
        "replication_steps": 1,
        "target_gradient": True,
        "goal": "self-replication",
        "goal_factor": 0.3,
    }
    x = rng.random((rows, shape.inputs), dtype=np.float32)
    y = rng.integers(0, shape.outputs, rows)
    return Problem(shape, position_encoding(changes.pop("h", 3)), x, y, **{**rules, **changes})


def start(problem: Problem, seeds: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Initial weights, and momentum that is not zero."""
    h = neurons_of(len(problem.encoding))
    weights = np.stack([initial_weights(h, problem.shape.particles, s) for s in range(seeds)])
    noise = np.random.default_rng(1).standard_normal(weights.shape)
    return weights, (0.01 * noise).astype(np.float32)


def pair(name: str, problem: Problem, seeds: int = 1, dtype: torch.dtype = F64):
    """The autograd engine and the named one, in the same state."""
    state = start(problem, seeds)
    return [make_engine(one, problem, *state, dtype=dtype) for one in ("autograd", name)]


def close(found: np.ndarray, expected: np.ndarray, tolerance: float) -> bool:
    """Equal to ``tolerance`` of the array's maximum."""
    return bool(np.abs(found - expected).max() <= tolerance * max(np.abs(expected).max(), 1e-30))


def same_state(one, other, tolerance: float) -> bool:
    return close(one.weights(), other.weights(), tolerance) and close(
        one.momentum(), other.momentum(), tolerance
    )


def same_log(one, other, tolerance: float) -> bool:
    return (
        close(one.replication, other.replication, tolerance)
        and close(one.task, other.task, tolerance)
        and (one.correct == other.correct).all()
    )


YES = np.array([True])
ROWS = np.random.default_rng(2).permutation(64)


# --- the oracle ------------------------------------------------------------------------------


@pytest.mark.parametrize("residual", ["none", "each", "pairs"])
@pytest.mark.parametrize("recipe", list(RECIPES))
def test_autograd_is_a_network_of_single_particles(recipe, residual):
    rules = {**RECIPES[recipe], "alpha": 2.0, "lr": 0.05, "replication_lr": 0.03}
    rules["replication_steps"] = min(2, rules["replication_steps"])
    if rules["shared_optimizer"]:
        rules["replication_lr"] = rules["lr"]
    shape, h = MacroShape(3, 4, 2, 2, residual), 2
    weights = initial_weights(h, shape.particles, 0, rules["initial_weights"])
    rng = np.random.default_rng(3)
    x, y = rng.random((3, 4, 3), dtype=np.float32), rng.integers(0, 2, (3, 4))
    net = MetaNet([3, 2, 2, 2, 2], h, weights, residual)
    losses = train(net, rules, x.astype(np.float64), y)

    names = ("alpha", "lr", "replication_lr", "momentum", "shared_optimizer")
    names += ("replication_steps", "target_gradient")
    statement = Problem(
        shape,
        position_encoding(h, rules["encoding"]),
        x.reshape(-1, 3),
        y.reshape(-1),
        **{name: rules[name] for name in names},
    )
    state = weights[None], np.zeros_like(weights)[None]
    engine = make_engine("autograd", statement, *state, dtype=F64)
    log = engine.train(np.arange(12), 4, YES)
    # positions are float32 and may be rounded differently in their last bit
    assert close(log.replication[:, 0], losses["replication"], 1e-6)
    assert close(log.task[:, 0], losses["task"], 1e-6)
    assert close(engine.weights()[0], net.weights(), 1e-6)
    assert not close(weights, net.weights(), 1e-2)


# --- agreement -------------------------------------------------------------------------------


@pytest.mark.parametrize("coupled", [True, False], ids=["coupled", "detached"])
@pytest.mark.parametrize("activation", ["none", "relu", "tanh"])
@pytest.mark.parametrize("residual", ["none", "each", "pairs"])
@pytest.mark.parametrize("name", FAST)
def test_ten_steps_agree_to_float64(name, residual, activation, coupled):
    case = problem(residual=residual, activation=activation, target_gradient=coupled)
    oracle, engine = pair(name, case)
    expected, found = (one.train(np.resize(ROWS, 160), 16, YES) for one in (oracle, engine))
    assert same_log(found, expected, 1e-12)
    assert same_state(engine, oracle, 1e-12)


@pytest.mark.parametrize(
    ("goal", "shared", "steps"),
    list(
        itertools.product(
            ["self-replication", "multiply", "permuted", "none"], [True, False], [0, 1, 3]
        )
    ),
)
@pytest.mark.parametrize("name", FAST)
def test_goals_optimizers_and_step_counts_agree(name, goal, shared, steps):
    case = problem(goal=goal, shared_optimizer=shared, replication_steps=steps)
    oracle, engine = pair(name, case)
    expected, found = (one.train(ROWS, 16, YES) for one in (oracle, engine))
    assert same_log(found, expected, 1e-12)
    alone, wanted = engine.replicate(3), oracle.replicate(3)
    assert alone.shape == (3, 1) and close(alone, wanted, 1e-12)
    assert same_state(engine, oracle, 1e-12)


@pytest.mark.parametrize("coupled", [True, False], ids=["coupled", "detached"])
@pytest.mark.parametrize("h", [2, 5])
@pytest.mark.parametrize("name", FAST)
def test_a_hundred_float32_steps_agree_in_numbers_and_types(name, h, coupled):
    case = problem(h=h, target_gradient=coupled, replication_steps=2, alpha=1.0)
    oracle, engine = pair(name, case, dtype=F32)
    expected, found = (one.train(np.resize(ROWS, 1600), 16, YES) for one in (oracle, engine))
    assert close(found.replication, expected.replication, 1e-4)
    assert close(found.task, expected.task, 1e-4)
    assert same_state(engine, oracle, 1e-4)
    encoding = torch.from_numpy(case.encoding)
    for epsilon in (1e-2, 1e-1):
        measured = [
            measures(torch.from_numpy(one.weights()[0]), encoding) for one in (oracle, engine)
        ]
        away = np.all([np.abs(one / epsilon - 1) > 1e-2 for one in measured[0]], axis=0)
        types = [classify_measures(*one, epsilon) for one in measured]
        assert away.mean() > 0.8
        assert (types[0] == types[1])[away].all()


@pytest.mark.parametrize("name", FAST)
def test_the_last_batch_may_be_smaller_and_batches_larger_than_the_data(name):
    for rows, size in ((ROWS[:50], 16), (ROWS[:5], 16), (ROWS[:17], 17), (ROWS[:3], 1)):
        oracle, engine = pair(name, problem())
        expected, found = (one.train(rows, size, YES) for one in (oracle, engine))
        assert len(found.task) == -(-len(rows) // size)
        assert same_log(found, expected, 1e-12)
        assert same_state(engine, oracle, 1e-12)


@pytest.mark.parametrize("levels", [255, 16, 1])
@pytest.mark.parametrize("name", FAST)
def test_images_of_whole_levels_are_what_they_say(name, levels):
    base = problem()
    rng = np.random.default_rng(4)
    codes = rng.integers(0, levels + 1, base.x.shape).astype(np.float32)
    case = replace(base, x=codes / np.float32(levels))
    oracle, engine = pair(name, case, dtype=F32)
    expected, found = (one.train(ROWS, 16, YES) for one in (oracle, engine))
    assert close(found.task, expected.task, 2e-6)
    assert same_state(engine, oracle, 2e-6)


@pytest.mark.parametrize("name", FAST)
def test_many_particles_and_wide_layers_agree(name):
    shape = MacroShape(33, 3, 21, 5, "each")  # 1,239 particles: no multiple of a block
    case = problem(shape, 40, h=4, alpha=5.0, replication_lr=0.01)
    oracle, engine = pair(name, case)
    expected, found = (one.train(np.arange(40), 20, YES) for one in (oracle, engine))
    assert same_log(found, expected, 1e-12)
    assert same_state(engine, oracle, 1e-12)


# --- populations -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["autograd", *FAST])
def test_each_network_of_a_population_equals_its_single_run(name):
    case = problem(replication_steps=2)
    weights, momentum = start(case, 3)
    together = make_engine(name, case, weights, momentum)
    log = together.train(ROWS, 16, np.ones(3, bool))
    for s in range(3):
        alone = make_engine(name, case, weights[s : s + 1], momentum[s : s + 1])
        single = alone.train(ROWS, 16, YES)
        assert close(together.weights()[s], alone.weights()[0], 1e-5)
        assert close(log.task[:, s], single.task[:, 0], 1e-5)
        assert close(log.replication[:, s], single.replication[:, 0], 1e-5)


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "own"])
@pytest.mark.parametrize("name", FAST)
def test_only_the_chosen_networks_replicate(name, shared):
    oracle, engine = pair(name, problem(shared_optimizer=shared, replication_steps=2), seeds=3)
    mask = np.array([True, False, True])
    expected, found = (one.train(ROWS, 16, mask) for one in (oracle, engine))
    assert same_log(found, expected, 1e-12)
    assert same_state(engine, oracle, 1e-12)
    assert (found.replication[:, 1] == 0).all() and (found.replication[:, 0] > 0).all()


# --- behaviour -------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["none", "relu", "tanh"])
@pytest.mark.parametrize("name", ["autograd", *FAST])
def test_divergence_stays_visible(name, activation):
    case = problem(activation=activation)
    for bad in (np.nan, np.inf):
        weights, momentum = start(case)
        weights[0, :, 1] = bad
        engine = make_engine(name, case, weights, momentum)
        log = engine.train(ROWS, 16, YES)
        assert not np.isfinite(log.replication).any()
        assert not np.isfinite(log.task).any()
        assert not np.isfinite(engine.weights()[0, :, 1]).any()


@pytest.mark.parametrize("size", [0.0, 1e-2, 1.0])
@pytest.mark.parametrize("name", FAST)
def test_right_answers_of_a_dying_network_are_counted_as_the_oracle_counts_them(name, size):
    """Its logits differ by less than 1 can resolve, or not at all: then the first class is it."""
    case = problem(lr=0.0, replication_steps=0)
    weights, momentum = start(case)
    engines = [
        make_engine(kind, case, weights * size, momentum * 0, dtype=F32)
        for kind in (name, "autograd")
    ]
    found, expected = (engine.train(ROWS, 16, YES).correct for engine in engines)
    assert found == expected > 0


@pytest.mark.parametrize("name", ["autograd", *FAST])
def test_a_learning_rate_that_is_too_large_ends_non_finite(name):
    engine = make_engine(name, case := problem(lr=50.0, replication_lr=50.0), *start(case))
    log = engine.train(np.resize(ROWS, 1600), 16, YES)
    assert not np.isfinite(log.task[-1]).any()
    assert not np.isfinite(engine.weights()).all()


@pytest.mark.parametrize("name", ["autograd", *FAST])
def test_same_input_same_bits(name):
    results = []
    for _ in range(2):
        engine = make_engine(name, case := problem(h=4), *start(case, 2))
        log = engine.train(np.resize(ROWS, 320), 16, np.ones(2, bool))
        results.append((engine.weights(), engine.momentum(), *log))
    for one, other in zip(*results, strict=True):
        assert (one == other).all()


@pytest.mark.parametrize("name", ["autograd", *FAST])
def test_two_calls_are_one(name):
    """Also across ``load``: a training that is continued goes on with the same bits."""
    case = problem(h=4)
    whole, halves = (make_engine(name, case, *start(case)) for _ in range(2))
    whole.train(ROWS, 16, YES)
    halves.train(ROWS[:32], 16, YES)
    halves.load(halves.weights(), halves.momentum())
    halves.train(ROWS[32:], 16, YES)
    assert (whole.weights() == halves.weights()).all()
    assert (whole.momentum() == halves.momentum()).all()


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "own"])
@pytest.mark.parametrize("chosen", [[True, True], [True, False]], ids=["all", "some"])
@pytest.mark.parametrize("goal", ["self-replication", "multiply"])
def test_a_device_is_waited_for_only_at_the_end_of_an_epoch(goal, chosen, shared, monkeypatch):
    """On PyTorch's meta device, whose tensors have no values: whatever would wait for one raises,
    as would anything that is on another device."""
    read = []

    def cpu(tensor: torch.Tensor) -> torch.Tensor:
        read.append(tensor.shape)
        return torch.zeros(tensor.shape, dtype=tensor.dtype)

    case = problem(goal=goal, shared_optimizer=shared, replication_steps=2)
    engine = make_engine("manual", case, *start(case, 2), device="meta")
    monkeypatch.setattr(torch.Tensor, "cpu", cpu)
    engine.train(np.resize(ROWS, 320), 16, np.array(chosen))
    assert read == [(20, 2), (20, 2), (2,)]  # both losses of every step, right answers


@pytest.mark.parametrize("name", FAST)
def test_an_engine_leaves_the_treatment_of_tiny_numbers_as_it_was(name):
    tiny = torch.full((1,), 1e-40)
    engine = make_engine(name, case := problem(), *start(case))
    for flush in (False, True):
        torch.set_flush_denormal(flush)
        try:
            engine.train(ROWS, 16, YES)
            engine.replicate(1)
            assert bool((tiny * 1 == 0).item()) is flush
        finally:
            torch.set_flush_denormal(False)


def test_state_is_copied_in_and_out():
    for name in ("autograd", "manual", "fused"):
        weights, momentum = start(case := problem())
        engine = make_engine(name, case, weights, momentum)
        engine.weights()[:] = 0
        weights[:] = 0
        assert (engine.weights() != 0).all()
        assert engine.weights().shape == weights.shape == engine.momentum().shape
