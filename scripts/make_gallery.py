"""Make the gallery: every figure of the bundled run, as the app shows it at first.

    python scripts/make_gallery.py [FOLDER] [--kind svg]        (default: docs/gallery, PNG)

Writes one file per figure and ``index.md`` with their captions; needs Chrome or Chromium.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from srnn.figures import style
from srnn.figures.export import FORMATS, to_file
from srnn.runs import list_runs
from srnn.vocabulary import EPSILON
from ui.album import plates
from ui.state import View

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs" / "gallery")
    parser.add_argument("--kind", choices=FORMATS, default="png")
    options = parser.parse_args()
    run = next(run for run in list_runs() if run.bundled)
    view = View(run, len(run.snapshot_epochs) - 1, EPSILON)
    options.folder.mkdir(parents=True, exist_ok=True)
    lines = ["# Gallery", "", f"Every figure of {view.source}.", ""]
    for plate in plates(view):
        figure = style.sized(style.signed(plate.figure, view.source))
        file = f"{plate.name}.{options.kind}"
        (options.folder / file).write_bytes(to_file(figure, options.kind))
        lines += [f"![{plate.caption}]({file})", "", plate.caption, ""]
    (options.folder / "index.md").write_text("\n".join(lines), encoding="utf-8")
    print(options.folder / "index.md")


if __name__ == "__main__":
    main()
