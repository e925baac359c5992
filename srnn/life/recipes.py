"""A recipe: what kind of particles, how they start, how they learn, when two weights are equal."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, get_args

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from srnn.life import aggregating, recurrent, weightwise

Kind = Literal["weightwise", "aggregating", "recurrent"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The kinds of particles; a kind's code is its index here."""


class Spec(NamedTuple):
    """What the kernels know of a recipe."""

    kind: int
    neurons: int
    inputs: int
    one_by_one: bool
    coupled: bool
    lr: np.floating


@dataclass(frozen=True)
class Recipe:
    """Settings of free particles; the defaults are those of 2019.

    ``neurons`` h per hidden layer; ``inputs`` of a weightwise particle (4, or 5 as in a MetaNet);
    ``positions`` (max, l2) and ``initial`` (glorot, fan_in); ``batch`` one (an update per weight,
    in random order) or all (one step on the mean); ``lr`` of SGD; ``coupled``: the gradient of
    self-training also goes through question and target (batch all only); ``epsilon`` of the types.

    Raises:
        ValueError: a field has none of its values.
    """

    kind: Kind = "weightwise"
    neurons: int = Field(default=2, ge=1, le=32)
    inputs: Literal[4, 5] = 4
    positions: Literal["max", "l2"] = "max"
    initial: Literal["glorot", "fan_in"] = "glorot"
    batch: Literal["one", "all"] = "one"
    lr: float = Field(default=0.01, ge=0)
    coupled: bool = False
    epsilon: float = Field(default=1e-4, ge=0)

    def __post_init__(self) -> None:
        if self.kind == "weightwise" and self.positions == "l2" and self.inputs != 5:
            raise ValueError("positions l2 are of particles with 5 inputs")

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Shapes of a particle's matrices, in the order of its weights."""
        if self.kind == "weightwise":
            return weightwise.shapes(self.neurons, self.inputs)
        return (aggregating if self.kind == "aggregating" else recurrent).shapes(self.neurons)

    @property
    def weights(self) -> int:
        """Weights n of one particle."""
        return sum(rows * columns for rows, columns in self.shapes)

    @property
    def encoding(self) -> np.ndarray:
        """Positions of the weights, ``(n, 3)`` float32; zeros for kinds that ask for none."""
        if self.kind != "weightwise":
            return np.zeros((self.weights, 3), np.float32)
        return weightwise.positions(self.neurons, self.inputs, self.positions)

    def spec(self, kind: type = np.float32) -> Spec:
        """The recipe for the kernels, with numbers of a type."""
        return Spec(
            KINDS.index(self.kind),
            self.neurons,
            self.inputs,
            self.batch == "one",
            self.coupled,
            kind(self.lr),
        )


FREE_2022 = Recipe(
    inputs=5, positions="l2", initial="fan_in", batch="all", lr=0.004, coupled=True, epsilon=1e-5
)
"""The free particles of the code of 2022 (whose momentum never acts, because a new optimizer is
made for every step)."""


def newborn(recipe: Recipe, count: int, rng: np.random.Generator) -> np.ndarray:
    """Random particles ``(count, n)`` float32: particle i takes the i-th part of the numbers drawn,
    so the first particles do not depend on how many there are.

    Glorot: U(+-sqrt(6 / (in + out))), and orthogonal matrices where a layer reads itself;
    fan_in: U(+-1 / sqrt(in)).
    """
    draws = 2 * rng.random((count, recipe.weights)) - 1
    start = 0
    for number, (rows, columns) in enumerate(recipe.shapes):
        part = draws[:, start : start + rows * columns]
        if recipe.initial == "fan_in":
            part /= math.sqrt(columns if recipe.kind == "weightwise" else rows)
        elif recipe.kind == "recurrent" and number % 2:
            part[:] = _orthogonal(rows, np.random.default_rng(rng.integers(2**63)), count)
        else:
            part *= math.sqrt(6 / (rows + columns))
        start += rows * columns
    return draws.astype(np.float32)


def _orthogonal(size: int, rng: np.random.Generator, count: int) -> np.ndarray:
    q, r = np.linalg.qr(rng.standard_normal((count, size, size)))
    return (q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :]).reshape(count, size * size)


def identity(recipe: Recipe) -> np.ndarray:
    """The weightwise replicator made by hand, ``(n,)`` float32: one path of ones through the first
    cell of every layer, so that the answer is the value asked about.

    Raises:
        ValueError: not a weightwise recipe.
    """
    if recipe.kind != "weightwise":
        raise ValueError("the hand-made replicator is weightwise")
    weights = np.zeros(recipe.weights, np.float32)
    h, inputs = recipe.neurons, recipe.inputs
    weights[[0, inputs * h, inputs * h + h * h]] = 1
    return weights
