"""Explain: which pixels, and which particles, the answers come from (Captum)."""

import streamlit as st

from srnn.experiments.explain import conclusion
from srnn.figures.experiments_particles import attribution_images, relevance_shares
from srnn.vocabulary import REPLICATORS
from ui import choices, micro
from ui.frame import page, pick_run, show
from ui.text import percent

page("Explain", "Where do the answers come from, and what do the micro networks do for them?")
run = pick_run(with_data=True)
if run.stopped:
    st.info("A particle of this run has diverged, so it gives no answers to explain.")
    st.stop()
shares, top, rest, digits = micro.explained(run.run_id)

about = "How relevance is given to a particle: by opening all gates from 0 to 1, or by the slope."
methods = list(dict.fromkeys(shares["method"]))
method = choices.choose("Particles", methods, methods, about, "particle-method")
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
show(relevance_shares(own), own, f"relevance-{run.run_id}", key=f"relevance-{method}")
st.caption(
    "Relevance: the mean size of a particle's contribution to the right answer's logit, over 500 "
    f"test images. All contributions of an image add up to its logit (rest: {rest:.0e})."
)

st.subheader("Most relevant particles", anchor=False)
columns = ["particle", "type", "share", "contribution", "layer", "cell", "input"]
st.dataframe(leaders[columns], hide_index=True)

st.subheader("Attribution per digit", anchor=False)
methods = [name for name in digits.columns if name not in ("digit", "pixel", "mean")]
about = "How a pixel's part in a logit is measured. Without a macro activation all are equal."
pixels = choices.choose("Pixels", methods, methods, about, "pixel-method")
st.markdown("Above the mean image of a digit, below what its pixels add to the digit's own logit.")
show(attribution_images(digits, pixels), digits, f"digits-{run.run_id}", key=f"digits-{pixels}")
