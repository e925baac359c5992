"""One visual language: colours by particle type, templates for light and dark, sizes, numbers.

Colour means particle type and nothing else; losses, accuracies and counts are drawn in a neutral
ink and told apart by line style. Type colours follow Okabe and Ito (2008), so that they can be told
apart by colour-blind readers, and differ in lightness, so that they can be told apart in grey.

Every figure here is built for light paper. :func:`themed` turns it into its dark twin, colour by
colour, and back; nothing else has to know about themes.
"""

import math
import re
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from srnn.vocabulary import LABELS, TYPES

PALETTE = {
    "zero": "#AEB6C2",
    "identity": "#0072B2",
    "second_order": "#CC79A7",
    "other": "#E69F00",
    "divergent": "#000000",
}
"""Colour of each type on light paper."""

DARK_PALETTE = {
    "zero": "#59616D",
    "identity": "#56B4E9",
    "second_order": "#E3A0C8",
    "other": "#F2B134",
    "divergent": "#FAFBFC",
}
"""Colour of each type on a dark ground: the dead still recede, divergence still stands out most."""

DASHES = {
    "zero": "dot",
    "identity": "solid",
    "second_order": "dashdot",
    "other": "solid",
    "divergent": "dash",
}
"""Line style of each type, so that lines do not rest on colour alone."""

DRAWN = ("zero", "identity", "second_order", "other", "divergent")
"""The types in the order in which they are drawn: later ones lie on top."""

REPLICATOR = "#009E73"
"""Replicators as a whole, zero and identity: a colour of their own, borrowed from neither."""
INK, MUTED, FAINT, PAPER = "#1F2328", "#5B6470", "#E3E6EA", "#FFFFFF"
"""Text and lines, secondary lines, grid, ground."""
NEGATIVE, MIDDLE, POSITIVE = "#762A83", "#F5F5F4", "#1B7837"
"""Signed weights: purple, nothing, green; none of them a type's colour."""

DIVERGING = ((0.0, NEGATIVE), (0.25, "#B493C4"), (0.5, MIDDLE), (0.75, "#8CC58A"), (1.0, POSITIVE))
"""Colour scale of signed weights; always centred at zero."""
SEQUENTIAL = ((0.0, "#F1F3F5"), (0.5, "#98A1AD"), (1.0, "#2B323B"))
"""Colour scale of counts and intensities."""
TYPE_IMAGE: dict[str, Any] = {
    "colorscale": [
        [edge / len(TYPES), PALETTE[name]]
        for code, name in enumerate(TYPES)
        for edge in (code, code + 1)
    ],
    "zmin": -0.5,
    "zmax": len(TYPES) - 0.5,
    "showscale": False,
}
"""How a heat map shows type codes."""
EPOCHS = "Cividis"
"""Colour scale of the epoch."""

_DARK = {
    **{PALETTE[name]: DARK_PALETTE[name] for name in TYPES},
    REPLICATOR: "#3CC79C",
    INK: "#E6E8EB",
    MUTED: "#9AA5B3",
    FAINT: "#343B45",
    PAPER: "#14171C",
    NEGATIVE: "#C79BD6",
    "#B493C4": "#7B5A8A",
    MIDDLE: "#20252C",
    "#8CC58A": "#4C7F50",
    POSITIVE: "#8FD694",
    "#F1F3F5": "#1D2229",
    "#98A1AD": "#6F7986",
    "#2B323B": "#E1E5EA",
}
_HEX = re.compile(r"#[0-9A-F]{6}")
_LIGHT = {dark: light for light, dark in _DARK.items()}

FONT = "Source Sans, Source Sans Pro, Helvetica Neue, Helvetica, Arial, sans-serif"
COLUMNS = {"single": (480, 360), "double": (691, 420)}
"""Width and height in pixels in which a figure for one column (89 mm) or two (183 mm) is laid out:
its text is then 7 points or larger on paper."""
SIGNATURE = 20
"""Height in pixels of the line that says where a figure comes from."""
SCALE = 3
"""Pixels of an exported PNG per pixel of the figure: 288 dpi at column size."""
UNUSED = """zoom2d pan2d select2d lasso2d zoomIn2d zoomOut2d autoScale2d resetScale2d zoom3d pan3d
    orbitRotation tableRotation resetCameraLastSave3d hoverClosest3d"""
"""Buttons of Plotly's tool bar that dragging and double clicks do as well, each a Tab press."""


def config(name: str = "figure") -> dict[str, Any]:
    """Plotly's ``config`` of a figure: what its camera button saves, and no logo or cloud button.

    ``name`` is the file's name, without ending.
    """
    return {
        "displaylogo": False,
        "responsive": True,
        "plotlyServerURL": "",
        "modeBarButtonsToRemove": UNUSED.split(),
        "toImageButtonOptions": {"format": "png", "scale": SCALE, "filename": name},
    }


