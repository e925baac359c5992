"""The pieces of the pruning study against the same numbers made step by step."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from srnn.config import RunConfig, make_config
from srnn.idx import DataError
from srnn.metanet import MacroShape, forward
from srnn.pruning.criteria import order_of
from srnn.pruning.curves import natural_points
from srnn.pruning.dense import Rules, initial_scalars, train_dense
from srnn.pruning.masks import count_of, drop_first, natural_count
from srnn.pruning.measure import Grid, retrained_tables, run_tables, scratch_tables
from srnn.pruning.retrain import fresh_states, retrain
from srnn.pruning.scratch import SCRATCH, Setup, best_rate
from srnn.pruning.subject import Subject
from srnn.pruning.sweeps import epsilon_sentence, epsilon_sweep, pareto
from srnn.runs import Run, obtain
from srnn.tasks import load_task
from srnn.training import data_order, initial_state
from srnn.vocabulary import IDENTITY, ZERO

SHARES = (0.25, 0.75)


@pytest.fixture
def configs() -> list[RunConfig]:
    """Two trainings on the digits that do not diverge."""
    one = make_config(dataset="digits", neurons=3, depth=3, width=4, batch_size=200, epochs=3)
    return [one.replace(seed=seed, data_seed=seed) for seed in (3, 4)]


@pytest.fixture
def runs(configs: list[RunConfig]) -> list[Run]:
    found = [obtain(config)[0] for config in configs]
    assert not any(run.stopped for run in found)
    return found


def asked(runs: list[Run]) -> list[dict]:
    return [run.config.to_dict() for run in runs]


def masks_by_hand(run: Run, criterion: str) -> np.ndarray:
    """What survives at a quarter, at three quarters, and without the replicators."""
    subject = Subject.of(run)
    counts = [count_of(share, subject.particles) for share in SHARES]
    order = order_of(criterion, subject, run.config.seed)
    return np.stack([drop_first(order, k) for k in [*counts, int(subject.replicators.sum())]])


def test_the_grid_counts_sparsities_and_then_the_replicators(runs: list[Run]):
    grid = Grid.of(asked(runs), SHARES)
    subjects = [Subject.of(run) for run in runs]
    whole = subjects[0].particles
    assert grid.counts.tolist() == [
        [round(0.25 * whole), round(0.75 * whole), int(one.replicators.sum())] for one in subjects
    ]
    for run, kept in zip(runs, grid.kept("random"), strict=True):
        assert (kept == masks_by_hand(run, "random")).all()


def test_the_grids_tables_put_every_value_in_its_place(runs: list[Run]):
    grid = Grid.of(asked(runs), SHARES)
    tables = grid.tables([0.8, 0.9], {"a": np.arange(6.0), "b": np.array([10.0, 20.0])})
    points, natural = tables["points"], tables["natural"]
    assert points["accuracy"].tolist() == [0, 1, 3, 4]
    assert points["seed"].tolist() == [3, 3, 4, 4]
    assert points["sparsity"].tolist() == [*SHARES, *SHARES]
    assert points["base_accuracy"].tolist() == [0.8, 0.8, 0.9, 0.9]
    assert natural["rival"].tolist() == ["a", "a", "b", "b"]
    assert natural["accuracy"].tolist() == [2, 5, 10, 20]
    assert natural["dropped"].tolist() == [*grid.counts[:, 2], *grid.counts[:, 2]]
    whole = grid.subjects[0].particles
    np.testing.assert_allclose(natural["sparsity"], natural["dropped"] / whole)
    assert (natural["surviving"] == whole - natural["dropped"]).all()
    assert "points" not in grid.tables([0.8, 0.9], {"b": np.array([10.0, 20.0])})
    assert set(points.columns) == set(natural.columns) and "natural" not in points


def test_survivors_are_trained_on_from_the_runs_last_states(runs: list[Run]):
    _, tables = retrained_tables(asked(runs), "magnitude", SHARES, 2)
    expected = []
    for run in runs:
        one = Subject.of(run)
        keep = masks_by_hand(run, "magnitude")
        weights = retrain(runs[0].config, one.task, [run.state] * 3, keep, 2)
        expected.append([replace(one, weights=member).accuracy() for member in weights])
    both = pd.concat([tables["points"], tables["natural"]])
    got = both.sort_values(["seed"], kind="stable")["accuracy"].to_numpy().reshape(2, 3)
    np.testing.assert_allclose(got, expected, atol=1e-12)
    assert set(both["rival"]) == {"magnitude-retrained"}
    base = [Subject.of(run).accuracy() for run in runs]
    assert tables["natural"]["base_accuracy"].tolist() == base


def test_collapsed_survivors_go_on_as_a_dense_network_and_renewed_ones_start_anew(runs: list[Run]):
    _, tables = retrained_tables(asked(runs), "replicators", SHARES, 2)
    natural = tables["natural"].set_index(["rival", "seed"])["accuracy"]
    for index, run in enumerate(runs):
        one = Subject.of(run)
        keep = masks_by_hand(run, "replicators")[-1]
        dense, _ = train_dense(
            one.scalars[None],
            torch.from_numpy(keep[None]),
            run.shape,
            one.task,
            range(4, 6),
            Rules.of(runs[0].config),
        )
        got = natural["replicators-collapsed", run.config.seed]
        assert got == pytest.approx(one.answered(dense)[0], abs=0.004)
        start = initial_state(run.config, one.particles, run.state.engine)
        assert (fresh_states([run.config], keep[None])[0].weights == start.weights * keep).all()
        weights = retrain(runs[0].config, one.task, [start], keep[None], run.config.epochs)
        expected = replace(one, weights=weights[0]).accuracy()
        assert natural["replicators-renewed", run.config.seed] == pytest.approx(expected, abs=0.004)
        assert index < 2
    assert "replicators-renewed" not in set(tables["points"]["rival"])


def test_rivals_from_scratch_use_the_chosen_rate_and_the_runs_masks(runs: list[Run]):
    facts, tables = scratch_tables(asked(runs), ["mask", "one-shot"], SHARES, 1)
    grid = Grid.of(asked(runs), SHARES)
    some, config = grid.subjects[0], runs[0].config
    setup = Setup(
        some.task, some.shape, Rules.of(config), (3, 4), grid.counts, 3, 1,
        grid.kept("replicators"),
    )  # fmt: skip
    assert facts["rate"] == best_rate(setup)
    setup = replace(setup, rules=replace(setup.rules, lr=facts["rate"]))
    alone = replace(setup, counts=setup.counts[:, 2:], kept=setup.kept[:, 2:])
    natural = tables["natural"].set_index(["rival", "seed"])
    expected = some.answered(SCRATCH["mask"].make(alone))
    np.testing.assert_allclose(natural.loc["mask", "accuracy"], expected, atol=0.004)
    everything = some.answered(SCRATCH["one-shot"].make(setup)).reshape(2, 3)
    got = tables["points"]["accuracy"].to_numpy().reshape(2, 2)
    np.testing.assert_allclose(got, everything[:, :2], atol=0.004)
    base = natural.loc["mask", "base_accuracy"]
    np.testing.assert_allclose(base, some.answered(setup.dense), atol=0.004)


def test_the_tables_of_one_run_carry_its_seed(runs: list[Run]):
    facts, tables = run_tables(runs[0].config.to_dict(), SHARES, 2, 2, 4)
    assert facts == {} and set(tables) == {"points", "natural", "controls", "epsilon"}
    assert all((table["seed"] == 3).all() for table in tables.values())
    assert (tables["points"]["rival"] == "random").sum() == 2 * 2
    assert sorted(set(tables["points"]["sparsity"])) == list(SHARES)


def test_what_diverged_says_so_and_is_left_out(configs: list[RunConfig]):
    wild = configs[0].replace(lr=10.0, alpha=1e4)
    said = obtain(wild)[0].stopped
    assert run_tables(wild.to_dict(), SHARES) == ({"stopped": said}, {})
    assert retrained_tables([wild.to_dict()], "random", SHARES, 1) == ({"stopped": said}, {})
    assert scratch_tables([wild.to_dict()], ["snip"], SHARES, 1) == ({"stopped": said}, {})
    grid = Grid.of([wild.to_dict(), configs[1].to_dict()], SHARES)
    assert [run.config.seed for run in grid.runs] == [4] and grid.stopped == said


# --- orders and points ---------------------------------------------------------------------------


def test_replicators_go_by_their_error_and_zeros_by_their_largest_weight(runs: list[Run]):
    one = Subject.of(runs[0]).at(3e-2)
    kinds = one.types
    assert (kinds == ZERO).sum() > 3 and (kinds == IDENTITY).sum() > 1
    order = order_of("replicators", one)
    count = natural_count("replicators", one)
    assert count == int(np.isin(kinds, (ZERO, IDENTITY)).sum())
    assert (np.diff(one.error[order[:count]]) >= 0).all()
    assert (np.diff(one.error[order[count:]]) >= 0).all()
    assert order_of("replicators-last", one)[-1] == order[0]
    zeros = order_of("zeros", one)
    dead = natural_count("zeros", one)
    assert (np.diff(one.size[zeros[:dead]]) >= 0).all()
    assert (np.diff(one.error[zeros[dead:count]]) >= 0).all()


def test_the_natural_point_is_all_replicators_and_random_the_mean_of_thirty(runs: list[Run]):
    one = Subject.of(runs[0]).at(3e-2)
    table = natural_points(one).set_index("rival")
    count = int(one.replicators.sum())
    draws = [one.accuracy(drop_first(order_of("random", one, draw), count)) for draw in range(30)]
    assert table.loc["random", "accuracy"] == pytest.approx(np.mean(draws))
    assert table.loc["replicators", "accuracy"] == one.accuracy(~one.replicators)
    first = table.loc["magnitude"]
    assert (first["dropped"], first["surviving"]) == (count, one.particles - count)
    assert first["sparsity"] == count / one.particles
    assert first["base_accuracy"] == one.accuracy() and first["draw"] == 0


def test_an_impossible_epsilon_is_refused_and_another_one_changes_the_types_only(runs: list[Run]):
    one = Subject.of(runs[0])
    kept = one.fisher
    wide = one.at(0.5)
    assert wide.fisher is kept and wide.epsilon == 0.5
    assert wide.replicators.sum() > one.replicators.sum()
    for epsilon in (-1e-9, float("nan")):
        with pytest.raises(ValueError, match="zero or more"):
            one.at(epsilon)
    assert one.at(0.0).epsilon == 0


# --- sweeps --------------------------------------------------------------------------------------


def test_the_sweep_is_what_dropping_at_every_epsilon_costs(runs: list[Run]):
    one = Subject.of(runs[0])
    table = epsilon_sweep(one, [1e-6, 1e-2])
    for row, epsilon in zip(table.itertuples(), (1e-6, 1e-2), strict=True):
        at = one.at(epsilon)
        assert (row.zero, row.identity) == ((at.types == ZERO).sum(), (at.types == IDENTITY).sum())
        assert row.dropped == at.replicators.sum() == one.particles - row.surviving
        assert row.accuracy == one.accuracy(~at.replicators)
        assert row.base_accuracy == one.accuracy()
        assert row.difference == row.accuracy - row.base_accuracy


def test_a_run_whose_data_are_gone_is_left_out_of_the_map(
    runs: list[Run], monkeypatch: pytest.MonkeyPatch
):
    def gone(config: RunConfig) -> None:
        if config.seed == 3:
            raise DataError("gone")
        return load_task("digits")

    monkeypatch.setattr("srnn.pruning.sweeps.task_of", gone)
    assert pareto(runs)["seed"].tolist() == [4]
    monkeypatch.setattr("srnn.pruning.sweeps.task_of", lambda config: gone(runs[0].config))
    assert len(pareto(runs)) == 0


def swept(differences: list[float]) -> pd.DataFrame:
    epsilons = [1e-7, 1e-6, 1e-5, 1e-4, 1e-3]
    dropped = [10, 20, 1030, 1040, 1050]
    return pd.DataFrame({"epsilon": epsilons, "dropped": dropped, "difference": differences})


def test_the_sentence_names_the_range_around_the_logs_epsilon():
    assert epsilon_sentence(swept([-0.5, -0.01, 0.0, -0.002, -0.02])) == (
        "Dropping all replicators costs at most 1 percentage point for every epsilon from 1.0e-06 "
        "to 1.0e-04 (2.0 decades), while their number goes from 20 to 1,040."
    )
    whole = epsilon_sentence(swept([0.0, -0.01, 0.01, 0.0, 0.0]))
    assert "at most 1 percentage point for every epsilon from 1.0e-07 to 1.0e-03 (4.0 dec" in whole
    assert epsilon_sentence(swept([0, 0, -0.0251, 0, 0])) == (
        "At epsilon 1e-05 dropping all replicators costs 2.51 points."
    )


def test_the_map_of_runs_has_their_numbers_and_their_front(runs: list[Run]):
    table = pareto(runs, 3e-2).set_index("run_id")
    for run in runs:
        one, row = Subject.of(run, 3e-2), table.loc[run.run_id]
        assert row["accuracy"] == one.accuracy()
        assert row["pruned_accuracy"] == one.accuracy(~one.replicators)
        assert row["replicators"] == one.replicators.mean()
        assert row["drop_cost"] == row["accuracy"] - row["pruned_accuracy"]
        assert (row["neurons"], row["seed"], row["epochs"]) == (3, run.config.seed, 3)
        better = table[
            (table["replicators"] >= row["replicators"])
            & (table["pruned_accuracy"] >= row["pruned_accuracy"])
        ]
        assert row["front"] == (len(better) == 1)


# --- dense training ------------------------------------------------------------------------------


def test_penalty_rates_and_masks_belong_to_their_own_network():
    task = load_task("digits")
    shape = MacroShape(64, 3, 4, 10, "each", "none")
    start = torch.stack([initial_scalars(shape, seed) for seed in (0, 1)])
    masks = torch.ones_like(start).bool()
    masks[1, ::2] = False
    rules = Rules(batch_size=300, lr=99.0, momentum=0.5, data_seed=7)
    l1, rates = torch.tensor([0.0, 0.01]), torch.tensor([0.05, 0.02])
    trained, kept = train_dense(start, masks, shape, task, range(2, 4), rules, l1=l1, rates=rates)
    assert torch.equal(kept, masks)
    for member in range(2):
        w = (start[member] * masks[member]).clone().requires_grad_()
        optimizer = torch.optim.SGD([w], lr=float(rates[member]), momentum=0.5)
        for epoch in (2, 3):
            order = torch.from_numpy(data_order(7, epoch, len(task.x_train)))
            for batch in order.split(300):
                x = torch.from_numpy(task.x_train)[batch]
                y = torch.from_numpy(task.y_train)[batch]
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(forward(w, x, shape), y)
                (loss + l1[member] * w.abs().sum()).backward()
                w.grad *= masks[member]
                optimizer.step()
        torch.testing.assert_close(trained[member], w.detach(), rtol=1e-4, atol=1e-5)


def test_the_rules_are_those_of_the_metanets_training(configs: list[RunConfig]):
    config = configs[0].replace(momentum=0.4, data_seed=9)
    assert Rules.of(config, 0.3) == Rules(200, 0.3, 0.4, 9)


def test_initial_weights_are_uniform_within_the_fan_in():
    shape = MacroShape(400, 3, 25, 10)
    first, second, _ = shape.split(initial_scalars(shape, 0))
    assert first.abs().max() <= 1 / 20 and first.abs().max() > 0.9 / 20
    assert second.abs().max() <= 1 / 5 and second.abs().max() > 0.9 / 5
    assert abs(first.mean()) < 0.002
    assert not torch.equal(initial_scalars(shape, 0), initial_scalars(shape, 1))
