"""The house: imports go downward only, and what must not be known is not known."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS = [
    ("lineage", "compiling"),
    ("config", "paths", "idx", "statistics", "vocabulary"),
    ("files", "tasks", "presets", "history"),
    ("particles", "upload"),
    ("fixpoints", "metanet"),
    ("engines", "nn"),
    ("estimator",),
    ("divergence", "interactions"),
    ("training", "verify", "analysis"),
    ("acts",),
    ("estimate",),
    ("runs",),
    ("pruning", "life"),
    ("export", "experiments", "sweeps"),
    ("cli",),
]
"""The floors of the package, from the ground up; modules of one floor do not know each other."""

SOURCES = sorted((ROOT / "srnn").rglob("*.py"))
APP = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "ui").glob("*.py"))]


def imports(file: Path) -> set[str]:
    """The full names of all modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(file: Path) -> str:
    """The first-level module or package of ``srnn`` that a file is in."""
    return file.relative_to(ROOT / "srnn").parts[0].removesuffix(".py")


def known(file: Path) -> set[str]:
    """The rooms of ``srnn`` that a file imports from."""
    parts = (name.split(".") for name in imports(file))
    return {name[1] for name in parts if name[0] == "srnn" and len(name) > 1}


INSIDE = [file for file in SOURCES if room(file) not in ("__init__", "__main__", "figures")]
"""All but the doors of the package, and the figures, which have a test of their own."""


@pytest.mark.parametrize("file", INSIDE, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_go_downward_only(file):
    here = room(file)
    floor = {name: level for level, names in enumerate(FLOORS) for name in names}
    assert here in floor, f"{here} has no floor in the house"
    above = {name for name in known(file) - {here} if name in floor and floor[name] >= floor[here]}
    assert not above, f"{file.name} knows what is above or beside it: {sorted(above)}"


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_package_does_not_know_the_app(file):
    outside = {name.split(".")[0] for name in imports(file)}
    assert not outside & {"streamlit", "ui", "pages", "app"}


def test_figures_know_neither_torch_nor_training():
    for file in (ROOT / "srnn" / "figures").glob("*.py"):
        names = imports(file)
        assert not {name for name in names if name.split(".")[0] in ("torch", "streamlit")}, file
        allowed = {"figures", "fixpoints", "analysis", "config", "statistics", "vocabulary"}
        assert known(file) <= allowed, file


def test_pages_do_not_know_each_other_nor_the_cache():
    for file in APP:
        names = imports(file)
        assert not {name for name in names if name.split(".")[0] in ("pages", "app")}, file
        assert "paths" not in known(file), file


def test_only_the_runs_name_the_cache():
    allowed = {"paths", "files", "tasks", "upload", "estimate", "runs", "sweeps"}
    for file in SOURCES:
        if "paths" in known(file):
            assert room(file) in allowed, file


def test_nothing_from_outside_is_executed():
    forbidden = re.compile(
        r"import pickle|pickle\.load|joblib\.load\(|weights_only=False|allow_pickle=True"
        r"|unsafe_allow_html=True|(?<!\.)\beval\(|(?<!\.)\bexec\("
    )
    for file in [*SOURCES, *APP]:
        found = forbidden.search(file.read_text(encoding="utf-8"))
        assert found is None, f"{file}: {found}"


def test_one_word_for_a_fixpoint():
    texts = [*SOURCES, *APP, ROOT / "README.md"]
    for file in texts:
        assert "fixed point" not in file.read_text(encoding="utf-8").lower(), file


def test_no_path_of_a_machine():
    pattern = re.compile(r"(^|[^A-Za-z0-9_.])/(work|tmp|root|home)/")
    for file in [*SOURCES, *APP, *(ROOT / "scripts").iterdir(), ROOT / "README.md"]:
        if file.is_file():
            assert not pattern.search(file.read_text(encoding="utf-8")), file