def template(dark: bool = False) -> go.layout.Template:
    """The layout that all figures share, for a light or a dark ground."""
    ink, muted, faint, paper = (
        (_DARK[color] if dark else color) for color in (INK, MUTED, FAINT, PAPER)
    )
    axis = {
        "showline": True,
        "linecolor": muted,
        "linewidth": 1,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": muted,
        "gridcolor": faint,
        "zeroline": False,
        "title": {"standoff": 10},
        "automargin": True,
    }
    cube = {
        "backgroundcolor": paper,
        "gridcolor": faint,
        "linecolor": muted,
        "zeroline": False,
        "showbackground": False,
        "showspikes": False,
    }
    layout = {
        "font": {"family": FONT, "size": 14, "color": ink},
        "paper_bgcolor": paper,
        "plot_bgcolor": paper,
        "colorway": [ink, muted],
        "margin": {"l": 64, "r": 24, "t": 24, "b": 52},
        "xaxis": {**axis, "showgrid": False},
        "yaxis": axis,
        "scene": {"xaxis": cube, "yaxis": cube, "zaxis": cube},
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "xanchor": "left",
            "yanchor": "bottom",
            "bgcolor": "rgba(0,0,0,0)",
        },
        "hoverlabel": {"bgcolor": paper, "bordercolor": muted, "font": {"color": ink}},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": muted, "activecolor": ink},
        "annotationdefaults": {"showarrow": False, "font": {"color": ink}},
        "coloraxis": {"colorbar": {"outlinewidth": 0, "ticks": "outside"}},
    }
    image = {"colorbar": {"outlinewidth": 0, "thickness": 14}}
    return go.layout.Template(layout=layout, data={"heatmap": [image]})


def blank(**layout: Any) -> go.Figure:
    """An empty figure in the light template, for two columns unless ``layout`` says otherwise."""
    layout = {"template": template(), "height": COLUMNS["double"][1], **layout}
    return go.Figure().update_layout(**layout)


def subplots(rows: int = 1, cols: int = 1, **options: Any) -> go.Figure:
    """Empty panels in the light template; options as of ``plotly.subplots.make_subplots``."""
    return make_subplots(rows, cols, **options).update_layout(template=template())


def line(
    figure: go.Figure,
    x: Any,
    y: Any,
    name: Any = None,
    color: Any = INK,
    dash: Any = "solid",
    width: Any = 2,
    **more: Any,
) -> None:
    """Add a line; ``more`` belongs to the trace (and names the subplot, by ``row`` and ``col``)."""
    style = {"color": color, "dash": dash, "width": width}
    figure.add_scatter(**{"x": x, "y": y, "name": name, "mode": "lines", "line": style, **more})


def marks(
    figure: go.Figure,
    x: Any,
    y: Any,
    name: Any = None,
    color: Any = INK,
    symbol: Any = "circle",
    size: Any = 8,
    edge: Any = None,
    **more: Any,
) -> None:
    """Add markers, with an ``edge`` (Plotly's ``marker.line``) if given; ``more`` as in
    :func:`line`."""
    style = {"color": color, "symbol": symbol, "size": size, "line": edge or {}}
    figure.add_scatter(**{"x": x, "y": y, "name": name, "mode": "markers", "marker": style, **more})


