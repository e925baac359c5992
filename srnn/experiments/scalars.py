"""gnf(1) → approximate weight: which single number does a particle multiply its input by?

The log asked a particle for f(0,0,0,0,1) and took the answer as the approximate weight of its
connection. Particles are linear, so it is exact up to rounding; with tanh between their layers it
would not be.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch

from srnn.analysis.collapse import scalar_errors, scalars
from srnn.experiments.base import FIRST_SEED, Experiment, Found, Tables, final_codes, trainings
from srnn.experiments.claims import Log, at_most, question, within
from srnn.figures.membership import scalar_histogram
from srnn.metanet import particle_table
from srnn.particles import matrices
from srnn.runs import Run
from srnn.runs.results import Computed
from srnn.vocabulary import TYPES

MAIN, LARGE = "h = 4", "h = 8"
arms = trainings({LARGE: {"neurons": 8}, MAIN: {"neurons": 4}})


def bent_errors(weights: np.ndarray, probes: tuple[float, ...] = (0.25, 0.5, 2.0)) -> np.ndarray:
    """What f(1) would miss if particles were not linear: the largest |f(x) - x f(1)| over the
    probes, with tanh after both hidden layers of the same weights ``(n, P)`` -> ``(P,)``."""
    w1, w2, w3 = matrices(torch.from_numpy(np.array(weights)))

    def answer(x: float) -> torch.Tensor:
        hidden = torch.tanh(w1[:, 4] * x)
        hidden = torch.tanh((w2 * hidden[None]).sum(1))
        return (w3 * hidden).sum(0)

    one = answer(1.0)
    return torch.stack([(answer(x) - x * one).abs() for x in probes]).amax(0).numpy()


def measure(run: Run) -> Computed:
    """The error of f(1), linear and with tanh, to the largest weight; medians by type."""
    weights, codes = scalars(run.weights).astype(float), final_codes(run)
    size, largest = np.abs(weights), np.abs(weights).max()
    facts = {
        "error": float(scalar_errors(run.weights).max() / largest),
        "bent": float(bent_errors(run.weights).max() / largest),
    }
    for name in ("identity", "other"):
        own = size[codes == TYPES.index(name)]
        facts[f"median_{name}"] = float(np.median(own)) if len(own) else float("nan")
    if run.config.seed != FIRST_SEED:
        return facts, {}
    table = pd.DataFrame({"particle": particle_table(run.shape)["particle"]})
    return facts, {"scalars": table.assign(code=codes.astype(int), scalar_weight=weights)}


CLAIMS = tuple(
    question(
        f"relative error of f(1), {arm}",
        within(arm, "error", "bent", "the same weights with tanh between the layers"),
        at_most(1e-5, "rounding of float32 in three matrix products", "exp"),
        f"f(1) is the connection's weight up to rounding ({arm})",
        f"f(1) is only an approximation ({arm})",
        Log('"approximate weight"', "row 3 of the log, without a number"),
    )
    for arm in (LARGE, MAIN)
)


def finding(found: Found) -> list[str]:
    return [
        f"Median |f(1)| at {arm}: {found.text(arm, 'median_other', '3')} for other, "
        f"{found.text(arm, 'median_identity', '3')} for identities."
        for arm in (LARGE, MAIN)
    ]


def figure(tables: Tables) -> go.Figure:
    """How large the scalar weights are, by type, of one run."""
    own = tables["scalars"].query("arm == @LARGE")
    return scalar_histogram(own["scalar_weight"].to_numpy(), own["code"].to_numpy())


EXPERIMENT = Experiment(
    "3", __doc__, arms, CLAIMS, figure, measure, finding, (LARGE, MAIN), "scalars", "membership"
)
