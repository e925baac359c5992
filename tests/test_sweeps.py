"""Sweeps: what a file means, that nothing is lost or repeated, and where a map is refined."""

import argparse
import contextlib
import io
import json
import math
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import psutil
import pytest
import yaml
from sets import write_set

from srnn.analysis.contour import SURE, Contour
from srnn.cli import main
from srnn.cli.sweep import _workers
from srnn.config import ConfigError, RunConfig, describe
from srnn.runs import get_run
from srnn.runs.lock import Lock
from srnn.runs.share import import_run
from srnn.runs.worker import slots
from srnn.sweeps import live
from srnn.sweeps.driver import save_table, sweep
from srnn.sweeps.local import LocalWorkers
from srnn.sweeps.measures import MEASURES
from srnn.sweeps.outlook import look_ahead
from srnn.sweeps.plan import Plan, Range, make_plan, parse_plan, read_plan
from srnn.sweeps.refine import Refinement
from srnn.sweeps.work import VersionsDiffer, do, make_task, together, versions
from srnn.tasks import DataError, resolve

ROOT = Path(__file__).resolve().parent.parent
QUICK = {"dataset": "digits", "epochs": 1, "depth": 3, "width": 3, "batch_size": 400}


def plan(**sections: dict) -> Plan:
    return make_plan({"base": QUICK} | sections)


def test_a_grid_is_every_combination_with_every_seed():
    found = plan(grid={"alpha": [1, 10], "neurons": [2, 4, 8], "seed": [5, 6]}).runs()
    assert len(found) == len(set(found)) == 12
    assert {(c.alpha, c.neurons, c.seed) for c in found} == {
        (alpha, neurons, seed) for alpha in (1.0, 10.0) for neurons in (2, 4, 8) for seed in (5, 6)
    }
    assert {c.epochs for c in found} == {1}


def test_a_learning_rate_that_varies_takes_the_replication_rate_along():
    assert {c.replication_lr for c in plan(grid={"lr": [0.1, 0.2]}).runs()} == {0.1, 0.2}
    apart = make_plan({"base": QUICK | {"replication_lr": 0.5}, "grid": {"lr": [0.1]}})
    assert apart.runs()[0].replication_lr == 0.5


def test_every_field_of_a_run_can_be_swept():
    """Whatever the configuration has: in a grid, a random sample, and as an axis of a map."""
    for name, value in dict(RunConfig()).items():
        if name in ("dataset", "dataset_digest", "seed"):
            continue
        assert getattr(plan(grid={name: [value]}).runs()[0], name) == value
        assert getattr(plan(random={name: [value], "count": 1}).runs()[0], name) == value
        about = describe(name)
        if type(value) in (int, float):
            ends = {"low": about["low"], "high": about["high"]}
            other = "lr" if name == "alpha" else "alpha"
            asked = {name: ends, other: [0.1, 1], "measure": "drop_cost", "budget": 4}
            assert plan(map=asked).varied[name].at(0.0) == about["low"]


def test_a_random_sample_stays_in_its_ranges_and_is_the_same_again():
    asked = {"alpha": [0.1, 1000], "neurons": [2, 9], "activation": ["none", "relu"], "count": 200}
    found = plan(random=asked).runs()
    assert found == plan(random=asked).runs()
    alphas = np.array([c.alpha for c in found])
    assert 0.1 <= alphas.min() < 0.2 and 500 < alphas.max() <= 1000
    assert abs(np.median(np.log10(alphas)) - 1) < 0.3  # spread by ratios: the middle is 10
    assert {c.neurons for c in found} == set(range(2, 10))
    assert {c.activation for c in found} == {"none", "relu"}


