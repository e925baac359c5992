"""Sweeps: is the result an artefact of epsilon, and which alpha and size of particle prune best?"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from srnn.analysis.moment import look
from srnn.idx import DataError
from srnn.pruning.subject import Subject
from srnn.runs import Run
from srnn.statistics import front_of
from srnn.tasks import task_of
from srnn.vocabulary import EPSILON, count_types

EPSILONS = tuple(float(f"{value:.4g}") for value in np.geomspace(1e-7, 1e-2, 21))
"""Five decades of epsilon, four steps each; the log's 1e-5 is among them."""


def epsilon_sweep(subject: Subject, epsilons: Sequence[float] = EPSILONS) -> pd.DataFrame:
    """What dropping all zero and identity particles would cost, were epsilon another.

    One row per epsilon: a count per type, ``dropped, surviving, accuracy, base_accuracy`` (0..1)
    and ``difference`` (accuracy - base_accuracy, signed).
    """
    at = [subject.at(epsilon) for epsilon in epsilons]
    masks = np.stack([~one.replicators for one in at])
    base = subject.accuracy()
    table = pd.DataFrame([count_types(one.types) for one in at])
    table.insert(0, "epsilon", epsilons)
    table["dropped"] = (~masks).sum(1)
    table["surviving"] = masks.sum(1)
    table["accuracy"] = subject.accuracies(masks)
    table["base_accuracy"] = base
    table["difference"] = table["accuracy"] - base
    return table


def epsilon_sentence(table: pd.DataFrame) -> str:
    """Over which range around the log's epsilon the drop cost stays within a percentage point, in
    words."""
    fine = (table["difference"] >= -0.01).to_numpy()
    epsilons = table["epsilon"].to_numpy()
    centre = int(np.argmin(np.abs(np.log(epsilons / EPSILON))))
    if not fine[centre]:
        cost = -100 * table["difference"].iloc[centre]
        return f"At epsilon {epsilons[centre]:g} dropping all replicators costs {cost:.2f} points."
    low = high = centre
    while low > 0 and fine[low - 1]:
        low -= 1
    while high < len(fine) - 1 and fine[high + 1]:
        high += 1
    counts = table["dropped"].to_numpy()
    decades = np.log10(epsilons[high] / epsilons[low])
    return (
        "Dropping all replicators costs at most 1 percentage point for every epsilon from "
        f"{epsilons[low]:.1e} to {epsilons[high]:.1e} ({decades:.1f} decades), while their number "
        f"goes from {counts[low]:,} to {counts[high]:,}."
    )


def pareto(runs: Iterable[Run], epsilon: float = EPSILON) -> pd.DataFrame:
    """Every run as one point: what it answers, and how much of it self-replication lets go.

    Columns: ``run_id, name, dataset, alpha, neurons, residual, seed, epochs, particles, accuracy,
    replicators`` (share, 0..1), ``pruned_accuracy, drop_cost`` (accuracy - pruned accuracy) and
    ``front``: no other run of the same data set has both more replicators and a better pruned
    accuracy. Runs whose data are gone are left out.
    """
    rows, fields = [], ("dataset", "alpha", "neurons", "residual", "seed")
    for run in runs:
        try:
            now = look(run.weights, run.encoding, run.shape, task_of(run.config), epsilon)
        except DataError:
            continue
        rows.append(
            {
                "run_id": run.run_id,
                "name": run.name,
                **{name: getattr(run.config, name) for name in fields},
                "epochs": run.record.results.epochs,
                "particles": run.shape.particles,
                "accuracy": now.before,
                "replicators": now.share,
                "pruned_accuracy": now.after,
                "drop_cost": now.cost,
            }
        )
    if not rows:
        return pd.DataFrame(columns=["run_id", "neurons", "front"])
    table = pd.DataFrame(rows)
    for _, same in table.groupby("dataset"):
        front = front_of(same["replicators"].to_numpy(), same["pruned_accuracy"].to_numpy())
        table.loc[same.index, "front"] = front
    return table
