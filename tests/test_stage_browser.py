"""The stage in a real browser: clock, picking, keys, themes, acts, links, and what stays."""

import base64
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sessions
from test_browser import PATIENCE
from test_stage import decode
from test_workbench_browser import serious

from srnn.runs import obtain
from ui.stage import READY
from ui.stage.blob import amended, encode, look
from ui.stage.bundle import bundle, film, part
from ui.stage.source import of_run

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

RUN = "e15c3ef6769ad81d"
"""The bundled run."""
CLEAR = """(host) => { // of every shown wire, the point that is farthest from all other wires
  const { test } = host.stage, shares = [0.12, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.88];
  const ways = test.shown.map((p) => [...Array(33).keys()].map((k) => test.wire(p, k / 32)));
  const gap = (x, y, [a, b], [c, d]) => {
    const share = ((x - a) * (c - a) + (y - b) * (d - b)) / ((c - a) ** 2 + (d - b) ** 2 || 1);
    const t = Math.min(1, Math.max(0, share));
    return Math.hypot(a + t * (c - a) - x, b + t * (d - b) - y);
  };
  const near = (x, y, skip) => {
    let least = 99;
    ways.forEach((way, k) => {
      if (k === skip) return;
      for (let i = 1; i < way.length; i++) {
        if (Math.abs(way[i][0] - x) < 20) least = Math.min(least, gap(x, y, way[i - 1], way[i]));
      }
    });
    return least;
  };
  return test.shown.map((particle, k) => shares
    .map((share) => test.wire(particle, share).map(Math.round))
    .map(([x, y]) => ({ particle, x, y, clear: near(x, y, k) }))
    .reduce((best, one) => (one.clear > best.clear ? one : best)));
}"""
"""Points are whole pixels, half a pixel at most from their wire."""


def open_stage(
    browser: Any, address: str, sent: list[int] | None = None, **context: Any
) -> tuple[Any, Any]:
    """A page with the stage on it, after its first picture; and the stage's element. ``sent`` gets
    the size of whatever the server sends."""
    options = {"viewport": {"width": 1280, "height": 1100}, "reduced_motion": "reduce"} | context
    visitor = browser.new_context(**options)
    visitor.add_cookies([sessions.cookie("/".join(address.split("/")[:3]))])
    page = visitor.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: pytest.fail(f"JavaScript: {error}"))
    if sent is not None:
        page.on(
            "websocket",
            lambda socket: socket.on("framereceived", lambda data: sent.append(len(data))),
        )
    page.goto(address)
    stage = page.locator(".stage")
    stage.wait_for()
    wait(page, "(test) => test.shown.length > 0")
    return page, stage


def wait(page: Any, condition: str) -> None:
    """Wait until something is true of the stage."""
    page.wait_for_function(
        f"""() => {{ for (const one of document.querySelectorAll('*')) {{
        const host = one.shadowRoot?.querySelector('.stage');
        if (host?.stage?.scene?.run) return ({condition})(host.stage.test); }} return false; }}"""
    )


def test_of(stage: Any) -> dict[str, Any]:
    return json.loads(stage.evaluate("(host) => JSON.stringify(host.stage.test)"))


test_of.__test__ = False  # type: ignore[attr-defined]  # no test, whatever its name


def test_it_plays_from_the_first_epoch_to_the_last(
    browser: Any,
    lab: str,
    record_property: Any,
) -> None:
    from playwright.sync_api import expect

    page, stage = open_stage(browser, lab, reduced_motion="no-preference")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()  # by itself
    wait(page, "(test) => !test.playing && test.epoch === 200")
    record_property("frames_a_second", test_of(stage)["fps"])
    page.get_by_label("Show", exact=True).select_option("all")  # all 1,518 wires
    page.get_by_role("button", name="Play", exact=True).click()
    wait(page, "(test) => test.playing && test.epoch < 200")
    wait(page, "(test) => !test.playing && test.epoch === 200")
    after = test_of(stage)
    record_property("frames_a_second_all", after["fps"])
    print(f"{after['fps']:.0f} frames a second with {len(after['shown']):,} wires")
    assert len(after["shown"]) == 1518 and sum(after["counts"]) == 1518
    finding = page.locator(".finding").inner_text()
    assert re.search(
        r"At epoch 200, 1,192 of 1,518 particles .*1,005 zero \+ 187 identity", finding
    )
    assert "from 85.7\u00a0% to" in finding


