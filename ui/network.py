"""The parts of the page Connectivity: what it says about the network that is left."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from srnn.analysis.connectivity import ALL, SURVIVORS, Pruned
from srnn.figures.style import points, type_label
from ui.text import percent

PANEL = 440
"""Width in pixels of the small figures: two beside each other, or one in a narrow window."""


def finding(pruned: Pruned, keep: str, epoch: int) -> None:
    """The page's answer, with the accuracy before and after beside it."""
    total = pruned.kept + pruned.dropped
    change = (
        f"changes the accuracy from {percent(pruned.before)} to **{percent(pruned.after)}** "
        f"({points(pruned.difference)})"
    )
    if keep == SURVIVORS:
        text = (
            f"At epoch {epoch:,} **{pruned.dropped:,} of {total:,} connections** are dead or only "
            f"replicate themselves. Dropping them {change}; {pruned.kept:,} survive."
        )
    elif keep == ALL:
        text = f"All {total:,} connections of epoch {epoch:,}, at {percent(pruned.before)}."
    else:
        text = (
            f"At epoch {epoch:,} {pruned.kept:,} of {total:,} connections are "
            f"{type_label(keep)}. Keeping only these {change}."
        )
    words, figures = st.columns([3, 1], gap="medium", vertical_alignment="center")
    words.markdown(text)
    with figures.container(horizontal=True, gap="medium", horizontal_alignment="right"):
        st.metric("Before pruning", percent(pruned.before), width="content")
        st.metric("After pruning", percent(pruned.after), width="content")


def isolated(cells: pd.DataFrame) -> None:
    """Hidden and output cells that no kept way leads through."""
    inner = cells[cells["layer"] > 0]
    lost = inner[inner["isolated"]]["name"].tolist()
    if lost:
        named = ", ".join(lost[:12]) + (", ..." if len(lost) > 12 else "")
        st.markdown(f"**{len(lost)} of {len(inner)} neurons are isolated**: {named}.")
    else:
        st.markdown(f"None of the {len(inner)} neurons is isolated.")
