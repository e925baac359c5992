"""Soup lab: free particles that attack, learn, train themselves and die, and what comes back."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from srnn.figures import life as figures
from srnn.life import basins, fertility, film, published, replications
from srnn.life.recipes import KINDS, Recipe, identity
from srnn.life.soup import Rules
from srnn.vocabulary import DIVERGENT, IDENTITY, OTHER, ZERO
from ui.frame import page, show
from ui.text import percent

OWN = "Your own"
PRESETS = {
    "Soup of 2019: attack, self-training, respawn": (
        20, 100, Rules(attack=0.1, train=30, respawn=True), published.SOUP[IDENTITY],
    ),
    "Learning from others, severity 60": (
        10, 100, Rules(attack=0, learn_from=0.1, severity=60), published.LEARN_FROM[60],
    ),
    "Learning from others, severity 20": (
        10, 100, Rules(attack=0, learn_from=0.1, severity=20), published.LEARN_FROM[20],
    ),
    "Mixed: attack, 60 trainings, 5 steps": (
        10, 5, Rules(attack=0.1, train=60), published.MIXED["weightwise", "identity"][6],
    ),
    "Attack alone: nothing lives": (20, 100, Rules(attack=0.1), None),
    OWN: (20, 100, Rules(attack=0.1, train=10, respawn=True), None),
}  # fmt: skip
"""Particles, steps, rules, and the published number of identities at the end."""


@st.cache_data(max_entries=40, show_spinner=False)
def soups_like(kind: str, size: int, steps: int, rules: Rules, count: int = 60) -> np.ndarray:
    """Census at the end of many soups, ``(count, 5)``."""
    return replications.soup_census(Recipe(kind), rules, size, steps, count, [71])


@st.cache_data(max_entries=10, show_spinner=False)
def table_of(experiment: str) -> pd.DataFrame:
    """A quick run of one of the published experiments."""
    return pd.DataFrame(replications.EXPERIMENTS[experiment](quick=True))


@st.cache_data(max_entries=6, show_spinner="Following 250,000 particles to where they end")
def mapped(seed: int, span: float) -> tuple[np.ndarray, np.ndarray]:
    """The slice through the hand-made replicator, in two random directions."""
    recipe = Recipe()
    axes = basins.directions(recipe.weights, seed)
    return basins.slice_map(identity(recipe), axes, recipe, span)


def settings() -> tuple[str, Recipe, int, int, Rules, int]:
    """The preset, or settings of the visitor's own."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Soup", list(PRESETS), key="soup-preset", width=400)
        seed = st.number_input("Seed", 0, 9999, 0, key="soup-seed", width=130)
    size, steps, rules, _ = PRESETS[name]
    kind = KINDS[0]
    if name == OWN:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            kind = st.selectbox("Kind of particle", KINDS, key="soup-kind", width=170)
            size = st.slider("Particles", 2, 60, size, key="soup-size", width=170)
            steps = st.slider("Steps", 5, 150, steps, 5, key="soup-steps", width=170)
            attack = st.slider("Attack rate", 0.0, 1.0, 0.1, 0.05, key="soup-attack", width=170)
            learn = st.slider("Learn-from rate", 0.0, 1.0, 0.0, 0.05, key="soup-learn", width=170)
            severity = st.slider("Severity of learning", 0, 100, 10, key="soup-severity", width=170)
            train = st.slider("Trainings a step", 0, 100, 10, key="soup-train", width=170)
            respawn = st.toggle("The dead are replaced", True, key="soup-respawn")
        rules = Rules(attack, learn, severity, train, respawn)
    return name, Recipe(kind), size, steps, rules, int(seed)


def sentence(now: film.Film, figure: float | None) -> str:
    """What the soup came to, beside the published figure."""
    codes, size = now.codes[-1], now.codes.shape[1]
    identities, zeros = int((codes == IDENTITY).sum()), int((codes == ZERO).sum())
    born = int((now.died > 0).sum())
    text = (
        f"After {now.steps} steps **{identities + zeros} of {size} particles replicate**: "
        f"{zeros} zero + {identities} identity; {int((codes == OTHER).sum())} other. "
        f"{int((now.attacked >= 0).sum()):,} attacks, {born:,} replaced."
    )
    if figure is not None and not now.wounds:
        text += f" Published: **{figure:g} identities**."
    return text


def go_on(steps: int, wound: bool) -> None:
    """Let the soup of this session live on, after a wound if asked for; 600 steps are enough."""
    asked, now = st.session_state["soup-film"]
    if wound:
        hurt = st.session_state["soup-killed"] / 100, st.session_state["soup-noise"]
        now = film.wound(now, *hurt)
    st.session_state["soup-film"] = (asked, film.go_on(now, steps))


