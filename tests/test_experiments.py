"""The experiments and their engine, each against something known beforehand."""

import importlib
import json
import pkgutil
import sys
import textwrap
import time
import zipfile
from concurrent.futures.process import BrokenProcessPool
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from figure_checks import assert_labels_inside, assert_within_axes

import srnn.experiments
from srnn import paths
from srnn.analysis.dropout import dropout_test
from srnn.cli import main
from srnn.config import ConfigError, make_config
from srnn.experiments import baselines, experiments, longer, multiplication
from srnn.experiments.base import FIRST_SEED, Computation, Settings, drop_costs
from srnn.experiments.claims import Verdict, conclude, judge_all, premises
from srnn.experiments.engine import (
    _Work,
    chosen,
    judged_outcome,
    known_outcome,
    measure_run,
    outcome_of,
    run_experiments,
    saved_outcome,
)
from srnn.experiments.explain import conclusion
from srnn.experiments.instant import epoch_error
from srnn.experiments.limits import LIMITS, Limits
from srnn.experiments.multiplication import learn
from srnn.experiments.rivals import STUDY, Study
from srnn.experiments.scalars import bent_errors
from srnn.experiments.shipped import FOLDER, ship, shipped_outcome
from srnn.experiments.thinning import course
from srnn.experiments.trajectories import random_walk
from srnn.particles import (
    initial_weights,
    position_encoding,
    replication_loss,
    scalar_weights,
)
from srnn.presets import COMPARED, PRESETS
from srnn.runs import latest, list_runs, obtain, submit_command
from srnn.runs.results import load_result, remember, result_name
from srnn.tasks import load_task
from srnn.vocabulary import OTHER, ZERO

QUICK = Settings(quick=True, seeds=1)
LOG = [str(row) for row in range(1, 19)]
LATER = {"born-dead", "dead-outputs", "instant"}


def reproduce(names, settings, tell=None, workers=None):
    return run_experiments(chosen(names), settings, tell, workers)


# the registry and the settings


def test_the_log_comes_first_and_then_what_came_after_it():
    names = list(experiments())
    assert names[:18] == LOG and names[18:] == sorted(names[18:]) and set(names) > LATER
    for name, one in experiments().items():
        assert one.name == name and one.title and one.question.endswith("?") and one.help
        assert "\n" not in one.help and one.question[0].isupper() and one.help.endswith(".")
    assert [one.name for one in chosen(["instant", "3"])] == ["3", "instant"]


def test_quick_settings_use_digits_and_leave_untrained_what_is():
    config = QUICK.config(neurons=8, residual="none")
    assert (config.dataset, config.epochs, config.residual) == ("digits", 20, "none")
    assert QUICK.config(epochs=0).epochs == 0


def test_full_settings_train_every_seed_anew_in_its_own_order_of_the_data():
    configs = Settings(seeds=2).configs(neurons=4)
    expected = [make_config("2022-02", neurons=4, seed=s, data_seed=s) for s in (1, 2)]
    assert configs == expected and Settings().seeds == 5
    bundled = {run.run_id for run in list_runs() if run.bundled}
    assert bundled and not bundled & {config.run_id for config in configs}
    assert len(Settings(seeds=2).configs(least=3)) == 3


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
    path = paths.results_folder() / result_name("thing", {}) / "facts.json"
    path.write_text(path.read_text().replace('"value": 1', '"value": 2'))
    assert load_result("thing", {}) is None
    path.write_text(path.read_text()[:40])
    assert remember("thing", {}, lambda: ({"value": 3}, {}))[0].facts == {"value": 3}


# row 2


