"""Fixpoint tests: what does every particle do to its own weights, and when?

The log asked for a fixpoint test of every particle at every recorded epoch. A particle is
divergent, zero (all its weights are), an identity (it reproduces its weights), of second order (it
does when asked twice), or other. Epsilon is the largest deviation that still counts as equal; the
log used 1e-5. The log called zeros identities too.
"""

import plotly.graph_objects as go

from srnn.analysis.types import history_measures, type_counts
from srnn.experiments.base import NONE, PERMUTED, Experiment, Found, Tables, trainings
from srnn.experiments.claims import Log, across, count_about, reported
from srnn.figures.rows import courses, typed
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.vocabulary import EPSILON

MAIN = "h = 4"
EPSILONS = (1e-6, EPSILON, 1e-4)
arms = trainings({MAIN: {"neurons": 4}}, MAIN, (NONE, PERMUTED))


def measure(run: Run) -> Computed:
    """Replicators after the first epoch, and at the end for every epsilon; counts per snapshot."""
    known = history_measures(run.snapshots, run.encoding)
    counts = {one: type_counts(known.codes(one), run.snapshot_epochs) for one in EPSILONS}
    both = {one: table["zero"] + table["identity"] for one, table in counts.items()}
    first = both[EPSILON][counts[EPSILON]["epoch"] == 1]
    facts = {f"end_{one:.0e}": float(column.iloc[-1]) for one, column in both.items()}
    early = counts[EPSILON].iloc[first.index[:1]]
    facts["first"] = float(first.iloc[0]) if len(first) else float("nan")
    facts["identity"] = float(early["identity"].iloc[0]) if len(early) else float("nan")
    return facts, {"types": counts[EPSILON]}


CLAIMS = tuple(
    reported(
        f"zero + identity after the first epoch{beside}",
        across("first", MAIN, placebo),
        count_about(1450),
        Log("about 1,450", "type plot of row 11 at its epoch 0, 1 here: h = 4, alpha 100"),
    )
    for beside, placebo in (("", NONE), (", beside a permuted target", PERMUTED))
)


def finding(found: Found) -> list[str]:
    alive = [
        f"{found.text(arm, 'identity', 'count')} with the {name}"
        for arm, name in ((MAIN, "target its own weights"), (PERMUTED, "target permuted"))
    ]
    ends = ", ".join(
        f"{found.text(MAIN, f'end_{epsilon:.0e}', 'count')} at {epsilon:.0e}"
        for epsilon in EPSILONS
    )
    return [
        f"Living replicators (identities) after the first epoch: {', '.join(alive)}.",
        f"Replicators at the end, by epsilon: {ends.replace('e-0', 'e−')}.",
    ]


def figure(tables: Tables) -> go.Figure:
    """Particles of each type over the epochs, with self-replication and without."""
    table = tables["types"]
    return courses([(arm, "Particles", typed(table[table["arm"] == arm])) for arm in (MAIN, NONE)])


EXPERIMENT = Experiment(
    "1", __doc__, arms, CLAIMS, figure, measure, finding, (MAIN,), "types",
    page="particle_types", version=2,
)  # fmt: skip
