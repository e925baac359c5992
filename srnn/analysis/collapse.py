"""gnf(1) -> the weight: a MetaNet as the ordinary dense network that it equals (log rows 3, 4).

Every particle is a number, its scalar weight f(0,0,0,0,1); the MetaNet is a dense network of these
numbers, with its residual skips and macro activation. Particles are linear, so this is exact up to
rounding. :func:`compare` checks it against the slow way, which knows nothing of scalar weights:
it asks every particle as a network about every activation that reaches it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from srnn.metanet import MacroShape, through_layers
from srnn.particles import INPUTS, matrices, scalar_weights


def scalars(weights: np.ndarray) -> np.ndarray:
    """Scalar weight of every particle: ``(..., n, P)`` -> ``(..., P)`` float32.

    NaN where the particle has diverged, whichever of its weights is not finite: as a network it
    answers NaN to everything (0 x NaN is NaN).

    Raises:
        ValueError: no particle has n weights.
    """
    whole = _tensor(weights)
    scalar = scalar_weights(whole)
    return torch.where(torch.isfinite(whole).all(-2), scalar, torch.nan).numpy()


class DenseNet(nn.Module):
    """An ordinary dense, bias-free network with a MetaNet's skips and activation.

    ``x (B, inputs)`` -> logits ``(B, outputs)``. Its layers are plain ``nn.Linear``, its
    activations modules (so that Captum can follow them); it knows nothing about particles.
    """

    def __init__(self, shape: MacroShape) -> None:
        super().__init__()
        self.shape = shape
        self.layers = nn.ModuleList(nn.Linear(inp, out, bias=False) for out, inp in shape.layers)
        kind = {"relu": nn.ReLU, "tanh": nn.Tanh}.get(shape.activation, nn.Identity)
        self.activations = nn.ModuleList(kind() for _ in shape.layers[1:])

    def forward(self, x: Tensor) -> Tensor:
        return through_layers(
            x,
            self.shape,
            lambda layer, x: self.layers[layer](x),
            lambda layer, x: self.activations[layer](x),
        )


def collapse(weights: np.ndarray, shape: MacroShape) -> DenseNet:
    """The dense network that a MetaNet of weights ``(n, P)`` equals.

    Raises:
        ValueError: the weights are not of ``shape.particles`` particles.
    """
    _check(weights, shape)
    return dense(scalars(weights), shape)


def dense(scalar: np.ndarray, shape: MacroShape) -> DenseNet:
    """The dense network of scalar weights ``(P,)``.

    Raises:
        ValueError: there is not one scalar per particle.
    """
    if scalar.shape != (shape.particles,):
        raise ValueError(f"scalar weights of shape {scalar.shape}: expected ({shape.particles},)")
    network = DenseNet(shape)
    with torch.no_grad():
        for layer, matrix in zip(network.layers, shape.split(_tensor(scalar)), strict=True):
            layer.load_state_dict({"weight": matrix})
    return network.eval()


def _ask(weights: Tensor, inputs: Tensor) -> Tensor:
    """Every particle evaluated as the network it is, W3 (W2 (W1 (0, 0, 0, 0, x))): weights
    ``(n, P)``, inputs ``(B, P)`` -> ``(B, P)``. Slow; does not use scalar weights."""
    w1, w2, w3 = matrices(weights)
    question = torch.zeros(*inputs.shape, INPUTS, dtype=weights.dtype)
    question[..., INPUTS - 1] = inputs
    hidden = torch.einsum("hip,bpi->bph", w1, question)
    hidden = torch.einsum("khp,bph->bpk", w2, hidden)
    return torch.einsum("kp,bpk->bp", w3, hidden)


def particle_forward(weights: np.ndarray, x: np.ndarray, shape: MacroShape) -> np.ndarray:
    """Logits ``(B, outputs)`` of a MetaNet, particle by particle: weights ``(n, P)``, ``x
    (B, inputs)``. The slow way, as the original code did it.

    Raises:
        ValueError: the weights are not of ``shape.particles`` particles.
    """
    _check(weights, shape)
    whole = _tensor(weights)

    def sums(layer: int, x: Tensor) -> Tensor:
        out, inp = shape.layers[layer]
        own = whole[:, shape.starts[layer] : shape.starts[layer + 1]]
        answers = _ask(own, x.repeat(1, out))  # particle (cell, input) sees activation [input]
        return answers.view(-1, out, inp).sum(-1)

    batch = max(1, 4_000_000 // (shape.particles * max(INPUTS, len(weights) // 10)))
    parts = _tensor(x).split(batch)
    return torch.cat([through_layers(part, shape, sums) for part in parts]).numpy()


@dataclass(frozen=True)
class Comparison:
    """The collapsed network beside its MetaNet, on ``images`` images.

    ``difference`` is the largest absolute difference of two logits, ``largest_logit`` the largest
    absolute logit of the MetaNet: what to measure it against. Infinite if only one of the two is
    finite somewhere; NaN if no logit is finite (a particle has diverged). ``same_answers`` is the
    share (0..1) of images with the same answer from both.
    """

    difference: float
    largest_logit: float
    same_answers: float
    images: int


def compare(weights: np.ndarray, x: np.ndarray, shape: MacroShape) -> Comparison:
    """Compare the collapsed network with the MetaNet itself: weights ``(n, P)``, ``x (B, inputs)``.

    1,000 images of a 1,518-particle MetaNet with h = 8 take about a second.

    Raises:
        ValueError: the weights are not of ``shape.particles`` particles, or there is no image.
    """
    if len(x) == 0:
        raise ValueError("there is no image to compare on")
    slow = particle_forward(weights, x, shape).astype(np.float64)
    with torch.inference_mode():
        fast = collapse(weights, shape)(_tensor(x)).numpy().astype(np.float64)
    finite = np.isfinite(slow) & np.isfinite(fast)
    if (np.isfinite(slow) != np.isfinite(fast)).any():
        difference = float("inf")
    else:
        difference = float(np.abs(slow - fast)[finite].max()) if finite.any() else float("nan")
    largest = float(np.abs(slow[finite]).max()) if finite.any() else float("nan")
    usable = finite.all(1)
    same = float((usable & (slow.argmax(1) == fast.argmax(1))).mean())
    return Comparison(difference, largest, same, len(x))


def scalar_errors(
    weights: np.ndarray, probes: Sequence[float] = (-1.0, -0.5, 0.5, 1.0, 2.0)
) -> np.ndarray:
    """Largest |f(0,0,0,0,x) - x * scalar weight| of every particle over the probes x: weights
    ``(n, P)`` -> ``(P,)``. Rounding alone, as long as particles are linear."""
    inputs = np.repeat(np.asarray(probes, dtype=np.float32)[:, None], weights.shape[1], axis=1)
    with np.errstate(invalid="ignore", over="ignore"):
        answers = _ask(_tensor(weights), _tensor(inputs)).numpy()
        return np.abs(answers - inputs * scalars(weights)).max(0)


def _check(weights: np.ndarray, shape: MacroShape) -> None:
    if weights.ndim != 2 or weights.shape[1] != shape.particles:
        raise ValueError(f"weights of shape {weights.shape}: expected (n, {shape.particles})")


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32))
