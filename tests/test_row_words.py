"""What the rows of the log say and draw of planted numbers, value by value."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from srnn.experiments import (
    baselines,
    born_dead,
    dead_outputs,
    disturbed,
    dropout,
    experiments,
    explain,
    fixpoint_types,
    free_particles,
    goals,
    instant,
    longer,
    main_run,
    membership,
    residual,
    sanity,
    scalars,
    scale,
    sizes,
    speed,
    structures,
    thinning,
    trajectories,
)
from srnn.experiments.base import Found
from srnn.experiments.claims import judge_all
from srnn.experiments.limits import COLUMNS, limits_finding
from srnn.experiments.rivals import study_says
from srnn.vocabulary import TYPES

Facts = dict[str, dict[str, Any]]


def planted(name: str, facts: Facts, tables: dict[str, pd.DataFrame] | None = None) -> Found:
    """What an experiment finds, of one or more seeds: ``arm: {fact: a number, or one per seed}``.
    Two seeds of equal numbers have no interval to write."""
    rows = []
    for arm, known in facts.items():
        count = max((len(v) for v in known.values() if isinstance(v, list)), default=2)
        for index in range(count):
            own = {key: v[index] if isinstance(v, list) else v for key, v in known.items()}
            rows.append({"arm": arm, "seed": index + 1, **own})
    numbers = pd.DataFrame(rows)
    return Found(numbers, tables or {}, judge_all(experiments()[name].claims, numbers))


def drawn(name: str, **tables: pd.DataFrame) -> dict[str, Any]:
    """The traces of a row's figure that have a name."""
    figure = experiments()[name].figure(tables)
    return {trace.name: trace for trace in figure.data if trace.name}


def test_row_1_counts_by_epsilon():
    ends = {"end_1e-06": 1000, "end_1e-05": 1100, "end_1e-04": 1200, "identity": 400}
    facts = {"h = 4": ends, "target permuted": {"identity": 0}}
    assert fixpoint_types.finding(planted("1", facts)) == [
        "Living replicators (identities) after the first epoch: 400 with the target its own "
        "weights, 0 with the target permuted.",
        "Replicators at the end, by epsilon: 1,000 at 1e−6, 1,100 at 1e−5, 1,200 at 1e−4.",
    ]
    table = pd.DataFrame(
        {"arm": ["h = 4", "h = 4", "no self-replication"], "epoch": [0, 1, 0]}
        | dict.fromkeys(TYPES, 0)
        | {"zero": [0, 9, 0], "other": [10, 1, 10]}
    )
    lines = experiments()["1"].figure({"types": table}).data
    assert [(one.name, list(one.y), one.yaxis) for one in lines] == [
        ("zero", [0, 9], "y"),
        ("other", [10, 1], "y"),
        ("other", [10], "y2"),
    ]


def test_row_2_says_what_dropping_costs_and_draws_the_change():
    both, chance = "zero + identity", "zero + identity, at random"
    found = planted(
        "2",
        {
            dropout.LARGE: {both: [0.01, 0.03], chance: 0.5, "identity": 0.01},
            dropout.SMALL: {both: np.nan, chance: np.nan, "identity": np.nan},
        },
    )
    assert dropout.finding(found)[:2] == [
        "At h = 8, alpha 100, dropping zero + identity costs +2.00 pp (−10.71 to +14.71); as many "
        "at random +50.00 pp.",
        "At h = 4, alpha 100 there is no replicator to drop.",
    ]
    costs = pd.DataFrame(
        {
            "arm": dropout.LARGE,
            "group": ["zero", "zero, at random", "other", both, chance],
            "count": [100, 100, 900, 600, 600],
            "cost": [-0.001, 0.2, 0.8, 0.02, 0.5],
        }
    )
    figure = dropout.figure({"costs": pd.concat([costs, costs.assign(arm=dropout.SMALL, cost=9)])})
    (dots,) = figure.data
    assert list(dots.y) == ["zero", "other", both, chance]
    assert list(dots.x) == pytest.approx([0.1, -80, -2, -50])
    assert list(dots.text)[:2] == ["+0.10 pp<br>100 dropped", "−80.00 pp<br>900 dropped"]


