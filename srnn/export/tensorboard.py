"""A run for TensorBoard: its curves, its weights' histograms, its particles in the projector.

``tensorboard --logdir FOLDER`` then shows them; the package tensorboard is needed to write too.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from srnn.analysis.types import history_measures, typed_particles
from srnn.export.formats import MissingPackage
from srnn.metanet import MacroShape
from srnn.particles import scalar_weights
from srnn.vocabulary import EPSILON, TYPES

PROJECTED = 20_000
"""Particles in the projector at most, evenly taken from all: it runs in the browser."""


def write_tensorboard(
    folder: Path,
    records: pd.DataFrame,
    snapshots: np.ndarray,
    epochs: Sequence[int],
    encoding: np.ndarray,
    shape: MacroShape,
    epsilon: float = EPSILON,
) -> None:
    """Write a run's ``records``, its ``snapshots (T, n, P)`` of ``epochs``, as event files.

    Scalars are the records' columns; histograms, per snapshot, the weights, the scalar weights of
    every weight layer and the replication error (log10); the projector holds the last snapshot's
    particles, with name, place, type and scalar weight. Numbers that are not finite are left out.

    Raises:
        MissingPackage: tensorboard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as missing:
        raise MissingPackage(
            'this format needs tensorboard, which is not installed: pip install "srnn[tensorboard]"'
        ) from missing
    found = history_measures(snapshots, encoding)
    with SummaryWriter(str(folder)) as writer:
        for row in records.to_dict("records"):
            for name, value in row.items():
                if name != "epoch" and np.isfinite(value):
                    tag = f"types/{name}" if name in TYPES else str(name)
                    writer.add_scalar(tag, value, int(row["epoch"]))
        for epoch, weights, error in zip(epochs, snapshots, found.error, strict=True):
            scalars = scalar_weights(torch.from_numpy(np.array(weights)))
            values = {"weights": torch.from_numpy(np.array(weights))}
            for layer, part in enumerate(shape.split(scalars)):
                values[f"scalar weights/layer {layer}"] = part
            values["log10 replication error"] = torch.from_numpy(error).clamp(min=1e-12).log10()
            for tag, numbers in values.items():
                finite = numbers[torch.isfinite(numbers)]
                if len(finite):
                    writer.add_histogram(tag, finite, epoch)
        chosen = np.linspace(0, shape.particles - 1, min(PROJECTED, shape.particles)).astype(int)
        last = torch.from_numpy(np.array(snapshots[-1]))
        table = typed_particles(found.codes(epsilon)[-1], shape).iloc[chosen]
        table["scalar weight"] = scalar_weights(last).numpy()[chosen]
        writer.add_embedding(
            torch.nan_to_num(last.T[chosen]),
            metadata=table.astype(str).to_numpy().tolist(),
            metadata_header=list(table.columns),
            global_step=epochs[-1],
            tag="particles",
        )
