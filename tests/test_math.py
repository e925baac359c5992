"""The mathematics of particles, fixpoints and MetaNets against hand-made answers."""

import numpy as np
import pandas as pd
import pytest
import torch

from srnn.config import make_config
from srnn.fixpoints import classify, classify_measures, measures
from srnn.metanet import (
    MacroShape,
    accuracy,
    forward,
    layer_values,
    macro_shape,
    particle_table,
    through_layers,
)
from srnn.particles import (
    composite,
    initial_weights,
    matrices,
    neurons_of,
    position_encoding,
    replication_loss,
    scalar_weights,
    self_application,
    weight_count,
)
from srnn.vocabulary import (
    DIVERGENT,
    GLOSSARY,
    IDENTITY,
    LABELS,
    OTHER,
    SECOND_ORDER,
    TYPES,
    ZERO,
    count_replicators,
    count_types,
    is_replicator,
)


def particle_with(v: list[float], neurons: int = 2) -> np.ndarray:
    """A particle ``(n,)`` whose composite is ``v``: W1 carries v in its first row, the rest passes
    that row through."""
    w1 = np.zeros((neurons, 5))
    w1[0] = v
    w2, w3 = np.eye(neurons), np.zeros((1, neurons))
    w3[0, 0] = 1
    return np.concatenate([w1.ravel(), w2.ravel(), w3.ravel()])


def population(*particles: np.ndarray) -> torch.Tensor:
    return torch.tensor(np.stack(particles, axis=1))


def encoding_of(neurons: int, kind: str = "l2") -> torch.Tensor:
    return torch.tensor(position_encoding(neurons, kind), dtype=torch.float64)


@pytest.mark.parametrize("neurons", [1, 2, 3, 8, 16])
def test_a_particle_has_5h_plus_hh_plus_h_weights(neurons):
    assert weight_count(neurons) == 5 * neurons + neurons**2 + neurons
    assert neurons_of(weight_count(neurons)) == neurons


def test_no_particle_has_28_weights():
    with pytest.raises(ValueError, match="28"):
        neurons_of(28)


@pytest.mark.parametrize("kind", ["l2", "max"])
@pytest.mark.parametrize("neurons", [1, 2, 4])
def test_encoding_columns_are_normalised(kind, neurons):
    table = position_encoding(neurons, kind).astype(np.float64) - 1e-8
    size = np.linalg.norm(table, axis=0) if kind == "l2" else table.max(0)
    assert np.all((np.abs(size - 1) < 1e-5) | (size < 1e-7))
    assert np.isfinite(table).all()


def test_encoding_of_one_neuron_by_hand():
    """W1 is (0, 0, 0..4), W2 (1, 0, 0), W3 (2, 0, 0): norms of layer and index sqrt 5, sqrt 30."""
    layers, indices = np.array([0, 0, 0, 0, 0, 1, 2]), np.array([0, 1, 2, 3, 4, 0, 0])
    for kind, sizes in (("l2", (5**0.5, 30**0.5)), ("max", (2.0, 4.0))):
        table = position_encoding(1, kind)
        assert table.dtype == np.float32
        assert table[:, 0] == pytest.approx(layers / sizes[0] + 1e-8, rel=1e-6)
        assert (table[:, 1] == np.float32(1e-8)).all()
        assert table[:, 2] == pytest.approx(indices / sizes[1] + 1e-8, rel=1e-6)


def test_one_particle_by_hand():
    """h = 1, W1 = (1, 2, 3, 4, 5), W2 = 2, W3 = 3: v = 6 W1."""
    weights = torch.tensor([[1.0], [2], [3], [4], [5], [2], [3]], dtype=torch.float64)
    assert composite(weights)[:, 0].tolist() == [6, 12, 18, 24, 30]
    assert scalar_weights(weights).tolist() == [30]
    encoding = torch.zeros(7, 3, dtype=torch.float64)
    encoding[5], encoding[6] = torch.tensor([1.0, 0, 0]), torch.tensor([0, 1.0, 2.0])
    asked = self_application(weights, encoding)[:, 0]
    assert asked.tolist() == [6, 12, 18, 24, 30, 2 * 6 + 12, 3 * 6 + 18 + 2 * 24]
    errors = [5, 10, 15, 20, 25, 22, 81]
    loss = replication_loss(weights, encoding).item()
    assert loss == pytest.approx(sum(error**2 for error in errors) / 7)
    size, error, second = measures(weights, encoding)
    assert (size.item(), error.item(), second.item()) == (5, 81, 7 * 81)


