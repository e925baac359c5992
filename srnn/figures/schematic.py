"""What a MetaNet is, in one small picture: a dense network, and one of its connections enlarged.

A drawing, not data: which connections are dead or only replicate is chosen for the eye.
"""

from __future__ import annotations

from itertools import pairwise, product

from srnn.figures.style import FONT, INK, MUTED, themed_color, type_color

MACRO, PARTICLE = (4, 3, 3, 2), (5, 2, 2, 1)
DRAWN = {
    "other": {
        (0, 1, 0),
        (0, 2, 1),
        (0, 2, 2),
        (1, 0, 1),
        (1, 1, 1),
        (1, 2, 2),
        (2, 1, 0),
        (2, 2, 1),
    },
    "identity": {(0, 0, 1), (0, 3, 2), (1, 0, 0), (1, 2, 1), (2, 0, 0)},
}
"""Connections (layer, from, to) of the macro network that are not zero."""
CHOSEN = (1, 1, 1)
"""The connection that is enlarged."""
ASKED = ("its weight", "layer", "cell", "index", "activation")
_DASHES = {"zero": "1 4", "identity": "none", "other": "none"}

Point = tuple[float, float]


def schematic(dark: bool = False) -> str:
    """The picture as SVG, for a light or a dark ground."""
    ink, muted = themed_color(INK, dark), themed_color(MUTED, dark)
    macro, particle = _cells(MACRO, 14, 176, 76, 34), _cells(PARTICLE, 318, 398, 76, 21)
    lines: dict[str, list[str]] = {"zero": [], "identity": [], "other": []}
    for layer, (before, after) in enumerate(pairwise(macro)):
        for (start, one), (end, other) in product(enumerate(before), enumerate(after)):
            kinds = (name for name, edges in DRAWN.items() if (layer, start, end) in edges)
            lines[next(kinds, "zero")].append(_line(one, other))
    parts = [
        f'<g stroke="{type_color(kind, dark)}" stroke-width="{1 if kind == "zero" else 2}" '
        f'stroke-dasharray="{_DASHES[kind]}">{"".join(drawn)}</g>'
        for kind, drawn in lines.items()
    ]
    layer, start, end = CHOSEN
    (x0, y0), (x1, y1) = macro[layer][start], macro[layer + 1][end]
    middle = ((x0 + x1) / 2, (y0 + y1) / 2)
    lens = "".join(_line(middle, (220, y)) for y in (16, 136))
    parts.append(
        f'<g stroke="{muted}" stroke-dasharray="2 3">{lens}</g>'
        f'<rect x="220" y="16" width="264" height="120" rx="4" fill="none" stroke="{muted}"/>'
    )
    ways = [
        _line(one, other)
        for before, after in pairwise(particle)
        for one, other in product(before, after)
    ]
    parts.append(f'<g stroke="{type_color("other", dark)}" stroke-width="1.3">{"".join(ways)}</g>')
    dots = [(point, 5.0) for cells in macro for point in cells]
    dots += [(point, 3.5) for cells in particle for point in cells]
    parts += [f'<circle cx="{x:g}" cy="{y:g}" r="{size}" fill="{ink}"/>' for (x, y), size in dots]
    for text, (x, y) in zip(ASKED, particle[0], strict=True):
        parts.append(_text(text, x - 9, y + 4, muted, "end"))
    x, y = particle[-1][0]
    parts.append(_text("new weight", x + 9, y + 4, muted, "start"))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 490 152" role="img" '
        'aria-label="A dense network; one of its connections, enlarged, is a small network that '
        'maps a weight and its position to a new weight" width="490" height="152">'
        f"{''.join(parts)}</svg>"
    )


def _cells(
    sizes: tuple[int, ...], left: float, right: float, middle: float, gap: float
) -> list[list[Point]]:
    step = (right - left) / (len(sizes) - 1)
    return [
        [(left + layer * step, middle + (index - (size - 1) / 2) * gap) for index in range(size)]
        for layer, size in enumerate(sizes)
    ]


def _line(one: Point, other: Point) -> str:
    return f'<path d="M{one[0]:g} {one[1]:g}L{other[0]:g} {other[1]:g}" fill="none"/>'


def _text(text: str, x: float, y: float, color: str, anchor: str) -> str:
    style = f'fill="{color}" font-size="12.5" font-family="{FONT}" text-anchor="{anchor}"'
    return f'<text x="{x:g}" y="{y:g}" {style}>{text}</text>'
