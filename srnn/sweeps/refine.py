"""A map that is refined where it changes: new runs go where the answer is least known.

The library *adaptive* keeps a triangulation of the plane; every next point divides the triangle
with the largest loss. Without a level the loss is its own (how far the measure bends away from a
plane, times area); with a ``level`` each point says which part of its runs is above it, and only
triangles between points that disagree count in full, so the runs gather along that contour.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from srnn.config import ConfigError
from srnn.sweeps.plan import Plan, Range

FINEST = 2.0**-13
"""Area (of the unit square) below which a triangle is not divided any more."""

ELSEWHERE = 0.05
"""Share of its area that a triangle away from the level counts with: some runs look for other
branches of the contour."""

MARGIN = 0.06
"""How far beyond its sides the plane is triangulated around a level, in sides; a point out there is
trained at the side. Triangles at a side are seldom divided along it, and a contour would be least
known where it leaves the plane."""


def learner(around: bool) -> Any:
    """An adaptive learner on the unit square; of parts of runs, and on :data:`MARGIN` more, if it
    is to look ``around`` where half of them are above a level.

    Raises:
        ConfigError: the library is not installed.
    """
    try:
        from adaptive import Learner2D
        from adaptive.learner.learner2D import areas, default_loss
    except ImportError as error:
        raise ConfigError("a refined map needs adaptive: pip install adaptive") from error

    def around_half(surface: Any) -> np.ndarray:
        values = surface.values[surface.tri.simplices][..., 0]
        size = areas(surface)
        crossed = (values.min(1) <= 0.5) & (values.max(1) >= 0.5)
        return np.where(size < FINEST, 0.0, size * np.where(crossed, 1.0, ELSEWHERE))

    loss, margin = (around_half, MARGIN) if around else (default_loss, 0.0)
    found = Learner2D(None, [(-margin, 1.0 + margin)] * 2, loss_per_triangle=loss)
    found.stack_size = 1  # its answers count from the next question on
    return found


class Refinement:
    """A map that grows: :meth:`ask` for points, :meth:`tell` what came out there, or at any other.

    ``points`` are settings of the plan's two fields; whole-numbered fields are rounded, and a point
    that rounds to one that is known is answered at once.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._learner = learner(plan.level is not None)
        self._places: dict[tuple[Any, ...], list[tuple[float, float]]] = {}
        self._known: dict[tuple[Any, ...], float] = {}

    def ask(self) -> dict[str, Any] | None:
        """The next point to compute; None if another answer must come first (all that could be
        asked is under way)."""
        for _ in range(100):
            (place,), _ = self._learner.ask(1)
            inside = np.clip(place, 0.0, 1.0).tolist()
            ranges: dict[str, Range] = self.plan.varied
            point = {name: r.at(s) for (name, r), s in zip(ranges.items(), inside, strict=True)}
            key = tuple(point.values())
            if key in self._known:
                self._learner.tell(place, self._known[key])
            elif key in self._places:
                self._places[key].append(place)
            else:
                self._places[key] = [place]
                return point
        return None

    def tell(self, point: dict[str, Any], values: Sequence[float]) -> None:
        """What came out at a point that was asked for, one value a run."""
        key, ranges, level = tuple(point.values()), self.plan.varied, self.plan.level
        told = np.mean(values if level is None else np.array(values) >= level)
        self._known[key] = float(told)
        own = tuple(round(ranges[name].share(point[name]), 9) for name in ranges)
        for place in self._places.pop(key, [own]):
            self._learner.tell(place, self._known[key])
