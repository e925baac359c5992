"""The pages in a real browser: nothing serious for axe in either theme, links that restore a view,
texts that stay texts, figures saved as they are seen, drawing, and uploads."""

import re
import zipfile
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import sessions
from test_browser import PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

RUN = "e15c3ef6769ad81d"
"""The bundled run."""
REST = {"exclude": [["[data-testid=stStatusWidget]"]]}
"""All but Streamlit's own sign of a page at work, which may come just then."""
QUIET = "() => !document.querySelector('[data-testid=stStatusWidget]')"
PAGES = (
    "connectivity",
    "particle_types",
    "trajectories",
    "membership",
    "dropout_test?types=zero,identity",
    "explain",
    "pruning_lab",
    "soup_lab",
    "research_log",
    "phase_map",
    "compare",
    "train",
    "runs",
    "",
)


def visit(browser: Any, address: str, **context: Any) -> Any:
    """A page in a fresh browser, when it is drawn."""
    options = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"} | context
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(PATIENCE)
    open_(page, address)
    return page


def open_(page: Any, address: str) -> None:
    page.goto(address)
    page.locator("h1").wait_for()
    page.wait_for_timeout(400)
    page.wait_for_function(QUIET, timeout=2 * PATIENCE)


def serious(page: Any, themes: tuple[str, str]) -> list[str]:
    """What axe finds on a page in the theme that it is in; and of the colours, turned to the other.
    (Every turn draws the figures anew, so it is not turned back.)"""
    from axe_playwright_python.sync_playwright import Axe

    found, ground = [], "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    brief = {"resultTypes": ["violations"]}  # what is right is not described, node by node
    for theme, rules in zip(themes, (brief, brief | {"runOnly": ["color-contrast"]}), strict=True):
        if theme == themes[1]:
            before = page.evaluate(ground)
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            page.wait_for_function(f"(before) => {ground} !== before", arg=before)
            page.wait_for_timeout(300)
            page.wait_for_function(QUIET, timeout=2 * PATIENCE)
        for one in Axe().run(page, REST, rules).response["violations"]:
            if one["impact"] in ("serious", "critical") or one["id"] == "heading-order":
                found.append(f"{theme}: {one['id']} {one['nodes'][0]['html'][:200]}")
    return found


def test_axe_finds_nothing_serious_on_any_page_in_either_theme(browser: Any, lab: str) -> None:
    page, found = visit(browser, lab), {}
    for path, themes in zip(PAGES, cycle((("light", "dark"), ("dark", "light"))), strict=False):
        open_(page, f"{lab}/{path}")
        found[path] = serious(page, themes)
        assert not page.get_by_test_id("stException").count(), path
    assert not any(found.values()), found
    page.context.close()


def test_a_link_restores_epoch_epsilon_and_selection_and_the_menu_keeps_them(
    browser: Any, lab: str
) -> None:
    view = f"run={RUN}&epoch=20&epsilon=0.001&picked=3-5"
    page = visit(browser, f"{lab}/connectivity?{view}")
    strip = page.locator("dl.strip")
    assert "20 of 200" in strip.inner_text() and "1e-03" in strip.inner_text()
    numbers = strip.inner_text()
    page.get_by_test_id("stSidebar").get_by_role("link", name="Particle types").click()
    page.get_by_role("heading", name="Particle types", exact=True).wait_for()
    assert page.locator("dl.strip").inner_text() == numbers
    assert "epoch=20" in page.url and "epsilon=0.001" in page.url and "picked=3-5" in page.url
    page.reload()
    page.locator("dl.strip").wait_for()
    assert page.locator("dl.strip").inner_text() == numbers
    page.context.close()


@pytest.mark.parametrize(
    "text",
    ["https://example.com/x", "www.example.com", "a@example.com", ":smile: -> <- --", "**b** $x$"],
)
def test_a_text_from_the_address_stays_a_text(browser: Any, lab: str, text: str) -> None:
    from urllib.parse import quote

    page = visit(browser, f"{lab}/connectivity?run={quote(text)}")
    alert = page.get_by_role("alert").first
    alert.wait_for()
    shown = alert.inner_text().replace("\u2060", "")
    assert f"There is no run {text} here" in shown
    assert alert.locator("a, strong, em, img, .katex").count() == 0
    page.context.close()


