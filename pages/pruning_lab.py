"""Pruning lab: is self-replication a good pruning criterion?"""

import streamlit as st

from ui import choices, pruning, studies
from ui.frame import page
from ui.workbench import workbench

page(
    "Pruning lab",
    "Is self-replication a good pruning criterion, or just small weights and quiet inputs?",
)
view = workbench(with_data=True, clock=False)
run, epsilon = view.run, view.epsilon

section = choices.choose("Question", pruning.SECTIONS, "", "question")

if section == "network":
    st.fragment(pruning.on_this_network)(run, epsilon)
elif section == "controls":
    pruning.control_section(run, epsilon)
elif section == "epsilon":
    pruning.threshold_section(run, epsilon)
elif section == "seeds":
    studies.seeds_section(run)
elif section == "limits":
    studies.limits_section()
elif section == "pareto":
    pruning.pareto_section(run, epsilon)
else:
    pruning.export_section(run, epsilon)
