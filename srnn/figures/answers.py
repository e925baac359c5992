"""What a network answers to one picture, before and after pruning."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from srnn.figures.style import INK, MUTED, PAPER, blank, message


def answer_bars(table: pd.DataFrame) -> go.Figure:
    """Probability of every class, two bars each: ``class, before, after`` (0..1)."""
    if not len(table):
        return message("No class to answer with.")
    figure = blank(barmode="group", bargap=0.25, height=300)
    for column, name, marker in (
        ("before", "before pruning", {"color": INK}),
        ("after", "after pruning", {"color": PAPER, "line": {"color": MUTED, "width": 1.5}}),
    ):
        figure.add_bar(
            x=table["class"].to_numpy(),
            y=100 * table[column].to_numpy(),
            name=name,
            marker=marker,
            hovertemplate="class %{x}: %{y:.1f} %",
        )
    figure.update_xaxes(title="Class", dtick=1 if len(table) <= 20 else None)
    figure.update_yaxes(title="Probability (%)", range=[0, 100])
    return figure
