"""Particle types: how many particles are of each type, at every epoch, for any epsilon."""

import streamlit as st

from srnn.analysis.types import type_counts
from srnn.figures.training import training_plot
from srnn.figures.types import type_lines, type_stack
from srnn.vocabulary import count_replicators
from ui import cached, choices
from ui.frame import page, pick_run, show
from ui.text import many, percent

page("Particle types", "Which particles replicate, and when do they begin to?")
run = pick_run()

with st.container(horizontal=True, gap="medium"):
    epsilon = choices.epsilon()
    view = choices.choose(
        "Drawn",
        ("stack", "shares", "lines"),
        ("stacked", "stacked, in percent", "lines"),
        "Stacked: the whole is the network. Lines: every type by itself.",
        "types-view",
    )
    scale = choices.epoch_scale()

counts = type_counts(cached.codes(run.run_id, epsilon), run.snapshot_epochs)
last, total = counts.iloc[-1], run.info["particles"]
replicating = count_replicators(last)
st.markdown(
    f"After {many(last['epoch'], 'epoch')} "
    f"**{replicating:,} of {total:,} particles ({percent(replicating / total)})** are replicators: "
    f"{last['zero']:,} zero + {last['identity']:,} identity. "
    f"{last['second_order']:,} are second-order, {last['other']:,} other, "
    f"{last['divergent']:,} divergent (epsilon {epsilon:.0e})."
)
if view == "lines":
    figure = type_lines(counts, scale)
else:
    figure = type_stack(counts, view == "shares", scale)
show(figure, counts, f"types-{run.run_id}", key=view, alt="Particles of every type by epoch")

st.subheader("Training", anchor=False)
records = run.records
start, end = records.iloc[0], records.iloc[-1]
st.markdown(
    f"Test accuracy went from {percent(start['test_accuracy'])} to "
    f"**{percent(end['test_accuracy'])}** in {many(end['epoch'], 'epoch')}."
)
show(
    training_plot(records, run.snapshot_epochs),
    records,
    f"training-{run.run_id}",
    alt="Losses on a logarithmic axis and accuracies by epoch",
)
