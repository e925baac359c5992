"""Fault injection and load, in full: kills, damage, forged archives, full and read-only disks, many
jobs, many visitors. Writes docs/fault-report.md; ends with status 1 if anything was lost or false.

    python scripts/fault_report.py [--kills 50] [--damage 100] [--jobs 200] [--visitors 20]

Takes about ten minutes on two cores. Needs what the tests need (requirements-test.txt). Everything
happens in temporary folders; the cache of the project is not touched.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
)
os.environ["OMP_NUM_THREADS"] = "1"

import faults  # noqa: E402
import forgery  # noqa: E402
import numpy as np  # noqa: E402
import sessions  # noqa: E402
import test_faults  # noqa: E402
import test_jobs  # noqa: E402
import torch  # noqa: E402
from streamlit.testing.v1 import AppTest  # noqa: E402

from srnn import jobs  # noqa: E402
from srnn.checkpoint import FILE  # noqa: E402
from srnn.config import preset  # noqa: E402
from srnn.jobs import slots  # noqa: E402
from srnn.paths import slot_file, work_folder  # noqa: E402
from srnn.runformat import FormatError  # noqa: E402
from srnn.sharing import export_bytes, import_run  # noqa: E402
from srnn.store import Run, find_run, list_runs, why_aside  # noqa: E402

PAGES = [
    "pages/runs.py",
    "pages/particle_types.py",
    "pages/trajectories.py",
    "pages/connectivity.py",
]
Row = tuple[str, int, str, bool]
"""What was done, how often, what came of it, and whether that is as it should be."""


def main() -> None:
    options = _options()
    torch.set_num_threads(1)
    logging.disable()
    parts: dict[str, Callable[[Path], list[Row]]] = {
        "kills": lambda room: kills(room, options.kills),
        "damage": lambda room: damage(room, options.damage),
        "archives": lambda room: archives(room, options.damage),
        "disks": disks,
        "queue": lambda room: queue(room, options.jobs),
        "visitors": lambda room: visitors(room, options.visitors, options.seconds),
    }
    rows: list[Row] = []
    for name, part in parts.items():
        if options.only and name not in options.only:
            continue
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="srnn-") as room:
            Path(room).chmod(0o755)
            done = part(Path(room))
        rows += done
        for row in done:
            print(f"{'ok ' if row[3] else 'BAD'} {row[0]}: {row[1]}; {row[2]}", flush=True)
        print(f"    {name}: {time.monotonic() - started:.0f} s", flush=True)
    if not options.only:
        write_report(rows)
    sys.exit(0 if all(row[3] for row in rows) else 1)


def kills(room: Path, count: int) -> list[Row]:
    """Kill a training at random moments, and before random file operations; then go on."""
    config = faults.victim(epochs=40)
    operations = faults.count_operations(room / "whole", config)
    length = faults.duration(room / "again", config)
    with faults.using(room / "whole"):
        whole = _read(find_run(config.run_id))
    rng = np.random.default_rng(1)
    moments = [("a random moment", float(value)) for value in rng.uniform(0, length, count)]
    steps = rng.choice(operations, min(count, operations), replace=False)
    writes = [("a random file operation", int(value)) for value in steps]
    rows = []
    for what, plan in (("a random moment", moments), ("a random file operation", writes)):
        seen: Counter[str] = Counter()
        for turn, (_, when) in enumerate(plan):
            cache = room / f"{what[9:]}{turn}"
            with faults.using(cache):
                kill = faults.killed_after if isinstance(when, float) else faults.killed_at
                seen["killed"] += kill(cache, config, when)
                found = find_run(config.run_id)
                seen["false"] += found is not None and not faults.same_run(found, whole)
                seen["resumed"] += found is None and (work_folder(config.run_id) / FILE).exists()
                end = jobs.obtain(config)[0]
                seen["equal"] += faults.same_run(end, whole)
                seen["left"] += bool(jobs.list_jobs())
            shutil.rmtree(cache)
        fine = seen["equal"] == len(plan) and not seen["false"] and not seen["left"]
        rows.append(
            (
                f"Training killed (SIGKILL) at {what}"
                + (f" (of {operations})" if what.endswith("operation") else ""),
                len(plan),
                f"{seen['killed']} died at it, {seen['resumed']} went on from a checkpoint, "
                f"{seen['false']} false runs, {seen['equal']} equal to the uninterrupted run bit "
                "for bit",
                fine,
            )
        )
    return rows


def damage(room: Path, count: int) -> list[Row]:
    """Damage cached runs; open pages on them; load them."""
    with faults.using(room / "cache"):
        run = _read(jobs.obtain(faults.victim())[0])
        other = jobs.obtain(faults.victim(1))[0]
        good, rng = room / "good", np.random.default_rng(2)
        shutil.copytree(run.path, good)
        seen: Counter[str] = Counter()
        for turn in range(count):
            what = faults.damage_folder(run.path, other.path, rng)
            crash = page_crashes(PAGES[turn % len(PAGES)], run.run_id)
            if crash:
                print(f"    {what}: {crash}")
            seen["crashes"] += bool(crash)
            found = find_run(run.run_id)
            if found is None:
                seen["clear"] += "damaged: " in (why_aside(run.run_id) or "")
            else:
                seen["right"] += faults.same_run(found, run)
            shutil.rmtree(run.path, ignore_errors=True)
            shutil.rmtree(room / "cache" / "damaged", ignore_errors=True)
            shutil.copytree(good, run.path)
    fine = seen["clear"] + seen["right"] == count and not seen["crashes"]
    said = (
        f"{seen['clear']} set aside with a reason, {seen['right']} read right, "
        f"{count - seen['clear'] - seen['right']} wrong results, {seen['crashes']} pages crashed"
    )
    return [
        ("Cached run damaged (bits, cuts, swaps, edits, gaps), a page opened", count, said, fine)
    ]


def page_crashes(page: str, run_id: str) -> str:
    """What a page raises when it is opened on a run; empty if it shows or says something."""
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    test.query_params["run"] = run_id
    test.switch_page(page).run()
    return "; ".join(error.message for error in test.exception)


def archives(room: Path, count: int) -> list[Row]:
    """Import forged archives, and randomly damaged ones."""
    with faults.using(room / "theirs"):
        run = _read(jobs.obtain(faults.victim())[0])
        data = export_bytes(run)
    parts, rng, kinds = forgery.unpack(data), np.random.default_rng(3), faults.BYTE_DAMAGE
    forged = [(name, forgery.pack(forge(parts))) for name, forge in forgery.FORGERIES.items()]
    random = [
        (what, kinds[what](data, rng))
        for what in (list(kinds)[turn % len(kinds)] for turn in range(max(0, count - len(forged))))
    ]
    rows = []
    for title, cases in (("Forged archive imported", forged), ("Damaged archive imported", random)):
        seen: Counter[str] = Counter()
        for turn, (what, content) in enumerate(cases):
            cache = room / f"{title[0]}{turn}"
            with faults.using(cache):
                try:
                    found = import_run(io.BytesIO(content)).run
                    seen["right"] += faults.same_run(found, run) and title.startswith("Damaged")
                except FormatError as error:
                    left = [path for path in cache.rglob("*") if path.is_file()]
                    seen["clear"] += bool(str(error)) and not left
                except Exception as error:  # any other kind is a crash, and counted as one
                    print(f"    {what}: {error!r}")
                    seen["crashes"] += 1
        total = len(cases)
        said = (
            f"{seen['clear']} refused with a reason and nothing written, {seen['right']} read right"
        )
        said += f", {total - seen['clear'] - seen['right']} wrong results or crashes"
        rows.append((title, total, said, seen["clear"] + seen["right"] == total))
    return rows


def disks(room: Path) -> list[Row]:
    """A full disk, and a read-only one."""
    small = faults.victim(epochs=3).to_dict()
    rows: list[Row] = []
    for size in (1_200_000, 1_500_000, 1_800_000, 2_500_000):
        folder, out = room / f"disk{size}", room / f"full{size}.json"
        folder.mkdir()
        child = faults.start(test_faults._on_a_small_disk, str(folder), small, size, str(out))
        child.join(120)
        kind, said, fine = json.loads(out.read_text())
        fine = fine and "cannot write to the cache" in said
        text = "clear error, the earlier run still whole" if fine else f"wrong: {said}"
        rows.append((f"Disk of {size / 1e6:.1f} MB full while training ({kind})", 1, text, fine))
    with faults.using(room / "cache"):
        jobs.obtain(faults.victim(epochs=3))
    out = room / "read-only.json"
    out.touch()
    out.chmod(0o666)
    child = faults.start(test_faults._on_a_read_only_disk, str(room / "cache"), small, str(out))
    child.join(120)
    kind, said, fine = json.loads(out.read_text())
    fine = fine and all("runs can be looked at, not trained" in text for text in said)
    text = f"runs can be browsed; {len(said)} kinds of writing refused in words"
    return [*rows, (f"Read-only cache ({kind})", 1, text if fine else f"wrong: {said}", fine)]


def queue(room: Path, count: int) -> list[Row]:
    """Queue the same jobs from four processes at once, in different orders."""
    configs = [faults.victim(seed, epochs=1).to_dict() for seed in range(count)]
    with faults.using(room / "cache"):
        started = time.monotonic()
        children = [
            faults.start(
                test_jobs.submit_many,
                str(room / "cache"),
                [configs[place] for place in np.random.default_rng(turn).permutation(count)],
            )
            for turn in range(4)
        ]
        for child in children:
            child.join(300)
        test_jobs.until(lambda: not jobs.list_jobs(), 300)
        test_jobs.until(lambda: not list(slot_file("x").parent.glob("*.json")))
        length = time.monotonic() - started
        begun = Counter(test_jobs.begun())
        runs = sum(not run.bundled for run in list_runs())
    once = sum(times == 1 for times in begun.values())
    said = f"{once} trained exactly once, {runs} runs, {length:.0f} s"
    fine = once == runs == count == len(begun)
    return [(f"{count} jobs queued by 4 processes at once, 2 workers", count, said, fine)]


def visitors(room: Path, count: int, seconds: float) -> list[Row]:
    """Visitors who browse cached runs while a job trains on MNIST."""
    pause = 8.0
    with faults.using(room / "cache"):
        ids = [jobs.obtain(faults.victim(seed, epochs=20))[0].run_id for seed in range(4)]
        ids += [run.run_id for run in list_runs() if run.bundled]
        config = preset("log-h8-residual", epochs=20_000, snapshot_every=1000)
        os.environ["SRNN_JOBS"] = "1"
        job = jobs.submit(config)
        test_jobs.until(lambda: (one := jobs.read_job(job)) and one.progress, 120)
        pages = ["", *(Path(page).stem for page in PAGES), "train"]
        try:
            with sessions.server(room / "cache") as port:
                first = sessions.visit_all(port, pages, ids)
                visits = sessions.browse(port, pages, ids, count, seconds, pause)
            running = jobs.read_job(job)
            trained = running is not None and running.state == "running"
        finally:
            jobs.cancel(job)
            test_jobs.until(lambda: jobs.read_job(job).state != "running", 120)
            test_jobs.until(lambda: all(child.poll() is not None for child in slots._children))
    visits.errors += first.errors
    median, alone = statistics.median(visits.all), statistics.median(first.all)
    slow = sorted(visits.all)[int(0.95 * len(visits.all))]
    for error in visits.errors[:10]:
        print(f"    {error}")
    pages_said = ", ".join(
        f"{page} {statistics.median(values):.2f}" for page, values in sorted(visits.seconds.items())
    )
    said = (
        f"median {median:.2f} s, 95 % under {slow:.2f} s, {len(visits.errors)} errors; job went "
        f"on: {'yes' if trained else 'no'}; one visitor alone {alone:.2f} s. Medians by page: "
        f"{pages_said}"
    )
    title = f"Page reruns by {count} visitors in {seconds:.0f} s (pauses of about {pause:.0f} s)"
    return [(title, len(visits.all), said, median < 1.5 and not visits.errors and trained)]


def _read(run: Run | None) -> Run:
    """A run with everything read, so that it can be compared when its cache is gone."""
    assert run is not None
    assert run.snapshots.size and len(run.records) and run.state.momentum.size
    return run


def write_report(rows: list[Row]) -> None:
    """Write docs/fault-report.md."""
    lines = [
        "# Fault report",
        "",
        f"Made by `python scripts/fault_report.py` on {time.strftime('%Y-%m-%d')}: "
        f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch "
        f"{torch.__version__}. Random choices are seeded.",
        "",
        "| What was done | How often | What came of it | As it should be |",
        "|---|---|---|---|",
        *(
            f"| {what} | {count:,} | {said} | {'yes' if fine else '**no**'} |"
            for what, count, said, fine in rows
        ),
        "",
        "The cost of checkpoints is limited by construction: after one that took t seconds the",
        "next is written no sooner than 100 t later (`srnn/checkpoint.py`).",
        "",
    ]
    path = ROOT / "docs" / "fault-report.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")
    print(path)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="of each of two kinds")
    parser.add_argument("--damage", type=int, default=100, help="cached runs, and as many archives")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=90.0, help="how long they stay")
    parser.add_argument("--only", nargs="*", help="some parts only; then no report is written")
    return parser.parse_args()


if __name__ == "__main__":
    main()