def test_tab_leaves_every_figure_behind_and_figures_follow_the_theme(
    browser: Any, lab: str
) -> None:
    page = visit(browser, f"{lab}/connectivity?run={RUN}")
    page.locator(".js-plotly-plot .main-svg").nth(8).wait_for(state="attached")
    for key in ("Tab", "Enter", "Tab"):  # past the menu
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.closest('[data-testid=stMain]') !== null")
    left, presses = False, 3
    while not left and presses < 40:
        page.keyboard.press("Tab")
        presses += 1
        left = page.evaluate("document.activeElement === document.body")
    assert left, "still on the page after 40 presses"
    for theme, ground in (("dark", "rgb(20, 23, 28)"), ("light", "rgb(255, 255, 255)")):
        page.emulate_media(color_scheme=theme)  # the system's, while the page is open
        page.wait_for_function(
            "(ground) => [...document.querySelectorAll('.js-plotly-plot')].every((plot) => "
            "plot.querySelector('.main-svg').style.background === ground)",
            arg=ground,
        )
    page.context.close()


def assert_kept_by_a_step(page, eye: str) -> None:
    """The camera, which ``eye`` evaluates to, is the same after a step from epoch 200 to 190."""
    before = page.evaluate(eye)
    page.get_by_role("slider", name="Epoch").first.press("ArrowLeft")
    page.wait_for_url(re.compile("epoch=190"))
    page.locator(".js-plotly-plot", has_text="epoch 190").first.wait_for()
    page.wait_for_timeout(1500)
    assert page.evaluate(eye) == pytest.approx(before)


def test_a_cube_is_saved_as_it_is_seen_in_every_format(
    browser: Any, lab: str, tmp_path: Path
) -> None:
    page = visit(browser, f"{lab}/trajectories?run={RUN}")
    cube = page.locator(".js-plotly-plot").first
    cube.locator("canvas").first.wait_for(state="attached")
    page.wait_for_timeout(1500)

    def save(name: str, label: str) -> bytes:
        with page.expect_download() as download:
            page.get_by_role("button", name=label, exact=True).first.click()
        download.value.save_as(tmp_path / name)
        return (tmp_path / name).read_bytes()

    before = save("before.png", "PNG")
    box = cube.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 160, y + 40, steps=8)
    page.mouse.up()
    page.wait_for_timeout(1500)
    after = save("after.png", "PNG")
    assert before[:4] == after[:4] == b"\x89PNG" and before != after
    eye = "document.querySelector('.js-plotly-plot')._fullLayout.scene.camera.eye"
    assert_kept_by_a_step(page, eye)
    page.get_by_role("button", name="Save as").first.click()
    assert save("cube.svg", "SVG")[:4] == b"<svg"
    assert save("cube.pdf", "PDF")[:5] == b"%PDF-"
    svg = (tmp_path / "cube.svg").read_text()
    assert f"run {RUN}" in svg and "epsilon 1e-05" in svg
    page.context.close()


def test_a_drawn_digit_is_answered_before_and_after_pruning(browser: Any, lab: str) -> None:
    page = visit(browser, f"{lab}/explain?run={RUN}")
    canvas = page.locator("canvas[aria-label*='to be drawn on']")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 30, steps=10)
    page.mouse.up()
    page.get_by_text("without its replicators").wait_for()
    page.get_by_text("of the largest contribution").wait_for()
    page.context.close()


def test_a_torn_file_is_refused_and_pictures_are_uploaded_and_chosen(
    browser: Any, lab: str, tmp_path: Path
) -> None:
    from playwright.sync_api import expect
    from test_upload import GREY, png

    with zipfile.ZipFile(tmp_path / "cats.zip", "w") as file:
        for index, pixels in enumerate(GREY):
            file.writestr(f"{'ab'[index % 2]}/{index}.png", png(pixels))
    page = visit(browser, f"{lab}/train?token={sessions.TOKEN}")
    page.get_by_text("Upload your own data").click()
    (tmp_path / "torn.zip").write_bytes((tmp_path / "cats.zip").read_bytes()[:200])
    page.locator("input[type=file]").set_input_files(tmp_path / "torn.zip")
    page.get_by_text("These data cannot be used").wait_for()
    page.locator("input[type=file]").set_input_files(tmp_path / "cats.zip")
    page.get_by_text("10 training and 2 test images").wait_for()
    page.get_by_role("button", name="Use these data").click()
    data = page.get_by_role("combobox", name="Data")
    expect(data).to_have_value(re.compile("^cats-"))
    page.context.close()


def test_on_a_phone_the_cube_is_seen_from_farther_away_once(browser: Any, lab: str) -> None:
    page = visit(browser, f"{lab}/trajectories?run={RUN}", viewport={"width": 390, "height": 844})
    eye = "document.querySelector('.js-plotly-plot')?._fullLayout?.scene?.camera.eye.x"
    page.wait_for_function(f"() => {eye} > 2.3")
    page.wait_for_timeout(1500)
    assert_kept_by_a_step(page, eye)
    page.context.close()
