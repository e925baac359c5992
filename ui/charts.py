"""A figure on a page: the chart, and beneath it what it can be saved as, and its data."""

from __future__ import annotations

import math
import mimetypes
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import plotly.graph_objects as go
import streamlit as st

from srnn.figures import style
from srnn.figures.export import FORMATS, find_browser, to_file

if TYPE_CHECKING:
    import pandas as pd

NO_BROWSER = (
    "No Chrome or Chromium was found where the app runs, so figures cannot be saved with the "
    "buttons below them. To get one: `apt-get install chromium`, or `plotly_get_chrome`. The "
    "camera in a figure's own tool bar saves a PNG without it."
)
TOLD = "figure-with-notice"
"""In the session: the figure of the page that says so, also where it alone is run again."""
TOOL_BAR = 30
"""Height of Plotly's tool bar, in pixels."""
TURNED = 14
"""Pixels by which labels reach lower where a narrow window turns them."""
Data: TypeAlias = "pd.DataFrame | Callable[[], pd.DataFrame]"

_watch = st.components.v2.component(
    "camera_watch",
    js="""export default function({data, setStateValue}) {
  let plot = null, late = null, { seen } = data;
  const moved = () => {
    clearTimeout(late);
    late = setTimeout(() => setStateValue("camera", plot._fullLayout.scene.camera), 300);
  };
  const timer = setInterval(() => {
    const now = document.querySelector(`.st-key-${data.figure} .js-plotly-plot`);
    if (!now || now === plot || !now.on) return;
    plot = now;
    plot.on("plotly_relayout", moved);
    const { scene } = plot._fullLayout;
    if (seen || plot.clientWidth > 500 || !scene._scene) return;
    seen = true;
    const { x, y, z } = scene.camera.eye, eye = { x: 1.5 * x, y: 1.5 * y, z: 1.5 * z };
    scene._scene.setViewport({ ...scene, camera: { ...scene.camera, eye } });
    scene._scene.saveLayout(plot.layout); // or a narrow window cuts its edges
    moved();
  }, 400);
  return () => { clearInterval(timer); clearTimeout(late); };
}""",
)
"""Tells the server from where a cube is looked at, so that it is saved as it is seen."""


def dark() -> bool:
    """Whether the visitor looks at the dark theme."""
    return st.context.theme.type == "dark"


@st.cache_resource(show_spinner=False)
def browser_found() -> bool:
    """Whether a Chrome or Chromium is there to draw with; looked for once."""
    return find_browser() is not None


def show(
    figure: go.Figure,
    data: Data | None = None,
    name: str = "figure",
    *,
    key: str | None = None,
    alt: str | None = None,
    more: Callable[[], None] | None = None,
    drawn: go.Figure | None = None,
) -> None:
    """Show a figure with its downloads.

    Args:
        figure: as made by ``srnn.figures``.
        data: the table behind it, or a function that makes it when it is asked for.
        name: of its files, unique on a page.
        key: where the name changes with a slider, one that does not, so that the chart is updated
            in place.
        alt: what is to be seen, in words.
        more: draws further buttons in the same row.
        drawn: the same as :func:`drawn_for` makes it, where it is kept.
    """
    name = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "figure"
    key = re.sub(r"[^a-z0-9]+", "-", (key or name).lower())
    cube = any(trace.type == "scatter3d" for trace in figure.data)
    last = (st.session_state.get(f"camera-{key}") or {}).get("camera")  # each is mounted anew

    def draw() -> None:
        seen_as, shown = figure, drawn_for(dark(), figure) if drawn is None else drawn
        with st.container(key=f"figure-{key}"):
            st.plotly_chart(
                _seen_from(shown, last),
                theme=None,
                key=f"chart-{key}",
                alt=alt,
                config=style.config(name) | {"displayModeBar": True},
            )
            if cube:
                seen = _watch(
                    key=f"camera-{key}",
                    data={"figure": f"figure-{key}", "seen": last is not None},
                    default={"camera": None},
                    on_camera_change=lambda: None,
                )
                seen_as = _seen_from(figure, seen.camera)
        with st.container(horizontal=True, vertical_alignment="center"):
            _save_buttons(seen_as, name, key)
            if data is not None:
                table = data if callable(data) else lambda: data
                download("Data (CSV)", lambda: csv(table()), f"{name}.csv")
            if more is not None:
                more()
        if not browser_found() and st.session_state.get(TOLD) in (None, key):
            st.session_state[TOLD] = key
            st.caption(NO_BROWSER)

    (st.fragment(draw) if cube else draw)()


