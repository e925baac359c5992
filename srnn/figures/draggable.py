"""A view of the macro network whose cells can be dragged, as one HTML page that works offline.

Made with pyvis; everything it needs is inside the page, and nothing is fetched from outside.
"""

import html
import re

import networkx as nx

from srnn.figures.layout import edge_frame, place_nodes
from srnn.figures.style import (
    FAINT,
    INK,
    MUTED,
    PAPER,
    count,
    themed_color,
    type_color,
    type_label,
)

MOST_EDGES = 3_000
"""More edges than this are too slow to drag; the strongest are shown, and the page says so."""
_WIDTH, _HEIGHT = 1000, 560
_LINKED = re.compile(r"<link\b[^>]*>|<script\b[^>]*\bsrc\s*=[^>]*>\s*</script>", re.I)
"""Scripts and style sheets elsewhere; what the page needs of them is inlined."""


def draggable_page(graph: nx.DiGraph, dark: bool = False) -> str:
    """The graph as a self-contained HTML page.

    Cells start where the drawing has them, and stay where they are dragged to (no physics).
    ``graph`` as made by :func:`srnn.analysis.connectivity.macro_graph`.
    """
    from pyvis.network import Network

    ink, muted, faint, paper = (themed_color(name, dark) for name in (INK, MUTED, FAINT, PAPER))
    net = Network(
        height=f"{_HEIGHT}px",
        width="100%",
        directed=False,
        bgcolor=paper,
        font_color=ink,
        cdn_resources="in_line",
    )
    net.toggle_physics(False)
    places, edges = place_nodes(graph), edge_frame(graph)
    last = int(places.layer.max(initial=0))
    for node, data in graph.nodes(data=True):
        pixel, number = data["layer"] == 0, graph.degree(node)
        net.add_node(
            int(node),
            label=html.escape(str(data["cell"])) if data["layer"] == last else " ",
            title=html.escape(f"{data['name']}: {count(number)} connections"),
            x=float(places.x[node]) * _WIDTH,
            y=(1 - float(places.y[node])) * _HEIGHT,
            shape="square" if pixel else "dot",
            size=4 if pixel else 9,
            color=(muted if pixel else ink) if number else faint,
            physics=False,
        )
    drawn = edges.nlargest(MOST_EDGES, "size").sort_index()
    top = max(float(drawn["weight"].abs().max()), 1e-9) if len(drawn) else 1.0
    for edge in drawn.to_dict("records"):
        text = f"{edge['particle']}: {type_label(edge['type'])}, scalar weight {edge['weight']:.3g}"
        net.add_edge(
            edge["source"],
            edge["target"],
            title=html.escape(text),
            color=type_color(edge["type"], dark),
            width=0.5 + 3.5 * min(1.0, edge["size"] / top),
        )
    net.options.edges.smooth.enabled = False
    page = _LINKED.sub("", net.generate_html(notebook=False))
    strongest = f"The {count(MOST_EDGES)} strongest of " if len(drawn) < len(edges) else ""
    text = f"{strongest}{count(len(edges))} connections."
    style = (
        f"<style>body{{margin:0;background:{paper}}}.card,#mynetwork{{border:0!important}}"
        f".srnn-note{{font:13px sans-serif;color:{muted};padding:4px 8px}}</style>"
    )
    page = page.replace("</head>", f"{style}</head>", 1)
    return page.replace("</body>", f"<p class='srnn-note'>{text}</p></body>", 1)
