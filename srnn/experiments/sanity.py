"""Row 10: can a particle learn to multiply its input by n and still replicate itself?"""

from __future__ import annotations

import pandas as pd

from srnn.experiments.base import ANSWERED, Computation, Experiment, Given, Outcome, Settings
from srnn.experiments.multiplication import MODES, learn
from srnn.vocabulary import REPLICATORS

NEURONS = (2, 3, 4, 6, 10)
FACTOR = 0.03
LEARNED = FACTOR / 100
"""A factor counts as learned if it is off by less than a hundredth of itself."""
LOG = {3: "identity", 4: "identity", 6: "other", 10: "other"}
"""What the log reports, one particle each; its identities include zeros."""
PARTICLES = 10
"""Particles per size, however many seeds are asked for (they cost next to nothing)."""


def computations(settings: Settings) -> list[Computation]:
    """Both modes, all sizes and seeds at once."""
    epochs, count = (2, 3) if settings.quick else (30, max(PARTICLES, settings.seeds))
    return [
        Computation(
            "multiplication",
            learn,
            {
                "mode": mode,
                "neurons": list(NEURONS),
                "seeds": count,
                "factor": FACTOR,
                "epochs": epochs,
            },
            cost=12,
        )
        for mode in MODES
    ]


def evaluate(settings: Settings, given: Given) -> Outcome:
    results = [given.result(one) for one in computations(settings)]
    ends = pd.concat([result.tables["ends"] for result in results], ignore_index=True)
    curves = pd.concat([result.tables["curves"] for result in results], ignore_index=True)
    ends["learned_it"] = ends["error"] < LEARNED
    ends["replicates"] = ends["type"] == "identity"
    summary = summarise(ends)
    log, clean = (ends[ends["mode"] == mode] for mode in MODES)
    both = clean["learned_it"] & clean["replicates"]
    zeros = log[log["type"] == "zero"]
    seen = {h: log[log["h"] == h]["type"].isin(REPLICATORS).sum() for h in LOG}
    count = len(log) // len(NEURONS)
    pattern = ", ".join(f"h = {h}: {seen[h]} of {count}" for h in LOG)
    if both.all():
        answer = f"yes, all {len(both)} particles do (clean mode)"
    else:
        answer = f"{int(both.sum())} of {len(both)} particles do (clean mode)"
    return Outcome(
        f"log mode, zero + identity: {pattern}; clean mode: {int(both.sum())} of {len(both)} "
        f"replicate and multiply, factor off by at most {clean['error'].max():.0e}",
        settings.verdict(f"{ANSWERED}{answer}; the log's own evidence did not show it"),
        "The log's picture comes out again (its identities at h = 3 and 4, other at h = 6 and 10), "
        f"but {len(zeros)} of its {int(log['type'].isin(REPLICATORS).sum())} identities "
        f"are zeros that learned nothing: their factor is off by n = {FACTOR} itself, which is the "
        f"batch loss of {FACTOR**2:.4f} that the log shows. Trained cleanly, "
        f"{int(both.sum())} of {len(both)} are identities and have learned the factor.",
        {"summary": summary, "curves": curves, "ends": ends},
    )


def summarise(ends: pd.DataFrame) -> pd.DataFrame:
    """Per mode and size: how many particles ended as what, how many learned the factor, and the
    largest and the median error."""
    rows = []
    for (mode, h), part in ends.groupby(["mode", "h"], sort=False):
        counts = part["type"].value_counts()
        rows.append(
            {
                "mode": mode,
                "h": h,
                "the_log": LOG.get(h, "not reported") if mode == "log" else "not tried",
                **{name: int(counts.get(name, 0)) for name in ("zero", "identity", "other")},
                "particles": len(part),
                "learned_it": int(part["learned_it"].sum()),
                "median_error": float(part["error"].median()),
                "largest_error": float(part["error"].max()),
            }
        )
    return pd.DataFrame(rows)


EXPERIMENT = Experiment(
    10,
    "Sanity check: multiply by n",
    "Can a particle learn to multiply its input by n and still replicate itself?",
    "The log trained one particle each of h = 2, 3, 4, 6, 10 to replicate itself and to multiply "
    "its input by n = 0.03: 30 epochs of 125 batches of 8,000 normal inputs, 10 replication "
    "steps a batch. Log mode trains as its code did, clean mode as it was meant; both over "
    "several seeds.",
    "the log, one particle each: identity at h = 3 and 4, other at h = 6 and 10",
    evaluate,
    "",
    computations=computations,
)
