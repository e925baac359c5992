"""Selection: can MetaNets be selected for accuracy, or for replicating, at what cost?

A population of 50 inherits initial weights for 100 generations; a life is 100 step pairs on digits;
winners of tournaments of two are the parents; mutation draws 0.2 % of the weights anew
(:mod:`srnn.life.selection`). The neutral control draws parents at random and can have no trend.
What is selected must be MetaNets: by the end of a life they must have learned, and replicate.
"""

from typing import Any

import plotly.graph_objects as go

from srnn.experiments.base import Arms, Experiment, Settings, Tables, computations
from srnn.experiments.claims import Claim, Tolerance, across, at_least, at_most, later_question
from srnn.figures.rows import Line, mean_line, panels
from srnn.figures.style import INK, MUTED
from srnn.life.selection import GOALS, Setting, select, trend
from srnn.runs.results import Computed

NEUTRAL = "neutral"


def population(**about: Any) -> Computed:
    """Trends of a population over its generations, its means over all of them, and in each."""
    table = select(Setting(**about))
    columns = ["accuracy", "replicators"]
    facts = {name: float(table[name].mean()) for name in columns}
    facts |= {f"trend of {name}": trend(table, name) for name in columns}
    return facts, {"course": table.groupby("generation", as_index=False)[columns].mean()}


def arms(settings: Settings) -> Arms:
    networks, generations = (8, 6) if settings.quick else (50, 100)
    about = {"version": 3, "cost": 30, "networks": networks, "generations": generations}
    return {
        goal: computations("selection", population, settings.each, goal=goal, **about)
        for goal in GOALS
    }


WHY = "over 100 generations; without selection there can be none"


def _trend(quantity: str, goal: str, least: Tolerance, yes: str, no: str) -> Claim:
    where = across(f"trend of {quantity}", goal, NEUTRAL)
    return later_question(f"trend of {quantity}, selected for {goal}", where, least, yes, no)


CLAIMS = (
    _trend(
        "accuracy",
        "accuracy",
        at_least(0.06, WHY, "pp"),
        "selection makes MetaNets learn faster",
        "selection for accuracy has no effect of that size",
    ),
    _trend(
        "replicators",
        "replicators",
        at_least(0.03, WHY, "pp"),
        "selection makes more replicators",
        "selection for replicators has no effect of that size",
    ),
    _trend(
        "accuracy",
        "replicators",
        at_most(-0.02, WHY, "pp"),
        "replicating is paid with accuracy",
        "selection for replicators does not cost accuracy",
    ),
)


def figure(tables: Tables) -> go.Figure:
    """Accuracy and share of replicators over the generations, by what is selected."""
    drawn = panels(2, ("test accuracy after a life (%)", "replicators after a life (%)"))
    course = tables["course"]
    style = {"accuracy": (INK, "solid"), "replicators": (INK, "dash"), NEUTRAL: (MUTED, "dot")}
    for col, column in enumerate(("accuracy", "replicators"), start=1):
        for goal, (color, dash) in style.items():
            own = course[course["arm"] == goal]
            one = Line(own, column, f"selected: {goal}", color, dash, 100)
            place = {"row": 1, "col": col}
            mean_line(drawn, one, place, x="generation", legend=col == 1, log_epochs=False)
    drawn.update_xaxes(title="Generation")
    return drawn


EXPERIMENT = Experiment(
    "selection", __doc__, arms, CLAIMS, figure, premise=("accuracy", "replicators"), data="course"
)
