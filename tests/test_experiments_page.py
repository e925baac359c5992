"""The Research log page, through ``app.py``."""

import time

import pandas as pd
import pytest
from app_pages import open_page, words

from srnn.experiments import experiments
from srnn.experiments.base import Settings
from srnn.experiments.engine import chosen, run_experiments
from srnn.runs import latest, obtain


@pytest.fixture(autouse=True)
def one_process(monkeypatch):
    monkeypatch.setenv("SRNN_JOBS", "1")


def open_log():
    return open_page("pages/research_log.py")


def verdict(page, name):
    """What the line of a row says."""
    labels = [part.label.replace("\\", "") for part in page.expander]
    return next(label for label in labels if label.startswith(f"**{name} · "))


def unfold(page, *names):
    for name in names:
        page.session_state[f"log-card-{name}"] = True
    page.run()
    assert not page.exception


def quick(page):
    return page.button_group(key="log-mode").set_value("quick").run()


def test_every_row_has_a_card_with_its_question_before_anything_is_run():
    page = open_log()
    page.number_input(key="log-seeds-full").set_value(2).run()  # other settings than the shipped
    labels = [part.label for part in page.expander]
    assert [label.replace("\\", "") for label in labels] == [
        f"**{one.name if one.row else 'After the log'} · {one.title}**: not run yet"
        for one in experiments().values()
    ]
    assert not any(one.question in words(page) for one in experiments().values())  # all are closed
    unfold(page, *experiments())
    for one in experiments().values():
        assert one.question in words(page)
    stated = pd.concat([table.value for table in page.dataframe])  # before anything runs
    every = [claim for one in experiments().values() for claim in one.claims]
    assert stated["claim"].tolist() == [claim.quantity for claim in every]
    assert stated["control"].tolist() == [claim.condition for claim in every]
    assert set(stated) == {"claim", "log", "control", "tolerance", "why", "source"}
    assert "Nothing has been run" in words(page)


def test_a_row_that_has_been_run_shows_what_came_out():
    (row,) = run_experiments(chosen(["10"]), Settings(quick=True, seeds=1))
    page = quick(open_log())
    assert not page.exception and not page.get("plotly_chart")
    assert "quick: no verdict" in verdict(page, "10")
    unfold(page, *experiments())
    assert len(page.get("plotly_chart")) == 1
    page.toggle(key="log-tables-10").set_value(True).run()
    assert not page.exception
    summary, *cards = (table.value for table in page.dataframe)
    expected = [claim.quantity for claim in row.experiment.claims]
    stated = [table["claim"].tolist() for table in cards if "claim" in table]  # rows not run, too
    assert summary["claim"].tolist() == expected and stated.count(expected) == 1
    others = [table for table in cards if "claim" not in table]
    assert {"log", "here", "placebo", "verdict"} <= set(summary) and set(summary["row"]) == {"10"}
    assert len(others) == len(row.outcome.tables) - 1


def test_a_row_is_run_in_the_background_and_its_card_fills():
    page = quick(open_log())
    unfold(page, "10")
    page.button(key="log-run-10").click().run()
    assert not page.exception
    end = time.monotonic() + 60
    while latest("reproduce").active:
        assert time.monotonic() < end
        time.sleep(0.3)
    assert latest("reproduce").state == "finished"
    page.run()
    assert not page.exception
    assert "quick: no verdict" in verdict(page, "10")


@pytest.mark.parametrize("file", ["dropout_test", "membership", "explain"])
def test_pages_about_particles_open_on_a_run_and_state_a_finding(file, small):
    run, _ = obtain(small)
    page = open_page(f"pages/{file}.py", run.run_id)
    assert "%" in words(page) and len(page.get("plotly_chart")) >= 2


def test_any_set_of_particles_can_be_dropped(small):
    run, _ = obtain(small)
    page = open_page("pages/dropout_test.py", run.run_id)
    page.slider(key="rank").set_range(0, 100).run()
    page.multiselect(key="layers").set_value([0]).run()
    assert not page.exception
    assert f"these **{64 * 4} particles**" in words(page)  # the whole first layer


def test_a_diverged_run_has_no_answers_to_explain(small):
    run, _ = obtain(small.replace(lr=10.0, replication_lr=10.0))
    assert run.stopped
    page = open_page("pages/explain.py", run.run_id)
    assert any("diverged" in part.value for part in page.info)
