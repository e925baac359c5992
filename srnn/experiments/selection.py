"""Selection: can MetaNets be selected for accuracy, or for replicating, at what cost?

A population of 50 inherits initial weights for 100 generations; a life is 100 step pairs on digits;
winners of tournaments of two are the parents; mutation draws 0.2 % of the weights anew
(:mod:`srnn.life.selection`). The neutral control draws parents at random and can have no trend.
What is selected must be MetaNets: by the end of a life they must have learned, and replicate.
"""

import math
from typing import Any

import plotly.graph_objects as go

from srnn.experiments.base import FIRST_SEED, Arms, Computation, Experiment, Settings, Tables
from srnn.experiments.claims import AFTER, At, Claim, Tolerance
from srnn.figures.rows import mean_line, panels
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
    size = {"networks": networks, "generations": generations}
    return {
        goal: [
            Computation(
                "selection", population, {**size, "goal": goal, "seed": seed}, seed, 3, cost=30
            )
            for seed in range(FIRST_SEED, FIRST_SEED + settings.seeds)
        ]
        for goal in GOALS
    }


def _claim(goal: str, quantity: str, low: float, high: float, *answers: str) -> Claim:
    yes, no = answers
    return Claim(
        f"trend of {quantity}, selected for {goal}",
        At(goal, f"trend of {quantity}"),
        At(NEUTRAL, f"trend of {quantity}"),
        Tolerance(low, high, "over 100 generations; without selection there can be none"),
        "pp",
        AFTER,
        (yes, no),
    )


CLAIMS = (
    _claim(
        "accuracy",
        "accuracy",
        0.06,
        math.inf,
        "selection makes MetaNets learn faster",
        "selection for accuracy has no effect of that size",
    ),
    _claim(
        "replicators",
        "replicators",
        0.03,
        math.inf,
        "selection makes more replicators",
        "selection for replicators has no effect of that size",
    ),
    _claim(
        "replicators",
        "accuracy",
        -math.inf,
        -0.02,
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
            mean_line(
                drawn, course[course["arm"] == goal], column, f"selected: {goal}",
                x="generation", color=color, dash=dash, scale=100, place={"row": 1, "col": col},
                legend=col == 1, log_epochs=False,
            )  # fmt: skip
    drawn.update_xaxes(title="Generation")
    return drawn


EXPERIMENT = Experiment(
    "selection", __doc__, arms, CLAIMS, figure, premise=("accuracy", "replicators"), data="course"
)
