"""srnn: MetaNets of self-replicating particles, trained, measured and pruned.

The layers, from the ground up: :mod:`srnn.config` and :mod:`srnn.tasks` (what is trained),
:mod:`srnn.particles`, :mod:`srnn.fixpoints` and :mod:`srnn.metanet` (the mathematics),
:mod:`srnn.engines` and :mod:`srnn.training` (the loop), :mod:`srnn.store` and :mod:`srnn.jobs`
(what is kept), :mod:`srnn.analysis` and :mod:`srnn.experiments` (what is asked),
:mod:`srnn.figures` (what is shown).
"""
