"""Fertility, drift and basins: does a replicator attract what is near it?

Replicators of 2019's kind, found by self-training: the Jacobian of their self-application,
generations of noisy offspring (after Randazzo et al. 2021), distance from an ancestor (after
Sinapayen 2023), clones and lines retrained (:mod:`srnn.life.fertility`, :mod:`srnn.life.basins`).
"""

import math

import numpy as np

from srnn.experiments.base import Arms, Experiment, Settings, computations
from srnn.experiments.claims import Log, about, across, at_least, later_question, reported
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
    return {
        arm: computations(
            "fertility", measured, settings.each, version=2, cost=5, control=arm == WITHOUT
        )
        for arm in (HERE, WITHOUT)
    }


KEPT = "the square root of 10/14: what lies along the replicators is kept"
CLAIMS = (
    later_question(
        "spectral radius of the self-application's Jacobian, median",
        across("radius", HERE, WITHOUT, "the dead particle"),
        at_least(3.95, "homogeneity: J w = 4 w at every replicator that is not zero", "3"),
        "no living replicator attracts: errors along itself grow fourfold a generation",
        "errors near a living replicator grow more slowly than fourfold",
    ),
    reported(
        "generations of offspring gained by a tenth of the noise",
        across("per decade", HERE, WITHOUT, "the dead particle"),
        about(1.7, 0.25, "log 10 / log 4 = 1.66 for a radius of 4; 100 clones were published", "3"),
        Log("1.73", "known_fixpoint_variation, steps as fixpoint at noise 1e-5 and 1e-7"),
    ),
    later_question(
        "exponent with which the distance from the ancestor grows, generations 10 to 40",
        across("drift", HERE, WITHOUT, "no repair, generations 3 to 12"),
        about(0.5, 0.15, "1/2: a random walk's", "3"),
        "with repair a lineage walks at random among replicators",
        "with repair a lineage does not walk at random among replicators",
    ),
    later_question(
        "distance of a clone after retraining, over before",
        across("kept", HERE, WITHOUT, "no retraining"),
        about(SHEET, 0.02, KEPT, "3"),
        "clones do not come back: they settle on a ten-dimensional sheet of replicators",
        "clones do not settle on a ten-dimensional sheet",
    ),
    later_question(
        "replicators on the line between two, retrained",
        across("line", HERE, WITHOUT, "no retraining, and one end is none"),
        at_least(0.9, "nine of ten", "3"),
        "two replicators share one basin",
        "something else lies between two replicators",
    ),
)

EXPERIMENT = Experiment("fertility", __doc__, arms, CLAIMS, claims, data="claims", page="soup_lab")
