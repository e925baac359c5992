"""Explaining a MetaNet: which pixels, and which particles, an answer comes from (log row 5).

Captum (Kokhlikyan et al. 2020) is imported here and nowhere else. The network explained is the
collapsed one, which answers exactly as the MetaNet does.

- **Pixels**: integrated gradients (Sundararajan et al. 2017, from a black image), input times
  gradient, and DeepLift (Shrikumar et al. 2017). In a linear network all three are weight times
  input.
- **Particles**: every connection gets a *gate*, a factor of its scalar weight that is 1 in the
  MetaNet and 0 where the particle is dropped; the gates are what is explained. Integrated gradients
  from all gates closed to all open share a logit out among the particles without a rest (the
  method's completeness). Gate times gradient asks only what the last bit of opening changes.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from captum.attr import DeepLift, InputXGradient, IntegratedGradients
from torch import Tensor, nn

from srnn.analysis.collapse import collapse, scalars
from srnn.analysis.types import typed_particles
from srnn.metanet import ACTIVATIONS, MacroShape, forward
from srnn.vocabulary import TYPES

PIXEL_METHODS = {
    "integrated gradients": IntegratedGradients,
    "input x gradient": InputXGradient,
    "deeplift": DeepLift,
}
PARTICLE_METHODS = {
    "integrated gradients": IntegratedGradients,
    "gate x gradient": InputXGradient,
}
STEPS = 20
"""Points of the path integral (Gauss-Legendre) where the macro network is not linear."""
CHUNK = 250
"""Images at once, to bound the memory."""


def explain_pixels(
    weights: np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    shape: MacroShape,
    method: str = "integrated gradients",
) -> np.ndarray:
    """What every pixel contributes to the target's logit: weights ``(n, P)``, ``x (B, inputs)``,
    ``target (B,)`` classes -> ``(B, inputs)``.

    Raises:
        ValueError: unknown method.
    """
    explainer = _method(PIXEL_METHODS, method)(collapse(weights, shape))
    options = {"n_steps": _steps(shape, 1)} if method == "integrated gradients" else {}
    parts = []
    with warnings.catch_warnings():  # DeepLift says that it sets hooks, every time
        warnings.filterwarnings("ignore", message="Setting forward, backward hooks")
        for images, classes in _chunks(x, target):
            parts.append(explainer.attribute(images.requires_grad_(), target=classes, **options))
    return torch.cat(parts).detach().numpy()


class _Gated(nn.Module):
    """The MetaNet as a function of its gates ``(B, P)``, for images ``(B, inputs)``."""

    def __init__(self, scalar: Tensor, shape: MacroShape) -> None:
        super().__init__()
        self.scalar, self.shape = scalar, shape

    def forward(self, gates: Tensor, x: Tensor) -> Tensor:
        return forward(gates * self.scalar, x[:, None], self.shape)[:, 0]


def explain_particles(
    weights: np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    shape: MacroShape,
    method: str = "integrated gradients",
) -> np.ndarray:
    """What every particle contributes to the target's logit: weights ``(n, P)``, ``x (B,
    inputs)``, ``target (B,)`` -> ``(B, P)``. With integrated gradients a row's sum is the logit.

    Raises:
        ValueError: unknown method.
    """
    scalar = torch.from_numpy(np.array(scalars(weights)))
    explainer = _method(PARTICLE_METHODS, method)(_Gated(scalar, shape))
    options = {"n_steps": _steps(shape, shape.depth)} if method == "integrated gradients" else {}
    parts = []
    for images, classes in _chunks(x, target):
        gates = torch.ones(len(images), shape.particles, requires_grad=True)
        parts.append(
            explainer.attribute(
                gates,
                target=classes,
                additional_forward_args=(images,),
                **(options | {"internal_batch_size": CHUNK} if options else {}),
            ).detach()
        )
    return torch.cat(parts).numpy()


def _method(methods: dict[str, Any], name: str) -> Any:
    if name not in methods:
        raise ValueError(f"unknown method {name!r}; methods: {', '.join(methods)}")
    return methods[name]


def _steps(shape: MacroShape, degree: int) -> int:
    """Points of the path integral. The logits of a linear macro network are a polynomial of this
    degree in what is explained, and n points integrate the gradient of one of degree 2n exactly."""
    return STEPS if ACTIVATIONS[shape.activation] is not None else (degree + 1) // 2


def _chunks(x: np.ndarray, target: np.ndarray) -> Iterator[tuple[Tensor, Tensor]]:
    for start in range(0, len(x), CHUNK):
        part = slice(start, start + CHUNK)
        yield torch.from_numpy(np.array(x[part])), torch.from_numpy(np.array(target[part]))


def relevance_table(
    contributions: np.ndarray, codes: np.ndarray, shape: MacroShape
) -> pd.DataFrame:
    """Relevance per particle: contributions ``(B, P)``, type codes ``(P,)`` -> ``particle, layer,
    cell, input, type, relevance`` (mean absolute contribution), ``share`` of all relevance (0..1;
    NaN if nothing is relevant) and ``contribution`` (signed mean)."""
    table = typed_particles(codes, shape)
    table["relevance"] = np.abs(contributions).mean(0, dtype=np.float64)
    total = table["relevance"].sum()
    table["share"] = table["relevance"] / (total if total > 0 else np.nan)
    table["contribution"] = contributions.mean(0, dtype=np.float64)
    return table


def share_by_type(table: pd.DataFrame) -> pd.DataFrame:
    """From :func:`relevance_table`: ``type, particles, particle_share, relevance_share``, for
    every type."""
    groups = table.groupby("type")
    rows = pd.DataFrame({"type": list(TYPES)})
    rows["particles"] = rows["type"].map(groups.size()).fillna(0).astype(int)
    rows["particle_share"] = rows["particles"] / len(table)
    rows["relevance_share"] = rows["type"].map(groups["share"].sum()).fillna(0.0).astype(float)
    return rows
