"""The figure of every row of the research log: tables of its outcome in, figure out."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go

from srnn.figures import experiments_networks as networks
from srnn.figures import experiments_particles as particles
from srnn.figures import experiments_runs as runs

FIGURES: dict[int, tuple[str, Callable[[dict[str, pd.DataFrame]], go.Figure]]] = {
    1: ("types", runs.types),
    2: ("by_type", particles.dropout),
    3: ("scalars", particles.scalars),
    4: ("collapse", particles.collapse),
    5: ("shares", particles.explain),
    6: ("membership", particles.membership),
    7: ("thinning", runs.thinning),
    8: ("trajectories", particles.trajectories),
    9: ("comparison", networks.structures),
    10: ("ends", particles.sanity),
    11: ("records", runs.main_run),
    12: ("sizes", networks.sizes),
    13: ("records", runs.longer),
    14: ("records", runs.residual),
    15: ("baselines", networks.baselines),
    16: ("goals", networks.goals),
    17: ("speed", networks.speed),
}
"""Per row: the name of the table behind the figure, and the figure."""


def row_figure(row: int, tables: dict[str, pd.DataFrame]) -> go.Figure:
    """The figure of a row.

    Raises:
        KeyError: there is no such row, or a table is missing.
    """
    return FIGURES[row][1](tables)
