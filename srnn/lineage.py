"""Where a run comes from, in texts that are part of its settings: its fork, and acts on particles.

A *fork* such as ``e15c3ef6769ad81d@40`` begins with what that run was after 40 epochs. *Acts*
change particles there, one after the other, before training goes on with the run's own settings:

    drop 3-7,12; noise 20-30 0.1 7; settle all 100; retrain 3-7 2; attack-cell all 0.01 7

Particles are indices, ``3-7,12``, or ``all``. What the acts do is :mod:`srnn.acts`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

KINDS: dict[str, tuple[str, ...]] = {
    "drop": (),
    "perfect": (),
    "noise": ("standard deviation", "seed"),
    "settle": ("steps",),
    "retrain": ("epochs",),
    **{
        f"{kind}-{level}": ("ratio", "seed")
        for kind in ("attack", "melt")
        for level in ("cell", "layer", "anywhere")
    },
}
"""The acts, and the numbers that each takes behind its particles."""

_HIGH = {
    "standard deviation": 1e3,
    "ratio": 1,
    "seed": 2**32 - 1,
    "steps": 100_000,
    "epochs": 10_000,
}
ALL = "all"


class LineageError(ValueError):
    """A fork or an act that cannot be read; the message says what is expected."""


@dataclass(frozen=True)
class Act:
    """One act: its kind, the particles it is done to (see :func:`pack`), and its numbers."""

    kind: str
    particles: str
    numbers: tuple[float, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.kind, self.particles, *(f"{number:.12g}" for number in self.numbers)])


def read_acts(text: str) -> tuple[Act, ...]:
    """The acts of a text, in order; an empty text has none.

    Raises:
        LineageError: an act is unknown, or its particles or numbers cannot be read.

    >>> read_acts("drop 5,3,4; settle all 100")
    (Act(kind='drop', particles='3-5', numbers=()), Act(kind='settle', particles='all', \
numbers=(100.0,)))
    """
    return tuple(_read_act(part.split()) for part in text.split(";") if part.strip())


def write_acts(acts: Iterable[Act]) -> str:
    """The one text of some acts: what :func:`read_acts` reads."""
    return "; ".join(map(str, acts))


def _read_act(words: list[str]) -> Act:
    names = KINDS.get(words[0])
    if names is None:
        raise LineageError(f"unknown act {words[0]!r:.40}; acts: {', '.join(KINDS)}")
    usage = " ".join([words[0], "PARTICLES", *(name.upper() for name in names)])
    if len(words) != 2 + len(names):
        raise LineageError(f"{' '.join(words)!r:.60}: expected {usage}")
    numbers = []
    for name, word in zip(names, words[2:], strict=True):
        try:
            number = float(word)
        except ValueError:
            number = -1.0
        if not 0 <= number <= _HIGH[name] or (name in ("steps", "epochs", "seed") and number % 1):
            raise LineageError(f"{name} {word!r:.20}: expected a number from 0 to {_HIGH[name]:g}")
        numbers.append(number)
    spans = ((low, high - 1) for low, high in _read(words[1], 10_000_000) if low < high)
    particles = words[1] if words[1] == ALL else _write(spans)
    if not particles:
        raise LineageError(f"{words[1]!r:.40}: expected particles such as 3-7,12, or all")
    return Act(words[0], particles, tuple(numbers))


def read_fork(text: str) -> tuple[str, int]:
    """Run and epoch of a fork, ``RUN@EPOCH``.

    Raises:
        LineageError: it is not one.
    """
    run_id, _, epoch = text.partition("@")
    known = len(run_id) == 16 and set(run_id) <= set("0123456789abcdef")
    if not known or not epoch.isdecimal() or len(epoch) > 6:
        raise LineageError(f"fork {text!r:.40}: expected RUN@EPOCH, 16 hex digits and a number")
    return run_id, int(epoch)


def pack(indices: Iterable[int]) -> str:
    """Indices as a short text: ``3-7,12``."""
    return _write((int(index), int(index)) for index in indices)


def unpack(text: str, limit: int) -> tuple[int, ...]:
    """The indices below ``limit`` of a text from :func:`pack`; what cannot be read is left out."""
    return tuple(sorted({index for low, high in _read(text, limit) for index in range(low, high)}))


def _read(text: str, limit: int) -> Iterator[tuple[int, int]]:
    """First index and one past the last one of every part of a text."""
    for part in text.split(","):
        low, _, high = part.partition("-")
        if low.isdecimal() and (high or low).isdecimal() and len(part) < 40:
            yield int(low), min(int(high or low) + 1, limit)


def _write(spans: Iterable[tuple[int, int]]) -> str:
    """The text of spans from a first to a last index, however long they are."""
    parts: list[list[int]] = []
    for low, high in sorted(spans):
        if parts and low <= parts[-1][1] + 1:
            parts[-1][1] = max(high, parts[-1][1])
        else:
            parts.append([low, high])
    return ",".join(f"{low}" if low == high else f"{low}-{high}" for low, high in parts)
