"""The research log's experiments, each against something known beforehand."""

from __future__ import annotations

import json
import time
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pandas as pd
import pytest
import torch

from srnn import paths
from srnn.analysis.dropout import dropout_test
from srnn.cli import main
from srnn.config import ConfigError, make_config
from srnn.experiments import EXPERIMENTS, Settings, longer, multiplication
from srnn.experiments.base import Check, judge, percent, points, spread
from srnn.experiments.membership import constant_pixels
from srnn.experiments.multiplication import learn
from srnn.experiments.reproduce import reproduce, saved_outcome
from srnn.experiments.scalars import bent_errors
from srnn.figures.experiments import FIGURES, row_figure
from srnn.fixpoints import IDENTITY, OTHER, ZERO
from srnn.jobs.background import REPRODUCTION
from srnn.jobs.parallel import in_parallel
from srnn.metanet import MacroShape
from srnn.particles import (
    initial_weights,
    position_encoding,
    replication_loss,
    scalar_weights,
)
from srnn.store import list_runs
from srnn.store.results import load_result, remember, result_name
from srnn.tasks import load_task

QUICK = Settings(quick=True, seeds=1)


# the registry, bands and verdicts


def test_rows_1_to_17_are_registered_once_each_with_a_figure_and_words():
    assert list(EXPERIMENTS) == list(range(1, 18)) == sorted(FIGURES)
    for row, one in EXPERIMENTS.items():
        assert one.row == row and one.title and one.question.endswith("?")
        assert one.help and one.expected and "fixed point" not in one.help


def test_quick_settings_use_digits_and_make_no_verdict():
    config = QUICK.config(neurons=8, residual="none")
    assert (config.dataset, config.epochs, config.residual) == ("digits", 20, "none")
    assert QUICK.verdict("agrees") == "quick: no verdict"
    assert Settings().verdict("agrees") == "agrees"


def test_full_settings_are_the_presets_of_the_log():
    assert Settings().config(neurons=4) == make_config("2022-02", neurons=4)
    assert [config.seed for config in Settings(seeds=2).configs(neurons=4)] == [0, 1]


def test_a_check_compares_the_mean_with_a_closed_band():
    assert Check("", "", 1, 2, "", [0.0, 4.0]).agrees  # the mean, 2, is on the edge
    assert not Check("", "", 1, 2, "", [2.0, 2.1]).agrees
    assert not Check("", "", 0, 1, "", []).agrees  # every run diverged


def test_an_optional_check_is_named_but_does_not_decide():
    good, bad = Check("a", "", 0, 1, "", [0.5]), Check("b", "", 0, 1, "", [7.0], required=False)
    assert judge([good]) == "agrees"
    assert judge([good, bad]) == "agrees; but differs in b"
    assert judge([good, Check("c", "", 0, 1, "", [7.0])]) == "differs: c"


def test_spreads_show_mean_and_range():
    assert spread([1.0, 2.0]) == "1.500 (1.000 to 2.000)"
    assert percent([0.5]) == "50.0 %" and points([-0.001]) == "-0.10 pp"
    assert percent([0.5, 0.6]) == "55.0 % (50.0 to 60.0)"
    assert spread([]) == percent([]) == "nothing (diverged)"


# results: computed once, never taken for another


def test_a_result_is_computed_once_and_comes_back_as_it_was():
    table = pd.DataFrame({"a": [1, 2], "b": [0.1, np.nan], "c": ["x", "y"], "d": [True, False]})
    calls = []

    def compute():
        calls.append(1)
        return {"fact": 3}, {"table": table}

    _, cached = remember("thing", {"n": 1}, compute)
    again, cached_now = remember("thing", {"n": 1}, compute)
    assert (cached, cached_now, len(calls)) == (False, True, 1)
    assert again.facts == {"fact": 3}
    pd.testing.assert_frame_equal(again.tables["table"], table)
    assert load_result("thing", {"n": 2}) is None


def test_a_damaged_result_is_computed_again():
    remember("thing", {}, lambda: ({"value": 1}, {}))
    path = paths.result_file(result_name("thing", {}))
    path.write_text(path.read_text().replace('"value": 1', '"value": 2'))
    assert load_result("thing", {}) is None
    path.write_text(path.read_text()[:40])
    assert remember("thing", {}, lambda: ({"value": 3}, {}))[0].facts == {"value": 3}


def test_pieces_in_parallel_are_all_done_under_their_own_index():
    assert dict(in_parallel(abs, [-1, 2, -3], workers=2)) == {0: 1, 1: 2, 2: 3}
    assert dict(in_parallel(abs, [-1], workers=1)) == {0: 1}


# row 2


