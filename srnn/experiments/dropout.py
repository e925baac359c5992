"""Dropout test: does a particle take part in the goal, or is it only a replicator?

The log asked what a type is worth to the task: set all particles of one type to zero and measure
the test accuracy again. Its 0.05 percentage points entered it on 2022-02-02, when h was 3 or 4,
without alpha, 100 epochs: it is no figure for h = 8 at alpha 100.
"""

import plotly.graph_objects as go

from srnn.experiments.base import Experiment, Found, Tables, drop_costs, final_codes, trainings
from srnn.experiments.claims import SAME, Log, about, question, reported, within
from srnn.figures.rows import dots, panels, rows_high
from srnn.figures.style import MUTED, PALETTE
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.vocabulary import TYPES, is_replicator

NOTES = {h: f"h = {h}, alpha 1, 100 epochs" for h in (3, 4)}
LARGE, SMALL = "h = 8, alpha 100", "h = 4, alpha 100"
BOTH = "zero + identity"
arms = trainings(
    {name: {"neurons": h, "alpha": 1.0, "epochs": 100} for h, name in NOTES.items()}
    | {LARGE: {"neurons": 8}, SMALL: {"neurons": 4}}
)


def measure(run: Run) -> Computed:
    """What dropping every type costs, and both kinds of replicator, beside as many at random."""
    codes = final_codes(run)
    groups = {name: codes == code for code, name in enumerate(TYPES)}
    costs, table = drop_costs(run.weights, {**groups, BOTH: is_replicator(codes)}, run)
    return costs, {"costs": table[table["count"] > 0]}


RANDOM = "as many at random"
ENTERED = "entered the log on 2022-02-02, when h was 3 or 4, without alpha, 100 epochs"
CLAIMS = (
    *(
        reported(
            f"drop cost of the identities, {note}",
            within(note, "identity", "identity, at random", RANDOM),
            about(0.0, 0.001, "twice the log's figure; 1.5 of its 1,500 images", "pp"),
            Log("0.05 pp", ENTERED),
        )
        for note in NOTES.values()
    ),
    question(
        f"drop cost of the identities, {LARGE}",
        within(LARGE, "identity", "identity, at random", RANDOM),
        SAME,
        "at h = 8 identities take no part in the goal at this instant",
        "at h = 8 identities take part in the goal",
    ),
)


def finding(found: Found) -> list[str]:
    said = []
    for arm in (LARGE, SMALL):
        if not found.estimate(arm, BOTH).count:
            said.append(f"At {arm} there is no replicator to drop.")
            continue
        cost, chance = (found.text(arm, name, "pp") for name in (BOTH, f"{BOTH}, at random"))
        said.append(f"At {arm}, dropping zero + identity costs {cost}; as many at random {chance}.")
    said.append("Types are read at one instant, right after a task step; see: the instant.")
    return said


def figure(tables: Tables) -> go.Figure:
    """Signed change of accuracy when a type, or as many at random, are dropped, at h = 8."""
    table = tables["costs"].query("arm == @LARGE")
    table = table[~table["group"].str.endswith("at random") | table["group"].str.startswith(BOTH)]
    counts = table.groupby("group", sort=False)["count"].mean()
    drawn = panels(1, (LARGE,))
    dots(
        drawn,
        table.assign(change=-100 * table["cost"]),
        "change",
        "group",
        form="{:+.2f} pp",
        color=[PALETTE.get(name, MUTED) for name in counts.index],
        notes=[f"{number:,.0f} dropped" for number in counts],
        position="beside",
    )
    drawn.add_vline(x=0, line={"color": MUTED, "width": 1})
    drawn.update_xaxes(title="Change of test accuracy (pp)", range=[-105, 15])
    return rows_high(drawn, len(counts))


PREMISE = (*NOTES.values(), LARGE, SMALL)
EXPERIMENT = Experiment(
    "2", __doc__, arms, CLAIMS, figure, measure, finding, PREMISE, "costs", "dropout_test"
)
