"""Pruning lab: is self-replication a good pruning criterion?"""

import streamlit as st

from ui import choices, pruning
from ui.frame import page, pick_run

page(
    "Pruning lab",
    "Is self-replication a good pruning criterion, or just small weights and dead pixels?",
)
run = pick_run(with_data=True)

with st.container(horizontal=True, vertical_alignment="bottom"):
    section = choices.choose(
        "Question", list(pruning.SECTIONS), list(pruning.SECTIONS.values()), "", "pruning-section"
    )
    epsilon = choices.epsilon()

if section == "network":
    st.fragment(pruning.on_this_network)(run, epsilon)
elif section == "controls":
    pruning.control_section(run, epsilon)
elif section == "epsilon":
    pruning.threshold_section(run, epsilon)
elif section == "seeds":
    pruning.seeds_section(run)
elif section == "pareto":
    pruning.pareto_section(run, epsilon)
else:
    pruning.export_section(run, epsilon)
