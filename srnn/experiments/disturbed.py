"""Attack and melt inside a MetaNet: what does one round among its particles cost?

One particle in a hundred acts on a random other one of its cell, of its weight layer, or of the
whole network: an attack turns the other into what the particle makes of its weights, a melt mixes
their weights (:mod:`srnn.interactions`; the later code knew the cell only). Replicators leave
each other as they are, so an attack can only hurt through the others.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from srnn.analysis.moment import look
from srnn.experiments.base import Experiment, Tables, trainings
from srnn.experiments.claims import about, at_least, later_question, within
from srnn.figures.rows import dots, panels
from srnn.figures.style import INK, MUTED
from srnn.interactions import KINDS, LEVELS, interact
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.tasks import task_of
from srnn.vocabulary import is_replicator

SIZES = {f"h = {h}": h for h in (4, 8)}
MAIN = "h = 8"
ROUNDS, RATIO = 5, 0.01
EVERYBODY, AMONG = "by everybody", "among replicators"
arms = trainings({arm: {"neurons": h} for arm, h in SIZES.items()})


def measure(run: Run) -> Computed:
    """Means over rounds, each from the trained weights, by kind and level: ``cost`` of accuracy and
    replicators ``lost`` (shares), and the growth of the replication ``loss``; the same where
    everybody acts, and where only replicators meet."""
    task, weights = task_of(run.config), np.array(run.snapshots[-1])
    data = (run.encoding, run.shape, task)
    before, facts, rows = look(weights, *data), dict[str, float](), []
    kept = is_replicator(before.codes)
    everybody = np.ones(len(kept), bool)
    arms = [(f"by {level}", level, RATIO, everybody) for level in LEVELS]
    arms += [(EVERYBODY, "cell", 1.0, everybody), (AMONG, "cell", RATIO, kept)]
    for kind in KINDS:
        for name, level, ratio, among in arms:
            found = []
            for number in range(ROUNDS):
                rng = np.random.default_rng([run.config.seed, 71, number])
                after, _ = interact(weights, *data[:2], kind, rng, ratio, level, among)
                now = look(after, *data)
                found.append((now.before, is_replicator(now.codes).sum(), now.loss))
            accuracy, replicators, loss = np.mean(found, axis=0)
            values = {
                "cost": float(before.before - accuracy),
                "lost": float((kept.sum() - replicators) / run.shape.particles),
                "loss": float(loss - before.loss),
            }
            facts |= {f"{key}: {kind} {name}": value for key, value in values.items()}
            if level != "cell" or name == "by cell":
                rows.append({"round": f"{kind} {name}", **values})
    return facts, {"rounds": pd.DataFrame(rows)}


CLAIMS = (
    later_question(
        f"accuracy lost by one round of attacks by cell, {MAIN}",
        within(MAIN, "cost: attack by cell", f"cost: attack {EVERYBODY}", "everybody attacks"),
        about(0, 0.005, "half a point", "pp"),
        "a network bears attacks within its cells",
        "attacks within cells cost more",
    ),
    later_question(
        f"replicators lost by melting among replicators of a cell, {MAIN}",
        within(MAIN, f"lost: melt {AMONG}", f"lost: attack {AMONG}", "they attack"),
        at_least(0.001, "of 1,518 particles about 6 act", "pp"),
        "melting breaks replicators, more than their attacks do",
        "melting breaks hardly any replicators",
    ),
)


def figure(tables: Tables) -> go.Figure:
    """Accuracy and replicators lost by one round, by kind and level."""
    drawn = panels(2, ("accuracy lost (pp)", "replicators lost (%)"))
    for col, key in enumerate(("cost", "lost"), start=1):
        for arm, color, side in zip(SIZES, (MUTED, INK), ("top", "bottom"), strict=True):
            own = tables["rounds"].query("arm == @arm")
            place = {"row": 1, "col": col}
            dots(
                drawn, own, key, "round", scale=100, form="{:.2f}", color=color, place=place,
                name=arm if col == 1 else "", position=f"{side} center",
            )  # fmt: skip
    drawn.update_yaxes(autorange="reversed", automargin=True)
    drawn.update_yaxes(showticklabels=False, col=2)
    drawn.update_layout(height=480, legend={"y": 1.14}, margin={"t": 110})
    return drawn


EXPERIMENT = Experiment(
    "disturbed", __doc__, arms, CLAIMS, figure, measure, premise=(MAIN,), data="rounds", version=2
)
