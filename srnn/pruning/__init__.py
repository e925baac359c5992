"""Pruning: which connections can go, in what order, and whether replicators are the right ones.

From the ground up: :mod:`~srnn.pruning.subject` (a trained MetaNet and what is needed to judge its
particles), :mod:`~srnn.pruning.criteria` (orders of particles), :mod:`~srnn.pruning.masks` (what
survives), :mod:`~srnn.pruning.curves` (accuracy against sparsity), :mod:`~srnn.pruning.controls`
(is it more than small weights and dead pixels?), :mod:`~srnn.pruning.sweeps` (is it the threshold,
alpha, the size?), :mod:`~srnn.pruning.retrain` and :mod:`~srnn.pruning.dense` (training what
survived), :mod:`~srnn.pruning.trained` (rivals trained from scratch) and
:mod:`~srnn.pruning.rivals` (the whole table).
"""

from srnn.pruning.criteria import CRITERIA, Criterion, order_of
from srnn.pruning.masks import count_of, drop_first, natural_count
from srnn.pruning.subject import Subject

__all__ = [
    "CRITERIA",
    "Criterion",
    "Subject",
    "count_of",
    "drop_first",
    "natural_count",
    "order_of",
]
