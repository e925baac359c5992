"""The settings of a cache, kept in it: how many processes work at once, and how large it may grow.

The environment has the last word: ``SRNN_JOBS``, ``SRNN_CACHE_LIMIT`` (bytes).
"""

import os
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import Field

from srnn import paths
from srnn.files import Strict, write_json, writing

T = TypeVar("T", int, float)

MOST_JOBS = 256


class Settings(Strict):
    """``jobs`` at once (None: the cores; in the background one is left to the app), ``cache_limit``
    bytes of finished runs (None: no limit)."""

    jobs: Annotated[int, Field(ge=1, le=MOST_JOBS)] | None = None
    cache_limit: Annotated[int, Field(ge=1_000_000, le=10**18)] | None = None


def read_settings() -> Settings:
    """The settings; what cannot be read is at its default."""
    try:
        return Settings.from_file(paths.settings_file())
    except (OSError, ValueError):
        return Settings()


def change_settings(**changes: Any) -> Settings:
    """Change some settings of this cache.

    Raises:
        ValueError: a value is out of range.
    """
    settings = Settings.read(read_settings().model_dump() | changes)
    with writing():
        write_json(paths.settings_file(), settings.model_dump())
    return settings


def worker_limit(*, background: bool = False) -> int:
    """Processes that may work at once, for the queue, an experiment or a comparison alike:
    ``SRNN_JOBS``, the setting, or the cores that this process may use (in the background one less,
    at least one)."""
    named = from_environment("SRNN_JOBS", int)
    named = read_settings().jobs if named is None else named
    if named is not None:
        return min(max(1, named), MOST_JOBS)
    import joblib

    return max(1, joblib.cpu_count() - background)


def cache_limit() -> int | None:
    """Bytes that finished runs may take: ``SRNN_CACHE_LIMIT``, the setting, or None."""
    named = from_environment("SRNN_CACHE_LIMIT", int)
    return read_settings().cache_limit if named is None else max(0, named)


def from_environment(name: str, kind: Callable[[str], T]) -> T | None:
    """The number in a variable of the environment; None if there is none that can be read."""
    try:
        return kind(os.environ[name])
    except (KeyError, ValueError):
        return None
