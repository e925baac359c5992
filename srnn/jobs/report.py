"""What a training says while it goes on: its progress, and that it is alive."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from srnn import paths
from srnn.config import RunConfig
from srnn.files import json_number, write_bytes
from srnn.jobs.files import Progress
from srnn.store.checkpoint import Partial

LIVE_ROWS = 400
"""Rows of the live table at most; longer ones are thinned."""

BEAT = 10.0
"""Seconds between two heartbeats."""


class Reporter:
    """Tells the caller every epoch, and the progress file twice a second."""

    def __init__(
        self, config: RunConfig, partial: Partial, tell: Callable[[Progress], None] | None
    ) -> None:
        self.config, self.partial, self.tell = config, partial, tell
        self.started, self.written = time.perf_counter(), 0.0
        self.first_epoch = partial.state.epoch if partial.state else 0

    def report(self, phase: str, now: bool = False) -> None:
        partial, elapsed = self.partial, time.perf_counter() - self.started
        epoch = partial.state.epoch if partial.state else 0
        done = epoch - self.first_epoch
        remaining = elapsed / done * (self.config.epochs - epoch) if done > 0 else None
        progress = Progress(epoch, self.config.epochs, phase, partial.seconds, remaining)
        if self.tell:
            self.tell(progress)
        if now or time.perf_counter() - self.written > 0.5 or phase == "preparing":
            self.written = time.perf_counter()
            rows = partial.rows[:: 1 + len(partial.rows) // LIVE_ROWS]
            clean = [{key: json_number(value) for key, value in row.items()} for row in rows]
            full = dataclasses.replace(progress, rows=clean)
            text = json.dumps(dataclasses.asdict(full), allow_nan=False)
            # a full disk stops a training at its checkpoint, not for a progress bar
            with contextlib.suppress(OSError):
                write_bytes(partial.folder / "progress.json", text.encode(), durable=False)


def note(what: str, run_id: str) -> None:
    """Add a line to the cache's journal: when, which process, what, which run."""
    line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {os.getpid()} {what} {run_id}\n"
    with contextlib.suppress(OSError), paths.journal_file().open("ab") as file:
        file.write(line.encode())


@contextlib.contextmanager
def heartbeat(path: Path) -> Iterator[None]:
    """Touch a file every few seconds, so that other machines see that this process lives."""
    done = threading.Event()

    def beat() -> None:
        while True:
            with contextlib.suppress(OSError):
                if path.parent.is_dir():
                    path.touch()
            if done.wait(BEAT):
                return

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
