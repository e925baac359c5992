"""The classifying quine: a network that classifies digits and knows its own weights.

After Chang and Lipson, "Neural Network Quine" (2018, arXiv 1803.05859): a network is given the
coordinate of one of its weights, through a fixed random projection, and has to answer the weight;
an image enters beside it, and ten further outputs classify. The loss is the cross-entropy plus
``share`` times the squared error of the weights, relative to answering 0: a quine of squared error
alone may know nothing of its weights, as a public reimplementation of theirs does. Their abstract
states a trade-off between the two; what is known of their figures: ``docs/soups.md``.

Theirs had two hidden layers of 100 and some 21,000 weights; this is the same idea in small, on the
8x8 digits, with two hidden layers of 32 and the projections fixed, so not among its weights.
"""

import torch

from srnn.runs.results import Computed
from srnn.tasks import load_task

WIDTH = 32
"""Cells of each hidden layer."""


def train_quine(share: float, seed: int, steps: int) -> Computed:
    """A quine trained with a weight of self-replication, ``share`` (0: none). Facts: ``accuracy``
    on the test images, and ``error``, the squared error of the weights over that of answering 0 (0
    is a perfect quine, 1 knows nothing of itself)."""
    task = load_task("digits")
    x, y = torch.tensor(task.x_train), torch.tensor(task.y_train)
    draw = torch.Generator().manual_seed(seed)
    net = _Quine(x.shape[1], WIDTH, draw)
    optimizer = torch.optim.Adam(net.weights, 0.003)
    for _ in range(steps):
        batch = torch.randint(len(x), (64,), generator=draw)
        logits, _ = net(x[batch], None)
        loss = torch.nn.functional.cross_entropy(logits, y[batch])
        asked = torch.randint(net.size, (256,), generator=draw)
        loss = loss + share * net.error(asked)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        logits, _ = net(torch.tensor(task.x_test), None)
        right = (logits.argmax(1) == torch.tensor(task.y_test)).double().mean()
        error = net.error(torch.arange(net.size))
    return {"accuracy": float(right), "error": float(error)}, {}


class _Quine:
    """``pixels + coordinate - width - width - 10 classes + 1 weight``."""

    def __init__(self, pixels: int, width: int, draw: torch.Generator) -> None:
        shapes = ((width, pixels), (width, width), (11, width))
        self.weights = [
            (torch.randn(shape, generator=draw) / shape[1] ** 0.5).requires_grad_()
            for shape in shapes
        ]
        self.size = sum(weight.numel() for weight in self.weights)
        self.places = torch.randn((self.size, width), generator=draw)

    def __call__(
        self, images: torch.Tensor | None, asked: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of images, or answers about the weights ``asked``."""
        first, second, last = self.weights
        entered = images @ first.T if images is not None else self.places[asked]
        out = torch.tanh(torch.tanh(entered) @ second.T) @ last.T
        return out[:, :10], out[:, 10]

    def error(self, asked: torch.Tensor) -> torch.Tensor:
        """Squared error of the answers about some weights, over that of answering 0. The target is
        not held fixed: a quine may move its weights to where it can tell them."""
        own = torch.cat([weight.flatten() for weight in self.weights])[asked]
        _, told = self(None, asked)
        return ((told - own) ** 2).mean() / (own.detach() ** 2).mean()
