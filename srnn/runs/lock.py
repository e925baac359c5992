"""Locks: a file that one process holds, and that the system frees when that process is gone.

Whether somebody works on something is asked of its lock and of nothing else: no process ids, no
heartbeats. A lock is lost when its file is removed or replaced; who holds it can know
(:meth:`Lock.mine`). A lock handed to a child process is held until both are gone.
"""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from srnn import paths
from srnn.files import CacheError, open_plain, writing

PATIENCE = 3.0
"""Seconds to wait for a lock that others hold for a moment only."""


class Lock:
    """The lock on a file, at first not held; the file's folder must be there.

    ``handle`` is its open file while it is held.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.handle: int | None = None

    def take(self, wait: float = 0.0) -> bool:
        """Try to take it for so many seconds; whether it is held now.

        Raises:
            OSError: the file cannot be made, or is a link, a pipe or a device.
        """
        until = time.monotonic() + wait
        while True:
            with open_plain(self.path, "ab") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if _same(file.fileno(), self.path):
                        self.handle = os.dup(file.fileno())
                        return True
                except BlockingIOError:
                    if time.monotonic() >= until:
                        return False
                    time.sleep(0.02)

    def mine(self) -> bool:
        """Whether it is held, and its file is still where it was."""
        return self.handle is not None and _same(self.handle, self.path)

    def release(self, *, remove: bool = False) -> None:
        """Give it back; with ``remove`` the file goes too, if it is still this one."""
        if self.handle is not None:
            if remove and self.mine():
                self.path.unlink(missing_ok=True)
            os.close(self.handle)
            self.handle = None


def _same(handle: int, path: Path) -> bool:
    try:
        there, held = path.lstat(), os.fstat(handle)
    except OSError:
        return False
    return (there.st_ino, there.st_dev) == (held.st_ino, held.st_dev)


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock on that file."""
    try:
        with open_plain(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


@contextlib.contextmanager
def short_lock(name: str) -> Iterator[None]:
    """Hold one of the cache's locks for a moment, to write; it is waited for :data:`PATIENCE`
    seconds.

    Raises:
        CacheError: the cache cannot be written, or somebody does not let go.
    """
    with writing():
        lock = Lock(paths.lock_file(name))
        lock.path.parent.mkdir(parents=True, exist_ok=True)
        if not lock.take(PATIENCE):
            raise CacheError(errno.EAGAIN, f"another process holds {lock.path}; try again")
        try:
            yield
        finally:
            lock.release()