def test_a_range_is_logarithmic_from_two_decades_on_unless_said():
    def ranges(values):
        return plan(random={"alpha": values, "count": 1}).varied["alpha"]

    assert ranges([1, 100]).log and not ranges([1, 99]).log and not ranges([0, 100]).log
    assert not ranges({"low": 1, "high": 100, "log": False}).log
    assert ranges({"low": 1, "high": 2, "log": True}).log


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_share_is_the_inverse_of_at(share):
    for one in (Range(1, 1000, True, False), Range(-1, 3, False, False)):
        assert one.share(one.at(share)) == pytest.approx(share)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({}, "one of the sections"),
        ({"grid": {"alpha": [1]}, "random": {"count": 1}}, "one of the sections"),
        ({"grid": {"alpah": [1]}}, "did you mean alpha"),
        ({"grid": {"alpha": 1}}, "expected a list"),
        ({"grid": {"alpha": [-1]}}, "alpha = -1"),
        ({"grid": {"alpha": [1], "seed": ["a"]}}, "seed"),
        ({"random": {"alpha": [1, 2]}}, "lacks count"),
        ({"random": {"alpha": [2, 1], "count": 3}}, "lower one first"),
        ({"random": {"alpha": [0, 1e9], "count": 3}}, "must be from"),
        ({"random": {"alpha": {"low": 0, "high": 1, "log": True}, "count": 3}}, "above 0"),
        ({"map": {"alpha": [1, 2], "measure": "drop_cost", "budget": 9}}, "exactly two fields"),
        ({"map": {"alpha": [1, 2], "lr": [0.1, 1], "budget": 9}}, "lacks measure"),
        (
            {"map": {"alpha": [1, 2], "lr": [0.1, 1], "budget": 9, "measure": "drop_price"}},
            "drop_cost",
        ),
        ({"grid": {"alpha": list(range(2000)), "width": list(range(1, 1001))}}, "2,000,000 runs"),
        ({"grids": {}}, "unknown section"),
        ({"grid": {"alpha": [[1]]}}, "numbers or texts"),
        ({"grid": {}, "title": "turned \u202e round"}, "title"),
        ({"grid": {}, "title": ["a"]}, "title"),
        ({"random": {"alpha": [0, 10**400], "count": 3}}, "must be from"),
        ({"random": {"alpha": {"low": 5e-324, "high": 1, "log": True}, "count": 3}}, "above 0"),
        ({"random": {"alpha": {"low": 1, "high": 2, "log": "no"}, "count": 3}}, "true or false"),
        ({"random": {"alpha": [1, 2], "count": 3, "sample_seed": -1}}, "out of range"),
        ({"random": {"alpha": [1, 2], "count": 3, "seed": [-1]}}, "seed = -1"),
        ({"random": {"activation": ["none", "loud"], "count": 3}}, "activation"),
        ({"base": QUICK | {"preset": ["quick"]}, "grid": {}}, "expected a name"),
        ({"measures": {"test_accuracy": "a:b"}, "grid": {}}, "is taken"),
        ({"measures": {"=1+1": "a:b"}, "grid": {}}, "is none"),
        ({"measures": {"mine": "a.b"}, "grid": {}}, "module:function"),
        ({"random": {"alpha": [1, 2], "count": 0}}, "0 runs"),
        (
            {
                "map": {"alpha": [1, 2], "lr": [0.1, 1], "measure": "drop_cost"}
                | {"budget": 1, "seed": [0, 1]}
            },
            "budget of 1 runs",
        ),
        ({"grid": 3}, "must be a section"),
        ({"grid": {}}, "is empty"),
        ({"random": {"alpha": [1, 2], "count": "3"}}, "count = '3': expected a whole number"),
    ],
)
def test_what_is_no_plan_is_refused_with_what_may_stand_there(sections, message):
    with pytest.raises(ConfigError, match=message):
        plan(**sections)


@pytest.mark.parametrize(
    "text",
    [
        "[grid\n",
        "a = " + "[" * 50_000,
        "a" + ".a" * 50_000 + " = 1",  # would take Python's reader a minute and 9 GB
        "[grid]\nalpha = [" + "9" * 5000 + "]",
        "[grid]\nalpha = [1]\n" + "#" * 600_000,
        "[grid]\ndataset = ['digits', 'nowhere']",
    ],
)
def test_a_text_that_is_no_plan_is_refused(text):
    with pytest.raises(ConfigError):
        parse_plan(text)


def test_a_plan_is_read_from_a_plain_file_only(tmp_path):
    os.mkfifo(tmp_path / "plan.toml")
    for path in (tmp_path / "plan.toml", Path("/dev/zero"), tmp_path):
        with pytest.raises(OSError):
            read_plan(path)


@pytest.mark.parametrize(
    "words",
    [
        ["sweep", "FILE", "--workers", "-3"],
        ["sweep", "FILE", "--scheduler", "file:///etc/passwd"],
        ["sweep", "FILE", "--scheduler", "junk"],
        ["particles", "soup", "--seed", "-1"],
    ],
)
def test_options_out_of_range_are_wrong_usage(tmp_path, words, capsys):
    file = tmp_path / "plan.toml"
    file.write_text("[base]\ndataset = 'digits'\n[grid]\nalpha = [1]\n")
    assert main([str(file) if word == "FILE" else word for word in words]) == 2
    assert capsys.readouterr().err.startswith("srnn: ")


