"""Tasks in processes of this machine. A process that dies costs its current run, which another one
then does again (from its last checkpoint); joblib's loky would give up all that is under way.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

ATTEMPTS = 4
"""Times that a run is tried if the process that trains it dies."""

ROOT = Path(__file__).resolve().parents[2]
"""Where the package lies, for processes that are started in another folder."""


class LocalWorkers:
    """So many processes on this machine, each with one torch thread. A context manager: leaving it
    ends the processes, whatever they do."""

    def __init__(self, workers: int) -> None:
        self.workers = max(1, workers)
        self._waiting: queue.SimpleQueue[tuple[dict[str, Any], int] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._processes: list[subprocess.Popen[str] | None] = [None] * self.workers
        self._ending = False
        for index in range(self.workers):
            threading.Thread(target=self._serve, args=(index,), daemon=True).start()

    def __enter__(self) -> LocalWorkers:
        return self

    def __exit__(self, *failure: object) -> None:
        self._ending = True
        for index in range(self.workers):
            self._waiting.put(None)
            self._end(index)

    def submit(self, task: dict[str, Any]) -> None:
        """Hand in a task of :mod:`srnn.sweeps.work`."""
        self._waiting.put((task, 1))

    def next(self) -> dict[str, Any]:
        """The answer that is there next. A run whose process died :data:`ATTEMPTS` times answers
        with an ``error``."""
        return self._answers.get()

    def _serve(self, index: int) -> None:
        while (item := self._waiting.get()) is not None and not self._ending:
            task, attempt = item
            answer = self._ask(index, task)
            if answer is not None:
                self._answers.put(answer)
            elif attempt < ATTEMPTS:
                self._waiting.put((task, attempt + 1))
            else:
                error = f"its process died {attempt} times (out of memory?)"
                self._answers.put({"run_id": task["run_id"], "error": error})

    def _ask(self, index: int, task: dict[str, Any]) -> dict[str, Any] | None:
        """The answer of a process, started if there is none; None if it died over it."""
        process = self._processes[index] or self._start()
        self._processes[index] = process
        assert process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except (OSError, ValueError):
            line = ""
        if line.endswith("\n"):
            return json.loads(line)
        self._end(index)
        return None

    @staticmethod
    def _start() -> subprocess.Popen[str]:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        return subprocess.Popen(
            [sys.executable, "-m", "srnn.sweeps.work"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path},
        )

    def _end(self, index: int) -> None:
        process, self._processes[index] = self._processes[index], None
        if process is not None:
            process.kill()
            process.wait()
