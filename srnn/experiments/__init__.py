"""The research log: every row an experiment, registered here and nowhere else.

The app, the command line and the tests all go through :data:`EXPERIMENTS`. Row 18 of the log has
a part of the program of its own.
"""

from __future__ import annotations

from srnn.experiments import (
    baselines,
    connectivity,
    dropout,
    explain,
    fixpoint_types,
    goals,
    longer,
    membership,
    residual,
    sanity,
    scalars,
    sizes,
    speed,
    structures,
    trajectories,
)
from srnn.experiments.base import Experiment, Outcome, Settings

__all__ = ["EXPERIMENTS", "Experiment", "Outcome", "Settings"]

EXPERIMENTS: dict[int, Experiment] = {
    one.row: one
    for one in (
        fixpoint_types.EXPERIMENT,
        dropout.EXPERIMENT,
        scalars.SCALARS,
        scalars.COLLAPSE,
        explain.EXPERIMENT,
        membership.EXPERIMENT,
        connectivity.THINNING,
        trajectories.EXPERIMENT,
        structures.EXPERIMENT,
        sanity.EXPERIMENT,
        connectivity.MAIN,
        sizes.EXPERIMENT,
        longer.EXPERIMENT,
        residual.EXPERIMENT,
        baselines.EXPERIMENT,
        goals.EXPERIMENT,
        speed.EXPERIMENT,
    )
}
"""All experiments by row of the log."""
