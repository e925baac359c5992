"""Figures as files, PNG, SVG or PDF, through kaleido and a Chrome or Chromium of this machine.

One browser, started when the first figure is asked for, draws one figure at a time: several at once
may return each other's figures. It can reach no network. One that hangs or is gone is replaced
once; one that is not there is told in plain words.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import threading
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from srnn.figures.style import COLUMNS, SCALE

FORMATS = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
"""The kinds of files, and their media types."""
CAMERA = "use the camera in the figure's toolbar"
TIMEOUT = 40.0
"""Seconds after which a browser counts as hanging."""
NOWHERE = "127.0.0.1:9"
"""The proxy that the browser is given, at which nobody answers."""


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


def to_file(figure: go.Figure, kind: str = "png") -> bytes:
    """A figure as PNG (:data:`SCALE` pixels to one of the figure's), SVG or PDF; of its own size,
    or two columns.

    The first one takes 2-7 seconds, most of it the start of the browser; later ones 0.3 (a cube
    2-5).

    Raises:
        ValueError: unknown kind of file.
        ExportError: there is no browser, or it failed or passed :data:`TIMEOUT` twice.
    """
    if kind not in FORMATS:
        raise ValueError(f"unknown kind of file {kind!r}; kinds: {', '.join(FORMATS)}")
    if find_browser() is None:
        raise ExportError(f"no Chrome or Chromium was found on this machine; {CAMERA}")
    width, height = COLUMNS["double"]
    options = {
        "format": kind,
        "width": figure.layout.width or width,
        "height": figure.layout.height or height,
        **({"scale": SCALE} if kind == "png" else {}),
    }
    return _renderer().draw(figure.to_plotly_json(), options)


@functools.cache
def _renderer() -> _Renderer:
    return _Renderer()


class _Renderer:
    """A browser that stays open, and the thread that talks to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._browser: Any = None
        threading.Thread(target=self._loop.run_forever, daemon=True, name="png").start()
        atexit.register(self._close)

    def draw(self, spec: dict[str, Any], options: dict[str, Any]) -> bytes:
        with self._lock:
            try:
                return self._try(spec, options)
            except Exception:
                self._close()
            try:
                return self._try(spec, options)
            except Exception as error:
                self._close()
                reason = str(error).strip().splitlines() or [type(error).__name__]
                text = f"the figure could not be drawn ({reason[0]}); {CAMERA}"
                raise ExportError(text) from error

    def _try(self, spec: dict[str, Any], options: dict[str, Any]) -> bytes:
        task = asyncio.run_coroutine_threadsafe(self._draw(spec, options), self._loop)
        try:
            return task.result(TIMEOUT)
        finally:
            task.cancel()

    async def _draw(self, spec: dict[str, Any], options: dict[str, Any]) -> bytes:
        if self._browser is None:
            from kaleido import Kaleido

            browser = Kaleido(n=1, mathjax=False, timeout=None, proxy_server=NOWHERE)
            await browser.open()
            self._browser = browser
        return await self._browser.calc_fig(spec, opts=options)

    def _close(self) -> None:
        browser, self._browser = self._browser, None
        if browser is not None:
            with contextlib.suppress(Exception):
                asyncio.run_coroutine_threadsafe(browser.close(), self._loop).result(5)
