"""A figure on a page: the chart, and beneath it the PNG button and the data as CSV."""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from srnn.figures import style
from srnn.figures.export import to_png
from ui.png import NO_BROWSER, browser_found

TOOL_BAR = 30
"""Height of Plotly's tool bar, in pixels."""
Data = pd.DataFrame | Callable[[], pd.DataFrame]


def dark() -> bool:
    """Whether the visitor looks at the dark theme."""
    return st.context.theme.type == "dark"


def show(
    figure: go.Figure,
    data: Data | None = None,
    name: str = "figure",
    *,
    key: str | None = None,
    alt: str | None = None,
    more: Callable[[], None] | None = None,
) -> None:
    """Show a figure with its downloads.

    ``data`` is the table behind it, or a function that makes it when it is asked for. ``name`` is
    the files' name and must be unique on a page; where it changes with a slider, give a ``key``
    that does not, so that the chart is updated in place. ``alt`` says in words what is to be seen.
    ``more`` draws further buttons in the same row. The PNG is drawn for paper, whatever the theme.
    """
    name = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "figure"
    shown = style.themed(figure, dark())
    _make_room(shown)
    st.plotly_chart(
        shown,
        theme=None,
        key=f"chart-{key or name}",
        alt=alt,
        config=style.config(name) | {"displayModeBar": True},
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        _png_button(figure, name)
        if data is not None:
            table = data
            download(
                "Data (CSV)",
                lambda: csv(table() if callable(table) else table),
                f"{name}.csv",
                "text/csv",
            )
        if more is not None:
            more()
    if not browser_found():
        st.caption(NO_BROWSER)


def _make_room(figure: go.Figure) -> None:
    """Room above the figure for its tool bar, which would lie on the legend in a narrow window."""
    layout = figure.layout
    top = layout.margin.t if layout.margin.t is not None else layout.template.layout.margin.t
    height = layout.height or style.COLUMNS["double"][1]
    figure.update_layout(margin={"t": top + TOOL_BAR}, height=height + TOOL_BAR)
    legend = layout.legend if layout.legend.y is not None else layout.template.layout.legend
    if legend.y > 1:  # above the figure, a legend makes its own margin: give it an empty title line
        figure.update_layout(legend={"title": {"text": " ", "side": "top", "font": {"size": 20}}})


def paper(figure: go.Figure) -> bytes:
    """A figure as PNG for paper: light, white, three times its size in pixels.

    Raises:
        ExportError: it could not be drawn.
    """
    return to_png(style.themed(figure, False))


def csv(table: pd.DataFrame) -> bytes:
    """A table as CSV, UTF-8, one header row, no index. A text that a spreadsheet would take for a
    formula gets an apostrophe before it."""
    safe = table.copy()
    for place, column in enumerate(table.columns):
        if not pd.api.types.is_numeric_dtype(table.dtypes.iloc[place]):
            safe.isetitem(place, [_inert(value) for value in table[column]])
    safe.columns = [_inert(name) for name in table.columns]
    return safe.to_csv(index=False).encode()


def _inert(value: object) -> object:
    if not isinstance(value, str):
        return value
    return ("'" if value[:1] in set("=+-@\t\r") else "") + value.replace("\r", " ")


def download(
    label: str, make: Callable[[], bytes], file: str, mime: str, about: str | None = None
) -> None:
    """A button that makes a file when it is pressed; the page does not run again."""
    st.download_button(
        label, make, file, mime, key=f"{label}-{file}", help=about, on_click="ignore"
    )


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
