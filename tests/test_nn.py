"""MetaLinear and MetaConv2d in models and training loops that know nothing of particles."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import prune

import srnn.nn
from srnn import particles
from srnn.engines import Problem
from srnn.engines.autograd import AutogradEngine
from srnn.fixpoints import classify
from srnn.metanet import MacroShape, forward, through_layers
from srnn.nn import (
    MetaConv2d,
    MetaLinear,
    census,
    collapse,
    prune_,
    replication_loss,
    replicator_mask,
)
from srnn.tasks import load_task
from srnn.vocabulary import count_types


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_module_exports_these_names_and_no_others():
    assert set(srnn.nn.__all__) == {
        "MetaLinear", "MetaConv2d", "replication_loss", "census", "replicator_mask", "prune_",
        "collapse",
    }  # fmt: skip


# --- the lab's MetaNet is a composition of MetaLinear ---------------------------------------------


class Composition(nn.Module):
    """The lab's MetaNet, put together from MetaLinear layers."""

    def __init__(self, shape: MacroShape, h: int, weights: np.ndarray, encoding: str) -> None:
        super().__init__()
        self.shape = shape
        self.layers = nn.ModuleList(
            MetaLinear(inp, out, h, encoding=encoding, dtype=torch.float64)
            for out, inp in shape.layers
        )
        with torch.no_grad():
            for layer, first, last in zip(
                self.layers, shape.starts, shape.starts[1:], strict=False
            ):
                layer.particles.copy_(torch.from_numpy(weights[:, first:last]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return through_layers(x, self.shape, lambda layer, x: self.layers[layer](x))

    def flat(self, of=lambda layer: layer.particles) -> torch.Tensor:
        return torch.cat([of(layer) for layer in self.layers], 1).detach()


@pytest.mark.parametrize("coupled", [True, False])
@pytest.mark.parametrize("residual, activation", [("each", "none"), ("pairs", "tanh")])
def test_the_labs_metanet_is_a_composition(residual, activation, coupled):
    shape, h, kind = MacroShape(7, 4, 5, 3, residual, activation), 3, "l2" if coupled else "max"
    rng = np.random.default_rng(0)
    x, y = rng.random((12, 7)), rng.integers(0, 3, 12)
    start = particles.initial_weights(h, shape.particles, 1).astype(np.float64)
    encoding = particles.position_encoding(h, kind)
    problem = Problem(shape, encoding, x, y, 5.0, 0.02, 0.02, 0.9, True, 1, coupled)
    net = Composition(shape, h, start, kind)
    whole = torch.tensor(start, requires_grad=True)
    table = torch.from_numpy(encoding).double()

    ours, theirs = replication_loss(net, coupled), particles.replication_loss(whole, table, coupled)
    assert ours.item() == pytest.approx(theirs.sum().item(), abs=1e-12)
    inputs, labels = torch.from_numpy(x), torch.from_numpy(y)
    logits = forward(particles.scalar_weights(whole), inputs, shape)
    torch.testing.assert_close(net(inputs), logits, rtol=0, atol=1e-12)
    (cross_entropy(net(inputs), labels) + ours).backward()
    (cross_entropy(logits, labels) + theirs.sum()).backward()
    gradient = net.flat(lambda layer: layer.particles.grad)
    torch.testing.assert_close(gradient, whole.grad, rtol=0, atol=1e-12)

    engine = AutogradEngine(problem, start[None], start[None] * 0, dtype=torch.float64)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
    for _ in range(5):
        engine.train(np.arange(12), 12, np.array([True]))
        for loss in (
            lambda: 5.0 * replication_loss(net, coupled),
            lambda: cross_entropy(net(inputs), labels),
        ):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()
    np.testing.assert_allclose(net.flat().numpy(), engine.weights()[0], rtol=0, atol=1e-12)
    types = classify(torch.from_numpy(engine.weights()[0]), table, 1e-2)
    assert census(net, 1e-2) == count_types(types)


# --- a stranger's training loop ------------------------------------------------------------------


def small_network(generator: torch.Generator, linear=MetaLinear, conv=MetaConv2d) -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        conv(1, 6, 3, padding=1, bias=True, generator=generator),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        linear(96, 10, bias=True, generator=generator),
    )


def test_a_convolutional_network_trains_prunes_and_collapses():
    task = load_task("digits")
    x, y = torch.from_numpy(task.x_train), torch.from_numpy(task.y_train)
    x_test, y_test = torch.from_numpy(task.x_test), torch.from_numpy(task.y_test)
    generator = seeded()
    model = small_network(generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(12):
        for rows in torch.randperm(len(x), generator=generator).split(50):
            loss = cross_entropy(model(x[rows]), y[rows]) + 1e-3 * replication_loss(model)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def accuracy(net: nn.Module) -> float:
        return float((net(x_test).argmax(-1) == y_test).double().mean())

    trained, types = accuracy(model), census(model, 0.05)
    assert trained > 0.85
    assert sum(types.values()) == 6 * 9 + 960
    replicators = types["zero"] + types["identity"]
    masks = replicator_mask(model, 0.05)
    assert sum(int(mask.sum()) for mask in masks.values()) == replicators > 20

    prune_(model, 0.05)
    for rows in torch.randperm(len(x), generator=generator).split(50):  # Adam remembers; masks hold
        loss = cross_entropy(model(x[rows]), y[rows]) + 1e-3 * replication_loss(model)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for name, mask in masks.items():
        assert (model.get_submodule(name).weight[mask] == 0).all()
        assert (model.get_submodule(name).weight[~mask] != 0).any()

    dense = collapse(model)
    assert not any(isinstance(part, MetaLinear | MetaConv2d) for part in dense.modules())
    assert type(dense[1]) is nn.Conv2d and type(dense[5]) is nn.Linear
    with torch.no_grad():
        torch.testing.assert_close(dense(x_test), model(x_test), rtol=0, atol=0)


# --- the layers in the places of nn.Linear and nn.Conv2d -----------------------------------------


def test_a_layer_is_its_collapsed_layer_for_every_input_shape_and_option():
    line = MetaLinear(5, 3, h=2, bias=True, generator=seeded())
    for shape in ((5,), (4, 5), (2, 4, 5)):
        x = torch.rand(shape, generator=seeded(1))
        torch.testing.assert_close(line(x), collapse(line)(x), rtol=0, atol=0)
    options = {"stride": 2, "padding": (1, 0), "dilation": (1, 2), "groups": 2, "bias": True}
    conv = MetaConv2d(4, 6, (3, 2), h=2, generator=seeded(), **options)
    plain, x = collapse(conv), torch.rand(2, 4, 9, 9, generator=seeded(1))
    assert plain.weight.shape == nn.Conv2d(4, 6, (3, 2), **options).weight.shape
    torch.testing.assert_close(conv(x), plain(x), rtol=0, atol=0)


def test_a_connection_is_the_particle_of_its_output_and_input():
    layer = MetaLinear(3, 2, h=2, generator=seeded(), dtype=torch.float64)
    one = layer.particles.detach()[:, 1 * 3 + 2 : 1 * 3 + 3]  # output 1, input 2
    w1, w2, w3 = (matrix[..., 0] for matrix in particles.matrices(one))
    answer = w3.flatten() @ w2 @ w1 @ torch.tensor([0, 0, 0, 0, 1.0]).double()
    assert float(layer.weight[1, 2]) == pytest.approx(float(answer), abs=1e-15)


def test_the_generator_and_the_global_seed_decide_the_start():
    first, again, other = (MetaLinear(4, 3, generator=seeded(s)).particles for s in (5, 5, 6))
    assert torch.equal(first, again) and not torch.equal(first, other)
    state = torch.random.get_rng_state()
    try:
        torch.manual_seed(5)
        assert torch.equal(MetaLinear(4, 3).particles, first)
    finally:
        torch.random.set_rng_state(state)
    bound = 1 / 4**0.5  # the third matrix reads h = 4 cells
    assert float(first[-4:].abs().max()) <= bound < float(first[:20].abs().max()) + 0.1
    xavier = MetaLinear(40, 30, initial_weights="xavier", generator=seeded())
    assert float(xavier.particles[-4:].abs().max()) == pytest.approx((6 / 5) ** 0.5, rel=0.01)


def test_state_dict_carries_a_layer_and_a_pruned_one():
    layer, other = (MetaLinear(4, 3, bias=True, generator=seeded(s)) for s in (0, 1))
    assert set(layer.state_dict()) == {"particles", "bias"}
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other.weight, layer.weight)
    for one in (layer, other):
        prune_(one, 0.5)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other.weight, layer.weight) and (layer.weight == 0).any()