def test_types_are_decided_in_their_order_and_epsilon_belongs_to_them():
    """Largest weight, error, error of the second application -> the type."""
    rows = {
        "divergent": (np.nan, 0, 0),
        "zero": (0.1, 0, 0),
        "identity": (0.2, 0.1, 0.1),
        "second_order": (0.2, 0.2, 0.1),
        "other": (0.2, 0.2, 0.2),
    }
    columns = map(np.array, zip(*rows.values(), strict=True))
    found = classify_measures(*columns, epsilon=0.1)
    assert [TYPES[code] for code in found] == list(rows)
    assert found.dtype == np.uint8
    assert classify_measures(*(np.zeros(1),) * 3, epsilon=0.0).tolist() == [ZERO]
    with pytest.raises(ValueError, match="epsilon"):
        classify_measures(*(np.zeros(1),) * 3, epsilon=-1e-9)


def test_encoding_rejects_an_unknown_kind():
    with pytest.raises(ValueError, match="l2, max"):
        position_encoding(2, "l1")


def test_composite_is_the_matrix_product():
    weights = torch.tensor(initial_weights(3, 4, 0), dtype=torch.float64)
    for index in range(4):
        one = weights[:, index]
        w1, w2, w3 = one[:15].view(3, 5), one[15:24].view(3, 3), one[24:].view(1, 3)
        assert torch.allclose(composite(weights)[:, index], (w3 @ w2 @ w1)[0])


def test_closed_form_loss_is_the_mean_squared_error():
    weights = torch.tensor(initial_weights(4, 7, 1), dtype=torch.float64)
    encoding = encoding_of(4)
    plain = ((self_application(weights, encoding) - weights) ** 2).mean(0)
    assert torch.allclose(replication_loss(weights, encoding), plain, rtol=1e-12, atol=0)


def test_a_perfect_replicator_may_carry_any_task_weight():
    weights = population(particle_with([1, 0, 0, 0, 7.5]))
    assert classify(weights, encoding_of(2)).tolist() == [IDENTITY]
    assert scalar_weights(weights).item() == 7.5


def test_hand_made_fixpoints_have_their_types():
    negation, halving = particle_with([-1, 0, 0, 0, 0]), particle_with([0.5, 0, 0, 0, 0])
    broken, endless = particle_with([1, 0, 0, 0, 0]), particle_with([1, 0, 0, 0, 0])
    broken[3], endless[3] = np.nan, np.inf
    weights = population(
        np.zeros(16), particle_with([1, 0, 0, 0, 2]), negation, halving, broken, endless
    )
    types = [TYPES[code] for code in classify(weights, encoding_of(2))]
    assert types == ["zero", "identity", "second_order", "other", "divergent", "divergent"]


def test_epsilon_is_a_closed_absolute_bound():
    small = np.zeros(16)
    small[0] = 1e-3
    weights = population(small)
    assert TYPES[classify(weights, encoding_of(2), 1e-3)[0]] == "zero"
    assert TYPES[classify(weights, encoding_of(2), 0.99e-3)[0]] != "zero"
    with pytest.raises(ValueError, match="epsilon"):
        classify(weights, encoding_of(2), float("nan"))


def test_second_order_is_a_twice_applied_particle():
    """The shortcut |1 + v0| |f(w) - w| is the error of applying the particle to its own output."""
    weights = torch.tensor(initial_weights(3, 20, 5), dtype=torch.float64)
    encoding = encoding_of(3)
    v = composite(weights)
    once = self_application(weights, encoding)
    twice = once * v[:1] + encoding @ v[1:4]
    error = (twice - weights).abs().amax(0)
    for epsilon in (0.05, 0.2, 0.5, 1.0):
        types = np.array(TYPES)[classify(weights, encoding, epsilon)]
        expected = (error <= epsilon).numpy() & ~np.isin(types, ["zero", "identity"])
        assert np.array_equal(types == "second_order", expected)


