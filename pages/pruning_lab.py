"""Pruning lab: is self-replication a good pruning criterion?"""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from srnn.export import FORMATS, MissingPackage, export
from srnn.figures.pruning import (
    accuracy_curves,
    control_intervals,
    epsilon_curves,
    export_bars,
    pareto_map,
)
from srnn.figures.style import percent, points
from srnn.presets import COMPARED, PRESETS, of_plane
from srnn.pruning.controls import FEWEST, MATCHINGS, SHARE, control_tests
from srnn.pruning.criteria import CRITERIA, order_of
from srnn.pruning.curves import curves, natural_points, over_draws
from srnn.pruning.masks import drop_first, natural_count
from srnn.pruning.subject import Subject
from srnn.pruning.sweeps import epsilon_sentence, epsilon_sweep, pareto
from srnn.runs import find_run, get_run, list_runs
from ui import choices
from ui.cached import MOMENT
from ui.charts import download, show
from ui.draft import load
from ui.frame import page
from ui.menu import link
from ui.state import View, address
from ui.studies import limits_section, seeds_section
from ui.text import escape, many
from ui.workbench import workbench

SPARSITIES = (*(step / 20 for step in range(1, 20)), 0.98)
"""Shares of dropped connections that the curves are drawn through."""


@st.cache_resource(max_entries=20, show_spinner="Reading the network")
def _measured(run_id: str) -> Subject:
    found = Subject.of(get_run(run_id))
    _ = found.error, found.scalars, found.input_std, found.fisher
    return found


def subject(view: View) -> Subject:
    """The run's network, judged with an epsilon; what does not depend on it is measured once."""
    return _measured(view.run.run_id).at(view.epsilon)


@st.cache_data(max_entries=100, hash_funcs=MOMENT, show_spinner=False)
def order(view: View, criterion: str) -> np.ndarray:
    """Particles in the order in which a criterion drops them."""
    return order_of(criterion, subject(view))


