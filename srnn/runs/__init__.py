"""Runs: the only place that touches the cache folder or starts processes.

A run is a folder from the moment it is asked for: :mod:`~srnn.runs.record` says what its files may
hold, :mod:`~srnn.runs.draft` writes them, :class:`~srnn.runs.run.Run` reads them. The runs there
are (:mod:`~srnn.runs.library`), obtaining one (:mod:`~srnn.runs.train`), asking for one or for any
other command in the background (:mod:`~srnn.runs.jobs`, :mod:`~srnn.runs.worker`,
:mod:`~srnn.runs.parallel`); what people say of runs (``labels``), sharing them (``share``), room on
the disk (``space``), the cache's ``settings``, and the tables of experiments (``results``).
Whatever writes raises :class:`~srnn.files.CacheError` where the cache cannot be written. Nothing
here imports torch before something is trained.
"""

from srnn.runs.jobs import (
    Cancelled,
    Job,
    Progress,
    cancel,
    forget,
    latest,
    list_jobs,
    read_job,
    resume,
    step,
    submit,
    submit_command,
)
from srnn.runs.library import Damaged, find_run, get_run, is_run_id, list_all, list_runs
from srnn.runs.parallel import in_parallel
from srnn.runs.run import Run, RunError, describe, open_run
from srnn.runs.settings import worker_limit
from srnn.runs.train import obtain, obtain_seeds
from srnn.runs.worker import ensure_workers, last_words, work
