"""Around a replicator: where neighbours, clones and offspring end, and how long it bears noise."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from srnn.experiments.fertility import SHEET
from srnn.figures import life as figures
from srnn.figures.style import percent
from srnn.life import basins, fertility, published, replications
from srnn.life.recipes import Recipe, identity
from srnn.vocabulary import DIVERGENT, ZERO
from ui.charts import show

DISTANCES = (1e-3, 1e-2, 0.1, 0.5, 1.0, 2.0)


trials = st.cache_data(show_spinner=False)(replications.noise_trials)


@st.cache_data(max_entries=10, show_spinner="Retraining")
def around(what: str, seed: int) -> pd.DataFrame:
    """What is around replicators that self-training found."""
    recipe = Recipe()
    if what == "Offspring":
        return fertility.fertility_table(recipe, 60, seed)
    one, other = fertility.replicators(recipe, 8, seed)[:2]
    if what == "Clones":
        parts = (basins.clones(one, recipe, distance, 60, 1000, seed) for distance in DISTANCES)
        return pd.concat(parts, ignore_index=True)
    if what == "Between two":
        return basins.between(one, other, recipe, 41, 1000, seed)
    rng = np.random.default_rng([seed, 25])
    kinds = {"50 trainings a generation": (1e-3, 50), "no training": (1e-6, 0)}
    return pd.concat(
        fertility.drift(one, recipe, noise, 40, repair, rng).assign(lineage=name)
        for name, (noise, repair) in kinds.items()
    )


@st.cache_data(max_entries=6, show_spinner="Following 250,000 particles to where they end")
def mapped(seed: int, span: float) -> tuple[np.ndarray, np.ndarray]:
    """The slice through the hand-made replicator, in two random directions."""
    recipe = Recipe()
    axes = basins.directions(recipe.weights, seed)
    return basins.slice_map(identity(recipe), axes, recipe, span)


@st.fragment
def surroundings() -> None:
    """What is around a replicator: where its neighbours and its offspring end."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kinds = ["Slice", "Clones", "Between two", "Offspring", "Drift", "Noise"]
        what = st.segmented_control("Show", kinds, default="Slice", key="around", required=True)
        seed = st.number_input("Seed", 0, 999, 0, key="map-seed", width=130)
    if what == "Slice":
        return slice_of_space(int(seed))
    if what == "Noise":
        st.markdown(
            "A tenth of the noise is survived **1.66 generations** longer: errors grow fourfold "
            "with each, and log 10 / log 4 = 1.66."
        )
        found = trials(500)
        table = pd.DataFrame(replications.robustness_rows(found))
        for part in (0, 1):
            drawn = figures.robustness_boxes(found, published.ROBUSTNESS, part)
            show(drawn, table, f"robustness-{part}", alt="Steps by noise, beside the published")
        return None
    table = around(what, int(seed))
    words, drawn = SURROUNDINGS[what](table)
    st.markdown(words)
    show(drawn, table, f"around-{what}-{seed}", key="around-a-replicator", alt=words)
    return None


def clones(table: pd.DataFrame) -> tuple[str, Any]:
    """Clones at a distance, retrained: do they come back, go elsewhere, and how far?"""
    shares = table["fate"].value_counts(normalize=True)
    near = table[table["before"] < 0.05]
    kept = np.sqrt(((near["after"] / near["before"]) ** 2).mean())
    words = (
        f"Of {len(table)} clones put at a distance and retrained, "
        f"{percent(shares.get('back', 0))} come back, **{percent(shares.get('elsewhere', 0))} "
        f"become another replicator**, {percent(shares.get('lost', 0))} become none. Near the "
        f"parent {kept:.3f} of the distance is kept: the square root of 10/14, for of 14 "
        "directions 10 lead along the replicators."
    )
    return words, figures.clones_figure(table, SHEET)


def between(table: pd.DataFrame) -> tuple[str, Any]:
    """The line from one replicator to another, retrained."""
    share = float((table["type"] == "identity").mean())
    words = (
        f"**{percent(share)}** of the points on the line between two replicators retrain to one."
    )
    lines = {"from the first": table["to_one"], "from the second": table["to_other"]}
    titles = ("Share of the way from one replicator to another", "Distance after retraining")
    return words, figures.curves(table["share"], lines, *titles, log=False)


def offspring(table: pd.DataFrame) -> tuple[str, Any]:
    """Contraction of the map against survival under noise."""
    last = table.columns[-1]
    rank = table["radius"].corr(table[last], method="spearman")
    contract = (table["radius"] < 1).sum()
    words = (
        f"{len(table)} replicators, radius **{table['radius'].min():.2f}** to "
        f"{table['radius'].max():.1f}: {contract or 'none'} below 1, where errors shrink. "
        "The larger the radius, the sooner a line ends (rank correlation "
        f"{rank:.2f} at {last}).".replace("-", "−")
    )
    return words, figures.fertility_figure(table)


def drift(table: pd.DataFrame) -> tuple[str, Any]:
    """Distance from an ancestor, with and without repair."""
    lines = {
        name: own["distance"].replace(np.inf, np.nan) for name, own in table.groupby("lineage")
    }
    kept = lines["50 trainings a generation"]
    words = (
        "Without training a lineage leaves its ancestor exponentially; with 50 trainings a "
        f"generation it walks at random: **{kept.iloc[40] / kept.iloc[10]:.1f} times** as far "
        "after 40 generations as after 10 (2 is the square root of 4)."
    )
    titles = ("Generation", "Distance from the ancestor (median of 50 lines)")
    return words, figures.curves(np.arange(41), lines, *titles, log=True)


SURROUNDINGS = {"Clones": clones, "Between two": between, "Offspring": offspring, "Drift": drift}


def slice_of_space(seed: int) -> None:
    """A slice of weight space, coloured by where its points end."""
    st.markdown(
        "The hand-made replicator is in the middle; every point is another particle, applied to "
        "itself until it is zero or diverges. No linear replicator attracts: errors along itself "
        f"grow **{fertility.LEAST_RADIUS:g}-fold** a generation."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        span = st.select_slider(
            "Reach", [0.01, 0.1, 0.5, 1.0, 2.0, 3.0], 2.0, key="map-span", width=200
        )
        color = st.segmented_control("Colour", ["type", "time"], default="time", key="map-color")
    codes, taken = mapped(seed, span)
    st.markdown(
        f"Of 250,000 points {percent((codes == ZERO).mean())} become zero and "
        f"{percent((codes == DIVERGENT).mean())} diverge."
    )
    show(
        figures.slice_figure(codes, taken, span, color == "time"), None, "basin-map",
        key="basin-map", alt="A slice of weight space coloured by where its points end",
    )  # fmt: skip
