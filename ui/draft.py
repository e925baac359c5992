"""The settings of a training as controls. Names, ranges and help come from ``srnn.config``.

They always agree with what the page Train shows: they are the settings of the run there, or of a
copy that is being changed and that has no run yet. The address holds both.
"""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from srnn.config import RECIPE_RULES as RULES
from srnn.config import RECIPES, RunConfig, describe, field_names
from srnn.presets import PRESETS
from srnn.runs import RunError, find_run, read_job
from srnn.tasks import DATASETS, SIDE, DataError
from srnn.upload import KINDS, Upload, keep_upload, label_choices, read_upload, uploads
from ui.state import change, get
from ui.text import escape

FOLDER = "a folder of IDX files"
CONTROLS = {name: about for name in field_names() if (about := describe(name))["title"]}
"""The settings that have a control of the common kind, with what is said of them."""
SLIDERS = [name for name, about in CONTROLS.items() if about["marks"]]
GROUPS = dict.fromkeys(about["group"] for about in CONTROLS.values() if not about["marks"])
"""The groups of those that are no sliders, in the order of their first fields."""
SHOWN = 24
"""Images in the preview."""
START = "quick"
"""The preset that the page opens with: it trains in seconds."""


def draft() -> dict[str, Any]:
    """The settings on the page Train, one value for every field of a configuration.

    While a run is shown they are that run's. When one is changed they are a copy of it: the address
    then names the run as ``base`` and what is changed as ``changes``, and no run.
    """
    key = [get(name) for name in ("run", "base", "changes")]
    kept = st.session_state.get("draft")
    if kept is None or kept["key"] != key:
        values = dict(_origin())
        if not get("run"):
            values = _with_changes(values, get("changes"))
        st.session_state["draft"] = kept = {"key": key, "values": values}
    return kept["values"]


def put(**values: Any) -> None:
    """Change settings: a run that was shown becomes the base of a copy; a copy that is like its
    base again becomes that run."""
    own, base = draft() | values, get("run") or get("base") or None
    changes = _changes(own, _origin())
    if base and not changes:
        change(run=base, base=None, changes=None)
    else:
        change(run=None, base=base, changes=json.dumps(changes) if changes else None)
    key = [get(name) for name in ("run", "base", "changes")]
    st.session_state["draft"] = {"key": key, "values": own}


def settings_of(config: RunConfig) -> dict[str, Any]:
    """The address of a copy with these settings, of no run: for links to the page Train."""
    changes = _changes(dict(config), PRESETS[START].config)
    return {"run": None, "base": None, "changes": json.dumps(changes)}


def _changes(own: dict[str, Any], before: RunConfig) -> dict[str, Any]:
    """The settings in which a copy differs, as the address names them."""
    old = dict(before)
    return {name: own[name] for name in field_names() if own[name] != old[name]}


def load(config: RunConfig) -> None:
    """Set all controls to a configuration; its run is shown if it is there."""
    if find_run(config.run_id) is not None:
        change(run=config.run_id, base=None, changes=None)
    else:
        change(run=None, base=None, changes=None)
        put(**dict(config))


def changed() -> dict[str, tuple[Any, Any]]:
    """What the draft changes about its base: field -> its value before and now."""
    before, now = dict(_origin()), draft()
    return {name: (before[name], now[name]) for name in CONTROLS if now[name] != before[name]}


def _origin() -> RunConfig:
    """The configuration of the run that is shown or copied, else of the preset to begin with."""
    run_id = get("run") or get("base")
    with contextlib.suppress(RunError, OSError):
        if (run := find_run(run_id)) is not None:
            return run.config
        if (job := read_job(run_id)) is not None and job.config is not None:
            return job.config
    return PRESETS[START].config


def _with_changes(values: dict[str, Any], text: str) -> dict[str, Any]:
    """The values with the changes that an address names; as they are if it cannot be read. No path
    of a folder is taken from an address, except of data that were uploaded here."""
    try:
        changes = json.loads(text or "{}")
        known = {*DATASETS, *uploads(), values["dataset"]}
        if changes.get("dataset", values["dataset"]) not in known:
            return values
        return dict(RunConfig.from_dict(values | changes))
    except (ValueError, TypeError, AttributeError):
        return values


def form() -> dict[str, Any]:
    """Draw the controls; returns the values of a configuration, not yet validated."""
    _preset()
    _dataset()
    _own_data()
    for name in SLIDERS:
        field(name)
    with st.expander("More settings"):
        _recipe()
        for group in GROUPS:
            st.markdown(f"**{group}**")
            for name, about in CONTROLS.items():
                if about["group"] == group:
                    field(name)
        st.markdown("**Values between the sliders' marks**")
        for name in SLIDERS:
            field(name, exact=True)
    return {name: draft()[name] for name in field_names()}


def field(name: str, *, exact: bool = False) -> None:
    """The control of one setting, by its kind: slider (over its marks and whatever value it has
    now), choice, switch or number. ``exact``: a number for what is a slider elsewhere."""
    about, value = CONTROLS[name], draft()[name]
    key = f"{'exact' if exact else 'set'}_{name}"
    st.session_state[key] = value
    common: dict[str, Any] = {
        "label": about["title"],
        "key": key,
        "help": help_of(name),
        "on_change": _changed,
        "args": (name, key),
    }
    if about["marks"] and not exact:
        kind = type(about["default"])
        marks = sorted({kind(mark) for mark in about["marks"]} | {value})
        st.select_slider(options=marks, format_func=lambda mark: f"{mark:,.10g}", **common)
    elif "choices" in about:
        st.selectbox(options=about["choices"], **common)
    elif isinstance(about["default"], bool):
        st.toggle(**common)
    elif isinstance(about["default"], int):
        st.number_input(min_value=about["low"], max_value=about["high"], step=1, **common)
    else:
        limits = {"min_value": about["low"], "max_value": about["high"]}
        st.number_input(step=about["step"], format="%g", **limits, **common)


