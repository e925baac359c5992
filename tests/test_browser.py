"""The app in a real browser: deep links on a fresh server, a training, four pages, two PNG files.

Needs Chromium or Chrome. Where ``CI`` is true their absence is a failure, elsewhere a skip.
"""

import os
import re
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sessions

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ROOT = Path(__file__).parent.parent
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = {
    "connectivity": "Connectivity",
    "train": "Train",
    "trajectories": "Trajectories",
    "particle_types": "Particle types",
}
PATIENCE = 60_000
"""Milliseconds to wait for anything; a slow machine is not a failure."""


@pytest.fixture
def chromium() -> str:
    return find_chromium()


def find_chromium() -> str:
    """The browser's path; without one the test is skipped, where CI is true it fails."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        reason = "no Chromium or Chrome on this machine; install the package chromium"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return path


@pytest.fixture
def server(cache: Path) -> Iterator[str]:
    """A server of its own, on a free port, with an empty cache; its address."""
    with sessions.server(cache) as port:
        yield f"http://127.0.0.1:{port}"


def test_train_look_and_take_a_picture(chromium: str, server: str, tmp_path: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    hosts: set[str] = set()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            for path, title in PAGES.items():  # each as the first page of a new visitor
                context = browser.new_context()
                page = context.new_page()
                page.set_default_timeout(PATIENCE)
                page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
                page.goto(f"{server}/{path}")
                expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
                expect(page).to_have_title(f"{title} · MetaNet lab")
                menu = page.get_by_test_id("stSidebar").get_by_role("link")
                for entry in ("Overview", *PAGES.values()):
                    expect(menu.filter(has_text=entry)).to_be_visible()
                context.close()

            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.set_default_timeout(PATIENCE)
            page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
            page.goto(f"{server}/?token={sessions.TOKEN}")
            menu = page.get_by_test_id("stSidebar").get_by_role("link")
            menu.filter(has_text="Train").click()
            page.get_by_role("slider", name="Epochs").press("Home")
            expect(page.get_by_role("combobox").first).to_have_value("")  # a preset no more
            page.get_by_role("button", name="Train", exact=True).click()
            expect(page.get_by_text("Trained in")).to_be_visible()
            run_id = page.url.split("run=")[1]

            for title in ("Trajectories", "Particle types", "Connectivity"):
                menu.filter(has_text=title).click()
                expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
                expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
                expect(page.get_by_role("combobox").first).to_have_value(re.compile(run_id[:6]))
                expect(page.get_by_test_id("stException")).to_have_count(0)
                assert f"run={run_id}" in page.url

            with page.expect_download() as download:
                page.get_by_role("button", name="PNG", exact=True).first.click()
            download.value.save_as(tmp_path / "button.png")
            with page.expect_download() as download:
                page.locator(".js-plotly-plot").first.hover()
                page.locator('[data-title*="Download plot"]').first.click()
            download.value.save_as(tmp_path / "camera.png")

            page.goto(f"{server}/particle_types?run={run_id}")  # a link from somebody else
            expect(page.get_by_role("combobox").first).to_have_value(re.compile(run_id[:6]))
        finally:
            browser.close()
    for name in ("button.png", "camera.png"):
        width, height = png_size(tmp_path / name)
        assert width > 1000 and height > 600, name
    assert hosts - {""} == {urlsplit(server).netloc}, "something was asked of another host"


def test_figures_drawn_at_once_are_each_their_own(chromium: str, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    import plotly.graph_objects as go

    from srnn.figures.export import to_file

    def size_of(width: int) -> tuple[int, int]:
        file = tmp_path / f"{width}.png"
        figure = go.Figure(go.Scatter(y=[1, 2]), {"width": width, "height": 200})
        file.write_bytes(to_file(figure))
        return png_size(file)

    widths = [300, 310, 320, 330]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(size_of, widths)) == [(3 * width, 600) for width in widths]


def png_size(file: Path) -> tuple[int, int]:
    """Width and height in pixels, from the header."""
    head = file.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:24])
    return width, height
