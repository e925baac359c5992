"""Controls that several pages share; what is chosen is kept when the page is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from srnn.analysis.connectivity import ALL, CHOICES, SURVIVORS
from srnn.vocabulary import EPSILON, LABELS, TYPES

EPSILONS = tuple(sorted({float(f"{a}e{b}") for b in range(-12, 1) for a in (1, 3)} - {3.0}))


def choose(label: str, options: Sequence[str], texts: Sequence[str], about: str, key: str) -> str:
    """One of a few, always one; the first one at first."""
    names = dict(zip(options, texts, strict=True))
    return st.segmented_control(
        label,
        list(options),
        default=options[0],
        required=True,
        format_func=names.__getitem__,
        help=about,
        key=key,
        persist_state="session",
    )


def connections() -> str:
    """Which connections of the macro network to show."""
    names = {SURVIVORS: "survivors of pruning", ALL: "all connections"}
    return st.selectbox(
        "Connections",
        CHOICES,
        format_func=lambda keep: names.get(keep) or f"only {LABELS[keep]}",
        key="keep",
        width=200,
        persist_state="session",
        help="Survivors: no replicators. Or all connections, or those of one type.",
    )


def epsilon() -> float:
    """The tolerance of the fixpoint types; the same one on every page of a visit."""
    return st.select_slider(
        "Epsilon",
        EPSILONS,
        value=EPSILON,
        format_func=lambda value: f"{value:.0e}",
        key="epsilon",
        width=205,
        persist_state="session",
        help="How near to zero, or to its own weights, a particle must be to count as zero or "
        f"identity. From {EPSILONS[0]:g} to {EPSILONS[-1]:g}; the log used {EPSILON:g}.",
    )


def epoch(epochs: Sequence[int], run_id: str) -> int:
    """The snapshot to look at; returns its index. Opens on the last one."""
    if len(epochs) == 1:
        st.caption(f"One snapshot only, of epoch {epochs[0]}.")
        return 0
    chosen = st.select_slider(
        "Epoch",
        list(epochs),
        value=epochs[-1],
        key=f"epoch-{run_id}",
        width=205,
        persist_state="session",
        help="The epochs whose weights were kept; 0 is before training.",
    )
    return list(epochs).index(chosen)


def epoch_scale() -> str:
    """How epochs are spread along an axis."""
    about = "Logarithmic: most happens in the first few epochs. Linear: every epoch is as wide."
    return choose("Epochs", ("log", "linear"), ("logarithmic", "linear"), about, "epoch-scale")


def subset(label: str, options: Sequence, about: str, key: str, text: Callable = str) -> list:
    """Some of the options; none chosen means all."""
    return st.multiselect(
        label,
        list(options),
        format_func=text,
        placeholder="all",
        help=about,
        key=key,
        persist_state="session",
    )


def types() -> list[str]:
    """Particle types to show; none chosen means all."""
    about = "The types at the end of training."
    return subset("Types", TYPES, about, "types", LABELS.__getitem__)
