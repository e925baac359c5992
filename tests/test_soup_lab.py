"""The soup lab: films that can be wounded, their figures, and the page."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from srnn.figures import life as figures
from srnn.life import film
from srnn.life.recipes import Recipe, identity
from srnn.life.soup import Rules
from srnn.vocabulary import IDENTITY, OTHER, TYPES, ZERO
from ui.menu import ROOT

RULES = Rules(attack=0.3, train=30, respawn=True)


@pytest.fixture(scope="module")
def long() -> film.Film:
    return film.go_on(film.begin(Recipe(), RULES, 8, 0), 30)


def test_a_film_goes_on_as_it_would_have_and_keeps_what_was(long):
    again = film.go_on(film.begin(Recipe(), RULES, 8, 0), 30)
    assert (again.weights == long.weights).all()
    more = film.go_on(long, 5)
    assert more.steps == 35 and (more.weights[:31] == long.weights).all()
    census = long.census()
    assert (census[list(TYPES)].sum(axis=1) == 8).all() and len(census) == 31
    assert census["identity"].iloc[-1] == (long.codes[-1] == IDENTITY).sum()


def test_a_wound_kills_its_share_and_is_remembered(long):
    hurt = film.wound(long, 0.5, 0.0)
    assert (hurt.weights[-1] == 0).all(1).sum() == 4 and (
        hurt.weights[:-1] == long.weights[:-1]
    ).all()
    assert (hurt.codes[-1] == ZERO).sum() >= 4
    healed = film.go_on(hurt, 40)
    (found,) = film.healing(healed)
    assert found["step"] == 30 and found["before"] == (long.codes[-1] == IDENTITY).sum()
    assert (
        found["after"] <= found["before"] and found["end"] == (healed.codes[-1] == IDENTITY).sum()
    )
    noisy = film.wound(long, 0.0, 0.5)
    assert 0 < np.abs(noisy.weights[-1] - long.weights[-1]).max() <= 0.5


def test_lives_and_attacks_are_those_of_the_events():
    recipe, rules = Recipe(), Rules(attack=0, respawn=True)
    start = film.begin(recipe, rules, 3, 0)
    start.weights[0] = np.stack([identity(recipe), identity(recipe) * 0, identity(recipe)])
    made = film.go_on(start, 2)
    lives = film.lives(made)
    assert lives[["place", "born", "died", "cause"]].to_numpy().tolist() == [
        [0, 0, -1, "alive"], [1, 0, 1, "zero"], [1, 1, -1, "alive"], [2, 0, -1, "alive"],
    ]  # fmt: skip
    assert made.codes[-1].tolist() == [IDENTITY, OTHER, IDENTITY]
    made.attacked[:] = [[1, -1, 1], [1, 0, -1]]
    graph = film.attacks(made)
    assert sorted(graph.edges(data="count")) == [(0, 1, 2), (1, 0, 1), (2, 1, 1)]


def test_a_plane_holds_what_lies_in_it():
    made = film.begin(Recipe(), RULES, 4, 0)
    along = np.zeros((1, 4, 14), np.float32)
    along[0, :, 0], along[0, 3, 5] = [1, 2, 3, 9], 1  # the last one is out of sight
    places, share = film.path(film.replace(made, weights=along))
    assert share == pytest.approx(1) and np.isnan(places[0, 3]).all()
    np.testing.assert_allclose(np.diff(places[0, :3, 0]), [1, 1], atol=1e-6)


def test_the_figures_show_the_numbers(long):
    places, share = film.path(long)
    drawn = figures.film(places, long.codes, long.attacked, share, [4])
    lines = {trace.name: trace for trace in drawn.data if trace.yaxis == "y2" and trace.name}
    assert list(lines["identity"].y) == long.census()["identity"].tolist()
    assert len(drawn.frames) == 31 and drawn.frames[-1].name == "30"
    dots = [trace for trace in drawn.frames[7].data if trace.mode == "markers"]
    assert sum(len(trace.x) for trace in dots) == 8
    reach = drawn.layout.xaxis.range[1]
    assert all(np.nanmax(np.abs(np.asarray(trace.x, float)), initial=0) <= reach for trace in dots)
    lives = figures.life_lines(long.codes, film.lives(long))
    assert (lives.data[0].z == long.codes.T).all()
    circle = figures.attack_graph(film.attacks(long))
    labels = [label for trace in circle.data if trace.text for label in trace.text]
    assert sorted(map(int, labels)) == list(range(8))
    many = figures.soups(np.array([1, 1, 3]), 2.5, 4)
    assert list(many.data[0].x) == [1, 3] and list(many.data[0].y) == [2, 1]
    assert {note.text for note in many.layout.annotations} == {"here 1.7", "published 2.5"}
    codes = np.array([[0, 1], [1, 2]])
    by_type = figures.slice_figure(codes, codes * 10, 1.0, False)
    assert (by_type.data[0].z == codes).all()
    assert (figures.slice_figure(codes, codes * 10, 1.0, True).data[0].z == codes * 10).all()


def test_the_page_shows_a_soup_and_wounds_it():
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    app.switch_page("pages/soup_lab.py").run()
    assert not app.exception
    assert any("of 20 particles replicate" in text.value for text in app.markdown)
    app.button("soup-wound").click().run()
    assert not app.exception
    assert any("10 killed" in text.value for text in app.markdown)
    app.selectbox("soup-preset").set_value("Attack alone: nothing lives").run()
    assert any("+ 0 identity" in text.value for text in app.markdown)
