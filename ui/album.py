"""The figures of a run: what each shows, in words, and the table behind it.

A page shows them one by one as :class:`Plate`; :func:`album` makes one file of them all.
"""

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from srnn.analysis.connectivity import connections_per_pixel, edge_table, node_table, select
from srnn.analysis.trajectories import Trajectories, sample_particles
from srnn.analysis.types import type_counts
from srnn.figures import connectivity, dropout, membership, style, survivors, training, types
from srnn.figures import trajectories as cubes
from srnn.figures.export import FORMATS, to_file
from srnn.vocabulary import count_replicators
from ui import cached, state
from ui.charts import csv, dark, drawn_for, show
from ui.state import View

SAMPLE = 250
"""Particles in a cube unless all are asked for; more are slow to turn."""


@dataclass(frozen=True)
class Plate:
    """A figure with its file name, a sentence that says what it shows, and its table."""

    name: str
    caption: str
    figure: go.Figure
    table: pd.DataFrame
    _drawn: dict[bool, tuple[go.Figure, go.Figure]] = field(default_factory=dict)

    def show(self, view: View, more: Callable[[], None] | None = None, key: str = "") -> None:
        """Show it on the page of the view that it was made for, under its name or a ``key`` of its
        own. Plotly takes longer to copy a figure than to make it, so the copies are kept with it,
        for either theme."""
        if dark() not in self._drawn:
            signed = style.signed(self.figure, view.source)
            self._drawn[dark()] = signed, drawn_for(dark(), signed)
        signed, drawn = self._drawn[dark()]
        name, key = f"{self.name}-{view.file}", key or self.name
        show(signed, self.table, name, key=key, alt=self.caption, more=more, drawn=drawn)


_kept = st.cache_resource(max_entries=20, hash_funcs=cached.MOMENT, show_spinner=False)
"""Kept by the server, for every visitor: a finished run never changes. Do not change a plate."""


@_kept
def network(view: View, keep: str = "survivors", color: str = "type") -> Plate:
    """The macro network as a graph."""
    kept = select(view.codes, keep)
    return Plate(
        f"network-{keep}",
        f"The macro network at {view.at}: {kept.sum():,} of {kept.size:,} connections ({keep}), "
        f"coloured by {color}, their width growing with the scalar weight.",
        connectivity.connectivity_graph(
            cached.graph(view, keep), node_table(kept, view.run.shape), color=color
        ),
        edge_table(view.weights, view.codes, view.run.shape)[kept],
    )


@_kept
def thinning(view: View) -> Plate:
    """Survivors, unread pixels and isolated cells over the epochs."""
    table, shape = cached.thinning(view.run.run_id, view.epsilon)[0], view.run.shape
    now = table.iloc[view.index]
    return Plate(
        "thinning",
        f"How the network thins out: {now['survivors']:,} surviving connections, "
        f"{now['unread_pixels']:,} unread pixels and {now['isolated_cells']:,} isolated cells at "
        f"{view.at}.",
        survivors.survivors_over_epochs(table, shape.particles, shape.inputs, view.epoch),
        table,
    )


@_kept
def layers(view: View) -> Plate:
    """Survivors of every weight layer."""
    table = cached.thinning(view.run.run_id, view.epsilon)[1]
    return Plate(
        "layers",
        f"Share of the connections of every weight layer that survive at {view.at}.",
        survivors.survivors_per_layer(table, view.epoch),
        table,
    )


@_kept
def pixels(view: View, keep: str = "survivors") -> Plate:
    """What is read of the input."""
    shape = view.run.shape
    counts = connections_per_pixel(select(view.codes, keep), shape)
    return Plate(
        "pixels",
        f"Connections ({keep}) that read each input at {view.at}; "
        f"{int((counts == 0).sum()):,} of {len(counts):,} inputs are not read.",
        survivors.pixel_map(counts, shape.layers[0][0]),
        pd.DataFrame({"input": np.arange(len(counts)), "connections": counts}),
    )


@_kept
def census(view: View, drawn: str = "stack", scale: str = "log") -> Plate:
    """Particles of every type over the epochs: ``stack``, ``shares`` or ``lines``."""
    table = type_counts(cached.codes(view.run.run_id, view.epsilon), view.run.snapshot_epochs)
    total, count = view.run.record.particles, count_replicators(table.iloc[view.index])
    if drawn == "lines":
        figure = types.type_lines(table, scale, view.epoch)
    else:
        figure = types.type_stack(table, drawn == "shares", scale, view.epoch)
    caption = f"Particles of every type by epoch; {count:,} of {total:,} replicate at {view.at}."
    return Plate(f"types-{drawn}", caption, figure, table)


@_kept
def curves(view: View) -> Plate:
    """Losses and accuracies over the epochs."""
    records = view.run.records
    return Plate(
        "training",
        "Losses, on a logarithmic axis, and accuracies by epoch; marks: epochs whose weights were "
        "kept.",
        training.training_plot(records, view.run.snapshot_epochs),
        records,
    )


