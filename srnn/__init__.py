"""srnn: MetaNets of self-replicating particles, trained, measured and pruned.

The layers, from the ground up: :mod:`srnn.config` and :mod:`srnn.tasks` (what is trained),
:mod:`srnn.particles`, :mod:`srnn.fixpoints` and :mod:`srnn.metanet` (the mathematics),
:mod:`srnn.engines` and :mod:`srnn.training` (the loop), :mod:`srnn.runs` (what is kept),
:mod:`srnn.analysis` and :mod:`srnn.experiments` (what is asked), :mod:`srnn.figures` (what is
shown). For use elsewhere: the layers of :mod:`srnn.nn`, and :class:`MetaNetClassifier` for
scikit-learn.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from srnn.estimator import MetaNetClassifier

__all__ = ["MetaNetClassifier"]
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """The estimator, imported when it is first asked for: ``import srnn`` alone stays light."""
    if name == "MetaNetClassifier":
        from srnn.estimator import MetaNetClassifier

        return MetaNetClassifier
    raise AttributeError(f"module 'srnn' has no attribute {name!r}")
