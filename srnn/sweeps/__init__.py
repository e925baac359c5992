"""Sweeps: many runs from one small file, on this machine or on a cluster.

A file says which settings vary (:mod:`srnn.sweeps.plan`); every run is one task that any worker can
do (:mod:`srnn.sweeps.work`), in local processes (:mod:`srnn.sweeps.local`) or on a Dask cluster
(:mod:`srnn.sweeps.cluster`). :func:`srnn.sweeps.driver.sweep` does what is not cached and keeps one
row a run; a map is refined where its answer changes (:mod:`srnn.sweeps.refine`).
"""
