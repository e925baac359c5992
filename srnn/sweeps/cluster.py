"""The same tasks on a Dask cluster that is there already: ``--scheduler tcp://...``.

One task a run, keyed by its id. What a worker answers is taken and its future released at once: a
future that is kept is computed *again* when the worker that held it dies. Only a few tasks per
thread are with the scheduler at a time, so neither its memory nor the driver's grows.

A worker trains in a cache of its own, so a run that another driver had it train is there when it is
asked for again: a driver that was killed and restarted asks first who has what.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srnn.config import ConfigError
from srnn.sweeps.work import VersionsDiffer, compare, do, failed, versions

if TYPE_CHECKING:
    from distributed import Client, Future, Worker

AHEAD = 3
"""Tasks with the scheduler for every thread of the cluster."""

ATTEMPTS = 10
"""Times that a run is handed in again when its worker died or refused it."""

CONNECT = 10.0

LOOK = 10.0
"""Seconds between two looks at how many workers there are."""


def connect(address: str) -> Client:
    """A client of a cluster all of whose workers have the versions that are here.

    Raises:
        ConfigError: Dask is not installed, nobody answers, or a worker differs.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError(
            'a cluster needs Dask: pip install "dask[distributed]" here and on the workers'
        ) from error
    if not re.fullmatch(r"(tcp|tls|ucx|ws|wss|inproc)://\S+|[\w.-]+:\d+", address):
        raise ConfigError(f"{address!r:.80}: no Dask scheduler's address, such as tcp://HOST:8786")
    try:
        client = Client(address, timeout=CONNECT, set_as_default=False)
        with contextlib.suppress(TimeoutError):  # a cluster that has just been started
            client.wait_for_workers(1, timeout=CONNECT)
        asked = {  # as tasks: what answers outside of one would hold up the worker's event loop
            worker: client.submit(versions, workers=[worker], pure=False)
            for worker in client.nthreads()
        }
        found = client.gather(asked)
    except (OSError, TimeoutError, ValueError) as error:
        raise ConfigError(f"no Dask scheduler answers at {address} ({error})") from error
    except ModuleNotFoundError as error:
        raise ConfigError(f"a worker of {address} has no srnn package: {error}") from error
    if not found:
        raise ConfigError(f"{address} has no workers; start some: dask worker {address}")
    here, other = versions(), []
    for worker, there in found.items():
        try:
            compare(there, here)
        except RuntimeError as error:
            other.append(f"{worker}: {error}")
    if other:
        client.close()
        raise ConfigError("; ".join(other))
    return client


class DaskWorkers:
    """The workers of a cluster, with the interface of :class:`srnn.sweeps.local.LocalWorkers`."""

    def __init__(self, address: str) -> None:
        from distributed import as_completed

        self._client = connect(address)
        self._threads, self._look_again = 1, 0.0
        self._under_way: dict[str, tuple[dict[str, Any], int]] = {}
        self._done = as_completed(loop=self._client.loop)
        self._holders: dict[str, str] | None = None

    @property
    def workers(self) -> int:
        """Threads of the workers, at least one; asked for anew every few seconds, since a cluster
        may grow."""
        if time.monotonic() > self._look_again:
            self._look_again = time.monotonic() + LOOK
            self._threads = max(1, sum(self._client.nthreads().values()))
        return self._threads

    @property
    def ahead(self) -> int:
        """Tasks that may be with the scheduler."""
        return AHEAD * self.workers

    def __enter__(self) -> DaskWorkers:
        return self

    def __exit__(self, *failure: object) -> None:
        self._client.close()

    def submit(self, task: dict[str, Any]) -> None:
        """Hand in a task; to the worker that has its run already, if there is one."""
        if self._holders is None:
            found = self._client.run(_runs_there, on_error="ignore")
            self._holders = {run_id: worker for worker, runs in found.items() for run_id in runs}
        self._hand_in(task, 1)

    def _hand_in(self, task: dict[str, Any], attempt: int) -> None:
        assert self._holders is not None
        holder = self._holders.pop(task["run_id"], None)
        key = task["run_id"] if attempt == 1 else f"{task['run_id']}-{attempt}"
        self._under_way[key] = (task, attempt)
        place = {"workers": [holder], "allow_other_workers": True} if holder else {}
        self._done.add(self._client.submit(_do, task, key=key, pure=False, **place))

    def next(self) -> dict[str, Any]:
        """The answer that is there next; an ``error`` if the run failed, or its workers died
        :data:`ATTEMPTS` times."""
        from distributed import CancelledError, KilledWorker

        while True:
            future: Future = next(self._done)
            task, attempt = self._under_way.pop(str(future.key))
            try:
                return future.result()
            except Exception as error:
                lost = (KilledWorker, CancelledError, VersionsDiffer, OSError)
                if not isinstance(error, lost) or attempt == ATTEMPTS:
                    return failed(task, error)
            finally:
                future.release()
            self._hand_in(task, attempt + 1)


def _do(task: dict[str, Any]) -> dict[str, Any]:
    from distributed import get_worker

    _own_cache(get_worker())
    return do(task)


def _runs_there(dask_worker: Worker) -> list[str]:
    """The runs in a worker's cache, finished or begun."""
    from srnn import paths

    _own_cache(dask_worker)
    return sorted(path.name for path in paths.runs_folder().glob("*"))


def _own_cache(worker: Worker) -> None:
    """A cache in the worker's own folder, unless it was started with one (``SRNN_CACHE``)."""
    if "SRNN_CACHE" not in os.environ:
        os.environ["SRNN_CACHE"] = str(Path(worker.local_directory).parent / "srnn-cache")