def test_a_hundred_clicks_on_wires_select_these_wires(browser: Any, lab: str) -> None:
    page, stage = open_stage(browser, f"{lab}/?run={RUN}&epoch=200")
    spots = sorted(stage.evaluate(CLEAR), key=lambda spot: -spot["clear"])[:100]
    assert len(spots) == 100 and spots[-1]["clear"] > 0.8
    for spot in spots:
        page.mouse.click(spot["x"], spot["y"])
        assert test_of(stage)["selection"] == [spot["particle"]], spot
    last = next(spot["particle"] for spot in reversed(spots) if spot["particle"] < 1350)
    page.mouse.click(*(next(spot[at] for spot in spots if spot["particle"] == last) for at in "xy"))
    name = f"L0_C{last // 225}_W{last % 225}"  # written with the next frame
    page.locator(".readout b", has_text=re.compile(f"^{name}$")).wait_for()


def test_where_wires_cross_the_one_on_top_is_named(browser: Any, lab: str) -> None:
    """Between two layers of six cells each, all wires whose cells' numbers have one sum cross in
    one point, midway, and the others are half a cell away or more."""
    page, stage = open_stage(browser, f"{lab}/connectivity?run={RUN}&epoch=200&keep=all")
    strong, codes, weights = stage.evaluate(
        "({ stage }) => [stage.scene.run.strong, [...stage.scene.codesAt(stage.scene.run.T - 1)],"
        " [...stage.scene.weights]]"
    )

    def height(particle: int) -> tuple[bool, int]:
        """Survivors lie above replicators, then wider wires above finer ones."""
        share = min(1.0, math.sqrt(abs(weights[particle]) / strong))
        return codes[particle] not in (1, 2), math.floor(6 * share + 0.5)

    crossings = 0
    for layer in range(3):
        for total in range(11):
            tied = [
                1350 + 36 * layer + 6 * cell + total - cell
                for cell in range(6)
                if 0 <= total - cell < 6
            ]
            spots = stage.evaluate(
                "(host, all) => all.map((p) => host.stage.test.wire(p, 0.5))", tied
            )
            assert np.ptp(spots, axis=0).max() < 1e-3
            crossings += len(tied) > 1
            page.mouse.move(*spots[0])
            named = test_of(stage)["hover"]
            assert named in tied and height(named) == max(map(height, tied)), (named, tied)
    assert crossings == 27


def test_pointing_lights_the_same_particle_up_everywhere(browser: Any, lab: str) -> None:
    page, stage = open_stage(browser, f"{lab}/?run={RUN}&epoch=200")
    spot = max(stage.evaluate(CLEAR), key=lambda one: one["clear"])
    page.mouse.move(spot["x"], spot["y"])
    wait(page, f"(test) => test.hover === {spot['particle']}")
    inked = """(host) => ['network', 'cube', 'pixels'].map((name) => {
      const { over } = host.stage[name];
      return over.getContext('2d').getImageData(0, 0, over.width, over.height).data.some((v) => v);
    })"""
    page.wait_for_function(f"(host) => ({inked})(host).every(Boolean)", arg=stage.element_handle())
    for name, place in (
        ("cube", "(host) => [host.stage.cube.x[700], host.stage.cube.y[700]]"),
        ("pixels", "(host) => host.stage.pixels.spot(700).slice(0, 2).map((v) => v + 2)"),
    ):
        page.locator(f".{name} .board").scroll_into_view_if_needed()
        box = page.locator(f".{name} .board").bounding_box()
        x, y = stage.evaluate(place)
        page.mouse.move(box["x"] + x, box["y"] + y)
        if name == "pixels":
            wait(page, "(test) => test.hover === 700")
        else:
            wait(page, f"(test) => test.hover !== {spot['particle']}")
            hover = test_of(stage)[
                "hover"
            ]  # the nearest point of the cube: 700 itself, or one in the same place
            near = stage.evaluate(
                f"(host) => [host.stage.cube.x[{hover}], host.stage.cube.y[{hover}]]"
            )
            assert math.dist(near, (x, y)) < 1.5
    page.locator(".rows button").first.hover()
    name = page.locator(".rows button").first.inner_text()
    assert name in page.locator(".readout").inner_text()