def test_replicators_that_carry_no_task_weight_lose_nothing_when_dropped():
    """A MetaNet by hand: half its particles are zero or identities with v4 = 0, half work."""
    shape, h = MacroShape(64, 2, 4, 10), 3
    weights = initial_weights(h, shape.particles, 1)
    weights[:, ::4] = 0
    one = np.zeros(len(weights), np.float32)  # w -> w: v = (1, 0, 0, 0, 0)
    one[0], one[5 * h], one[5 * h + h * h] = 1, 1, 1
    weights[:, 1::4] = one[:, None]
    codes = np.full(shape.particles, OTHER, np.uint8)
    codes[::4], codes[1::4] = ZERO, IDENTITY
    assert not scalar_weights(torch.from_numpy(weights))[1::4].any()
    task = load_task("digits")
    test = dropout_test(weights, codes, task.x_test, task.y_test, shape).set_index("type")
    assert test.loc["zero", "difference"] == test.loc["identity", "difference"] == 0
    assert test.loc["other", "accuracy"] < 0.2


# row 3


def test_tanh_particles_would_make_the_scalar_weight_approximate():
    small = initial_weights(3, 5, 0) * 1e-3  # tanh is linear for small weights
    assert bent_errors(small).max() < 1e-9
    assert bent_errors(initial_weights(3, 5, 0) * 10).max() > 0.1


# row 6


def test_constant_pixels_are_those_that_hardly_vary():
    x = np.zeros((100, 3), np.float32)
    x[::2, 1], x[0, 2] = 1, 0.1
    assert constant_pixels(x).tolist() == [True, False, True]


# row 10


def _sgd(weights, buffer, gradient, lr):
    buffer.mul_(0.9).add_(gradient)
    return (weights - lr * buffer).detach()


@pytest.mark.parametrize("mode", multiplication.MODES)
def test_the_sanity_check_equals_autograd_on_single_particles(mode):
    """Two sizes at once, two batches, against one particle after the other with autograd."""
    ends = learn(mode, [2, 4], 2, epochs=1, batches=2, steps=3)[1]["curves"].set_index(
        ["h", "seed"]
    )
    squares = np.random.default_rng(0).chisquare(multiplication.BATCH, 2) / multiplication.BATCH
    for h in (2, 4):
        encoding = torch.from_numpy(position_encoding(h))
        for seed in (0, 1):
            weights = torch.from_numpy(initial_weights(h, 2, 0)[:, seed : seed + 1].copy())
            task_buffer = torch.zeros_like(weights)
            for square in squares:
                left, own_buffer = torch.zeros_like(weights), torch.zeros_like(weights)
                for _ in range(3):
                    left = _replication_gradient(weights, encoding, coupled=mode == "log")
                    if mode == "log":
                        weights = _sgd(weights, own_buffer, left, 0.0004)
                    else:
                        weights = _sgd(weights, task_buffer, left, 0.008)
                weights.requires_grad_()
                loss = (scalar_weights(weights)[0] - 0.03) ** 2 * float(square)
                gradient = torch.autograd.grad(loss, weights)[0] + (left if mode == "log" else 0)
                weights = _sgd(weights.detach(), task_buffer, gradient, 0.008)
            learned = float(scalar_weights(weights)[0])
            assert ends.loc[(h, seed), "learned"] == pytest.approx(learned, abs=1e-5)


def _replication_gradient(weights, encoding, coupled):
    weights = weights.detach().requires_grad_()
    if coupled:
        loss = replication_loss(weights, encoding).sum()
    else:
        from srnn.particles import composite

        v, fixed = composite(weights), weights.detach()
        answer = fixed * v[0] + encoding @ v[1:4]
        loss = (answer - fixed).square().mean()
    return torch.autograd.grad(loss, weights)[0]


def test_a_particle_replicates_and_multiplies_in_clean_mode():
    ends = learn("clean", [2, 3], 3, epochs=10)[1]["ends"]
    assert (ends["type"] == "identity").all() and (ends["error"] < 1e-5).all()


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="log, clean"):
        learn("dirty", [2], 1)


# row 13


def test_a_continued_run_equals_the_uninterrupted_one(small):
    facts, _ = longer.compare_bits(small.to_dict(), small.replace(epochs=5).to_dict())
    assert facts["equal_weights"] and facts["equal_momentum"] and facts["equal_records"]
    assert (facts["continued_at"], facts["epochs"]) == (3, 5)


# reproduce, from the shell and in the background


