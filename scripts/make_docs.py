"""Make the documentation: the guides in docs/guide, and the API from the docstrings.

    python scripts/make_docs.py [FOLDER]        (default: site; needs pip install "srnn[docs]")

Everything it writes works from the disk: nothing is fetched when a page is opened.
"""

import argparse
import pkgutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pdoc
import pdoc.render
from pdoc.render_helpers import to_html

ROOT = Path(__file__).resolve().parent.parent

GUIDES = ("tour", "mathematics", "extending", "citing")
"""The guides in their order; the first is the front page."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title} - srnn</title>
<meta name="viewport" content="width=device-width">
<style>
body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto }}
nav a {{ margin-right: 1.2em }}
pre {{ background: #f3f3f0; padding: 0.8em; overflow-x: auto }}
@media (prefers-color-scheme: dark) {{
  body {{ background: #17181a; color: #e6e6e3 }}
  pre {{ background: #24262a }}
  a {{ color: #9cc4ff }}
}}
</style></head>
<body><nav>{links}</nav>{body}</body></html>
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "site")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    texts = {name: (ROOT / "docs" / "guide" / f"{name}.md").read_text("utf-8") for name in GUIDES}
    titles = {name: text.partition("\n")[0].removeprefix("# ") for name, text in texts.items()}
    files = {name: "index.html" if name == GUIDES[0] else f"{name}.html" for name in GUIDES}
    places = [(files[name], titles[name]) for name in GUIDES] + [("api/srnn.html", "API")]
    links = " ".join(f'<a href="{file}">{title}</a>' for file, title in places)
    for name, text in texts.items():
        page = PAGE.format(title=titles[name], links=links, body=to_html(text))
        (folder / files[name]).write_text(page, encoding="utf-8")
    pdoc.render.configure(docformat="google", show_source=False)
    pdoc.pdoc(*_modules(), output_directory=folder / "api")
    print(folder / "index.html")


def _modules() -> list[str]:
    """All public modules by name: pdoc itself would follow ``__all__``, which is for users."""
    found = pkgutil.walk_packages([str(ROOT / "srnn")], "srnn.")
    return ["srnn", *(one.name for one in found if not one.name.endswith("__main__"))]


if __name__ == "__main__":
    main()
