"""The wheel, installed outside the project's folder, is the whole lab."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path

import pytest
import sessions

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


class Installed:
    """A folder with nothing but the installed wheel; its dependencies are those of the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.site = folder, folder / "site"
        self.elsewhere = folder / "elsewhere"
        self.elsewhere.mkdir()
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        no = ["--no-deps", "--no-index"]
        wheel = [*pip, "wheel", *no, "--no-build-isolation", "-w", str(folder), str(ROOT)]
        subprocess.run(wheel, check=True, cwd=folder)
        (self.wheel,) = folder.glob("*.whl")
        target = ["--target", str(self.site), str(self.wheel)]
        subprocess.run([*pip, "install", *no, *target], check=True, cwd=folder)

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SRNN_")}
        home = {"XDG_CACHE_HOME": str(self.folder / "home"), "OMP_NUM_THREADS": "1"}
        return {**kept, **home, "PYTHONPATH": str(self.site)}

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.elsewhere, env=self.environment(), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def python(self, program: str) -> str:
        return self.run(sys.executable, "-c", program)


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Installed:
    return Installed(tmp_path_factory.mktemp("wheel"))


def test_the_command_trains_and_keeps_runs_in_the_users_cache(installed):
    srnn = str(installed.site / "bin" / "srnn")
    assert installed.run(sys.executable, srnn, "--version").startswith("srnn ")
    train = ("train", "--preset", "quick", "--engine", "manual", "--json")
    run = json.loads(installed.run(sys.executable, srnn, *train).splitlines()[-1])
    assert run["test_accuracy"] > 0.5
    known = json.loads(installed.run(sys.executable, srnn, "runs", "--json"))
    bundled = {one["run_id"]: one["bundled"] for one in known}
    assert bundled.pop(run["run_id"]) is False and list(bundled.values()) == [True]
    assert any((installed.folder / "home" / "srnn").iterdir())
    assert not list(installed.elsewhere.iterdir())
    assert not (installed.site / "cache").exists()


def test_the_lines_of_the_readme_run(installed):
    (lines,) = re.findall(
        r"^## From Python\n\n```python\n(.*?)```",
        (ROOT / "README.md").read_text(encoding="utf-8"),
        flags=re.DOTALL | re.MULTILINE,
    )
    # the wheel has its kernels, but compiling them once more would take half a minute
    manual = "from srnn import engines\nfrom srnn.engines import fused\n"
    manual += "engines._fused_works = lambda: False\n"
    assert "identity" in installed.python(manual + lines)


def test_the_lab_opens_from_anywhere(installed):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "srnn", "app", "--no-browser", "--port", str(port)]
    environment = installed.environment() | {"SRNN_TOKEN": sessions.TOKEN}
    server = subprocess.Popen(
        command, cwd=installed.elsewhere, env=environment, start_new_session=True
    )
    try:
        sessions.wait(port)
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60)
        assert page.headers["x-frame-options"] == "DENY", "not with the rules of ui/server.py"
        for name in ("", "connectivity"):
            shown = sessions.texts(port, name)
            assert "particle" in shown and "exception {" not in shown, (name, shown[:2000])
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def test_requirements_are_those_of_the_package():
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *extras["app"], *extras["export"]]
    for file, names in (("requirements.txt", wanted), ("requirements-test.txt", extras["test"])):
        assert sorted((ROOT / file).read_text().split()) == sorted(names), file


def test_the_changelog_begins_with_this_version():
    import srnn

    (newest, *_) = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest == srnn.__version__
