"""Presets: the named configurations of the research log that the app and the command line offer."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from srnn.config import ConfigError, RunConfig, make_config


@dataclass(frozen=True)
class Preset:
    """A named configuration and the sentence that says what it shows."""

    title: str
    about: str
    recipe: str
    changes: dict[str, Any]

    @property
    def config(self) -> RunConfig:
        return make_config(self.recipe, **self.changes)


PRESETS: dict[str, Preset] = {
    "quick": Preset(
        "Quick look",
        "A small MetaNet on scikit-learn's 8x8 digits, trained in seconds.",
        "2022-02",
        {"dataset": "digits", "neurons": 6, "depth": 4, "batch_size": 25, "epochs": 40},
    ),
    "log-connectivity-h4": Preset(
        "Connectivity (row 11)",
        "The log's main run: 4 neurons, alpha 100, residual skips, 200 epochs.",
        "2022-02",
        {"neurons": 4},
    ),
    "log-h8-residual": Preset(
        "8 neurons, residual (row 14)",
        "Larger particles: fewer die, and the task is learned within a few epochs.",
        "2022-02",
        {"neurons": 8},
    ),
    "log-h8-no-residual": Preset(
        "8 neurons, no residual (row 14)",
        "Without skips self-replication is served first and the task comes later.",
        "2022-02",
        {"neurons": 8, "residual": "none"},
    ),
    "paper-2022-03": Preset(
        "The later recipe",
        "Detached targets, 10 replication steps a batch once training accuracy reached 0.85.",
        "2022-03",
        {},
    ),
    "accurate": Preset(
        "Accurate and wide",
        "MNIST at its own 28x28 (name the folder, size 0), images moved by a pixel: 98.3 to 98.5 % "
        "over three seeds, and every particle a replicator.",
        "2022-02",
        {
            "depth": 3,
            "width": 128,
            "residual": "none",
            "activation": "relu",
            "target_gradient": False,
            "shared_optimizer": False,
            "alpha": 1.0,
            "alpha_final": 10.0,
            "lr": 0.1,
            "lr_final": 0.02,
            "batch_size": 200,
            "shift": 1,
            "epochs": 32,
            "settle_epochs": 2,
            "snapshot_every": 16,
        },
    ),
}
"""The named configurations that the app and the command line offer."""

COMPARED = "log-h8-residual"
"""The preset whose rivals are compared unless another run is named; its table over seeds comes with
the package. It leaves enough replicators and survivors of both kinds to pair."""


def preset(name: str, **changes: Any) -> RunConfig:
    """The configuration of a preset, with some fields changed.

    Raises:
        ConfigError: unknown preset (the message lists them), or a value out of range.
    """
    if name not in PRESETS:
        raise ConfigError(f"unknown preset {name!r}; presets: {', '.join(PRESETS)}")
    chosen = PRESETS[name]
    return make_config(chosen.recipe, **{**chosen.changes, **changes})


PLANE: dict[str, Any] = {
    "dataset": "digits",
    "depth": 3,
    "width": 4,
    "neurons": 3,
    "batch_size": 100,
    "epochs": 20,
}
"""The small network that the live plane (:mod:`srnn.sweeps.live`) trains wherever it is pointed
at, at other values of alpha and of the learning rate."""


def of_plane(settings: Mapping[str, Any]) -> bool:
    """Whether a run's settings are those of a network of the live plane: it stands behind the runs
    that somebody has asked for one by one."""
    return all(settings.get(name, value) == value for name, value in _plane().items())


@functools.cache
def _plane() -> dict[str, Any]:
    free = ("alpha", "lr", "replication_lr")
    return {name: value for name, value in make_config(**PLANE) if name not in free}
