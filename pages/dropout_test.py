"""Dropout test: what the accuracy is without a type, a layer's type, or any set of particles."""

import streamlit as st

from srnn.figures.dropout import dropout_bars, dropout_layers
from srnn.figures.style import count, points
from ui import choices, micro
from ui.frame import page, pick_run, show
from ui.text import percent

page("Dropout test", "Does a particle take part in the goal, or is it only a replicator?")
run = pick_run(with_data=True)
epsilon = choices.epsilon()

by_type, by_layer = micro.dropped(run.run_id, epsilon)
rows = by_type.set_index("type")
identity, other = rows.loc["identity"], rows.loc["other"]
st.markdown(
    f"Without its **{count(identity['count'])} identities** the network's accuracy changes by "
    f"**{points(identity['difference'])}**; without its {count(other['count'])} others "
    f"{percent(other['accuracy'])} are left. Differences are after minus before."
)
show(dropout_bars(by_type), by_type, f"dropout-{run.run_id}", alt="Change of accuracy by type")

st.subheader("Layer by layer", anchor=False)
st.markdown("Only the particles of one type in one layer are dropped at a time.")
show(dropout_layers(by_layer), by_layer, f"dropout-layers-{run.run_id}")

st.subheader("Any other set", anchor=False)
test = micro.drop_chosen(run.run_id, micro.chosen_set(run.run_id, epsilon))
st.markdown(micro.about_set(test))
show(dropout_bars(test), test, f"dropout-set-{run.run_id}", key="dropout-set")