def test_camera_clock_and_selection_stay_through_fifty_reruns(browser: Any, lab: str) -> None:
    page, stage = open_stage(browser, f"{lab}/?run={RUN}&epoch=40&picked=7,700-702")
    box = page.locator(".cube .board").bounding_box()
    page.mouse.move(box["x"] + 150, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 210, box["y"] + 120, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile("camera="))
    before = test_of(stage)
    stage.evaluate("(host) => { host.mark = 'the same element'; }")
    page.evaluate("() => { window.marked = 0; }")
    for _ in range(50):
        page.get_by_test_id("stSidebar").get_by_role("link", name="Overview").click()
        page.wait_for_timeout(60)
    page.wait_for_timeout(1500)
    after = test_of(stage)
    for name in ("epoch", "position", "selection", "camera", "epsilon"):
        assert after[name] == before[name], name
    assert before["epoch"] == 40 and before["selection"] == [7, 700, 701, 702]
    assert stage.evaluate("(host) => host.mark") == "the same element"


def test_the_keyboard_does_it_all(browser: Any, lab: str) -> None:
    from playwright.sync_api import expect

    page, stage = open_stage(browser, f"{lab}/?run={RUN}&epoch=200")
    canvas = page.locator(".network canvas.base")
    expect(canvas).to_have_attribute("role", "img")
    assert "1,192 of 1,518 particles" in canvas.get_attribute("aria-label")
    canvas.focus()
    for key, epoch in (
        ("Home", 0),
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("End", 200),
    ):
        page.keyboard.press(key)
        assert test_of(stage)["epoch"] == epoch, key
    wait(page, "(test) => test.shown.length === 326")  # those of epoch 200 are drawn
    page.keyboard.press("ArrowDown")
    first = test_of(stage)["shown"][0]
    page.keyboard.press("Enter")
    assert test_of(stage)["selection"] == [first]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Enter")
    assert test_of(stage)["selection"] == test_of(stage)["shown"][:2]
    page.keyboard.press("Escape")
    assert test_of(stage)["selection"] == []
    camera = test_of(stage)["camera"]
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("+")
    turned = test_of(stage)["camera"]
    assert turned["yaw"] < camera["yaw"] and turned["zoom"] > camera["zoom"]
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    rows, epoch = page.locator(".rows button"), test_of(stage)["epoch"]
    rows.first.focus()
    for key, row in (("ArrowRight", 1), ("End", rows.count() - 1), ("Home", 0), ("ArrowLeft", 0)):
        page.keyboard.press(key)
        expect(rows.nth(row)).to_be_focused()
    assert test_of(stage)["epoch"] == epoch
    page.locator(".play").focus()
    inside = "(host) => host.contains(host.getRootNode().activeElement)"
    presses = 0
    while stage.evaluate(inside) and presses < 30:  # and it can be left again
        page.keyboard.press("Tab")
        presses += 1
    assert presses == 14, presses  # eleven controls, two pictures, the rows


