"""Settling: what becomes of a network that goes on with replication steps only.

The type of a particle is read at one instant, right after a task step has pushed it off its
fixpoint. Replication asks ``v0 = 1`` and ``v1..v3 = 0`` of a particle's composite and leaves
``v4``, its scalar weight, free: nothing keeps a particle that works for the task from replicating.
So the same network, given some replication steps and no task step, shows who *can* replicate at the
weights it has learned. What the pages call the drop cost, *settled*, is measured on these weights.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from srnn.config import RunConfig
from srnn.engines import Problem, make_engine
from srnn.tasks import task_of

STEPS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)
"""Replication steps after which a settling network is looked at (120 batches are an epoch)."""


def settle(
    weights: np.ndarray,
    config: RunConfig,
    steps: Sequence[int] = STEPS,
    engine: str = "auto",
) -> np.ndarray:
    """The weights ``(n, P)`` after so many replication steps each (rising), and no task step:
    ``(len(steps), n, P)``.

    The configuration's alpha, learning rate and target rule hold, whatever its goal. The momentum
    starts at zero.

    Raises:
        ValueError: steps that do not rise from 0 on, or weights of another shape.
        DataError: the configuration's data set cannot be used.
    """
    wanted = list(steps)
    if not wanted or wanted[0] < 0 or wanted != sorted(wanted):
        raise ValueError(f"steps {wanted}: expected rising numbers from 0 on")
    own = config.replace(goal="self-replication")
    problem = Problem.of(own, task_of(own))
    problem = replace(problem, x=problem.x[:1], y=problem.y[:1])  # no step is on the data
    expected = (len(problem.encoding), problem.shape.particles)
    if weights.shape != expected:
        raise ValueError(f"weights of shape {weights.shape}: expected {expected}")
    network = make_engine(engine, problem, weights[None], np.zeros_like(weights)[None])
    found, done = [], 0
    for count in wanted:
        if count > done:
            network.replicate(count - done)
            done = count
        found.append(network.weights()[0])
    return np.stack(found)
