"""Where things are kept; the only file that names a path below the cache folder."""

import functools
import os
from functools import partial
from pathlib import Path

BUNDLED_RUNS = Path(__file__).parent / "data" / "runs"
"""Finished runs that ship with the project; read-only."""
BUNDLED_SWEEPS = BUNDLED_RUNS.with_name("sweeps")
"""Finished sweeps that ship with it, without their runs; read-only."""


def cache_root() -> Path:
    """The cache folder: ``SRNN_CACHE``; else ``cache/`` in the project's folder, or, where the
    package is installed without it, ``srnn`` in the user's own cache."""
    named = os.environ.get("SRNN_CACHE")
    return _cache_root(named, "" if not named or named[0] in "/~" else str(Path.cwd()))


@functools.lru_cache(maxsize=8)
def _cache_root(named: str | None, here: str) -> Path:
    project = Path(__file__).parent.parent
    if named:
        return absolute(named)
    if (project / "pyproject.toml").exists():
        return project / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "srnn"


def absolute(text: str | Path) -> Path:
    """The absolute path that somebody means, ``~`` and links followed.

    Raises:
        ValueError: it names a user who is not there, or its links go round in circles.
    """
    try:
        return Path(text).expanduser().resolve()
    except (RuntimeError, OSError) as error:  # what pathlib raises, differs between its versions
        said = str(error).lower()
        reason = "its links go round in circles" if "loop" in said or "levels" in said else said
        reason = "there is no such user" if "home directory" in said else reason
        raise ValueError(f"{str(text)[:200]}: {reason}") from error


def _below(name: str) -> Path:
    return cache_root() / name


runs_folder = partial(_below, "runs")
"""All runs, finished or not, one folder each, named by run id."""
jobs_folder = partial(_below, "jobs")
"""Commands that are asked for in the background, one folder each."""
index_file = partial(_below, "index.json")
"""What the runs' files said when they were listed last, so that listing is quick."""
data_folder = partial(_below, "data")
"""Data sets that were uploaded, one folder of IDX files each."""
settings_file = partial(_below, "settings.json")
"""The settings of this cache: jobs at once, size limit."""
journal_file = partial(_below, "journal.txt")
"""One line for every training begun and ended here, by which process."""
trash_folder = partial(_below, "trash")
"""Deleted runs, until the trash is emptied."""
aside_folder = partial(_below, "damaged")
"""Damaged runs, set aside rather than deleted."""
scratch_folder = partial(_below, "scratch")
"""Where folders are written before they are renamed into place."""
results_folder = partial(_below, "results")
"""Facts and tables that experiments computed, one folder each."""
sweeps_folder = partial(_below, "sweeps")
"""Sweeps that were begun: a plan (TOML) and a table (Parquet) each, named by the plan."""


def run_folder(run_id: str) -> Path:
    """A run of the cache, from the moment it is asked for."""
    return runs_folder() / run_id


def label_file(run_id: str) -> Path:
    """Name, note and pin of a run."""
    return Path(f"{cache_root()}/labels/{run_id}.json")  # asked thousands of times: parsed once


def used_file(run_id: str) -> Path:
    """An empty file, as old as the last use of a run."""
    return Path(f"{cache_root()}/used/{run_id}")


def lock_file(name: str) -> Path:
    """A lock that is held for a moment: of a run's label, of the clean-up."""
    return cache_root() / "locks" / f"{name}.lock"


def slot_file(slot: str) -> Path:
    """Held by the process that works in a slot; says on what."""
    return cache_root() / "slots" / slot
