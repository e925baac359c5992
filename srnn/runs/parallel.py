"""Commands of the lab that work on many pieces, or that a worker runs as a job.

A command that spreads its work (:func:`in_parallel`) takes free slots for its processes, so that
trainings and commands together keep within the limit of the settings.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from srnn import paths
from srnn.files import read_tail
from srnn.runs.jobs import CANCEL, DONE, FAILED, LOG, Progress, job_folder, set_mark, tell
from srnn.runs.lock import Lock
from srnn.runs.worker import says, slots

_mine: Path | None = None
"""The folder of the job that this process is, if it is one."""


def as_job(command: Callable[[], int]) -> int:
    """Run a command and return its exit status. If a worker started this process as a job, it ends
    when the job is cancelled, and how it ended is written down."""
    global _mine
    _mine = job_folder(os.environ.pop("SRNN_JOB", ""))
    if _mine is None:
        return command()
    os.set_inheritable(int(os.environ.pop("SRNN_LOCK")), False)
    threading.Thread(target=_end_if_cancelled, args=(_mine,), daemon=True).start()
    status = command()
    if status == 0:
        set_mark(_mine, DONE)
    else:
        last = read_tail(_mine / LOG).splitlines()[-1:] or [f"it ended with status {status}"]
        set_mark(_mine, FAILED, last[0])
    return status


def job_teller() -> Callable[[Progress], None] | None:
    """What a command tells its progress to if it runs as a job; None if it does not."""
    folder = _mine
    return None if folder is None else lambda progress: tell(folder, progress)


def _end_if_cancelled(folder: Path) -> None:
    while folder.exists():
        if (folder / CANCEL).exists():
            os.killpg(os.getpgid(0), signal.SIGTERM)  # this process and those it has started
        time.sleep(0.3)


def in_parallel(
    function: Callable[[Any], Any], pieces: Sequence[Any], workers: int | None = None
) -> Iterator[tuple[int, Any]]:
    """``(index, function(pieces[index]))`` in the order in which they are done, by separate
    processes with one torch thread each: as many as there are slots free, or ``workers``.

    ``function`` must be importable by name. With one process, or one piece, it runs here.

    Raises:
        Exception: whatever the function raises; the rest is then given up.
    """
    with taken(len(pieces)) if workers is None else contextlib.nullcontext(workers) as count:
        if min(count, len(pieces)) <= 1:
            for index, piece in enumerate(pieces):
                yield index, function(piece)
            return
        import joblib

        cache, parent = str(paths.cache_root()), os.getpid()
        with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
            pool = joblib.Parallel(
                n_jobs=min(count, len(pieces)), return_as="generator_unordered", batch_size=1
            )
            yield from pool(
                joblib.delayed(_one)(function, index, piece, cache, parent)
                for index, piece in enumerate(pieces)
            )


@contextlib.contextmanager
def taken(most: int) -> Iterator[int]:
    """Take as many free slots as there is use for; yields how many processes may work, at least
    one. A job has its worker's slot already; this process itself only waits for the others."""
    own = int(_mine is not None)
    locks: list[Lock] = []
    try:
        with contextlib.suppress(OSError):  # a read-only cache
            paths.slot_file("x").parent.mkdir(parents=True, exist_ok=True)
            for path in slots(background=bool(own)):
                slot = Lock(path)
                if len(locks) + own < most and slot.take():
                    says(slot, f"process {os.getpid()}")
                    locks.append(slot)
        yield max(1, len(locks) + own)
    finally:
        for slot in locks:
            slot.release(remove=True)


def _one(
    function: Callable[[Any], Any], index: int, piece: Any, cache: str, parent: int
) -> tuple[int, Any]:
    import torch

    _end_with(parent)
    os.environ["SRNN_CACHE"] = cache  # a process that is used again may know another one
    torch.set_num_threads(1)
    return index, function(piece)


def _end_with(parent: int) -> None:
    """End this process when the one that it works for is gone, which could not tell it so."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    if not any(thread.name == "end with" for thread in threading.enumerate()):
        threading.Thread(target=watch, name="end with", daemon=True).start()
