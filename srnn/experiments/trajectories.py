"""PCA() and the trajectory cube: how do the particles' weights move?

The log asked for a PCA of the weight snapshots as a data frame with the columns Epoch, Weight (the
particle's name) and dim_1 to dim_n, and drew it as a cube. The placebo are random walks: a few
components always hold most of those, too.
"""

import numpy as np
import plotly.graph_objects as go

from srnn.analysis.trajectories import Trajectories, fit_trajectories, sample_particles
from srnn.experiments.base import FIRST_SEED, Experiment, Found, Tables, final_codes, trainings
from srnn.experiments.claims import at_least, question, within
from srnn.figures.trajectories import trajectory_cube
from srnn.metanet import particle_table
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.vocabulary import TYPES

MAIN = "h = 4"
SHOWN = 100
"""Particles in the cube; the fit is over all of them."""
FLAT = 0.95
"""Share of a path's variance from which three components are nearly all of it."""
arms = trainings({MAIN: {"neurons": 4}})


def fit(run: Run, snapshots: np.ndarray, kind: str) -> Trajectories:
    """Three components of snapshots ``(T, n, P)`` of a run, or of a walk like it."""
    table = particle_table(run.shape)
    return fit_trajectories(
        snapshots,
        run.snapshot_epochs,
        table["particle"].tolist(),
        table["layer"].to_numpy(),
        components=3,
        fit=kind,
        particles=sample_particles(np.ones(run.shape.particles, dtype=bool), SHOWN),
    )


def random_walk(snapshots: np.ndarray, seed: int) -> np.ndarray:
    """Paths ``(T, n, P)`` with steps as long as the real ones, each in a random direction."""
    steps = np.diff(snapshots, axis=0)
    turned = np.random.default_rng(seed).standard_normal(steps.shape, dtype=np.float32)
    turned *= np.linalg.norm(steps, axis=1, keepdims=True) / np.linalg.norm(
        turned, axis=1, keepdims=True
    )
    return np.concatenate([snapshots[:1], snapshots[:1] + np.cumsum(turned, axis=0)])


def held(found: Trajectories) -> float:
    """Share of variance that three components hold, mean over the groups that were fitted."""
    return float(found.explained.groupby("group")["share"].sum().mean())


def measure(run: Run) -> Computed:
    """What three components hold: of all paths together, of each by itself, and of random walks;
    the data frame of the first seed."""
    whole, own = fit(run, run.snapshots, "all"), fit(run, run.snapshots, "particle")
    walk = fit(run, random_walk(np.asarray(run.snapshots), run.config.seed), "particle")
    facts = {"whole": held(whole), "own": held(own), "walk": held(walk)}
    if run.config.seed != FIRST_SEED:
        return facts, {}
    frame, codes = whole.frame, final_codes(run)
    kinds = dict(zip(whole.names, (TYPES[codes[i]] for i in whole.particles), strict=True))
    shares = whole.explained[["component", "share"]]
    return facts, {"trajectories": frame.assign(type=frame["Weight"].map(kinds)), "shares": shares}


CLAIMS = (
    question(
        "variance of a particle's own path in three components",
        within(MAIN, "own", "walk", "random walks with steps as long"),
        at_least(FLAT, "five percent are left out of the cube"),
        "a particle's own path fits into the cube",
        "a particle's own path does not fit into the cube",
    ),
)


def finding(found: Found) -> list[str]:
    return [
        f"Three components hold {found.text(MAIN, 'own')} of a particle's own path, and "
        f"{found.text(MAIN, 'whole')} of all paths in one fit; of random walks with steps as long "
        f"{found.text(MAIN, 'walk')}."
    ]


def figure(tables: Tables) -> go.Figure:
    """The cube of two components and the epoch, of one run."""
    frame = tables["trajectories"]
    names = list(dict.fromkeys(frame["Weight"]))
    epochs = frame[frame["Weight"] == names[0]]["Epoch"].to_numpy()
    columns = ["dim_1", "dim_2", "dim_3"]
    coordinates = frame[columns].to_numpy(dtype=np.float32).reshape(len(names), len(epochs), 3)
    kinds = frame.drop_duplicates("Weight")["type"]
    codes = np.array([TYPES.index(name) for name in kinds], dtype=np.uint8)
    shares = tables["shares"]["share"].tolist()
    return trajectory_cube(coordinates.transpose(1, 0, 2), epochs, codes, names, shares=shares)


EXPERIMENT = Experiment(
    "8", __doc__, arms, CLAIMS, figure, measure, finding, (MAIN,), "trajectories", "trajectories"
)
