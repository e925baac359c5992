"""What a study says: the table with mean and spread, and the sentences that state its answer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from srnn.pruning.criteria import CRITERIA
from srnn.pruning.rivals import RIVALS
from srnn.store.results import Result


def summary(points: pd.DataFrame) -> pd.DataFrame:
    """Rival x sparsity: ``rival, sparsity, dropped, surviving, accuracy`` (mean over seeds of the
    mean over draws), ``spread`` (standard deviation over seeds; NaN for one), ``low, high`` (95 %
    of all values), ``values``, ``base_accuracy`` (nothing dropped; mean over seeds)."""
    keys = ["rival", "sparsity", "dropped", "surviving"]
    seeds = points.groupby([*keys, "seed"], sort=False)["accuracy"].mean().reset_index()
    table = seeds.groupby(keys, sort=False)["accuracy"].agg(["mean", "std"]).reset_index()
    table = table.rename(columns={"mean": "accuracy", "std": "spread"})
    values = points.groupby(keys, sort=False)["accuracy"]
    table["low"] = values.quantile(0.025).to_numpy()
    table["high"] = values.quantile(0.975).to_numpy()
    table["values"] = values.count().to_numpy()
    base = points.groupby(keys, sort=False)["base_accuracy"]
    table["base_accuracy"] = base.mean().to_numpy()
    return table


def grid(points: pd.DataFrame) -> pd.DataFrame:
    """The table to print: one row per rival, one column per sparsity, ``mean ± spread`` in
    percent."""
    table = summary(points).sort_values("sparsity", kind="stable")
    text = [
        f"{100 * mean:.1f}" + ("" if np.isnan(spread) else f" ± {100 * spread:.1f}")
        for mean, spread in zip(table["accuracy"], table["spread"], strict=True)
    ]
    table["text"] = text
    table["sparsity"] = [f"{100 * share:g} %" for share in table["sparsity"]]
    columns = table["sparsity"].drop_duplicates()
    wide = table.set_index(["rival", "sparsity"])["text"].unstack("sparsity")  # noqa: PD010
    rows = [name for name in RIVALS if name in wide.index]
    return wide.loc[rows, list(columns)].reset_index()


def sentences(result: Result) -> list[str]:
    """The study's answer: the conclusion first, then what it follows from: the cost of dropping
    all replicators beside as many others, and the control tests over the seeds."""
    found = [conclusion(result), _natural_sentence(result.tables["natural"])]
    found += control_sentences(result.tables["controls"])
    if result.facts.get("stopped"):
        found.append("Left out because they diverged: " + "; ".join(result.facts["stopped"]) + ".")
    return found


def cost(natural: pd.DataFrame, rival: str) -> np.ndarray:
    """Accuracy lost, in percentage points, where all replicators (or as many others) are dropped;
    one value per seed."""
    rows = natural[natural["rival"] == rival]
    return 100 * (rows["base_accuracy"] - rows["accuracy"]).to_numpy()


def _natural_sentence(natural: pd.DataFrame) -> str:
    ours = natural[natural["rival"] == "replicators"]
    share = 100 * ours["sparsity"]
    others = ", ".join(
        f"{CRITERIA[name].title.lower()} {_mean(cost(natural, name))}"
        for name in ("magnitude", "activity", "gradient", "random")
    )
    return (
        f"Dropping all zero and identity particles ({share.mean():.1f} % of the connections, "
        f"{len(ours)} seed{'s' * (len(ours) != 1)}) costs {_mean(cost(natural, 'replicators'))} "
        f"percentage points of {100 * ours['base_accuracy'].mean():.1f} % accuracy; dropping as "
        f"many by another rule: {others}."
    )


def control_sentences(controls: pd.DataFrame) -> list[str]:
    """One sentence per control test, over the seeds."""
    found = []
    for (matching, pixels), rows in controls.groupby(["matching", "pixels"], sort=False):
        kind = f"the same {matching}" + (", varying pixels only" if pixels == "varying" else "")
        supported = rows[rows["support"].astype(bool)]
        matched = rows["matched"].sum() / max(1, rows["replicators"].sum())
        if supported.empty:
            found.append(
                f"Matched on {kind}: no support; only {100 * matched:.0f} % of the replicators "
                "find a match among the other particles."
            )
            continue
        significant = ((supported["p_value"] < 0.05) & (supported["difference"] > 0)).sum()
        reverse = ((supported["p_value"] < 0.05) & (supported["difference"] < 0)).sum()
        difference = (100 * supported["difference"]).to_numpy()
        found.append(
            f"Matched on {kind} ({100 * matched:.0f} % of the replicators find a match): dropping "
            f"replicators keeps {_mean(difference, signed=True)} points more accuracy than "
            f"dropping their partners; better with p < 0.05 in {significant}, worse in {reverse} "
            f"of {len(supported)} seeds with support."
        )
    return found


def conclusion(result: Result) -> str:
    """Is self-replication a good criterion, or just small weights and dead pixels? In words that
    follow from the numbers; the control tests count without the nearly constant pixels."""
    natural, controls = result.tables["natural"], result.tables["controls"]
    ours = cost(natural, "replicators")
    leads = []
    for name in ("magnitude", "activity"):
        lead = cost(natural, name) - ours
        leads.append(
            f"cheaper than as many of the {CRITERIA[name].title.lower()} in "
            f"{int((lead > 0).sum())} of {len(lead)} seeds (by {_mean(lead, signed=True)} points)"
        )
    weight, of_weight = _verdict(controls, "layer and scalar weight")
    contribution, of_contribution = _verdict(controls, "layer and contribution")
    return (
        f"Conclusion: dropping all replicators is {', and '.join(leads)}. Nearly constant pixels "
        f"taken out: against others of the same scalar weight, {of_weight}; against others of the "
        f"same contribution (scalar weight × input std), {of_contribution}. "
        + _ANSWERS[weight, contribution]
    )


_UNKNOWN = "Where there are too few others to compare with, the question stays open."
_ANSWERS = {
    ("better", "better"): "So being a replicator says more than weight and input together.",
    ("better", "same"): "So replicators are more than small weights on dead pixels, but no more "
    "than connections that contribute little, which can be measured directly.",
    ("better", "open"): "So replicators are more than small weights; whether they are more than "
    "connections that contribute little stays open.",
    ("same", "better"): "So it is not the weight, but more than the contribution: look closer.",
    ("same", "same"): "So replicators are small weights, no more.",
    ("same", "open"): "So replicators are small weights, no more.",
    ("open", "better"): "So replicators are more than connections that contribute little.",
    ("open", "same"): "So replicators are no more than connections that contribute little.",
    ("open", "open"): _UNKNOWN,
}
"""What follows, from the verdict against the same scalar weight and the same contribution."""


def _verdict(controls: pd.DataFrame, matching: str) -> tuple[str, str]:
    """``better``, ``same`` or ``open`` (no support), and the same in words with numbers."""
    mine = controls[(controls["matching"] == matching) & (controls["pixels"] == "varying")]
    rows = mine[mine["support"].astype(bool)]
    if rows.empty:
        return "open", "no support in any seed"
    better = int(((rows["p_value"] < 0.05) & (rows["difference"] > 0)).sum())
    effect = _mean((100 * rows["difference"]).to_numpy(), signed=True)
    count = f"p < 0.05 in {better} of {len(rows)} seeds with support"
    if better > len(rows) / 2:
        return "better", f"replicators are the better ones to drop ({effect} points, {count})"
    return "same", f"they are no better ({effect} points, {count})"


def _mean(values: np.ndarray, signed: bool = False) -> str:
    """``0.26 ± 0.05`` (standard deviation over seeds), or the number alone."""
    form = "{:+.2f}" if signed else "{:.2f}"
    text = form.format(float(np.mean(values)))
    return text if len(values) < 2 else f"{text} ± {float(np.std(values, ddof=1)):.2f}"
