"""Row 9: macro-micro structures. Does it exist already, and how does it compare?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from srnn.analysis.connectivity import prune_to
from srnn.config import RunConfig
from srnn.experiments.base import (
    ANSWERED,
    Computation,
    Experiment,
    Given,
    Outcome,
    Settings,
    percent,
)
from srnn.experiments.comparisons import compare
from srnn.experiments.dropout import final_codes
from srnn.experiments.literature import literature_table
from srnn.store import Run
from srnn.tasks import task_of
from srnn.vocabulary import is_replicator

RIVALS = {
    "dense": "dense network",
    "hypernetwork": "hypernetwork (Ha et al. 2016)",
    "noise to weights": "noise-to-weights generator (Deutsch et al. 2019)",
    "torch.sparse": "torch.sparse, random connections",
    "torch.sparse, first layer": "torch.sparse, random pixels, later layers whole",
    "magnitude pruning": "magnitude pruning, fine-tuned",
    "lottery ticket": "lottery ticket (Frankle and Carbin 2018)",
}
EPOCHS = 40
"""Epochs of every rival; by then none of them learns much more."""
LEARNED = 0.8
"""Accuracy under which a rival has not learned MNIST."""


def configs(settings: Settings) -> list[RunConfig]:
    """The log's main run and the h = 8 residual preset, over seeds."""
    return settings.configs(neurons=4) + settings.configs(neurons=8)


def computations(settings: Settings) -> list[Computation]:
    """Every rival over all seeds, on the main run's data, shape and batches."""
    epochs = EPOCHS // 4 if settings.quick else EPOCHS
    return [
        Computation(
            "comparison",
            compare,
            {"kind": kind, "config": config.to_dict(), "epochs": epochs},
            cost=30 if kind in ("lottery ticket", "noise to weights") else 10,
        )
        for kind in RIVALS
        for config in settings.configs(neurons=4)
    ]


def metanet_row(run: Run) -> dict[str, object]:
    """A MetaNet among its rivals, with only its survivors kept."""
    task = task_of(run.config)
    keep = ~is_replicator(final_codes(run))
    kept = prune_to(run.weights, keep, task.x_test, task.y_test, run.shape)
    return {
        "network": f"MetaNet, h = {run.config.neurons}, survivors kept",
        "seed": run.config.seed,
        "accuracy": kept.after,
        "parameters": run.shape.particles * run.config.particle_weights,
        "connections": kept.kept,
        "seconds": run.info["seconds"],
        "epochs": run.results["epochs"],
    }


def evaluate(settings: Settings, given: Given) -> Outcome:
    rows = [metanet_row(run) for run in given.of(configs(settings))]
    for one in computations(settings):
        facts = given.result(one).facts
        name = RIVALS[one.parameters["kind"]]
        rows.append({"network": name, "seed": one.parameters["config"]["seed"], **facts})
    table = pd.DataFrame(rows)
    shape = given.of(configs(settings))[0].shape
    outputs = shape.outputs
    table["density"] = table["connections"] / shape.particles

    def values(name: str, column: str = "accuracy") -> list[float]:
        return table[table["network"] == name][column].astype(float).tolist()

    weak = [name for name in RIVALS.values() if sum(values(name)) / len(values(name)) < LEARNED]
    meta = "MetaNet, h = 8, survivors kept"
    hyper, pruned = RIVALS["hypernetwork"], RIVALS["magnitude pruning"]
    noise = table[table["network"] == RIVALS["noise to weights"]]
    summary = table.groupby("network", sort=False, as_index=False).mean(numeric_only=True)
    note = f" Under {100 * LEARNED:.0f} %: {', '.join(weak)}." if weak else ""
    chance = RIVALS["torch.sparse"]
    if chance in weak:
        note += (
            " Random connections leave on average "
            f"{np.mean(values(chance, 'outputs_reached')):.1f} of {outputs} outputs reachable, "
            "whatever is trained: which connections are kept matters."
        )
    return Outcome(
        f"MetaNet h = 8 {percent(values(meta))}, hypernetwork {percent(values(hyper))}, noise to "
        f"weights {percent(noise['accuracy'].tolist())}, magnitude pruning "
        f"{percent(values(pruned))}, random sparse {percent(values(RIVALS['torch.sparse']))}",
        settings.verdict(
            f"{ANSWERED}related structures exist; none has one self-replicating network per weight "
            "before the organism networks of 2022"
        ),
        f"On the same data and macro shape a hypernetwork reaches {percent(values(hyper))} with "
        f"{values(hyper, 'parameters')[0]:,.0f} trained numbers, the MetaNet with h = 8 "
        f"{percent(values(meta))} with {values(meta, 'parameters')[0]:,.0f}. Eight networks from "
        f"noise disagree on {percent(noise['disagreement'].tolist())} of the images; together they "
        f"reach {percent(noise['ensemble_accuracy'].tolist())}.{note}",
        {"summary": summary, "comparison": table, "literature": literature_table()},
    )


EXPERIMENT = Experiment(
    9,
    "Macro-micro structures",
    "Does it exist already? Hypernetwork, arXiv 1905.02898, sparse networks, pruning?",
    "The log asked whether networks of networks exist already and named hypernetworks, arXiv "
    "1905.02898, sparse networks and pruning. The literature stands in a table; the rivals are "
    "trained on the same data and macro shape. Pruned and sparse ones keep as many connections as "
    "the log's network had survivors (23 %).",
    "no figure in the log; a rival that stays under 80 % has to be explained",
    evaluate,
    "",
    configs,
    computations,
)
