"""What a study says: its tables for readers, and the sentences that follow from the numbers.

The unit is the run: every effect is a mean over seeds with its t-interval, rivals are paired where
they prune the same network, the tests of one question are one family (Holm), and "no difference" is
said only after an equivalence test at half a percentage point (:mod:`srnn.statistics`).
"""

from collections.abc import Iterator, Mapping
from typing import cast

import pandas as pd

from srnn.pruning.controls import MATCHINGS
from srnn.pruning.criteria import CRITERIA
from srnn.pruning.measure import RIVALS
from srnn.pruning.scratch import SCRATCH
from srnn.statistics import MARGIN, Comparison, Estimate, Outcome, compare_all, estimate, paired

OURS = "replicators"
BY_RULE = ("magnitude", "activity", "fisher", "random")
"""The rules that dropping the replicators is held against, on the same network."""


def _cells(points: pd.DataFrame) -> Iterator[tuple[str, float, pd.DataFrame, Estimate]]:
    """Rival, sparsity, one row per seed (means over draws), and the accuracy over the seeds."""
    seeds = points.groupby(["rival", "sparsity", "seed"], sort=False).mean(numeric_only=True)
    for cell, rows in seeds.groupby(["rival", "sparsity"], sort=False):
        rival, sparsity = cast(tuple[str, float], cell)
        yield rival, sparsity, rows, estimate(rows["accuracy"])


def summary(points: pd.DataFrame) -> pd.DataFrame:
    """Rival x sparsity: ``rival, sparsity, dropped, surviving, accuracy`` (mean over seeds of the
    mean over draws), ``low, high`` (95 % t-interval over seeds; NaN for one seed), ``seeds``,
    ``base_accuracy`` (nothing dropped; mean over seeds)."""
    return pd.DataFrame(
        [
            {
                "rival": rival,
                "sparsity": sparsity,
                "dropped": rows["dropped"].mean(),
                "surviving": rows["surviving"].mean(),
                "accuracy": found.mean,
                "low": found.low,
                "high": found.high,
                "seeds": found.count,
                "base_accuracy": rows["base_accuracy"].mean(),
            }
            for rival, sparsity, rows, found in _cells(points)
        ]
    )


def grid(points: pd.DataFrame) -> pd.DataFrame:
    """The table to print: one row per rival, one column per sparsity, in percent: the mean over
    seeds and its t-interval."""
    texts: dict[str, dict[float, str]] = {}
    for rival, sparsity, _, found in _cells(points):
        texts.setdefault(rival, {})[sparsity] = found.text(100, 1)
    table = pd.DataFrame.from_dict(texts, orient="index").sort_index(axis=1).fillna("")
    table.columns = pd.Index([f"{100 * share:g} %" for share in table.columns])
    return table.loc[[name for name in RIVALS if name in texts]].reset_index(names="rival")


def natural_table(natural: pd.DataFrame, particle_weights: int) -> pd.DataFrame:
    """Every rival with as many connections dropped as each run has replicators, held against
    dropping the replicators of the same run.

    Columns: ``rival, accuracy`` and ``cost`` (percent and points, with t-intervals), ``difference``
    (to the replicators, in points: positive where the rival keeps more), ``outcome`` (of the rival;
    one family for each group of rivals), ``trained`` (numbers that were trained, a particle's
    ``particle_weights`` included) and ``kept`` (numbers in the network that is left), means over
    seeds.
    """
    wide = natural.pivot_table(index="seed", columns="rival", values="accuracy")
    ours = natural[natural["rival"] == OURS].set_index("seed")
    judged: dict[str, Comparison] = {}
    for group in dict.fromkeys(group for _, group in RIVALS.values()):
        names = [name for name in wide.columns if RIVALS[name][1] == group and name != OURS]
        both = {name: wide[name].dropna() for name in names}
        judged |= compare_all(
            {name: paired(rows, ours["accuracy"][rows.index]) for name, rows in both.items()}
        )
    rows = []
    for name in RIVALS:
        if name not in wide:
            continue
        mine = natural[natural["rival"] == name]
        kept = mine["surviving"].mean()
        whole = (mine["surviving"] + mine["dropped"]).mean()
        rows.append(
            {
                "rival": name,
                "accuracy": estimate(mine["accuracy"]).text(100, 1),
                "cost": estimate(mine["base_accuracy"] - mine["accuracy"]).text(100),
                "difference": _effect(judged[name]) if name in judged else "",
                "outcome": str(judged[name].outcome) if name in judged else "",
                "trained": round(_trained(name, whole, kept, particle_weights)),
                "kept": round(kept),
            }
        )
    return pd.DataFrame(rows)


def _trained(rival: str, whole: float, kept: float, particle_weights: int) -> float:
    """How many numbers were trained to make a rival."""
    if rival in SCRATCH:
        return kept if SCRATCH[rival].small else whole
    return whole * particle_weights