def test_a_million_runs_are_counted_without_making_them(monkeypatch):
    many = plan(grid={"alpha": list(range(1000)), "seed": list(range(1000))})
    sample = plan(random={"activation": ["none", "relu"], "count": 100_000, "seed": [0, 1]})
    assert plan(random={"neurons": [2, 3], "count": 50}).total() == 2
    monkeypatch.setattr(Plan, "configs", lambda *_: pytest.fail("a run was made"))
    assert (many.total(), sample.total()) == (10**6, 4)


def test_other_data_have_another_fingerprint(tmp_path):
    """Of the base's data the fingerprint stays; of a point's it is that point's."""
    write_set(tmp_path / "images")
    base = QUICK | {"dataset": str(tmp_path / "images")}
    runs = make_plan({"base": base, "grid": {"size": [15, 8], "seed": [0, 1]}}).runs()
    digests = [run.dataset_digest for run in runs]
    assert len(set(digests)) == 2 and digests[0] == digests[1]
    assert runs[2] == resolve(runs[2])


class Pretended:
    """Workers that answer at once with a made-up measure, in order of arrival."""

    def __init__(self, measure, workers: int = 3) -> None:
        self.workers = self.ahead = workers
        self.measure, self.tasks, self.done = measure, [], 0

    def submit(self, task):
        self.tasks.append(task)
        assert len(self.tasks) <= self.workers + 16, "more than a few under way"

    def next(self):
        task = self.tasks.pop(0)
        self.done += 1
        row = dict.fromkeys(MEASURES, 0.5) | {"drop_cost": self.measure(task["config"])}
        row |= {"run_id": task["run_id"], **task["config"], "stopped": "", "seconds": 0.1}
        answer = {"run_id": task["run_id"], "row": row}
        return answer | {"cached": False}


def test_what_is_done_is_never_done_again_and_a_wider_sweep_does_the_rest(cache):
    workers = Pretended(lambda config: config["alpha"])
    first = sweep(plan(grid={"alpha": [1, 2], "seed": [0, 1]}), workers)
    assert (workers.done, first.progress.cached) == (4, 0)
    wider = sweep(plan(grid={"alpha": [1, 2, 3], "seed": [0, 1]}), workers)
    assert (workers.done, wider.progress.cached, wider.progress.done) == (6, 4, 6)
    table = wider.table()
    assert sorted(table["drop_cost"]) == [1, 1, 2, 2, 3, 3]
    assert (table["drop_cost"] == table["alpha"]).all()


def test_a_run_that_fails_is_named_and_the_others_are_there(cache):
    class Failing(Pretended):
        def next(self):
            answer = super().next()
            failed = self.done == 2
            return {"run_id": answer["run_id"], "error": "no luck"} if failed else answer

    found = sweep(plan(grid={"alpha": [1, 2, 3]}), Failing(lambda config: 0))
    assert (found.progress.done, found.progress.failed, len(found.table())) == (3, 1, 3)
    assert list(found.errors.values()) == ["no luck"]
    (failed,) = found.table().query("error != ''").itertuples()
    assert (failed.error, failed.alpha) == ("no luck", 2) and math.isnan(failed.drop_cost)
    again = sweep(plan(grid={"alpha": [1, 2, 3]}), Pretended(lambda config: 0))
    assert (again.progress.cached, again.progress.failed, len(again.table())) == (2, 0, 3)


def refined(measure, budget: int, level: float | None) -> pd.DataFrame:
    asked = {"alpha": [0.1, 1000], "lr": [0.001, 0.1], "measure": "drop_cost", "budget": budget}
    sections = asked if level is None else asked | {"level": level}
    return sweep(plan(map=sections), Pretended(measure)).table()


def curve(config) -> float:
    """Rises from 0 to 1 over a curved front: 0.5 where log alpha = 1 + sin(2 log lr)."""
    x, y = math.log10(config["alpha"]), math.log10(config["lr"])
    return 1 / (1 + math.exp(-4 * (x - 1 - math.sin(2 * y))))


def step(config) -> float:
    return float(math.log10(config["alpha"]) > 1.03)


def slanted(config) -> float:
    """A jump along a straight line, from nothing to less than all."""
    return 0.8 * (math.log10(config["alpha"]) + math.log10(config["lr"]) > -1.1)


