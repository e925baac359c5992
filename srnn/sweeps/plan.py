"""What a sweep consists of: one TOML file, read into a :class:`Plan`.

::

    [base]                       # any fields of a run; recipe and preset too
    dataset = "digits"
    epochs = 20

    [grid]                       # every combination
    alpha = [1, 10, 100]
    neurons = [2, 4, 8]
    seed = [0, 1, 2]

Instead of ``[grid]`` there may be ``[random]`` (``count`` samples of ranges) or ``[map]`` (two
ranges, a ``measure``, a ``budget`` of runs, refined where the measure changes, or around a
``level`` of it). A range is ``[low, high]``, or a table ``{low, high, log}``; it is logarithmic
unless said if it spans two decades or more. A list of texts, or of three numbers or more, is a
choice. ``seed`` is always a list of seeds, and each point is trained with all of them; a point
around a ``level`` with :data:`EACH`, in turn.
``[measures]`` may name functions of one's own: ``entropy = "my_measures:entropy"``. A ``title`` may
stand before the sections.
"""

import dataclasses
import hashlib
import itertools
import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from srnn.config import DEFAULT_RECIPE, ConfigError, RunConfig, describe, field_names, make_config
from srnn.files import read_file
from srnn.presets import PRESETS
from srnn.sweeps.measures import MEASURES
from srnn.tasks import DataError, resolve

MOST_RUNS = 1_000_000
"""Runs that a plan may have."""

MOST_BYTES, MOST_DOTS = 500_000, 200
"""Bytes of a file, and dots in one of its lines: Python's TOML reader takes time and memory by the
square of the names that dots join."""

EACH = 2
"""Seeds of a point around a level. More points place a contour better than more runs at a point,
and all seeds have their say in it if they take turns."""

KINDS = ("grid", "random", "map")


