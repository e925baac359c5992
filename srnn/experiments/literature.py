"""Micro structures inside macro networks: what the literature had (row 9)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

FILE = Path(__file__).parent.parent / "data" / "literature.csv"


def literature_table() -> pd.DataFrame:
    """One row per work: what plays the micro network, what is shared, how it is trained, what came
    out, and where to read it (``work, year, micro_network, shared, training, headline, source``).
    Facts from the papers themselves."""
    return pd.read_csv(FILE)
