"""Controls that several pages share. What is chosen goes into the state and the address."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from srnn.vocabulary import EPSILON, GLOSSARY, LABELS, TYPES
from ui import cached
from ui.state import EPSILONS, SETTLE, View, bound, get, ladder


def choose(label: str, texts: Mapping[str, str], about: str, name: str) -> str:
    """One of a few values, each with its text, always one; the first one at first. ``name`` is its
    name in the address."""
    st.segmented_control(label, required=True, help=about or None, **_one_of(texts, name))
    return st.session_state[name]


def pick(label: str, texts: Mapping[str, str], about: str, name: str, width: int = 200) -> str:
    """One of many values, in a list; the first one at first."""
    st.selectbox(label, help=about or None, width=width, **_one_of(texts, name))
    return st.session_state[name]


def _one_of(texts: Mapping[str, str], name: str) -> dict[str, Any]:
    value, first = get(name), next(iter(texts))
    own = bound(name, value if value in texts else first, first)
    return {"options": list(texts), "format_func": texts.__getitem__, **own}


def subset(label: str, options: Sequence, about: str, name: str, text: Callable = str) -> list:
    """Some of the options; none chosen means all."""
    chosen = get(name).split(",")
    st.multiselect(
        label,
        list(options),
        format_func=text,
        placeholder="all",
        help=about,
        **bound(
            name,
            [option for option in options if str(option) in chosen],
            [],
            lambda values: ",".join(map(str, values)),
        ),
    )
    return st.session_state[name]


def particles(view: View) -> np.ndarray:
    """Particles by their type, weight layer and cell, a mask ``(P,)``; none chosen means all."""
    shape, about = view.run.shape, "The types at the epoch looked at."
    kinds = subset("Types", TYPES, about, "types", LABELS.__getitem__)
    about = "Layer 0 reads the input."
    chosen = {"layer": subset("Weight layers", range(shape.depth), about, "layers")}
    about, cells = "The cell that the connection leads to.", range(max(shape.sizes[1:]))
    chosen["cell"] = subset("Cells", cells, about, "cells")
    mask = np.isin(view.codes, [TYPES.index(kind) for kind in kinds or TYPES])
    for column, values in chosen.items():
        if values:
            mask &= cached.particles(view.run.run_id)[column].isin(values).to_numpy()
    return mask


def epoch_scale() -> str:
    """How epochs are spread along an axis."""
    about = "Logarithmic: most happens in the first few epochs. Linear: every epoch is as wide."
    return choose("Epochs", {"log": "logarithmic", "linear": "linear"}, about, "scale")


def epoch(view: View) -> None:
    """The clock of a run's pages: which of the recorded epochs they show."""
    epochs = view.run.snapshot_epochs
    if len(epochs) == 1:
        sample = view.run.record.sample
        more = (
            f" Earlier epochs: a sample of {sample:,} particles, on Trajectories." if sample else ""
        )
        st.caption(f"One snapshot only, of epoch {epochs[0]}.{more}")
        return
    st.select_slider(
        "Epoch",
        list(epochs),
        width=156,
        help="The epochs whose weights were kept; 0 is before training.",
        **bound("epoch", view.epoch, epochs[-1]),
    )


def epsilon(view: View) -> None:
    """The tolerance of the particle types; the same one for every page."""
    st.select_slider(
        "Epsilon",
        ladder(view.epsilon),
        format_func=lambda value: f"{value:.0e}",
        width=156,
        help="How near to zero, or to its own weights, a particle must be to count as zero or "
        f"identity. From {EPSILONS[0]:g} to {EPSILONS[-1]:g}; the log used {EPSILON:g}.",
        **bound("epsilon", view.epsilon, EPSILON, lambda value: f"{value:g}"),
    )


def settle(view: View) -> None:
    """Whether the network is looked at where it is, or after replication steps only."""
    texts = {0: "at the instant", 1: "after 1 step", **{n: f"after {n} steps" for n in SETTLE[2:]}}
    st.selectbox(
        "Settle",
        SETTLE,
        format_func=texts.__getitem__,
        width=140,
        help=f"{GLOSSARY['settle']} Counts and figures of one epoch follow; curves over epochs "
        "are at the instant.",
        **bound("settled", view.settled, 0),
    )
