"""How the kernels of this package are compiled: by numba, once, kept on disk where that works."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numba

OPTIONS = {"nogil": True, "error_model": "numpy"}
"""Strict arithmetic: no reordered sums, so a step gives the same bits whoever asks for it."""

jit = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)
"""For kernels that only kernels call."""


@cache
def _digest() -> str:
    """Names the whole package: numba itself watches only the file that an entry is in."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def entry(function: Callable) -> Callable:
    """A kernel that Python calls; its machine code is kept beside its file or in the user's cache,
    and compiled anew in every process where neither can be written."""
    function.__qualname__ = f"{function.__name__}_{_digest()}"
    try:
        return numba.njit(cache=True, **OPTIONS)(function)
    except RuntimeError:
        return numba.njit(**OPTIONS)(function)
