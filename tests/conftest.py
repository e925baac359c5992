"""Shared by all tests: an empty run cache of their own, one torch thread, a small task."""

import errno
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import plotly.graph_objects as go
import pytest
import sessions
import torch
from figure_checks import assert_within_axes, check_all_makers

from srnn.config import RunConfig, make_config
from srnn.figures import style
from srnn.runs.draft import Draft

torch.set_num_threads(1)
check_all_makers()

hypothesis.settings.register_profile("lab", deadline=None)  # nothing here is timed
hypothesis.settings.load_profile("lab")

LONGEST = (
    "test_workbench_browser",
    "test_experiments",
    "test_sweeps",
    "test_stage_browser",
    "test_jobs",
    "test_pages",
    "test_package",
    "test_engines",
    "test_browser",
)
"""These files first: several processes share the files, and none should be left with a long one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(LONGEST)))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder; no test sees the developer's runs."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SRNN_CACHE", str(folder))
    return folder


@pytest.fixture(autouse=True)
def fresh() -> None:
    """Nothing that the app keeps is of another test's cache folder."""
    if streamlit := sys.modules.get("streamlit"):
        streamlit.cache_data.clear()
        streamlit.cache_resource.clear()


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test has shown on a page or saved lies inside its axes."""
    themed, wrong = style.themed, []

    def checked(figure: go.Figure, dark: bool) -> go.Figure:
        try:
            assert_within_axes(figure)
        except AssertionError as error:
            wrong.append(str(error))
        return themed(figure, dark)

    monkeypatch.setattr(style, "themed", checked)
    yield
    assert not wrong


@pytest.fixture
def small() -> RunConfig:
    """A configuration on the digits that trains in well under a second."""
    return make_config(dataset="digits", neurons=3, depth=3, width=4, batch_size=100, epochs=3)


@pytest.fixture
def unwritable_seed(monkeypatch: pytest.MonkeyPatch) -> int:
    """A seed whose finished run finds the disk full, whatever its configuration."""
    real = Draft.finish

    def full(draft):
        if draft.config.seed == 1:
            draft.save()
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(draft)

    monkeypatch.setattr(Draft, "finish", full)
    return 1


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of the app for all tests of a module, with an empty cache; its address."""
    with sessions.server(tmp_path_factory.mktemp("cache")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium for all tests of a module."""
    from playwright.sync_api import expect, sync_playwright
    from test_browser import FLAGS, PATIENCE, find_chromium

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        try:
            yield one
        finally:
            one.close()
