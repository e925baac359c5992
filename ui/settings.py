"""The settings of a training as controls. Names, ranges and help come from ``srnn.config``.

The values live in one dictionary of the session, not in the widgets: it outlives a change of page,
and a preset or a recipe only has to write into it.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from srnn.config import RECIPE_RULES as RULES
from srnn.config import RECIPES, RunConfig, describe, field_names
from srnn.presets import PRESETS
from srnn.tasks import dataset_names

LABELS = {
    "neurons": "Neurons per particle layer (h)",
    "alpha": "Alpha: weight of self-replication",
    "epochs": "Epochs",
    "depth": "Depth",
    "width": "Width",
    "residual": "Residual skips",
    "activation": "Macro activation",
    "goal": "Goal of a particle",
    "goal_factor": "Factor of the goal",
    "lr": "Learning rate",
    "replication_lr": "Replication learning rate",
    "momentum": "Momentum",
    "shared_optimizer": "Shared optimizer",
    "replication_steps": "Replication steps",
    "replication_start": "Replication from accuracy",
    "target_gradient": "Gradient through the target",
    "encoding": "Position encoding",
    "initial_weights": "Initial weights",
    "batch_size": "Batch size",
    "seed": "Seed",
    "data_seed": "Seed of the data order",
    "labels": "Training labels",
    "size": "Image size",
    "lr_final": "Final learning rate (× the first)",
    "alpha_final": "Final alpha (× the first)",
    "schedule": "Shape of the schedule",
    "settle_epochs": "Epochs of settling",
    "snapshot_every": "Epochs between snapshots",
    "on_divergence": "On divergence",
}
MARKS: dict[str, tuple[float, ...]] = {
    "neurons": (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64),
    "alpha": (0, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 100_000, 1e6),
    "epochs": (1, 3, 6, 10, 20, 40, 60, 100, 150, 200, 300, 500, 1000, 2000, 5000),
}
"""The marks of the three sliders; they are spaced by meaning, and other values can be typed in."""

ADVANCED = {
    "Macro network": ("depth", "width", "residual", "activation"),
    "Task": ("lr", "momentum", "batch_size", "seed", "data_seed", "labels", "size"),
    "Self-replication": (
        "goal",
        "goal_factor",
        "replication_lr",
        "replication_steps",
        "replication_start",
        "target_gradient",
        "shared_optimizer",
        "encoding",
        "initial_weights",
    ),
    "Schedule": ("lr_final", "alpha_final", "schedule", "settle_epochs"),
    "Record": ("snapshot_every", "on_divergence"),
}
STEPS = {"alpha": 10.0, "goal_factor": 0.01, "momentum": 0.05, "replication_start": 0.05}
"""Steps of the number fields, where 0.001 is none."""
FOLDER = "a folder of IDX files"
START = "quick"
"""The preset that the page opens with: it trains in seconds."""


def settings() -> dict[str, Any]:
    """The session's settings: every field of a configuration, ``preset`` and ``recipe``."""
    if "settings" not in st.session_state:
        st.session_state["settings"] = {}
        load(PRESETS[START].config, START)
    return st.session_state["settings"]


def load(config: RunConfig, preset: str | None = None) -> None:
    """Set all controls to a configuration."""
    recipe = config.recipe if config.recipe in RECIPES else None
    st.session_state["settings"].update(dict(config), preset=preset, recipe=recipe)


def form() -> dict[str, Any]:
    """Draw the controls; returns the values of a configuration, not yet validated."""
    values = settings()
    _choice("preset", "Preset", list(PRESETS), _preset_help(), lambda name: PRESETS[name].title)
    _dataset()
    for name in MARKS:
        _slider(name)
    with st.expander("More settings"):
        about = "Sets the fields below to the original code's values of that month."
        _choice("recipe", "Recipe", list(RECIPES), about, str)
        for group, names in ADVANCED.items():
            st.markdown(f"**{group}**")
            for name in names:
                field(name)
        st.markdown("**Values between the sliders' marks**")
        for name in MARKS:
            field(name, key=f"exact_{name}")
    return {name: values[name] for name in field_names()}


