"""The first page: a trained MetaNet, alive; what a MetaNet is; where to start from."""

import itertools
import re
from pathlib import Path

import streamlit as st

from srnn.config import RunConfig
from srnn.figures.style import percent, themed_color
from srnn.presets import PRESETS, of_plane, preset
from srnn.runs import Run, find_run, list_runs, submit
from srnn.tasks import DataError
from srnn.vocabulary import count_replicators
from ui import memory, server, state
from ui.charts import dark
from ui.draft import load
from ui.forks import fork_form
from ui.frame import page
from ui.live import attempt, on_stage, panel, said, training, watch
from ui.menu import link
from ui.stage import film_button, stage
from ui.text import escape

METANET = """
Every connection of a **MetaNet** is a tiny network, a **particle**. It multiplies what passes
through it, and it is trained to answer, asked about its own weights, with just these: to
**replicate itself**. Most end as *replicators* and can be dropped; the *survivors* do the work.
"""

SCHEMATIC = Path(__file__).parent / "schematic.svg"
ABOUT_PICTURE = (
    "A dense network; one of its connections, enlarged, is a small network that maps a weight and "
    "its position to a new weight."
)

SHOWN = 8
"""Runs on the first page; the rest is on the page Runs."""


def overview() -> None:
    """The first page: a network in motion, what it is, and where to start."""
    page("MetaNet lab", "Networks whose connections are networks that replicate themselves.")
    words, picture = st.columns([3, 2], gap="large", vertical_alignment="center")
    words.markdown(METANET)
    picture.image(schematic(dark()), width="stretch", alt=ABOUT_PICTURE)
    said()
    asked, run = state.get("run"), _shown_run()
    job = training(asked)
    if job is not None:
        panel(asked, drawn=False)
        if job.config is not None:
            fork_form(asked, job.config, None)
        on_stage(asked)
    elif run is None:
        _train_button()
    else:
        workbench(run, autoplay="epoch" not in st.query_params)
    presets()
    runs()
    if server.serving():
        memory.warm()


def schematic(dark: bool) -> str:
    """What a MetaNet is, as SVG: drawn in the colours for light paper, or in their dark twins."""
    drawing = SCHEMATIC.read_text(encoding="utf-8")
    return re.sub("#[0-9A-F]{6}", lambda found: themed_color(found[0], dark), drawing)


def _train_button() -> None:
    """The shortest way to a network of one's own."""
    if st.button("Train your own (about 10 s)", type="primary", key="train-own"):
        attempt(lambda: watch(submit(_fresh())))
        st.rerun()


def _fresh() -> RunConfig:
    """The settings of the bundled run with the first seed that nobody has trained yet."""
    configs = (preset("log-connectivity-h4", seed=seed) for seed in itertools.count(1))
    return next(config for config in configs if find_run(config.run_id) is None)


def workbench(run: Run, autoplay: bool) -> None:
    """The stage with the microscope, and under it what can be taken away."""
    view = state.view_of(run)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        _train_button()
        fork_form(run.run_id, run.config, view.epoch)
        st.caption("Shown: " + escape(run.name) + (", bundled" if run.bundled else ""))
    st.fragment(_living)(run, autoplay, state.place())
    if len(view.picked) == 1:
        from ui import album  # needs torch, which the first picture does not

        album.particle(view, *view.picked).show(view, key="particle")
    paper(view)
    film_button(view)


def _living(run: Run, autoplay: bool, drawn: dict[str, str]) -> None:
    """The stage, and what is known of the particles chosen there. Acts run this fragment alone; for
    another place than the page was ``drawn`` for, the page follows."""
    if state.place() != drawn:
        st.rerun()
    view, acts = state.view_of(run), state.get("acts")
    try:
        stage(view, acts, autoplay=autoplay)
    except (ValueError, DataError) as error:  # acts of an address that cannot be done
        st.error(escape(str(error)))
        stage(view)
    if view.picked or acts:
        from ui.microscope import microscope

        microscope(view)


def paper(view: state.View) -> None:
    """The stage's pictures as figures for a paper, at the moment and from where they are seen."""
    names = ("Network", "Trajectories", "Membership", "Types", "Accuracy and losses")
    about = "As trained, without what you have done to it."
    chosen = st.segmented_control("Figure for a paper", names, key="paper", help=about)
    if chosen is None:
        return
    from ui import album  # needs torch, which the first picture does not

    plates = {
        "Network": lambda: album.network(view, state.keep(), state.color()),
        "Trajectories": lambda: album.cube(view, axes="three"),
        "Membership": lambda: album.maps(view),
        "Types": lambda: album.census(view),
        "Accuracy and losses": lambda: album.curves(view),
    }
    plates[chosen]().show(view)


def _shown_run() -> Run | None:
    """The run that the address names, or else the bundled one, or the newest."""
    found = list_runs()
    asked = (run for run in found if run.run_id == state.get("run"))
    bundled = (run for run in found if run.bundled)
    return next(asked, None) or next(bundled, None) or next(iter(found), None)


def presets() -> None:
    """A card per preset: what it shows, its finished run if there is one, and a button that opens
    Train with its settings."""
    st.header("Presets", anchor=False)
    with st.container(horizontal=True):
        for name, preset in PRESETS.items():
            with st.container(border=True, width=276, height=240):
                st.markdown(f"**{preset.title}**")
                st.caption(preset.about)
                with st.container(horizontal=True, vertical_alignment="center"):
                    if st.button("Open in Train", key=f"preset-{name}"):
                        load(preset.config)
                        st.switch_page("pages/train.py", query_params=state.address())
                    run = find_run(preset.config.run_id)
                    if run is not None:
                        link("pages/connectivity.py", "See its run", run.run_id)


def runs() -> None:
    """The newest finished runs, each a link to its network."""
    st.header("Finished runs", anchor=False)
    known = list_runs()
    found = [run for run in known if not of_plane(run.record.config)]
    if not found:
        st.info("No run is there yet. Open the quick preset: it trains in seconds.")
    for run in found[:SHOWN]:
        types = run.record.results.types
        with st.container(horizontal=True, vertical_alignment="center"):
            link("pages/connectivity.py", escape(run.name), run.run_id)
            st.caption(
                f"accuracy {percent(run.record.results.test_accuracy)}, "
                f"{count_replicators(types):,} replicators ({types['zero']:,} zero + "
                f"{types['identity']:,} identity)"
                + (", bundled" if run.bundled else "")
                + (", stopped early" if run.stopped else "")
            )
    if len(known) > SHOWN:
        link("pages/runs.py", f"All {len(known)} runs")
