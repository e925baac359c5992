"""Free particles and soups: do the published figures come out, setting by setting?

Self-application, self-training, noise robustness, learning from others, soups under attack: all
grids of the stored logs of 2019 with their settings (:mod:`srnn.life.replications`). One seed is a
run of all grids with fresh soups; a claim is about the setting that is furthest from its published
figure. z is the distance in standard errors, with the soup (or an experiment of the published size)
as the independent unit: a soup varies far more than its particles do.
"""

from typing import Any

from srnn.experiments.base import Arms, Experiment, Found, Settings, computations
from srnn.experiments.claims import Log, across, at_most, reported
from srnn.figures.rows import claims
from srnn.life.replications import EXPERIMENTS
from srnn.runs.results import Computed

HERE, WITHOUT = "as published", "placebo"
SOURCE = "original repository, branch master, code/results/*/log.txt; recipe of 2019"
NEVER = 99.0
"""In place of a z where nothing varies and the figures differ."""
PLACEBOS = {
    "self-application": "initial weights halved",
    "robustness": "clones of no replicator",
}
"""What is no replication in these; in the others the learning rate is 0."""
ABOUT = {
    "self-application": "census of 50 after 100 self-applications, three kinds",
    "self-training": "census of 50 after 1,000 trainings, three kinds",
    "robustness": "steps to vergence and as fixpoint, noise 1 to 1e-9",
    "learn-from": "identities a soup of 10, severity 0 to 100",
    "mixed": "identities a soup of 10, 0 to 100 trainings under attack",
    "mixed-alone": "share of fixpoints, 0 to 500 trainings after a self-application",
    "soup": "census of a soup of 20 with attack, training, respawn",
}


def furthest(names: list[str], seed: int, placebo: bool) -> Computed:
    """Largest |z| of each experiment's settings."""
    facts = {}
    for name in names:
        quick = name != "mixed-alone"  # whose 20 units of shares are too few for their deviation
        rows = EXPERIMENTS[name](quick=quick, seed=seed, placebo=placebo)
        facts[name] = max(NEVER if row["z"] is None else abs(row["z"]) for row in rows)
    return facts, {}


def arms(settings: Settings) -> Arms:
    names = ["self-application", "robustness"] if settings.quick else list(ABOUT)
    about: dict[str, Any] = {"version": 2, "cost": 15, "names": names}
    return {
        arm: computations(
            "free-particles", furthest, settings.each, placebo=arm == WITHOUT, **about
        )
        for arm in (HERE, WITHOUT)
    }


CLAIMS = tuple(
    reported(
        f"largest |z|: {about}",
        across(name, HERE, WITHOUT, PLACEBOS.get(name, "learning rate 0")),
        at_most(3, "three standard errors, the soup as the unit", "1"),
        Log("all settings", SOURCE),
    )
    for name, about in ABOUT.items()
)


def finding(found: Found) -> list[str]:
    asked = [name for name in ABOUT if found.values(HERE, name)]
    near = [one for one in found.judged.values() if one.holds]
    return [
        f"{len(near)} of {len(asked)} published experiments lie within three standard errors in "
        "every setting, over all seeds."
    ]


EXPERIMENT = Experiment(
    "18", __doc__, arms, CLAIMS, claims, finding=finding, data="claims", page="soup_lab"
)