def ridge(config) -> float:
    """Two contours."""
    return 0.9 * (0.3 < math.log10(config["alpha"]) < 2.1)


@pytest.mark.parametrize(
    ("measure", "places"),
    [
        (curve, lambda y: [1 + math.sin(2 * y)]),
        (lambda config: (math.log10(config["alpha"]) + 1) / 4, lambda y: [1.0]),
        (step, lambda y: [1.03]),
        (slanted, lambda y: [-1.1 - y]),
        (ridge, lambda y: [0.3, 2.1]),
    ],
    ids=["curve", "plane", "step", "slanted", "ridge"],
)
def test_a_contour_of_a_refined_map_is_where_it_was_planted(measure, places, cache):
    """Budget: 15 % of a 32 x 32 grid's runs; 0.05 decades of error at the most, and the place is in
    the band."""
    table = refined(measure, 153, 0.5)
    assert len(table) == 153
    unit = (np.log10(table[["alpha", "lr"]].to_numpy()) - (-1, -3)) / (4, 2)
    contour = Contour(unit, table["drop_cost"].to_numpy(), 0.5)
    assert contour.claimed
    fine = np.linspace(0, 1, 1601)
    for y in np.linspace(0.02, 0.98, 32):
        above = contour.odds(np.column_stack([fine, np.full_like(fine, y)])) >= 0
        crossed = 4 * fine[np.flatnonzero(np.diff(above))] - 1
        planted = places(2 * y - 3)
        assert crossed == pytest.approx(planted, abs=0.05)
        assert abs(contour.off(np.array([((x + 1) / 4, y) for x in planted]))).max() < SURE


@pytest.mark.parametrize("part", [0.5, 0.1])
def test_noise_has_no_contour(part):
    rng = np.random.default_rng(0)
    places = np.repeat(rng.uniform(size=(60, 2)), 3, axis=0)
    claims = [Contour(places, rng.uniform(size=180), 1 - part).claimed for _ in range(20)]
    assert sum(claims) <= 2


def test_runs_that_are_all_on_one_side_have_no_contour():
    places = np.random.default_rng(0).uniform(size=(50, 2))
    assert not Contour(places, np.ones(50), 0.5).claimed


def test_a_map_of_whole_numbers_asks_for_no_point_twice_and_ends(cache):
    asked = {"neurons": [2, 4], "width": [3, 6], "measure": "drop_cost", "budget": 50}
    found = sweep(plan(map=asked), Pretended(lambda config: config["neurons"]))
    assert len(found.table()) == 12
    assert not found.table().duplicated(["neurons", "width"]).any()