def test_epsilon_is_worked_out_at_once_and_as_the_package_does(browser: Any, lab: str) -> None:
    from srnn.analysis.types import history_measures
    from srnn.runs import get_run

    page, stage = open_stage(browser, f"{lab}/?run={RUN}&epoch=200")
    run = get_run(RUN)
    page.get_by_label("Epsilon", exact=True).focus()
    for key in ("Home", "End", "ArrowLeft"):
        page.keyboard.press(key)
        found = test_of(stage)
        codes = history_measures(run.snapshots[-1:], run.encoding).codes(found["epsilon"])
        assert found["counts"] == [int((codes == code).sum()) for code in range(5)], key
    page.wait_for_url(re.compile("epsilon="))
    expected = f"epsilon {found['epsilon']:.0e}".replace("e-0", "e−")
    assert expected in page.locator(".finding").inner_text()


SEEN = """(host) => new Promise((done) => { // the epochs that are shown, and when, in milliseconds
  const { stage } = host, load = stage.load.bind(stage), seen = [];
  stage.load = (bytes) => {
    load(bytes);
    const { training } = stage.scene.run;
    if (training && training.epoch > (seen.at(-1)?.epoch ?? -1)) {
      seen.push({ epoch: training.epoch, at: performance.now() });
    }
    if (seen.length < 8 && training) return;
    delete stage.load;
    done(seen);
  };
})"""
"""It is settled only if the element stays: a new one would have a stage of its own."""


def test_a_training_is_live_and_paused_and_stepped_and_goes_another_way(
    browser: Any, lab: str, record_property: Any
) -> None:
    page, stage = open_stage(browser, lab)
    page.get_by_role("button", name="Train your own").click()
    page.get_by_text(re.compile("epoch [1-9].*, training")).wait_for()
    seen = stage.evaluate(SEEN)
    rate = 1000 * (len(seen) - 1) / (seen[-1]["at"] - seen[0]["at"])
    record_property("new_epochs_a_second", rate)
    print(f"{rate:.1f} new epochs a second on the stage")
    assert len(seen) == 8 and seen[-1]["epoch"] < 200

    def paused_at() -> int:
        page.get_by_role("button", name="Resume").wait_for()
        text = page.get_by_text(re.compile("^Paused at epoch")).inner_text()
        return int(text.split()[3])

    page.get_by_role("button", name="Pause", exact=True).click()
    epoch, own = paused_at(), page.url
    page.get_by_role("button", name="Step an epoch").click()
    page.get_by_text(f"Paused at epoch {epoch + 1} ").wait_for()
    page.get_by_role("button", name="Change on the way").click()
    page.get_by_role("spinbutton", name="Alpha").fill("7")
    page.get_by_role("spinbutton", name="Alpha").press("Enter")
    page.get_by_role("button", name="Train the fork").click()
    page.wait_for_url(lambda url: url != own)
    page.get_by_role("button", name="Pause", exact=True).click()
    assert paused_at() > epoch
    assert page.get_by_text(re.compile(f"alpha 7.*at epoch {epoch + 1}")).count()
    page.context.close()


def test_a_link_restores_epoch_epsilon_and_selection(browser: Any, lab: str) -> None:
    page, stage = open_stage(
        browser, f"{lab}/?run={RUN}&epoch=40&epsilon=0.001&picked=3-7,1500&keep=all"
    )
    found = test_of(stage)
    assert (found["epoch"], found["epsilon"]) == (40, 0.001)
    assert found["selection"] == [3, 4, 5, 6, 7, 1500]
    assert len(found["shown"]) == 1518
    page.get_by_role("button", name="On one snapshot").click()
    page.wait_for_url(re.compile("epoch=45"))
    _, other = open_stage(browser, page.url)
    assert test_of(other)["epoch"] == 45 and test_of(other)["selection"] == found["selection"]


