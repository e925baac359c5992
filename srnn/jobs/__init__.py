"""Jobs: obtaining runs here (:mod:`srnn.jobs.obtain`) or in the background
(:mod:`srnn.jobs.queue`); their state is in files (:mod:`srnn.jobs.files`)."""

from srnn.jobs.files import Cancelled, Job, Progress, list_jobs, read_job, read_log, read_progress
from srnn.jobs.obtain import obtain
from srnn.jobs.population import obtain_seeds, shares
from srnn.jobs.queue import cancel, forget, resume, submit, work
from srnn.jobs.slots import ensure_workers, last_words
from srnn.store.settings import worker_limit

__all__ = [
    "Cancelled",
    "Job",
    "Progress",
    "cancel",
    "ensure_workers",
    "forget",
    "last_words",
    "list_jobs",
    "obtain",
    "obtain_seeds",
    "read_job",
    "read_log",
    "read_progress",
    "resume",
    "shares",
    "submit",
    "work",
    "worker_limit",
]
