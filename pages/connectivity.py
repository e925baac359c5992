"""Connectivity: which connections survive self-replication pruning."""

import plotly.graph_objects as go

from ui.frame import page, pick_run, show

page("Connectivity", "Which connections survive?")
run = pick_run()
show(go.Figure(go.Scatter(y=run.records["test_accuracy"])), data=run.records, name="accuracy")
