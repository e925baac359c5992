"""Sanity check, multiply by n: can a particle learn to multiply and still replicate itself?

The log trained one particle each of h = 2, 3, 4, 6, 10 to replicate itself and to multiply its
input by n = 0.03: 30 epochs of 125 batches of 8,000 normal inputs, 10 replication steps a batch.
Log mode trains as its code did, clean mode as it was meant. The log's figure for h = 10 is
byte-identical to the one for h = 2, so it says nothing about h = 10.
"""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from srnn.experiments.base import FIRST_SEED, Arms, Computation, Experiment, Found, Settings, Tables
from srnn.experiments.claims import Claim, Log, across, at_least, question, reported
from srnn.experiments.multiplication import learn
from srnn.figures.rows import Line, mean_line
from srnn.figures.style import INK, MUTED, PALETTE, subplots
from srnn.runs.results import Computed
from srnn.vocabulary import LABELS, REPLICATORS, TYPES

NEURONS = (2, 3, 4, 6, 10)
FACTOR = 0.03
LEARNED = FACTOR / 100
"""A factor counts as learned if it is off by less than a hundredth of itself."""
PARTICLES = 10
"""Particles per size, however many seeds are asked for (they cost next to nothing)."""
LOG_MODE, CLEAN = "log mode", "clean mode"
BARE = ", no replication steps"


def arms(settings: Settings) -> Arms:
    """Both modes, each with replication steps and without; all sizes and particles at once."""
    epochs, count = (2, 3) if settings.quick else (30, max(PARTICLES, settings.seeds))
    about = {"neurons": list(NEURONS), "seeds": count, "factor": FACTOR, "epochs": epochs}
    found = {}
    for name, mode in ((LOG_MODE, "log"), (CLEAN, "clean")):
        for bare, steps in (("", 10), (BARE, 0)):
            own, cost = {**about, "mode": mode, "steps": steps}, 12 if steps else 2
            found[name + bare] = [Computation("multiplication", learned, own, version=2, cost=cost)]
    return found


def learned(**parameters: Any) -> Computed:
    """:func:`learn` with a table ``numbers``: per particle (seed) and size h whether it ended as a
    replicator, ``zero_h``, as other, and whether it learned the factor as an identity (``both_h``,
    and ``both``, the share over the sizes); ``curves`` are the median errors of the factor."""
    _, tables = learn(**parameters)
    ends, curves = tables["ends"], tables["curves"]
    curves["miss"] = (curves["learned"] - FACTOR).abs().clip(lower=1e-9)
    course = curves.groupby(["h", "epoch"])["miss"].median().reset_index()
    ends["learned_it"] = ends["error"] < LEARNED
    rows = []
    for index, (_, own) in enumerate(ends.groupby("seed")):
        row: dict[str, float] = {"seed": FIRST_SEED + index}
        both = own["learned_it"] & (own["type"] == "identity")
        row["both"] = float(both.mean())
        for h, kind, known in zip(own["h"], own["type"], own["learned_it"], strict=True):
            row[f"replicator_{h}"] = float(kind in REPLICATORS)
            row[f"zero_{h}"], row[f"other_{h}"] = float(kind == "zero"), float(kind == "other")
            row[f"learned_{h}"] = float(known)
        rows.append(row)
    return {}, {"numbers": pd.DataFrame(rows), "curves": course, "ends": ends}


MOST = at_least(0.5, "most of them: the log had one")
BYTES = "the log's figure for h = 10 is byte-identical to the one for h = 2"


def _log(h: int, kind: str, said: str, unknown: str = "") -> Claim:
    log = Log(said, "row 10 of the log, one particle; its identities include zeros")
    where = across(f"{kind}_{h}", LOG_MODE, LOG_MODE + BARE)
    name = f"particles with h = {h} that end as {kind}, {LOG_MODE}"
    return reported(name, where, MOST, log, unknown)


CLAIMS = (
    _log(3, "replicator", "identity"),
    _log(4, "replicator", "identity"),
    _log(6, "other", "other"),
    _log(10, "other", "other", BYTES),
    question(
        f"particles that replicate and multiply, {CLEAN}",
        across("both", CLEAN, CLEAN + BARE),
        at_least(0.9, "nine of ten, all sizes together"),
        "yes, a particle can learn to multiply its input and still replicate itself",
        "no, a particle cannot learn to multiply its input and still replicate itself",
    ),
)


def finding(found: Found) -> list[str]:
    own = found.tables["ends"].query("arm == @LOG_MODE")
    idle = own[own["type"].isin(REPLICATORS)]
    zeros = idle[idle["type"] == "zero"]
    said = [f"Log mode: {len(idle)} of {len(own)} particles end as zero or identity."]
    lazy = int((~zeros["learned_it"]).sum())
    if lazy:
        said.append(
            f"{lazy} of these are zeros that have not learned the factor: theirs is off by n = "
            f"{FACTOR} itself, which is a batch loss of {FACTOR**2:.4f}."
        )
    clean = found.tables["ends"].query("arm == @CLEAN")
    both = int((clean["learned_it"] & (clean["type"] == "identity")).sum())
    said.append(f"Clean mode: {both} of {len(clean)} are identities that have learned the factor.")
    return said


def figure(tables: Tables) -> go.Figure:
    """Error of the learned factor over the epochs, and how the particles ended."""
    curves, ends, modes = tables["curves"], tables["ends"], (LOG_MODE, CLEAN)
    gaps = {"horizontal_spacing": 0.1, "vertical_spacing": 0.16}
    drawn = subplots(2, 2, subplot_titles=modes, row_heights=[0.6, 0.4], **gaps)
    drawn.update_layout(barmode="stack", height=620, legend={"y": 1.1}, margin={"t": 80})
    dashes = ("solid", "dot", "dash", "dashdot", "longdash")
    for col, mode in enumerate(modes, start=1):
        own = curves[curves["arm"] == mode]
        for dash, (h, part) in zip(dashes, own.groupby("h"), strict=False):
            one = Line(part, "miss", f"h = {h}", INK if h in (3, 6) else MUTED, dash)
            place = {"row": 1, "col": col}
            mean_line(drawn, one, place, legend=col == 1, log_epochs=False)
        part = ends[ends["arm"] == mode]
        for name in TYPES:
            counts = part[part["type"] == name].groupby("h").size()
            if len(counts):
                first = name not in {trace.legendgroup for trace in drawn.data}
                look = {"marker_color": PALETTE[name], "legendgroup": name, "showlegend": first}
                x, y = zip(*((f"h = {h}", int(counts.get(h, 0))) for h in NEURONS), strict=True)
                drawn.add_bar(x=x, y=y, name=LABELS[name], row=2, col=col, **look)
    drawn.update_xaxes(title="Epoch", row=1)
    drawn.update_yaxes(type="log", exponentformat="power", range=[-9.3, 0.5], row=1)
    drawn.update_yaxes(title="Error of the factor (median)", row=1, col=1)
    drawn.update_yaxes(title="Particles", row=2, col=1)
    return drawn


EXPERIMENT = Experiment("10", __doc__, arms, CLAIMS, figure, finding=finding, data="ends")