def test_row_3_has_the_medians_of_both_sizes():
    facts = {arm: {"median_other": x, "median_identity": 0.02} for arm, x in (("h = 8", 0.5),
             ("h = 4", 0.25))}  # fmt: skip
    assert scalars.finding(planted("3", facts)) == [
        "Median |f(1)| at h = 8: 0.500 for other, 0.020 for identities.",
        "Median |f(1)| at h = 4: 0.250 for other, 0.020 for identities.",
    ]


def test_row_5_tells_shares_and_what_they_mean():
    facts = {"h = 8": {"share": 0.5, "relevance": 0.01}, "h = 4": {"share": 0.7, "relevance": 0.6}}
    assert explain.finding(planted("5", facts)) == [
        "At h = 8 replicators are 50.0 % of the particles and carry 1.0 % of the relevance.",
        "At h = 4 replicators are 70.0 % of the particles and carry 60.0 % of the relevance.",
        "The micro networks divide the labour: the answers come from the others.",
    ]
    edges = [(1.0, 0.0999), (1.0, 0.1), (1.0, 0.4999), (1.0, 0.5)]
    words = [explain.conclusion(*pair).split()[0] for pair in edges]
    assert words == ["The", "Most", "Most", "Replicators"]


def test_row_6_counts_the_quiet_pixels():
    facts = {"pixels": 63, "particles": 378, "idle": 372, "still": 0.984, "moving": 0.3, "later": 0}
    assert membership.finding(planted("6", {"h = 8": facts})) == [
        "63 pixels hardly vary; of the 378 particles on them 372 replicate at h = 8 (98.4 %), "
        "against 30.0 % on the other pixels and 0.0 % in the later layers."
    ]


def test_row_7_tells_the_course_from_the_untrained_network_on():
    table = pd.DataFrame(
        {"arm": "h = 4", "epoch": [0, 9], "alive": [1500, 90], "survivors": [1518, 57]}
    ).assign(unread_pixels=[0, 100])
    facts = {"h = 4": {"fewest": 57, "when": 1, "end": 335, "unread": 100, "accuracy": 0.8}}
    facts["target permuted"] = {"left": 0.0, "accuracy": 0.1}
    assert thinning.finding(planted("7", facts, {"thinning": table})) == [
        "Survivors fall from 1,518 to 57 by epoch 1, then grow to 335.",
        "100 pixels are no longer read at the end. Accuracy 80.0 %; with the target permuted "
        "0.0 % of the connections survive, accuracy 10.0 %.",
    ]
    assert thinning.course(100, 3, 110, 1518).endswith("stay few.")
    assert thinning.course(100, 3, 111, 1518).endswith("grow to 111.")
    lines = drawn("7", thinning=pd.concat([table, table.assign(arm="no self-replication")]))
    assert list(lines["not zero"].y) == [1500, 90]
    assert list(lines["survivors"].y) == [1518, 57]
    assert list(lines["pixels no longer read"].y) == [0, 100]
    assert len({one.line.dash for one in lines.values()}) == 3


def test_row_8_tells_what_three_components_hold():
    facts = {"h = 4": {"own": 0.9, "whole": 0.8, "walk": 0.7}}
    assert trajectories.finding(planted("8", facts)) == [
        "Three components hold 90.0 % of a particle's own path, and 80.0 % of all paths in one fit;"
        " of random walks with steps as long 70.0 %."
    ]
    frame = pd.DataFrame(
        {"Epoch": [0, 5] * 2, "Weight": ["p", "p", "q", "q"], "dim_1": [1.0, 2, 3, 4]}
        | {"dim_2": [5.0, 6, 7, 8], "dim_3": 0.0, "type": ["zero", "zero", "other", "other"]}
    )
    shares = pd.DataFrame({"component": [1, 2, 3], "share": [0.7, 0.2, 0.1]})
    cube = experiments()["8"].figure({"trajectories": frame, "shares": shares})
    path = next(one for one in cube.data if one.mode == "lines" and one.name == "other (1)")
    assert list(path.x[:2]) == [3, 4] and list(path.y[:2]) == [7, 8]


