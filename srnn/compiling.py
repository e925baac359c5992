"""Compiling by numba, its machine code kept where nobody but this user can have put it.

Numba reads what it kept by pickle, so whoever can write there can run anything here. It is kept in
a folder of the user's own (:func:`private_folder`), never beside the code, and shared by all
processes of that user.
"""

import contextlib
import hashlib
import inspect
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from stat import S_ISDIR, S_ISVTX
from typing import Any

import numba
from numba.core.caching import FunctionCache

log = logging.getLogger(__name__)


class _Kept(FunctionCache):
    """Kept code that cannot be read or written is compiled anew, nothing else."""

    def load_overload(self, *about: Any) -> Any:
        with _told("read"):
            return super().load_overload(*about)

    def save_overload(self, *about: Any) -> None:
        with _told("kept"):
            super().save_overload(*about)


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # a broken index may raise anything
        log.warning("compiled code cannot be %s on disk: %s", what, error)


def compiled(function: Callable, sources: Sequence[str], **options: Any) -> Callable:
    """A function that numba compiles at its first call for each number type; kept on disk where
    there is a private folder that works, else compiled anew in every process.

    ``sources`` are the modules beside the function's own whose code it is made of: numba watches
    only the file that the function is in, so its name carries a digest of them all.
    """
    function.__qualname__ = f"{function.__name__}_{_digest(function, sources)}"
    found = numba.njit(**options)(function)
    if (folder := private_folder()) is not None:
        names = ("CACHE_DIR", "CACHE_LOCATOR_CLASSES")
        before = [getattr(numba.config, name) for name in names]
        try:
            for name, value in zip(names, (str(folder), "UserProvidedCacheLocator"), strict=True):
                setattr(numba.config, name, value)
            with contextlib.suppress(RuntimeError):  # it can no longer be written
                found._cache = _Kept(function)
        finally:
            for name, value in zip(names, before, strict=True):
                setattr(numba.config, name, value)
    return found


def _digest(function: Callable, sources: Sequence[str]) -> str:
    """12 hex digits of the source of all that is compiled."""
    file = Path(inspect.getfile(function))
    texts = (file.with_name(f"{name}.py").read_bytes() for name in (file.stem, *sources))
    return hashlib.sha256(b"".join(texts)).hexdigest()[:12]


def private_folder() -> Path | None:
    """The user's folder for machine code, made (0700) if need be; None if there can be none.

    The first place that is safe: below ``NUMBA_CACHE_DIR``, the user's cache, the system's
    temporary folder. It is the user's alone, and neither it nor a folder above it can be written or
    renamed by anybody else but root.
    """
    for place in _places():
        try:
            folder = place.resolve() / f"srnn-compiled-{os.getuid()}"
            folder.mkdir(0o700, parents=True, exist_ok=True)
            if _is_private(folder):
                return folder
        except (OSError, RuntimeError):  # it cannot be made, or links go round in circles
            continue
    return None


def _places() -> Iterator[Path]:
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        if os.environ.get(name):
            yield Path(os.environ[name])
    home = os.path.expanduser("~")  # noqa: PTH111 - which raises where nobody has a home
    if home != "~":
        yield Path(home, ".cache")
    yield Path(tempfile.gettempdir())


def _is_private(folder: Path) -> bool:
    own = folder.lstat()
    if not S_ISDIR(own.st_mode) or own.st_uid != os.getuid() or own.st_mode & 0o077:
        return False
    above = [parent.stat() for parent in folder.parents]
    return all(
        stat.st_uid in (0, own.st_uid) and (not stat.st_mode & 0o022 or stat.st_mode & S_ISVTX)
        for stat in above
    )
