"""The settings of a cache, kept in it: how many jobs run at once, and how large it may grow.

The environment goes first: ``SRNN_JOBS``, ``SRNN_CACHE_LIMIT`` (bytes).
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import Any

from srnn import paths
from srnn.files import read_json, write_json, writing

MOST_JOBS = 256


@dataclass(frozen=True)
class Settings:
    """``jobs`` at once (1 to 256; None: cores minus one, at least one), ``cache_limit`` bytes of
    finished runs (None: no limit).

    Raises:
        ValueError: a value is out of range.
    """

    jobs: int | None = None
    cache_limit: int | None = None

    def __post_init__(self) -> None:
        if self.jobs is not None and not (type(self.jobs) is int and 1 <= self.jobs <= MOST_JOBS):
            raise ValueError(f"jobs = {self.jobs!r}: expected a whole number, 1 to {MOST_JOBS}")
        limit = self.cache_limit
        if limit is not None and not (type(limit) is int and limit >= 1_000_000):
            raise ValueError(f"cache_limit = {limit!r}: expected bytes, at least 1,000,000")


def read_settings() -> Settings:
    """The settings; what cannot be read is at its default."""
    try:
        return Settings(**read_json(paths.settings_file()))
    except (OSError, ValueError, TypeError):
        return Settings()


def change_settings(**changes: Any) -> Settings:
    """Change some settings of this cache.

    Raises:
        ValueError: a value is out of range.
        CacheError: the cache cannot be written.
    """
    settings = dataclasses.replace(read_settings(), **changes)
    with writing(paths.cache_root()):
        write_json(paths.settings_file(), dataclasses.asdict(settings))
    return settings


def worker_limit() -> int:
    """Trainings that may run at once: ``SRNN_JOBS``, the setting, or cores minus one (at least
    one)."""
    named = _from_environment("SRNN_JOBS")
    if named is not None:
        return min(max(1, named), MOST_JOBS)
    return read_settings().jobs or max(1, (os.cpu_count() or 2) - 1)


def cache_limit() -> int | None:
    """Bytes that finished runs may take: ``SRNN_CACHE_LIMIT``, the setting, or None."""
    named = _from_environment("SRNN_CACHE_LIMIT")
    return read_settings().cache_limit if named is None else max(0, named)


def _from_environment(name: str) -> int | None:
    try:
        return int(os.environ[name])
    except (KeyError, ValueError):
        return None