def test_type_counts_add_up():
    counts = count_types(np.array([0, 1, 1, 4], dtype=np.uint8))
    assert counts == {"divergent": 1, "zero": 2, "identity": 0, "second_order": 0, "other": 1}


@pytest.mark.parametrize("coupled", [True, False])
def test_the_loss_is_derived_through_the_target_only_if_coupled(coupled):
    weights = torch.tensor(initial_weights(3, 2, 1), dtype=torch.float64).requires_grad_()
    encoding = encoding_of(3)
    own = weights if coupled else weights.detach()
    v = composite(weights)
    plain = (own * v[:1] + encoding @ v[1:4] - own).square().mean(0).sum()
    (expected,) = torch.autograd.grad(plain, weights)
    closed = replication_loss(weights, encoding, coupled).sum()
    (found,) = torch.autograd.grad(closed, weights)
    assert torch.allclose(found, expected, rtol=1e-9, atol=1e-12)
    by_default = torch.autograd.grad(replication_loss(weights, encoding).sum(), weights)[0]
    assert torch.allclose(found, by_default) == coupled


def test_many_populations_at_once_are_each_alone():
    """A leading axis, as a history of snapshots has it."""
    many = torch.tensor(np.stack([initial_weights(3, 5, seed) for seed in (0, 1)]))
    encoding = encoding_of(3).float()
    assert [tuple(one.shape) for one in matrices(many)] == [(2, 3, 5, 5), (2, 3, 3, 5), (2, 3, 5)]
    for index, one in enumerate(many):
        assert torch.allclose(composite(many)[index], composite(one))
        assert torch.allclose(scalar_weights(many)[index], composite(one)[4])
        assert torch.allclose(
            replication_loss(many, encoding)[index], replication_loss(one, encoding)
        )


def test_initial_weights_do_not_depend_on_the_population_size():
    few, many = initial_weights(4, 3, 9), initial_weights(4, 300, 9)
    assert np.array_equal(few, many[:, :3])
    assert not np.array_equal(few, initial_weights(4, 3, 10))


def test_initial_weights_stay_within_their_bounds():
    weights = initial_weights(4, 2000, 0)
    assert weights.dtype == np.float32 and abs(weights.mean()) < 0.01
    for part, bound in ((weights[:20], 1 / 5**0.5), (weights[20:], 1 / 2)):
        assert 0.98 * bound < part.max() <= bound and 0.98 * bound < -part.min() <= bound
    xavier = initial_weights(4, 2000, 0, "xavier")
    assert 0.98 * (6 / 9) ** 0.5 < np.abs(xavier[:20]).max() <= (6 / 9) ** 0.5
    with pytest.raises(ValueError, match="fan_in, xavier"):
        initial_weights(2, 1, 0, "normal")


def test_the_shape_is_that_of_the_configuration():
    config = make_config(dataset="digits", depth=4, width=7, residual="pairs", activation="tanh")
    assert macro_shape(config) == MacroShape(64, 4, 7, 10, "pairs", "tanh")
    with pytest.raises(ValueError, match="15x15"):
        macro_shape(make_config(size=28))


def test_a_pass_by_hand_with_its_own_sums_activation_and_skips():
    """One cell a layer: doubled three times, 100 added in hidden layers, a tenth carried over."""
    shape, x = MacroShape(1, 4, 1, 1, "each"), torch.tensor([[1.0]])
    rules = (
        lambda layer, x: 2 * x,
        lambda layer, x: x + 100 * layer,
        lambda layer, value: value / 10 + layer,
    )
    read = layer_values(x, shape, *rules)
    # layer 1: 2 * 2 + 100 = 104, and a tenth of 2 and 1 carried: 105.2; layer 2 the same way
    assert [one.item() for one in read] == pytest.approx([1, 2, 105.2, 422.92, 845.84])
    assert through_layers(x, shape, *rules).item() == read[-1].item()


def test_the_seed_network_has_1518_particles_in_order():
    shape = MacroShape(225, 5, 6, 10)
    table = particle_table(shape)
    assert shape.particles == len(table) == 1518
    assert list(table.columns) == ["particle", "layer", "cell", "input"]
    assert table["particle"].iloc[0] == "L0_C0_W0"
    assert table["particle"].iloc[225] == "L0_C1_W0"
    assert table["particle"].iloc[1350] == "L1_C0_W0"
    assert table["particle"].iloc[-1] == "L4_C9_W5"


