"""The documentation is made offline, and what it shows runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "guide"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, str(ROOT / "scripts" / "make_docs.py"), str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return folder


def test_every_page_is_there_and_every_link_of_the_guides_leads_somewhere(site):
    pages = sorted(site.glob("*.html"))
    assert len(pages) == len(list(GUIDE.glob("*.md")))
    for page in pages:
        for link in re.findall(r'href="([^"#]+)', page.read_text("utf-8")):
            assert (site / link).exists(), f"{page.name}: {link}"
    layer = (site / "api" / "srnn" / "nn.html").read_text("utf-8")
    assert "Every connection of a" in layer and "replication_loss" in layer


def test_nothing_is_fetched_when_a_page_is_opened(site):
    loads = re.compile(
        r"""<(?:script|img|link)[^>]+(?:src|href)=["']https?:|@import|url\(["']?http"""
    )
    for page in site.rglob("*.html"):
        assert not loads.search(page.read_text("utf-8")), page


def test_the_python_of_the_tour_runs():
    blocks = re.findall(r"```python\n(.*?)```", (GUIDE / "tour.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 2
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0 and "identity" in done.stdout, done.stderr[-2000:]


def test_the_readme_says_of_speed_what_was_measured():
    measured = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")
    for name in ("one module per particle", "autograd", "manual", "fused"):
        steps = re.findall(rf"^\| \d+ \| {name} \| [^|]+ \| ([\d.]+) \|$", measured, re.M)
        (row,) = re.findall(rf"^\| \**{name} [^|]*((?:\| [\d.*]+ )+)\|$", readme, re.M)
        for said, was in zip(re.findall(r"[\d.]+", row), steps, strict=True):
            digits = len(said.partition(".")[2])
            assert float(said) == pytest.approx(float(was), abs=0.5001 * 10**-digits), name


def test_the_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    notebook = nbformat.read(ROOT / "docs" / "tour.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    accuracy = float(outputs[2][-1]["data"]["text/plain"])
    assert accuracy > 0.8
