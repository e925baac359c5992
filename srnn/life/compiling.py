"""How the kernels of this package are compiled: by numba, once, kept on disk where that works."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
"""Strict arithmetic: no reordered sums, so a step gives the same bits whoever asks for it."""

INNER: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, **OPTIONS}
"""For kernels that only kernels call: nothing is compiled for Python to call them by."""

jit: Callable = numba.njit(**INNER)


@cache
def _digest() -> str:
    """Names all kernels: numba itself watches only the file that an entry is in."""
    names = ("aggregating", "compiling", "recurrent", "soup", "weightwise")
    texts = (Path(__file__).with_name(f"{name}.py").read_bytes() for name in names)
    return hashlib.sha256(b"".join(texts)).hexdigest()[:12]


def entry(function: Callable) -> Callable:
    """A kernel that Python calls; its machine code is kept beside its file or in the user's cache,
    and compiled anew in every process where neither can be written."""
    function.__qualname__ = f"{function.__name__}_{_digest()}"
    kept: Callable = numba.njit(**OPTIONS, cache=True)
    try:
        return kept(function)
    except RuntimeError:
        alone: Callable = numba.njit(**OPTIONS)
        return alone(function)
