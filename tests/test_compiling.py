"""Machine code is kept where only its user can have put it: numba reads it by pickle."""

import errno
import importlib
import os
import pickle
import sys
import tempfile
from pathlib import Path

import pytest
from numba.core.caching import IndexDataCacheFile

from srnn.compiling import compiled, private_folder

NAME = f"srnn-compiled-{os.getuid()}"


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The three places, in the order in which they are asked."""
    found = [tmp_path / name for name in ("named", "home/.cache", "temporary")]
    for place in found:
        place.mkdir(parents=True)
        place.chmod(0o755)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(found[0]))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(found[2]))
    return found


def test_the_folder_is_the_users_alone_and_the_same_for_all_processes(places):
    folder = private_folder()
    assert folder == places[0] / NAME == private_folder()
    assert folder.stat().st_mode & 0o777 == 0o700


def _others_may_write(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o770)


def _others_may_read(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)


def _a_link(folder: Path) -> None:
    private = folder.parent / "private"
    private.mkdir(0o700)
    folder.symlink_to(private)


def _a_file(folder: Path) -> None:
    folder.touch(0o700)


def _others_may_rename_it(folder: Path) -> None:
    folder.mkdir(0o700)
    folder.parent.chmod(0o777)


@pytest.mark.parametrize(
    "attack", [_others_may_write, _others_may_read, _a_link, _a_file, _others_may_rename_it]
)
def test_a_folder_that_others_can_reach_is_refused(places, attack):
    attack(places[0] / NAME)
    attack(places[1] / NAME)
    assert private_folder() == places[2] / NAME
    (places[2] / NAME).rmdir()
    attack(places[2] / NAME)
    assert private_folder() is None


def test_another_users_folder_is_refused(places, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    for place in places:
        (place / "srnn-compiled-12345").mkdir(0o700)
    assert private_folder() is None


@pytest.fixture
def sums(tmp_path, monkeypatch):
    """A module with a function to compile."""
    (tmp_path / "sums.py").write_text("def add(a, b):\n    return a + b\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "sums", raising=False)
    return importlib.import_module("sums")


def test_code_that_cannot_be_read_or_kept_only_costs_time(places, sums, monkeypatch, caplog):
    assert compiled(sums.add, ())(1, 2) == 3
    next((places[0] / NAME).rglob("*.nbi")).write_bytes(b"broken")
    assert compiled(sums.add, ())(1, 2) == 3
    assert "cannot be read" in caplog.text

    def full(*_):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(IndexDataCacheFile, "save", full)
    assert compiled(sums.add, ())(0.5, 2) == 2.5
    assert "no space left" in caplog.text


class Planted:
    """What does something when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


@pytest.mark.parametrize(("mode", "runs"), [(0o700, True), (0o777, False)])
def test_planted_machine_code_runs_only_from_a_private_folder(places, tmp_path, sums, mode, runs):
    add = sums.add
    first = compiled(add, ())
    assert first(1, 2) == 3
    again = compiled(add, ())
    assert again(1, 2) == 3
    assert sum(again.stats.cache_hits.values()) == 1  # shared, by processes too
    index = next((places[0] / NAME).rglob("*.nbi"))
    assert index.is_relative_to(again.stats.cache_path)
    assert not list(tmp_path.glob("__pycache__/*.nb?"))  # not beside the code

    index.write_bytes(pickle.dumps(Planted(tmp_path / "trace")))
    (places[0] / NAME).chmod(mode)
    assert compiled(add, ())(1, 2) == 3
    assert (tmp_path / "trace").exists() == runs


def test_the_engines_keep_theirs_there():
    from srnn.engines import fused, fused_wide
    from srnn.life.soup import evolve_kernel

    kernels = [*fused.kernels(), *fused_wide.kernels(), evolve_kernel]
    folders = {str(Path(kernel.stats.cache_path).parent) for kernel in kernels}
    assert folders == {str(private_folder())}
