"""Own data on the page Train: a file is sent, looked at, and kept as a data set."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from srnn.idx import DataError
from srnn.upload import KINDS, Upload, keep_upload, label_choices, read_upload
from ui.text import escape

SHOWN = 24
"""Images in the preview."""


def own_data(use: Callable[[str], None]) -> None:
    """An upload: checked, with its labels chosen, previewed; when the visitor says so it is kept,
    and ``use`` is given its path."""
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
        st.button("Use these data", key="use-data", on_click=_keep, args=(found, file.name, use))
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


def _keep(found: Upload, name: str, use: Callable[[str], None]) -> None:
    try:
        use(str(keep_upload(found, name.rpartition(".")[0])))
    except OSError as error:
        st.session_state["upload-problem"] = str(error)
