"""Fault injection, shared by the tests (few, seeded) and by ``scripts/fault_report.py`` (many).

Processes are killed with SIGKILL at a random moment, or just before one chosen file operation; runs
and archives are damaged in every way we could think of; disks are small or read-only.
"""

import contextlib
import ctypes
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from srnn.config import RunConfig, make_config
from srnn.runs import Run, draft

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["srnn.runs.share", "srnn.training", "srnn.estimate", "sklearn.datasets"]
)


def victim(seed: int = 0, epochs: int = 12) -> RunConfig:
    """The training that is killed: the digits, well under a second."""
    return make_config(
        dataset="digits", neurons=3, depth=3, width=4, batch_size=100, epochs=epochs, seed=seed
    )


# --- processes that are killed -------------------------------------------------------------


def start(function: Callable, *arguments: Any) -> Any:
    """Run an importable function in a fresh process that has imported, but not used, torch."""
    process = _context.Process(target=_guarded, args=(function, arguments), daemon=True)
    main = sys.modules["__main__"]  # it would be imported there; after an AppTest it is a page
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        process.start()
    finally:
        sys.modules["__main__"] = main
    return process


def _guarded(function: Callable, arguments: tuple) -> None:
    try:
        function(*arguments)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    sys.stderr.flush()
    os._exit(0)


def train_in_child(cache: str, config: dict, die_at: int | None = None) -> None:
    """Obtain a run, with a checkpoint at every epoch; die just before file operation ``die_at``.
    With ``die_at`` -1 the operations are counted, into ``operations.txt``."""
    import torch

    from srnn.runs import obtain

    torch.set_num_threads(1)
    os.environ |= {"SRNN_CACHE": cache, "SRNN_CHECKPOINT_SECONDS": "0"}
    draft.SHARE = 1e9
    counted = [0]
    if die_at is not None:
        sys.addaudithook(lambda event, given: _count(event, given, cache, counted, die_at))
    obtain(RunConfig.from_dict(config))
    if die_at == -1:
        Path(cache, "operations.txt").write_text(str(counted[0]))


def _count(event: str, given: tuple, cache: str, counted: list[int], die_at: int) -> None:
    """An audit hook: counts what changes the cache, and dies before operation ``die_at``."""
    if event == "open":
        changes = isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    else:
        changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
    if not changes or not str(given[0]).startswith(cache):
        return
    if threading.current_thread() is not threading.main_thread():
        return
    if counted[0] == die_at:
        os.kill(os.getpid(), signal.SIGKILL)
    counted[0] += 1


def count_operations(cache: Path, config: RunConfig) -> int:
    """Train a run whole; returns the number of file operations that took."""
    process = start(train_in_child, str(cache), config.to_dict(), -1)
    process.join(600)
    assert process.exitcode == 0
    return int((cache / "operations.txt").read_text())


def killed_after(cache: Path, config: RunConfig, seconds: float) -> bool:
    """Start a training and kill it so many seconds after it began; whether it was still at it."""
    before = _begun(cache)
    process = start(train_in_child, str(cache), config.to_dict())
    while _begun(cache) == before and process.is_alive():
        time.sleep(0.002)
    process.join(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    return process.exitcode == -signal.SIGKILL


def _begun(cache: Path) -> int:
    """Trainings that the cache's journal says were begun."""
    try:
        return (cache / "journal.txt").read_text().count(" begins ")
    except OSError:
        return 0


def duration(cache: Path, config: RunConfig) -> float:
    """Train a run whole; returns the seconds from its beginning to the end of its process."""
    process = start(train_in_child, str(cache), config.to_dict())
    while not _begun(cache) and process.is_alive():
        time.sleep(0.002)
    started = time.monotonic()
    process.join(600)
    return time.monotonic() - started


def killed_at(cache: Path, config: RunConfig, operation: int) -> bool:
    """Start a training and kill it before one file operation; whether it came that far."""
    process = start(train_in_child, str(cache), config.to_dict(), operation)
    process.join(600)
    return process.exitcode == -signal.SIGKILL


@contextlib.contextmanager
def using(cache: Path) -> Iterator[None]:
    """Use another cache folder for a while."""
    before = os.environ.get("SRNN_CACHE")
    os.environ["SRNN_CACHE"] = str(cache)
    try:
        yield
    finally:
        os.environ.pop("SRNN_CACHE")
        if before is not None:
            os.environ["SRNN_CACHE"] = before


# --- damage --------------------------------------------------------------------------------


def same_run(one: Run, other: Run) -> bool:
    """Whether two runs hold the same numbers, bit for bit."""
    keys = ("files", "results", "config", "stopped", "divergences")
    return all(getattr(one.record, key) == getattr(other.record, key) for key in keys) and all(
        np.array_equal(left, right, equal_nan=True)
        for left, right in (
            (one.snapshots, other.snapshots),
            (one.state.momentum, other.state.momentum),
            (one.records.to_numpy(), other.records.to_numpy()),
        )
    )


def _flip(data: bytes, rng: np.random.Generator) -> bytes:
    place, bit = int(rng.integers(len(data))), 1 << int(rng.integers(8))
    return data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]