def sentences(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """The study's answer: the conclusion first, then what it follows from."""
    natural, controls = tables["natural"], tables["controls"]
    return [conclusion(natural, controls), cost_sentence(natural), *control_sentences(controls)]


def cost_sentence(natural: pd.DataFrame) -> str:
    """What dropping all replicators costs, and as many by another rule."""
    costs = {
        name: estimate(rows["base_accuracy"] - rows["accuracy"])
        for name, rows in natural.groupby("rival", sort=False)
    }
    ours = natural[natural["rival"] == OURS]
    others = ", ".join(f"{CRITERIA[name].phrase} {costs[name].text(100)}" for name in BY_RULE)
    return (
        f"Dropping all replicators ({100 * ours['sparsity'].mean():.1f} % of the connections, "
        f"{_seeds(len(ours))}) costs {costs[OURS].text(100)} points of "
        f"{100 * ours['base_accuracy'].mean():.1f} % accuracy; dropping as many by another rule: "
        f"{others}."
    )


def judge_rules(natural: pd.DataFrame) -> dict[str, Comparison]:
    """Dropping the replicators against as many by each of :data:`BY_RULE`, paired by run: *better*
    where the replicators are the better ones to drop."""
    by = natural.set_index(["rival", "seed"])["accuracy"]
    return compare_all({name: paired(by[OURS], by[name][by[OURS].index]) for name in BY_RULE})


def judge_controls(controls: pd.DataFrame) -> dict[str, Comparison]:
    """Every control test over the runs in which it has support."""
    return compare_all(
        {
            name: controls[(controls["matching"] == name) & controls["support"].astype(bool)][
                "difference"
            ]
            for name in MATCHINGS
        }
    )


def control_sentences(controls: pd.DataFrame) -> list[str]:
    """One sentence per control test, over the runs."""
    found = []
    for name, judged in judge_controls(controls).items():
        rows = controls[controls["matching"] == name]
        share = 100 * rows["pairs"].sum() / max(1, rows["replicators"].sum())
        kind = f"Paired with survivors of {MATCHINGS[name].title}"
        if not judged.estimate.count:
            found.append(
                f"{kind}: no support; only {share:.0f} % of the replicators find a partner."
            )
            continue
        well = rows[rows["support"].astype(bool)]
        found.append(
            f"{kind} ({share:.0f} % of the replicators; their inputs' std "
            f"{well['std_replicators'].mean():.3f} against {well['std_others'].mean():.3f}): "
            f"dropping them keeps {_effect(judged)} points more than dropping their partners, over "
            f"{_seeds(judged.estimate.count)}: {judged.outcome}."
        )
    return found


def conclusion(natural: pd.DataFrame, controls: pd.DataFrame) -> str:
    """Is self-replication a good criterion, or just small weights and quiet inputs? Every sentence
    is chosen by the outcome of a test."""
    rule = judge_rules(natural)
    matched = judge_controls(controls)["weight and input"]
    said = [
        f"{_AGAINST[rule[name].outcome]} as many by {CRITERIA[name].phrase} "
        f"({_effect(rule[name])} points)"
        for name in ("magnitude", "activity")
    ]
    outcome = matched.outcome if matched.estimate.count else None
    numbers = f" ({_effect(matched)} points, {_seeds(matched.estimate.count)})" if outcome else ""
    return (
        f"Conclusion: dropping all replicators is {said[0]} and {said[1]}. "
        f"{_MATCHED[outcome]}{numbers}. {_SO[rule['activity'].outcome]}"
    )


_AGAINST = {
    Outcome.BETTER: "better than dropping",
    Outcome.WORSE: "worse than dropping",
    Outcome.EQUIVALENT: "no different from dropping",
    Outcome.UNDECIDED: "neither shown better nor worse than dropping",
}

_MATCHED = {
    Outcome.BETTER: "Among particles of the same scalar weight and input, replicators are the "
    "better ones to drop, so that self-replication says more than these two together",
    Outcome.WORSE: "Among particles of the same scalar weight and input, replicators are the worse "
    "ones to drop, so that self-replication misleads",
    Outcome.EQUIVALENT: "Among particles of the same scalar weight and input, it makes no "
    f"difference (within {100 * MARGIN:g} points) whether they replicate, so that "
    "self-replication says no more than these two",
    Outcome.UNDECIDED: "Whether self-replication says more than scalar weight and input together "
    "is undecided",
    None: "Too few replicators find a survivor of the same scalar weight and input to compare with",
}
"""What the control test with both quantities balanced says; None where it has no support."""

_SO = {
    Outcome.BETTER: "So self-replication is the better criterion, even against contributions "
    "measured on the data.",
    Outcome.WORSE: "So whoever wants to prune should measure contributions on the data instead.",
    Outcome.EQUIVALENT: "So self-replication finds the connections that contribute little, without "
    "looking at the data.",
    Outcome.UNDECIDED: "Which of self-replication and measured contributions prunes better takes "
    "more runs to tell.",
}
"""What follows for pruning, from the comparison with the rule by contribution."""


def _effect(judged: Comparison) -> str:
    return judged.estimate.text(100, signed=True)


def _seeds(count: int) -> str:
    return f"{count} seed{'s' * (count != 1)}"
