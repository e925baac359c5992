"""How the kernels of this package are compiled (see :mod:`srnn.compiling`)."""

from collections.abc import Callable
from typing import Any

import numba

from srnn.compiling import compiled

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
"""Strict arithmetic: no reordered sums, so a step gives the same bits whoever asks for it."""

INNER: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, **OPTIONS}
"""For kernels that only kernels call: nothing is compiled for Python to call them by."""

SOURCES = ("aggregating", "compiling", "recurrent", "weightwise")

jit: Callable = numba.njit(**INNER)


def entry(function: Callable) -> Callable:
    """A kernel that Python calls."""
    return compiled(function, SOURCES, **OPTIONS)
