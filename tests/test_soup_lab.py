"""The soup lab: films that can be wounded, their figures, and the page."""

import numpy as np
import pandas as pd
import pytest
from app_pages import open_page

from srnn.figures import life as figures
from srnn.life import film
from srnn.life.recipes import Recipe, identity
from srnn.life.soup import Rules
from srnn.vocabulary import IDENTITY, OTHER, TYPES, ZERO
from tests.test_stage import decode
from ui.stage.soup import block

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
    short = film.until(healed, 20)
    assert short.steps == 20 and short.wounds == () and (short.codes == long.codes[:21]).all()
    assert film.until(healed, 30).wounds == healed.wounds
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
    places, shares = film.path(film.replace(made, weights=along))
    assert shares == pytest.approx([1, 0, 0]) and np.isnan(places[0, 3]).all()
    np.testing.assert_allclose(np.diff(places[0, :3, 0]), [1, 1], atol=1e-6)


def test_the_figures_show_the_numbers(long):
    places, shares = film.path(long)
    drawn = figures.film(places[..., :2], long.codes, 7, sum(shares[:2]), [4])
    lines = {trace.name: trace for trace in drawn.data if trace.yaxis == "y2" and trace.name}
    assert list(lines["identity"].y) == long.census()["identity"].tolist()
    dots = [trace for trace in drawn.data if trace.mode == "markers"]
    assert sum(len(trace.x) for trace in dots) == 8
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


def test_the_figures_of_what_is_around_show_the_numbers():
    fates = pd.DataFrame(
        {"fate": ["back", "lost", "back"], "before": [0.1, 1, 0.2], "after": [0.05, 9, 0.1]}
    )
    back, lost, kept = figures.clones_figure(fates, 0.5).data
    assert (back.name, list(back.x), list(back.y)) == ("back", [0.1, 0.2], [0.05, 0.1])
    assert (lost.name, list(lost.y)) == ("lost", [9])
    assert list(kept.x) == [0.1, 1] and list(kept.y) == [0.05, 0.5]
    lines = pd.DataFrame({"radius": [1.5, 3.0], "noise 0.1": [7, 2]})
    (dots,) = figures.fertility_figure(lines).data
    assert (dots.name, list(dots.x), list(dots.y)) == ("noise 0.1", [1.5, 3.0], [7, 2])
    trials = {0.1: np.stack([np.arange(5), np.zeros(5)], 1)}
    box, told = figures.robustness_boxes(trials, {0.1: (3.0, 4.0)}, 0).data
    assert (box.q1[0], box.median[0], box.q3[0], box.mean[0]) == (1, 2, 3, 2)
    assert list(told.y) == [3.0] and told.name == "published mean"


def test_the_browser_gets_the_film(long):
    header, arrays = decode(block(film.wound(long, 0.5, 0.0), "soup", (30, 7)))
    assert header["wounds"] == [30] and header["published"] == [30, 7]
    hurt = film.wound(long, 0.5, 0.0)
    measured = [arrays[name].reshape(31, 8) for name in ("size", "error", "second")]
    size, error, second = (part.astype(int) for part in measured)
    rung = header["rung"]
    codes = np.select([size == 255, size <= rung, error <= rung, second <= rung], [0, 1, 2, 3], 4)
    assert (codes == hurt.codes).all() and header["ladder"][rung] == 1e-4
    for name in ("attacked", "learned"):
        told = arrays[name].reshape(30, 8).astype(int)
        assert (np.where(told == 65_535, -1, told) == getattr(long, name)).all()
    assert arrays["points"].shape == (31 * 8 * 3,) and header["starts"] == [0, 8]


def test_places_lie_in_the_circle_and_apart():
    for size in (20, 2000):
        spots = film.layout(size)
        assert spots.shape == (size, 2) and (np.hypot(*spots.T) <= 1 + 1e-6).all()
        gaps = np.hypot(*(spots[:, None] - spots[None, :300]).transpose(2, 0, 1))
        assert np.sort(gaps, axis=0)[1].min() > 1 / np.sqrt(size) / 2


def test_the_page_shows_a_soup_and_wounds_it():
    app = open_page("pages/soup_lab.py")
    app.button("soup-wound").click().run()
    assert not app.exception
    assert any("10 killed" in text.value for text in app.markdown)
    _, now, *_ = app.session_state["soup-film"]
    assert now.steps == 200 and [step for step, *_ in now.wounds] == [100]
    app.selectbox("soup-preset").set_value("Attack alone: nothing lives").run()
    _, now, *_ = app.session_state["soup-film"]
    assert now.steps == 100 and now.census()["identity"].iloc[-1] == 0
    for what in ("Clones", "Between two", "Offspring", "Drift", "Noise"):
        app.segmented_control("around").set_value(what).run()
        assert not app.exception
