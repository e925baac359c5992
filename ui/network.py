"""The parts of the page Connectivity: what it says about the network that is left."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from srnn.analysis.connectivity import ALL, SURVIVORS
from srnn.figures.style import points, type_label
from srnn.store import Run
from srnn.tasks import DataError
from ui import cached
from ui.text import escape, percent

PANEL = 440
"""Width in pixels of the small figures: two beside each other, or one in a narrow window."""


def finding(run: Run, epsilon: float, index: int, keep: str) -> None:
    """The page's answer about a snapshot, with the accuracy before and after beside it; or why it
    cannot be measured."""
    try:
        pruned = cached.pruned(run.run_id, epsilon, index, keep)
    except DataError as error:
        st.warning(
            f"The accuracy cannot be measured here: {escape(str(error))}. Put the run's data back "
            "in that place to see it; everything else is shown without them."
        )
        return
    epoch = run.snapshot_epochs[index]
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
