"""Self-pruning at scale: does a network prune itself however wide, deep and fine it is?

The log's networks have 1,518 particles. Here width grows from 6 to 512 cells (1,410 to 120,320
particles), depth from 2 to 6 weight layers, h from 2 to 16, on two data sets, with ReLU, alpha 10
and five epochs. What dropping the replicators costs, at the instant training stopped and settled by
replication-only steps, stands beside as many by small scalar weights, by |scalar weight × input
std| and at random; and how well a particle's initial self-gain foretells its death.
"""

import math
from typing import Any

import numpy as np

from srnn.experiments.base import NONE, SHUFFLED, Arms, Experiment, Found, Settings, final_codes
from srnn.experiments.born_dead import foretelling
from srnn.experiments.claims import (
    SAME,
    about,
    across,
    at_least,
    at_most,
    evidence,
    later_question,
    within,
)
from srnn.figures.rows import shares
from srnn.figures.style import INK, MUTED, PALETTE
from srnn.pruning.masks import kept_by
from srnn.pruning.subject import Subject
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.vocabulary import ZERO

BASE: dict[str, Any] = {
    "depth": 2,
    "width": 20,
    "neurons": 4,
    "activation": "relu",
    "residual": "none",
    "alpha": 10.0,
    "lr": 0.03,
    "epochs": 5,
    "snapshot_every": 5,
}
WIDTHS, DEPTHS, SIZES = (6, 20, 64, 128, 256, 512), (3, 4, 6), (2, 8, 16)
SMALL, WIDE = f"width {WIDTHS[0]}", f"width {WIDTHS[-1]}"
DEPTH_ROW = {2: "width 20"} | {depth: f"depth {depth}" for depth in DEPTHS}
SIZE_ROW = {2: "h = 2", 4: "width 20", 8: "h = 8", 16: "h = 16"}
VARIANTS: dict[str, dict[str, Any]] = {
    **{f"width {width}": {"width": width} for width in WIDTHS},
    **{f"depth {depth}": {"depth": depth} for depth in DEPTHS},
    **{f"h = {h}": {"neurons": h} for h in SIZES},
    "digits": {"dataset": "digits", "batch_size": 50, "epochs": 50, "snapshot_every": 50},
    f"{WIDE}, {SHUFFLED}": {"width": WIDTHS[-1], "labels": "shuffled"},
    f"{WIDE}, {NONE}": {"width": WIDTHS[-1], "goal": "none"},
}
"""What is changed in the base; each arm says only what differs."""

RIVALS = {
    "cost": "replicators",
    "cost_magnitude": "magnitude",
    "cost_activity": "activity",
    "cost_random": "random",
}
QUICK_WIDTH = 32


def arms(settings: Settings) -> Arms:
    found = {}
    for name, changes in VARIANTS.items():
        values = {**BASE, **changes}
        if settings.quick:
            values["width"] = min(values["width"], QUICK_WIDTH)
        found[name] = settings.configs(**values)
    return found


def measure(run: Run) -> Computed:
    """Survivors, drop costs of the rivals at equal count (0..1), both also settled, and the AUC of
    the initial v0 for being alive."""
    facts: dict[str, float] = {"particles": float(run.shape.particles)}
    for prefix, one in (("", Subject.of(run)), ("settled_", Subject.settled(run))):
        before, replicators = one.accuracy(), float(one.replicators.mean())
        facts[f"{prefix}survivors"] = 1 - replicators
        for key, criterion in RIVALS.items():
            kept = kept_by(criterion, one, run.config.seed)
            facts[prefix + key] = before - one.accuracy(kept) if replicators else math.nan
    dead = final_codes(run) == ZERO
    facts["dead"] = float(dead.mean())
    return facts | foretelling(run, dead, np.random.default_rng(run.config.seed)), {}


CLAIMS = (
    later_question(
        f"drop cost of the replicators, {WIDE}",
        within(WIDE, "cost", "cost_random", "as many at random"),
        SAME,
        "in a wide network too, dropping the replicators costs nothing at this instant",
        "in a wide network dropping the replicators costs accuracy",
    ),
    later_question(
        f"drop cost, replicators less as many by |scalar weight × input std|, {WIDE}",
        within(WIDE, "cost", "cost_random", "as many at random", minus="cost_activity"),
        at_most(0.0, "no dearer than the plain rule", "pp"),
        "replicators are no worse a choice",
        "the plain rule drops better ones",
    ),
    later_question(
        f"survivors, {WIDE} less {SMALL}",
        across("survivors", WIDE, f"{WIDE}, {NONE}", minus=SMALL),
        at_most(-0.05, "a direction; five points", "pp"),
        "wider networks keep a smaller share",
        "wider networks do not keep a smaller share",
    ),
    later_question(
        f"AUC of the initial self-gain v0 for not dying, {WIDE}",
        within(WIDE, "auc", "auc_chance", "v0 dealt out anew among the particles"),
        at_least(0.8, "0.5 tells nothing, 1 everything", "2"),
        "death is decided at initialisation in wide networks too",
        "the initial self-gain alone does not decide in wide networks",
    ),
    later_question(
        f"share of zeros, {SHUFFLED} less true labels, {WIDE}",
        across("dead", f"{WIDE}, {SHUFFLED}", f"{WIDE}, {NONE}", minus=WIDE),
        about(0.0, 0.05, "five points", "pp"),
        "the task does not decide how many die",
        "the task decides how many die",
    ),
)


ASPECTS = {
    "survivors": ("survivors", "%"),
    "settled_survivors": ("settled", "%"),
    "accuracy": ("accuracy", "%"),
    "cost": ("drop cost", "pp"),
    "cost_activity": ("as many by |scalar weight × input std|", "pp"),
    "cost_magnitude": ("by |scalar weight|", "pp"),
}


def finding(found: Found) -> list[str]:
    said = []
    for arm in (SMALL, WIDE):
        parts = [f"{name} {found.mean(arm, key, unit)}" for key, (name, unit) in ASPECTS.items()]
        said.append(
            f"{arm} ({found.mean(arm, 'particles', 'count')} particles): {', '.join(parts)}."
        )
    for name, row in (("Depth", DEPTH_ROW), ("h", SIZE_ROW)):
        shares = ", ".join(
            f"{value}: {found.mean(arm, 'survivors', '%')} at {found.mean(arm, 'accuracy', '%')}"
            for value, arm in row.items()
        )
        said.append(f"{name}, survivors and test accuracy at width {BASE['width']}: {shares}.")
    trained = [arm for arm in VARIANTS if NONE not in arm and SHUFFLED not in arm]
    good, wrong = evidence(found.numbers, trained)
    dear = [arm for arm in good if found.estimate(arm, "cost").mean > 2 * SAME.high]
    names = f": {', '.join(dear)}" if dear else ""
    said.append(
        f"Dropping the replicators costs more than one point in {len(dear) or 'none'} of the "
        f"{len(good)} settings that learn and replicate{names}."
    )
    return said + wrong


figure = shares(
    {
        "accuracy": ("test accuracy", INK, "circle"),
        "survivors": ("survivors", PALETTE["other"], "square"),
        "settled_survivors": ("survivors, settled", MUTED, "square-open"),
    }
)
"""Accuracy, and the share of survivors at the instant and settled, by arm."""


EXPERIMENT = Experiment(
    "scale", __doc__, arms, CLAIMS, figure, measure, finding, (WIDE,), page="pruning_lab", version=2
)
