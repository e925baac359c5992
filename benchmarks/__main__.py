"""``python -m benchmarks``: measure, print the tables, and write them where asked."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
from pathlib import Path

from benchmarks.report import goals, markdown, plots
from benchmarks.suite import everything


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three minutes instead of ten")
    parser.add_argument(
        "--json", metavar="FILE", nargs="?", const="-", help="write JSON (-: print)"
    )
    parser.add_argument("--docs", metavar="FOLDER", type=Path, help="write benchmarks.md and plots")
    options = parser.parse_args()
    found = everything(options.quick)
    found["goals"] = [goal._asdict() for goal in goals(found)]
    text = markdown(found)
    print(text)
    if options.docs:
        options.docs.mkdir(parents=True, exist_ok=True)
        (options.docs / "benchmarks.md").write_text(text, encoding="utf-8")
        try:
            plots(found, options.docs)
        except (RuntimeError, ValueError) as error:
            print(f"no plots: {error}")
    if options.json == "-":
        print(json.dumps(found))
    elif options.json:
        Path(options.json).write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
