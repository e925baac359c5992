"""Train preset log-connectivity-h4 (seed 0) and put it into the folder of bundled runs, with the
first page's picture of it.

    python scripts/make_bundled_run.py

Takes the run from the cache if it is there; trains it otherwise (about a minute).
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from srnn import paths
from srnn.presets import preset
from srnn.runs import obtain, open_run
from ui.stage import READY
from ui.stage.source import of_run

LIMIT = 10_000_000
"""Largest size of the bundled run, in bytes."""


def main() -> None:
    config = preset("log-connectivity-h4")
    target = paths.BUNDLED_RUNS / config.run_id
    if target.exists():
        shutil.rmtree(target)
    run, cached = obtain(config)
    shutil.copytree(run.path, target)
    bundled = open_run(target)
    size = bundled.size
    if size > LIMIT:
        shutil.rmtree(target)
        raise SystemExit(f"the run takes {size / 1e6:.1f} MB, more than {LIMIT / 1e6:.0f} MB")
    source = "from the cache" if cached else f"trained in {run.record.seconds:.0f} s"
    print(f"{target}: {size / 1e6:.2f} MB, {source}")
    READY.write_bytes(of_run(bundled.run_id))
    print(f"{READY}: {READY.stat().st_size / 1e6:.2f} MB")
    print(f"test accuracy {run.record.results.test_accuracy:.4f}, types {run.record.results.types}")


if __name__ == "__main__":
    main()