def test_drop_costs_are_before_minus_after_beside_as_many_at_random(small):
    run, _ = obtain(small.replace(epochs=8))
    mask = np.zeros(run.shape.particles, dtype=bool)
    mask[:40] = True
    costs, table = drop_costs(run.weights, {"some": mask, "nothing": mask & False}, run)
    task = load_task("digits")
    codes = np.where(mask, ZERO, OTHER).astype(np.uint8)
    test = dropout_test(run.weights, codes, task.x_test, task.y_test, run.shape)
    assert costs["some"] == pytest.approx(-test.set_index("type").loc["zero", "difference"])
    assert np.isnan(costs["nothing"]) and np.isnan(costs["nothing, at random"])
    assert table.set_index("group")["count"].to_dict() == {
        "some": 40,
        "some, at random": 40,
        "nothing": 0,
        "nothing, at random": 0,
    }


# row 3


def test_tanh_particles_would_make_the_scalar_weight_approximate():
    small = initial_weights(3, 5, 0) * 1e-3  # tanh is linear for small weights
    assert bent_errors(small).max() < 1e-9
    assert bent_errors(initial_weights(3, 5, 0) * 10).max() > 0.1


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


# rows 5, 7, 8


@pytest.mark.parametrize(
    ("particles", "relevance", "words"),
    [
        (0.0, 0.0, "No particle replicates"),
        (float("nan"), 0.0, "No particle replicates"),
        (0.5, 0.04, "divide the labour"),
        (0.5, 0.2, "Most of the answers"),
        (0.5, 0.5, "about as much"),
    ],
)
def test_what_is_said_about_relevance_follows_from_the_shares(particles, relevance, words):
    assert words in conclusion(particles, relevance)


def test_the_course_of_the_survivors_is_told_as_it_was():
    assert course(57, 1, 335, 1518) == (
        "Survivors fall from 1,518 to 57 by epoch 1, then grow to 335."
    )
    assert course(300, 200, 300, 1518).endswith("by epoch 200 and stay few.")
    assert course(1518, 0, 1518, 1518) == "No connection is lost: 1,518 of 1,518 survive."


def test_a_random_walk_has_the_real_lengths_and_other_directions():
    path = np.random.default_rng(0).normal(size=(5, 30, 4)).astype(np.float32).cumsum(0)
    walk = random_walk(path, 3)
    lengths = [np.linalg.norm(np.diff(one, axis=0), axis=1) for one in (path, walk)]
    np.testing.assert_allclose(*lengths, rtol=1e-3)
    assert (walk[0] == path[0]).all() and not np.allclose(walk[-1], path[-1])
    assert not np.isnan(random_walk(np.zeros((3, 5, 2), np.float32), 0)).any()


# the instant


def test_the_error_over_an_epoch_is_the_mean_over_its_steps(small):
    from srnn.experiments.instant import _batches, _continued

    run, _ = obtain(small)
    found = epoch_error(run)
    engine, total = _continued(run), np.zeros(run.shape.particles)
    encoding = torch.from_numpy(run.encoding)
    from srnn.particles import self_application

    for batch in _batches(run):
        engine.train(batch, run.config.batch_size, np.array([True]))
        weights = torch.from_numpy(engine.weights()[0])
        total += (self_application(weights, encoding) - weights).abs().amax(0).numpy()
    np.testing.assert_allclose(found, total / len(_batches(run)), rtol=1e-4, atol=1e-7)


# row 13


def test_a_continued_run_equals_the_uninterrupted_one(small):
    facts, _ = longer.compare_bits(small.to_dict(), small.replace(epochs=5).to_dict())
    assert facts["equal"] and facts["weights"] and facts["momentum"] and facts["records"]
    assert facts["continued_at"] == 3 and not facts["without_momentum"]
    bare = small.replace(momentum=0.0)  # nothing is lost where there is none
    facts, _ = longer.compare_bits(bare.to_dict(), bare.replace(epochs=5).to_dict())
    assert facts["equal"] and facts["without_momentum"]


# the engine: from the shell, in the background, one file an experiment