def test_row_9_names_density_and_rivals():
    cut = {"survivors": 0.9, "density": 0.59, "connections": 353, "cut": 0.84}
    names = (*structures.LAB, *structures.RIVALS)
    rivals = {name: {"accuracy": 0.8, "rate": [0.02, 0.02]} for name in names}
    facts = {structures.META: cut, structures.SMALL: {**cut, "cut": 0.5}, **rivals}
    facts[structures.NOISE] = {"accuracy": 0.7, "disagreement": 0.1, "ensemble_accuracy": 0.75}
    facts[structures.CHANCE] = {"accuracy": 0.6, "outputs_reached": 8, "rate": [0.1, 0.05]}
    first, second, third, fourth = structures.finding(planted("9", facts))
    assert first == (
        "MetaNet, h = 8: survivors kept 90.0 % at density 59.0 %, cut to 353 connections 84.0 %; "
        "MetaNet, h = 4: survivors kept 90.0 % at density 59.0 %, cut to 353 connections 50.0 %, "
        "without training after."
    )
    assert "random connections 60.0 % (learning rate 0.05 or 0.1)" in second
    assert "lottery ticket 80.0 % (learning rate 0.02);" in second
    assert third.endswith("disagree on 10.0 % of the images; together they reach 75.0 %.")
    assert fourth == "Random connections leave 8.0 outputs reachable."
    numbers = pd.DataFrame(
        {"arm": ["meta", "rival"], "accuracy": [0.9, 0.8], "cut": [0.6, np.nan]}
    ).assign(parameters=[1000, 10], connections=[353, 353])
    (dots,) = structures.figure({"numbers": numbers}).data
    assert list(dots.x) == pytest.approx([60, 80])
    assert "1,000 trained, 353 connections" in dots.y[0]


def test_row_10_counts_who_replicates_and_who_has_learned():
    ends = pd.DataFrame(
        {
            "arm": [sanity.LOG_MODE] * 4 + [sanity.CLEAN] * 2,
            "h": [2, 2, 3, 3, 2, 3],
            "type": ["zero", "zero", "identity", "other", "identity", "identity"],
            "learned_it": [False, True, True, True, True, False],
        }
    )
    found = planted("10", {sanity.LOG_MODE: {"zero_2": 1.0}}, {"ends": ends})
    assert sanity.finding(found) == [
        "Log mode: 3 of 4 particles end as zero or identity.",
        "1 of these are zeros that have not learned the factor: theirs is off by n = 0.03 itself, "
        "which is a batch loss of 0.0009.",
        "Clean mode: 1 of 2 are identities that have learned the factor.",
    ]
    curves = pd.DataFrame({"arm": sanity.CLEAN, "h": 2, "epoch": [1, 2], "miss": [0.1, 0.01]})
    figure = sanity.figure({"ends": ends, "curves": curves})
    bars = {(one.name, one.xaxis): list(one.y) for one in figure.data if one.type == "bar"}
    assert bars["zero", "x3"] == [2, 0, 0, 0, 0] and bars["other", "x3"] == [0, 1, 0, 0, 0]
    assert bars["identity", "x4"] == [1, 1, 0, 0, 0]
    (line,) = (one for one in figure.data if one.name == "h = 2")
    assert (list(line.y), line.yaxis) == ([0.1, 0.01], "y2")


def test_what_ended_how_is_counted_by_size_and_seed(monkeypatch):
    ends = pd.DataFrame(
        {
            "h": [2, 2, 3, 3],
            "seed": [0, 1, 0, 1],
            "type": ["identity", "zero", "other", "identity"],
            "error": [sanity.LEARNED / 2, 0.03, 0.0, sanity.LEARNED],
        }
    )
    curves = pd.DataFrame({"h": 2, "seed": [0, 1, 2], "epoch": 1, "learned": [0.03, 0.13, 0.0]})
    monkeypatch.setattr(sanity, "learn", lambda **_: ({}, {"ends": ends, "curves": curves}))
    numbers = sanity.learned()[1]["numbers"].set_index("seed")
    assert numbers["both"].tolist() == [0.5, 0.0]
    assert numbers["replicator_2"].tolist() == [1, 1] and numbers["zero_2"].tolist() == [0, 1]
    assert numbers["other_3"].tolist() == [1, 0] and numbers["learned_3"].tolist() == [1, 0]
    assert sanity.learned()[1]["curves"]["miss"].tolist() == pytest.approx([0.03])  # the median


