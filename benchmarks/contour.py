"""How near a refined map's contour is to a full grid's: ``python -m benchmarks.contour``.

The share of replicators over alpha and the learning rate, small networks on the digits, a mean of
a few seeds at each point: once on a 32 x 32 grid, once refined around a share of 0.5 with 15 % of
the grid's runs. At every learning rate of the grid the contour is where the share, linear between
the points, crosses 0.5; the distance is in decades of alpha. Where the share jumps, a grid knows
its own contour only to a part of its spacing (0.13 decades), so both are also held against the
place itself, found by halving the grid's interval further with runs of its own.
"""

import json
import sys
import time

import numpy as np
from scipy.interpolate import LinearNDInterpolator

from srnn.fixpoints import classify
from srnn.sweeps.plan import Plan, make_plan
from srnn.sweeps.refine import Refinement
from srnn.tasks import task_of
from srnn.training import train
from srnn.vocabulary import is_replicator

SIDE, SEEDS, LEVEL = 32, 4, 0.5
BASE = {"dataset": "digits", "depth": 3, "width": 3, "neurons": 3, "batch_size": 50, "epochs": 8}


def share(plan: Plan, point: dict[str, float]) -> float:
    """Replicators among the particles of a point's networks, at their last epoch, 0..1."""
    import torch

    from srnn.particles import position_encoding

    found = []
    for config in plan.configs(point):
        *_, last = train(config, task_of(config))
        encoding = torch.from_numpy(position_encoding(config.neurons, config.encoding))
        codes = classify(torch.from_numpy(np.array(last.state.weights)), encoding)
        found.append(is_replicator(codes).mean())
    return float(np.mean(found))


def crossings(alphas: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Where shares along log10 of alpha cross the level, linear between two.

    >>> crossings(np.array([0.0, 1.0, 2.0]), np.array([0.25, 0.25, 0.75])).tolist()
    [1.5]
    """
    low, high = shares[:-1], shares[1:]
    at = np.flatnonzero((low < LEVEL) != (high < LEVEL))
    part = (LEVEL - low[at]) / (high[at] - low[at])
    return alphas[at] + part * (alphas[at + 1] - alphas[at])


def place(plan: Plan, lr: float, low: float, high: float, steps: int = 5) -> float:
    """Where the share crosses the level between two values of log10 alpha that lie on either side
    of it, by halving."""
    above = share(plan, {"alpha": 10**high, "lr": lr}) >= LEVEL
    for _ in range(steps):
        middle = (low + high) / 2
        if (share(plan, {"alpha": 10**middle, "lr": lr}) >= LEVEL) == above:
            high = middle
        else:
            low = middle
    return (low + high) / 2


def summary(far: list[float]) -> dict[str, float]:
    """Median, ninth decile and largest of distances, and the share within 0.05 decades."""
    found = np.array(far)
    within = float((found <= 0.05).mean())
    median, ninth, largest = (float(np.quantile(found, at)) for at in (0.5, 0.9, 1))
    return {"median": median, "p90": ninth, "largest": largest, "within_0.05": within}


def distances(plan: Plan, side: int) -> dict[str, object]:
    """The distance of the two contours at every learning rate where the grid has one."""
    started = time.perf_counter()
    xs, ys = (
        np.array([values.at(k / (side - 1)) for k in range(side)])
        for values in plan.varied.values()
    )
    grid = np.array([[share(plan, {"alpha": x, "lr": y}) for x in xs] for y in ys])
    refinement, known = Refinement(plan), []
    while len(known) < plan.budget // len(plan.seeds):
        point = refinement.ask()
        assert point is not None
        known.append((*np.log10(list(point.values())), share(plan, point)))
        refinement.tell(point, known[-1][2])
    places, values = np.array(known)[:, :2], np.array(known)[:, 2]
    surface = LinearNDInterpolator(places, values)
    fine = np.linspace(np.log10(xs[0]), np.log10(xs[-1]), 4001)
    apart: dict[str, list[float]] = {"refined to grid": [], "refined to place": []}
    apart["grid to place"], without = [], 0
    for y, row in zip(ys, grid, strict=True):
        line = surface(fine, np.full_like(fine, np.log10(y)))
        there = np.isfinite(line)
        refined = crossings(fine[there], line[there])
        for at in crossings(np.log10(xs), row):
            if not len(refined):
                without += 1
                continue
            cell = np.searchsorted(np.log10(xs), at)
            truth = place(plan, y, np.log10(xs[cell - 1]), np.log10(xs[cell]))
            apart["refined to grid"].append(float(np.abs(refined - at).min()))
            apart["refined to place"].append(float(np.abs(refined - truth).min()))
            apart["grid to place"].append(float(abs(at - truth)))
    return {
        "grid_runs": side**2 * len(plan.seeds),
        "refined_runs": len(known) * len(plan.seeds),
        "crossings": len(apart["grid to place"]) + without,
        "missed": without,
        "decades": {name: summary(far) for name, far in apart.items() if far},
        "seconds": round(time.perf_counter() - started, 1),
        "shares": [round(float(one), 3) for one in np.quantile(grid, [0, 0.25, 0.5, 0.75, 1])],
    }


def main() -> None:
    """Print the distances as JSON; ``--quick``: of an 8 x 8 grid and one seed."""
    side, seeds = (8, 1) if "--quick" in sys.argv else (SIDE, SEEDS)
    asked = {"alpha": [0.1, 1000], "lr": [0.002, 0.2], "measure": "replicator_share"}
    budget = int(0.15 * side**2) * seeds
    asked |= {"budget": budget, "level": LEVEL, "seed": list(range(seeds))}
    print(json.dumps(distances(make_plan({"base": BASE, "map": asked}), side), indent=1))


if __name__ == "__main__":
    main()
