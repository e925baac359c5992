"""What a training is: one frozen, validated :class:`RunConfig`.

A *recipe* (the original code of 2022-02 or of 2022-03) is a set of default values. A configuration
says everything a run depends on, so its hash names the run. The recipe's name and the engine are
not part of it: two ways of writing the same numbers are the same run.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
from collections.abc import Iterator
from typing import Any, Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from srnn.lineage import read_acts, write_acts

SCHEMA = 1
"""Version of the run format; part of every run's name, so an older format is never half-read."""


class ConfigError(ValueError):
    """A setting is unknown, of the wrong kind, or outside its range. The message says which."""


def _setting(
    default: Any,
    place: str,
    help: str,
    within: tuple[Any, Any] | None = None,
    *,
    step: float = 0.001,
    marks: tuple[float, ...] = (),
    **more: Any,
) -> Any:
    """A field, and its control in the app: ``GROUP: TITLE``, or "" for none of the common kinds. A
    slider's ``marks`` are spaced by meaning; ``step`` is that of the number field."""
    group, _, title = place.partition(": ")
    about: dict[str, Any] = {"help": help, "title": title, "group": group}
    about |= {"step": step, "marks": marks}
    low, high = within or (None, None)
    if within:
        about |= {"low": low, "high": high}
    return Field(default, ge=low, le=high, json_schema_extra=about, **more)


def _later(default: Any, *about: Any, **more: Any) -> Any:
    """A setting added since this schema's first runs: where it has its default it is not written
    down, so that older runs keep their names and their files are read as they are."""
    return _setting(default, *about, exclude_if=lambda value: value == default, **more)