@_kept
def particle(view: View, index: int) -> Plate:
    """How a particle came to where it is: its size and self-application error over the epochs."""
    run, history = view.run, cached.measures(view.run.run_id)
    epochs, codes = run.snapshot_epochs, cached.codes(run.run_id, view.epsilon)[:, index]
    sizes, errors = history.size[:, index], history.error[:, index]
    name = cached.particles(run.run_id)["particle"].iloc[index]
    return Plate(
        f"particle-{name}",
        f"Largest weight and self-application error of particle {name} by epoch.",
        types.particle_history(epochs, sizes, errors, codes, view.epsilon),
        pd.DataFrame({"epoch": epochs, "size": sizes, "error": errors}),
    )


def cube(
    view: View,
    paths: Trajectories | None = None,
    axes: str = "epoch",
    color: str = "type",
    scale: str = "log",
) -> Plate:
    """Paths of particles through their first components; a sample of them if none are given."""
    if paths is None:
        sample = sample_particles(view.followed, SAMPLE)
        paths = cached.trajectories(
            view.run.run_id, "all", 3, tuple(sample.tolist()), 0, view.kept_index + 1
        )
    kinds = view.codes[paths.particles]
    if paths.fit == "particle":
        figure = cubes.path_grid(paths.coordinates, paths.epochs.tolist(), kinds, paths.names)
    else:
        figure = cubes.trajectory_cube(
            paths.coordinates,
            paths.epochs.tolist(),
            kinds,
            paths.names,
            against_epoch=axes == "epoch",
            color=color,
            shares=paths.explained["share"].tolist() if paths.fit == "all" else None,
            left_out=len(paths.diverged),
            scale=scale,
            camera=state.camera() if axes == "three" else None,
        )
    caption = f"Paths of {len(paths.particles):,} particles through their first components, "
    caption += (
        f"fitted {'over all' if paths.fit == 'all' else f'per {paths.fit}'}; types at {view.at}."
    )
    return Plate(f"trajectories-{paths.fit}-{axes}", caption, figure, paths.frame)


def variance(paths: Trajectories) -> Plate:
    """Share of the variance that each component explains."""
    figure = cubes.explained_variance(paths.explained)
    caption = "Share of the variance of the weights that each principal component explains."
    return Plate(f"variance-{paths.fit}", caption, figure, paths.explained)


def maps(view: View, drawn: str = "type", digit: int | None = None) -> Plate:
    """Which particle is where, and of which type, or of which scalar weight."""
    means = cached.class_means(view.run.run_id)
    table = cached.particles_at(view)
    values = view.codes if drawn == "type" else table["scalar_weight"].to_numpy()
    mean, name = (means.mean(0), "mean image") if digit is None else (means[digit], f"mean {digit}")
    draw = membership.type_maps if drawn == "type" else membership.scalar_maps
    return Plate(
        f"membership-{drawn}",
        f"All particles by weight layer, cell and input, coloured by {drawn}, at {view.at}.",
        draw(view.run.shape.split(values), mean, name),
        table,
    )


def scalars(view: View) -> Plate:
    """How the scalar weights are distributed, by type."""
    table = cached.particles_at(view)
    return Plate(
        "scalars",
        f"Histogram of the scalar weights by type at {view.at}; counts on a logarithmic axis.",
        membership.scalar_histogram(table["scalar_weight"].to_numpy(), view.codes),
        table,
    )


def dropped(view: View) -> tuple[Plate, Plate]:
    """The dropout test by type, and by weight layer."""
    by_type, by_layer = cached.dropped(view)
    what = "Change of the test accuracy when the particles of a type are dropped"
    bars, layers = dropout.dropout_bars(by_type), dropout.dropout_layers(by_layer)
    return (
        Plate("dropout", f"{what}; {view.at}.", bars, by_type),
        Plate("dropout-layers", f"{what} in one weight layer; {view.at}.", layers, by_layer),
    )


def plates(view: View) -> Iterator[Plate]:
    """Every figure of a run at an epoch and epsilon, as its page shows it at first; those that ask
    the network about its data only where these are here."""
    yield network(view)
    yield network(view, "all")
    yield from (thinning(view), layers(view), pixels(view), census(view), curves(view))
    yield from (cube(view), cube(view, axes="three"))
    yield scalars(view)
    if cached.task(view.run.run_id) is not None:
        yield from (maps(view), maps(view, "weight"), *dropped(view))


def album(view: View) -> bytes:
    """All figures of a run as one zip file: PNG, SVG and PDF, captions and data.

    Raises:
        ExportError: there is no browser to draw with.
    """
    out, captions = io.BytesIO(), [f"# Figures of {view.source}", ""]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for number, plate in enumerate(plates(view), start=1):
            name = f"{number:02d}-{plate.name}"
            figure = style.sized(style.signed(plate.figure, view.source))
            for kind in FORMATS:
                file.writestr(f"{name}.{kind}", to_file(figure, kind))
            file.writestr(f"{name}.csv", csv(plate.table))
            captions += [f"**Figure {number}** ({name}). {plate.caption}", ""]
        file.writestr("captions.md", "\n".join(captions))
    return out.getvalue()