def test_row_11_explains_a_better_accuracy_only_where_there_is_one():
    better = {"accuracy_end": [0.8, 0.8], "dead": [1.0, 1.0]}
    shuffled = {"accuracy_end": [0.1, 0.1], "dead": [0.0, 0.0]}
    facts = {"h = 4": better, "labels shuffled": shuffled}
    assert main_run.finding(planted("11", facts)) == [
        "Accuracy at the end: 80.0 %; the log: 64.5 %.",
        "On average 1.0 of its ten output cells are dead here, at least 2 in the log's own graph; "
        "see: dead outputs.",
    ]
    for end in (0.64, 0.5):
        facts["h = 4"] = better | {"accuracy_end": [end, end]}
        assert len(main_run.finding(planted("11", facts))) == 1
    arms = ("h = 4", "no self-replication", "labels shuffled")
    table = pd.concat(
        pd.DataFrame({"arm": arm, "epoch": [0, 200], "replicators": [0, 1000 + 100 * index]})
        for index, arm in enumerate(arms)
    ).assign(other=[10, 500] * 3, test_accuracy=[0.1, 0.6, 0.1, 0.9, 0.1, 0.2])
    lines = drawn("11", records=table)
    assert list(lines["zero + identity"].y) == [0, 1000] and list(lines["other"].y) == [10, 500]
    assert list(lines["placebo: no self-replication"].y) == [0, 1100]
    assert list(lines["test accuracy"].y) == pytest.approx([10, 60])
    assert list(lines["placebo: labels shuffled"].y) == pytest.approx([10, 20])


def test_row_12_names_the_trained_settings_only():
    facts = {name: {"accuracy": 0.5, "replicators": 0.25} for name in sizes.VARIANTS}
    (said,) = sizes.finding(planted("12", facts))
    assert said.startswith("Accuracy and share of replicators: h = 2, alpha 50: 50.0 %, 25.0 % rep")
    assert said.count("replicate") == 8 and "shuffled" not in said and "no self" not in said


def test_row_13_counts_at_the_break_and_at_the_end():
    table = pd.DataFrame(
        {"epoch": [0, 200, 500], "zero": [0, 900, 1000], "identity": [0, 100, 150]}
    ).assign(other=[10, 5, 4], test_accuracy=[0.1, 0.8, 0.9])
    facts = {longer.MAIN: {"gain": 0.1}}
    assert longer.finding(planted("13", facts, {"records": table})) == [
        "Accuracy changes by +10.00 pp. Replicators: 1,000 after 200, 1,150 after 500 epochs."
    ]
    numbers = pd.DataFrame({"continued_at": [np.nan, 200]})
    figure = longer.figure({"records": table, "numbers": numbers})
    assert {shape.x0 for shape in figure.layout.shapes} == {200}
    assert list(figure.data[-1].y) == pytest.approx([10, 80, 90])


def test_row_14_tells_how_many_reach_the_accuracy_and_when():
    facts = {
        residual.WITH: {"first": [5.0, 7.0], "end": 0.9},
        residual.WITHOUT: {"first": [30.0, np.nan], "end": 0.9},
        f"{residual.WITH}, no self-replication": {"first": [2.0, 2.0]},
        f"{residual.WITHOUT}, no self-replication": {"first": [5.0, 5.0]},
    }
    found = planted("14", facts)
    assert residual.finding(found) == [
        "With residual skips: 2 of 2 seeds reach 87 %, on average in epoch 6 (−7 to 19).",
        "Without: 1 of 2 seeds reach 87 %, on average in epoch 30.",
        "Without self-replication the skips make a difference of 3 (3 to 3) epochs.",
    ]
    facts[residual.WITHOUT]["first"] = [np.nan, np.nan]
    assert residual.finding(planted("14", facts))[1:] == ["Without: 0 of 2 seeds reach 87 %."]
    table = pd.DataFrame({"arm": [residual.WITH] * 2 + [residual.WITHOUT] * 2, "epoch": [0, 9] * 2})
    table = table.assign(test_accuracy=[0.1, 0.9, 0.1, 0.8], replicators=[0, 5, 0, 6], other=1)
    traces = residual.figure({"records": table}).data
    assert [list(one.y) for one in traces if one.name == "accuracy"] == [
        pytest.approx([10, 90]),
        pytest.approx([10, 80]),
    ]
    assert [list(one.y) for one in traces if one.name == "zero + identity"] == [[0, 5], [0, 6]]


