"""Attacks, for ``scripts/fault_report.py``: each is a test, run here and counted; and many runs."""

import json
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import faults
from streamlit.testing.v1 import AppTest

from srnn.paths import run_folder
from srnn.runs import obtain
from srnn.runs.record import seal

ROOT = Path(__file__).resolve().parent.parent

ATTACKS = {
    "Asked to train on from an imported run, another engine's, other versions', another "
    "processor's": ("test_runs.py test_sharing.py test_jobs.py", "never_goes_on or another_engine"),
    "Bytes flipped, cut or added beneath a training; its lock, folder or whole cache removed": (
        "test_jobs.py test_population.py",
        "beneath or in_the_middle_makes or in_the_middle_is or folder_is_removed",
    ),
    "Size limit with everything just listed and read, and time stamps in the future": (
        "test_runs.py",
        "clean_up or limit_holds",
    ),
    "Numbers and texts out of range (1e20, 10^400, negative, half characters), old formats, names "
    "that are no UTF-8": (
        "test_runs.py test_jobs.py",
        "out_of_range or nothing_can_hold or half_a_character or no_run_among or older_format or "
        "damaged",
    ),
    "Archives that unpack to a thousand times their size, or that memory cannot hold; /dev/zero, "
    "pipes, folders": (
        "test_sharing.py test_idx.py",
        "thousand_times or memory or only_regular or lies_about",
    ),
    "Export over files, links, pipes, devices, folders, with and without --force": (
        "test_sharing.py test_export.py",
        "written_over or appears_while or command_line",
    ),
    "Links and pipes in the place of a run's or a job's files, and of the settings": (
        "test_runs.py test_jobs.py",
        "link or pipe",
    ),
    "Locks held for good, dates in the future, parents and workers killed": (
        "test_jobs.py",
        "freezes_nobody or dates_in or killed",
    ),
    "Other hosts and origins, wrong and missing tokens, frames, floods, pages started alone": (
        "test_server.py",
        "",
    ),
    "Sweep files with absurd grids, nesting, numbers and measures; uploads that are none": (
        "test_sweeps.py test_upload.py",
        "refused or plain_file or million or claims or half_written",
    ),
    "Machine code planted where numba might read it": ("test_compiling.py", ""),
}
"""What is attacked, and the tests that do it."""

Row = tuple[str, int, str, bool]


def attacks(room: Path) -> list[Row]:
    """Run the tests of every kind of attack."""
    rows = []
    for title, (files, words) in ATTACKS.items():
        command = [sys.executable, "-m", "pytest", "-q", "-k", words, *files.split()]
        done = subprocess.run(
            command, cwd=ROOT / "tests", capture_output=True, text=True, check=False
        )
        passed, failed = (
            int((re.findall(rf"(\d+) {word}", done.stdout) or ["0"])[-1])
            for word in ("passed", "failed")
        )
        fine = done.returncode == 0 and passed > 0
        said = f"{passed} as they should be, {failed} not"
        rows.append((title, passed + failed, said, fine))
    return rows


def many(room: Path, count: int) -> list[Row]:
    """A cache of many runs: how long a listing takes."""
    with faults.using(room / "cache"):
        run, _ = obtain(faults.victim(epochs=20))
        info = json.loads((run.path / "run.json").read_text())
        for seed in range(1, count):
            config = faults.victim(seed, epochs=20)
            folder = run_folder(config.run_id)
            folder.mkdir()
            for name in info["files"]:
                (folder / name).hardlink_to(run.path / name)
            values = info | {"run_id": config.run_id, "config": config.to_dict()}
            values["seal"] = seal(values)
            (folder / "run.json").write_text(json.dumps(values))
        shell, shell_busy = min(_listing() for _ in range(3))
        test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        test.switch_page("pages/runs.py").run()
        started, busy = time.perf_counter(), time.process_time()
        test.run()
        page, page_busy = time.perf_counter() - started, time.process_time() - busy
    said = (
        f"`srnn runs` {shell:.2f} s ({shell_busy:.2f} s of processor time), a rerun of the page "
        f"Runs {page:.2f} s ({page_busy:.2f} s)"
    )
    fine = shell < 1 and page < 1 and not test.exception
    return [(f"{count:,} runs in the cache", count, said, fine)]


def _listing() -> tuple[float, float]:
    """Seconds that ``srnn runs`` takes, by the clock and of the processor."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "srnn", "runs"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
        env=dict(os.environ),
    )
    length, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return length, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
