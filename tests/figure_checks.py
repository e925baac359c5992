"""What every figure must hold, whichever function drew it: nothing lies outside its axes, and no
label outside the figure. A blank or a cut figure passes most other tests."""

import functools
import importlib
import inspect
import pkgutil
import re
from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np
import plotly.graph_objects as go

import srnn.figures

GLYPH = 0.58
"""Width of a character, in font sizes; sans-serif text is about 0.5 wide."""


def makers() -> Iterator[tuple[str, str, Callable[..., go.Figure]]]:
    """Every public function of :mod:`srnn.figures` that makes a figure: module, name, function."""
    for found in pkgutil.iter_modules(srnn.figures.__path__, "srnn.figures."):
        for name, function in inspect.getmembers(importlib.import_module(found.name)):
            own = getattr(function, "__module__", "") == found.name and not name.startswith("_")
            if own and getattr(function, "__annotations__", {}).get("return") is go.Figure:
                yield found.name, name, function


def check_all_makers() -> None:
    """From here on, whoever calls one of the :func:`makers` gets a figure that lies inside its
    axes, or an error. Before other modules take their names."""

    def checked(function: Callable[..., go.Figure]) -> Callable[..., go.Figure]:
        @functools.wraps(function)
        def make(*arguments: object, **options: object) -> go.Figure:
            figure = function(*arguments, **options)
            assert_within_axes(figure)
            return figure

        return make

    for module, name, function in list(makers()):
        setattr(importlib.import_module(module), name, checked(function))


def assert_within_axes(figure: go.Figure) -> None:
    """Each value of each trace lies in the range of its axis, where that is fixed; and an axis that
    must match another one is not left without a range of its own. A panel that the figure calls a
    close-up may leave out what another one shows."""
    close_up = (figure.layout.meta or {}).get("close_up")
    stacked: dict[tuple, np.ndarray] = defaultdict(lambda: np.zeros(1))
    for trace in figure.data:
        if trace.type in ("scatter", "scattergl", "bar", "heatmap"):
            for letter in "xy":
                axis = _axis(figure, letter, getattr(trace, f"{letter}axis", None))
                values = _along(trace, letter)
                if values is None or (close_up and letter == "y" and trace.yaxis == close_up):
                    continue
                upright = (letter == "y") == (getattr(trace, "orientation", None) != "h")
                if trace.type == "bar" and upright and figure.layout.barmode == "stack":
                    key = (trace.xaxis, trace.yaxis)
                    values = stacked[key] = stacked[key] + np.nan_to_num(values)
                if getattr(trace, "stackgroup", None) and letter == "y":
                    values = stacked[trace.stackgroup] = stacked[trace.stackgroup] + values
                _assert_in(values, axis, f"{trace.type} {trace.name!r}, {letter}")
                for edge in _whiskers(trace, letter, values):
                    _assert_in(edge, axis, f"whiskers of {trace.name!r}, {letter}")
        elif trace.type == "scatter3d":
            scene = figure.layout[trace.scene or "scene"]
            for letter in "xyz":
                values = _numbers(getattr(trace, letter))
                if values is not None:
                    _assert_in(values, scene[f"{letter}axis"], f"cube {trace.name!r}, {letter}")


def assert_labels_inside(figure: go.Figure, width: int = 691) -> None:
    """Each text beside the plot fits into the margin beside it."""
    right = figure.layout.margin.r
    right = figure.layout.template.layout.margin.r if right is None else right
    for note in figure.layout.annotations:
        if note.xref == "paper" and note.x >= 1 and note.xanchor == "left":
            size = note.font.size or figure.layout.template.layout.font.size
            lines = (re.sub(r"<[^>]*>", "", line) for line in note.text.split("<br>"))
            plain = max(lines, key=len)
            assert len(plain) * GLYPH * size <= right, f"{plain!r} is wider than {right} pixels"
        if note.yref == "paper":
            assert -0.5 <= note.y <= 1.3, note.text


def _assert_in(values: np.ndarray, axis: object, what: str) -> None:
    finite = values[np.isfinite(values)]
    if axis.range is None:
        matched = getattr(axis, "matches", None)
        assert matched is None or axis.autorange is not False, f"{what}: matched, no range"
        return
    low, high = sorted(float(edge) for edge in axis.range)
    if axis.type == "log":
        finite = np.log10(finite[finite > 0])
    if len(finite):
        slack = 1e-6 * max(1.0, abs(low), abs(high))
        assert finite.min() >= low - slack, f"{what}: {finite.min()} below {low}"
        assert finite.max() <= high + slack, f"{what}: {finite.max()} above {high}"


def _whiskers(trace: object, letter: str, values: np.ndarray) -> list[np.ndarray]:
    """The ends of a trace's error bars along an axis."""
    bars = getattr(trace, f"error_{letter}", None)
    if bars is None or bars.array is None:
        return []
    up = _numbers(bars.array)
    down = up if bars.arrayminus is None else _numbers(bars.arrayminus)
    return [values + np.nan_to_num(up), values - np.nan_to_num(down)]


def _axis(figure: go.Figure, letter: str, name: str | None) -> object:
    return figure.layout[f"{letter}axis{(name or letter)[1:]}"]


def _along(trace: object, letter: str) -> np.ndarray | None:
    """A trace's values along an axis; None where they are categories, or nothing is drawn."""
    if trace.type == "heatmap" and getattr(trace, letter) is None:
        if np.ndim(trace.z) < 2:
            return None
        size = np.asarray(trace.z).shape[1 if letter == "x" else 0]
        return np.array([0.0, size - 1.0])
    return _numbers(getattr(trace, letter))


def _numbers(values: object) -> np.ndarray | None:
    if values is None:
        return None
    try:
        return np.asarray([np.nan if value is None else value for value in values], dtype=float)
    except (TypeError, ValueError):
        return None
