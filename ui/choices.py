"""Controls that several pages share. What is chosen goes into the state and the address."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from srnn.analysis.connectivity import ALL, CHOICES, SURVIVORS
from srnn.vocabulary import EPSILON, GLOSSARY, LABELS, TYPES
from ui.state import EPSILONS, SETTLE, View, bound, get


def choose(label: str, options: Sequence[str], texts: Sequence[str], about: str, name: str) -> str:
    """One of a few, always one; the first one at first. ``name`` is its name in the address."""
    names = dict(zip(options, texts, strict=True))
    value = get(name)
    st.segmented_control(
        label,
        list(options),
        required=True,
        format_func=names.__getitem__,
        help=about or None,
        **bound(name, value if value in names else options[0], options[0]),
    )
    return st.session_state[name]


def pick(
    label: str,
    options: Sequence[str],
    texts: Sequence[str],
    about: str,
    name: str,
    width: int = 200,
) -> str:
    """One of many, in a list; the first one at first."""
    names = dict(zip(options, texts, strict=True))
    value = get(name)
    st.selectbox(
        label,
        list(options),
        format_func=names.__getitem__,
        help=about or None,
        width=width,
        **bound(name, value if value in names else options[0], options[0]),
    )
    return st.session_state[name]


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


def connections() -> str:
    """Which connections of the macro network to show."""
    names = {SURVIVORS: "survivors", ALL: "all connections"}
    about = "Survivors: no replicators. Or all connections, or those of one type."
    texts = [names.get(keep) or f"only {LABELS[keep]}" for keep in CHOICES]
    return pick("Connections", CHOICES, texts, about, "keep")


def types() -> list[str]:
    """Particle types to show; none chosen means all."""
    about = "The types at the epoch looked at."
    return subset("Types", TYPES, about, "types", LABELS.__getitem__)


def epoch_scale() -> str:
    """How epochs are spread along an axis."""
    about = "Logarithmic: most happens in the first few epochs. Linear: every epoch is as wide."
    return choose("Epochs", ("log", "linear"), ("logarithmic", "linear"), about, "scale")


def epoch(view: View) -> None:
    """The clock of a run's pages: which of the recorded epochs they show."""
    epochs = view.run.snapshot_epochs
    if len(epochs) == 1:
        st.caption(f"One snapshot only, of epoch {epochs[0]}.")
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
        sorted({*EPSILONS, view.epsilon}),
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
