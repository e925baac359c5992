"""PNG files of figures, through kaleido and a Chrome or Chromium of this machine.

One browser at a time, in a thread of its own and with a time limit: a browser that hangs or is not
there is told in plain words, and never blocks who asked.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import plotly.graph_objects as go

from srnn.figures.style import COLUMNS, SCALE

CAMERA = "use the camera in the figure's toolbar"
_lock = threading.Lock()


class ExportError(RuntimeError):
    """A figure could not be drawn here; the message says why, and what to do."""


def find_browser() -> str | None:
    """Path of the Chrome or Chromium that would draw, or None."""
    try:
        from choreographer.browsers.chromium import Chromium

        path = Chromium.find_browser(skip_local=False)
    except (ImportError, OSError, RuntimeError):
        return None
    return path if path and Path(path).is_file() else None


def to_png(
    figure: go.Figure,
    width: int | None = None,
    height: int | None = None,
    scale: float = SCALE,
    timeout: float = 40.0,
) -> bytes:
    """A figure as PNG, ``width * scale`` pixels wide; by default of its own size, or two columns.

    A figure takes 2-7 seconds, most of it the start of the browser.

    Raises:
        ExportError: there is no browser, it failed, or ``timeout`` seconds have passed.
    """
    if find_browser() is None:
        raise ExportError(f"no Chrome or Chromium was found on this machine; {CAMERA}")
    width = width or figure.layout.width or COLUMNS["double"][0]
    height = height or figure.layout.height or COLUMNS["double"][1]
    options = {"format": "png", "width": width, "height": height, "scale": scale}
    result: list[bytes | BaseException] = []

    def work() -> None:
        try:
            result.append(asyncio.run(_draw(figure.to_plotly_json(), options, timeout)))
        except BaseException as error:
            result.append(error)

    with _lock:
        thread = threading.Thread(target=work, daemon=True, name="png")
        thread.start()
        thread.join(timeout + 5)
    if not result:
        raise ExportError(f"the browser did not answer within {timeout:.0f} s; {CAMERA}")
    if isinstance(result[0], BaseException):
        reason = str(result[0]).strip().splitlines() or [type(result[0]).__name__]
        raise ExportError(f"the figure could not be drawn ({reason[0]}); {CAMERA}") from result[0]
    return result[0]


async def _draw(spec: dict, options: dict, timeout: float) -> bytes:
    from kaleido import Kaleido

    async def draw() -> bytes:
        async with Kaleido(n=1, mathjax=False, timeout=timeout) as browser:
            return await browser.calc_fig(spec, opts=options)

    return await asyncio.wait_for(draw(), timeout)
