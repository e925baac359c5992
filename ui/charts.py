"""A figure on a page: the chart, and beneath it the PNG button and the data as CSV."""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from ui.png import NO_BROWSER, browser_found, renderer

try:
    from srnn.figures.style import template
except ImportError:

    def template(dark: bool) -> str:
        return "plotly_dark" if dark else "plotly_white"


Data = pd.DataFrame | Callable[[], pd.DataFrame]
SCALE = 3
"""Pixels of a PNG per pixel of the figure."""
WIDTH, HEIGHT = 900, 520
"""Size of a PNG, before scaling, where a figure has none of its own."""


def dark() -> bool:
    """Whether the visitor looks at the dark theme."""
    return st.context.theme.type == "dark"


def show(
    figure: go.Figure,
    data: Data | None = None,
    name: str = "figure",
    *,
    alt: str | None = None,
    more: Callable[[], None] | None = None,
) -> None:
    """Show a figure with its downloads.

    ``data`` is the table behind it, or a function that makes it when it is asked for. ``name`` is
    the files' name and must be unique on a page. ``alt`` says in words what is to be seen. ``more``
    draws further buttons in the same row. The PNG is drawn for paper, whatever the app's theme.
    """
    name = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "figure"
    shown = go.Figure(figure)
    shown.update_layout(template=template(dark()))
    st.plotly_chart(
        shown,
        theme=None,
        key=f"chart-{name}",
        alt=alt,
        config={
            "displaylogo": False,
            "displayModeBar": True,
            "responsive": True,
            "plotlyServerURL": "",
            "toImageButtonOptions": {"format": "png", "filename": name, "scale": SCALE},
        },
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        _png_button(figure, name)
        if data is not None:
            st.download_button(
                "Data (CSV)",
                lambda: csv(data() if callable(data) else data),
                file_name=f"{name}.csv",
                mime="text/csv",
                on_click="ignore",
                key=f"csv-{name}",
            )
        if more is not None:
            more()
    if not browser_found():
        st.caption(NO_BROWSER)


def paper(figure: go.Figure) -> bytes:
    """A figure as PNG for paper: light, white, three times its size in pixels.

    Raises:
        RenderError: it could not be drawn.
    """
    printed = go.Figure(figure)
    printed.update_layout(template=template(False), paper_bgcolor="white", plot_bgcolor="white")
    layout = printed.layout
    return renderer().draw(printed, layout.width or WIDTH, layout.height or HEIGHT, SCALE)


def csv(table: pd.DataFrame) -> bytes:
    """A table as CSV, UTF-8, one header row, no index."""
    return table.to_csv(index=False).encode()


def _png_button(figure: go.Figure, name: str) -> None:
    found = browser_found()
    st.download_button(
        "PNG",
        lambda: paper(figure),
        file_name=f"{name}.png",
        mime="image/png",
        on_click="ignore",
        key=f"png-{name}",
        disabled=not found,
        help="The figure for paper: light, three times its size in pixels."
        if found
        else NO_BROWSER,
    )