def band(figure: go.Figure, x: Any, low: Any, high: Any, color: str, **more: Any) -> None:
    """Add a band from ``low`` to ``high``, without an entry in the legend; ``more`` as in
    :func:`line`."""
    quiet = {"line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    there, back = [*x, *x[::-1]], [*high, *low[::-1]]
    figure.add_scatter(x=there, y=back, fill="toself", fillcolor=color, **quiet, **more)


def key(figure: go.Figure, name: str, color: str, **more: Any) -> None:
    """Add an entry to the legend that no trace of its own stands for."""
    marks(figure, [None], [None], name, color, "square", 12, **more)


def message(text: str) -> go.Figure:
    """A figure that has nothing to show, and says so in a line."""
    figure = blank().update_xaxes(visible=False).update_yaxes(visible=False)
    note(figure, text, x=0.5, y=0.5, xanchor="center", yanchor="middle", size=15)
    return figure


def note(figure: go.Figure, text: str, *, size: int = 12, **place: Any) -> None:
    """Write a line in muted ink on the figure; by default below the title of the horizontal axis,
    at the left edge, with the room that it needs."""
    if "y" not in place:
        place |= {"y": 0, "yshift": -50}
        figure.update_layout(margin={"b": max(figure.layout.margin.b or 0, 82)})
    place = {"x": 0, "xanchor": "left", "yanchor": "top", "align": "left", **place}
    figure.add_annotation(
        text=text,
        xref=place.pop("xref", "paper"),
        yref=place.pop("yref", "paper"),
        font={"size": size, "color": MUTED},
        **place,
    )


def themed(figure: go.Figure, dark: bool) -> go.Figure:
    """A copy of the figure for a dark or a light ground: every colour of this module replaced by
    its twin, everything else as it was."""
    spec = figure.to_dict()
    spec["layout"].pop("template", None)
    copy = go.Figure(_swap(spec, _DARK if dark else _LIGHT), skip_invalid=False)
    return copy.update_layout(template=template(dark))


def themed_color(color: str, dark: bool) -> str:
    """A colour of this module as it is on a dark or a light ground."""
    return _DARK.get(color, color) if dark else color


def _swap(value: Any, twins: dict[str, str]) -> Any:
    if isinstance(value, str):
        if value.startswith("<span style='color:#"):  # a label's colour mark
            return _HEX.sub(lambda found: twins.get(found[0], found[0]), value)
        return twins.get(value, value)
    if isinstance(value, dict):
        return {key: _swap(item, twins) for key, item in value.items()}
    if isinstance(value, list | tuple):
        if len(value) > 64 and not isinstance(value[0], dict | list | tuple):
            return value  # data, not style
        return [_swap(item, twins) for item in value]
    return value


def sized(figure: go.Figure, column: str = "double") -> go.Figure:
    """A copy of the figure, laid out for one or two columns of a paper.

    Raises:
        ValueError: unknown column.
    """
    if column not in COLUMNS:
        raise ValueError(f"unknown column {column!r}; columns: {', '.join(COLUMNS)}")
    width, height = COLUMNS[column]
    copy = go.Figure(figure)
    taller = (figure.layout.height or COLUMNS["double"][1]) / COLUMNS["double"][1]
    copy.update_layout(width=width, height=round(height * taller))
    return copy


def signed(figure: go.Figure, text: str) -> go.Figure:
    """A copy of the figure with a small line at its lower edge that says where it comes from: its
    run, epoch and epsilon. Give it no text that a user can set."""
    copy = go.Figure(figure)
    bottom = figure.layout.margin.b
    bottom = figure.layout.template.layout.margin.b if bottom is None else bottom
    copy.update_layout(
        height=(figure.layout.height or COLUMNS["double"][1]) + SIGNATURE,
        margin={"b": bottom + SIGNATURE},
        title={
            "text": text,
            "x": 0,
            "y": 0,
            "xref": "container",
            "yref": "container",
            "xanchor": "left",
            "yanchor": "bottom",
            "pad": {"l": 10, "b": 4},
            "font": {"size": 11, "color": MUTED},
            "automargin": False,
        },
    )
    return copy


def type_color(name: str, dark: bool = False) -> str:
    """Colour of one type; muted ink for a name that is none (a group of types, say)."""
    return themed_color(PALETTE.get(name, MUTED), dark)


def type_label(name: str) -> str:
    """What a type is called in legends and tables; other names stay as they are."""
    return LABELS.get(name, name)


def log_axis(values: Any) -> dict[str, Any]:
    """Plotly's settings of a logarithmic axis over these values, with labels that do not crowd."""
    values = np.asarray(values, dtype=float)
    ends = np.log10(values[np.isfinite(values) & (values > 0)])
    decades = np.ptp(ends) if len(ends) else 0
    step = "D2" if decades < 2 else math.ceil(decades / 6)  # D2: also at 2 and 5
    return {"type": "log", "exponentformat": "power", "dtick": step}


def round_step(span: float, parts: int) -> float:
    """1, 2 or 5 times a power of ten that goes into ``span`` about ``parts`` times, not more."""
    rough = span / parts
    unit = 10.0 ** math.floor(math.log10(rough))
    return next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 0..1 as ``85.3 %``, which does not break; a dash where it is not known."""
    return (
        "–" if share is None or share != share else f"{share * 100:.{digits}f}\N{NO-BREAK SPACE}%"
    )


def points(difference: float, digits: int = 2) -> str:
    """A difference of shares as signed percentage points: ``−0.05 pp``."""
    value = round(difference * 100, digits) + 0.0
    sign = "+" if value > 0 else "−" if value < 0 else "±"
    return f"{sign}{abs(value):.{digits}f}\N{NO-BREAK SPACE}pp"


def count(number: float) -> str:
    """A count with separators: ``1,518``."""
    return f"{int(number):,}"


def spread(values: list[float], gap: float) -> list[float]:
    """Positions as close to the values as can be but at least ``gap`` apart, in the same order:
    where direct labels of lines can stand."""
    from scipy.optimize import isotonic_regression  # half a second that most figures do not need

    order, steps = np.argsort(values, kind="stable"), gap * np.arange(len(values))
    placed = np.empty(len(values))
    placed[order] = isotonic_regression(np.asarray(values)[order] - steps).x + steps
    return placed.tolist()
