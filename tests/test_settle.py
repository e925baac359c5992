"""Settling: replication steps only, against the formula and against what is known of fixpoints."""

import numpy as np
import pytest
import torch

from srnn.analysis.settle import settle
from srnn.metanet import macro_shape
from srnn.particles import composite, initial_weights, position_encoding, replication_loss


@pytest.fixture
def start(small):
    return initial_weights(small.neurons, macro_shape(small).particles, 5)


def by_autograd(weights, config, steps):
    encoding = torch.from_numpy(position_encoding(config.neurons))
    own = torch.from_numpy(weights.copy()).requires_grad_()
    optimizer = torch.optim.SGD([own], lr=config.replication_lr, momentum=config.momentum)
    for _ in range(steps):
        optimizer.zero_grad()
        (config.alpha * replication_loss(own, encoding).sum()).backward()
        optimizer.step()
    return own.detach().numpy()


def test_it_makes_the_replication_steps_that_autograd_makes(start, small):
    found = settle(start, small, (0, 1, 3))
    np.testing.assert_array_equal(found[0], start)
    np.testing.assert_allclose(found[1], by_autograd(start, small, 1), atol=1e-5)
    np.testing.assert_allclose(found[2], by_autograd(start, small, 3), atol=1e-5)


def test_a_perfect_replicator_stays_and_keeps_its_scalar_weight(start, small):
    h, weights = small.neurons, np.zeros_like(start)
    weights[0], weights[5 * h], weights[5 * h + h * h] = 1, 1, 1  # v = (1, 0, 0, 0, v4)
    weights[4] = 0.3
    found = settle(weights, small, (200,))[0]
    v = composite(torch.from_numpy(found)).numpy()
    np.testing.assert_allclose(v[0], 1, atol=1e-6)
    np.testing.assert_allclose(v[4], 0.3, atol=1e-6)


def test_the_goal_of_the_run_does_not_matter(start, small):
    np.testing.assert_array_equal(
        settle(start, small, (5,)), settle(start, small.replace(goal="none"), (5,))
    )


@pytest.mark.parametrize("steps", [(), (-1,), (5, 2)])
def test_steps_must_rise_from_zero(steps, start, small):
    with pytest.raises(ValueError, match="rising"):
        settle(start, small, steps)


def test_weights_of_another_network_are_refused(start, small):
    with pytest.raises(ValueError, match="expected"):
        settle(start[:, 1:], small, (1,))