def test_row_15_lists_every_network_and_leaves_the_placebo_out_of_the_figure():
    arms = (baselines.META, baselines.SAME, baselines.WEIGHTS, f"{baselines.WEIGHTS}, ReLU",
            baselines.SMALL, baselines.NEURONS, baselines.PLACEBO)  # fmt: skip
    facts = {arm: {"accuracy": 0.1 * index} for index, arm in enumerate(arms, 1)}
    facts[baselines.SAME]["rate"] = 0.05
    first, second = baselines.finding(planted("15", facts))
    assert first.startswith(
        "MetaNet, h = 4: 10.0 %; dense, the same cells: 20.0 % (learning rate 0.05); "
    )
    assert second.startswith("MetaNet, h = 4, on 8x8 digits: 50.0 %; ") and "60.0 %" in second
    numbers = planted("15", facts).numbers.assign(parameters=5, neurons=3, epochs=40)
    (dots,) = baselines.figure({"numbers": numbers}).data
    assert list(dots.x) == pytest.approx([10, 20, 30, 40, 50, 60])
    assert "5 weights, 3 neurons, epochs: 40" in dots.y[0]


def test_row_16_lists_every_goal():
    shares = {"accuracy": 0.5, "zero": 0.25, "identity": 0.125}
    names = (*goals.GOALS, "target permuted")
    said = goals.finding(planted("16", dict.fromkeys(names, shares)))
    assert said[0] == "Replicate itself: accuracy 50.0 %, zeros 25.0 %, identities 12.5 %."
    assert len(said) == len(names) and said[-1].startswith("Target permuted: accuracy 50.0 %")


def test_row_16_takes_what_a_permuted_target_kills_too_for_no_evidence():
    bare = {"zero": 0.0, "identity": 0.0}
    facts = {goals.SELF: {"zero": [0.66, 0.67], "identity": [0.11, 0.12]}, goals.BARE: bare}
    facts["target permuted"] = {"zero": [1.0, 1.0], "identity": 0.0}
    identities, zeros = planted("16", facts).judged.values()
    assert identities.words.endswith("living replicators come from self-replication")
    assert zeros.words == "not evidence"


def test_row_17_is_in_plain_dense_steps():
    table = pd.DataFrame(
        {"h": [4, 4, 8, 8], "variant": ["plain", "loop"] * 2, "to_plain": [1, 500, 1, 900]}
    )
    found = planted("17", {"h = 4": {"itself": 1.0}}, {"speed": table})
    assert speed.finding(found) == [
        "A step pair at h = 4, in plain dense steps: plain 1, loop 500."
    ]
    four, eight = speed.figure({"speed": table}).data
    assert (list(four.x), list(eight.x)) == ([1, 500], [1, 900])
    assert (four.name, eight.name) == ("h = 4", "h = 8")


def test_row_18_counts_the_experiments_that_come_near():
    names = list(free_particles.ABOUT)
    facts = {free_particles.HERE: {names[0]: [1.9, 2.0, 1.95], names[1]: [2.5, 3.4, 2.9]}}
    assert free_particles.finding(planted("18", facts)) == [
        "1 of 2 published experiments lie within three standard errors in every setting, over all "
        "seeds."
    ]


# after the log


