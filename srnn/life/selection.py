"""Selection: a population of MetaNets that inherit, mutate and are selected.

What is inherited are the **initial** weights; a life is a short training from there, and its end
is judged: by accuracy, or by the share of replicators. The next generation's parents are the
winners of tournaments of two (**neutral**: drawn at random), and a mutation draws a few weights
anew from the distribution that initial weights have. Nothing of a life is inherited, and that
distribution stays what it is under mutation: so without selection nothing can have a trend, which
the neutral control has to show, and any trend under selection is selection's.

After SeRANN (PLOS Computational Biology, 2024), whose networks self-replicate with inherited
mutation; much smaller.
"""

from typing import Literal, get_args

import numpy as np
import pandas as pd
import torch
from pydantic.dataclasses import dataclass

from srnn.config import make_config
from srnn.engines import Problem, make_engine
from srnn.fixpoints import classify
from srnn.metanet import forward
from srnn.particles import initial_weights, scalar_weights
from srnn.tasks import load_task
from srnn.vocabulary import is_replicator

Goal = Literal["accuracy", "replicators", "neutral"]
GOALS: tuple[Goal, ...] = get_args(Goal)


@dataclass(frozen=True)
class Setting:
    """``networks`` MetaNets over ``generations``; a life is ``batches`` step pairs of 50 images;
    ``mutation`` is the share of weights drawn anew."""

    goal: Goal = "accuracy"
    networks: int = 50
    generations: int = 100
    batches: int = 100
    mutation: float = 0.002
    neurons: int = 4
    dataset: str = "digits"
    seed: int = 0


def select(setting: Setting) -> pd.DataFrame:
    """Run a population: one row per generation and network, ``generation, network, parent,
    accuracy, replicators`` (shares of 0..1 at the end of its life).

    Every generation sees the same batches, so that lives differ by their initial weights alone.
    """
    config = make_config("2022-02", neurons=setting.neurons, dataset=setting.dataset)
    task = load_task(config.dataset)
    problem = Problem.of(config, task)
    rng = np.random.default_rng([setting.seed, 41])
    size, particles = setting.networks, problem.shape.particles
    order = rng.integers(len(task.x_train), size=50 * setting.batches)
    x, y = torch.tensor(task.x_test), torch.tensor(task.y_test)

    def born(seed: int) -> np.ndarray:
        starts = [initial_weights(setting.neurons, particles, [seed, s]) for s in range(size)]
        return np.stack(starts)

    genomes = born(setting.seed)
    engine = make_engine("auto", problem, genomes, np.zeros_like(genomes))
    parents, parts = np.full(size, -1), []
    for generation in range(setting.generations):
        engine.load(genomes, np.zeros_like(genomes))
        engine.train(order, 50, np.ones(size, bool))
        ends = torch.tensor(engine.weights())
        right = (forward(scalar_weights(ends), x, problem.shape).argmax(-1) == y).double().mean(1)
        shares = is_replicator(classify(ends, torch.tensor(problem.encoding))).mean(1)
        table = {"generation": generation, "network": np.arange(size), "parent": parents}
        parts.append(pd.DataFrame({**table, "accuracy": right.numpy(), "replicators": shares}))
        pairs = rng.integers(size, size=(size, 2))
        if setting.goal == "neutral":
            parents = pairs[:, 0]
        else:
            value = parts[-1][setting.goal].to_numpy()
            first, second = pairs.T
            parents = np.where(value[first] >= value[second], first, second)
        drawn = born(int(rng.integers(2**31)))
        genomes = np.where(rng.random(genomes.shape) < setting.mutation, drawn, genomes[parents])
    return pd.concat(parts, ignore_index=True)


def trend(table: pd.DataFrame, quantity: str) -> float:
    """Change of the population's mean over all generations, by a straight line."""
    means = table.groupby("generation")[quantity].mean()
    return float(np.polyfit(means.index, means, 1)[0] * (len(means) - 1))
