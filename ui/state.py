"""What the visitor looks at, in one place: the run, its epoch, epsilon, selected particles, and how
each page draws them.

The state is a dictionary of short texts, exactly as they stand in the address
(``?run=e15c...&epoch=40&epsilon=0.001&picked=3-7,12``), so a link restores it and the menu's links
carry it along. What has its default is left out. A page begins with :func:`restore`; a control is
tied to a name with :func:`bound`; anything else that changes the view, such as a component's
callback, calls :func:`change`. What a page shows of a run, it asks of one :class:`View`.
"""

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from srnn.lineage import unpack
from srnn.runs import Run
from srnn.vocabulary import EPSILON, TYPES

_NAMES = """run from epoch epsilon picked view keep fit cube color scale show types layers cells
    components rank map digit activation method pixels question acts camera image settled base
    changes compared"""
NAMES = frozenset(_NAMES.split())
"""The names that an address may hold; any other is ignored."""
EPSILONS = tuple(sorted({float(f"{a}e{b}") for b in range(-12, 1) for a in (1, 3)} - {3.0}))
"""The marks of the epsilon sliders; any other value can stand in the address."""
SETTLE = (0, 1, 10, 100, 500)
"""Replication steps after which a network can be looked at."""
LONGEST = 1500
"""Characters of one value in an address. A longer selection lives in the session only."""
_KEY, _LINKED = "looked_at", "linked"


@dataclass(frozen=True)
class View:
    """One moment of one run, as every view of it shows it.

    Attributes:
        run: the finished run.
        index: of the snapshot looked at, into ``run.snapshots`` and ``run.snapshot_epochs``.
        epsilon: tolerance of the particle types.
        settled: replication steps that the network was given after that epoch; 0: none.
        picked: indices ``0..particles - 1`` of the selected particles, ascending.
    """

    run: Run
    index: int
    epsilon: float
    picked: tuple[int, ...] = ()
    settled: int = 0

    @property
    def epoch(self) -> int:
        """The epoch looked at: 0 is before training."""
        return self.run.snapshot_epochs[self.index]

    @property
    def kept_index(self) -> int:
        """The epoch's place in ``run.kept``."""
        return self.run.kept.epochs.index(self.epoch)

    @property
    def followed(self) -> np.ndarray:
        """The particles whose weights are kept at every epoch, a mask ``(P,)``."""
        mask = np.zeros(self.run.record.particles, dtype=bool)
        mask[self.run.kept.particles] = True
        return mask

    @property
    def codes(self) -> np.ndarray:
        """Type code of every particle then, ``(P,)``."""
        from ui import cached  # needs torch; most of the app's first page does not

        return cached.kinds(self)

    @property
    def weights(self) -> np.ndarray:
        """The weights of the particles then, ``(n, P)``."""
        from ui import cached

        return cached.weights(self)

    @property
    def at(self) -> str:
        """Where every number of the view holds: ``epoch 200, epsilon 1e-05``."""
        settled = f", settled for {self.settled:,} steps" if self.settled else ""
        return f"epoch {self.epoch:,}, epsilon {self.epsilon:.0e}{settled}"

    @property
    def source(self) -> str:
        """What is written below a figure: ``run e15c3ef6769ad81d · epoch 200 · epsilon 1e-05``."""
        return f"run {self.run.run_id} · {self.at.replace(', ', ' · ')}"

    @property
    def file(self) -> str:
        """The same for the names of files: ``e15c3ef6769ad81d-epoch-200-epsilon-1e-05``."""
        settled = f"-settled-{self.settled}" if self.settled else ""
        return f"{self.run.run_id}-epoch-{self.epoch}-epsilon-{self.epsilon:.0e}{settled}"


def restore() -> None:
    """Begin a page: take over what the address says. One that names a run is a whole view; one
    that does not only changes what it names."""
    kept = _kept()
    given = {name: text[:LONGEST] for name, text in st.query_params.items() if name in NAMES}
    if given and given == st.session_state.get(_LINKED) != _short(kept):
        change()  # a link of the page, which was there before the last acts
    elif given and given != _short(kept):
        st.session_state[_KEY] = given if "run" in given else kept | given
    st.session_state[_LINKED] = _short(_kept())