def test_the_instant_tells_what_was_answered_and_the_costs():
    facts = {
        "now": 0.4, "cost_now": 0.01, "lasting": 0.3, "cost_lasting": 0.02,
        "settled": 0.999, "cost_settled": 0.8, "busy": 0.0, "change": 0.0, "without": -0.8,
    }  # fmt: skip
    said = instant.finding(planted("instant", {"h = 8": facts, "h = 4": facts | {"now": 0.7}}))
    assert said[1].startswith("A type read at one instant measures how hard the task has just")
    assert said[2] == (
        "At h = 8, 40.0 % replicate at the instant (drop cost +1.00 pp), 30.0 % over a whole "
        "epoch's average (drop cost +2.00 pp), 99.9 % after 100 replication steps (drop cost "
        "+80.00 pp)."
    )
    assert said[3].startswith("At h = 4, 70.0 % replicate")
    tells = instant.finding(planted("instant", {"h = 8": facts | {"cost_settled": 0.05}}))
    assert tells[1] == "A type read at one instant tells who works for the task."
    rows = pd.DataFrame(
        {"arm": "h = 8", "kind": ["replication steps only"] * 2 + ["task steps only"] * 2}
    ).assign(steps=[0, 100] * 2, share=[0.4, 1, 0.4, 0], accuracy=[0.9, 0.8, 0.9, 0.9])
    rows = rows.assign(without=[0.8, 0.1, 0.8, 0.9])
    between = pd.DataFrame({"arm": "h = 8", "between": [1, 10], "after": [0.4, 0.5]})
    lines = drawn("instant", settling=rows, between=between.assign(before=[0.6, 0.9]))
    assert list(lines["replicators"].y) == pytest.approx([40, 100])
    assert list(lines["accuracy"].y) == pytest.approx([90, 80])
    assert list(lines["accuracy without the replicators"].y) == pytest.approx([80, 10])
    assert list(lines["placebo: replicators, task steps only"].y) == pytest.approx([40, 0])
    assert list(lines["replicators before a task step"].y) == pytest.approx([60, 90])
    assert list(lines["replicators after a task step"].y) == pytest.approx([40, 50])
    ticks = instant.figure({"settling": rows, "between": between.assign(before=[0.6, 0.9])})
    ticks = ticks.layout.xaxis
    assert dict(zip(ticks.tickvals, ticks.ticktext, strict=True))[lines["accuracy"].x[0]] == "0"
    assert dict(zip(ticks.tickvals, ticks.ticktext, strict=True))[100] == "100"


def test_born_dead_tells_what_the_start_foretells():
    facts = {"dead": 0.7, "born": 0.66, "foretold": 0.95, "auc": 0.88, "auc_chance": 0.5}
    few = {"dead": 0.0, "born": 0.1, "foretold": np.nan, "auc": np.nan}
    said = born_dead.finding(planted("born-dead", {"h = 4": facts, "h = 8": few}))
    assert said[1] == (
        "h = 4: 70.0 % die in training, 66.0 % by pure replication, which kills 95.0 % of the "
        "former; AUC of v0 0.88."
    )
    assert said[3] == "h = 8: 0.0 % die in training, 10.0 % by pure replication."
    numbers = planted("born-dead", {"h = 4": facts, "elsewhere": few}).numbers
    dots = drawn("born-dead", numbers=numbers)
    shown = [(name, list(one.x)) for name, one in dots.items()]
    assert shown == [
        ("after training", [pytest.approx(70)]),
        ("after pure replication, no data", [pytest.approx(66)]),
        ("AUC of the initial v0", [0.88]),
        ("v0 dealt out anew", [0.5]),
    ]


def test_nothing_follows_from_networks_that_do_not_replicate_or_have_not_learned():
    natural = pd.DataFrame(
        {"rival": ["replicators", "random"], "base_accuracy": 0.9, "sparsity": [0.01, 0.5]}
    )
    assert study_says({"natural": natural}) == [
        "Not evidence: the networks (all seeds) do not replicate themselves: replicators 1.0 %."
    ]
    good = dict.fromkeys(COLUMNS, 0.4) | {"arm": "good", "accuracy": 0.9, "cost": 0.02}
    bad = good | {"arm": "bad", "accuracy": 0.1, "cost": 0.5}
    said = limits_finding(pd.DataFrame([good, bad]))
    assert "in 1 of 1 settings: good" in said[0]
    assert said[-1] == (
        "Not evidence: the networks (bad) have not learned the task: test accuracy 10.0 %."
    )