def test_device_and_type_move_with_the_module():
    layer = MetaLinear(4, 3, generator=seeded()).double()
    assert layer.encoding.dtype == torch.float64 == replication_loss(layer).dtype
    assert layer(torch.rand(2, 4, dtype=torch.float64)).dtype == torch.float64
    half = MetaLinear(4, 3, generator=seeded(), dtype=torch.bfloat16)
    assert sum(census(half).values()) == 12
    empty = MetaLinear(4, 3, device="meta")
    assert empty.particles.is_meta and empty(torch.rand(2, 4, device="meta")).shape == (2, 3)


def test_a_compiled_layer_gives_the_same_values_and_gradients():
    layer = MetaLinear(4, 3, h=2, generator=seeded())
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    x = torch.rand(2, 4, generator=seeded(1))
    torch.testing.assert_close(compiled(x), layer(x))
    (plain,) = torch.autograd.grad(layer(x).sum(), layer.particles)
    (through,) = torch.autograd.grad(compiled(x).sum(), layer.particles)
    torch.testing.assert_close(through, plain)


# --- loss, census, pruning -----------------------------------------------------------------------


def made(columns: list[list[float]]) -> MetaLinear:
    """A layer with one output and h = 1, whose particles (8 weights) are given."""
    layer = MetaLinear(len(columns), 1, h=1, dtype=torch.float64)
    with torch.no_grad():
        layer.particles.copy_(torch.tensor(columns, dtype=torch.float64).T)
    return layer


