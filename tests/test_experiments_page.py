"""The Research log page, through ``app.py``."""

from __future__ import annotations

import time

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from srnn.experiments import EXPERIMENTS, Settings
from srnn.experiments.reproduce import reproduce
from srnn.jobs import reproduction
from ui.menu import ROOT


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Nothing kept from another test's cache folder; one process at a time."""
    monkeypatch.setenv("SRNN_JOBS", "1")
    st.cache_data.clear()
    st.cache_resource.clear()


def open_log():
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    page.switch_page("pages/research_log.py")
    page.run()
    assert not page.exception
    return page


def words(page):
    return " ".join(part.value for part in page.markdown)


def quick(page):
    return page.button_group(key="log-mode").set_value("quick").run()


def test_every_row_has_a_card_with_its_question_before_anything_is_run():
    page = open_log()
    titles = [part.value for part in page.subheader]
    assert [title.split(" ")[0] for title in titles] == [str(row) for row in EXPERIMENTS]
    for one in EXPERIMENTS.values():
        assert one.question in words(page)
    assert "Nothing has been run" in words(page)


def test_a_row_that_has_been_run_shows_what_came_out():
    (row,) = reproduce([10], Settings(quick=True, seeds=1))
    page = quick(open_log())
    assert not page.exception
    assert "quick: no verdict" in words(page).replace("\\", "")
    page.toggle(key="log-open-10").set_value(True).run()
    assert not page.exception
    assert len(page.dataframe) == len(row.outcome.tables)


def test_a_row_is_run_in_the_background_and_its_card_fills():
    page = quick(open_log())
    page.button(key="log-run-10").click().run()
    assert not page.exception
    end = time.monotonic() + 60
    while reproduction.status().state == "running":
        assert time.monotonic() < end
        time.sleep(0.3)
    assert reproduction.status().state == "finished"
    page.run()
    assert not page.exception
    assert "quick: no verdict" in words(page).replace("\\", "")
