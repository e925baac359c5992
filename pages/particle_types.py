"""Particle types: how many particles are of each type, at every epoch, for any epsilon."""

import streamlit as st

from srnn.figures.style import percent
from srnn.vocabulary import count_replicators, count_types
from ui import album, choices
from ui.frame import page
from ui.text import many
from ui.workbench import workbench

page("Particle types", "Which particles replicate, and when do they begin to?")
view = workbench()
above = st.container()  # the finding and the figure come first, also on a phone
with st.container(horizontal=True, gap="medium"):
    drawn = choices.choose(
        "Drawn",
        {"stack": "stacked", "shares": "stacked, in percent", "lines": "lines"},
        "Stacked: the whole is the network. Lines: every type by itself.",
        "view",
    )
    scale = choices.epoch_scale()

now = count_types(view.codes)
replicators, total = count_replicators(now), view.codes.size
with above:
    st.markdown(
        f"After {many(view.epoch, 'epoch')} "
        f"**{replicators:,} of {total:,} particles ({percent(replicators / total)})** are "
        f"replicators: {now['zero']:,} zero + {now['identity']:,} identity. "
        f"{now['second_order']:,} are second-order, {now['other']:,} other, "
        f"{now['divergent']:,} divergent (epsilon {view.epsilon:.0e})."
    )
    album.census(view, drawn, scale).show(view)

st.header("Training", anchor=False)
start, end = view.run.records.iloc[0], view.run.records.iloc[-1]
st.markdown(
    f"Test accuracy went from {percent(start['test_accuracy'])} to "
    f"**{percent(end['test_accuracy'])}** in {many(end['epoch'], 'epoch')}."
)
album.curves(view).show(view)
