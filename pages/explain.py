"""Explain: which pixels, and which particles, the answers come from (Captum)."""

import pandas as pd
import streamlit as st

from srnn.experiments.explain import conclusion, digit_table, explain_run
from srnn.figures.attribution import attribution_images, relevance_shares
from srnn.runs import get_run
from srnn.vocabulary import REPLICATORS
from ui import choices
from ui.frame import page, show
from ui.text import percent
from ui.workbench import workbench


@st.cache_data(max_entries=20, show_spinner="Explaining 500 test images")
def explained(run_id: str) -> tuple[pd.DataFrame, pd.DataFrame, float, pd.DataFrame]:
    """Relevance by type, the most relevant particles, the rest that the contributions leave, and
    the attribution images; see :mod:`srnn.experiments.explain`."""
    run = get_run(run_id)
    return *explain_run(run), digit_table(run)


page("Explain", "Where do the answers come from, and what do the micro networks do for them?")
view = workbench(with_data=True, clock=False)
run = view.run
if run.stopped:
    st.info("A particle of this run has diverged, so it gives no answers to explain.")
    st.stop()
shares, top, rest, digits = explained(run.run_id)

about = "How relevance is given to a particle: by opening all gates from 0 to 1, or by the slope."
methods = list(dict.fromkeys(shares["method"]))
method = choices.choose("Particles", methods, methods, about, "method")
own = shares[shares["method"] == method]
replicating = own[own["type"].isin(REPLICATORS)]
leaders = top[top["method"] == method]
particles, relevance = replicating["particle_share"].sum(), replicating["relevance_share"].sum()
st.markdown(
    f"Replicators are **{percent(particles)}** of the particles and carry "
    f"**{percent(relevance)}** of the relevance. {conclusion(particles, relevance)}. The most "
    f"relevant one, {leaders['particle'].iloc[0]}, carries {percent(leaders['share'].iloc[0])} "
    "alone."
)
show(
    relevance_shares(own),
    own,
    f"relevance-{run.run_id}",
    key=f"relevance-{method}",
    alt="Share of the particles and of the relevance by type",
)
st.caption(
    "Relevance: the mean size of a particle's contribution to the right answer's logit, over 500 "
    f"test images. All contributions of an image add up to its logit (rest: {rest:.0e})."
)

st.header("Most relevant particles", anchor=False)
columns = ["particle", "type", "share", "contribution", "layer", "cell", "input"]
st.dataframe(leaders[columns], hide_index=True)

st.header("Attribution per digit", anchor=False)
methods = [name for name in digits.columns if name not in ("digit", "pixel", "mean")]
about = "How a pixel's part in a logit is measured. Without a macro activation all are equal."
pixels = choices.choose("Pixels", methods, methods, about, "pixels")
st.markdown("Above the mean image of a digit, below what its pixels add to the digit's own logit.")
show(
    attribution_images(digits, pixels),
    digits,
    f"digits-{run.run_id}",
    key=f"digits-{pixels}",
    alt="Mean image of every digit, and what its pixels add to its logit",
)