def help_of(name: str) -> str:
    """What a setting does, and its range."""
    about = CONTROLS[name]
    text = about["help"]
    if "low" in about:
        text += f" From {about['low']:,g} to {about['high']:,.15g}."
    return text.replace("[", "\\[").replace("*", "\\*").replace("$", "\\$")


def _dataset() -> None:
    known, mine = DATASETS, uploads()
    dataset = draft()["dataset"]
    kind = dataset if dataset in {*known, *mine} else FOLDER
    st.session_state["set_dataset"] = kind
    st.selectbox(
        "Data",
        [*known, *mine, FOLDER],
        format_func=lambda name: known.get(name, Path(name).name).split(":")[0],
        key="set_dataset",
        on_change=_dataset_changed,
        help="What the network learns beside replicating itself. Nothing is downloaded. "
        + "; ".join(known.values()),
    )
    if kind in mine:
        st.caption(escape(mine[kind]))
    if kind == FOLDER:
        st.session_state["set_folder"] = dataset
        st.text_input(
            "Path of the folder",
            key="set_folder",
            on_change=lambda: use_data(st.session_state["set_folder"].strip()),
            placeholder="/data/fashion",
            help="The folder, where the app runs, that holds train-images, train-labels, "
            "t10k-images and t10k-labels in IDX format, plain or .gz. Images are resized to the "
            "image size below.",
        )


def _dataset_changed() -> None:
    chosen = st.session_state["set_dataset"]
    use_data("" if chosen == FOLDER else chosen)


def use_data(dataset: str) -> None:
    """Learn another data set: uploaded images as they are, those of folders at 15x15."""
    put(dataset=dataset, dataset_digest="", size=0 if dataset in uploads() else SIDE)


def _own_data() -> None:
    """An upload: checked, with its labels chosen, previewed; kept when the visitor says so."""
    with st.expander("Upload your own data"):
        file = st.file_uploader(
            "CSV, NPZ or a zip of images",
            list(KINDS),
            help="A table with a column of labels; arrays x and y (or x_train, y_train, x_test, "
            "y_test); or PNG and JPEG pictures in one folder per class. A fifth of every class is "
            "kept for testing.",
        )
        if file is None:
            return
        try:
            choices = label_choices(file.name, file.getvalue())
            label = st.selectbox("Labels", choices) if choices else None
            found = _read(file.file_id, label, file.name, file.getvalue())
        except DataError as error:
            st.error(f"These data cannot be used: {escape(str(error))}.")
            return
        _preview(found)
        st.button("Use these data", key="use-data", on_click=_keep, args=(found, file.name))
        if problem := st.session_state.pop("upload-problem", None):
            st.error(escape(problem))


@st.cache_data(max_entries=4, show_spinner="Reading the file")
def _read(file_id: str, label: str | None, _name: str, _data: bytes) -> Upload:
    return read_upload(_name, _data, label)


def _preview(found: Upload) -> None:
    import pandas as pd

    st.markdown(escape(found.about) + ".")
    counts = np.bincount(found.labels, minlength=len(found.classes))
    table = pd.DataFrame({"class": found.classes, "images": counts})
    st.dataframe(table, hide_index=True, height=min(36 * (len(table) + 1) + 2, 180))
    some = np.linspace(0, len(found.images) - 1, min(len(found.images), SHOWN)).astype(int)
    tiles = np.pad(found.images[some], ((0, 0), (1, 1), (1, 1)))
    st.image(np.hstack(list(tiles)), caption=f"{len(tiles)} of the images", width="stretch")


def _keep(found: Upload, name: str) -> None:
    try:
        use_data(str(keep_upload(found, name.rpartition(".")[0])))
    except OSError as error:
        st.session_state["upload-problem"] = str(error)


def _preset() -> None:
    own = {name: value for name, value in draft().items() if name != "dataset_digest"}
    same = (name for name, one in PRESETS.items() if own.items() <= dict(one.config).items())
    titles = {name: preset.title for name, preset in PRESETS.items()}
    lines = (f"- {preset.title}: {preset.about}" for preset in PRESETS.values())
    about = "\n".join(["Sets all controls to a named configuration.", "", *lines])
    _named("Preset", titles, next(same, None), about, lambda name: load(PRESETS[name].config))


def _named(
    label: str, titles: dict[str, str], name: str | None, about: str, use: Callable[[str], None]
) -> None:
    """One of the named settings, or none of them: settings of one's own."""
    key = f"set_{label.lower()}"

    def changed() -> None:
        if chosen := st.session_state[key]:
            use(chosen)

    st.session_state[key] = name
    st.selectbox(
        label,
        list(titles),
        index=None,
        placeholder="own settings",
        format_func=titles.__getitem__,
        key=key,
        help=about,
        on_change=changed,
    )


def _recipe() -> None:
    values = draft()
    same = (name for name, one in RECIPES.items() if all(values[r] == one[r] for r in RULES))
    about = "Sets the fields below to the original code's values of that month."
    titles = {name: name for name in RECIPES}
    _named("Recipe", titles, next(same, None), about, lambda name: put(**RECIPES[name]))


def _changed(name: str, key: str) -> None:
    values, new = draft(), st.session_state[key]
    if new is None:  # an emptied field
        return
    both = name == "lr" and values["replication_lr"] == values["lr"]
    put(**{name: new}, **({"replication_lr": new} if both else {}))
