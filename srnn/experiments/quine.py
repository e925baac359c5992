"""The classifying quine: what does knowing its own weights cost a network that classifies?

After Chang and Lipson (2018): one network answers its own weights, asked by coordinate, and
classifies digits, in small (:mod:`srnn.life.quine`). Their accuracies on MNIST, 90.41 % with and
96.33 % without replication, are quoted here second hand; another network on other data, no claim.
"""

import plotly.graph_objects as go

from srnn.experiments.base import Arms, Experiment, Settings, Tables, computations
from srnn.experiments.claims import across, at_most, later_question
from srnn.figures.style import blank, marks
from srnn.life.quine import train_quine

SHARES = (0.0, 0.03, 0.1, 0.3, 1.0)
NONE, WHOLE = "share 0", "share 1"


def arms(settings: Settings) -> Arms:
    steps = 100 if settings.quick else 1000
    return {
        f"share {share:g}": computations(
            "quine", train_quine, settings.each, cost=5, share=share, steps=steps
        )
        for share in SHARES
    }


CLAIMS = (
    later_question(
        "error of the quine about its weights, 1 for knowing nothing",
        across("error", WHOLE, NONE),
        at_most(0.8, "a fifth of its weights' variance is told", "2"),
        "a classifier can know a good part of itself",
        "a classifier knows next to nothing of it",
    ),
    later_question(
        "accuracy with the whole share of replication, less without",
        across("accuracy", WHOLE, "share 0.03", "share 0.03", minus=NONE),
        at_most(-0.005, "half a point", "pp"),
        "there is a trade-off, as Chang and Lipson say",
        "there is no trade-off of half a point",
    ),
)


def figure(tables: Tables) -> go.Figure:
    """Accuracy against the error about its own weights, a point per quine, by share."""
    drawn, numbers = blank(), tables["numbers"]
    symbols = ("circle-open", "diamond-open", "square-open", "triangle-up-open", "circle")
    for share, symbol in zip(SHARES, symbols, strict=True):
        own = numbers[numbers["arm"] == f"share {share:g}"]
        x, y = own["error"].clip(upper=3), 100 * own["accuracy"]
        marks(drawn, x, y, f"share {share:g}", symbol=symbol, size=10)
    drawn.update_xaxes(title="Error about its own weights (1: knows nothing; 3 or more: at 3)")
    drawn.update_yaxes(title="Accuracy (%)")
    return drawn


EXPERIMENT = Experiment("quine", __doc__, arms, CLAIMS, figure)