LIVING = [1, 0, 0, 0, 3, 1, 1]
"""v = (1, 0, 0, 0, 3): reproduces itself, and multiplies its input by 3."""
DEAD = [0.0] * 7
BUSY = [2, 0, 0, 0, 5, 1, 1]
"""v = (2, 0, 0, 0, 5): doubles its weights, so its error is its weights."""


def test_the_loss_and_census_of_particles_made_by_hand():
    layer = made([LIVING, DEAD, BUSY])
    square = 4 + 25 + 1 + 1
    assert float(replication_loss(layer)) == pytest.approx(square / 7, abs=1e-6)
    assert census(layer) == {
        "divergent": 0, "zero": 1, "identity": 1, "second_order": 0, "other": 1,
    }  # fmt: skip
    assert replicator_mask(layer).tolist() == [[True, True, False]]
    prune_(layer)
    assert layer.weight.tolist() == [[0, 0, 5]]
    assert census(layer)["zero"] == 2
    assert float(replication_loss(layer)) == pytest.approx(square / 7, abs=1e-6)


def test_the_gradient_flows_through_the_target_only_if_coupled():
    for coupled in (True, False):
        layer = made([BUSY])
        replication_loss(layer, coupled).backward()
        slope = float(layer.particles.grad[4, 0])  # W1[0, 4] touches v[4] alone
        assert slope == pytest.approx(2 * 5 / 7 if coupled else 0, abs=1e-6)


def test_a_pruned_layer_is_asked_as_it_is_now_not_as_it_was_at_the_last_forward_pass():
    layer = prune_(made([LIVING, BUSY]))
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(2):  # twice without a forward pass: nothing is left of an old graph
        before = float(replication_loss(layer))
        optimizer.zero_grad()
        replication_loss(layer).backward()
        optimizer.step()
        assert float(replication_loss(layer)) != before
    assert layer.weight.tolist()[0][0] == 0


def test_pruning_twice_keeps_what_was_dropped():
    layer = prune_(made([LIVING, BUSY]))
    with torch.no_grad():
        layer.particles_orig.copy_(torch.tensor([LIVING, LIVING]).T)
    prune_(layer)
    assert layer.weight.tolist() == [[0, 0]]
    prune.remove(layer, "particles")
    assert set(layer.state_dict()) == {"particles"} and layer.weight.tolist() == [[0, 0]]


def test_collapsing_leaves_the_model_and_shares_what_was_shared():
    layer = MetaLinear(4, 4, generator=seeded())
    model = nn.Sequential(layer, nn.Dropout(), layer).eval()
    prune_(model, 0.5)
    dense = collapse(model)
    assert dense[0] is dense[2] and not dense.training and model[0] is layer
    x = torch.rand(3, 4, generator=seeded(1))
    torch.testing.assert_close(dense(x), model(x), rtol=0, atol=0)
    assert copy.deepcopy(dense)(x).requires_grad


def test_what_cannot_be_asked_is_refused():
    for ask in (replication_loss, census, replicator_mask, prune_, collapse):
        with pytest.raises(ValueError, match="no MetaLinear or MetaConv2d in Linear"):
            ask(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="epsilon"):
        census(MetaLinear(2, 2), -1.0)
    with pytest.raises(ValueError, match="encoding"):
        MetaLinear(2, 2, encoding="l3")
    with pytest.raises(ValueError, match="groups"):
        MetaConv2d(3, 4, 3, groups=2)
