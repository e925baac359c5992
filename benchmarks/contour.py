"""How near a refined map's contour is to a full grid's: ``python -m benchmarks.contour``.

The share of replicators over alpha and the learning rate, small networks on the digits: once on a
32 x 32 grid with all seeds at each point, once refined around a share of 0.5 with 15 % of the
grid's runs, whose points take turns with the seeds. Both contours are drawn as a map's is
(:mod:`srnn.analysis.contour`) and held against each other: at every learning rate of the grid, in
decades of alpha; and by the shortest way in the plane of both, in decades, to a contour that is
followed a little beyond the plane, as it does not end where it leaves it. The grid's is also held
against another grid's, of as many other seeds: nearer than that no map can be expected to be. Both
are held against the place itself, where half of the seeds are above, found by halving the grid's
interval further with runs of its own.

Options: ``--neurons N``, ``--first SEED``, ``--seeds COUNT``, ``--quick`` (a 16 x 16 grid, one
seed).
"""

import argparse
import json
import time
from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from srnn.analysis.contour import SURE, Contour
from srnn.config import RunConfig
from srnn.fixpoints import classify
from srnn.particles import position_encoding
from srnn.sweeps.driver import LAG, LEAST
from srnn.sweeps.plan import Plan, make_plan
from srnn.sweeps.refine import Refinement
from srnn.tasks import task_of
from srnn.training import Record, train_population
from srnn.vocabulary import is_replicator

SIDE, SEEDS, LEVEL = 32, 16, 0.5
BASE = {"dataset": "digits", "depth": 3, "width": 3, "batch_size": 50, "epochs": 8}
DECADES = np.array([4.0, 2.0])
"""Of alpha and of the learning rate: the sides of the plane."""


def shares(configs: list[RunConfig]) -> list[float]:
    """Replicators among the particles of networks that differ in their seeds, at their last epoch,
    0..1 each; 0 of one that diverged, as in a map."""
    import torch

    last = dict[int, Record]()
    for records in train_population(configs, task_of(configs[0])):
        last |= {k: record for k, record in enumerate(records) if record is not None}
    encoding = position_encoding(configs[0].neurons, configs[0].encoding)
    codes = [
        classify(torch.from_numpy(np.array(last[k].state.weights)), torch.from_numpy(encoding))
        for k in range(len(configs))
    ]
    whole = [not last[k].stopped for k in range(len(configs))]
    return [float(is_replicator(one).mean()) * kept for one, kept in zip(codes, whole, strict=True)]


