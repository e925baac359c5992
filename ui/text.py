"""Words and numbers as the app writes them. Whatever a user may have typed passes here first."""

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$:~&/@])")
_ALIVE = re.compile(r":(?=\S)|@|www(?=\.)|[-<>=~](?=[-<>=~])", re.I)
_JOINER = "\u2060"


def escape(text: str) -> str:
    """Text for ``st.markdown`` and labels, shown as it is: no formatting, links, images, formulas.

    Addresses, emoji codes and arrows are found even in escaped text, so that they are broken by an
    invisible word joiner.

    >>> escape("*a*")
    '\\\\*a\\\\*'
    """
    words = " ".join(str(text).split())
    return _SPECIAL.sub(r"\\\1", _ALIVE.sub(lambda found: found[0] + _JOINER, words))


def many(number: float, thing: str) -> str:
    """A number of things: ``1 epoch``, ``1,518 epochs``."""
    return f"{int(number):,} {thing}{'' if int(number) == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """Seconds as people say them: ``40 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds is None or seconds != seconds:
        return "not known yet"
    if seconds < 1:
        return "under 1 s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
