"""Orders, control tests and points of a network that is no more than a table of numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
import torch

from srnn.pruning import controls
from srnn.pruning.controls import CALIPER, MATCHINGS, Control, control_tests
from srnn.pruning.criteria import order_of
from srnn.pruning.curves import curves, natural_points, over_draws
from srnn.pruning.masks import natural_count
from srnn.statistics import holm
from srnn.vocabulary import DIVERGENT, IDENTITY, OTHER, ZERO

IMAGES = 1000


@dataclass
class Table:
    """What is asked of a subject. Every particle is ``worth`` so many images, the last ones first:
    dropping particles worth 30 together leaves 970 of the 1,000 answers right."""

    types: np.ndarray
    worth: np.ndarray
    scalars: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    size: np.ndarray = field(default_factory=lambda: np.zeros(0))
    error: np.ndarray = field(default_factory=lambda: np.zeros(0))
    fisher: np.ndarray = field(default_factory=lambda: np.zeros(0))
    input_std: np.ndarray = field(default_factory=lambda: np.zeros(0))
    layer: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def shape(self) -> Table:
        return self

    @property
    def particles(self) -> int:
        return len(self.types)

    @property
    def replicators(self) -> np.ndarray:
        return np.isin(self.types, (ZERO, IDENTITY))

    @property
    def contribution(self) -> np.ndarray:
        return self.scalars.abs().numpy() * self.input_std

    def right(self, masks: np.ndarray) -> np.ndarray:
        lost = (~masks * self.worth).sum(1)
        return np.arange(IMAGES) < IMAGES - lost[:, None]

    def accuracies(self, masks: np.ndarray) -> np.ndarray:
        return self.right(masks).mean(1)

    def accuracy(self, mask: np.ndarray | None = None) -> float:
        return 1.0 if mask is None else float(self.accuracies(mask[None])[0])


@pytest.fixture
def six() -> Table:
    """0 zero, 1 other, 2 identity, 3 other, 4 zero, 5 diverged."""
    return Table(
        types=np.array([ZERO, OTHER, IDENTITY, OTHER, ZERO, DIVERGENT]),
        worth=np.array([1, 10, 20, 40, 2, 0]),
        scalars=torch.tensor([0.0, -0.5, 2.0, 0.25, 0.1, torch.nan]),
        size=np.array([9e-6, 1.0, 1.0, 1.0, 2e-6, np.nan]),
        error=np.array([1e-6, 0.3, 5e-6, 0.2, 2e-6, np.nan]),
        fisher=np.array([0.5, 0.1, 0.4, 0.2, 0.3, np.nan]),
        input_std=np.array([0.3, 0.2, 0.0, 0.3, 0.2, 0.3]),
    )


ORDERS = {
    "replicators": [0, 4, 2, 3, 1, 5],  # by error: 1e-6, 2e-6, 5e-6; 0.2, 0.3
    "zeros": [4, 0, 2, 3, 1, 5],  # zeros by size: 2e-6, 9e-6
    "magnitude": [0, 4, 3, 1, 2, 5],  # 0, 0.1, 0.25, 0.5, 2
    "activity": [0, 2, 4, 3, 1, 5],  # 0, 0, 0.02, 0.075, 0.1
    "fisher": [1, 3, 4, 2, 0, 5],
    "replicators-last": [1, 3, 2, 4, 0, 5],
    "magnitude-last": [2, 1, 3, 4, 0, 5],
}


@pytest.mark.parametrize("criterion", ORDERS)
def test_the_order_of_six_particles(criterion: str, six: Table):
    assert order_of(criterion, six).tolist() == ORDERS[criterion]


def test_a_random_order_is_the_seeds(six: Table):
    draws = {tuple(order_of("random", six, seed)[:5].tolist()) for seed in range(40)}
    assert len(draws) > 25 and all(set(draw) == set(range(5)) for draw in draws)
    assert {draw[0] for draw in draws} == set(range(5))
    assert (order_of("random", six) == order_of("random", six, 0)).all()


def test_how_many_a_criterion_drops_by_itself(six: Table):
    assert [natural_count(name, six) for name in ("zeros", "replicators", "random")] == [2, 3, 3]


def test_curves_lose_what_the_dropped_ones_are_worth(six: Table):
    table = curves(six, ["magnitude", "random"], [0.5, 1.0], draws=2)
    own = table[table["rival"] == "magnitude"]
    assert own["dropped"].tolist() == [3, 6] and own["surviving"].tolist() == [3, 0]
    assert own["accuracy"].tolist() == pytest.approx([1 - 0.043, 1 - 0.073])
    assert own["sparsity"].tolist() == [0.5, 1.0] and set(own["draw"]) == {0}
    assert set(table["base_accuracy"]) == {1.0}
    chance = table[(table["rival"] == "random") & (table["dropped"] == 3)]
    expected = [1 - six.worth[order_of("random", six, draw)[:3]].sum() / IMAGES for draw in (0, 1)]
    assert chance["accuracy"].tolist() == pytest.approx(expected)
    assert chance["draw"].tolist() == [0, 1]
    short = over_draws(table).set_index(["rival", "sparsity"])
    low, high = np.quantile(expected, (0.025, 0.975))
    row = short.loc[("random", 0.5)]
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert row["accuracy"] == pytest.approx(np.mean(expected)) and "draw" not in short


def test_natural_points_drop_as_many_as_there_are_replicators(six: Table):
    table = natural_points(six).set_index("rival")
    costs = {"replicators": 23, "zeros": 23, "magnitude": 43, "fisher": 52, "magnitude-last": 70}
    for name, cost in costs.items():
        assert table.loc[name, "accuracy"] == pytest.approx(1 - cost / IMAGES), name
    assert set(table["dropped"]) == set(table["surviving"]) == {3}
    assert set(table["sparsity"]) == {0.5} and set(table["base_accuracy"]) == {1.0}


# control tests

PAIRS = 30


@pytest.fixture
def paired(monkeypatch: pytest.MonkeyPatch) -> Table:
    """Thirty replicators worth nothing, thirty survivors worth ten images each."""
    monkeypatch.setattr(controls, "MATCHINGS", {"layer": MATCHINGS["layer"]})
    kinds = np.repeat([IDENTITY, OTHER], PAIRS)
    return Table(
        types=kinds,
        worth=np.repeat([0, 10], PAIRS),
        scalars=torch.ones(2 * PAIRS),
        input_std=np.repeat([0.2, 0.4], PAIRS),
        layer=np.zeros(2 * PAIRS),
    )


def only(subject: Table, **options: int) -> pd.Series:
    (found,) = (row for _, row in control_tests(subject, **options).iterrows())
    return found


def test_a_control_test_counted_by_hand(paired: Table):
    found = only(paired, pairings=4, permutations=50)
    assert (found.replicators, found.others, found.pairs) == (PAIRS, PAIRS, PAIRS)
    assert (found.without_replicators, found.without_others) == (1.0, 0.7)
    assert found.difference == pytest.approx(0.3) and found.base_accuracy == 1.0
    assert found.p_value == pytest.approx(2 / 101)  # of 100 permutations none goes as far
    assert found.p_equivalence == 1.0  # every draw lies beyond the margin
    assert (found.std_replicators, found.std_others) == pytest.approx((0.2, 0.4))
    reach = 1.96 * np.sqrt(0.3 * 0.7 / IMAGES)  # images are resampled; all pairings are alike
    assert (found.low, found.high) == pytest.approx((0.3 - reach, 0.3 + reach), abs=0.006)
    assert found.sentence.startswith(
        "Among particles of the same layer, replicators are the better ones to drop: dropping 30 of"
        " the 30 replicators costs 0.00 points, dropping their partners 30.00 (difference +30.00, "
        "95 % interval +"
    )
    assert "p = 0.020; mean input std 0.200 against 0.400)." in found.sentence


def test_the_sign_turns_with_the_worth(paired: Table):
    paired.worth = paired.worth[::-1]
    found = only(paired, pairings=2, permutations=50)
    assert (found.without_replicators, found.without_others) == (0.7, 1.0)
    assert found.difference == pytest.approx(-0.3) and found.high < -0.2
    assert found.p_value == pytest.approx(2 / 101) and found.p_equivalence == 1.0


def test_alike_groups_are_equivalent(paired: Table):
    paired.worth = paired.worth * 0
    found = only(paired, pairings=2, permutations=50)
    assert (found.difference, found.p_value, found.p_equivalence) == (0.0, 1.0, 0.0)
    assert (found.low, found.high) == (0.0, 0.0)
    assert "makes no difference (within 0.5 points)" in found.sentence


def test_lively_pairs_are_those_on_lively_inputs(paired: Table, monkeypatch: pytest.MonkeyPatch):
    """Five replicators see an input of less than the least std, one of just that."""
    monkeypatch.setattr(controls, "MATCHINGS", {"lively": MATCHINGS["weight, lively"]})
    paired.scalars[:] = 1.0
    paired.input_std[:5], paired.input_std[5] = controls.LIVELY - 0.01, controls.LIVELY
    found = only(paired, pairings=1, permutations=5)
    assert (found.replicators, found.others, found.pairs) == (PAIRS - 5, PAIRS, PAIRS - 5)


@pytest.mark.parametrize(("others", "support"), [(19, False), (20, True)])
def test_twenty_pairs_are_support(others: int, support: bool, paired: Table):
    paired.types[PAIRS + others :] = DIVERGENT
    paired.scalars[PAIRS + others :] = torch.nan
    found = only(paired, pairings=2, permutations=5)
    assert (found.support, found.pairs, found.others) == (support, others, others)


@pytest.mark.parametrize(("more", "support"), [(170, True), (180, False)])
def test_a_tenth_of_the_replicators_must_find_a_partner(more: int, support: bool, paired: Table):
    """Twenty survivors for 200, or 210, replicators."""
    kinds = np.r_[np.repeat(IDENTITY, PAIRS + more), np.repeat(OTHER, 20)]
    many = Table(
        types=kinds,
        worth=np.zeros(len(kinds)),
        scalars=torch.ones(len(kinds)),
        input_std=np.full(len(kinds), 0.2),
        layer=np.zeros(len(kinds)),
    )
    found = only(many, pairings=1, permutations=5)
    assert (found.pairs, found.support) == (20, support)


def test_a_draw_is_one_pairing_on_resampled_images():
    """One pairing gains every image, the other loses every image."""
    right = np.zeros((2, 2, 50), dtype=bool)
    right[0, 0] = right[1, 1] = True
    draws = controls._resampled(right, np.random.default_rng(0))
    assert set(draws.tolist()) == {-1.0, 1.0} and abs(draws.mean()) < 0.2
    assert len(draws) == controls.RESAMPLES


def test_labels_are_swapped_within_their_pair():
    ours, theirs = np.arange(100), np.arange(100, 200)
    one, other = controls._swapped(ours, theirs, np.random.default_rng(0))
    assert ((other - one) % 200 == 100).all()  # pairs stay pairs
    assert 30 < (one >= 100).sum() < 70


def test_a_run_has_its_p_values_corrected(monkeypatch: pytest.MonkeyPatch, paired: Table):
    raw = dict(zip(MATCHINGS, (0.01, 0.04, np.nan, 0.03, 0.5), strict=True))
    monkeypatch.setattr(controls, "MATCHINGS", MATCHINGS)
    monkeypatch.setattr(
        controls,
        "_control",
        lambda subject, name, *_: Control(name, 0, 0, 0, True, 0.9, p_value=raw[name]),
    )
    found = control_tests(paired)
    assert found["matching"].tolist() == list(MATCHINGS)
    np.testing.assert_allclose(found["p_value"], holm(list(raw.values())))


def test_what_two_paired_particles_share(paired: Table):
    paired.scalars = torch.tensor([1e-9, -0.5] * PAIRS)
    paired.input_std = np.array([0.001, 0.3] * PAIRS)
    values = {name: one.values(paired)[:, :2] for name, one in MATCHINGS.items()}
    assert values["layer"].shape == (0, 2)
    np.testing.assert_allclose(values["weight"], np.log([[1e-6, 0.5]]))
    np.testing.assert_allclose(values["weight and input"], np.log([[1e-6, 0.5], [0.01, 0.3]]))
    np.testing.assert_allclose(values["contribution"], np.log([[1e-6, 0.15]]))
    assert [name for name, one in MATCHINGS.items() if one.lively] == ["weight, lively"]
    assert pytest.approx(np.log(1.1)) == CALIPER


def test_a_gap_of_the_caliper_is_too_wide():
    marked, usable, layer = np.array([True, False]), np.ones(2, dtype=bool), np.zeros(2)
    for gap, count in ((0.999 * CALIPER, 1), (CALIPER, 0)):
        values = np.array([[0.0, gap]])
        ours, _ = controls.pair(marked, usable, layer, values, np.random.default_rng(0))
        assert len(ours) == count