def _seen_from(figure: go.Figure, camera: Any) -> go.Figure:
    """The figure from where the visitor looks at it; from its own place if that cannot be read."""
    try:
        place = {
            name: {axis: float(camera[name][axis]) for axis in "xyz"}
            for name in ("eye", "center", "up")
        }
    except (TypeError, KeyError, ValueError):
        return figure
    if not all(math.isfinite(value) for point in place.values() for value in point.values()):
        return figure
    return go.Figure(figure).update_layout(scene_camera=place)


def drawn_for(dark: bool, figure: go.Figure) -> go.Figure:
    """A copy of a figure as a page of that theme shows it, with room above for its tool bar, and
    below for labels, which would lie on the legend and on the line of its origin in a narrow
    window."""
    shown = style.themed(figure, dark)
    own, usual = shown.layout, shown.layout.template.layout
    top, bottom = (usual.margin[k] if own.margin[k] is None else own.margin[k] for k in "tb")
    shown.update_layout(
        margin={"t": top + TOOL_BAR, "b": bottom + TURNED},
        height=(own.height or style.COLUMNS["double"][1]) + TOOL_BAR + TURNED,
    )
    legend = usual.legend if own.legend.y is None else own.legend
    if legend.y > 1:  # above the figure, a legend makes its own margin: give it an empty title line
        shown.update_layout(legend={"title": {"text": " ", "side": "top", "font": {"size": 20}}})
    return shown


def csv(table: pd.DataFrame) -> bytes:
    """A table as CSV, UTF-8, one header row, no index. A text that a spreadsheet would take for a
    formula gets an apostrophe before it."""
    import pandas as pd  # half a second that the first picture does not wait for

    safe = table.copy()
    for place, column in enumerate(table.columns):
        if not pd.api.types.is_numeric_dtype(table.dtypes.iloc[place]):
            safe.isetitem(place, [_inert(value) for value in table[column]])
    safe.columns = [_inert(name) for name in table.columns]
    return safe.to_csv(index=False).encode()


def _inert(value: object) -> object:
    if not isinstance(value, str):
        return value
    return ("'" if value[:1] in set("=+-@\t\r\n") else "") + value.replace("\r", " ")


def download(
    label: str,
    make: Callable[[], bytes],
    file: str,
    about: str | None = None,
    *,
    disabled: bool = False,
) -> None:
    """A button that makes a file when it is pressed; the page does not run again."""
    st.download_button(
        label,
        make,
        file,
        mimetypes.guess_type(file)[0] or "application/octet-stream",
        key=f"{label}-{file}",
        help=about,
        on_click="ignore",
        disabled=disabled,
    )


def _save_buttons(figure: go.Figure, name: str, key: str) -> None:
    """PNG at once; vector formats and the width of one column behind a button."""
    _save_button(figure, name, "png", "double")
    with st.popover("Save as", key=f"save-{key}", help="SVG, PDF, and the width of one column."):
        for column, about in (("double", "Two columns (183 mm)"), ("single", "One column (89 mm)")):
            st.caption(about)
            with st.container(horizontal=True):
                for kind in FORMATS:
                    if (kind, column) != ("png", "double"):
                        _save_button(figure, name, kind, column)


def _save_button(figure: go.Figure, name: str, kind: str, column: str) -> None:
    suffix = "" if column == "double" else "-one-column"
    download(
        kind.upper(),
        lambda: to_file(style.sized(style.themed(figure, False), column), kind),
        f"{name}{suffix}.{kind}",
        "For paper: light, as it is seen here.",
        disabled=not browser_found(),
    )
