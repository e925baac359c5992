"""Explain: which pixels, and which particles, the answers come from (Captum)."""

import numpy as np
import pandas as pd
import streamlit as st

from srnn.analysis.attribution import (
    PARTICLE_METHODS,
    PIXEL_METHODS,
    explain_particles,
    explain_pixels,
    relevance_table,
    share_by_type,
)
from srnn.analysis.collapse import dense, scalars
from srnn.analysis.connectivity import macro_graph
from srnn.analysis.dropout import drop
from srnn.analysis.membership import mean_images
from srnn.experiments.explain import IMAGES, conclusion
from srnn.figures.attribution import answer_bars, attribution_images, relevance_shares
from srnn.figures.connectivity import connectivity_graph
from srnn.figures.style import percent
from srnn.tasks import task_of
from srnn.vocabulary import REPLICATORS, is_replicator
from ui import cached, choices, state
from ui.album import Plate
from ui.frame import page
from ui.sketch import sketch
from ui.state import View
from ui.text import many
from ui.workbench import workbench

TOP = 20
"""Most relevant particles in the table."""
FAINTEST = 0.02
"""Share of the largest contribution below which a connection is left out of the drawing."""


explained = st.cache_data(
    max_entries=20,
    hash_funcs=cached.WEIGHTS,
    show_spinner=f"Explaining {IMAGES} test images",
)


@explained
def contributions(view: View, method: str) -> np.ndarray:
    """What every particle adds to the right answer's logit, ``(images, P)``."""
    task = task_of(view.run.config)
    x, y = task.x_test[:IMAGES], task.y_test[:IMAGES]
    return explain_particles(view.weights, x, y, view.run.shape, method)


@explained
def digit_table(view: View, method: str) -> pd.DataFrame:
    """Per class and pixel: the mean image, and what the pixels add to the class's own logit."""
    task = task_of(view.run.config)
    x, y = task.x_test[:IMAGES], task.y_test[:IMAGES]
    parts = explain_pixels(view.weights, x, y, view.run.shape, method)
    return pd.DataFrame(
        {
            "digit": np.repeat(np.arange(task.classes), task.inputs),
            "pixel": np.tile(np.arange(task.inputs), task.classes),
            "mean": mean_images(x, y, task.classes).ravel().astype(float),
            method: mean_images(parts, y, task.classes).ravel().astype(float),
        }
    )


def chances(view: View, scalar: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The network's probabilities of every class for one image ``(inputs,)``."""
    import torch

    with torch.inference_mode():
        logits = dense(scalar, view.run.shape)(torch.from_numpy(x[None]))
        return torch.softmax(logits, 1)[0].numpy()


def own_picture(view: View) -> None:
    """A picture drawn by hand: the answers before and after pruning, and the connections that they
    come from."""
    run, task = view.run, task_of(view.run.config)
    if len(task.image) != 2:
        st.info("Only grey pictures can be drawn; this run's have colours.")
        return
    last = len(task.x_test)
    asked = state.get("image")
    number = min(int(asked), last) if asked.isdecimal() else 0
    left, right = st.columns([1, 3], gap="large")
    with left:
        st.number_input(
            "Begin with test image",
            0,
            last,
            help=f"0: an empty picture. From 1 to {last:,}: an image of the test set.",
            **state.bound("image", number, 0),
        )
        start = task.x_test[number - 1] if number else np.zeros(task.inputs, dtype=np.float32)
        image = sketch(start.reshape(task.image), f"{run.run_id}-{number}").ravel()
    image = image.astype(np.float32)
    scalar, gone = scalars(view.weights), is_replicator(view.codes)
    before, after = chances(view, scalar, image), chances(view, drop(scalar, gone), image)
    with right:
        if not image.any():
            st.markdown("Draw something, or begin with an image of the test set.")
            return
        best, pruned = int(before.argmax()), int(after.argmax())
        right_one = f"; it is a **{task.y_test[number - 1]}**" if number else ""
        st.markdown(
            f"The network answers **{best}** ({percent(before[best])}), without its replicators "
            f"**{pruned}** ({percent(after[pruned])}){right_one}."
        )
        table = pd.DataFrame({"class": range(task.classes), "before": before, "after": after})
        caption = "Probability of every class before and after the replicators are dropped"
        Plate("answers", f"{caption}; {view.at}.", answer_bars(table), table).show(view)
    which = choices.choose(
        "Connections that answer",
        {"before": "before pruning", "after": "after pruning"},
        "What every connection adds to the logit of the network's answer.",
        "view",
    )
    answer = best if which == "before" else pruned
    weights = view.weights if which == "before" else drop(view.weights, gone)
    part = explain_particles(weights, image[None], np.array([answer]), run.shape)[0]
    graph = macro_graph(part, view.codes, run.shape, "all")
    least = FAINTEST * np.abs(part).max()
    faint = [edge for edge in graph.edges if not abs(graph.edges[edge].get("weight", 0)) > least]
    graph.remove_edges_from(faint)
    table = pd.DataFrame(
        [(data["particle"], data["type"], data["weight"]) for *_, data in graph.edges(data=True)],
        columns=["particle", "type", "contribution"],
    )
    st.markdown(
        f"**{many(len(table), 'connection')}** add more than {percent(FAINTEST)} of the largest "
        f"contribution to the logit of {answer}."
    )
    caption = f"Connections that add to the answer {answer}, {which} pruning; {view.at}."
    figure = connectivity_graph(graph, color="weight", measure="contribution")
    Plate("answering", caption, figure, table).show(view)


page("Explain", "Where do the answers come from, and what do the micro networks do for them?")
view = workbench(with_data=True)
if not np.isfinite(view.weights).all():
    st.info("A particle has diverged by then, so the network gives no answers to explain.")
    st.stop()

about = "How relevance is given to a particle: by opening all gates from 0 to 1, or by the slope."
methods = {name: name for name in PARTICLE_METHODS}
method = choices.choose("Particles", methods, about, "method")
table = relevance_table(contributions(view, method), view.codes, view.run.shape)
shares = share_by_type(table).assign(h=view.run.config.neurons)
replicating = shares[shares["type"].isin(REPLICATORS)]
leaders = table.nlargest(TOP, "relevance")
particles, relevance = replicating["particle_share"].sum(), replicating["relevance_share"].sum()
st.markdown(
    f"Replicators are **{percent(particles)}** of the particles and carry "
    f"**{percent(relevance)}** of the relevance. {conclusion(particles, relevance)}. The most "
    f"relevant one, {leaders['particle'].iloc[0]}, carries {percent(leaders['share'].iloc[0])} "
    "alone."
)
caption = f"Share of the particles and of the relevance by type; {view.at}."
Plate("relevance", caption, relevance_shares(shares), shares).show(view)
st.caption(
    "Relevance: the mean size of a particle's contribution to the right answer's logit, over "
    f"{IMAGES} test images."
)

st.header("Draw a digit", anchor=False)
own_picture(view)

st.header("Most relevant particles", anchor=False)
columns = ["particle", "type", "share", "contribution", "layer", "cell", "input"]
st.dataframe(leaders[columns], hide_index=True)

st.header("Attribution per digit", anchor=False)
about = "How a pixel's part in a logit is measured. Without a macro activation all are equal."
methods = {name: name for name in PIXEL_METHODS}
pixels = choices.choose("Pixels", methods, about, "pixels")
st.markdown("Above the mean image of a digit, below what its pixels add to the digit's own logit.")
digits = digit_table(view, pixels)
caption = f"Mean image of every digit, and what its pixels add to its logit; {view.at}."
Plate("digits", caption, attribution_images(digits, pixels), digits).show(view)
