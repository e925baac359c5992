"""Particle types: how many particles are of each type, at every epoch, for any epsilon."""

import streamlit as st

from srnn.analysis.types import type_counts
from srnn.figures.training import training_plot
from srnn.figures.types import type_lines, type_stack
from srnn.vocabulary import count_replicators
from ui import cached, choices
from ui.frame import page, show, workbench
from ui.text import many, percent

page("Particle types", "Which particles replicate, and when do they begin to?")
view = workbench()
run = view.run

with st.container(horizontal=True, gap="medium"):
    drawn = choices.choose(
        "Drawn",
        ("stack", "shares", "lines"),
        ("stacked", "stacked, in percent", "lines"),
        "Stacked: the whole is the network. Lines: every type by itself.",
        "view",
    )
    scale = choices.epoch_scale()

counts = type_counts(cached.codes(run.run_id, view.epsilon), run.snapshot_epochs)
now, total = counts.iloc[view.index], run.info["particles"]
replicators = count_replicators(now)
st.markdown(
    f"After {many(view.epoch, 'epoch')} "
    f"**{replicators:,} of {total:,} particles ({percent(replicators / total)})** are replicators: "
    f"{now['zero']:,} zero + {now['identity']:,} identity. "
    f"{now['second_order']:,} are second-order, {now['other']:,} other, "
    f"{now['divergent']:,} divergent (epsilon {view.epsilon:.0e})."
)
if drawn == "lines":
    figure = type_lines(counts, scale, view.epoch)
else:
    figure = type_stack(counts, drawn == "shares", scale, view.epoch)
show(
    figure,
    counts,
    f"types-{view.file}",
    key=drawn,
    alt=f"Particles of every type by epoch; {replicators:,} of {total:,} replicate at {view.at}",
)

st.header("Training", anchor=False)
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
