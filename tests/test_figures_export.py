"""Figures as files: PNG through a browser, and the draggable page that works offline."""

import json
import re

import numpy as np
import pytest

from srnn.analysis import connectivity as graphs
from srnn.figures import draggable, export, style
from srnn.metanet import MacroShape
from srnn.particles import initial_weights

SHAPE = MacroShape(16, 4, 3, 4, "each")
WEIGHTS = initial_weights(2, SHAPE.particles, 0)
MIXED = np.random.default_rng(0).integers(0, 5, SHAPE.particles).astype(np.uint8)


@pytest.mark.parametrize("dark", [False, True])
def test_the_draggable_page_needs_nothing_from_outside(dark):
    graph = graphs.macro_graph(WEIGHTS, MIXED, SHAPE)
    page = draggable.draggable_page(graph, dark)
    resources = re.findall(
        r"""<(?:script|link|img|iframe)[^>]*(?:src|href)\s*=\s*["']([^"']+)""", page
    )
    assert not [url for url in resources if not url.startswith("data:")]
    assert "@import" not in page
    assert '"physics": {"enabled": false' in page or '"physics": false' in page
    assert "vis.Network" in page


def test_the_draggable_page_holds_the_graph_with_whole_numbers_and_escaped_labels():
    graph = graphs.macro_graph(WEIGHTS, MIXED, SHAPE)
    graph.nodes[0]["name"] = "<img src=x onerror=alert(1)>"
    page = draggable.draggable_page(graph)
    nodes = json.loads(re.search(r"nodes = new vis\.DataSet\((\[.*?\])\);", page, re.S)[1])
    edges = json.loads(re.search(r"edges = new vis\.DataSet\((\[.*?\])\);", page, re.S)[1])
    assert [node["id"] for node in nodes] == list(range(sum(SHAPE.sizes)))
    assert len(edges) == graph.number_of_edges()
    assert "<img src=x" not in page
    assert not [node for node in nodes if node["physics"]]


def test_without_a_browser_the_export_says_so_at_once(monkeypatch):
    monkeypatch.setenv("BROWSER_PATH", "/nonexistent")
    with pytest.raises(export.ExportError, match="camera in the figure's toolbar"):
        export.to_file(style.message("nothing"))


@pytest.mark.browser
def test_a_figure_becomes_a_png_of_its_size():
    if export.find_browser() is None:
        pytest.skip("no Chrome or Chromium on this machine")
    picture = export.to_file(style.message("nothing").update_layout(width=300, height=200))
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert [int.from_bytes(picture[at : at + 4]) for at in (16, 20)] == [900, 600]
