"""Macro-micro structures: does it exist already? Hypernetwork, arXiv 1905.02898, sparse, pruning?

The log asked whether networks of networks exist already and named hypernetworks, arXiv 1905.02898,
sparse networks and pruning. The literature stands in a table on this card; the rivals are trained
on the same data and macro shape. Pruned and sparse ones keep as many connections as the log's
network had survivors (353 of 1,518), and so does the MetaNet that they are held against. Every
rival has the learning rate that serves it best on validation images of the first seed.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from srnn.analysis.collapse import scalars
from srnn.analysis.dropout import accuracy_of, drop
from srnn.experiments.base import (
    Arms,
    Experiment,
    Found,
    Settings,
    Tables,
    computations,
    final_codes,
)
from srnn.experiments.claims import At, Pair, at_least, question
from srnn.experiments.comparisons import CHANCE, KEPT, LAB, PRUNED, compare, pruned, rates
from srnn.figures.rows import ranking
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.statistics import MARGIN
from srnn.tasks import task_of
from srnn.vocabulary import is_replicator

NOISE = "noise-to-weights generator (Deutsch et al. 2019)"
RIVALS = {"hypernetwork (Ha et al. 2016)": "hypernetwork", NOISE: "noise to weights"}
META, SMALL = "MetaNet, h = 8", "MetaNet, h = 4"
EPOCHS = 40
"""Epochs of the rivals that are no pruning; by then none of them learns much more."""


LITERATURE = Path(__file__).parent.parent / "data" / "literature.csv"
"""One row per work, facts from the papers themselves: what plays the micro network, what is shared,
how it is trained, what came out, and where to read it."""


def arms(settings: Settings) -> Arms:
    """The MetaNets, and every rival on the same data, shape and batches; pruned dense networks are
    those of the pruning lab, trained as long as the MetaNets."""
    epochs, mains = EPOCHS // 4 if settings.quick else EPOCHS, settings.configs(neurons=4)
    rivals = {
        name: computations(
            "comparison", compare, mains, version=4, cost=8, kind=kind, epochs=epochs
        )
        for name, kind in RIVALS.items()
    }
    chance: dict[str, Any] = {"names": [CHANCE], "epochs": epochs}
    lab = computations("pruned", pruned, mains, version=3, cost=45)
    lab += computations("pruned", pruned, mains, version=3, cost=6, **chance)
    return {META: settings.configs(neurons=8), SMALL: mains, "pruning lab": lab, **rivals}


def measure(run: Run) -> Computed:
    """A MetaNet's survivors, how many and how accurate without the replicators; and the same cut
    to the log's number of connections, the largest scalar weights among the survivors."""
    task, own = task_of(run.config), scalars(run.weights)
    keep = ~is_replicator(final_codes(run))
    count = round(KEPT * run.shape.particles)
    few = np.zeros_like(keep)
    few[np.argsort(-np.abs(np.where(keep, own, 0)), kind="stable")[:count]] = True
    few &= keep
    after = {
        name: accuracy_of(drop(own, ~mask), task.x_test, task.y_test, run.shape)
        for name, mask in (("survivors", keep), ("cut", few))
    }
    parameters = float(run.shape.particles * run.config.particle_weights)
    counts = {"density": float(keep.mean()), "connections": float(few.sum())}
    return {**after, **counts, "parameters": parameters}, {}


CLAIMS = (
    question(
        f"accuracy at equal count, {META} less magnitude pruning, fine-tuned",
        Pair(
            At(META, "cut", At(PRUNED, "accuracy")),
            At(CHANCE, "accuracy", At(PRUNED, "accuracy")),
        ),
        at_least(-MARGIN, "no worse; under half a percentage point is no difference", "pp"),
        "cut to as many connections, without training after, it is no worse",
        "fine-tuned magnitude pruning keeps more than a MetaNet cut to as many connections and "
        "not trained after",
    ),
)


def finding(found: Found) -> list[str]:
    parts = [
        f"{name}: survivors kept {found.mean(name, 'survivors')} at density "
        f"{found.mean(name, 'density')}, cut to {found.mean(name, 'connections', 'count')} "
        f"connections {found.mean(name, 'cut')}"
        for name in (META, SMALL)
    ]
    rivals = "; ".join(
        f"{name} {found.mean(name, 'accuracy')} (learning rate {rates(found, name)})"
        for name in (*LAB, *RIVALS)
    )
    return [
        "; ".join(parts) + ", without training after.",
        f"Rivals: {rivals}.",
        f"Networks from noise disagree on {found.mean(NOISE, 'disagreement')} of the images; "
        f"together they reach {found.mean(NOISE, 'ensemble_accuracy')}.",
        f"Random connections leave {found.mean(CHANCE, 'outputs_reached', '1')} outputs reachable.",
    ]


def figure(tables: Tables) -> go.Figure:
    """Accuracy of the MetaNets, cut to the rivals' number of connections, and of the rivals."""
    table = tables["numbers"].copy()
    table["accuracy"] = table["cut"].fillna(table["accuracy"])
    note = "{parameters:,.0f} trained, {connections:,.0f} connections"
    return ranking(table, note)


EXPERIMENT = Experiment(
    "9", __doc__, arms, CLAIMS, figure, measure, finding, (META, SMALL),
    tables=lambda: {"literature": pd.read_csv(LITERATURE)},
)  # fmt: skip
