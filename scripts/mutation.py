"""How many bugs would the tests notice? Mutates the rooms that make numbers and runs their tests.

    python scripts/mutation.py [ROOM ...] [--sample N] [--seconds T] [--children N]

Works on a copy of the tracked files in a temporary folder, with mutmut as configured in
pyproject.toml narrowed to each room and its tests. Prints the share of mutants that the tests kill
and every survivor as the line that was changed; docs/mutation.md says why known ones are harmless.
"""

import argparse
import ast
import difflib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import cache
from itertools import accumulate
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

ROOMS: dict[str, tuple[list[str], list[str]]] = {
    "statistics": (["srnn/statistics.py"], ["tests/test_statistics.py"]),
    "pruning": (
        ["srnn/pruning/*"],
        [
            "tests/test_pruning_answers.py",
            "tests/test_pruning_by_hand.py",
            "tests/test_pruning.py",
            "tests/test_pruning_pieces.py",
            "tests/test_pruning_commands.py",
        ],
    ),
    "fixpoints": (["srnn/fixpoints.py"], ["tests/test_math.py"]),
    "particles": (["srnn/particles.py"], ["tests/test_math.py"]),
    "metanet": (["srnn/metanet.py"], ["tests/test_math.py", "tests/test_analysis.py"]),
    "analysis": (
        ["srnn/analysis/*"],
        [
            "tests/test_analysis.py",
            "tests/test_trajectories.py",
            "tests/test_settle.py",
            "tests/test_experiments_attribution.py",
        ],
    ),
    "experiments": (
        ["srnn/experiments/*"],
        [
            "tests/test_claims.py",
            "tests/test_arms.py",
            "tests/test_measures.py",
            "tests/test_row_words.py",
            "tests/test_experiments_networks.py",
            "tests/test_life_rows.py",
            "tests/test_experiments.py",
        ],
    ),
}
"""Every room: what is mutated, and which tests must notice."""

LONGEST = 6.0
"""Seconds of tests that judge a mutant: of those that reach its function the fastest, one at least.
Some functions are reached by every test that works a row out."""

SURVIVED, UNTESTED = 0, 33
"""Mutmut's exit codes of a mutant that all its tests let pass, and of one that no test reaches."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=f"of: {', '.join(ROOMS)}")
    parser.add_argument(
        "--sample", type=int, metavar="N", help="so many mutants of each room, drawn at random"
    )
    parser.add_argument("--draw", type=int, default=0, help="another number, another sample")
    parser.add_argument("--seconds", type=float, help="for each room; the rest is left out")
    parser.add_argument("--children", type=int, default=2, help="processes at once (default 2)")
    options = parser.parse_args()
    unknown = set(options.rooms) - set(ROOMS)
    if unknown:
        parser.error(f"no room {', '.join(sorted(unknown))}; rooms: {', '.join(ROOMS)}")
    weak = False
    for room in options.rooms or ROOMS:
        killed, survivors, made = measure(room, options)
        total = killed + len(survivors)
        share = f"{100 * killed / max(1, total):.1f} %"
        print(f"{room}: {killed} of {total} killed ({share}); mutants in all: {made}")
        for line in survivors:
            print(f"  {line}")
        weak |= killed < 0.85 * total
    return int(weak)


def measure(room: str, options: argparse.Namespace) -> tuple[int, list[str], int]:
    """How many of a room's mutants its tests kill, the survivors, one line each, and how many
    mutants there are."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        _copy(work)
        _narrow(work, *ROOMS[room])
        _mutmut(work, ["run", "none"])  # makes all mutants, and sees which tests reach them
        _shorten(work)
        chosen: list[str] = []
        if options.sample:
            names = sorted(_codes(work))
            chosen = random.Random(options.draw).sample(names, min(options.sample, len(names)))
        _mutmut(work, ["run", "--max-children", str(options.children), *chosen], options.seconds)
        every = _codes(work)
        codes = {name: code for name, code in every.items() if code is not None}
        if not codes:
            tail = (work / "mutmut.log").read_text(errors="replace")[-2000:]
            raise SystemExit(f"mutmut ran no mutants:\n{tail}")
        lost = [name for name, code in codes.items() if code in (SURVIVED, UNTESTED)]
        survivors = [f"{name}: {_change(work, name)}" for name in sorted(lost)]
        return len(codes) - len(lost), survivors, len(every)


def _copy(work: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, work / name)


def _narrow(work: Path, mutated: list[str], tests: list[str]) -> None:
    """Name the room and its tests in the copy's configuration."""
    found = [name for name in tests if name.startswith("-") or (work / name).is_file()]
    file = work / "pyproject.toml"
    text = file.read_text(encoding="utf-8")
    for key, value in (
        ("only_mutate", mutated),
        ("pytest_add_cli_args_test_selection", found),
    ):
        text, changed = re.subn(rf"(?ms)^{key} = \[.*?\]$", f"{key} = {json.dumps(value)}", text)
        if changed != 1:
            raise SystemExit(f"pyproject.toml: [tool.mutmut] lacks {key}")
    file.write_text(text, encoding="utf-8")


def _mutmut(work: Path, arguments: list[str], seconds: float | None = None) -> None:
    """Mutmut in the copy, so long at most; its progress goes to a file."""
    with (work / "mutmut.log").open("w") as log:
        command = [sys.executable, "-m", "mutmut", *arguments]
        started = subprocess.Popen(
            command, cwd=work, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            started.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()


def _shorten(work: Path) -> None:
    """Leave every function the fastest of the tests that reach it."""
    file = work / "mutants" / "mutmut-stats.json"
    known = json.loads(file.read_text(encoding="utf-8"))
    reached, seconds = known["tests_by_mangled_function_name"], known["duration_by_test"]
    for function, tests in reached.items():
        tests = sorted(tests, key=seconds.__getitem__)
        spent = accumulate(seconds[test] for test in tests)
        reached[function] = [
            test for index, (test, until) in enumerate(zip(tests, spent, strict=True))
            if not index or until <= LONGEST
        ]  # fmt: skip
    file.write_text(json.dumps(known), encoding="utf-8")


def _codes(work: Path) -> dict[str, int | None]:
    codes: dict[str, int | None] = {}
    for meta in work.glob("mutants/**/*.meta"):
        codes |= json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    return codes


def _change(work: Path, name: str) -> str:
    """What a mutant changes, as one line."""
    module, _, mutant = name.rpartition(".")
    tree = _parsed(work / "mutants" / f"{module.replace('.', '/')}.py")
    both = (f"{mutant.rpartition('_')[0]}_orig", mutant)
    before, after = (
        next(ast.unparse(one).splitlines()[1:] for one in ast.walk(tree)
             if isinstance(one, ast.FunctionDef) and one.name == which)
        for which in both
    )  # fmt: skip
    lines = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    return " ".join(" ".join(line.split()) for line in lines) or "another default value"


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    raise SystemExit(main())
