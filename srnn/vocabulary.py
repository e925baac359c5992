"""The words of the project, each with one meaning: particle types, replicators, the glossary.

Nothing here needs torch, so figures, records of runs and pages can speak of types without it; what
makes a particle of which type is :mod:`srnn.fixpoints`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

TYPES = ("divergent", "zero", "identity", "second_order", "other")
"""The five types of a particle; a type's code is its index here."""

DIVERGENT, ZERO, IDENTITY, SECOND_ORDER, OTHER = range(5)

REPLICATORS = ("zero", "identity")
"""The types that reproduce their own weights."""

LABELS = {name: name.replace("_", "-") for name in TYPES}
"""What the types are called in legends, tables and texts."""

EPSILON = 1e-5
"""The log's tolerance of every type."""

SETTLED = 200
"""Replication-only steps after which a network counts as settled."""


def is_replicator(codes: np.ndarray) -> np.ndarray:
    """Which particles reproduce their own weights: codes into :data:`TYPES`, any shape -> bool.

    They are of type zero (dead, so trivially) or identity (alive). All others, diverged ones too,
    are *survivors*: what stays when the replicators are dropped.

    >>> is_replicator(np.array([ZERO, IDENTITY, OTHER, DIVERGENT])).tolist()
    [True, True, False, False]
    """
    return (codes == ZERO) | (codes == IDENTITY)


def count_replicators(counts: Mapping[str, Any] | Any) -> Any:
    """How many replicators there are, from anything with a number, or a column, per type.

    >>> count_replicators({"divergent": 0, "zero": 3, "identity": 2, "second_order": 0, "other": 5})
    5
    """
    return counts["zero"] + counts["identity"]


def count_types(codes: np.ndarray) -> dict[str, int]:
    """How many particles are of each type, in the order of :data:`TYPES`."""
    counts = np.bincount(np.ravel(codes), minlength=len(TYPES))
    return {name: int(counts[code]) for code, name in enumerate(TYPES)}


GLOSSARY = {
    "particle": "A small linear network of three weight matrices (bias-free, h neurons per hidden "
    "layer) that is asked about its own weights, and that stands for one connection of a MetaNet.",
    "MetaNet": "A dense, bias-free network in which every connection is a particle.",
    "connection": "What leads from one cell to a cell of the next layer; each is a particle, named "
    "L{layer}_C{cell}_W{input}.",
    "scalar weight": "What a particle multiplies an activation by: its answer to (0, 0, 0, 0, 1). "
    "A particle is linear, so this one number is all that the task sees of it.",
    "self-application": "A particle's answers to the questions about each of its own weights "
    "(the weight and its position: layer, cell, index).",
    "self-replication": "The training goal that a particle's self-application equals its weights.",
    "fixpoint": "Weights that self-application leaves as they are, within epsilon.",
    "replicator": "A particle that reproduces its own weights within epsilon: of type zero "
    "(trivially: it is dead) or identity (it is alive).",
    "survivor": "A particle that is no replicator: it stays when the replicators are dropped.",
    "zero": "Type of a dead particle: no weight is larger than epsilon.",
    "identity": "Type of a particle whose self-application gives every one of its weights within "
    "epsilon, without being zero.",
    "second-order": "Type of a particle that comes back to its weights when it is applied to its "
    "own output, though not at the first application.",
    "other": "Type of a particle that does not reproduce its weights, neither at once nor at the "
    "second application.",
    "divergent": "Type of a particle with a weight that is infinite or not a number.",
    "epsilon": "The tolerance with which weights count as equal. The log used 0.00001.",
    "alpha": "How much the self-replication loss counts against the task. The log used 100.",
    "h": "Neurons in each hidden layer of a particle. It has 5h + h² + h weights.",
    "cell": "A neuron of the MetaNet: it adds up what its particles answer.",
    "weight layer": "All connections between two neighbouring layers of cells, numbered from 0; "
    "weight layer l feeds cell layer l + 1.",
    "cell layer": "A row of cells; 0 is the input, the last one the output.",
    "depth": "Number of weight layers.",
    "width": "Number of cells in a hidden layer.",
    "dead output": "An output cell all of whose particles are zero: it always answers 0.",
    "residual skip": "A way past a weight layer: what a cell layer holds is added, without any "
    "particle, to a later cell layer.",
    "dropout test": "Setting the scalar weights of a group of particles to zero and measuring the "
    "accuracy again, to see whether they take part in the task.",
    "drop cost": "Accuracy before minus after the replicators are dropped, in percentage points: "
    "at the instant the training stopped, or settled.",
    "settle": "To go on with self-replication steps only, after training for the task: particles "
    "that were just pushed by a task step come back to their fixpoints.",
    "self-replication pruning": "Dropping all replicators and keeping the survivors.",
    "collapse": "To write a MetaNet as the ordinary dense network of its scalar weights, which "
    "answers exactly as it does.",
    "recipe": "The training rules of the original code: of 2022-02, which made the log's figures, "
    "or of 2022-03, the later paper's.",
    "snapshot": "All weights of all particles as they were after an epoch; 0 is before training.",
}
"""What the words mean, in a sentence or two; pages show it when a word is pointed at."""
