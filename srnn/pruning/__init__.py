"""Pruning: which connections can go, in what order, and whether replicators are the right ones.

From the ground up: :mod:`~srnn.pruning.dense` (plain dense networks, many at once),
:mod:`~srnn.pruning.subject` (a trained MetaNet and what is needed to judge its particles),
:mod:`~srnn.pruning.criteria` (orders of particles), :mod:`~srnn.pruning.masks` (what survives),
:mod:`~srnn.pruning.curves` (accuracy against sparsity), :mod:`~srnn.pruning.controls` (is it more
than small weights and quiet inputs?), :mod:`~srnn.pruning.sweeps` (is it the threshold, alpha, the
size?), :mod:`~srnn.pruning.retrain` (training what survived), :mod:`~srnn.pruning.scratch` (rivals
trained from scratch), :mod:`~srnn.pruning.measure` (the pieces of the whole table) and
:mod:`~srnn.pruning.answers` (what it says). The table itself is an experiment,
:mod:`srnn.experiments.rivals`; where it breaks is one, too, :mod:`srnn.experiments.limits`.
"""