def gridded(plan: Plan, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Places ``(N, 2)`` in the unit square and values ``(N, S)`` of a grid."""
    at = np.linspace(0, 1, side)
    places = np.array([(x, y) for y in at for x in at])
    return places, np.array([all_shares(plan, place) for place in places])


def refined(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """The same of the points that a map asks for, so many of them under way at once."""
    refinement, points = Refinement(plan), plan.budget // plan.each
    under_way = max(LEAST, points // LAG)
    waiting: deque[dict[str, float]] = deque()
    places, values = [], list[list[float]]()
    for turn in range(points):
        if len(waiting) == under_way:
            refinement.tell(waiting.popleft(), values[turn - under_way])
        asked = refinement.ask()
        assert asked is not None
        waiting.append(asked)
        places.append([plan.varied[name].share(value) for name, value in asked.items()])
        values.append(shares(plan.configs(asked, turn)))
    return np.array(places), np.array(values)


def all_shares(plan: Plan, place: np.ndarray) -> list[float]:
    """The shares of all seeds at a place of the unit square."""
    ranges = plan.varied.items()
    point = {name: r.at(float(share)) for (name, r), share in zip(ranges, place, strict=True)}
    return shares(replace(plan, level=None).configs(point))


def contour_of(places: np.ndarray, values: np.ndarray) -> Contour:
    runs = np.repeat(places, values.shape[1], axis=0)
    return Contour(runs, values.ravel(), LEVEL)


def crossings(at: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Where values cross 0, linear between two.

    >>> crossings(np.array([0.0, 1.0, 2.0]), np.array([-0.25, -0.25, 0.25])).tolist()
    [1.5]
    """
    low, high = values[:-1], values[1:]
    here = np.flatnonzero((low < 0) != (high < 0))
    return at[here] - low[here] / (high[here] - low[here]) * (at[here + 1] - at[here])


def lines(contour: Contour, rows: np.ndarray) -> list[np.ndarray]:
    """The crossings along alpha, in the unit square, at each of these learning rates."""
    fine = np.linspace(0, 1, 801)
    odds = (contour.odds(np.column_stack([fine, np.full_like(fine, row)])) for row in rows)
    return [crossings(fine, one) for one in odds]


def ways(these: Contour, those: Contour) -> list[float]:
    """The shortest way in the plane, in decades, from each place of one contour to another."""
    near = cKDTree(DECADES * those.along(176, 0.05))
    return near.query(DECADES * these.along(160))[0].tolist()


def apart(these: list[np.ndarray], those: list[np.ndarray]) -> list[float]:
    """The way in decades of alpha from every crossing to the nearest of the others at the same
    learning rate; infinite where there is none."""
    return [
        float(DECADES[0] * np.abs(there - at).min(initial=np.inf))
        for here, there in zip(these, those, strict=True)
        for at in here
    ]


def half_above(plan: Plan, place: np.ndarray) -> bool:
    return bool(np.mean(np.array(all_shares(plan, place)) >= LEVEL) >= 0.5)


def true_places(plan: Plan, values: np.ndarray, side: int, steps: int = 6) -> list[np.ndarray]:
    """Where half of the seeds come to be above, by halving each interval of the grid that has the
    change: in the unit square, for every row of the grid."""
    at, above = np.linspace(0, 1, side), (values >= LEVEL).mean(1).reshape(side, side) >= 0.5
    found = []
    for y, row in zip(at, above, strict=True):
        places = []
        for k in np.flatnonzero(row[:-1] != row[1:]):
            low, high = at[k], at[k + 1]
            for _ in range(steps):
                middle = (low + high) / 2
                same = half_above(plan, np.array([middle, y])) == row[k]
                low, high = (middle, high) if same else (low, middle)
            places.append((low + high) / 2)
        found.append(np.array(places))
    return found


def width(contour: Contour) -> float:
    """Half the width of the band of 95 %, in decades: the median over the contour."""
    at, step = contour.points, 1e-3
    slopes = [
        (contour.odds(at + move) - contour.odds(at - move)) / (2 * step * decades)
        for move, decades in zip(step * np.eye(2), DECADES, strict=True)
    ]
    return float(np.median(SURE * contour.deviation(at) / np.hypot(*slopes)))


def summary(far: list[float]) -> dict[str, float]:
    """Number, median, ninth decile and largest of distances, and the share within 0.05 decades."""
    found = np.array(far)
    median, ninth, largest = (float(np.quantile(found, at)) for at in (0.5, 0.9, 1))
    within = float((found <= 0.05).mean())
    return {"n": len(found), "median": median, "p90": ninth, "max": largest, "within_0.05": within}


def distances(plan: Plan, side: int) -> dict[str, object]:
    """The distances of the two contours from each other and from the place itself."""
    started = time.perf_counter()
    grid_places, grid_values = gridded(plan, side)
    few_places, few_values = refined(plan)
    full, few = contour_of(grid_places, grid_values), contour_of(few_places, few_values)
    rows = np.linspace(0, 1, side)
    places = true_places(plan, grid_values, side)
    lines_full, lines_few = lines(full, rows), lines(few, rows)
    others = tuple(seed + len(plan.seeds) for seed in plan.seeds)
    other = contour_of(*gridded(replace(plan, seeds=others), side))
    found = {
        "refined to grid, in the plane": ways(few, full),
        "grid to refined, in the plane": ways(full, few),
        "grid to another grid, in the plane": ways(full, other),
        "another grid to grid, in the plane": ways(other, full),
        "refined to grid": apart(lines_few, lines_full),
        "grid to refined": apart(lines_full, lines_few),
        "place to refined": apart(places, lines_few),
        "place to grid": apart(places, lines_full),
    }
    known = np.array([(x, y) for y, row in zip(rows, places, strict=True) for x in row])
    within = {
        name: float((np.abs(contour.off(known)) <= SURE).mean())
        for name, contour in (("grid", full), ("refined", few))
    }
    return {
        "runs": {"grid": grid_values.size, "refined": few_values.size},
        "claimed": {"grid": full.claimed, "refined": few.claimed},
        "decades": {name: summary(far) for name, far in found.items()},
        "places_in_the_band": within,
        "half_width_of_the_band": {"grid": width(full), "refined": width(few)},
        "seconds": round(time.perf_counter() - started, 1),
    }


def main() -> None:
    """Print the distances as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--neurons", type=int, default=3)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    side, seeds = (16, 1) if options.quick else (SIDE, options.seeds)
    asked: dict[str, Any] = {
        "alpha": [0.1, 1000],
        "lr": [0.002, 0.2],
        "measure": "replicator_share",
    }
    asked |= {"budget": int(0.15 * side**2) * seeds, "level": LEVEL}
    asked |= {"seed": list(range(options.first, options.first + seeds))}
    plan = make_plan({"base": BASE | {"neurons": options.neurons}, "map": asked})
    print(json.dumps(distances(plan, side), indent=1))


if __name__ == "__main__":
    main()
