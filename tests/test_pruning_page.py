"""The page Pruning lab through ``app.py``: every section opens, and the sliders are followed."""

import pandas as pd
import pytest
from app_pages import calm, open_page, words
from streamlit.testing.v1 import AppTest

from srnn.config import RunConfig
from srnn.experiments.base import Outcome
from srnn.experiments.engine import outcome_of
from srnn.experiments.limits import COLUMNS, Limits
from srnn.experiments.rivals import STUDY, Study
from srnn.figures import pruning as figures
from srnn.figures.style import percent
from srnn.pruning.criteria import order_of
from srnn.pruning.masks import drop_first
from srnn.pruning.measure import RIVALS
from srnn.pruning.subject import Subject
from srnn.runs import Run, obtain


@pytest.fixture
def run(small: RunConfig) -> Run:
    return obtain(small)[0]


def lab(run: Run, section: str = "network") -> AppTest:
    app = open_page("pages/pruning_lab.py", run.run_id)
    if section != "network":
        calm(app.segmented_control(key="question").set_value(section).run())
    assert not app.error
    return app


def test_it_opens_on_the_replicators_dropped(run: Run):
    types, total = run.record.results.types, run.record.particles
    dropped = types["zero"] + types["identity"]
    assert f"{dropped:,} of {total:,} connections dropped" in words(lab(run))


def test_accuracy_follows_slider_criterion_and_epsilon(run: Run):
    app, one = lab(run), Subject.of(run)
    app.slider(key=f"dropped-{run.run_id}").set_value(200).run()
    app.selectbox(key="criterion").set_value("magnitude").run()
    after = one.accuracy(drop_first(order_of("magnitude", one), 200))
    assert f"**{percent(after)}**" in words(app)
    app.select_slider(key="epsilon").set_value(1.0).run()
    assert not app.exception
    assert app.slider(key=f"dropped-{run.run_id}").value == 200


@pytest.mark.parametrize(
    "section", ["network", "controls", "epsilon", "seeds", "limits", "pareto", "export"]
)
def test_every_section_opens_with_a_sentence(section: str, run: Run):
    assert len(words(lab(run, section))) > 40


def test_the_export_section_offers_the_files(run: Run):
    app = lab(run, "export")
    app.selectbox(key="export-format").set_value("npz").run()
    app.button(key="export").click().run()
    assert not app.exception and not app.error
    assert "logits differ from the pruned MetaNet" in words(app)
    assert "numpy.load" in app.code[0].value


def test_the_table_over_seeds_is_shown_once_it_is_there(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SRNN_JOBS", "1")
    app = lab(run, "seeds")
    app.number_input(key="rival-seeds").set_value(2).run()
    assert "not there yet" in words(app) and "another network's table" in words(app)
    assert app.dataframe[0].value["rival"].tolist() == [title for title, _ in RIVALS.values()]
    outcome_of(STUDY, Study(run.config, seeds=2), None, 1)
    app.run()
    assert not app.exception
    assert "another network's table" not in words(app)
    assert "Not evidence" in words(app)  # trained for 3 epochs, they have not learned
    assert app.dataframe[0].value["rival"].tolist() == [title for title, _ in RIVALS.values()]
    assert "Dense, lottery ticket" in app.dataframe[1].value["rival"].tolist()


def test_where_it_breaks_is_asked_for_and_then_shown(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ui.studies.known_outcome", lambda experiment, asked: None)
    app = lab(run, "limits")
    said = f"it trains MetaNets in {len(Limits().settings())} settings, 3 seeds each"
    assert "not there yet" in words(app) and said in words(app)
    numbers = pd.DataFrame(
        [
            {"arm": arm, "seed": seed, **dict.fromkeys(COLUMNS, value + seed / 1000)}
            for arm, value in (("MNIST, h = 8", 0.01), ("MNIST, h = 4", 0.02))
            for seed in (1, 2)
        ]
    )
    made = Outcome("", "It breaks somewhere.", {"numbers": numbers})
    monkeypatch.setattr("ui.studies.known_outcome", lambda experiment, asked: made)
    app.run()
    assert not app.exception and "It breaks somewhere" in words(app)
    table = app.dataframe[0].value
    assert table["setting"].tolist() == ["MNIST, h = 8", "MNIST, h = 4"]
    assert table["Drop cost"].tolist()[1] == "2.15 (1.51 to 2.79)"


def test_control_tests_without_support_say_why_and_offer_the_larger_particles(run: Run):
    app = lab(run, "controls")
    one = Subject.of(run)
    count = int(one.replicators.sum())
    assert f"This run has {count:,} replicators and {one.particles - count:,} survivors" in words(
        app
    )
    app.button(key="open-h8").click().run()
    assert not app.exception


def test_figures_without_data_say_so():
    nothing = pd.DataFrame({"rival": [], "seed": [], "run_id": []})
    empty = [
        figures.accuracy_curves(nothing, {"random": "Random"}, particles=10),
        figures.control_intervals(nothing, {}),
        figures.pareto_map(nothing),
    ]
    assert all(len(figure.layout.annotations) == 1 for figure in empty)
