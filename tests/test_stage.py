"""The stage: what the browser gets is what the package knows, and what it tells is understood."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from srnn.fixpoints import classify_measures
from ui.stage.blob import encode, look, rungs
from ui.stage.bundle import FOLDER, MODULES, bundle
from ui.state import EPSILONS as LADDER


def decode(block: bytes) -> tuple[dict, dict[str, np.ndarray]]:
    """The block as ``data.js`` reads it."""
    length = int.from_bytes(block[:4], "little")
    header = json.loads(block[4 : 4 + length])
    arrays = {
        one["name"]: np.frombuffer(block, one["kind"], one["count"], 4 + length + one["at"])
        for one in header["arrays"]
    }
    return header, arrays


def test_a_block_holds_its_header_and_arrays_each_at_a_multiple_of_four_bytes() -> None:
    arrays = {
        "a": np.array([1, 2, 255], dtype=np.uint8),
        "b": np.array([[0.5, np.nan]], dtype=np.float32),
        "c": np.array([1.5], dtype=np.float16),
        "d": np.array([-2.0], dtype=np.float32),
    }
    header, found = decode(encode({"id": "ü"}, arrays))
    assert header["id"] == "ü"
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array.ravel())
    assert [one["at"] % 4 for one in header["arrays"]] == [0, 0, 0, 0]


@pytest.mark.parametrize("rung", range(len(LADDER)))
def test_types_from_rungs_are_the_types_at_every_epsilon_of_the_ladder(rung: int) -> None:
    edges = np.array([0, *LADDER, 7.0, np.nan], dtype=np.float32)
    edges = np.unique(np.concatenate([edges, np.nextafter(edges, np.float32(9))]))
    size, error, second = (part.ravel() for part in np.meshgrid(edges, edges, edges))
    at = [rungs(part, LADDER).astype(int) for part in (size, error, second)]
    by_rung = np.select(
        [at[0] == 255, at[0] <= rung, at[1] <= rung, at[2] <= rung], [0, 1, 2, 3], 4
    )
    np.testing.assert_array_equal(by_rung, classify_measures(size, error, second, LADDER[rung]))


def test_the_modules_become_one_without_imports_and_with_one_way_in() -> None:
    text = bundle()
    assert not re.search(r"^\s*import ", text, re.MULTILINE)
    assert re.findall(r"^export .*$", text, re.MULTILINE) == ["export default main.mount;"]
    assert {file.stem for file in FOLDER.glob("*.js")} == set(MODULES)
    for name in MODULES:  # what a module takes is made by an earlier one
        body = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
        for names, source in re.findall(r"^import \{([^}]*)\} from \"\./(\w+)\.js\";", body, re.M):
            assert MODULES.index(source) < MODULES.index(name)
            made = (FOLDER / f"{source}.js").read_text(encoding="utf-8")
            for one in filter(None, map(str.strip, names.split(","))):
                assert re.search(rf"^export (const|function|class) {one}\b", made, re.M), one


def test_nothing_is_asked_of_any_host_and_no_text_becomes_html() -> None:
    for file in FOLDER.iterdir():
        if file.suffix in (".js", ".css", ".html"):
            text = file.read_text(encoding="utf-8")
            assert not re.search(
                r"https?:|//cdn|fetch\(|XMLHttp|WebSocket|innerHTML|eval\(|@import|url\(", text
            ), file


def test_the_look_has_a_colour_for_every_type_on_both_grounds() -> None:
    for colors in look().values():
        assert len(set(colors["types"].values())) == 5
        assert all(re.fullmatch("#[0-9A-F]{6}", color) for color in colors["types"].values())
