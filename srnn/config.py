"""What a training is: one frozen, validated :class:`RunConfig`.

A *recipe* (the original code of 2022-02 or of 2022-03) is a set of default values. A configuration
says everything a run depends on, so its hash names the run. The recipe's name and the engine are
not part of it: two ways of writing the same numbers are the same run.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any

SCHEMA = 1
"""Version of the run format; part of every run's name, so an older format is never half-read."""


class ConfigError(ValueError):
    """A setting is unknown, of the wrong kind, or outside its range. The message says which."""


def _field(default: Any, help: str, **limits: Any) -> Any:
    return dataclasses.field(default=default, metadata={"help": help, **limits})


@dataclass(frozen=True)
class RunConfig:
    """All settings of one training; every field is part of the run's identity.

    Ranges and meanings stand with the fields (``describe()`` lists them). Construct it through
    :func:`make_config`, which fills in what a recipe names.

    Raises:
        ConfigError: a value is outside its range.

    >>> RunConfig(neurons=8).particle_weights
    112
    """

    dataset: str = _field("mnist", "Task data: mnist, digits, or a folder of IDX files.")
    dataset_digest: str = _field("", "Fingerprint of a folder's data; empty for bundled data.")
    neurons: int = _field(
        4, "Neurons per hidden layer of a particle (h). The log used 3, 4, 8.", low=1, high=64
    )
    depth: int = _field(5, "Weight layers of the macro network. The log used 5.", low=2, high=12)
    width: int = _field(
        6, "Cells per hidden layer of the macro network. The log used 6.", low=1, high=1024
    )
    residual: str = _field(
        "each",
        "Residual skips: none; each square hidden layer adds its input to its output; "
        "or pairs of hidden layers.",
        choices=("none", "each", "pairs"),
    )
    activation: str = _field(
        "none",
        "Macro activation after every hidden layer. The log used none.",
        choices=("none", "relu", "tanh"),
    )
    goal: str = _field(
        "self-replication",
        "What every particle is trained for beside the task: to replicate itself, "
        "to multiply its input by a factor, or nothing.",
        choices=("self-replication", "multiply", "none"),
    )
    goal_factor: float = _field(
        0.03, "The factor of the goal 'multiply'. The log used 0.03.", low=-100.0, high=100.0
    )
    alpha: float = _field(
        100.0,
        "Weight of the self-replication loss against the task. The log used 100.",
        low=0.0,
        high=1e6,
    )
    lr: float = _field(0.008, "Learning rate of the task. The log used 0.008.", low=0.0, high=10.0)
    replication_lr: float = _field(
        0.008,
        "Learning rate of self-replication; follows the learning rate unless set.",
        low=0.0,
        high=10.0,
    )
    momentum: float = _field(
        0.9, "Momentum of both optimizers. The log used 0.9.", low=0.0, high=0.999
    )
    shared_optimizer: bool = _field(
        True,
        "One momentum buffer for both objectives (2022-02), or a fresh one for every call of "
        "self-replication (2022-03).",
    )
    replication_steps: int = _field(
        1, "Self-replication steps before every task step.", low=0, high=1000
    )
    replication_start: float = _field(
        0.0,
        "Training accuracy from which self-replication is trained (0: from the start).",
        low=0.0,
        high=1.0,
    )
    target_gradient: bool = _field(
        True,
        "Whether the gradient also flows through the replication target and input (coupled, "
        "2022-02), or not (detached, 2022-03).",
    )
    encoding: str = _field(
        "l2",
        "How the positions of a particle's weights are normalised.",
        choices=("l2", "max"),
    )
    initial_weights: str = _field(
        "fan_in",
        "Initial weights: U(±1/sqrt(fan_in)) or Xavier uniform.",
        choices=("fan_in", "xavier"),
    )
    batch_size: int = _field(500, "Images per batch. The log used 500.", low=1, high=1_000_000)
    epochs: int = _field(
        200, "Passes over the training data. The log used 200.", low=0, high=100_000
    )
    seed: int = _field(0, "Seed of the initial weights.", low=0, high=2**32 - 1)
    data_seed: int = _field(
        0,
        "Seed of the order of the data; shared by all seeds unless set, so that several seeds can "
        "be trained on shared batches.",
        low=0,
        high=2**32 - 1,
    )
    snapshot_every: int = _field(
        0,
        "Epochs between two weight snapshots; 0: dense at first, then ever wider "
        "(32 snapshots in 200 epochs).",
        low=0,
        high=100_000,
    )
    labels: str = _field(
        "true",
        "Labels of the training images: true, or shuffled among the images, a control in which "
        "there is nothing to learn. Test labels stay true.",
        choices=("true", "shuffled"),
    )
    on_divergence: str = _field(
        "stop",
        "When a particle diverges: stop, re-initialise it as the original code did, or freeze it "
        "at zero.",
        choices=("stop", "reinitialise", "freeze"),
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _checked(field, getattr(self, field.name)))

    @property
    def particle_weights(self) -> int:
        """Weights of one particle: 5h + h*h + h."""
        return self.neurons * (self.neurons + 6)

    @property
    def recipe(self) -> str:
        """The recipe whose training rules this configuration follows, or ``custom``."""
        for name, values in RECIPES.items():
            rules = (key for key in values if key in RECIPE_RULES)
            if all(getattr(self, key) == values[key] for key in rules):
                return name
        return "custom"

    @property
    def run_id(self) -> str:
        """Name of the run: 16 hex digits over all fields and the schema version."""
        values = {
            key: value
            for key, value in self.to_dict().items()
            if key not in LATER or value != LATER[key]
        }
        text = json.dumps({"schema": SCHEMA, **values}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """All fields, as plain JSON values."""
        return dataclasses.asdict(self)

    def replace(self, **changes: Any) -> RunConfig:
        """A copy with some fields changed (validated again)."""
        return dataclasses.replace(self, **_known(changes))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RunConfig:
        """The configuration that :meth:`to_dict` wrote. Every field must be there, but those that
        were added later.

        Raises:
            ConfigError: a field is missing, unknown or out of range.
        """
        if not isinstance(values, dict):
            raise ConfigError("a configuration must be an object of named settings")
        missing = set(field_names()) - set(values) - set(LATER)
        if missing:
            raise ConfigError(f"the configuration lacks {', '.join(sorted(missing))}")
        return cls(**_known(values))


LATER: dict[str, Any] = {"labels": "true"}
"""Fields added since this schema's first runs, with their defaults: such a field names a run only
where it differs, so that older runs keep their names."""


RECIPES: dict[str, dict[str, Any]] = {
    "2022-02": {
        "encoding": "l2",
        "initial_weights": "fan_in",
        "target_gradient": True,
        "residual": "each",
        "lr": 0.008,
        "replication_lr": 0.008,
        "momentum": 0.9,
        "shared_optimizer": True,
        "replication_steps": 1,
        "replication_start": 0.0,
        "depth": 5,
        "width": 6,
        "neurons": 4,
        "batch_size": 500,
        "alpha": 100.0,
        "epochs": 200,
    },
    "2022-03": {
        "encoding": "max",
        "initial_weights": "xavier",
        "target_gradient": False,
        "residual": "pairs",
        "lr": 0.004,
        "replication_lr": 0.004,
        "momentum": 0.9,
        "shared_optimizer": False,
        "replication_steps": 10,
        "replication_start": 0.85,
        "depth": 3,
        "width": 5,
        "neurons": 5,
        "batch_size": 2000,
        "alpha": 1.0,
        "epochs": 200,
    },
}
"""The two recipes of the original code: the log's figures (2022-02), the later paper (2022-03)."""

RECIPE_RULES = (
    "encoding",
    "initial_weights",
    "target_gradient",
    "shared_optimizer",
    "replication_steps",
    "replication_start",
)
"""The fields of a recipe that say how it trains rather than what size it is."""

DEFAULT_RECIPE = "2022-02"


def make_config(recipe: str = DEFAULT_RECIPE, **changes: Any) -> RunConfig:
    """A configuration: the recipe's values, then ``changes``.

    ``replication_lr`` follows ``lr`` unless it is given itself.

    Raises:
        ConfigError: unknown recipe or field, or a value out of range; the message lists what is
            valid.

    >>> make_config("2022-03").residual
    'pairs'
    """
    if recipe not in RECIPES:
        raise ConfigError(f"unknown recipe {recipe!r}; recipes: {', '.join(RECIPES)}")
    if "lr" in changes:
        changes.setdefault("replication_lr", changes["lr"])
    return RunConfig(**{**RECIPES[recipe], **_known(changes)})


def field_names() -> tuple[str, ...]:
    """The names of all settings, in order."""
    return tuple(field.name for field in dataclasses.fields(RunConfig))


def describe(name: str) -> dict[str, Any]:
    """What a setting means and may be: ``help``, and ``low``/``high`` or ``choices``."""
    for field in dataclasses.fields(RunConfig):
        if field.name == name:
            return {"default": field.default, **field.metadata}
    raise ConfigError(_unknown([name]))


def _known(values: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(values) - set(field_names()))
    if unknown:
        raise ConfigError(_unknown(unknown))
    return values


def _unknown(names: list[str]) -> str:
    near = difflib.get_close_matches(names[0], field_names(), n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"unknown setting {', '.join(names)}{hint}; settings: {', '.join(field_names())}"


def _checked(field: dataclasses.Field, value: Any) -> Any:
    """``value`` as the field's type, or a ConfigError that says what is allowed."""
    name, kind = field.name, type(field.default)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            value = float(value)
        except OverflowError as error:
            raise ConfigError(f"{name} = {value} is too large") from error
    if type(value) is not kind:
        raise ConfigError(f"{name} = {value!r}: expected {_KINDS[kind]}")
    if kind is float and not math.isfinite(value):
        raise ConfigError(f"{name} = {value}: expected a finite number")
    if kind is float:
        value = value + 0.0  # -0.0 and 0.0 are one setting
    limits = field.metadata
    if "choices" in limits and value not in limits["choices"]:
        raise ConfigError(f"{name} = {value!r}: choose one of {', '.join(limits['choices'])}")
    if "low" in limits and not limits["low"] <= value <= limits["high"]:
        raise ConfigError(
            f"{name} = {value}: must be from {limits['low']} to {limits['high']}. {limits['help']}"
        )
    if kind is str and ((not value and name == "dataset") or len(value) > 4096 or "\0" in value):
        raise ConfigError(f"{name}: expected a name or a path of 1 to 4096 characters")
    return value


_KINDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
