"""Tasks in processes of this machine. A process that dies costs no more than one run's work, which
another one then does again from the last checkpoints; joblib's loky would give up all that is under
way.

Tasks that differ in their seed only are trained as one population, which gives the same bits in a
fifth to a third less time. A process is handed so many of them as leave the others as much to do;
what one has died over is done alone.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections import deque
from typing import Any, NamedTuple

from srnn.runs.worker import child_environment

ATTEMPTS = 4
"""Times that a run is tried if the process that trains it dies."""

TOGETHER = 8
"""Seeds of one configuration that a process trains at once, at most."""


class _Waiting(NamedTuple):
    """A task, how often it has been tried with this time, and what others must be like to be done
    together with it."""

    task: dict[str, Any]
    attempt: int
    kind: str


class LocalWorkers:
    """So many processes on this machine, each with one torch thread. A context manager: leaving it
    ends the processes, whatever they do."""

    def __init__(self, workers: int) -> None:
        self.workers = max(1, workers)
        self.ahead = TOGETHER * self.workers
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._processes: list[subprocess.Popen[str] | None] = [None] * self.workers
        self._ending = False
        for index in range(self.workers):
            threading.Thread(target=self._serve, args=(index,), daemon=True).start()

    def __enter__(self) -> LocalWorkers:
        return self

    def __exit__(self, *failure: object) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        for index in range(self.workers):
            self._end(index)

    def submit(self, task: dict[str, Any]) -> None:
        """Hand in a task of :mod:`srnn.sweeps.work`."""
        self._put(_Waiting(task, 1, json.dumps({**task["config"], "seed": None}, sort_keys=True)))

    def _put(self, one: _Waiting) -> None:
        with self._changed:
            self._waiting.append(one)
            self._changed.notify()

    def next(self) -> dict[str, Any]:
        """The answer that is there next. A run whose process died :data:`ATTEMPTS` times answers
        with an ``error``."""
        return self._answers.get()

    def _take(self) -> list[_Waiting]:
        """What a process is to do next; nothing if all is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending)
            if self._ending:
                return []
            share = min(TOGETHER, -(-len(self._waiting) // self.workers))
            first = self._waiting.popleft()
            alike = [
                one
                for one in self._waiting
                if one.kind == first.kind and one.attempt == first.attempt == 1
            ]
            for one in alike[: share - 1]:
                self._waiting.remove(one)
            return [first, *alike[: share - 1]]

    def _serve(self, index: int) -> None:
        while taken := self._take():
            answered = self._ask(index, [one.task for one in taken])
            for task, attempt, kind in taken[answered:]:
                if attempt < ATTEMPTS:
                    self._put(_Waiting(task, attempt + 1, kind))
                else:
                    error = f"its process died {attempt} times (out of memory?)"
                    self._answers.put({"run_id": task["run_id"], "error": error})

    def _ask(self, index: int, tasks: list[dict[str, Any]]) -> int:
        """Have a process, started if there is none, do some tasks; how many it has answered before
        it died, if it did."""
        process = self._processes[index] or self._start()
        self._processes[index] = process
        assert process.stdin and process.stdout
        for answered in range(len(tasks)):
            try:
                if not answered:
                    process.stdin.write(json.dumps(tasks) + "\n")
                    process.stdin.flush()
                line = process.stdout.readline()
            except (OSError, ValueError):
                line = ""
            if not line.endswith("\n"):
                self._end(index)
                return answered
            self._answers.put(json.loads(line))
        return len(tasks)

    @staticmethod
    def _start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "srnn.sweeps.work"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=child_environment(),
        )

    def _end(self, index: int) -> None:
        process, self._processes[index] = self._processes[index], None
        if process is not None:
            process.kill()
            process.wait()
