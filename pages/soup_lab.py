"""Soup lab: free particles that attack, learn, train themselves and die, and what comes back."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from srnn.figures import life as figures
from srnn.life import film, published, replications
from srnn.life.recipes import KINDS, Kind, Recipe
from srnn.life.soup import Rules
from srnn.vocabulary import IDENTITY
from ui.around import surroundings
from ui.charts import download, show
from ui.frame import page
from ui.stage import soup_stage
from ui.stage.bundle import film as film_file
from ui.stage.soup import block

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
    "Ten thousand, attacked while they train": (
        10_000, 100, Rules(attack=0.1, train=5, respawn=True), None,
    ),
    "Attack alone: nothing lives": (20, 100, Rules(attack=0.1), None),
    OWN: (20, 100, Rules(attack=0.1, train=10, respawn=True), None),
}  # fmt: skip
"""Particles, steps, rules, and the published number of identities at the end."""
LONGEST, MOST_PICTURES = 600, 1_100_000
"""Steps of a film, and pictures of single particles in it: what a browser can hold."""


@st.cache_data(max_entries=40, show_spinner=False)
def soups_like(kind: Kind, size: int, steps: int, rules: Rules) -> np.ndarray:
    """Census at the end of 60 soups, ``(60, 5)``."""
    return replications.soup_census(Recipe(kind), rules, size, steps, 60, [71])


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
            sizes = (2, 5, 10, 20, 50, 100, 500, 1000, 3000, 10_000)
            size = st.select_slider("Particles", sizes, size, key="soup-size", width=170)
            steps = st.slider("Steps", 5, 150, steps, 5, key="soup-steps", width=170)
            attack = st.slider("Attack rate", 0.0, 1.0, 0.1, 0.05, key="soup-attack", width=170)
            learn = st.slider("Learn-from rate", 0.0, 1.0, 0.0, 0.05, key="soup-learn", width=170)
            severity = st.slider("Severity of learning", 0, 100, 10, key="soup-severity", width=170)
            train = st.slider("Trainings a step", 0, 100, 10, key="soup-train", width=170)
            respawn = st.toggle("The dead are replaced", True, key="soup-respawn")
        rules = Rules(attack, learn, severity, train, respawn)
    return name, Recipe(kind), size, steps, rules, int(seed)


def asked_soup() -> tuple[film.Film, bytes, str]:
    """The soup of this session as it is now, as the browser gets it, and its version."""
    _, recipe, size, steps, rules, seed = asked = settings()
    steps = min(steps, MOST_PICTURES // size - 1)
    if st.session_state.get("soup-film", (None,))[0] != asked:
        with st.spinner("The soup is cooking"):  # compiles at its first use on a machine
            keep(asked, film.go_on(film.begin(recipe, rules, size, seed), steps), 0)
    return st.session_state["soup-film"][1:]


def keep(asked: tuple, now: film.Film, begin: int) -> None:
    """Show another film, from the step ``begin`` on."""
    name, _, _, steps, _, seed = asked
    figure = PRESETS[name][3]
    told = None if figure is None or now.wounds else (steps, figure)
    made = block(now, f"{name} {seed}", told)
    st.session_state["soup-film"] = (asked, now, made, f"{begin} {now.steps} {now.wounds}")


def go_on(steps: int, at: int, wound: bool) -> None:
    """Let the soup live on from a step, after a wound if asked for."""
    asked, now, *_ = st.session_state["soup-film"]
    now = film.until(now, at)
    if wound:
        hurt = st.session_state["soup-killed"] / 100, st.session_state["soup-noise"]
        now = film.wound(now, *hurt)
    keep(asked, film.go_on(now, steps), at)


def wounding(now: film.Film, at: int) -> None:
    """Controls that hurt the soup where the clock stands and let it go on, and what came back."""
    size = now.weights.shape[1]
    steps = min(100, LONGEST - at, MOST_PICTURES // size - at - 1)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.slider("Kill (percent)", 0, 100, 50, 5, key="soup-killed", width=200)
        sizes = [0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0]
        name, write = "Noise on the rest", "{:g}".format
        st.select_slider(name, sizes, 1e-3, write, key="soup-noise", width=200)
        todo: dict[str, Any] = {"on_click": go_on, "disabled": steps < 1}
        label = f"Wound it at step {at}"
        st.button(label, type="primary", key="soup-wound", args=(steps, at, True), **todo)
        st.button("Let it go on", key="soup-more", args=(steps, at, False), **todo)
        again = st.session_state.pop
        st.button("Begin again", key="soup-again", on_click=again, args=("soup-film", None))
    if steps < 1:
        st.caption("The film is full: set the clock to an earlier step to go on from there.")
    for (*_, done), found in zip(now.wounds, film.healing(now), strict=True):
        st.markdown(
            f"- step {found['step']}, {done}: {found['before']} identities before, "
            f"{found['after']} right after, **{found['end']} at the end**"
            + (f" ({found['zeros']} stay zero)" if found["zeros"] else "")
        )


@st.fragment
def lab() -> None:
    """The soup on its clock, and everything about it."""
    now, made, version = asked_soup()
    stands = soup_stage(made, version, int(version.split()[0]))
    at = now.steps if stands is None else min(stands, now.steps)
    st.header("Wound it, and watch what comes back", anchor=False)
    wounding(now, at)
    with st.expander("Figures and tables to save", key="soup-save", on_change="rerun") as more:
        if more.open:
            saved(now, at, made)
    st.header("Soups like this one", anchor=False)
    name, recipe, size, steps, rules, _ = st.session_state["soup-film"][0]
    if size > 60:
        st.markdown("The unit is the soup; of soups this large, one is shown only.")
    elif st.toggle("Run 60 more", key="soup-many", help="The soup is the unit: one says little."):
        counts, figure = soups_like(recipe.kind, size, steps, rules)[:, IDENTITY], PRESETS[name][3]
        st.markdown(
            f"**{counts.mean():.1f} ± {counts.std(ddof=1):.1f}** identities a soup (mean and "
            f"standard deviation of 60 soups of {size})."
        )
        show(
            figures.soups(counts, figure, size), pd.DataFrame({"identities": counts}),
            "soups", key="soups", alt="How many soups end with how many identities",
        )  # fmt: skip


def saved(now: film.Film, at: int, made: bytes) -> None:
    """The pictures of the stage as figures, at the clock's step."""
    download(
        "The soup as a film (HTML)", lambda: film_file(made, "A soup of particles"), "soup.html",
        "One file with its clock, which plays anywhere.",
    )  # fmt: skip
    places, shares = film.path(now)
    where = figures.film(
        places[..., :2], now.codes, at, sum(shares[:2]), [step for step, *_ in now.wounds]
    )
    alt = "The soup's particles in the plane of two principal components, and its census"
    show(where, now.census(), f"soup-{at}", key="soup-film", alt=alt)
    if now.weights.shape[1] > 60:
        return
    lives = film.lives(now)
    alt = "Type of each place in the soup at each step"
    show(figures.life_lines(now.codes, lives), lives, "soup-lives", key="soup-lives", alt=alt)
    graph = film.attacks(film.until(now, at))
    edges = pd.DataFrame(graph.edges(data="count"), columns=["attacker", "victim", "count"])
    alt = "Graph of attacks between the places of the soup"
    show(figures.attack_graph(graph), edges, "soup-attacks", key="soup-attacks", alt=alt)


page("Soup lab", "What do particles do to each other when they are not tied into a network?")
lab()
st.header("Around a replicator", anchor=False)
surroundings()