class RunConfig(BaseModel):
    """All settings of one training; every field is part of the run's identity.

    Ranges and meanings stand with the fields (:func:`describe` reads them); the command line's
    options and the app's controls are made from them. Construct it through :func:`make_config`,
    which fills in what a recipe names.

    Raises:
        ConfigError: a value is of the wrong kind or outside its range, or a name is unknown.

    >>> RunConfig(neurons=8).particle_weights
    112
    """

    model_config = ConfigDict(
        frozen=True, strict=True, allow_inf_nan=False, defer_build=True, hide_input_in_errors=True
    )

    dataset: str = _setting(
        "mnist",
        "",
        "Task data: mnist, digits, or the path of a folder of IDX files (1 to 4096 characters).",
        pattern=r"^[^\x00]+$",
        max_length=4096,
    )
    dataset_digest: str = _setting(
        "",
        "",
        "Fingerprint of a folder's data, 16 hex digits; empty for bundled data.",
        pattern="^([0-9a-f]{16})?$",
    )
    neurons: int = _setting(
        4,
        "Main: Neurons per particle layer (h)",
        "Neurons per hidden layer of a particle (h). The log used 3, 4, 8.",
        (1, 64),
        marks=(1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64),
    )
    depth: int = _setting(
        5, "Macro network: Depth", "Weight layers of the macro network. The log used 5.", (2, 12)
    )
    width: int = _setting(
        6,
        "Macro network: Width",
        "Cells per hidden layer of the macro network. The log used 6.",
        (1, 1024),
    )
    residual: Literal["none", "each", "pairs"] = _setting(
        "each",
        "Macro network: Residual skips",
        "Residual skips: none; each square hidden layer adds its input to its output; "
        "or pairs of hidden layers.",
    )
    activation: Literal["none", "relu", "tanh"] = _setting(
        "none",
        "Macro network: Macro activation",
        "Macro activation after every hidden layer. The log used none.",
    )
    goal: Literal["self-replication", "permuted", "multiply", "none"] = _setting(
        "self-replication",
        "Self-replication: Goal of a particle",
        "What every particle is trained for beside the task: to replicate itself, to reproduce its "
        "weights in a permuted order (a control), to multiply its input by a factor, or nothing.",
    )
    goal_factor: float = _setting(
        0.03,
        "Self-replication: Factor of the goal",
        "The factor of the goal 'multiply'. The log used 0.03.",
        (-100.0, 100.0),
        step=0.01,
    )
    alpha: float = _setting(
        100.0,
        "Main: Alpha: weight of self-replication",
        "Weight of the self-replication loss against the task. The log used 100.",
        (0.0, 1e6),
        step=10.0,
        marks=(0, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1e3, 3e3, 1e4, 1e5, 1e6),
    )
    lr: float = _setting(
        0.008, "Task: Learning rate", "Learning rate of the task. The log used 0.008.", (0.0, 10.0)
    )
    replication_lr: float = _setting(
        0.008,
        "Self-replication: Replication learning rate",
        "Learning rate of self-replication; follows the learning rate unless set.",
        (0.0, 10.0),
    )
    momentum: float = _setting(
        0.9,
        "Task: Momentum",
        "Momentum of both optimizers. The log used 0.9.",
        (0.0, 0.999),
        step=0.05,
    )
    shared_optimizer: bool = _setting(
        True,
        "Self-replication: Shared optimizer",
        "One momentum buffer for both objectives (2022-02), or a fresh one for every call of "
        "self-replication (2022-03).",
    )
    replication_steps: int = _setting(
        1,
        "Self-replication: Replication steps",
        "Self-replication steps before every task step.",
        (0, 1000),
    )
    replication_start: float = _setting(
        0.0,
        "Self-replication: Replication from accuracy",
        "Training accuracy from which self-replication is trained (0: from the start).",
        (0.0, 1.0),
        step=0.05,
    )
    target_gradient: bool = _setting(
        True,
        "Self-replication: Gradient through the target",
        "Whether the gradient also flows through the replication target and input (coupled, "
        "2022-02), or not (detached, 2022-03).",
    )
    encoding: Literal["l2", "max"] = _setting(
        "l2",
        "Self-replication: Position encoding",
        "How the positions of a particle's weights are normalised.",
    )
    initial_weights: Literal["fan_in", "xavier"] = _setting(
        "fan_in",
        "Self-replication: Initial weights",
        "Initial weights: U(±1/sqrt(fan_in)) or Xavier uniform.",
    )
    batch_size: int = _setting(
        500, "Task: Batch size", "Images per batch. The log used 500.", (1, 1_000_000)
    )
    epochs: int = _setting(
        200,
        "Main: Epochs",
        "Passes over the training data. The log used 200.",
        (0, 100_000),
        marks=(1, 3, 6, 10, 20, 40, 60, 100, 150, 200, 300, 500, 1000, 2000, 5000),
    )
    seed: int = _setting(0, "Task: Seed", "Seed of the initial weights.", (0, 2**32 - 1))
    data_seed: int = _setting(
        0,
        "Task: Seed of the data order",
        "Seed of the order of the data; shared by all seeds unless set, so that several seeds can "
        "be trained on shared batches.",
        (0, 2**32 - 1),
    )
    snapshot_every: int = _setting(
        0,
        "Record: Epochs between snapshots",
        "Epochs between two weight snapshots; 0: dense at first, then ever wider "
        "(32 snapshots in 200 epochs).",
        (0, 100_000),
    )
    labels: Literal["true", "shuffled"] = _later(
        "true",
        "Task: Training labels",
        "Labels of the training images: true, or shuffled among the images, a control in which "
        "there is nothing to learn. Test labels stay true.",
    )
    size: int = _later(
        15,
        "Task: Image size",
        "Side in pixels to which the images of an IDX folder are resized; 0 keeps them as they "
        "are. Bundled data have their own size.",
        (0, 1024),
    )
    shift: int = _later(
        0,
        "Task: Pixels that images are moved by",
        "Every training image is moved by up to so many pixels each way, anew in every epoch.",
        (0, 16),
    )
    lr_final: float = _later(
        1.0,
        "Schedule: Final learning rate (× the first)",
        "Learning rate of the task in the last epoch, as a multiple of the first epoch's.",
        (1e-6, 1e6),
    )
    alpha_final: float = _later(
        1.0,
        "Schedule: Final alpha (× the first)",
        "Alpha in the last epoch, as a multiple of the first epoch's.",
        (1e-6, 1e6),
    )
    schedule: Literal["cosine", "linear", "geometric"] = _later(
        "cosine",
        "Schedule: Shape of the schedule",
        "The way from the first epoch's learning rate and alpha to the last epoch's.",
    )
    settle_epochs: int = _later(
        0,
        "Schedule: Epochs of settling",
        "How many of the epochs, at the end, make replication steps only; schedules end before.",
        (0, 100_000),
    )
    fork: str = _later(
        "",
        "",
        "Where training begins: RUN@EPOCH, what that run was after that epoch. Empty: anew.",
        pattern=r"^([0-9a-f]{16}@[0-9]{1,6})?$",
    )
    acts: str = _later(
        "",
        "",
        "What is done to particles at the fork, such as: drop 3-7; settle all 100; retrain 3-7 2.",
        max_length=200_000,
    )
    on_divergence: Literal["stop", "reinitialise", "freeze"] = _setting(
        "stop",
        "Record: On divergence",
        "When a particle diverges: stop, re-initialise it as the original code did, or freeze it "
        "at zero.",
    )

    def __init__(self, /, **values: Any) -> None:
        """Any fields by name; the others have their defaults."""
        try:
            super().__init__(**_known(values))
        except ValidationError as error:
            raise _refusal(error) from None
        if self.acts and not self.fork:
            raise ConfigError(f"acts = {self.acts:.40}: acts need a fork to be done at")

    @field_validator("*")
    @classmethod
    def _one_zero(cls, value: Any) -> Any:
        return value + 0.0 if isinstance(value, float) else value  # -0.0 and 0.0 are one setting

    @field_validator("acts")
    @classmethod
    def _one_text(cls, value: str) -> str:
        return write_acts(read_acts(value))

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
        return _name(self._text())

    def _text(self) -> str:
        return json.dumps({"schema": SCHEMA, **self.to_dict()}, sort_keys=True)

    def shorter_ids(self) -> Iterator[str]:
        """Names of the runs that become this one when they are trained on, the longest first: those
        with fewer epochs, if nothing here depends on their number."""
        if self.lr_final == self.alpha_final == 1 and self.settle_epochs == 0:
            before, after = self._text().split(f'"epochs": {self.epochs},')
            for epochs in reversed(range(self.epochs)):
                yield _name(f'{before}"epochs": {epochs},{after}')

    def settles(self, epoch: int) -> bool:
        """Whether an epoch (from 1) makes replication steps only."""
        return epoch > self.epochs - self.settle_epochs

    def rates(self, epoch: int) -> tuple[float, float]:
        """Alpha and the task's learning rate in an epoch (from 1)."""
        last = max(1, self.epochs - self.settle_epochs)
        share = (min(epoch, last) - 1) / max(1, last - 1)

        def at(start: float, final: float) -> float:
            if self.schedule == "geometric":
                return start * final**share
            way = (1 - math.cos(math.pi * share)) / 2 if self.schedule == "cosine" else share
            return start * (1 + (final - 1) * way)

        return at(self.alpha, self.alpha_final), at(self.lr, self.lr_final)

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain JSON values; those added later only where they differ from their
        default (``dict(config)`` has every field)."""
        return self.model_dump()

    def replace(self, **changes: Any) -> RunConfig:
        """A copy with some fields changed (validated again)."""
        return RunConfig(**{**dict(self), **changes})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RunConfig:
        """The configuration that :meth:`to_dict` wrote. Every field must be there, but those that
        were added later.

        Raises:
            ConfigError: a field is missing, unknown or out of range.
        """
        if not isinstance(values, dict):
            raise ConfigError("a configuration must be an object of named settings")
        needed = {name for name, field in cls.model_fields.items() if field.exclude_if is None}
        missing = needed - set(values)
        if missing:
            raise ConfigError(f"the configuration lacks {', '.join(sorted(missing))}")
        return cls(**values)


_LATER_RECIPE: dict[str, Any] = {
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
}
RECIPES = {
    "2022-02": {name: RunConfig.model_fields[name].default for name in _LATER_RECIPE},
    "2022-03": _LATER_RECIPE,
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
    return RunConfig(**{**RECIPES[recipe], **changes})


def field_names() -> tuple[str, ...]:
    """The names of all settings, in order."""
    return tuple(RunConfig.model_fields)


def describe(name: str) -> dict[str, Any]:
    """What a setting means and may be: ``default``, ``help``, and ``low``/``high`` or ``choices``;
    and its control in the app: ``title``, ``group``, ``step``, ``marks``.

    Raises:
        ConfigError: there is no such setting.
    """
    _known({name: None})
    field = RunConfig.model_fields[name]
    choices = {"choices": get_args(field.annotation)} if get_args(field.annotation) else {}
    about = cast(dict[str, Any], field.json_schema_extra)
    return {"default": field.default, **about, **choices}


def _name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _known(values: dict[str, Any]) -> dict[str, Any]:
    names = field_names()
    if unknown := sorted(set(values) - set(names)):
        near = difflib.get_close_matches(unknown[0], names, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        known = f"settings: {', '.join(names)}"
        raise ConfigError(f"unknown setting {', '.join(unknown)}{hint}; {known}")
    return values


def _refusal(error: ValidationError) -> ConfigError:
    """What is wrong with the first wrong setting, and what is allowed."""
    first = error.errors(include_url=False, include_context=False)[0]
    name, kind, about = str(first["loc"][0]), first["type"], describe(str(first["loc"][0]))
    try:
        value = repr(first["input"])
    except ValueError:  # a number of more digits than Python prints
        value = "that"
    value = value if len(value) <= 80 else f"{value[:77]}..."
    if kind == "literal_error":
        rule = f"choose one of {', '.join(about['choices'])}"
    elif kind in ("greater_than_equal", "less_than_equal"):
        rule = f"must be from {about['low']} to {about['high']}. {about['help']}"
    elif kind == "value_error":  # an act that cannot be read
        rule = str(first["msg"]).removeprefix("Value error, ")
    elif kind == "finite_number":
        rule = "expected a finite number"
    elif kind.startswith("string") and kind != "string_type":
        rule = f"not possible. {about['help']}"
    elif type(first["input"]) is int and isinstance(about["default"], float):
        rule = "too large"
    else:
        rule = f"expected {_KINDS[type(about['default'])]}"
    return ConfigError(f"{name} = {value}: {rule}")


_KINDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
