"""Analyses against known answers: hand-built MetaNets and counted graphs."""

import io

import networkx as nx
import numpy as np
import pytest
import torch

from srnn.analysis import collapse, connectivity, dropout, membership, types
from srnn.fixpoints import classify
from srnn.metanet import MacroShape, accuracy, forward, particle_table
from srnn.particles import initial_weights, position_encoding, weight_count
from srnn.vocabulary import DIVERGENT, IDENTITY, OTHER, TYPES, ZERO, is_replicator

SHAPE = MacroShape(4, 3, 3, 2, "each")
"""4-3-3-2: 12 + 9 + 6 = 27 particles, a skip around the middle layer."""
H = 2
N = weight_count(H)
ENCODING = position_encoding(H)


def particle(replication: float, scalar: float) -> np.ndarray:
    """A hand-made particle ``(n,)`` with v = (replication, 0, 0, 0, scalar): its first channel
    multiplies its own weight, its last one the activation."""
    weights = np.zeros(N, dtype=np.float32)
    weights[0], weights[4] = replication, scalar  # W1, row 0: own weight, activation
    weights[5 * H] = 1.0  # W2[0, 0]
    weights[5 * H + H * H] = 1.0  # W3[0]
    return weights


def hand_built() -> tuple[np.ndarray, np.ndarray]:
    """A MetaNet whose only way to a right answer is two other particles a layer; the remaining ones
    are replicators of scalar weight 0 and zeros. Weights ``(n, 27)``, codes ``(27,)``."""
    table = particle_table(SHAPE)
    weights = np.zeros((N, len(table)), dtype=np.float32)
    for index, row in table.iterrows():
        if row["cell"] == row["input"] and row["cell"] < 2:
            weights[:, index] = particle(0.5, 2.0)
        elif index % 2:
            weights[:, index] = particle(1.0, 0.0)
    return weights, classify(torch.from_numpy(weights), torch.from_numpy(ENCODING))