def test_a_row_without_training_is_reproduced_cached_and_drawn(capsys):
    assert main(["reproduce", "--quick", "--row", "10", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert {"row", "title", "expected", "obtained", "verdict", "seconds"} <= set(row)
    assert (row["row"], row["verdict"], row["cached"]) == (10, "quick: no verdict", False)
    (again,) = reproduce([10], QUICK)
    assert again.cached and again.outcome.obtained == row["obtained"]
    assert len(row_figure(10, again.outcome.tables).data)


def _tiny_config(self, **changes):
    size = {"dataset": "digits", "depth": 3, "width": 5, "batch_size": 100}
    length = {"epochs": 4 if changes.get("epochs", 0) > 200 else 2}
    return make_config("2022-02", **{**size, **changes, **length})


def test_every_row_is_worked_out_and_drawn_from_tiny_runs(monkeypatch):
    monkeypatch.setattr(Settings, "config", _tiny_config)
    rows = {row.experiment.row: row for row in reproduce(None, QUICK, workers=1)}
    assert list(rows) == list(range(1, 18))
    assert not any(row.failed for row in rows.values()), [
        row.outcome.verdict for row in rows.values()
    ]
    for number, row in rows.items():
        assert len(row_figure(number, row.outcome.tables).data)
        assert row.outcome.obtained and row.outcome.finding
        assert FIGURES[number][0] in row.outcome.tables
    logits = rows[4].outcome.tables["collapse"]
    assert logits["difference"].max() < 1e-4
    assert set(logits["activation"]) == {"none", "relu", "tanh"}
    assert rows[13].outcome.tables["equality"]["equal_weights"].all()
    # shared trainings: seven sizes, the note's, no residual, three goals, the longer one
    assert len(list(paths.runs_folder().iterdir())) == 13


def test_bands_are_judged_in_full_mode(monkeypatch):
    """Two untrained epochs are not the log's network, and the rows must say so."""
    monkeypatch.setattr(Settings, "config", _tiny_config)
    rows = {row.experiment.row: row for row in reproduce([4, 11], Settings(seeds=2), workers=1)}
    assert rows[4].outcome.verdict == "agrees"
    assert rows[11].outcome.verdict.startswith("differs")
    checks = rows[11].outcome.tables["checks"]
    assert {"log", "band_low", "band_high", "obtained", "source"} <= set(checks)
    assert (checks["seeds"] == 2).all()


def test_a_row_that_fails_says_why_and_the_others_go_on(monkeypatch):
    def broken(settings, given):
        raise ArithmeticError("no luck")

    changed = EXPERIMENTS[9].__class__(**{**vars(EXPERIMENTS[9]), "evaluate": broken})
    changed = changed.__class__(
        **{**vars(changed), "configs": lambda _: [], "computations": lambda _: []}
    )
    monkeypatch.setitem(EXPERIMENTS, 9, changed)
    first, second = reproduce([9, 10], QUICK)
    assert first.failed and "no luck" in first.outcome.verdict
    assert not second.failed
    assert saved_outcome(changed, QUICK) is None  # a failure is not remembered


def test_a_killed_process_costs_its_rows_not_all_of_them(monkeypatch):
    monkeypatch.setattr(Settings, "config", _tiny_config)
    (done,) = reproduce([4], QUICK, workers=1)

    def dies(*_):
        raise BrokenProcessPool("a worker was killed")
        yield

    monkeypatch.setattr("srnn.experiments.reproduce.in_parallel", dies)
    four, ten = reproduce([4, 10], QUICK)
    assert four.outcome.verdict == done.outcome.verdict
    assert ten.failed and "was killed" in ten.outcome.verdict
    monkeypatch.undo()


def test_what_one_seed_lacks_is_only_missed_by_its_rows(monkeypatch, unwritable_seed):
    """Row 2's seed 1 cannot be written, here or ever: the other seeds are trained all the same."""
    monkeypatch.setattr(Settings, "config", _tiny_config)
    settings = Settings(seeds=3)
    (row,) = reproduce([2], settings, workers=1)
    assert row.failed and "disk is full" in row.outcome.verdict
    found = {run.config.seed for run in list_runs() if not run.bundled}
    assert found == {0, 1, 2} - {unwritable_seed}


def test_an_unknown_row_is_refused():
    with pytest.raises(ConfigError, match="row 18; rows: 1 to 17"):
        list(reproduce([18]))
    assert main(["reproduce", "--row", "18"]) == 2


def test_the_log_is_reproduced_in_the_background_and_watched_from_outside(monkeypatch):
    monkeypatch.setenv("SRNN_JOBS", "1")
    assert REPRODUCTION.status() is None
    REPRODUCTION.start(["reproduce", "--quick", "--row", "10"], rows=[10])
    with pytest.raises(RuntimeError, match="running already"):
        REPRODUCTION.start(["reproduce", "--quick", "--row", "10"], rows=[10])
    state = _wait_for("finished")
    assert (state.asked, state.share) == ({"rows": [10]}, 1.0)
    assert saved_outcome(EXPERIMENTS[10], QUICK) is not None


def test_a_reproduction_can_be_cancelled_and_its_processes_end(monkeypatch):
    monkeypatch.setenv("SRNN_JOBS", "1")
    REPRODUCTION.start(["reproduce", "--row", "9"], rows=[9])
    REPRODUCTION.cancel()
    assert REPRODUCTION.status().state == "cancelled"
    REPRODUCTION.start(
        ["reproduce", "--quick", "--row", "10"], rows=[10]
    )  # and another one started
    REPRODUCTION.cancel()


def _wait_for(state):
    end = time.monotonic() + 60
    while (found := REPRODUCTION.status()).state != state:
        assert found.state == "running" and time.monotonic() < end, found
        time.sleep(0.2)
    return found
