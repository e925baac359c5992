"""The fused engine for wide networks: the same mathematics, and bits that no thread changes."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from test_engines import problem, start

from srnn.engines import WIDE, fused_wide, make_engine
from srnn.engines.autograd import AutogradEngine
from srnn.engines.fused_straight import LARGEST
from srnn.engines.fused_wide import WideEngine, threads
from srnn.metanet import MacroShape


@pytest.mark.parametrize(
    "activation, residual, h, rules",
    [
        ("relu", "none", 3, {}),
        ("relu", "none", LARGEST + 1, {}),
        ("none", "each", 1, {"replication_steps": 3}),
        ("none", "each", 2, {"goal": "none"}),
        (
            "tanh",
            "each",
            3,
            {"shared_optimizer": False, "replication_steps": 2, "target_gradient": False},
        ),
        ("none", "pairs", 3, {"goal": "multiply", "goal_factor": 0.3}),
    ],
)
def test_it_computes_what_autograd_does(activation, residual, h, rules):
    """In float64, over whole and rest batches of several chunks, for networks that replicate and
    that do not; by straight code and by the other."""
    task = problem(MacroShape(30, 4, 12, 5, residual, activation), rows=300, h=h, **rules)
    begin = start(task, 2)[0].astype(np.float64)
    slow, fast = (
        kind(task, begin, begin * 0, dtype=torch.float64) for kind in (AutogradEngine, WideEngine)
    )
    order = np.random.default_rng(2).permutation(300)
    logs = [engine.train(order, 140, np.array([True, False])) for engine in (slow, fast)]
    np.testing.assert_allclose(logs[1].task, logs[0].task, rtol=1e-12)
    np.testing.assert_allclose(logs[1].replication, logs[0].replication, rtol=1e-12)
    assert logs[1].correct.tolist() == logs[0].correct.tolist()
    np.testing.assert_allclose(slow.replicate(3), fast.replicate(3), rtol=1e-12)
    np.testing.assert_allclose(fast.weights(), slow.weights(), rtol=0, atol=1e-13)
    np.testing.assert_allclose(fast.momentum(), slow.momentum(), rtol=0, atol=1e-13)


def test_no_bit_depends_on_the_number_of_threads(monkeypatch):
    task = problem(MacroShape(120, 3, 60, 10, "none", "relu"), rows=600, h=4)
    assert task.shape.particles >= WIDE
    results = []
    for count in ("1", "2", "5"):
        monkeypatch.setenv("OMP_NUM_THREADS", count)
        assert threads() == int(count)
        begin = start(task, 1)[0]
        engine = make_engine("fused", task, begin, begin * 0)
        assert isinstance(engine, WideEngine)
        log = engine.train(np.arange(600), 250, np.array([True]))
        losses = engine.replicate(2)
        arrays = (engine.weights(), engine.momentum(), log.task, log.replication, losses)
        results.append(b"".join(array.tobytes() for array in arrays))
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("h", [4, LARGEST + 1])
def test_no_bit_depends_on_where_a_training_is_cut(h):
    """Between pairs, and between the two steps of a pair, as a divergence is looked for."""
    task = problem(MacroShape(120, 3, 60, 10, "none", "relu"), rows=600, h=h)
    begin, order = start(task, 1)[0], np.arange(600)
    yes, no = np.array([True]), np.array([False])
    whole, pairs, halves = (WideEngine(task, begin, begin * 0) for _ in range(3))
    whole.train(order, 150, yes)
    pairs.train(order[:300], 150, yes)
    again = WideEngine(task, pairs.weights(), pairs.momentum())
    again.train(order[300:], 150, yes)
    for rows in order.reshape(4, 150):
        halves.replicate(1)
        halves.train(rows, 150, no)
    for other in (again, halves):
        assert other.weights().tobytes() == whole.weights().tobytes()
        assert other.momentum().tobytes() == whole.momentum().tobytes()


def test_trainings_at_the_same_time_do_not_wait_for_each_other_forever(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    task = problem(MacroShape(120, 3, 60, 10), rows=300, h=2)
    begin = start(task, 1)[0]

    def trained(_: int) -> bytes:
        engine = WideEngine(task, begin, begin * 0)
        for _ in range(5):
            engine.train(np.arange(300), 100, np.array([True]))
        return engine.weights().tobytes()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(trained, range(4)))) == 1


def test_what_goes_wrong_in_one_thread_is_told(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    task = problem(MacroShape(120, 3, 60, 10), rows=300, h=2)
    begin = start(task, 1)[0]
    engine = WideEngine(task, begin, begin * 0)

    def fail(self, parts, size, mine):
        if mine[0] == 1:
            raise ZeroDivisionError("in the other thread")

    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError, match="other thread"):
        patch.setattr(fused_wide.Network, "run", fail)
        engine.train(np.arange(300), 100, np.array([True]))
    engine.train(np.arange(300), 100, np.array([True]))  # the threads are free again


def test_small_networks_keep_their_engine():
    task = problem(MacroShape(225, 5, 6, 10, "each"), rows=10, h=4)
    begin = start(task, 1)[0]
    assert type(make_engine("fused", task, begin, begin * 0)).__name__ == "FusedEngine"


def test_a_divergence_stays_visible():
    task = problem(MacroShape(120, 3, 60, 10), rows=300, h=4, lr=1e6)
    begin = start(task, 1)[0]
    engine = make_engine("fused", task, begin, begin * 0)
    engine.train(np.arange(300), 100, np.array([True]))
    assert not np.isfinite(engine.weights()).all()
