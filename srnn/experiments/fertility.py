"""Fertility, drift and basins: does a replicator attract what is near it?

Replicators of 2019's kind, found by self-training: the Jacobian of their self-application,
generations of noisy offspring (after Randazzo et al. 2021), distance from an ancestor (after
Sinapayen 2023), clones and lines retrained (:mod:`srnn.life.fertility`, :mod:`srnn.life.basins`).
"""

import math

import numpy as np

from srnn.experiments.base import FIRST_SEED, Arms, Computation, Experiment, Settings
from srnn.experiments.claims import AFTER, At, Claim, Log, Tolerance, about, at_least
from srnn.figures.rows import claims
from srnn.life.basins import between, clones
from srnn.life.fertility import drift, generations, replicators, spectral_radius
from srnn.life.recipes import Recipe, identity
from srnn.runs.results import Computed

HERE, WITHOUT = "replicators", "control"
SHEET = math.sqrt(10 / 14)
"""14 weights, four equations v = (1, 0, 0, 0): ten directions lead along the replicators."""


def measured(seed: int, control: bool) -> Computed:
    """Radius, generations per decade of noise, drift and return of replicators; or of their
    controls: the dead particle, no repair, no retraining, and lines to no replicator."""
    recipe, rng = Recipe(), np.random.default_rng([seed, 51])
    found = replicators(recipe, 40, seed)
    parents = np.zeros_like(found) if control else found
    lines = np.tile(identity(recipe) * np.float32(not control), (400, 1))
    few, many = (generations(lines, recipe, e, 60, rng).mean() for e in (1e-5, 1e-7))
    noise, length, repair = (1e-6, 12, 0) if control else (1e-3, 40, 50)
    course = drift(found[0], recipe, noise, length, repair, rng)["distance"]
    back = clones(found[0], recipe, 0.01, 200, 0 if control else 1000, seed)
    other = found[1] * 1.5 if control else found[1]
    line = between(found[0], other.astype(np.float32), recipe, 21, 0 if control else 1000, seed)
    return {
        "radius": float(np.median(spectral_radius(parents, recipe))),
        "per decade": float(many - few) / 2,
        "drift": float(math.log(course[length] / course[length // 4], 4)),
        "kept": float(math.sqrt((back["after"] ** 2).mean()) / 0.01),
        "line": float((line["type"] == "identity").mean()),
    }, {}


def arms(settings: Settings) -> Arms:
    seeds = range(FIRST_SEED, FIRST_SEED + settings.seeds)
    return {
        arm: [
            Computation("fertility", measured, values, seed=values["seed"], version=2, cost=5)
            for values in ({"seed": seed, "control": arm == WITHOUT} for seed in seeds)
        ]
        for arm in (HERE, WITHOUT)
    }


GROWTH = Log("1.73", "known_fixpoint_variation, steps as fixpoint at noise 1e-5 and 1e-7")


def _claim(
    key: str,
    quantity: str,
    tolerance: Tolerance,
    control: str,
    log: Log = AFTER,
    answers: tuple[str, str] | None = None,
) -> Claim:
    where = At(HERE, key), At(WITHOUT, key)
    return Claim(quantity, *where, tolerance, "3", log, answers, control)


CLAIMS = (
    _claim(
        "radius",
        "spectral radius of the self-application's Jacobian, median",
        at_least(3.95, "homogeneity: J w = 4 w at every replicator that is not zero"),
        "the dead particle",
        answers=(
            "no living replicator attracts: errors along itself grow fourfold a generation",
            "errors near a living replicator grow more slowly than fourfold",
        ),
    ),
    _claim(
        "per decade",
        "generations of offspring gained by a tenth of the noise",
        about(1.7, 0.25, "log 10 / log 4 = 1.66 for a radius of 4; 100 clones were published"),
        "the dead particle",
        GROWTH,
    ),
    _claim(
        "drift",
        "exponent with which the distance from the ancestor grows, generations 10 to 40",
        about(0.5, 0.15, "1/2: a random walk's"),
        "no repair, generations 3 to 12",
        answers=(
            "with repair a lineage walks at random among replicators",
            "with repair a lineage does not walk at random among replicators",
        ),
    ),
    _claim(
        "kept",
        "distance of a clone after retraining, over before",
        about(SHEET, 0.02, "the square root of 10/14: what lies along the replicators is kept"),
        "no retraining",
        answers=(
            "clones do not come back: they settle on a ten-dimensional sheet of replicators",
            "clones do not settle on a ten-dimensional sheet",
        ),
    ),
    _claim(
        "line",
        "replicators on the line between two, retrained",
        at_least(0.9, "nine of ten"),
        "no retraining, and one end is none",
        answers=("two replicators share one basin", "something else lies between two replicators"),
    ),
)

EXPERIMENT = Experiment("fertility", __doc__, arms, CLAIMS, claims, data="claims", page="soup_lab")
