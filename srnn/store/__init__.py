"""The store: the only place, beside the jobs, that touches the cache folder.

Finished runs (:mod:`srnn.store.runs`, their format in :mod:`srnn.store.format`), what people say
about them (``labels``), unfinished trainings (``checkpoint``), computed tables (``results``),
sharing (``sharing``), room on the disk (``space``) and the cache's settings (``settings``).
"""

from srnn.store.run import Run, RunError, describe
from srnn.store.runs import (
    find_run,
    find_shorter,
    get_run,
    is_run_id,
    list_damaged,
    list_runs,
    open_run,
    run_size,
    save_run,
    why_aside,
)

__all__ = [
    "Run",
    "RunError",
    "describe",
    "find_run",
    "find_shorter",
    "get_run",
    "is_run_id",
    "list_damaged",
    "list_runs",
    "open_run",
    "run_size",
    "save_run",
    "why_aside",
]
