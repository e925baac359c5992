"""Addition and multiplication: can a MetaNet do sums, and its scalar weights the same?

Settings of the later code: two normal inputs, 18 particles of h = 3, batches of 50, one replication
step a batch, ten seeds (:mod:`srnn.life.arithmetic`). The boxes show the error of the MetaNet,
particle by particle, and of the dense network with its scalar weights swapped in.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch

from srnn.analysis.collapse import particle_forward
from srnn.experiments.base import FIRST_SEED, NONE, Arms, Computation, Experiment, Settings, Tables
from srnn.experiments.claims import REPLICATING, about, across, at_least, at_most, later_question
from srnn.figures.style import INK, MUTED, blank, log_axis
from srnn.life.arithmetic import BEST_LINEAR_PRODUCT, TASKS, train
from srnn.metanet import forward
from srnn.particles import scalar_weights
from srnn.runs.results import Computed
from srnn.vocabulary import count_replicators

ADD, MULTIPLY, ATTACKED = "addition", "multiplication", "addition, attacked"
BARE = f"{ADD}, {NONE}"


def trained(
    task: str, seeds: int, steps: int, disturb: str | None, replicate: bool = True
) -> Computed:
    """A table ``numbers``: per seed the ``mae``, the same with the scalar weights in a dense
    network (``swapped``), how far the two answers are apart (``apart``), whether the error is
    below a tenth (``adds``), and the share of ``replicators``; and the ``history``."""
    every = max(1, steps // 20)
    history, weights, shape = train(task, seeds, steps, disturb, replicate, every=every)
    shares = count_replicators(history.groupby("seed").last()) / shape.particles
    x = torch.tensor(np.random.default_rng(61).standard_normal((1000, 2)), dtype=torch.float32)
    wanted, rows = TASKS[task](x), []
    for seed, (w, share) in enumerate(zip(weights, shares, strict=True)):
        asked = torch.tensor(particle_forward(w, x.numpy(), shape))
        dense = forward(scalar_weights(torch.tensor(w)), x, shape)
        rows.append(
            {
                "seed": FIRST_SEED + seed,
                "mae": float((asked - wanted).abs().mean()),
                "swapped": float((dense - wanted).abs().mean()),
                "apart": float((asked - dense).abs().max()),
                "adds": float((asked - wanted).abs().mean() < 0.1),  # none that has diverged does
                "replicators": float(share),
            }
        )
    return {}, {"numbers": pd.DataFrame(rows), "history": history}


def computation(
    task: str,
    seeds: int = 10,
    steps: int = 3000,
    disturb: str | None = None,
    replicate: bool = True,
) -> Computation:
    """Networks that learn a task; :func:`trained` says what comes of them."""
    asked = {"task": task, "seeds": seeds, "steps": steps, "disturb": disturb}
    asked |= {"replicate": replicate}
    return Computation("arithmetic", trained, asked, version=3, cost=15)


def arms(settings: Settings) -> Arms:
    seeds = max(settings.seeds, 2 if settings.quick else 10)
    steps = 200 if settings.quick else 3000
    return {
        ADD: [computation(ADD, seeds, steps)],
        MULTIPLY: [computation(MULTIPLY, seeds, steps)],
        ATTACKED: [computation(ADD, seeds, steps, "attack")],
        BARE: [computation(ADD, seeds, steps, replicate=False)],
    }


CLAIMS = (
    later_question(
        "mean absolute error of a + b",
        across("mae", ADD, MULTIPLY),
        at_most(0.01, "a hundredth of an input", "exp"),
        "a MetaNet learns to add",
        "a MetaNet does not learn to add",
    ),
    later_question(
        "share of particles that replicate at the end, addition",
        across("replicators", ADD, BARE),
        at_least(REPLICATING, "one particle of 18; by epsilon 1e-5, right after a task step"),
        "and its particles replicate",
        "but its particles do not replicate by then",
    ),
    later_question(
        "mean absolute error of a b",
        across("mae", MULTIPLY, ADD),
        about(BEST_LINEAR_PRODUCT, 0.04, "2 / pi, of the answer 0: a linear net's best", "3"),
        "of a product a linear MetaNet learns nothing",
        "the error is not that of the answer 0",
    ),
    later_question(
        "share of networks that add (error below 0.1), attacked before every task step",
        across("adds", ATTACKED, ADD, "no attacks"),
        at_most(0.05, "none; ratio 0.01, by cell", "3"),
        "adding does not survive attacks",
        "adding survives attacks",
    ),
)


def figure(tables: Tables) -> go.Figure:
    """Box per task: particles asked one by one, and their scalar weights swapped in."""
    drawn, numbers = blank(boxmode="group"), tables["numbers"]
    for column, name, color in (("mae", "MetaNet", INK), ("swapped", "scalar weights", MUTED)):
        drawn.add_box(
            x=numbers["arm"], y=numbers[column].clip(lower=1e-9), name=name, boxpoints="all",
            marker={"color": color, "size": 4}, line={"width": 1.5}, fillcolor="rgba(0,0,0,0)",
        )  # fmt: skip
    errors = numbers[["mae", "swapped"]].clip(lower=1e-9)
    drawn.update_yaxes(title="Mean absolute error", **log_axis(errors))
    return drawn


EXPERIMENT = Experiment("arithmetic", __doc__, arms, CLAIMS, figure, page="train")
