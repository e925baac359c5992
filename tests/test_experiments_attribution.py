"""Attributions, against networks whose answers are known to come from where they come from."""

import dataclasses

import numpy as np
import pytest
import torch

from srnn.analysis.attribution import (
    PARTICLE_METHODS,
    PIXEL_METHODS,
    explain_particles,
    explain_pixels,
    relevance_table,
    share_by_type,
)
from srnn.analysis.collapse import collapse, scalars
from srnn.metanet import MacroShape
from srnn.particles import initial_weights
from srnn.vocabulary import IDENTITY, OTHER, ZERO

SHAPE = MacroShape(9, 4, 3, 4, "each")


@pytest.fixture
def weights():
    return initial_weights(3, SHAPE.particles, 0)


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.random((6, 9)).astype(np.float32), rng.integers(0, 4, 6)


def logits(weights, x, shape=SHAPE):
    with torch.no_grad():
        return collapse(weights, shape)(torch.from_numpy(x)).numpy()


@pytest.mark.parametrize("method", sorted(PIXEL_METHODS))
def test_attributions_of_a_linear_network_are_weight_times_input(weights, images, method):
    x, target = images
    matrix = logits(weights, np.eye(9, dtype=np.float32)).T  # the whole linear map, (4, 9)
    found = explain_pixels(weights, x, target, SHAPE, method)
    np.testing.assert_allclose(found, matrix[target] * x, atol=1e-5)


def test_images_are_explained_in_chunks_of_any_size(weights, images, monkeypatch):
    whole = explain_pixels(weights, *images, SHAPE), explain_particles(weights, *images, SHAPE)
    monkeypatch.setattr("srnn.analysis.attribution.CHUNK", 4)
    parts = explain_pixels(weights, *images, SHAPE), explain_particles(weights, *images, SHAPE)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("activation", ["none", "relu", "tanh"])
def test_contributions_of_the_particles_add_up_to_the_logit(weights, images, activation):
    shape, (x, target) = dataclasses.replace(SHAPE, activation=activation), images
    found = explain_particles(weights, x, target, shape)
    wanted = logits(weights, x, shape)[np.arange(6), target]
    np.testing.assert_allclose(found.sum(1), wanted, atol=5e-3 * np.abs(wanted).max())


@pytest.mark.parametrize("method", sorted(PARTICLE_METHODS))
def test_a_one_layer_network_is_explained_by_its_own_connections(images, method):
    """With one hidden cell that copies, particle (cell c, input i) contributes w_i x_i."""
    shape, (x, _) = MacroShape(9, 2, 1, 2), images
    weights = initial_weights(2, shape.particles, 3)
    found = explain_particles(weights, x, np.zeros(6, dtype=int), shape, method)
    first, second = scalars(weights)[:9], scalars(weights)[9]
    paths_ = first * second * x  # each path has two particles, which share it evenly
    share = 0.5 if method == "integrated gradients" else 1.0
    np.testing.assert_allclose(found[:, :9], share * paths_, atol=1e-5)
    np.testing.assert_allclose(found[:, 9], share * paths_.sum(1), atol=1e-5)
    assert not found[:, 10].any()  # the other output's connection


@pytest.mark.parametrize("method", sorted(PARTICLE_METHODS))
def test_particles_without_task_weight_have_no_relevance(weights, images, method):
    codes = np.full(SHAPE.particles, OTHER, np.uint8)
    weights[:, ::3], codes[::3] = 0, ZERO
    codes[1] = IDENTITY
    table = relevance_table(explain_particles(weights, *images, SHAPE, method), codes, SHAPE)
    assert not table["relevance"][::3].any()
    assert table["share"].sum() == pytest.approx(1)
    shares = share_by_type(table).set_index("type")
    assert shares.loc["zero", "relevance_share"] == 0
    assert shares["particles"].sum() == SHAPE.particles
    assert shares["relevance_share"].sum() == pytest.approx(1)
    assert table.loc[table["type"] == "identity", "particle"].tolist() == ["L0_C0_W1"]


def test_relevance_is_the_mean_size_and_contribution_the_signed_mean():
    shape = MacroShape(1, 2, 2, 1)  # four particles
    parts = np.array([[1.0, -2, 0, 4], [3, 2, 0, -4]], dtype=np.float32)
    table = relevance_table(parts, np.array([ZERO, OTHER, OTHER, IDENTITY]), shape)
    assert table["relevance"].tolist() == [2, 2, 0, 4]
    assert table["share"].tolist() == [0.25, 0.25, 0, 0.5]
    assert table["contribution"].tolist() == [2, 0, 0, 0]
    shares = share_by_type(table).set_index("type")
    assert shares["particles"].to_dict() == {
        "divergent": 0, "zero": 1, "identity": 1, "second_order": 0, "other": 2,
    }  # fmt: skip
    assert shares.loc["other", ["particle_share", "relevance_share"]].tolist() == [0.5, 0.25]


def test_a_dead_network_has_no_relevance_to_share(images):
    nothing = np.zeros((27, SHAPE.particles), np.float32)
    codes = np.zeros(SHAPE.particles, np.uint8)
    table = relevance_table(explain_particles(nothing, *images, SHAPE), codes, SHAPE)
    assert not table["relevance"].any() and table["share"].isna().all()


def test_an_unknown_method_is_refused(weights, images):
    with pytest.raises(ValueError, match="deeplift"):
        explain_pixels(weights, *images, SHAPE, "guessing")
    with pytest.raises(ValueError, match="gate x gradient"):
        explain_particles(weights, *images, SHAPE, "guessing")
