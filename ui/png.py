"""PNG files of figures, made by one headless browser that stays open.

Kaleido drives a Chrome or Chromium of the machine. One renderer, owned here, works on one figure at
a time: several at once may return each other's figures. It can reach no network.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from srnn.figures.export import find_browser

TIMEOUT = 40.0
"""Seconds that one figure may take, a cold start of the browser included."""

NO_BROWSER = (
    "No Chrome or Chromium was found where the app runs, so this button cannot draw. "
    "The camera in the figure's own tool bar saves the same PNG."
)


class RenderError(RuntimeError):
    """A figure could not be drawn, tried twice."""


class Renderer:
    """A browser that draws figures, started when the first one is asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._browser: Any = None
        threading.Thread(target=self._loop.run_forever, daemon=True, name="png").start()

    def draw(self, figure: go.Figure, width: int, height: int, scale: float) -> bytes:
        """The figure as PNG bytes, ``width * scale`` pixels wide.

        Raises:
            RenderError: the browser failed twice.
        """
        spec = figure.to_plotly_json()
        options = {"format": "png", "width": width, "height": height, "scale": scale}
        with self._lock:
            for attempt in (1, 2):
                task = asyncio.run_coroutine_threadsafe(self._draw(spec, options), self._loop)
                try:
                    return task.result(TIMEOUT)
                except Exception as error:
                    task.cancel()
                    self._restart()
                    if attempt == 2:
                        raise RenderError(f"the figure could not be drawn: {error}") from error
        raise AssertionError("unreachable")

    async def _draw(self, spec: dict[str, Any], options: dict[str, Any]) -> bytes:
        if self._browser is None:
            from kaleido import Kaleido

            browser = Kaleido(n=1, mathjax=False, timeout=TIMEOUT, proxy_server="127.0.0.1:9")
            await browser.open()
            self._browser = browser
        return await self._browser.calc_fig(spec, opts=options)

    def _restart(self) -> None:
        browser, self._browser = self._browser, None
        if browser is not None:
            with contextlib.suppress(Exception):
                asyncio.run_coroutine_threadsafe(browser.close(), self._loop).result(5)


@st.cache_resource(show_spinner=False)
def renderer() -> Renderer:
    """The one renderer of this server."""
    return Renderer()


@st.cache_resource(show_spinner=False)
def browser_found() -> bool:
    """Whether a Chrome or Chromium is there to draw with."""
    return find_browser() is not None