def test_a_point_of_a_map_is_told_with_all_of_its_seeds(cache):
    asked = {"alpha": [1, 2], "lr": [0.1, 0.2], "measure": "drop_cost", "budget": 9}
    one = plan(map=asked | {"seed": [0, 2]})
    told = []

    class Listening(Refinement):
        def tell(self, point, values):
            told.append(values)
            super().tell(point, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("srnn.sweeps.refine.Refinement", Listening)
        found = sweep(one, Pretended(lambda config: config["seed"]))
    assert told == [[0, 2]] * 4 and len(found.table()) == 8  # a ninth run would be half a point


def test_points_around_a_level_take_turns_with_the_seeds_and_lie_at_the_sides_too(cache):
    asked = {"alpha": [0.1, 1000], "lr": [0.001, 0.1], "measure": "drop_cost", "budget": 121}
    one = plan(map=asked | {"seed": [5, 6, 7], "level": 0.5})
    found = sweep(one, Pretended(slanted)).table()
    assert one.total() == len(found) == 120
    assert found.groupby(["alpha", "lr"])["seed"].nunique().eq(2).all()
    assert found["seed"].value_counts().to_dict() == {5: 40, 6: 40, 7: 40}
    sides = found["lr"].isin([0.001, 0.1]) | found["alpha"].isin([0.1, 1000])
    assert sides.sum() > 16, "only the corners and their middles"
    assert found["lr"].between(0.001, 0.1).all()


class Shuffled(Pretended):
    """Workers that answer in an order of their own."""

    def __init__(self, measure, workers: int, seed: int) -> None:
        super().__init__(measure, workers)
        self.rng = np.random.default_rng(seed)

    def next(self):
        self.tasks.insert(0, self.tasks.pop(int(self.rng.integers(len(self.tasks)))))
        return super().next()


@pytest.mark.parametrize("level", [None, 0.5])
def test_a_map_is_the_same_whoever_computes_it_and_however_often_it_is_cut_off(
    level, cache, monkeypatch
):
    asked = {"alpha": [0.1, 1000], "lr": [0.001, 0.1], "measure": "drop_cost", "budget": 60}
    one = plan(map=asked | {"seed": [0, 1]} | ({} if level is None else {"level": level}))

    def noisy(config) -> float:
        return curve(config) + 0.1 * config["seed"]

    whole = sweep(one, Pretended(noisy)).table()
    assert len(whole) == 60

    class CutOff(Exception):
        pass

    def tell(found):
        save_table(found)
        if found.progress.done - found.progress.cached == 13:
            raise CutOff

    monkeypatch.setenv("SRNN_CACHE", str(cache / "another"))
    done = 0
    for seed in range(4):
        workers = Shuffled(noisy, seed + 1, seed)
        with pytest.raises(CutOff):
            sweep(one, workers, tell=tell)
        done += workers.done
    last = Shuffled(noisy, 7, 4)
    found = sweep(one, last)
    assert (found.progress.runs, found.progress.cached) == (60, 60 - last.done)
    assert done + last.done == 60, "a run was done again"
    pd.testing.assert_frame_equal(found.table(), whole)


def test_what_is_ahead_is_counted_and_timed(cache):
    one = plan(grid={"alpha": [1, 2, 3], "seed": [0, 1]})
    ahead = look_ahead(one, 1)
    assert (ahead.runs, ahead.cached) == (6, 0) and ahead.seconds > look_ahead(one, 6).seconds > 0
    sweep(plan(grid={"alpha": [1, 2], "seed": [0]}), Pretended(lambda config: 0))
    assert look_ahead(one, 1).cached == 2 and look_ahead(one, 1).seconds < ahead.seconds
    sweep(one, Pretended(lambda config: 0))
    assert (look_ahead(one, 1).cached, look_ahead(one, 1).seconds) == (6, 0.0)


def test_local_workers_take_the_slots_that_are_free(cache, monkeypatch, capsys):
    monkeypatch.setenv("SRNN_JOBS", "3")
    one = plan(grid={"alpha": [1, 2, 3, 4]})
    options = argparse.Namespace(scheduler=None, workers=None)
    with _workers(options, one) as crew:
        assert crew.workers == 3
    slots(background=False)[0].parent.mkdir(parents=True, exist_ok=True)
    taken = Lock(slots(background=False)[0])
    assert taken.take()
    with _workers(options, one) as crew:
        assert crew.workers == 2
    taken.release()
    monkeypatch.setenv("SRNN_JOBS", "1")
    with _workers(options, one) as crew:
        assert crew.workers == 1
    assert "4 runs, 0 cached" in capsys.readouterr().err


def test_seeds_of_a_configuration_are_one_population_with_the_bits_of_each_alone(
    cache, monkeypatch
):
    runs = plan(grid={"alpha": [3], "seed": [0, 1, 2]}).runs()
    tasks = [make_task(config, {}, "", versions()) for config in runs]
    do(tasks[1])
    found = list(together(tasks))
    assert [answer["cached"] for answer in found] == [False, True, False]
    monkeypatch.setenv("SRNN_CACHE", str(cache / "another"))
    alone = [do(task) for task in tasks]
    seconds = {"seconds": 0.0}
    assert [one["row"] | seconds for one in found] == [one["row"] | seconds for one in alone]
    wrong = tasks[0] | {"versions": versions() | {"numpy": "0.1"}}
    assert ["numpy" in answer["error"] for answer in together([wrong, wrong])] == [True, True]


def test_a_process_takes_seeds_together_and_leaves_the_others_as_much():
    class Idle(LocalWorkers):
        def _serve(self, index: int) -> None:
            pass

    crew = Idle(2)
    for config in plan(grid={"alpha": [1, 2], "seed": [0, 1, 2, 3, 4]}).runs()[:7]:
        crew.submit(make_task(config, {}, "", {}))
    taken = [
        [(one.task["config"]["alpha"], one.task["config"]["seed"]) for one in crew._take()]
        for _ in range(3)
    ]
    assert taken == [[(1, 0), (1, 1), (1, 2), (1, 3)], [(1, 4)], [(2, 0)]]
    (last,) = crew._take()
    for attempt in (2, 1, 1):  # what a process has died over is done alone
        crew._put(last._replace(attempt=attempt))
    assert [len(crew._take()) for _ in range(2)] == [1, 1]


def test_a_grid_is_trained_around_the_pointer_as_it_moves(cache):
    alphas, rates = [1, 2, 3, 4, 5], [0.01, 0.02, 0.03]
    one = plan(grid={"alpha": alphas, "lr": rates})
    live.look_at(one, 1.2, 0.01)
    order = []

    def tell(found):
        row = found.table().merge(pd.DataFrame(order, columns=["alpha", "lr"]), how="outer")
        (last,) = {*zip(row.alpha, row.lr, strict=True)} - {*order}
        order.append(last)
        if len(order) == 3:
            live.look_at(one, 5, 0.03)  # the pointer moves to the other corner

    found = live.live(one, tell)
    assert order[:3] == [(1, 0.01), (1, 0.02), (2, 0.01)]
    assert order[3:6] == [(5, 0.03), (4, 0.03), (5, 0.02)]
    assert (found.progress.done, len(found.table())) == (15, 15)
    again = live.live(one, lambda found: None)
    assert again.progress.cached == 15


def test_nobody_looks_and_the_live_training_ends(cache, monkeypatch):
    monkeypatch.setattr(live, "PATIENCE", 0.0)
    one = plan(grid={"alpha": [1, 2], "lr": [0.01, 0.02]})
    live.look_at(one, 1, 0.01)
    assert live.live(one, lambda found: None).progress.done == 0


def test_a_history_goes_to_a_folder_or_an_object_store(cache, tmp_path, monkeypatch):
    """By an fsspec URL; a cache elsewhere takes it in, with the same bits."""
    (config,) = plan(grid={"alpha": [3]}).runs()
    here = None
    for url in (f"{tmp_path}/far/away", "memory://bucket/runs"):
        answer = do(make_task(config, {}, url, versions()))
        assert "archive" not in answer
        with fsspec.open(f"{url}/{config.run_id}.zip") as file:
            archive = file.read()
        here = get_run(config.run_id)
        with monkeypatch.context() as elsewhere:
            elsewhere.setenv("SRNN_CACHE", str(tmp_path / url[:6].strip("/")))
            import_run(io.BytesIO(archive))
            there = get_run(config.run_id)
            assert np.array_equal(there.snapshots, here.snapshots)
    assert do(make_task(config, {}, "driver", versions()))["archive"]


def test_a_worker_finds_data_by_their_content(cache, tmp_path, monkeypatch):
    """A folder that lies elsewhere on the worker is found below ``SRNN_DATA``, another is not
    taken for it, and the run is the same."""
    monkeypatch.setattr("srnn.tasks._elsewhere", {})
    write_set(tmp_path / "driver", 20, (6, 6), 2)
    base = QUICK | {"dataset": str(tmp_path / "driver"), "size": 0, "batch_size": 10}
    (config,) = make_plan({"base": base, "grid": {"alpha": [1]}}).runs()
    write_set(tmp_path / "worker" / "another", 20, (6, 6), 2, seed=1)
    (tmp_path / "driver").rename(tmp_path / "worker" / "the-same")
    task = make_task(config, {}, "", versions())
    with pytest.raises(DataError, match="no such data set"):
        do(task)
    monkeypatch.setenv("SRNN_DATA", os.pathsep.join([str(tmp_path / "no"), str(tmp_path)]))
    answer = do(task)
    assert answer["run_id"] == config.run_id and answer["row"]["test_accuracy"] >= 0


def test_a_sweep_of_forks_goes_on_from_its_parent(cache):
    (parent,) = plan(grid={"alpha": [1]}).runs()
    do(make_task(parent, {}, "", versions()))
    base = {"fork": f"{parent.run_id}@1", "epochs": 2}
    forks = make_plan({"base": base, "grid": {"alpha": [10, 100]}})
    assert {(c.fork, c.alpha, c.neurons) for c in forks.runs()} == {
        (base["fork"], 10, parent.neurons),
        (base["fork"], 100, parent.neurons),
    }
    found = sweep(forks, live.Here()).table()
    assert list(found["error"]) == ["", ""] and set(found["fork"]) == {base["fork"]}


def test_a_worker_of_another_version_refuses(cache):
    (config,) = plan(grid={"alpha": [1]}).runs()
    with pytest.raises(VersionsDiffer, match="numpy"):
        do(make_task(config, {}, "", versions() | {"numpy": "0.1"}))


FILE = """
[base]
dataset = "digits"
epochs = 2
depth = 3
width = 3
batch_size = 100

[grid]
alpha = [0.1, 1, 10, 100]
neurons = [2, 3, 4]
seed = [0, 1, 2, 3, 4]

[measures]
witness = "witness:seen"
"""

WITNESS = """
import os

def seen(run):
    with open(os.environ["WITNESS"], "a") as file:
        file.write(run.run_id + "\\n")
    return run.config.alpha
"""


def environment(plan_file: Path, **more: str) -> dict[str, str]:
    """What the processes of a sweep need to find: this package, and a measure of one's own."""
    path = os.pathsep.join([str(ROOT), str(plan_file.parent)])
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"} | more


def started(plan_file: Path, cache: Path, *options: str) -> subprocess.Popen:
    """``sweep`` in a process of its own, on a cache of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "srnn", "sweep", str(plan_file), "--json", *options],
        env=environment(plan_file, SRNN_CACHE=str(cache), WITNESS=str(cache) + ".seen"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def summary(process: subprocess.Popen) -> dict:
    printed, _ = process.communicate(timeout=300)
    return json.loads(printed.strip().splitlines()[-1])


def numbers(path: str) -> pd.DataFrame:
    return pd.read_parquet(path).drop(columns=["seconds"])


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("plan")
    (folder / "witness.py").write_text(WITNESS)
    (folder / "sixty.toml").write_text(FILE)
    return folder / "sixty.toml"


@pytest.fixture(scope="module")
def undisturbed(plan_file, cluster, tmp_path_factory) -> pd.DataFrame:
    """The table of sixty runs that nobody disturbed, made here while the cluster starts."""
    cache = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRNN_CACHE", str(cache))
        patch.setenv("WITNESS", str(cache / "seen"))
        patch.syspath_prepend(plan_file.parent)
        found = sweep(read_plan(plan_file), live.Here())
        assert (found.progress.runs, found.progress.failed) == (60, 0)
        return numbers(str(save_table(found)))


def test_killed_processes_cost_their_run_only(plan_file, undisturbed, tmp_path):
    cache = tmp_path / "cache"
    driver = started(plan_file, cache, "--workers", "2")
    for turn in range(3):
        _until_rows(cache, 6 * (turn + 1), driver)
        psutil.Process(driver.pid).children()[0].send_signal(signal.SIGKILL)
    found = summary(driver)
    assert (found["done"], found["failed"]) == (60, 0)
    pd.testing.assert_frame_equal(numbers(found["table"]), undisturbed)


@pytest.fixture(scope="module")
def cluster(plan_file, tmp_path_factory) -> Iterator[tuple[Path, list[subprocess.Popen], Path]]:
    """A Dask scheduler and two workers, started by their own command lines in folders of their own;
    the scheduler's file, the workers' nannies, and the file in which every measured run leaves a
    line. They may still be starting."""
    tmp_path = tmp_path_factory.mktemp("cluster")
    witness = tmp_path / "seen"
    found = environment(plan_file, WITNESS=str(witness))
    found.pop("SRNN_CACHE", None)

    scheduler_file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    options = ["--port", "0", "--no-dashboard", "--scheduler-file", str(scheduler_file)]
    processes = [_background([*command, *options, "--host", "127.0.0.1"], tmp_path, found)]
    try:
        for folder in (tmp_path / "first", tmp_path / "second"):
            folder.mkdir()
            command = [sys.executable, "-m", "distributed.cli.dask_worker"]
            options = ["--scheduler-file", str(scheduler_file), "--nthreads", "1"]
            options += ["--no-dashboard", "--local-directory", str(folder)]
            processes.append(_background([*command, *options], folder, found))
        yield scheduler_file, processes[1:], witness
    finally:
        for process in processes:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait()


def _background(command: list[str], folder: Path, found: dict[str, str]) -> subprocess.Popen:
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=folder, env=found, stdout=quiet, stderr=quiet)


def _kill_worker(nanny: subprocess.Popen) -> None:
    """Kill the process that works under a nanny, which starts another."""
    while True:  # it may just be starting one
        for child in psutil.Process(nanny.pid).children():
            with contextlib.suppress(psutil.Error):
                if "resource_tracker" not in " ".join(child.cmdline()):
                    child.kill()
                    return
        time.sleep(0.1)


def test_a_cluster_gives_the_same_bits_whoever_is_killed(plan_file, undisturbed, cluster, tmp_path):
    scheduler_file, nannies, witness = cluster
    while not scheduler_file.exists():
        time.sleep(0.1)
    address = json.loads(scheduler_file.read_text())["address"]
    cache = tmp_path / "driver"
    driver = started(plan_file, cache, "--scheduler", address)
    for turn in range(3):
        _until_rows(cache, 6 * (turn + 1), driver)
        _kill_worker(nannies[turn % 2])
    _until_rows(cache, 30, driver)
    driver.kill()
    driver.wait()
    found = summary(started(plan_file, cache, "--scheduler", address))
    assert (found["runs"], found["done"], found["failed"]) == (60, 60, 0)
    assert found["cached"] >= 30
    assert len(witness.read_text().split()) <= 60 + 3 + 1
    pd.testing.assert_frame_equal(numbers(found["table"]), undisturbed)


def _until_rows(cache: Path, rows: int, driver: subprocess.Popen) -> None:
    end = time.monotonic() + 120
    while len(list(cache.rglob("sweep-*"))) < rows and driver.poll() is None:
        assert time.monotonic() < end, "the sweep does not get on"
        time.sleep(0.05)


def test_without_a_cluster_the_command_says_so(capsys, plan_file, cache, monkeypatch):
    monkeypatch.setattr("srnn.sweeps.cluster.CONNECT", 0.5)
    assert main(["sweep", str(plan_file), "--scheduler", "tcp://127.0.0.1:9"]) != 0
    assert "no Dask scheduler" in capsys.readouterr().err


RECIPES = ROOT / "docs" / "cluster"
STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLED"
[ "$1" != scheduler ] || while [ $# -gt 0 ]; do
  [ "$1" != --scheduler-file ] || echo '{"address": "tcp://here:1"}' > "$2"
  shift
done
"""
"""In place of ``dask`` and ``srnn``: writes down how it was called, and a scheduler's file."""


def test_the_recipe_for_slurm_runs_with_commands_that_exist(tmp_path):
    called = tmp_path / "called"
    for name in ("dask", "srnn"):
        (tmp_path / name).write_text(STAND_IN)
        (tmp_path / name).chmod(0o755)
    found = {"PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"}
    found |= {"CALLED": str(called), "SRNN_SHARED": str(tmp_path), "SLURM_SUBMIT_DIR": "/"}
    found |= {"SRNN_LAUNCH": "env", "SRNN_WAIT": "0", "TMPDIR": str(tmp_path)}
    command = ["bash", str(RECIPES / "slurm.sbatch"), "plan.toml"]
    subprocess.run(command, env=found, check=True, timeout=60)
    lines = sorted(called.read_text().splitlines())
    assert [line.split()[:2] for line in lines] == [
        ["dask", "scheduler"],
        ["dask", "worker"],
        ["srnn", "sweep"],
    ]
    assert "sweep plan.toml --scheduler tcp://here:1 --json" in lines[2]
    for line in lines:
        _parses(shlex.split(line))


def test_the_recipe_for_kubernetes_starts_commands_that_exist():
    documents = list(yaml.safe_load_all((RECIPES / "kubernetes.yaml").read_text()))
    assert [one["kind"] for one in documents] == [
        "Service",
        "Deployment",
        "Deployment",
        "PersistentVolumeClaim",
        "Job",
    ]
    service, *rest = documents
    for one in rest:
        for container in one["spec"].get("template", {}).get("spec", {}).get("containers", []):
            _parses(container["command"])
            addresses = [word for word in container["command"] if word.startswith("tcp://")]
            port = service["spec"]["ports"][0]["port"]
            assert all(a == f"tcp://{service['metadata']['name']}:{port}" for a in addresses)
    _, scheduler, worker, claim, driver = documents
    assert service["spec"]["selector"] == scheduler["spec"]["template"]["metadata"]["labels"]
    volumes = driver["spec"]["template"]["spec"]["volumes"]
    assert volumes[0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert worker["spec"]["replicas"] > 1


def _parses(command: list[str]) -> None:
    """A command line that its program would take."""
    from distributed.cli.dask_scheduler import main as scheduler
    from distributed.cli.dask_worker import main as worker

    from srnn.cli import build_parser

    if command[0] == "srnn":
        assert build_parser().parse_args(command[1:]).scheduler.startswith("tcp://")
    else:
        {"scheduler": scheduler, "worker": worker}[command[1]].make_context("dask", command[2:])
