"""Pruning lab: is self-replication a good pruning criterion?"""

from ui import choices
from ui.frame import page
from ui.pruning import SECTIONS
from ui.workbench import workbench

page(
    "Pruning lab",
    "Is self-replication a good pruning criterion, or just small weights and quiet inputs?",
)
view = workbench(with_data=True, clock=False)
titles = {name: title for name, (title, _) in SECTIONS.items()}
_, show = SECTIONS[choices.choose("Question", titles, "", "question")]
show(view)