@dataclass(frozen=True)
class Range:
    """The values of a field from ``low`` to ``high``, evenly spread or (``log``) by ratios."""

    low: float
    high: float
    log: bool
    whole: bool

    def at(self, share: float) -> float | int:
        """The value at a share (0..1) of the range.

        >>> Range(1, 100, True, False).at(0.5)
        10.0
        """
        if self.log:
            value = math.exp(math.log(self.low) + share * math.log(self.high / self.low))
        else:
            value = self.low + share * (self.high - self.low)
        return round(value) if self.whole else float(f"{value:.12g}")

    def share(self, value: float) -> float:
        """Where a value lies, 0..1: the inverse of :meth:`at`."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Plan:
    """A sweep: ``base`` settings; what varies, by ``kind``: lists (``grid``), ranges and lists
    (``random``, ``map``); the seeds; for a map its ``measure``, ``budget`` and ``level``."""

    kind: str
    base: RunConfig
    varied: dict[str, Any]
    seeds: tuple[int, ...]
    measures: dict[str, str] = field(default_factory=dict)
    count: int = 0
    sample_seed: int = 0
    measure: str = ""
    budget: int = 0
    level: float | None = None
    title: str = ""

    @property
    def name(self) -> str:
        """16 hex digits over all that the plan says but its title."""
        said = {**vars(self), "title": ""}
        text = json.dumps(said, sort_keys=True, default=_plain)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def fields(self) -> list[str]:
        """The fields that vary, the seed last if it does."""
        return [*self.varied, *(["seed"] if len(self.seeds) > 1 else [])]

    def corners(self) -> list[RunConfig]:
        """The runs at the corners of a map, with its first seed."""
        ends = [(values.at(0.0), values.at(1.0)) for values in self.varied.values()]
        points = [dict(zip(self.varied, place, strict=True)) for place in itertools.product(*ends)]
        return [self.configs(point)[0] for point in points]

    def points(self) -> list[dict[str, Any]]:
        """The settings of every point of a grid or a random sample, without the seed."""
        if self.kind == "grid":
            names, values = list(self.varied), list(self.varied.values())
            return [dict(zip(names, point, strict=True)) for point in itertools.product(*values)]
        rng = np.random.default_rng(self.sample_seed)
        return [
            {name: _sample(values, rng) for name, values in self.varied.items()}
            for _ in range(self.count)
        ]

    @property
    def each(self) -> int:
        """How many of the seeds a point is trained with."""
        return len(self.seeds) if self.level is None else min(EACH, len(self.seeds))

    def configs(self, point: Mapping[str, Any], turn: int = 0) -> list[RunConfig]:
        """The runs of a point, one a seed; ``turn`` counts the points of a map before it.

        Raises:
            ConfigError: the point is outside a field's range.
            DataError: its data set cannot be used.
        """
        changes = dict(point)
        if "lr" in changes and self.base.replication_lr == self.base.lr:
            changes.setdefault("replication_lr", changes["lr"])
        first = self.base.replace(**changes)
        if not {"dataset", "size"}.isdisjoint(changes):  # other data, another fingerprint
            first = resolve(first.replace(dataset_digest=""))
        turns = range(turn * self.each, (turn + 1) * self.each)
        return [first.replace(seed=self.seeds[k % len(self.seeds)]) for k in turns]

    def total(self) -> int:
        """How many runs there are (of a map at most), without making them."""
        if self.kind == "map":
            return self.budget // self.each * self.each
        if self.kind == "grid":
            return math.prod(map(len, self.varied.values())) * len(self.seeds)
        return len({tuple(point.values()) for point in self.points()}) * len(self.seeds)

    def runs(self) -> list[RunConfig]:
        """All runs of a grid or a random sample, without repetition, in order."""
        return list(dict.fromkeys(one for point in self.points() for one in self.configs(point)))


def _plain(value: RunConfig | Range) -> dict[str, Any]:
    return value.to_dict() if isinstance(value, RunConfig) else dataclasses.asdict(value)


def _sample(values: Range | list[Any], rng: np.random.Generator) -> Any:
    if isinstance(values, Range):
        return values.at(float(rng.random()))
    return values[int(rng.integers(len(values)))]


def read_plan(path: str | Path) -> Plan:
    """The plan in a TOML file.

    Raises:
        ConfigError: it is no plan; the message says what is wrong and what may stand there.
        OSError: the file cannot be read.
    """
    return parse_plan(read_text(path))


def read_text(path: str | Path) -> str:
    """The text of a plan's file.

    Raises:
        ConfigError: it is no text.
        OSError: it cannot be read, is no plain file, or is too large.
    """
    try:
        return read_file(Path(path), MOST_BYTES).decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text ({error})") from error


def parse_plan(text: str) -> Plan:
    """The plan in a text (TOML).

    Raises:
        ConfigError: see :func:`read_plan`.
    """
    if len(text) > MOST_BYTES or any(line.count(".") > MOST_DOTS for line in text.splitlines()):
        raise ConfigError(
            f"a sweep's file has at most {MOST_BYTES:,} bytes and {MOST_DOTS} dots in a line"
        )
    try:
        return make_plan(tomllib.loads(text))
    except ConfigError:
        raise
    except RecursionError:
        raise ConfigError("the file is too deeply nested") from None
    except DataError as error:
        raise ConfigError(str(error)) from error
    except ValueError as error:  # also a number of too many digits
        raise ConfigError(f"not a TOML file: {str(error)[:200]}") from error


def make_plan(content: Mapping[str, Any]) -> Plan:
    """The plan that a TOML file's content describes.

    Raises:
        ConfigError: see :func:`read_plan`.
        DataError: a data set cannot be used.
    """
    content = dict(content)
    title = content.pop("title", "")
    if not isinstance(title, str) or not title.isprintable() or len(title) > 200:
        raise ConfigError(f"title = {title!r:.80}: expected a line of at most 200 characters")
    unknown = set(content) - {"base", "measures", *KINDS}
    if unknown:
        raise ConfigError(f"unknown section [{min(unknown)}]; sections: base, {', '.join(KINDS)}")
    kinds = [kind for kind in KINDS if kind in content]
    if len(kinds) != 1:
        raise ConfigError("a sweep has one of the sections [grid], [random] and [map]")
    kind = kinds[0]
    for name, section in content.items():
        if not isinstance(section, dict):
            raise ConfigError(f"{name} must be a section: [{name}]")
    base, rest = _base(dict(content.get("base", {}))), dict(content[kind])
    seeds = _seeds(rest.pop("seed", [base.seed]))
    measures = _measures(content.get("measures", {}))
    if not content[kind]:
        raise ConfigError(f"[{kind}] is empty: name a field and its values, as alpha = [1, 10]")
    options = _options(kind, rest)
    for name in rest:
        if name not in field_names():
            describe(name)  # raises, and says what was meant
    read = _choices if kind == "grid" else _values
    varied = {name: read(name, values) for name, values in rest.items()}
    plan = Plan(kind, base, varied, seeds, measures, title=title, **options)
    return _checked(plan)


def _base(values: dict[str, Any]) -> RunConfig:
    preset, recipe = values.pop("preset", None), values.pop("recipe", None)
    for name, value in (("preset", preset), ("recipe", recipe)):
        if not isinstance(value, str | None):
            raise ConfigError(f"{name} = {value!r:.80}: expected a name")
    if values.get("fork"):
        from srnn.runs.fork import forked

        if preset or recipe:
            raise ConfigError("a fork has its parent's settings: leave out preset and recipe")
        try:
            return forked(str(values.pop("fork")), **values)
        except (ValueError, RuntimeError) as error:
            raise ConfigError(str(error)) from error
    if preset is None:
        return resolve(make_config(recipe or DEFAULT_RECIPE, **values))
    if preset not in PRESETS:
        raise ConfigError(f"unknown preset {preset!r}; presets: {', '.join(PRESETS)}")
    chosen = PRESETS[preset]
    return resolve(make_config(recipe or chosen.recipe, **{**chosen.changes, **values}))


def _measures(values: dict[str, Any]) -> dict[str, str]:
    """Measures of one's own: no name that a column of the table has already."""
    taken = {*field_names(), *MEASURES, "run_id", "stopped", "seconds", "error"}
    for name, path in values.items():
        if name in taken or not re.fullmatch(r"\w[\w .()%-]{0,59}", name):
            raise ConfigError(f"[measures] {name!r:.80}: this name is taken, or is none")
        if not isinstance(path, str) or not re.fullmatch(r"[\w.]+:\w+", path):
            raise ConfigError(f"[measures] {name} = {path!r:.80}: expected 'module:function'")
    return values