def field(name: str, key: str | None = None) -> None:
    """The control of one setting, by its kind: choice, switch or number."""
    about, values, key = describe(name), settings(), key or f"set_{name}"
    st.session_state[key] = values[name]
    common: dict[str, Any] = {
        "label": LABELS[name],
        "key": key,
        "help": help_of(name),
        "on_change": _changed,
        "args": (name, key),
    }
    if "choices" in about:
        st.selectbox(options=about["choices"], **common)
    elif isinstance(about["default"], bool):
        st.toggle(**common)
    elif isinstance(about["default"], int):
        st.number_input(min_value=about["low"], max_value=about["high"], step=1, **common)
    else:
        limits = {"min_value": about["low"], "max_value": about["high"]}
        st.number_input(step=STEPS.get(name, 0.001), format="%g", **limits, **common)


def help_of(name: str) -> str:
    """What a setting does, and its range."""
    about = describe(name)
    text = about["help"]
    if "low" in about:
        text += f" From {about['low']:,g} to {about['high']:,.15g}."
    return text.replace("[", "\\[").replace("*", "\\*").replace("$", "\\$")


def _slider(name: str) -> None:
    """A slider over a setting's marks and whatever value it has now."""
    value, key = settings()[name], f"set_{name}"
    kind = type(describe(name)["default"])
    marks = sorted({kind(mark) for mark in MARKS[name]} | {value})
    st.session_state[key] = value
    st.select_slider(
        LABELS[name],
        marks,
        format_func=lambda mark: f"{mark:,.10g}",
        key=key,
        help=help_of(name),
        on_change=_changed,
        args=(name, key),
    )


def _dataset() -> None:
    values, known = settings(), dataset_names()
    kind = values["dataset"] if values["dataset"] in known else FOLDER
    st.session_state["set_dataset"] = kind
    st.selectbox(
        "Data",
        [*known, FOLDER],
        format_func=lambda name: known.get(name, FOLDER).split(":")[0],
        key="set_dataset",
        on_change=_dataset_changed,
        help="What the network learns beside replicating itself. Nothing is downloaded. "
        + "; ".join(known.values()),
    )
    if kind == FOLDER:
        st.session_state["set_folder"] = values["dataset"]
        st.text_input(
            "Path of the folder",
            key="set_folder",
            on_change=_changed,
            args=("dataset", "set_folder"),
            placeholder="/data/fashion",
            help="The folder, where the app runs, that holds train-images, train-labels, "
            "t10k-images and t10k-labels in IDX format, plain or .gz. Images are resized to the "
            "image size below.",
        )


def _choice(name: str, label: str, options: list[str], about: str, text: Any) -> None:
    st.session_state[f"set_{name}"] = settings()[name]
    st.selectbox(
        label,
        options,
        index=None,
        placeholder="own settings",
        format_func=text,
        key=f"set_{name}",
        help=about,
        on_change=_preset_changed if name == "preset" else _recipe_changed,
    )


def _preset_help() -> str:
    lines = (f"- {preset.title}: {preset.about}" for preset in PRESETS.values())
    return "\n".join(["Sets all controls to a named configuration.", "", *lines])


def _changed(name: str, key: str) -> None:
    values, new = settings(), st.session_state[key]
    if new is None:  # an emptied field
        return
    if name == "lr" and values["replication_lr"] == values["lr"]:
        values["replication_lr"] = new
    values[name] = new.strip() if isinstance(new, str) else new
    values["preset"] = None
    same = (key for key, rules in RECIPES.items() if all(values[r] == rules[r] for r in RULES))
    values["recipe"] = next(same, None)


def _dataset_changed() -> None:
    chosen = st.session_state["set_dataset"]
    settings().update(dataset="" if chosen == FOLDER else chosen, preset=None)


def _preset_changed() -> None:
    chosen = st.session_state["set_preset"]
    if chosen:
        load(PRESETS[chosen].config, chosen)
    else:
        settings()["preset"] = None


def _recipe_changed() -> None:
    chosen = st.session_state["set_recipe"]
    if chosen:
        settings().update(RECIPES[chosen], recipe=chosen, preset=None)