def test_a_row_without_training_is_reproduced_cached_and_drawn(capsys):
    assert main(["reproduce", "--quick", "--row", "10", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert {"row", "title", "claims", "verdict", "finding", "seconds"} <= set(row)
    assert (row["row"], row["verdict"], row["cached"]) == ("10", "quick: no verdict", False)
    assert {claim["verdict"] for claim in row["claims"]} == {"quick: no verdict"}
    (again,) = reproduce(["10"], QUICK)
    assert again.cached and again.outcome.finding == row["finding"]
    assert len(again.experiment.figure(again.outcome.tables).data)


NEW = """
    \"\"\"Larger alpha: does it kill more?

    Tried over seeds.
    \"\"\"

    from srnn.experiments.base import Experiment
    from srnn.experiments.claims import AFTER, At, Claim, at_least
    from srnn.figures.rows import claims


    def arms(settings):
        return {
            "alpha 100": settings.configs(neurons=4),
            "alpha 1": settings.configs(neurons=4, alpha=1.0),
            "no self-replication": settings.configs(neurons=4, goal="none"),
        }


    CLAIM = Claim(
        "share of replicators, alpha 100 less alpha 1",
        At("alpha 100", "replicators", At("alpha 1", "replicators")),
        At("no self-replication", "replicators", At("alpha 1", "replicators")),
        at_least(0.01, "one percent"), "pp", AFTER, ("it kills more", "it does not"),
    )
    EXPERIMENT = Experiment("larger-alpha", __doc__, arms, [CLAIM], claims)
"""


@pytest.fixture
def dropped_in(tmp_path, monkeypatch):
    """A new experiment: one file in the folder of the experiments, and no other edit."""
    folder = tmp_path / "more"
    folder.mkdir()
    text = textwrap.dedent(NEW)
    assert text.count("\n") < 80
    (folder / "larger_alpha.py").write_text(text)
    monkeypatch.setattr(srnn.experiments, "__path__", [*srnn.experiments.__path__, str(folder)])
    experiments.cache_clear()
    yield "larger-alpha"
    experiments.cache_clear()


def test_a_new_experiment_is_one_file(dropped_in, monkeypatch, capsys):
    monkeypatch.setattr(Settings, "config", _tiny_config)
    assert list(experiments())[-1] == dropped_in or dropped_in in experiments()
    options = ["--seeds", "2", "--jobs", "1", "--json"]
    assert main(["reproduce", "--row", dropped_in, *options]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["row"] == dropped_in and len(row["claims"]) == 1
    assert "no self-replication" in row["finding"]
    found = saved_outcome(experiments()[dropped_in], Settings(seeds=2))
    assert len(experiments()[dropped_in].figure(found.tables).data) == 2


def _tiny_config(self, **changes):
    size = {"dataset": "digits", "depth": 3, "width": 5, "batch_size": 100}
    asked = changes.get("epochs", 200)
    length = {"epochs": 4 if asked > 200 else min(asked, 2)}
    return make_config("2022-02", **{**size, **changes, **length})


@pytest.fixture(scope="module")
def tiny_runs(tmp_path_factory):
    """A cache that the rows share: what several need is trained once."""
    return tmp_path_factory.mktemp("tiny-runs")


@pytest.mark.parametrize("name", experiments())
def test_every_row_is_worked_out_and_drawn_from_tiny_runs(name, tiny_runs, monkeypatch):
    monkeypatch.setenv("SRNN_CACHE", str(tiny_runs))
    monkeypatch.setattr(Settings, "config", _tiny_config)
    monkeypatch.setattr(baselines, "width_for", lambda *_: 12)  # no network of 1,100 cells
    told = []
    (row,) = run_experiments(chosen([name]), QUICK, told.append, workers=1)
    assert not row.failed, row.outcome.verdict
    last = told[-1]
    assert told[0].total > 0 and (last.done, last.what) == (last.total, "done")
    one, tables = row.experiment, row.outcome.tables
    figure = one.figure(tables)
    assert len(figure.data) and one.data in tables
    assert_within_axes(figure)
    assert_labels_inside(figure)
    assert row.outcome.finding and len(tables["claims"]) == len(one.claims)
    for claim in one.claims if one.premise else ():  # what the claims speak of is measured
        for at in (claim.real, claim.placebo):
            assert at.key in tables["numbers"] and at.arm in set(tables["numbers"]["arm"])
    if name == "4":
        logits = tables["numbers"]
        assert logits["difference"].max() < 1e-4 < logits["difference_dealt"].min()


CORRUPTIONS = {
    "alpha 0": {"alpha": 0.0},
    "labels shuffled": {"labels": "shuffled"},
    "untrained": {"epochs": 0},
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_no_row_agrees_on_the_strength_of_a_broken_training(corruption, monkeypatch):
    """Every MetaNet of every row without self-replication, with nothing to learn, or untrained."""
    wrong = CORRUPTIONS[corruption]

    def broken(self, **changes):
        return _tiny_config(self, **{**changes, **wrong})

    monkeypatch.setattr(Settings, "config", broken)
    monkeypatch.setattr(baselines, "width_for", lambda *_: 12)
    settings = Settings(quick=True, seeds=2)
    names = [name for name, one in experiments().items() if one.premise]
    assert set(LOG) - set(names) == {"10", "17", "18"}  # no MetaNet is trained for these
    names.remove("selection")  # trains its own
    for row in reproduce(names, settings, workers=1):
        if row.failed:
            assert (corruption, row.experiment.name) == ("untrained", "13")  # nothing to train on
            continue
        numbers = row.outcome.tables["numbers"]
        judged = list(judge_all(row.experiment.claims, numbers).values())
        verdict, words = conclude(judged, premises(numbers, row.experiment.premise))
        assert verdict is Verdict.NOT_EVIDENCE, (row.experiment.name, words)


def test_a_full_run_judges_and_says_when_it_was_made(monkeypatch):
    """Two untrained epochs are not the log's network, and the rows must say so."""
    monkeypatch.setattr(Settings, "config", _tiny_config)
    for row in reproduce(["4", "11"], Settings(seeds=2), workers=1):
        assert row.outcome.verdict.startswith("not evidence")
        assert set(row.outcome.tables["claims"]["verdict"]) == {"not evidence"}
        assert (row.outcome.tables["claims"]["seeds"] == 2).all()
        assert row.outcome.made["seeds"] == 2 and row.outcome.made["at"]


def test_a_row_that_fails_says_why_and_the_others_go_on(monkeypatch):
    def broken(found):
        raise ArithmeticError("no luck")

    changed = experiments()["10"].__class__(
        **{**vars(experiments()["10"]), "name": "9", "finding": broken}
    )
    monkeypatch.setitem(experiments(), "9", changed)
    first, second = reproduce(["9", "10"], QUICK)
    assert first.failed and "no luck" in first.outcome.verdict
    assert not second.failed
    assert saved_outcome(changed, QUICK) is None  # a failure is not remembered


def test_a_killed_process_costs_its_rows_not_all_of_them(monkeypatch):
    monkeypatch.setattr(Settings, "config", _tiny_config)
    (done,) = reproduce(["4"], QUICK, workers=1)

    def dies(*_):
        raise BrokenProcessPool("a worker was killed")
        yield

    monkeypatch.setattr("srnn.experiments.engine.in_parallel", dies)
    four, ten = reproduce(["4", "10"], QUICK)
    assert four.outcome.verdict == done.outcome.verdict
    assert ten.failed and "was killed" in ten.outcome.verdict


def test_what_one_seed_lacks_is_only_missed_by_its_rows(monkeypatch, unwritable_seed):
    """One seed cannot be written, here or ever: the other seeds are trained all the same."""
    monkeypatch.setattr(Settings, "config", _tiny_config)
    (row,) = reproduce(["7"], Settings(seeds=3), workers=1)
    assert row.failed and "disk is full" in row.outcome.verdict
    found = {run.config.seed for run in list_runs() if not run.bundled}
    assert found == {1, 2, 3} - {unwritable_seed}


def test_a_diverged_run_is_left_out_and_named(monkeypatch):
    def wild(self, **changes):
        lr = {"lr": 10.0, "replication_lr": 10.0} if changes["seed"] == FIRST_SEED else {}
        return _tiny_config(self, **{**changes, **lr})

    monkeypatch.setattr(Settings, "config", wild)
    (row,) = reproduce(["16"], Settings(seeds=2), workers=1)
    assert set(row.outcome.tables["numbers"]["seed"]) == {2}
    assert "Diverged and left out: replicate itself, seed 1" in row.outcome.finding


def test_an_unknown_row_is_refused():
    with pytest.raises(ConfigError, match="no experiment '19'; rows: 1, 2"):
        list(reproduce(["19"], QUICK))
    assert main(["reproduce", "--row", "19"]) == 2


def test_another_claim_or_setting_is_another_outcome():
    one = experiments()["10"]
    changed = one.__class__(**{**vars(one), "claims": one.claims[:1]})
    keys = [one.key(QUICK), one.key(Settings()), changed.key(QUICK)]
    assert len({json.dumps(key, sort_keys=True) for key in keys}) == 3


def numbers_of_many(seeds):
    return {}, {"numbers": pd.DataFrame({"arm": "b", "seed": range(seeds), "x": 1.0})}


def test_a_computation_may_speak_of_many_seeds_and_arms():
    one = experiments()["10"]
    piece = Computation("many", numbers_of_many, {"seeds": 3})
    own = one.__class__(
        **{**vars(one), "name": "many", "arms": lambda _: {"a": [piece]}, "claims": ()}
        | {"finding": lambda found: [], "premise": ()}
    )
    numbers = outcome_of(own, QUICK).tables["numbers"]
    assert numbers["arm"].tolist() == ["b"] * 3 and numbers["seed"].tolist() == [0, 1, 2]


def test_all_workers_that_are_asked_for_are_given_and_no_more(monkeypatch):
    seen = []

    def one_by_one(function, jobs, workers):
        seen.append(workers)
        return ((index, function(job)) for index, job in enumerate(jobs))

    monkeypatch.setattr("srnn.experiments.engine.in_parallel", one_by_one)
    monkeypatch.setattr(Settings, "config", _tiny_config)
    outcome_of(experiments()["dead-outputs"], QUICK, workers=3)
    outcome_of(experiments()["17"], QUICK, workers=3)
    assert seen == [3, 3, 1]  # trainings, what needs them; timings alone


def test_the_time_left_is_told_by_the_work_that_is_left(monkeypatch):
    told, clock = [], [100.0]
    monkeypatch.setattr("srnn.experiments.engine.time.perf_counter", lambda: clock[0])
    work = _Work([], QUICK, told.append, 1)
    work.cost, work.cost_done, clock[0] = 100.0, 25.0, 110.0
    work.report("this")  # a quarter took 10 s
    work.cost_done, clock[0] = 10.0, 130.0
    work.report("that")  # a tenth took 30 s
    work.cost_done, clock[0] = 99.9, 101.0
    work.report("end")
    assert [now.what for now in told] == ["this", "that", "end"]
    assert [now.remaining for now in told[:2]] == [30, 270] and told[2].remaining is None


def test_what_a_computation_needs_is_trained_before_in_one_chain(monkeypatch):
    monkeypatch.setattr(Settings, "config", _tiny_config)
    work = _Work(chosen(["13"]), QUICK, lambda *_: None, 1)
    chains = [job for job in work.jobs.values() if job.stage == 0]
    (both,) = (job.needs for job in work.jobs.values() if job.kept and len(job.needs) == 2)
    assert [one.epochs for one in both] == [2, 4] and [job.needs for job in chains] == [both]
    assert {job.stage for job in work.jobs.values()} == {0, 1}


def test_replicators_are_zeros_and_identities_and_a_stopped_run_says_only_that():
    records = pd.DataFrame({"test_accuracy": [0.1, 0.9], "zero": [0, 30], "identity": [5, 10]})
    run = SimpleNamespace(stopped="", records=records, shape=SimpleNamespace(particles=100))
    facts, tables = measure_run(lambda run: ({"more": 1.0}, {"table": records}), run)
    assert facts == {"accuracy": 0.9, "replicators": 0.4, "more": 1.0} and "table" in tables
    run.stopped = "epoch 2"
    assert measure_run(lambda run: ({}, {}), run) == ({"stopped": "epoch 2"}, {})


# outcomes that come with the package


def test_a_shipped_outcome_comes_back_as_it_was_and_only_for_its_settings(tmp_path):
    (row,) = reproduce(["10"], QUICK)
    one = row.experiment
    ship(one, QUICK, row.outcome, tmp_path)
    found = shipped_outcome(one, QUICK, tmp_path)
    assert (found.verdict, found.finding, found.made) == (
        row.outcome.verdict,
        row.outcome.finding,
        row.outcome.made,
    )
    for name, table in row.outcome.tables.items():
        pd.testing.assert_frame_equal(found.tables[name], table, check_dtype=False)
    assert shipped_outcome(one, Settings(), tmp_path) is None
    (tmp_path / "10.zip").write_bytes(b"nonsense")
    assert shipped_outcome(one, QUICK, tmp_path) is None


@pytest.mark.parametrize("name", sorted(file.stem for file in FOLDER.glob("*.zip")))
def test_what_is_shipped_is_said_by_the_claims_and_sentences_of_today(name):
    asked = {
        "rivals": (STUDY, Study(PRESETS[COMPARED].config)),
        "limits": (LIMITS, Limits()),
    }
    one, settings = asked.get(name) or (experiments()[name], Settings())
    found = known_outcome(one, settings)
    assert found is not None, "made by older claims; reproduce --ship"
    again = judged_outcome(one, found.tables, found.made)
    assert found.verdict == again.verdict and found.finding.startswith(again.finding)
    old = {key: table for key, table in found.tables.items() if key != "claims"}
    anew = judged_outcome(one, old, found.made).tables["claims"].to_csv()
    assert found.tables["claims"].to_csv() == again.tables["claims"].to_csv() == anew
    assert len(one.figure(found.tables).data)


@pytest.mark.parametrize("name", experiments())
def test_the_claims_are_those_from_before_the_shipped_run(name, monkeypatch):
    """Made anew, as at the first import, they read as when the run was asked for."""
    module = next(
        f"srnn.experiments.{one.name}"
        for one in pkgutil.iter_modules(srnn.experiments.__path__)
        if getattr(sys.modules[f"srnn.experiments.{one.name}"], "EXPERIMENT", None)
        is experiments()[name]
    )
    short = module.rpartition(".")[2]
    monkeypatch.setattr(srnn.experiments, short, sys.modules[module])  # put back afterwards
    monkeypatch.delitem(sys.modules, module)
    again = importlib.import_module(module).EXPERIMENT
    with zipfile.ZipFile(FOLDER / f"{name}.zip") as file:
        key = json.loads(file.read("outcome.json"))["key"]
    assert repr(again.claims) == key["claims"]
    monkeypatch.undo()
    assert sys.modules[module].EXPERIMENT is experiments()[name]


def test_the_log_is_reproduced_in_the_background_and_watched_from_outside(monkeypatch):
    monkeypatch.setenv("SRNN_JOBS", "1")
    job_id = submit_command(["reproduce", "--quick", "--row", "10"], rows=["10"])
    assert submit_command(["reproduce", "--quick", "--row", "10"], rows=["10"]) == job_id
    end = time.monotonic() + 120
    while (job := latest("reproduce")).active:
        assert time.monotonic() < end, job
        time.sleep(0.2)
    assert (job.id, job.state, job.request.asked) == (job_id, "finished", {"rows": ["10"]}), job.log
    assert job.progress.share == 1.0
    assert saved_outcome(experiments()["10"], QUICK) is not None
