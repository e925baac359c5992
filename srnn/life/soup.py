"""A soup: particles that attack each other, learn from each other, train themselves and die.

In every step each particle in turn (1) attacks a random one, which becomes what the attacker makes
of its weights; (2) learns from a random one, ``severity`` epochs on its weights; (3) trains itself
for some epochs; (4) is replaced by a newborn if it has diverged or become zero. Each of it with
its rate.

Populations are ``(P, n)``, particle by particle, because a soup's particles act one after the
other. Source: Gabor et al., "Self-Replication in Neural Networks" (ALIFE 2019).
"""

import dataclasses

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from srnn.life import aggregating, recurrent, weightwise
from srnn.life.compiling import entry, jit
from srnn.life.recipes import Recipe, newborn


@dataclass(frozen=True)
class Rules:
    """What happens in a step: rates between 0 and 1, epochs of learning and of self-training."""

    attack: float = Field(default=0.1, ge=0, le=1)
    learn_from: float = Field(default=0.0, ge=0, le=1)
    severity: int = Field(default=1, ge=0)
    train: int = Field(default=0, ge=0)
    respawn: bool = False


@dataclasses.dataclass
class Events:
    """What happened, per step and particle ``(steps, P)``: whom it attacked and whom it learned
    from (-1: nobody), and whether it was replaced by a newborn (1 diverged, 2 zero, 0 no); and, if
    asked for, the weights after every step ``(steps, P, n)``."""

    attacked: np.ndarray
    learned: np.ndarray
    died: np.ndarray
    history: np.ndarray


# --- kernels --------------------------------------------------------------------------------------


@jit
def apply(w, x, out, e, spec, room):
    if spec.kind == 0:
        weightwise.apply(w, x, out, e, spec, room)
    elif spec.kind == 1:
        aggregating.apply(w, x, out, spec, room)
    else:
        recurrent.apply(w, x, out, spec, room)


@jit
def learn(w, x, own, e, order, rng, spec, room):
    """One epoch of ``w`` on the weights ``x``, which are not changed (``own``: they were w's)."""
    if spec.kind == 0 and spec.one_by_one:
        for i in range(len(order) - 1, 0, -1):
            j = int(rng.random() * (i + 1))
            order[i], order[j] = order[j], order[i]
        weightwise.learn_one_by_one(w, x, e, order, spec, room)
    elif spec.kind == 0:
        weightwise.learn_at_once(w, x, e, own, spec, room)
    elif spec.kind == 1:
        aggregating.learn(w, x, spec, room)
    else:
        recurrent.learn(w, x, spec, room)


@jit
def fate(w, epsilon):
    """1: a weight is not finite; 2: all are within epsilon of zero; 0: neither."""
    largest = w[0] * 0
    for value in w:
        if not np.isfinite(value):
            return 1
        largest = max(largest, abs(value))
    return 2 if largest <= epsilon else 0


@entry
def evolve_kernel(
    w, e, spec, rates, epochs, epsilon, rng, nursery, attacked, learned, died, history
):
    """See :func:`evolve`; ``nursery (steps P or 0, n)`` the newborns, ``history`` ``(steps, P, n)``
    or empty. ``order`` is shuffled anew for each epoch, from where the last one left it."""
    count, n = w.shape
    room, old = np.zeros((4 * spec.neurons + 6, n), w.dtype), np.zeros(n, w.dtype)
    order = np.arange(n)
    for step in range(len(attacked)):
        for p in range(count):
            if rng.random() < rates[0]:
                q = int(rng.random() * count)
                apply(w[p], w[q], old, e, spec, room)
                w[q] = old
                attacked[step, p] = q
            for own in range(2):  # one call of ``learn`` for both: half the compilation
                q = p if own else -1
                if not own and rng.random() < rates[1]:
                    q = int(rng.random() * count)
                    learned[step, p] = q
                for _ in range(epochs[own] if q >= 0 else 0):
                    old[:] = w[q]
                    learn(w[p], old, q == p, e, order, rng, spec, room)
            if len(nursery) > 0:
                died[step, p] = fate(w[p], epsilon)
                if died[step, p] > 0:
                    w[p] = nursery[step * count + p]
        if len(history) > 0:
            history[step] = w


# --- what Python calls ----------------------------------------------------------------------------


def evolve(
    weights: np.ndarray,
    recipe: Recipe,
    rules: Rules,
    steps: int,
    rng: np.random.Generator,
    record: bool = False,
) -> tuple[np.ndarray, Events]:
    """A soup after some steps: ``(P, n)`` -> ``(P, n)``, and what happened; the input stays.

    ``record`` keeps the weights after every step in the events' ``history``. The same generator
    state gives the same soup, bit for bit.
    """
    w = weights.copy()
    count, n = w.shape
    nursery = np.empty((0, n), w.dtype)
    if rules.respawn:
        nursery = newborn(recipe, steps * count, rng).astype(w.dtype)
    events = Events(
        np.full((steps, count), -1, np.int32),
        np.full((steps, count), -1, np.int32),
        np.zeros((steps, count), np.uint8),
        np.empty((steps if record else 0, count, n), w.dtype),
    )
    evolve_kernel(
        w, recipe.encoding.astype(w.dtype), recipe.spec(w.dtype.type),
        (rules.attack, rules.learn_from), (rules.severity, rules.train),
        w.dtype.type(recipe.epsilon), rng, nursery,
        events.attacked, events.learned, events.died, events.history,
    )  # fmt: skip
    return w, events


def self_train(
    weights: np.ndarray, recipe: Recipe, epochs: int, rng: np.random.Generator
) -> np.ndarray:
    """Each particle after some epochs of self-training: ``(P, n)`` -> ``(P, n)``."""
    return evolve(weights, recipe, Rules(attack=0, train=epochs), 1, rng)[0]
