"""Whether the server can draw PNG files, and what a page says where it cannot."""

from __future__ import annotations

import streamlit as st

from srnn.figures.export import find_browser

NO_BROWSER = (
    "No Chrome or Chromium was found where the app runs, so the PNG buttons cannot draw. "
    "The camera in a figure's own tool bar saves the same figure."
)


@st.cache_resource(show_spinner=False)
def browser_found() -> bool:
    """Whether a Chrome or Chromium is there to draw with; looked for once."""
    return find_browser() is not None