def test_dead_outputs_are_told_by_their_number():
    facts = {"h = 4": {"dead": [0, 0, 2], "accuracy": [0.8, 0.82, 0.7], "first": 0.5}}
    facts["h = 4"]["further"] = [np.nan, np.nan, 0.0]
    found = planted("dead-outputs", facts)
    assert dead_outputs.finding(found) == [
        "Accuracy by the number of dead outputs: 0 dead: 81.0 % (68.3 to 93.7), 2 seeds; 2 dead: "
        "70.0 %, 1 seed.",
        "That accuracy falls with their number is not shown (rank correlation −0.87, p = 0.7 by "
        "permutations of the runs).",
        "Of the digits whose outputs are dead the first is answered rightly in 50.0 % of its "
        "images, the others in 0.0 %.",
    ]
    many = {"dead": [0, 0, 1, 1, 2, 3], "accuracy": [0.84, 0.82, 0.79, 0.77, 0.74, 0.66]}
    said = dead_outputs.finding(planted("dead-outputs", {"h = 4": many}))
    assert said[1].startswith("Accuracy falls with their number (rank correlation −0.9")
    for accuracy in ([0.8, 0.7, 0.8, 0.7, 0.75, 0.76], [0.66, 0.74, 0.77, 0.79, 0.82, 0.84]):
        said = dead_outputs.finding(
            planted("dead-outputs", {"h = 4": many | {"accuracy": accuracy}})
        )
        assert said[1].startswith("That accuracy falls with their number is not shown")
    same = planted("dead-outputs", {"h = 4": {"dead": [0, 0], "accuracy": [0.8, 0.7]}})
    assert len(dead_outputs.finding(same)) == 1
    traces = drawn("dead-outputs", numbers=found.numbers)
    assert list(traces["mean"].x) == [0, 2] and list(traces["mean"].y) == pytest.approx([81, 70])
    assert list(traces["a seed"].y) == pytest.approx([80, 82, 70])


def test_scale_tells_the_smallest_and_the_widest_and_counts_what_is_dear():
    facts = dict.fromkeys(scale.ASPECTS, 0.25) | {"particles": 1410, "cost": 0.002}
    facts |= {"accuracy": 0.5, "replicators": 0.75}
    arms: Facts = {name: dict(facts) for name in scale.VARIANTS}
    arms["digits"] = facts | {"cost": 0.02}
    arms["depth 4"] = facts | {"cost": 0.02, "accuracy": 0.25}
    arms["depth 6"] = facts | {"survivors": 0.125, "accuracy": 0.75}
    arms["h = 16"] = facts | {"survivors": 0.5}
    arms["width 512, no self-replication"] = facts | {"cost": 0.5}
    said = scale.finding(planted("scale", arms))
    assert said[0] == (
        "width 6 (1,410 particles): survivors 25.0 %, settled 25.0 %, accuracy 50.0 %, drop cost "
        "+0.20 pp, as many by |scalar weight × input std| +25.00 pp, by |scalar weight| +25.00 pp."
    )
    depth, h, dear, wrong = said[2:]
    assert depth.startswith("Depth, survivors and test accuracy at width 20: 2: 25.0 % at 50.0 %")
    assert depth.endswith("6: 12.5 % at 75.0 %.") and h.endswith("16: 50.0 % at 50.0 %.")
    assert dear == (
        "Dropping the replicators costs more than one point in 1 of the 12 settings that learn and "
        "replicate: digits."
    )
    assert wrong == (
        "Not evidence: the networks (depth 4) have not learned the task: test accuracy 25.0 %."
    )


def test_scale_draws_accuracy_and_survivors_by_setting():
    numbers = pd.DataFrame({"arm": ["width 6", "width 20"], "accuracy": [0.8, 0.9]})
    numbers = numbers.assign(survivors=[0.5, 0.4], settled_survivors=[0.2, 0.1])
    shown = {
        name: (list(one.y), list(one.x)) for name, one in drawn("scale", numbers=numbers).items()
    }
    arms = ["width 6", "width 20"]
    assert shown == {
        "test accuracy": (arms, pytest.approx([80, 90])),
        "survivors": (arms, pytest.approx([50, 40])),
        "survivors, settled": (arms, pytest.approx([20, 10])),
    }


def test_a_round_of_attacks_is_drawn_by_kind_and_size():
    rounds = pd.DataFrame({"arm": ["h = 4", "h = 8"], "seed": 1, "round": "attack by cell"})
    figure = disturbed.figure({"rounds": rounds.assign(cost=[0.01, 0.02], lost=[0.3, 0.4])})
    shown = [(one.name, one.xaxis, one.x[0]) for one in figure.data]
    assert shown == [  # the second panel's sizes are told by their colours
        ("h = 4", "x", pytest.approx(1)), ("h = 8", "x", pytest.approx(2)),
        ("", "x2", pytest.approx(30)), ("", "x2", pytest.approx(40)),
    ]  # fmt: skip
    first, second, *right = [one.marker.color for one in figure.data]
    assert first != second and right == [first, second]