def test_acts_are_undone_and_redone_with_the_exact_accuracy(browser: Any, lab: str) -> None:
    from playwright.sync_api import expect

    sent: list[int] = []
    page, stage = open_stage(browser, f"{lab}/?run={RUN}&epoch=200", sent=sent)
    before = page.locator(".finding").inner_text()
    page.get_by_label("Select", exact=True).select_option("layer:1")
    button = page.get_by_role("button", name="Drop", exact=True)
    button.wait_for()
    sent.clear()
    button.click()
    expect(page.locator(".finding")).to_contain_text("epoch 200, edited")
    assert sum(sent) < READY.stat().st_size / 5  # what the acts made, and not the run once more
    dropped = page.locator(".finding").inner_text()
    assert dropped.split("accuracy")[1] != before.split("accuracy")[1]
    page.get_by_role("button", name="Make perfect").click()
    wait(page, "(test) => test.counts[2] >= 187 + 30")  # what was dropped lives again
    perfect = page.locator(".finding").inner_text()
    for button, text in (("Undo", dropped), ("Undo", before), ("Redo", dropped), ("Redo", perfect)):
        page.get_by_role("button", name=button).click()
        expect(page.locator(".finding")).to_have_text(text)
    assert len(test_of(stage)["selection"]) == 36
    menu = page.get_by_test_id("stSidebar")
    menu.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
    menu.get_by_role("link", name="Overview").click()  # what was done is still there
    expect(page.locator(".finding")).to_have_text(perfect)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes_and_a_phone(browser: Any, lab: str, scheme: str) -> None:
    page, stage = open_stage(
        browser,
        f"{lab}/?run={RUN}&epoch=200",
        color_scheme=scheme,
        viewport={"width": 390, "height": 844},
    )
    theme = stage.evaluate("(host) => host.stage.scene.theme")
    assert theme["dark"] == (scheme == "dark")
    widths = stage.evaluate(
        "(host) => [...host.querySelectorAll('.board')].filter((board) => board.offsetParent)"
        ".map((board) => board.clientWidth)"
    )
    assert min(widths) > 250 and max(widths) <= 390
    assert stage.evaluate("(host) => host.scrollWidth <= host.clientWidth")
    page.locator(".network .board").scroll_into_view_if_needed()
    spot = max(stage.evaluate(CLEAR), key=lambda one: one["clear"])
    page.mouse.click(spot["x"], spot["y"])
    assert test_of(stage)["selection"] == [spot["particle"]]