def wounding(now: film.Film, steps: int) -> None:
    """Controls that hurt the soup and let it go on, and what came back."""
    full = now.steps + steps > 600
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.slider("Kill (percent)", 0, 100, 50, 5, key="soup-killed", width=200)
        sizes = [0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0]
        name, write = "Noise on the rest", "{:g}".format
        st.select_slider(name, sizes, 1e-3, write, key="soup-noise", width=200)
        todo: dict[str, Any] = {"on_click": go_on, "disabled": full}
        st.button("Wound it", type="primary", key="soup-wound", args=(steps, True), **todo)
        st.button("Let it go on", key="soup-more", args=(steps, False), **todo)
        again = st.session_state.pop
        st.button("Begin again", key="soup-again", on_click=again, args=("soup-film", None))
    for (*_, done), found in zip(now.wounds, film.healing(now), strict=True):
        st.markdown(
            f"- step {found['step']}, {done}: {found['before']} identities before, "
            f"{found['after']} right after, **{found['end']} at the end**"
            + (f" ({found['zeros']} stay zero)" if found["zeros"] else "")
        )


@st.fragment
def lab() -> None:
    """The soup, its settings, and everything about it."""
    name, recipe, size, steps, rules, seed = settings()
    asked = (name, recipe, size, steps, rules, seed)
    if st.session_state.get("soup-film", (None,))[0] != asked:
        with st.spinner("The soup is cooking"):  # compiles at its first use on a machine
            made = film.go_on(film.begin(recipe, rules, size, seed), steps)
        st.session_state["soup-film"] = (asked, made)
    now: film.Film = st.session_state["soup-film"][1]
    figure = PRESETS[name][3]
    st.markdown(sentence(now, figure))
    places, share = film.path(now)
    show(
        figures.film(places, now.codes, now.attacked, share, [step for step, *_ in now.wounds]),
        now.census(),
        f"soup-{seed}",
        key="soup-film",
        alt="The soup's particles in the plane of two principal components, step by step, and how "
        "many there are of each type",
    )
    st.header("Wound it, and watch what comes back", anchor=False)
    wounding(now, steps)
    left, right = st.columns(2)
    with left:
        st.header("Lives", anchor=False)
        lives = film.lives(now)
        st.markdown(
            f"{len(lives):,} particles lived in {size} places; "
            f"{int((lives['cause'] == 'diverged').sum())} diverged and "
            f"{int((lives['cause'] == 'zero').sum())} became zero and were replaced (crosses)."
        )
        alt = "Type of each place in the soup at each step"
        show(figures.life_lines(now.codes, lives), lives, "soup-lives", key="soup-lives", alt=alt)
    with right:
        st.header("Who attacked whom", anchor=False)
        graph = film.attacks(now)
        edges = pd.DataFrame(graph.edges(data="count"), columns=["attacker", "victim", "count"])
        st.markdown(
            f"{int(edges['count'].sum()):,} attacks between {len(edges):,} pairs. "
            "Larger: attacked more often; thicker: more attacks between the two."
        )
        alt = "Graph of attacks between the places of the soup"
        show(figures.attack_graph(graph), edges, "soup-attacks", key="soup-attacks", alt=alt)
    st.header("Soups like this one", anchor=False)
    if st.toggle("Run 60 more", key="soup-many", help="The soup is the unit: one says little."):
        counts = soups_like(recipe.kind, size, steps, rules)[:, IDENTITY]
        st.markdown(
            f"**{counts.mean():.1f} ± {counts.std(ddof=1):.1f}** identities a soup (mean and "
            f"standard deviation of 60 soups of {size})."
        )
        show(
            figures.soups(counts, figure, size), pd.DataFrame({"identities": counts}),
            "soups", key="soups", alt="How many soups end with how many identities",
        )  # fmt: skip


@st.fragment
def surroundings() -> None:
    """What is around a replicator: where its neighbours end, and how long it bears noise."""
    st.markdown(
        "The hand-made replicator is in the middle; every point is another particle, applied to "
        "itself until it is zero or diverges. No linear replicator attracts: errors along itself "
        f"grow **{fertility.LEAST_RADIUS:g}-fold** a generation."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seed = st.number_input("Directions", 0, 999, 0, key="map-seed", width=130)
        span = st.select_slider(
            "Reach", [0.01, 0.1, 0.5, 1.0, 2.0, 3.0], 2.0, key="map-span", width=200
        )
        color = st.segmented_control("Colour", ["type", "time"], default="time", key="map-color")
    codes, taken = mapped(int(seed), span)
    st.markdown(
        f"Of 250,000 points {percent((codes == ZERO).mean())} become zero and "
        f"{percent((codes == DIVERGENT).mean())} diverge."
    )
    show(
        figures.slice_figure(codes, taken, span, color == "time"), None, "basin-map",
        key="basin-map", alt="A slice of weight space coloured by where its points end",
    )  # fmt: skip
    table = table_of("robustness")
    for part, title in enumerate(("Steps until zero or divergence", "Steps as fixpoint")):
        rows = table.assign(
            **{c: [v[part] for v in table[c]] for c in ("obtained", "sd", "published")}
        )
        show(
            figures.against_published(rows, "Noise on the replicator's weights", title), rows,
            f"robustness-{part}", key=f"robustness-{part}",
            alt=f"{title} by noise, beside the published figures",
        )  # fmt: skip


page("Soup lab", "What do particles do to each other when they are not tied into a network?")
lab()
st.header("Around a replicator", anchor=False)
surroundings()