def easy_task(count: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Which of the first two inputs is larger."""
    x = np.random.default_rng(1).random((count, 4)).astype(np.float32)
    return x, (x[:, 1] > x[:, 0]).astype(np.int64)


def test_the_hand_built_particles_are_what_they_were_built_to_be():
    _, codes = hand_built()
    assert {TYPES[code] for code in codes} == {"zero", "identity", "other"}
    assert (codes == OTHER).sum() == 6


def test_dropping_replicators_without_task_weight_loses_nothing():
    weights, codes = hand_built()
    test = dropout.dropout_test(weights, codes, *easy_task(), SHAPE).set_index("type")
    assert test.loc["other", "before"] == 1.0
    assert test.loc[["zero", "identity", "second_order", "divergent"], "difference"].eq(0).all()
    assert test.loc["other", "difference"] < -0.3
    assert test["count"].drop("replicators").sum() == SHAPE.particles


def test_a_drop_that_helps_has_a_positive_difference():
    weights, _ = hand_built()
    harmful = SHAPE.starts[-2] + 1  # the last layer's cell 0, input 1: swaps the answer
    weights[:, harmful] = particle(0.5, 50.0)
    mask = np.arange(SHAPE.particles) == harmful
    row = dropout.dropout_masks(weights, {"harmful": mask}, *easy_task(), SHAPE).iloc[0]
    assert (row["type"], row["count"]) == ("harmful", 1)
    assert row["difference"] == row["accuracy"] - row["before"]
    assert row["difference"] > 0
    assert row["accuracy"] == 1.0


def test_all_replicators_are_dropped_at_once():
    weights, codes = hand_built()
    weights[4, 3] = 50.0  # a replicator that works: input 3 of cell 0
    row = dropout.dropout_test(weights, codes, *easy_task(), SHAPE).iloc[-1]
    assert (row["type"], row["count"], row["accuracy"]) == ("replicators", 21, 1.0)
    assert row["difference"] == 1.0 - row["before"] > 0
    for nothing in (dropout.accuracy_of, collapse.compare):
        about = (SHAPE,) if nothing is collapse.compare else (np.zeros(0, int), SHAPE)
        with pytest.raises(ValueError, match="there is no image"):
            nothing(weights, np.zeros((0, 4), np.float32), *about)


def test_dropping_by_layer_drops_that_layer_alone():
    weights, codes = hand_built()
    x, y = easy_task()
    table = dropout.dropout_by_layer(weights, codes, x, y, SHAPE)
    assert table.groupby("type")["count"].sum().to_dict() == {
        name: int((codes == code).sum()) for code, name in enumerate(TYPES)
    }
    assert (
        list(table.index) == list(range(15)) and list(table["layer"]) == [0] * 5 + [1] * 5 + [2] * 5
    )
    middle = table[(table["layer"] == 1) & (table["type"] == "other")].iloc[0]
    mask = (codes == OTHER) & (particle_table(SHAPE)["layer"] == 1).to_numpy()
    slow = collapse.particle_forward(dropout.drop(weights, mask), x, SHAPE)
    assert middle["accuracy"] == pytest.approx((slow.argmax(1) == y).mean())


def test_dropping_equals_zeroing_the_whole_particle():
    weights, codes = hand_built()
    x, y = easy_task()
    zeroed = dropout.drop(weights, codes == OTHER)
    assert not zeroed[:, codes == OTHER].any()
    assert np.array_equal(zeroed[:, codes != OTHER], weights[:, codes != OTHER])
    by_weights = dropout.accuracy_of(zeroed, x, y, SHAPE)
    scalars = dropout.drop(collapse.scalars(weights), codes == OTHER)
    assert by_weights == dropout.accuracy_of(scalars, x, y, SHAPE)


def test_a_diverged_particle_is_dropped_before_the_others_are_tested():
    weights, _ = hand_built()
    weights[0, 1] = np.nan  # a replicator; the task's own channel is still finite
    codes = classify(torch.from_numpy(weights), torch.from_numpy(ENCODING))
    test = dropout.dropout_test(weights, codes, *easy_task(), SHAPE).set_index("type")
    assert test.loc["divergent", "count"] == 1
    assert test.loc["divergent", "before"] == 0.0
    assert test.loc["divergent", "accuracy"] == test.loc["identity", "before"] > 0.9


@pytest.mark.parametrize("mask", [np.zeros(3, dtype=bool), np.zeros(27, dtype=int)])
def test_a_mask_that_does_not_fit_is_refused(mask):
    with pytest.raises(ValueError, match="mask"):
        dropout.drop(hand_built()[0], mask)


@pytest.mark.parametrize("residual", ["none", "each", "pairs"])
@pytest.mark.parametrize("activation", ["none", "relu", "tanh"])
def test_the_collapsed_network_answers_as_the_metanet(residual, activation):
    shape = MacroShape(6, 5, 4, 3, residual, activation)
    weights = initial_weights(3, shape.particles, 7) * 2
    x = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    seen = collapse.compare(weights, x, shape)
    assert seen.difference <= 1e-5 * max(1.0, seen.largest_logit)
    assert seen.largest_logit > 0
    assert seen.same_answers == 1.0
    quick = forward(torch.from_numpy(collapse.scalars(weights)), torch.from_numpy(x), shape)
    assert np.allclose(collapse.particle_forward(weights, x, shape), quick, atol=1e-4)


def test_the_comparison_fails_if_the_skips_are_forgotten():
    shape = MacroShape(6, 5, 4, 3, "each")
    weights = initial_weights(3, shape.particles, 7) * 2
    x = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    wrong = collapse.collapse(weights, MacroShape(6, 5, 4, 3, "none"))(torch.from_numpy(x))
    right = collapse.particle_forward(weights, x, shape)
    assert np.abs(wrong.detach().numpy() - right).max() > 0.01


def test_a_diverged_particle_makes_the_comparison_unknown_not_equal():
    weights, _ = hand_built()
    weights[0, 0] = weights[4, 0] = np.inf
    seen = collapse.compare(weights, easy_task()[0], SHAPE)
    assert np.isnan(seen.difference) and np.isnan(seen.largest_logit)
    assert (seen.same_answers, seen.images) == (0.0, 64)


def test_a_particle_that_only_one_of_two_networks_can_answer_with(monkeypatch):
    weights, _ = hand_built()
    x, _ = easy_task()
    right = collapse.particle_forward(weights, x, SHAPE)
    half = right.copy()
    half[:16, 0] = np.nan
    monkeypatch.setattr(collapse, "particle_forward", lambda *_: half)
    seen = collapse.compare(weights, x, SHAPE)
    assert seen.difference == np.inf and seen.same_answers == 0.75
    assert seen.largest_logit == np.nanmax(np.abs(half))
    monkeypatch.setattr(collapse, "particle_forward", lambda *_: right + np.float32(0.5))
    assert collapse.compare(weights, x, SHAPE).difference == pytest.approx(0.5)
    monkeypatch.undo()
    assert collapse.particle_forward(weights, x[:0], SHAPE).shape == (0, 2)


def test_scalar_weights_are_the_answers_to_one():
    weights = initial_weights(4, 50, 3)
    assert collapse.scalar_errors(weights).max() < 1e-6
    assert collapse.scalars(particle(1.0, -3.5)[:, None]) == pytest.approx([-3.5])


def test_the_types_of_all_snapshots_are_those_of_each():
    snapshots = np.stack([initial_weights(2, 27, 0), hand_built()[0]])
    snapshots[0, 0, 4] = np.nan
    for epsilon in (0.0, 1e-5, 10.0):
        history = types.history_measures(snapshots, ENCODING).codes(epsilon)
        for codes, weights in zip(history, snapshots, strict=True):
            one = classify(torch.from_numpy(weights), torch.from_numpy(ENCODING), epsilon)
            assert np.array_equal(codes, one)
    counts = types.type_counts(history, [0, 5])
    assert list(counts["epoch"]) == [0, 5]
    assert (counts[list(TYPES)].sum(axis=1) == 27).all()


def test_bad_epsilons_and_shapes_are_refused():
    measured = types.history_measures(hand_built()[0][None], ENCODING)
    for epsilon in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="epsilon"):
            measured.codes(epsilon)
    with pytest.raises(ValueError, match="snapshots"):
        types.history_measures(hand_built()[0], ENCODING)


def test_a_history_without_snapshots_has_no_types():
    nothing = types.history_measures(np.zeros((0, N, 5), np.float32), ENCODING).codes()
    assert nothing.shape == (0, 5) and len(types.type_counts(nothing, [])) == 0
    with pytest.raises(ValueError, match="2 epochs for 0 snapshots"):
        types.type_counts(nothing, [0, 1])


def test_the_graph_has_a_node_per_cell_and_an_edge_per_kept_particle():
    weights, codes = hand_built()
    for keep, number in (("survivors", 6), ("all", 27), ("identity", (codes == IDENTITY).sum())):
        graph = connectivity.macro_graph(weights, codes, SHAPE, keep)
        assert graph.number_of_nodes() == 4 + 3 + 3 + 2
        assert graph.number_of_edges() == number
    assert graph.graph == {
        "sizes": "4-3-3-2",
        "keep": "identity",
        "residual": "each",
        "skips": "1-2",
    }
    deep = MacroShape(2, 4, 2, 2, "each")
    two = connectivity.macro_graph(np.zeros(16), np.full(16, OTHER), deep)
    assert two.graph["skips"] == "1-2 2-3" and two.graph["keep"] == "survivors"
    assert [graph.nodes[node] for node in (3, 4, 11)] == [
        {"name": "input 3", "layer": 0, "cell": 3},
        {"name": "layer 1 cell 0", "layer": 1, "cell": 0},
        {"name": "output 1", "layer": 3, "cell": 1},
    ]
    edge = graph.graph | connectivity.macro_graph(weights, codes, SHAPE).edges[0, 4]
    assert (edge["particle"], edge["type"], edge["weight"]) == ("L0_C0_W0", "other", 2.0)
    with pytest.raises(ValueError, match="survivors, all"):
        connectivity.select(codes, "dead")


def test_edges_lead_where_the_particles_names_say():
    weights, codes = hand_built()
    graph = connectivity.macro_graph(weights, codes, SHAPE, "all")
    for source, target, data in graph.edges(data=True):
        start, end = graph.nodes[source], graph.nodes[target]
        assert data["particle"] == f"L{start['layer']}_C{end['cell']}_W{start['cell']}"
        assert end["layer"] == start["layer"] + 1


def test_scalar_weights_serve_in_place_of_the_weights():
    weights, codes = hand_built()
    scalar = collapse.scalars(weights)
    whole, short = (connectivity.edge_table(one, codes, SHAPE) for one in (weights, scalar))
    assert whole.equals(short) and whole["weight"].dtype == np.float64
    gone = {"others": codes != OTHER}
    both = (dropout.dropout_masks(one, gone, *easy_task(), SHAPE) for one in (weights, scalar))
    assert next(both).equals(next(both))
    with pytest.raises(ValueError, match=r"^codes of shape \(3,\): expected \(27,\)"):
        connectivity.edge_table(weights, codes[:3], SHAPE)
    with pytest.raises(ValueError, match=r"^scalar weights of shape \(3,\)"):
        connectivity.edge_table(scalar[:3], codes, SHAPE)


def test_graphml_survives_the_round_trip_even_with_a_diverged_particle():
    weights, _ = hand_built()
    weights[:, 3] = np.nan
    codes = classify(torch.from_numpy(weights), torch.from_numpy(ENCODING))
    graph = connectivity.macro_graph(weights, codes, SHAPE, "all")
    again = nx.read_graphml(io.BytesIO(connectivity.graphml(graph)), node_type=int)
    assert dict(again.nodes(data=True)) == dict(graph.nodes(data=True))
    assert {(a, b): data for a, b, data in again.edges(data=True)} == {
        (a, b): data for a, b, data in graph.edges(data=True)
    }
    assert "weight" not in again.edges[3, 4]


def test_the_net_that_is_left_is_counted_right():
    _, codes = hand_built()
    alive = ~is_replicator(codes)
    assert list(connectivity.connections_per_pixel(alive, SHAPE)) == [1, 1, 0, 0]
    cells = connectivity.node_table(alive, SHAPE).set_index("name")
    assert list(cells.index[cells["isolated"]]) == [
        "input 2",
        "input 3",
        "layer 1 cell 2",
        "layer 2 cell 2",
    ]
    assert not cells.loc["output 1", "isolated"]
    assert cells.index[3] == "input 3" and list(cells["node"]) == list(range(12))
    assert list(cells["layer"]) == [0] * 4 + [1] * 3 + [2] * 3 + [3] * 2
    assert list(cells["cell"]) == [0, 1, 2, 3, 0, 1, 2, 0, 1, 2, 0, 1]
    wide = np.zeros(SHAPE.particles, dtype=bool)
    wide[[0, 1, 4]] = True  # cell 0 reads inputs 0 and 1, cell 1 input 0
    assert list(connectivity.connections_per_pixel(wide, SHAPE)) == [2, 1, 0, 0]


def test_a_residual_skip_keeps_a_cell_connected():
    mask = np.zeros(SHAPE.particles, dtype=bool)
    mask[0] = True  # input 0 to cell 0 of layer 1
    mask[SHAPE.starts[2]] = True  # cell 0 of layer 2 to output 0; layer 1 itself is dead
    with_skip = connectivity.node_table(mask, SHAPE).set_index("name")
    without = connectivity.node_table(mask, MacroShape(4, 3, 3, 2)).set_index("name")
    assert not with_skip.loc["output 0", "isolated"]
    assert without.loc["output 0", "isolated"]
    assert without.loc["layer 1 cell 0", ["reached", "leads"]].tolist() == [True, False]


def test_a_cell_may_lead_on_by_its_skip_or_by_its_particle():
    """Pairs: the input of layer 1 is added to the output of layer 2, so that layer 1 of cells leads
    to an output by the skip, and cell 0 of it by a particle as well."""
    shape = MacroShape(2, 4, 2, 2, "pairs")
    mask = np.zeros(shape.particles, dtype=bool)
    mask[[0, 4, 8, 12, 15]] = True  # input 0 to cell 0, on to cell 0, on to cell 0; both outputs
    cells = connectivity.node_table(mask, shape).set_index("name")
    names = [f"layer {layer} cell {cell}" for layer in (1, 2, 3) for cell in (0, 1)]
    assert cells.loc[names, "leads"].tolist() == [True, True, True, False, True, True]
    assert cells.loc[names, "reached"].tolist() == [True, False, True, False, True, False]
    each = connectivity.node_table(mask, MacroShape(2, 4, 2, 2, "each")).set_index("name")
    assert each.loc[names, "leads"].all()
    crossed = np.zeros(shape.particles, dtype=bool)
    crossed[[5, 12]] = True  # layer 1: cell 1 to cell 0; layer 3: cell 0 to output 0
    leads = connectivity.node_table(crossed, MacroShape(2, 4, 2, 2, "each")).set_index("name")
    assert leads.loc[names[:2], "leads"].tolist() == [True, True]


def test_survivors_over_epochs_and_layers_add_up():
    codes = np.stack([np.full(27, OTHER, dtype=np.uint8), hand_built()[1]])
    layers = connectivity.survivors_per_layer(codes, SHAPE, [0, 3])
    assert list(layers.columns) == ["epoch", "layer", "connections", "survivors", "share"]
    assert layers["connections"].tolist() == [12, 9, 6] * 2 and layers["layer"].max() == 2
    assert layers["share"].tolist()[3:] == pytest.approx([2 / 12, 2 / 9, 2 / 6])
    assert layers[layers["epoch"] == 0]["share"].eq(1).all()
    assert layers[layers["epoch"] == 3]["survivors"].tolist() == [2, 2, 2]
    thinning = connectivity.thinning(codes, SHAPE, [0, 3])
    assert thinning["survivors"].tolist() == [27, 6] and thinning["epoch"].tolist() == [0, 3]
    assert thinning["unread_pixels"].tolist() == [0, 2]
    assert thinning["isolated_cells"].tolist() == [0, 2]


def test_self_replication_pruning_is_measured_before_and_after():
    weights, codes = hand_built()
    x, y = easy_task()
    masks = {"replicators": is_replicator(codes), "all": np.ones(27, dtype=bool)}
    table = dropout.dropout_masks(weights, masks, x, y, SHAPE)
    assert table["count"].tolist() == [21, 27] and table["accuracy"][0] == 1.0
    assert table["accuracy"][1] == pytest.approx((y == 0).mean())
    scalars = torch.from_numpy(collapse.scalars(weights))
    whole = accuracy(scalars, torch.from_numpy(x), torch.from_numpy(y), SHAPE)
    assert table["before"].tolist() == [whole, whole] == [1.0, 1.0]


def test_membership_and_mean_images():
    weights, codes = hand_built()
    table = membership.membership_table(weights, codes, SHAPE)
    assert table.loc[0, ["particle", "type", "scalar_weight"]].tolist() == ["L0_C0_W0", "other", 2]
    assert table["scalar_error"].max() < 1e-6
    with pytest.raises(ValueError, match="codes of shape"):
        membership.membership_table(weights, codes[1:], SHAPE)
    maps = SHAPE.split(codes)
    assert [one.shape for one in maps] == [(3, 4), (3, 3), (2, 3)]
    assert maps[1][1, 1] == OTHER
    x, y = easy_task()
    means = membership.mean_images(x, y, 3)
    assert np.allclose(means[1], x[y == 1].mean(0), atol=1e-6)
    assert not means[2].any() and means.dtype == np.float32


def test_the_codes_agree_with_the_constants():
    assert (DIVERGENT, ZERO, IDENTITY, OTHER) == (0, 1, 2, 4)
