"""Life of free particles: what single self-replicating networks do to themselves and to others.

Three kinds of particles (:mod:`weightwise`, :mod:`aggregating`, :mod:`recurrent`) under one
:class:`~srnn.life.recipes.Recipe`; what they do alone and in a :mod:`soup`; the experiments of
2019 with their published figures (:mod:`published`, :mod:`replications`); and what came after:
:mod:`fertility`, :mod:`basins`, :mod:`arithmetic`, :mod:`selection`.
"""