@pytest.mark.parametrize(
    ("residual", "depth", "skips"),
    [
        ("none", 5, [None] * 5),
        ("each", 5, [None, 1, 2, 3, None]),
        ("pairs", 5, [None, None, 1, None, None]),
        ("pairs", 3, [None, None, None]),
        ("pairs", 6, [None, None, 1, None, 3, None]),
    ],
)
def test_residual_skips(residual, depth, skips):
    shape = MacroShape(7, depth, 4, 3, residual)
    assert [shape.skip(layer) for layer in range(depth)] == skips


@pytest.mark.parametrize("activation", ["none", "relu", "tanh"])
def test_forward_is_the_dense_network(activation):
    shape = MacroShape(4, 4, 3, 2, "each", activation)
    draw = np.random.default_rng(0)
    scalars = torch.tensor(draw.standard_normal(shape.particles))
    x = torch.tensor(draw.standard_normal((5, 4)))
    act = {"none": lambda z: z, "relu": lambda z: np.maximum(z, 0), "tanh": np.tanh}[activation]
    matrices = [part.numpy() for part in shape.split(scalars)]
    expected = act(x.numpy() @ matrices[0].T)
    for matrix in matrices[1:-1]:
        expected = act(expected @ matrix.T) + expected
    assert np.allclose(forward(scalars, x, shape).numpy(), expected @ matrices[-1].T)


def test_several_networks_at_once_are_each_network_alone():
    shape = MacroShape(4, 5, 3, 2, "pairs")
    scalars = torch.randn(3, shape.particles, generator=torch.Generator().manual_seed(0))
    x = torch.randn(11, 4, generator=torch.Generator().manual_seed(1))
    together = forward(scalars, x, shape)
    for index in range(3):
        assert torch.allclose(together[index], forward(scalars[index], x, shape), atol=1e-6)


def test_a_network_without_a_finite_answer_is_wrong():
    shape = MacroShape(2, 2, 1, 2)
    scalars = torch.full((shape.particles,), float("nan"))
    assert accuracy(scalars, torch.ones(3, 2), torch.zeros(3).long(), shape) == 0


def test_accuracy_by_hand():
    """Inputs 1 0 and 0 1 through a hidden cell of weights 1, -1; outputs of weights 2, -1."""
    shape = MacroShape(2, 2, 1, 2)
    scalars = torch.tensor([1.0, -1.0, 2.0, -1.0])
    x = torch.tensor([[1.0, 0], [0, 1], [2, 1], [1, 2]])  # hidden 1, -1, 1, -1: answers 0 1 0 1
    logits = [[2.0, -1.0], [-2.0, 1.0], [2.0, -1.0], [-2.0, 1.0]]
    assert forward(scalars, x, shape).tolist() == logits
    assert accuracy(scalars, x, torch.tensor([0, 1, 1, 1]), shape) == 0.75
    broken = torch.cat([x, torch.tensor([[torch.inf, 0.0]])])
    assert accuracy(scalars, broken, torch.tensor([0, 1, 0, 1, 0]), shape) == 0.8


def test_replicators_are_the_zeros_and_the_identities():
    codes = np.arange(5, dtype=np.uint8).reshape(1, 5)
    assert is_replicator(codes).tolist() == [[False, True, True, False, False]]
    counts = {"divergent": 1, "zero": 2, "identity": 4, "second_order": 8, "other": 16}
    assert count_replicators(counts) == 6
    rows = pd.DataFrame([counts, dict.fromkeys(counts, 1)])
    assert count_replicators(rows).tolist() == [6, 2]
    assert tuple(map(TYPES.index, counts)) == (DIVERGENT, ZERO, IDENTITY, SECOND_ORDER, OTHER)


def test_every_type_and_measure_is_in_the_glossary():
    assert {*LABELS.values(), "replicator", "survivor", "epsilon", "alpha"} <= set(GLOSSARY)
    assert all(text.endswith(".") and len(text) < 250 for text in GLOSSARY.values())
