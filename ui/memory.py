"""Keeps page reruns short: what was imported once is no garbage, and what the first act on a
particle needs is imported before it.

Streamlit collects garbage after every rerun of a page, and so walks through every object of torch,
pandas and scikit-learn each time, for a tenth of a second or more. Objects that are frozen are not
looked at again.
"""

import functools
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


@functools.cache
def warm() -> None:
    """Load, once and in the background, what acting on the first page's network needs: begun when
    that page has been sent, and late enough for its first picture to be drawn before."""
    timer = threading.Timer(2, _load)
    timer.daemon = True
    timer.start()


def _load() -> None:
    import srnn.analysis.attribution  # noqa: F401
    import ui.microscope  # noqa: F401
    from srnn.engines import prepare
    from srnn.tasks import load_task

    load_task("mnist")
    prepare()
    settle()