def _options(kind: str, rest: dict[str, Any]) -> dict[str, Any]:
    """The options of a section, taken out of it."""
    if kind == "grid":
        return {}
    names = {"random": ("count", "sample_seed"), "map": ("measure", "budget", "level")}[kind]
    options = {name: rest.pop(name) for name in names if name in rest}
    for name in names:
        value, default = options.get(name), {"sample_seed": 0, "level": None}.get(name, "")
        if value is None and default == "":
            raise ConfigError(f"[{kind}] lacks {name}")
        about: dict[str, Any] = {"measure": (str, "name"), "level": (int | float, "number")}
        wanted, word = about.get(name, (int, "whole number"))
        if value is not None and (not isinstance(value, wanted) or isinstance(value, bool)):
            raise ConfigError(f"[{kind}] {name} = {value!r:.80}: expected a {word}")
        low = {"level": -(2**32), "sample_seed": 0}.get(name)
        if low is not None and value is not None and not low <= value < 2**32:
            raise ConfigError(f"[{kind}] {name} = {value!r:.80}: out of range")
    return options


def _seeds(values: Any) -> tuple[int, ...]:
    values = values if isinstance(values, list) else [values]
    if not values or not all(type(value) is int for value in values):
        raise ConfigError(f"seed = {values!r}: expected a list of whole numbers")
    return tuple(dict.fromkeys(values))


def _choices(name: str, values: Any) -> list[Any]:
    if not isinstance(values, list) or not values:
        raise ConfigError(f"{name} = {values!r:.80}: expected a list of values")
    if not all(isinstance(value, str | int | float) for value in values):
        raise ConfigError(f"{name} = {values!r:.80}: expected numbers or texts")
    return list(dict.fromkeys(values))


def _values(name: str, values: Any) -> Range | list[Any]:
    """A range or a choice."""
    about, kind = describe(name), type(describe(name)["default"])
    given = values if isinstance(values, dict) else {}
    if isinstance(values, list) and len(values) == 2 and kind in (int, float):
        given = {"low": values[0], "high": values[1]}
    if not given:
        return _choices(name, values)
    low: Any = given.get("low")
    high: Any = given.get("high")
    log = given.get("log")
    if not set(given) <= {"low", "high", "log"} or kind not in (int, float):
        raise ConfigError(f"{name} = {values!r:.80}: expected [low, high] or {{low, high, log}}")
    if not all(type(one) in (int, float) for one in (low, high)) or not low < high:
        raise ConfigError(f"{name} = {values!r:.80}: expected two numbers, the lower one first")
    if low < about["low"] or high > about["high"]:
        raise ConfigError(f"{name}: must be from {about['low']} to {about['high']}")
    if log not in (None, True, False):
        raise ConfigError(f"{name}: log = {log!r:.80}: expected true or false")
    if log and (low <= 0 or math.isinf(high / low)):
        raise ConfigError(f"{name}: a logarithmic range begins above 0, not at {low}")
    return Range(low, high, low > 0 and high / low >= 100 if log is None else log, kind is int)


def _checked(plan: Plan) -> Plan:
    if plan.kind == "map":
        if len(plan.varied) != 2 or not all(isinstance(r, Range) for r in plan.varied.values()):
            raise ConfigError("[map] needs exactly two fields with ranges")
        if plan.measure not in (known := [*MEASURES, *plan.measures]):
            raise ConfigError(f"unknown measure {plan.measure!r}; measures: {', '.join(known)}")
    runs = plan.count * len(plan.seeds) if plan.kind == "random" else plan.total()
    if plan.kind == "map" and plan.budget < plan.each:
        raise ConfigError(f"a budget of {plan.budget} runs is less than one point's seeds")
    if not 1 <= runs <= MOST_RUNS:
        raise ConfigError(f"a sweep of {runs:,} runs: must be from 1 to {MOST_RUNS:,}")
    for seed in (min(plan.seeds), max(plan.seeds)):
        plan.base.replace(seed=seed)
    one = dataclasses.replace(plan, seeds=plan.seeds[:1])
    for name, values in plan.varied.items():  # every value by itself, before all of them
        for value in () if isinstance(values, Range) else values:
            one.configs({name: value})
    return plan