def test_a_film_plays_by_itself_without_the_lab(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "film.html"
    file.write_bytes(film(READY.read_bytes(), "a <b>name</b>"))
    context = browser.new_context(offline=True, reduced_motion="reduce")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    assert page.locator("h1").inner_text() == "a <b>name</b>"
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("() => document.querySelector('.stage').stage.test.position > 1")
    assert "1,518 particles replicate" in page.locator(".finding").inner_text()
    assert asked == [file.as_uri()]


def large_block() -> bytes:
    """A network 225-100-100-10 at three snapshots: 33,500 particles, nine of ten at zero."""
    header, _ = decode(READY.read_bytes())
    starts, rng = [0, 22_500, 32_500, 33_500], np.random.default_rng(0)
    total = starts[-1]
    header |= {"id": "large", "epochs": [0, 1, 2], "sizes": [225, 100, 100, 10], "starts": starts}
    header |= {"skips": [], "before": [0.1, 0.5, 0.8], "after": [0.1, 0.5, 0.8]}
    header["curve"] = {name: values[:3] for name, values in header["curve"].items()}
    size = np.where(rng.random((3, total)) < 0.9, 0, 200).astype(np.uint8)
    arrays = {"size": size, "error": size, "second": size}
    arrays["scalar"] = (rng.normal(size=(3, total)) * (size > 0)).astype(np.float32)
    arrays["points"] = rng.normal(size=(3, total, 3)).astype(np.float16)
    return encode(header, arrays)


def test_of_very_many_particles_the_strongest_are_drawn_while_the_clock_runs(
    browser: Any, tmp_path: Path
) -> None:
    file = tmp_path / "large.html"
    file.write_bytes(film(large_block(), "large"))
    page = browser.new_context(reduced_motion="reduce").new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(file.as_uri())
    stage = page.locator(".stage")
    page.get_by_label("Show", exact=True).select_option("all")
    page.wait_for_function(
        "() => document.querySelector('.stage').stage.test.shown.length === 33500"
    )
    stage.evaluate("({ stage }) => (stage.scene.clock.speed = 0.05)")  # however busy the machine is
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("() => document.querySelector('.stage').stage.test.position > 0.5")
    shown, weights = stage.evaluate(
        "({ stage }) => [stage.test.shown, [...stage.scene.weights].map(Math.abs)]"
    )
    assert 500 < len(shown) <= 2000
    strongest = sorted(range(33_500), key=lambda particle: -weights[particle])[:500]
    assert set(strongest) <= set(shown)
    page.get_by_role("button", name="Pause", exact=True).click()
    page.wait_for_function(
        "() => document.querySelector('.stage').stage.test.shown.length === 33500"
    )
    page.context.close()


def test_nothing_is_serious_for_a_screen_reader(browser: Any, lab: str) -> None:
    page, _ = open_stage(browser, f"{lab}/?run={RUN}&picked=800&acts=drop%20800")
    page.get_by_text("Relevance:").wait_for()
    assert serious(page, ("light", "dark")) == []


BOTH = """() => [...document.querySelectorAll('.stage')].map(({ stage: { test, scene } }) => ({
  epoch: test.epoch, playing: test.playing, epsilon: test.epsilon, speed: scene.clock.speed }))"""


def test_two_tied_stages_have_one_clock(browser: Any, small: Any) -> None:
    """A run of 8 epochs and one of 3, as on the page Compare."""
    runs = [obtain(small.replace(epochs=epochs))[0] for epochs in (8, 3)]
    blocks = [amended(of_run(run.run_id), look=look(), tied=True) for run in runs]
    data = [base64.b64encode(block).decode() for block in blocks]
    page = browser.new_page(reduced_motion="reduce")
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: pytest.fail(f"JavaScript: {error}"))
    page.set_content(f"<style>{part('stage.css')}</style>" + f"<div>{part('stage.html')}</div>" * 2)
    script = bundle().replace("export default main.mount;", "window.mount = main.mount;")
    page.add_script_tag(content=script, type="module")
    page.wait_for_function("() => window.mount")
    page.evaluate(
        """(data) => document.querySelectorAll('body > div').forEach((parentElement, k) =>
          mount({ data: Uint8Array.from(atob(data[k]), (c) => c.charCodeAt(0)), parentElement,
            setStateValue() {} }))""",
        data,
    )
    rest = "(one, k) => !one.playing && one.epoch === epochs[k]"
    wait_both = f"(epochs) => ({BOTH})().every({rest})"
    page.wait_for_function(wait_both, arg=[8, 3])  # each at its end
    short_stage = page.locator(".stage").nth(1)
    short_stage.get_by_label("Speed").select_option("4")
    short_stage.get_by_label("Back one snapshot").click()
    page.wait_for_function(wait_both, arg=[2, 2])
    short_stage.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(f"() => ({BOTH})().every((one) => one.playing && one.epoch >= 3)")
    page.wait_for_function(wait_both, arg=[8, 3])  # the longer one leads to its end
    page.locator(".stage").nth(0).locator("input.epsilon").press("ArrowRight")
    page.wait_for_function(f"() => ({BOTH})().every((one) => one.epsilon === 3e-5)")
    assert {one["speed"] for one in page.evaluate(BOTH)} == {4}
    page.close()


