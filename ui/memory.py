"""Keeps page reruns short: what was imported once is no garbage.

Streamlit collects garbage after every rerun of a page, and so walks through every object of torch,
pandas and scikit-learn each time, for a tenth of a second or more. Objects that are frozen are not
looked at again.
"""

from __future__ import annotations

import gc
import sys
import threading

_seen = 0
_lock = threading.Lock()


def settle() -> None:
    """Freeze what is in memory, if modules have been imported since the last time."""
    global _seen
    with _lock:
        if len(sys.modules) > _seen + 10:
            gc.collect()
            gc.freeze()
            _seen = len(sys.modules)