def place() -> dict[str, str]:
    """The whole state but for the acts."""
    return {name: text for name, text in _kept().items() if name != "acts"}


def view_of(run: Run) -> View:
    """The view of a run that the state asks for. An epoch that was not recorded gives the recorded
    one before it; anything that cannot be read gives the default."""
    epochs = run.snapshot_epochs
    epoch = _number(get("epoch"), int, epochs[-1])
    index = max(0, bisect_right(epochs, epoch) - 1)
    settled = _number(get("settled"), int, 0)
    return View(
        run,
        index,
        epsilon(),
        unpack(get("picked"), run.record.particles),
        settled if settled in SETTLE else 0,
    )


def epsilon() -> float:
    """The tolerance of the particle types, from 0 to 1."""
    value = _number(get("epsilon"), float, EPSILON)
    return value if 0 <= value <= 1 else EPSILON


def ladder(epsilon: float) -> tuple[float, ...]:
    """The epsilons to choose from, this one among them."""
    return tuple(sorted({*EPSILONS, epsilon}))


def keep() -> str:
    """Which connections of the network are looked at: survivors, all, or those of one type."""
    value = get("keep")
    return value if value in ("all", *TYPES) else "survivors"


def color() -> str:
    """What connections are coloured by: type, or (scalar) weight."""
    return "weight" if get("color") == "weight" else "type"


def camera() -> tuple[float, float, float] | None:
    """From where the stage's cube is looked at: yaw and pitch in radians, and zoom; None if it was
    not turned."""
    try:
        yaw, pitch, zoom = (float(word) for word in get("camera").split(","))
    except ValueError:
        return None
    fine = all(map(math.isfinite, (yaw, pitch))) and 0.1 <= zoom <= 10
    return (yaw, pitch, zoom) if fine else None


def get(name: str, default: str = "") -> str:
    """A name's text, or the default where the state has none."""
    return _kept().get(name, default)


def change(**values: Any) -> None:
    """Change the state and the address. None (or an empty text) stands for the default. Another run
    begins at its end, with nothing selected."""
    st.session_state[_KEY] = kept = _merged(values)
    st.query_params.from_dict(_short(kept))


def address(**values: Any) -> dict[str, str]:
    """The address of the present view, with some values changed: for links."""
    return _short(_merged(values))


def bound(name: str, value: Any, default: Any, write: Callable[[Any], str] = str) -> dict[str, Any]:
    """Keyword arguments that tie a widget to a name of the state: it shows ``value``, and what the
    visitor chooses goes into state and address, as ``write`` gives it.

    The widget's key is the name. Give the widget no value or default of its own.
    """
    if name not in NAMES:
        raise KeyError(f"{name!r} is no name of the address; add it to ui.state.NAMES")
    st.session_state[name] = value
    return {"key": name, "on_change": _follow, "args": (name, default, write)}


def _follow(name: str, default: Any, write: Callable[[Any], str]) -> None:
    chosen = st.session_state[name]
    change(**{name: None if chosen is None or chosen == default else write(chosen)})


def _kept() -> dict[str, str]:
    return st.session_state.setdefault(_KEY, {})


def _merged(values: dict[str, Any]) -> dict[str, str]:
    unknown = set(values) - NAMES
    if unknown:
        raise KeyError(f"{', '.join(sorted(unknown))}: no name of the address")
    if values.get("run", get("run")) != get("run"):
        values = {"epoch": None, "picked": None} | values
    merged = _kept() | values
    return {name: str(value) for name, value in merged.items() if value not in (None, "")}


def _short(values: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in values.items() if len(text) <= LONGEST}


def _number(text: str, kind: type, default: Any) -> Any:
    try:
        return kind(text)
    except ValueError:
        return default