def test_on_connectivity_thirty_steps_mount_nothing_and_the_page_follows(
    browser: Any, lab: str, record_property: Any
) -> None:
    from playwright.sync_api import expect

    page, stage = open_stage(browser, f"{lab}/connectivity?run={RUN}&epoch=200&picked=700")
    figures = page.locator(".js-plotly-plot")
    figures.nth(2).locator(".main-svg").first.wait_for(state="attached")
    stage.evaluate("(host) => { host.mark = 'the same element'; }")
    page.evaluate("() => document.querySelectorAll('.js-plotly-plot').forEach((p) => (p.old = 1))")
    canvas = page.locator(".network canvas.base")
    canvas.focus()
    seen = []
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
        seen.append(test_of(stage)["epoch"])
    assert len(set(seen)) == 30 and seen[-1] == 1
    assert page.evaluate(
        "() => [...document.querySelectorAll('.js-plotly-plot')].every((p) => p.old)"
    )
    expect(page.locator("dl.strip")).to_contain_text("1 of 200")
    figures.filter(has_text="epoch 1 ").nth(2).wait_for()
    expect(page.get_by_text("At epoch 1, epsilon 1e-05")).to_be_visible()
    assert stage.evaluate("(host) => host.mark") == "the same element"
    assert test_of(stage)["selection"] == [700] and test_of(stage)["epoch"] == 1
    spot = max(stage.evaluate(CLEAR), key=lambda one: one["clear"])
    page.mouse.move(spot["x"], spot["y"])
    page.locator(".readout b").wait_for()
    assert test_of(stage)["hover"] == spot["particle"]
    page.get_by_label("Show", exact=True).select_option("all")
    page.get_by_label("Colour", exact=True).select_option("weight")
    page.wait_for_url(re.compile("keep=all.*color=weight|color=weight.*keep=all"))
    expect(page.get_by_text("All 1,518 connections of epoch 1")).to_be_visible()
    page.get_by_role("radio", name="Figure for a paper").click()
    figures.filter(has_text="1,518 connections").wait_for()
    page.get_by_test_id("stSidebar").get_by_role("link", name="Overview").click()
    page.locator(".cube .board").wait_for()  # the whole stage, at the same moment
    wait(page, "(test) => test.epoch === 1 && test.selection[0] === 700")


def test_a_settled_network_plays_on_its_own_clock(browser: Any, lab: str) -> None:
    page, stage = open_stage(browser, f"{lab}/connectivity?run={RUN}&epoch=40&settled=100&keep=all")
    header, _ = decode(of_run(RUN, settled=100))
    found, at = test_of(stage), header["epochs"].index(40)
    assert found["epoch"] == 40
    assert page.locator(".epoch").inner_text() == "epoch 40, settled for 100 steps"
    strip = page.locator("dl.strip").inner_text()
    assert f"{found['counts'][1]:,} zero + {found['counts'][2]:,} identity" in strip
    assert f"{header['before'][at]:.1%}".replace("%", "\u00a0%") in strip
    stage.evaluate("(host) => host.querySelector('.network canvas.base').focus()")
    page.keyboard.press("ArrowRight")
    page.locator("dl.strip", has_text="45 of 200").wait_for()
    found = test_of(stage)
    strip = page.locator("dl.strip").inner_text()
    assert found["epoch"] == 45 and f"{found['counts'][1]:,} zero" in strip


def test_sentence_and_labels_are_of_one_snapshot_in_every_frame(browser: Any, lab: str) -> None:
    page, stage = open_stage(browser, f"{lab}/?run={RUN}&epoch=200")
    stage.evaluate(
        """(host) => {
      const { stage } = host, { views } = stage, frame = stage.frame.bind(stage);
      for (const view of views) {
        const draw = view.draw.bind(view);
        view.draw = (scene) => { draw(scene); view.shownOf = scene.clock.snapshot; };
      }
      host.frames = [];
      stage.frame = (now) => {
        frame(now);
        const said = Number(host.querySelector('.finding').textContent.match(/epoch (\\d+)/)[1]);
        const at = views.map((view) => stage.scene.run.epochs[view.shownOf]);
        host.frames.push([said, ...at]);
      };
      stage.redraw();
    }"""
    )
    page.get_by_label("Speed", exact=True).select_option("4")
    page.get_by_role("button", name="Play", exact=True).click()
    wait(page, "(test) => test.playing")
    wait(page, "(test) => !test.playing")
    frames = stage.evaluate("(host) => host.frames")
    assert len(frames) > 20 and len({said for said, *_ in frames}) > 5
    assert all(len(set(frame)) == 1 for frame in frames), frames
