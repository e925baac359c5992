"""What the experiments measure, on networks worked out by hand.

A particle with composite v is ``W1[0] = v, W2[0, 0] = W3[0] = 1`` and zeros elsewhere: with v = (1,
0, 0, 0, s) it replicates whatever its scalar weight s, with v0 = 0.5 it does not, and all zeros is
type zero.
"""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from srnn.analysis.collapse import collapse as dense
from srnn.analysis.dropout import accuracy_of
from srnn.config import make_config
from srnn.experiments import (
    born_dead,
    collapse,
    dead_outputs,
    dropout,
    explain,
    fixpoint_types,
    instant,
    longer,
    main_run,
    membership,
    residual,
    scalars,
    scale,
    sizes,
    speed,
    structures,
    thinning,
)
from srnn.metanet import MacroShape
from srnn.particles import position_encoding
from srnn.tasks import load_task

H = 2
SHAPE = MacroShape(64, 2, 2, 10)
P = SHAPE.particles
FIRST, LAST = slice(0, 128), slice(128, P)
"""Particles of the first layer (cell, pixel), and of the last (output, cell)."""


def network(kinds: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weights ``(n, P)`` of particles of kind ``0`` zero, ``1`` identity, ``2`` other."""
    made = np.zeros((H * (H + 6), P), np.float32)
    made[0] = np.select([kinds == 1, kinds == 2], [1.0, 0.5])
    made[4] = weights
    made[5 * H] = made[5 * H + H * H] = 1.0
    made[:, kinds == 0] = 0
    return made


def run_of(history: list[np.ndarray], epochs: list[int], accuracy: list[float] | None = None):
    """What a measurement needs of a run."""
    config = make_config(dataset="digits", neurons=H, depth=2, width=2, residual="none", seed=1)
    task = load_task("digits")
    last = accuracy_of(history[-1], task.x_test, task.y_test, SHAPE)
    accuracy = accuracy or [last] * len(epochs)
    records = pd.DataFrame({"epoch": epochs, "test_accuracy": accuracy})
    for name, code in (("zero", 0), ("identity", 1), ("other", 2)):
        records[name] = [int((kinds_of(one) == code).sum()) for one in history]
    return SimpleNamespace(
        config=config,
        shape=SHAPE,
        snapshots=np.stack(history),
        weights=history[-1],
        encoding=position_encoding(H),
        snapshot_epochs=epochs,
        records=records,
        record=SimpleNamespace(results=SimpleNamespace(epochs=epochs[-1])),
        stopped=None,
    )


def kinds_of(weights: np.ndarray) -> np.ndarray:
    return np.select([~weights.any(0), weights[0] == 1], [0, 1], 2)


@pytest.fixture
def trained():
    """A network that answers: cell 0 sees the left half of a digit, cell 1 the right half; the
    outputs' weights are random; output 9 is dead, and pixel column 0 is read by replicators."""
    rng = np.random.default_rng(0)
    weights = np.zeros(P, np.float32)
    left = (np.arange(64) % 8) < 4
    weights[FIRST] = np.concatenate([left, ~left]).astype(np.float32) * rng.random(128)
    weights[LAST] = rng.normal(size=20)
    kinds = np.full(P, 2)
    kinds[FIRST][np.tile(np.arange(64) % 8 == 0, 2)] = 1
    kinds[P - 2 :] = 0
    start = network(np.full(P, 2), weights)
    return run_of([start, network(kinds, weights)], [0, 1]), kinds


def test_types_after_the_first_epoch_and_at_the_end(trained):
    run, kinds = trained
    facts, tables = fixpoint_types.measure(run)
    idle = int((kinds < 2).sum())
    assert facts["first"] == idle == 18
    assert {facts[key] for key in facts if key.startswith("end_")} == {18.0}
    assert tables["types"]["other"].tolist() == [P, P - 18]


def test_dropping_a_type_costs_what_its_particles_do(trained):
    run, kinds = trained
    facts, tables = dropout.measure(run)
    counts = tables["costs"].set_index("group")["count"].to_dict()
    assert (counts["zero"], counts["identity"], counts["other"]) == (2, 16, P - 18)
    assert counts["zero + identity"] == counts["zero + identity, at random"] == 18
    assert facts["zero"] == 0.0 and np.isnan(facts["divergent"])
    both, _ = sizes.measure(run)
    assert both["cost"] == facts["zero + identity"]
    bare = run.weights.copy()
    bare[:, kinds < 2] = 0
    assert facts["zero + identity"] == pytest.approx(accuracy(run.weights) - accuracy(bare))


def accuracy(weights):
    task = load_task("digits")
    return accuracy_of(weights, task.x_test, task.y_test, SHAPE)


def test_scalar_weights_and_their_medians_by_type(trained):
    run, kinds = trained
    facts, tables = scalars.measure(run)
    size = np.abs(run.weights[4])
    assert facts["median_identity"] == pytest.approx(np.median(size[kinds == 1]))
    assert facts["median_other"] == pytest.approx(np.median(size[kinds == 2]))
    assert facts["error"] < 1e-6 < facts["bent"]
    assert tables["scalars"]["scalar_weight"].to_numpy() == pytest.approx(run.weights[4])


def test_the_collapsed_network_is_the_metanet_and_a_shuffled_one_is_not(trained):
    facts, _ = collapse.measure(trained[0])
    assert facts["difference"] < 1e-4 < facts["difference_dealt"]
    assert facts["gap"] == 0 < facts["gap_dealt"]


def test_relevance_of_replicators_without_scalar_weight_is_nothing(trained):
    run, kinds = trained
    weights = run.weights[4].copy()
    weights[kinds == 1] = 0
    facts, _ = explain.measure(run_of([network(kinds, weights)], [0]))
    assert facts["share"] == pytest.approx(18 / P)
    assert facts["relevance"] == facts["ratio"] == 0 < facts["ratio_chance"]


def test_replicators_on_quiet_pixels_and_on_the_others(trained):
    facts, tables = membership.measure(trained[0])
    quiet = load_task("digits").x_train.std(0) < membership.CONSTANT
    column = np.arange(64) % 8 == 0
    assert facts["pixels"] == quiet.sum() and facts["particles"] == 2 * quiet.sum()
    assert facts["idle"] == 2 * (quiet & column).sum()
    assert facts["still"] == pytest.approx((quiet & column).sum() / quiet.sum())
    assert facts["moving"] == pytest.approx((~quiet & column).sum() / (~quiet).sum())
    assert facts["later"] == pytest.approx(2 / 20)
    assert facts["gap"] == pytest.approx(facts["still"] - facts["moving"]) and facts["gap"] > 0.2
    assert len(tables["membership"]) == P and len(tables["digits"]) == 64


def test_the_survivors_over_the_epochs(trained):
    run, _ = trained
    fewer = np.where(np.arange(P) < 140, 0, 2)
    run = run_of([run.snapshots[0], network(fewer, run.weights[4]), run.weights], [0, 3, 9])
    facts, tables = thinning.measure(run)
    assert (facts["fewest"], facts["when"], facts["end"]) == (8, 3, P - 18)
    assert facts["left"] == pytest.approx((P - 18) / P)
    assert facts["unread"] == 8  # the first column: replicators of both cells
    assert tables["thinning"]["alive"].tolist() == [P, 8, P - 2]


def test_cutting_a_metanet_keeps_the_largest_of_its_survivors(trained):
    run, kinds = trained
    facts, _ = structures.measure(run)
    count = round(353 / 1518 * P)
    size = np.where(kinds == 2, np.abs(run.weights[4]), -1)
    few = run.weights.copy()
    few[:, np.argsort(-size, kind="stable")[count:]] = 0
    assert facts["connections"] == count and facts["cut"] == pytest.approx(accuracy(few))
    bare = run.weights.copy()
    bare[:, kinds < 2] = 0
    assert facts["survivors"] == pytest.approx(accuracy(bare))
    assert facts["density"] == pytest.approx((P - 18) / P)
    assert facts["parameters"] == P * H * (H + 6)


def records(accuracy):
    """A run of as many epochs, with the types of one snapshot."""
    one = network(np.repeat([0, 1, 2], [40, 8, 100]), np.ones(P, np.float32))
    return run_of([one] * len(accuracy), list(range(len(accuracy))), accuracy)


def test_what_is_read_off_the_records_of_the_main_run():
    facts, tables = main_run.measure(records([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]))
    assert (facts["accuracy_1"], facts["accuracy_6"], facts["accuracy_end"]) == (0.2, 0.7, 0.8)
    assert facts["count_1"] == facts["count_end"] == 48
    assert tables["records"]["replicators"].tolist() == [48] * 8


def test_the_first_epoch_that_reaches_the_log_s_accuracy():
    facts, _ = residual.measure(records([0.1, 0.5, 0.88, 0.86, 0.9]))
    assert (facts["first"], facts["end"], facts["count"]) == (2, 0.9, 48)
    assert facts["after_6"] == facts["after_31"] == 0.9  # it ends before
    assert np.isnan(residual.measure(records([0.1, 0.2]))[0]["first"])


def test_gains_before_and_after_the_break(monkeypatch):
    monkeypatch.setattr(longer, "BREAK", 8)
    facts, _ = longer.measure(records([0.1] * 6 + [0.5] * 2 + [0.7] * 9 + [0.8]))
    assert facts["gain"] == pytest.approx(0.1) and facts["early_gain"] == pytest.approx(0.2)


def test_dead_outputs_and_right_answers_to_every_digit(trained):
    run, _ = trained
    assert dead_outputs.dead_outputs(run).tolist() == [False] * 9 + [True]
    task = load_task("digits")
    with torch.inference_mode():
        logits = dense(run.weights, SHAPE)(torch.from_numpy(task.x_test)).numpy()
    right = logits.argmax(1) == task.y_test
    wanted = [right[task.y_test == digit].mean() for digit in range(10)]
    assert dead_outputs.recall(run).tolist() == pytest.approx(wanted)
    half = np.where(np.arange(P) == P - 1, 0, 2)  # one of its two particles is dead, the other not
    assert not dead_outputs.dead_outputs(run_of([network(half, run.weights[4])], [0])).any()


def test_a_digit_is_held_against_itself_where_its_output_lives(monkeypatch):
    one = network(np.repeat([0, 1, 2], [40, 8, 100]), np.ones(P, np.float32))
    runs = {seed: run_of([one], [0], [0.1 * seed]) for seed in range(1, 6)}
    for seed, run in runs.items():
        run.config = run.config.replace(seed=seed)
    runs[5].stopped = "epoch 1"
    gone = {1: [], 2: [3], 3: [3, 5], 4: [3, 5, 7]}
    right = {1: np.full(10, 0.8), 2: np.full(10, 0.9), 3: np.full(10, 0.7), 4: np.full(10, 0.6)}
    right[2][3], right[3][[3, 5]], right[4][[3, 5, 7]] = 0.1, (0.5, 0.0), (0.4, 0.1, 0.0)
    monkeypatch.setattr(dead_outputs, "obtain", lambda config: (runs[config.seed], False))
    monkeypatch.setattr(dead_outputs, "recall", lambda run: right[run.config.seed])
    monkeypatch.setattr(
        dead_outputs, "dead_outputs", lambda run: np.isin(np.arange(10), gone[run.config.seed])
    )
    _, tables = dead_outputs.measured([run.config.to_dict() for run in runs.values()])
    rows = tables["numbers"].set_index("seed")
    assert rows.index.tolist() == [1, 2, 3, 4] and rows["dead"].tolist() == [0, 1, 2, 3]
    assert rows["replicators"].tolist() == pytest.approx([48 / P] * 4)
    assert rows["accuracy"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert rows["with_none"].tolist() == pytest.approx([0.1] + [np.nan] * 3, nan_ok=True)
    assert rows["with_many"].tolist() == pytest.approx([np.nan] * 3 + [0.4], nan_ok=True)
    # 3 lives in run 1 only, 5 in runs 1 and 2, 7 in runs 1, 2 and 3
    lost = [0.8 - 0.1, (0.8 - 0.5 + 0.85 - 0.0) / 2, (0.8 - 0.4 + 0.85 - 0.1 + 0.8 - 0.0) / 3]
    assert rows["lost"].tolist() == pytest.approx([np.nan, *lost], nan_ok=True)
    second = (7 * (0.7 - 0.9) + (0.8 - 0.9) + (0.75 - 0.9)) / 9  # runs 1, 3, 4; 1; 1 and 3
    assert rows["lost_living"][2] == pytest.approx(second) and np.isnan(rows["lost_living"][1])
    assert rows["first"].tolist() == pytest.approx([np.nan, 0.1, 0.5, 0.4], nan_ok=True)
    assert rows["further"].tolist() == pytest.approx([np.nan, np.nan, 0.0, 0.05], nan_ok=True)
    stopped = dead_outputs.measured([runs[5].config.to_dict()])
    assert stopped == ({"stopped": "epoch 1"}, {})


def test_of_two_dead_outputs_the_further_one_is_never_the_answer():
    """Outputs 8 and 9 answer 0 to everything; the others are below 0 for the images of an 8."""
    weights = np.ones(P, np.float32)
    weights[LAST] = -1.0
    kinds = np.full(P, 2)
    kinds[P - 4 :] = 0
    run = run_of([network(kinds, weights)], [0])
    assert dead_outputs.recall(run).tolist() == [0] * 8 + [1, 0]


def test_who_is_born_dead_and_how_well_the_start_foretells_it(trained):
    run, _ = trained
    start = network(np.where(np.arange(P) < 10, 0, 1), run.weights[4])
    end = network(np.where(np.arange(P) < 15, 0, 1), run.weights[4])
    start[0, 10:15] = 0.4  # a smaller self-gain
    born = run_of([start, end], [0, 1])
    facts, _ = born_dead.measure(born)
    assert facts["dead"] == pytest.approx(15 / P)
    assert facts["foretold"] >= 10 / 15  # zeros stay zeros under replication
    assert facts["auc"] == 1.0 and facts["auc_chance"] != 1.0
    assert facts["foretold_chance"] < 0.5 < facts["foretold"]
    alive = network(np.where(np.arange(P) < 5, 0, 1), run.weights[4])
    fewer, _ = born_dead.measure(run_of([start, alive], [0, 1]))  # 10 are born dead, 5 of them die
    assert fewer["foretold"] == 1.0 and fewer["born"] >= 10 / P
    bare, _ = born_dead.measure(run_of([start, network(np.full(P, 1), run.weights[4])], [0, 1]))
    assert np.isnan(bare["foretold"]) and np.isnan(bare["auc"])


def test_the_census_of_a_moment(trained):
    run, kinds = trained
    mask = instant.replicating(run, run.weights)
    assert mask.tolist() == (kinds < 2).tolist()
    found = instant.census(run, run.weights, mask)
    assert found["share"] == pytest.approx(18 / P) and found["zero"] == pytest.approx(2 / P)
    assert found["accuracy"] == pytest.approx(accuracy(run.weights))
    assert found["cost"] == pytest.approx(found["accuracy"] - found["without"])
    nobody = instant.census(run, run.weights, np.zeros(P, dtype=bool))
    assert np.isnan(nobody["cost"]) and nobody["without"] == nobody["accuracy"]


def test_the_instant_compares_the_settled_network_with_the_one_before(trained, monkeypatch):
    run, kinds = trained
    later, busy = network(np.full(P, 1), 0.1 * run.weights[4]), network(np.full(P, 2), np.ones(P))
    later[4, :60] = 0
    settling = [run.weights] * 7 + [later] + [run.weights] * 2  # index 7: after 100 steps
    monkeypatch.setattr(instant, "settle", lambda *_: np.stack(settling))
    monkeypatch.setattr(instant, "_task_steps", lambda run: iter([busy] * 10))
    errors = np.where(np.arange(P) < 30, instant.EPSILON, 1.0)
    monkeypatch.setattr(instant, "epoch_error", lambda run: errors)
    monkeypatch.setattr(instant, "between_tasks", lambda run, k: {"after": 0.1, "before": k / 50})
    facts, tables = instant.measure(run)
    assert (facts["now"], facts["settled"], facts["busy"]) == (pytest.approx(18 / P), 1, 0)
    bare, dropped = run.weights.copy(), run.weights.copy()
    bare[:, kinds < 2] = dropped[:, :30] = 0
    before, nobody = accuracy(run.weights), accuracy(np.zeros_like(bare))
    assert facts["change"] == pytest.approx(accuracy(later) - before) and facts["change"] != 0
    assert facts["without"] == pytest.approx(nobody - before)
    assert facts["cost_now"] == pytest.approx(before - accuracy(bare))
    assert facts["cost_settled"] == pytest.approx(accuracy(later) - nobody)
    assert facts["lasting"] == pytest.approx(30 / P)
    assert facts["cost_lasting"] == pytest.approx(before - accuracy(dropped))
    table = tables["settling"]
    assert table["steps"].tolist() == [*instant.STEPS] * 2
    assert (table["share"] == 1).tolist() == [False] * 7 + [True] + [False] * 12
    assert tables["between"]["before"].tolist() == [0.02, 0.04, 0.1, 0.2, 0.4, 1.0]


def test_scale_holds_dropping_the_replicators_against_as_many_others(trained):
    run, kinds = trained
    facts, _ = scale.measure(run)
    size = np.abs(run.weights[4])
    assert facts["survivors"] == pytest.approx((P - 18) / P) and facts["particles"] == P
    for key, gone in (
        ("cost", kinds < 2),
        ("cost_magnitude", np.argsort(size, kind="stable")[:18]),
    ):
        bare = run.weights.copy()
        bare[:, gone] = 0
        assert facts[key] == pytest.approx(accuracy(run.weights) - accuracy(bare))
    assert facts["settled_survivors"] <= facts["survivors"] and facts["cost_random"] > 0
    assert facts["dead"] == pytest.approx(2 / P)
    start = network(np.full(P, 1), run.weights[4])
    start[0, P - 2 :] = 0.1
    born, _ = scale.measure(run_of([start, run.weights], [0, 1]))
    assert born["auc"] == 1.0 > born["auc_chance"]
    alive, _ = scale.measure(run_of([start, network(np.full(P, 2), run.weights[4])], [0, 1]))
    assert alive["survivors"] == 1 and np.isnan(alive["cost"])


def test_speeds_are_times_of_the_slower_one_to_the_faster(monkeypatch):
    clock, made = [0.0], {}
    costs = {speed.PLAIN: 1.0, "autograd": 4.0, "manual": 2.0, speed.SPARSE: 20.0}
    costs |= {speed.LOOP: 1000.0, speed.AGAIN: 500.0}

    def takes(name, seconds, size):
        def step(rows):
            clock[0] += seconds * len(rows) / size
            made.setdefault(name, []).append(len(rows) // size)

        return step

    config = make_config(dataset="digits", neurons=H, depth=2, width=2, batch_size=100)
    steps = {name: takes(name, seconds, 100) for name, seconds in costs.items()}
    monkeypatch.setattr(speed, "_steps", lambda run, problem: steps)
    monkeypatch.setattr(speed.time, "perf_counter", lambda: clock[0])
    _, tables = speed.measure(config.to_dict(), rounds=2, pairs=20)
    numbers = tables["numbers"]
    assert numbers[["sparse", "batched", "itself"]].values.tolist() == [[50, 10, 2]] * 2
    shown = tables["speed"].set_index("variant")
    assert shown["to_plain"].to_dict() == {k: v for k, v in costs.items() if k != speed.AGAIN}
    assert shown["milliseconds"][speed.PLAIN] == 1000 and set(shown["h"]) == {H}
    pairs = {name: counts[1:] for name, counts in made.items()}  # the first one warms up
    slow = {name: [max(1, 20 // times)] * 2 for name, times in speed.SLOW.items()}
    assert pairs == {speed.PLAIN: [20, 20], "manual": [20, 20]} | slow
