"""Fault injection and load, in full: kills, damage, forged archives, full and read-only disks, many
jobs, many visitors. Writes docs/fault-report.md; ends with status 1 if anything was lost or false.

    python scripts/fault_report.py [--kills 50] [--damage 100] [--jobs 200] [--visitors 20]

Takes about ten minutes on two cores. Needs what the tests need (requirements-test.txt). Everything
happens in temporary folders; the cache of the project is not touched.
"""

import argparse
import io
import json
import logging
import os
import platform
import shutil
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

import attacks  # noqa: E402
import faults  # noqa: E402
import forgery  # noqa: E402
import load  # noqa: E402
import numpy as np  # noqa: E402
import test_faults  # noqa: E402
import torch  # noqa: E402
from load import Row  # noqa: E402
from streamlit.testing.v1 import AppTest  # noqa: E402

from srnn.paths import run_folder  # noqa: E402
from srnn.runs import Run, find_run, list_jobs, obtain  # noqa: E402
from srnn.runs.library import why_aside  # noqa: E402
from srnn.runs.record import FormatError  # noqa: E402
from srnn.runs.share import export_bytes, import_run  # noqa: E402

ROWS = ROOT / "docs" / "fault-report.json"
PAGES = [
    "pages/runs.py",
    "pages/particle_types.py",
    "pages/trajectories.py",
    "pages/connectivity.py",
]


def main() -> None:
    options = _options()
    torch.set_num_threads(1)
    logging.disable()
    parts: dict[str, Callable[[Path], list[Row]]] = {
        "kills": lambda room: kills(room, options.kills),
        "damage": lambda room: damage(room, options.damage),
        "archives": lambda room: archives(room, options.damage),
        "disks": disks,
        "attacks": attacks.attacks,
        "many": lambda room: attacks.many(room, options.runs),
        "cost": load.checkpoint_cost,
        "queue": lambda room: load.queue(room, options.jobs),
        "visitors": lambda room: load.visitors(room, PAGES, options.visitors, options.seconds),
    }
    rows: dict[str, list] = json.loads(ROWS.read_text("utf-8")) if ROWS.exists() else {}
    for name, part in parts.items():
        if options.only and name not in options.only:
            continue
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="srnn-") as room:
            Path(room).chmod(0o755)
            done = part(Path(room))
        rows[name] = [[*row, time.strftime("%Y-%m-%d")] for row in done]
        for row in done:
            print(f"{'ok ' if row[3] else 'BAD'} {row[0]}: {row[1]}; {row[2]}", flush=True)
        print(f"    {name}: {time.monotonic() - started:.0f} s", flush=True)
    write_report({name: rows[name] for name in parts if name in rows})
    for what, *_ in (row for part in rows.values() for row in part if not row[3]):
        print(f"NOT AS IT SHOULD BE: {what}")
    sys.exit(0 if all(row[3] for part in rows.values() for row in part) else 1)


def kills(room: Path, count: int) -> list[Row]:
    """Kill a training at random moments, and before random file operations; then go on."""
    config = faults.victim(epochs=40)
    operations = faults.count_operations(room / "whole", config)
    length = faults.duration(room / "again", config)
    with faults.using(room / "whole"):
        whole = _read(find_run(config.run_id))
    rng = np.random.default_rng(1)
    plans: dict[str, Callable[[], float | int]] = {
        "a random moment": lambda: float(rng.uniform(0, length)),
        f"a random file operation (of {operations})": lambda: int(rng.integers(operations)),
    }
    rows: list[Row] = []
    for what, draw in plans.items():
        seen: Counter[str] = Counter()
        while seen["killed"] < count and seen["tried"] < 3 * count:
            when, cache = draw(), room / f"kill{len(rows)}-{seen['tried']}"
            with faults.using(cache):
                kill = faults.killed_after if isinstance(when, float) else faults.killed_at
                seen["tried"] += 1
                seen["killed"] += kill(cache, config, when)
                found = find_run(config.run_id)
                seen["false"] += found is not None and not faults.same_run(found, whole)
                seen["resumed"] += (
                    found is None and (run_folder(config.run_id) / "run.json").exists()
                )
                end = obtain(config)[0]
                seen["equal"] += faults.same_run(end, whole)
                seen["left"] += bool(list_jobs())
            shutil.rmtree(cache)
        fine = seen["equal"] == seen["tried"] and not seen["false"] and not seen["left"]
        said = (
            f"{seen['killed']} died of it, {seen['resumed']} went on from a checkpoint, "
            f"{seen['false']} false runs, {seen['equal']} of {seen['tried']} equal to the "
            "uninterrupted run bit for bit"
        )
        rows.append((f"Training killed (SIGKILL) at {what}", seen["tried"], said, fine))
    return rows