def _blank(data: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(data)))
    length = min(int(rng.integers(1, 4096)), len(data) - place)
    return data[:place] + bytes(length) + data[place + length :]


BYTE_DAMAGE: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "a bit flipped": _flip,
    "cut short": lambda data, rng: data[: int(rng.integers(len(data)))],
    "bytes appended": lambda data, rng: data + rng.bytes(int(rng.integers(1, 100))),
    "a block of zeros": _blank,
    "emptied": lambda data, rng: b"",
}


def _edit_number(text: str, rng: np.random.Generator) -> str:
    """Change one digit of a JSON text by hand."""
    places = [place for place, letter in enumerate(text) if letter.isdigit()]
    place = places[int(rng.integers(len(places)))]
    return text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :]


def damage_folder(folder: Path, donor: Path, rng: np.random.Generator) -> str:
    """Damage a run's folder in one way; ``donor`` is another run. Returns what was done."""
    names = sorted(path.name for path in donor.iterdir())  # run.json, a table, two arrays
    name = names[int(rng.integers(4))]
    path = folder / name
    kind = ["bytes", "bytes", "bytes", "swapped", "edited", "gone"][int(rng.integers(6))]
    if kind == "bytes":
        what = list(BYTE_DAMAGE)[int(rng.integers(len(BYTE_DAMAGE)))]
        path.write_bytes(BYTE_DAMAGE[what](path.read_bytes(), rng))
        return f"{name}: {what}"
    if kind == "swapped":
        path.write_bytes((donor / name).read_bytes())
        return f"{name}: another run's"
    if kind == "edited":
        name = ["run.json", "records.csv"][int(rng.integers(2))]
        text = (folder / name).read_text()
        (folder / name).write_text(_edit_number(text, rng))
        return f"{name}: a digit edited by hand"
    path.unlink()
    if rng.integers(2):
        path.mkdir()
        return f"{name}: a folder in its place"
    return f"{name}: missing"


# --- a small disk, a read-only disk --------------------------------------------------------


def private_mounts() -> bool:
    """Give this process mounts of its own, that end with it; whether the system allows it."""
    library = ctypes.CDLL(None, use_errno=True)
    new_mounts, new_user = 0x00020000, 0x10000000
    flags = new_mounts if os.geteuid() == 0 else new_mounts | new_user
    if library.unshare(flags) != 0:
        return False
    done = subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, check=False)
    return done.returncode == 0


def small_disk(folder: Path, size: int) -> str:
    """Put a disk of ``size`` bytes under a folder of this process, or limit its files' size."""
    options = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if (
        private_mounts()
        and not subprocess.run(options, capture_output=True, check=False).returncode
    ):
        return "tmpfs"
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return "file size limit"


def read_only_disk(folder: Path) -> str:
    """Make a folder read-only for this process: by a mount, or by permissions (not as root)."""
    bind = ["mount", "--bind", str(folder), str(folder)]
    remount = ["mount", "-o", "remount,ro,bind", str(folder)]
    if private_mounts() and not any(
        subprocess.run(command, capture_output=True, check=False).returncode
        for command in (bind, remount)
    ):
        return "read-only mount"
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    return "permissions"


@contextlib.contextmanager
def anything() -> Iterator[None]:
    """Where it matters only what is left behind: whatever error comes, or none."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        yield