@st.cache_data(
    max_entries=40, hash_funcs=MOMENT, show_spinner="Dropping connections, 30 random orders too"
)
def rival_curves(view: View) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All criteria's curves, summed up over draws, and their points at the replicators' count."""
    one = subject(view)
    return over_draws(curves(one, sparsities=SPARSITIES)), natural_points(one)


@st.cache_data(
    max_entries=40,
    hash_funcs=MOMENT,
    show_spinner="Pairing and dropping, some seconds for each test",
)
def controls(view: View) -> pd.DataFrame:
    """The control tests of a run."""
    return control_tests(subject(view))


@st.cache_data(max_entries=40, show_spinner=False)
def sweep(run_id: str) -> pd.DataFrame:
    """The drop cost over five decades of epsilon."""
    return epsilon_sweep(_measured(run_id))


@st.cache_data(max_entries=10, show_spinner="Pruning every run")
def runs_map(run_ids: tuple[str, ...], epsilon: float) -> pd.DataFrame:
    """All these runs as points of the Pareto map."""
    return pareto([get_run(run_id) for run_id in run_ids], epsilon)


@st.fragment
def on_this_network(view: View) -> None:
    """Sliders and curves: what a criterion costs on this one network, nothing trained."""
    one = subject(view)
    natural = natural_count("replicators", one)
    with st.container(horizontal=True):
        criterion = st.selectbox(
            "Criterion",
            list(CRITERIA),
            format_func=lambda name: CRITERIA[name].title,
            key="criterion",
            width=280,
            persist_state="session",
            help="In which order connections are dropped.",
        )
        count = st.slider(
            "Connections dropped",
            0,
            one.particles,
            natural,
            key=f"dropped-{view.run.run_id}",
            width=420,
            persist_state="session",
            help=f"Exactly that many, ties by index. This network has {natural:,} zero and "
            "identity particles at this epsilon.",
        )
    mask = drop_first(order(view, criterion), count)
    before, after = one.accuracy(), one.accuracy(mask)
    st.markdown(
        f"**{count:,} of {one.particles:,} connections dropped** ({percent(count / one.particles)})"
        f", {CRITERIA[criterion].phrase}: accuracy {percent(before)} → "
        f"**{percent(after)}** ({points(after - before)}). {CRITERIA[criterion].about}"
    )
    table, marks = rival_curves(view)
    show(
        accuracy_curves(
            table,
            {name: one.title for name, one in CRITERIA.items()},
            particles=one.particles,
            natural=marks,
            dropped=count,
        ),
        table,
        f"pruning-{view.run.run_id}",
        alt="Accuracy against surviving connections, one line per criterion",
    )
    st.caption(
        "Nothing is trained after dropping. Below: how far each rule is behind the best one at the "
        "same count. Large markers: as many dropped as there are replicators. Band of random: "
        "95\u00a0% of 30 orders."
    )


def control_section(view: View) -> None:
    """The control tests, their sentences first."""
    table = controls(view)
    for sentence in table["sentence"]:
        st.markdown(f"- {escape(sentence)}")
    if not table["support"].all():
        _why_no_support(subject(view), view.run.run_id)
    if table["support"].sum() > 1:
        titles = {name: one.title for name, one in MATCHINGS.items()}
        show(control_intervals(table, titles), table, f"controls-{view.run.run_id}")
    st.caption(
        "Replicators are paired with survivors of the same layer whose values differ by under "
        "10 %. Intervals cover random pairings and resampled test images of this one run; p from "
        "swapping the two labels of every pair, corrected for all tests (Holm). Whether it holds "
        "over seeds is asked in the section Over seeds."
    )


def _why_no_support(one: Subject, run_id: str) -> None:
    """Say what is missing for a comparison, and where there is enough of it."""
    replicators = int(one.replicators.sum())
    st.info(
        f"This run has {replicators:,} replicators and {one.particles - replicators:,} survivors. "
        f"A test needs pairs for {100 * SHARE:g} % of the replicators, {FEWEST} at least; where "
        "most particles are dead (h = 4), survivors that carry as little as they do are rare. The "
        "preset with h = 8 leaves enough of both."
    )
    other = PRESETS[COMPARED]
    if other.config.run_id == run_id:
        return
    if find_run(other.config.run_id) is not None:
        link("pages/pruning_lab.py", "Look at its run", other.config.run_id)
    elif st.button(f"Open the preset {other.title} in Train", key="open-h8"):
        load(other.config)
        st.switch_page("pages/train.py", query_params=address())


def threshold_section(view: View) -> None:
    """Is it the threshold?"""
    table = sweep(view.run.run_id)
    st.markdown(escape(epsilon_sentence(table)))
    show(epsilon_curves(table, view.epsilon), table, f"epsilon-{view.run.run_id}")


def pareto_section(view: View) -> None:
    """All runs of the same data set as a map, without the networks of the live plane."""
    kind = view.run.config.dataset, of_plane(view.run.record.config)
    same = [
        one.run_id
        for one in list_runs()
        if (one.config.dataset, of_plane(one.record.config)) == kind
    ]
    table = runs_map(tuple(same), view.epsilon)
    front = table[table["front"].astype(bool)]
    st.markdown(
        f"{many(len(table), 'run')} on this data set; for {len(front):,} of them "
        "no other run has both more replicators and a better accuracy without them."
        if len(table) > 1
        else "This is the only run on its data set."
    )
    show(pareto_map(table, view.run.run_id), table, "pareto")


def export_section(view: View) -> None:
    """Write the pruned network as a small ordinary one, measured."""
    one = subject(view)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        format_ = st.selectbox(
            "Format",
            list(FORMATS),
            format_func=lambda name: FORMATS[name].about,
            key="export-format",
            help="What the survivors are written as. None of the files holds code.",
        )
        go = st.button("Export and measure", key="export", type="primary")
    criterion = st.session_state.get("criterion", "replicators")
    count = st.session_state.get(f"dropped-{view.run.run_id}", natural_count("replicators", one))
    st.caption(
        f"Exports what the first section leaves: {count:,} connections dropped, "
        f"{CRITERIA[criterion].phrase}."
    )
    if go:
        mask = drop_first(order(view, criterion), count)
        try:
            _exported(one, mask, format_, view.run.run_id)
        except (MissingPackage, ValueError) as error:
            st.error(escape(str(error)))


def _exported(one: Subject, mask: np.ndarray, format_: str, run_id: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{run_id}{FORMATS[format_].suffix}"
        with st.spinner("Writing, reading back, measuring"):
            done = export(one, mask, format_, path)
        files = [(file.name, file.read_bytes()) for file in (done.path, done.example, done.check)]
    network = done.network
    st.markdown(
        f"**{network.connections:,} connections, {len(network.pixels):,} of "
        f"{network.shape.inputs:,} pixels read, {network.neurons_removed} neurons removed.** The "
        "file's logits differ from the pruned MetaNet's by at most "
        f"{done.max_logit_difference:.1e} over all test images (logits up to "
        f"{done.largest_logit:.0f}); accuracy {percent(done.accuracy)}."
    )
    with st.container(horizontal=True):
        for (name, data), label in zip(files, ("The network", "Example", "Check"), strict=True):
            download(label, partial(bytes, data), name)
    names = ("MetaNet", "collapsed", "exported")
    show(export_bars(done.table, names), done.table, f"export-{run_id}-{format_}")
    st.code(files[1][1].decode(), language="python")


SECTIONS: dict[str, tuple[str, Callable[[View], None]]] = {
    "network": ("On this network", on_this_network),
    "controls": ("Control tests", control_section),
    "epsilon": ("Threshold", threshold_section),
    "seeds": ("Over seeds", seeds_section),
    "limits": ("Where it breaks", limits_section),
    "pareto": ("Pareto map", pareto_section),
    "export": ("Export", export_section),
}
"""The questions of the page: their titles, and what shows the answer."""

page(
    "Pruning lab",
    "Is self-replication a good pruning criterion, or just small weights and quiet inputs?",
)
view = workbench(with_data=True, clock=False)
titles = {name: title for name, (title, _) in SECTIONS.items()}
_, answer = SECTIONS[choices.choose("Question", titles, "", "question")]
answer(view)