def damage(room: Path, count: int) -> list[Row]:
    """Damage cached runs; open pages on them; load them."""
    with faults.using(room / "cache"):
        run = _read(obtain(faults.victim())[0])
        other = obtain(faults.victim(1))[0]
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
        run = _read(obtain(faults.victim())[0])
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
    for size in (900_000, 1_200_000, 1_500_000, 1_800_000):
        folder, out = room / f"disk{size}", room / f"full{size}.json"
        folder.mkdir()
        child = faults.start(test_faults._on_a_small_disk, str(folder), small, size, str(out))
        child.join(120)
        kind, said, fine = json.loads(out.read_text())
        fine = fine and "cannot write to the cache" in said
        text = "clear error, the earlier run still whole" if fine else f"wrong: {said}"
        rows.append((f"Disk of {size / 1e6:.1f} MB full while training ({kind})", 1, text, fine))
    with faults.using(room / "cache"):
        obtain(faults.victim(epochs=3))
    out = room / "read-only.json"
    out.touch()
    out.chmod(0o666)
    child = faults.start(test_faults._on_a_read_only_disk, str(room / "cache"), small, str(out))
    child.join(120)
    kind, said, fine = json.loads(out.read_text())
    fine = fine and all("runs can be looked at, not trained" in text for text in said)
    text = f"runs can be browsed; {len(said)} kinds of writing refused in words"
    return [*rows, (f"Read-only cache ({kind})", 1, text if fine else f"wrong: {said}", fine)]


def _read(run: Run | None) -> Run:
    """A run with everything read, so that it can be compared when its cache is gone."""
    assert run is not None
    assert run.snapshots.size and len(run.records) and run.state.momentum.size
    return run


def write_report(rows: dict[str, list]) -> None:
    """Write docs/fault-report.md, and its rows as JSON: a part that is not run again stays."""
    missed = [what for part in rows.values() for what, _, _, fine, _ in part if not fine]
    lines = [
        "# Fault report",
        "",
        *([f"**Not as it should be: {'; '.join(missed)}.**", ""] if missed else []),
        f"Made by `python scripts/fault_report.py`, part by part (`--only`): {platform.system()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}. "
        "Random choices are seeded.",
        "",
        "| What was done | How often | What came of it | As it should be | On |",
        "|---|---|---|---|---|",
        *(
            f"| {what} | {count:,} | {said} | {'yes' if fine else '**no**'} | {day} |"
            for part in rows.values()
            for what, count, said, fine, day in part
        ),
        "",
    ]
    path = ROOT / "docs" / "fault-report.md"
    path.parent.mkdir(exist_ok=True)
    ROWS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    path.write_text("\n".join(lines), encoding="utf-8")
    print(path)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="of each of two kinds")
    parser.add_argument("--damage", type=int, default=100, help="cached runs, and as many archives")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3000)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=90.0, help="how long they stay")
    parser.add_argument("--only", nargs="*", help="some parts only; the others stay as they are")
    return parser.parse_args()


if __name__ == "__main__":
    main()
