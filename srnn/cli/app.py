"""``app``: the lab in the browser."""

import argparse
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent
PLACES = (PACKAGE / "lab" / "app.py", PACKAGE.parent / "app.py")
"""Where the app's entry is: in an installed package, in the project's folder."""


def add(commands: Any) -> None:
    about = "open the lab in the browser (Ctrl+C ends it)"
    parser = commands.add_parser("app", help=about, description=about[0].upper() + about[1:] + ".")
    parser.add_argument("--port", type=int, help="the port to listen on (default: a free one)")
    parser.add_argument(
        "--no-browser", action="store_true", help="only print the address, open nothing"
    )
    parser.add_argument(
        "streamlit", nargs="*", metavar="-- OPTION", help="options for streamlit run"
    )
    parser.set_defaults(run=_app)


def _app(options: argparse.Namespace) -> int:
    if importlib.util.find_spec("streamlit") is None:
        raise RuntimeError('the lab\'s pages need more packages: pip install "srnn[app]"')
    entry = next((place for place in PLACES if place.exists()), None)
    if entry is None:
        raise RuntimeError(f"the lab's pages are not in this installation ({PLACES[0].parent})")
    port = [] if options.port is None else ["--server.port", str(options.port)]
    command = [sys.executable, "-m", "streamlit", "run", str(entry), *port, *options.streamlit]
    screen = sys.platform == "darwin" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    opening = {"SRNN_OPEN": "1"} if screen and not options.no_browser else {}
    try:
        return subprocess.run(command, env={**os.environ, **opening}).returncode
    except KeyboardInterrupt:  # the server has had it too
        return 0
