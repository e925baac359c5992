"""Micro structures inside macro networks: what the literature had, as a table (row 9).

Facts from the papers themselves; ``source`` names each.
"""

from __future__ import annotations

import pandas as pd

COLUMNS = ("work", "year", "micro_network", "shared", "training", "headline", "source")

WORKS = (
    (
        "Network In Network (Lin, Chen, Yan)",
        2013,
        "a small multilayer perceptron in place of every convolution's linear filter",
        "one micro network per layer, slid over all positions of the image",
        "backpropagation, end to end",
        "state of the art on CIFAR-10 and CIFAR-100 at the time; global average pooling instead of "
        "fully connected layers",
        "arXiv 1312.4400",
    ),
    (
        "HyperNetworks (Ha, Dai, Le)",
        2016,
        "a network that generates the weights of the main network from embeddings",
        "the generator, over all layers (static) or time steps (dynamic)",
        "backpropagation, generator and embeddings together",
        "near state of the art in character-level language modelling with weights that change "
        "every step; image classification with fewer parameters",
        "arXiv 1609.09106",
    ),
    (
        "The Lottery Ticket Hypothesis (Frankle, Carbin)",
        2018,
        "none: a mask on the connections of one network",
        "nothing; a winning ticket keeps its own initial weights",
        "train, prune the smallest weights, rewind to the start, repeat",
        "subnetworks of under 10 to 20 % of the size, trained from their original start, reach the "
        "accuracy of the whole (MNIST, CIFAR-10)",
        "arXiv 1803.03635",
    ),
    (
        "A Generative Model for Sampling High-Performance and Diverse Weights (Deutsch, Nijkamp, "
        "Yang)",
        2019,
        "a network that maps noise to all weights of a target network",
        "the generator's parts, over filters and layers",
        "task loss plus a diversity term that takes symmetries of the weights into account",
        "draws many different good networks, whose ensemble is better than each",
        "arXiv 1905.02898",
    ),
    (
        "HyperGAN (Ratzlaff, Li)",
        2019,
        "one generator per layer, fed by a mixer of noise",
        "the mixer, over all layers' generators",
        "task loss, with an adversarial term on the mixed codes",
        "competitive accuracy on MNIST and CIFAR-10; its ensembles detect inputs from elsewhere "
        "and adversarial ones",
        "arXiv 1901.11058",
    ),
    (
        "Variable Shared Meta Learning (Kirsch, Schmidhuber)",
        2021,
        "a tiny LSTM in place of every weight",
        "the LSTM's parameters, over all connections; each has a state of its own",
        "meta-learning of the shared parameters; learning is the states' dynamics",
        "learns learning algorithms, backpropagation among them, that run forward only and carry "
        "over to other data sets",
        "arXiv 2012.14905",
    ),
    (
        "Organism networks (Illium, Zorn, Lenta, Kölle, Linnhoff-Popien, Gabor)",
        2022,
        "a self-replicating network in place of every weight",
        "nothing: every particle has weights of its own",
        "gradient descent, self-replication and the task in turn",
        "particles specialise; those that only replicate can be dropped, which makes it a way of "
        "pruning",
        "arXiv 2212.10078",
    ),
)


def literature_table() -> pd.DataFrame:
    """One row per work: what plays the micro network, what is shared, how it is trained, what came
    out, and where to read it."""
    return pd.DataFrame(WORKS, columns=list(COLUMNS))
