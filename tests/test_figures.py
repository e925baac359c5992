"""Figures: what they show is what they were given; nothing to show is said, not raised."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
import torch
from figure_checks import assert_labels_inside, assert_within_axes, makers

from srnn.analysis import connectivity as graphs
from srnn.figures import (
    attribution,
    connectivity,
    dropout,
    epochs,
    membership,
    style,
    survivors,
    training,
    trajectories,
    types,
)
from srnn.fixpoints import classify
from srnn.metanet import MacroShape
from srnn.particles import initial_weights, position_encoding
from srnn.vocabulary import OTHER, ZERO, is_replicator
from ui.overview import schematic

SHAPE = MacroShape(16, 4, 3, 4, "each")
WEIGHTS = initial_weights(2, SHAPE.particles, 0)
CODES = classify(torch.from_numpy(WEIGHTS), torch.from_numpy(position_encoding(2)))
MIXED = np.random.default_rng(0).integers(0, 5, SHAPE.particles).astype(np.uint8)


def counts(rows: int = 4) -> pd.DataFrame:
    table = pd.DataFrame({"epoch": [0, 1, 5, 20][:rows]})
    columns = ([0] * 4, [0, 5, 7, 8], [0, 3, 2, 2], [0] * 4, [10, 2, 1, 0])
    for name, values in zip(style.TYPES, columns, strict=True):
        table[name] = values[:rows]
    return table


def records() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "epoch": [0, 1, 2],
            "replication_loss": [10.0, 0.1, 0.0],
            "task_loss": [np.nan, 2.3, 1.1],
            "train_accuracy": [np.nan, 0.2, 0.5],
            "test_accuracy": [0.1, 0.3, 0.6],
        }
    )


def texts(figure: go.Figure) -> str:
    return " ".join(note.text for note in figure.layout.annotations)


def cube(particles: int = 12, **options) -> go.Figure:
    rng = np.random.default_rng(0)
    names = [f"L0_C0_W{index}" for index in range(particles)]
    points = rng.normal(size=(4, particles, 3)).astype(np.float32)
    codes = np.resize([1, 2, 4], particles)
    return trajectories.trajectory_cube(points, [0, 1, 5, 20], codes, names, **options)


def all_figures() -> dict[str, go.Figure]:
    """One of every figure that issue 2 asks for."""
    graph = graphs.macro_graph(WEIGHTS, MIXED, SHAPE, "all")
    history = np.stack([CODES, MIXED])
    drops = pd.DataFrame(
        {"layer": 0, "type": list(style.TYPES), "count": [0, 9, 4, 0, 20],
         "accuracy": [0.8, 0.8, 0.81, 0.8, 0.1], "difference": [0, 0, 0.01, 0, -0.7]}
    )  # fmt: skip
    explained = pd.DataFrame({"group": "all", "component": [1, 2, 3], "share": [0.6, 0.3, 0.1]})
    maps = SHAPE.split(MIXED)
    scalars = [np.linspace(-1, 1, one.size).reshape(one.shape) for one in maps]
    return {
        "lines": types.type_lines(counts()),
        "stack": types.type_stack(counts()),
        "shares": types.type_stack(counts(), shares=True, scale="linear"),
        "training": training.training_plot(records(), [0, 2]),
        "cube": cube(),
        "components": cube(against_epoch=False, color="epoch"),
        "paths": trajectories.path_grid(
            np.random.default_rng(0).normal(size=(4, 7, 2)),
            [0, 1, 5, 20],
            np.resize([1, 2, 4], 7),
            [f"L0_C0_W{index}" for index in range(7)],
        ),
        "answers": attribution.answer_bars(
            pd.DataFrame({"class": [0, 1, 2], "before": [0.1, 0.2, 0.7], "after": [0.0, 1.0, 0.0]})
        ),
        "relevance": attribution.relevance_shares(
            pd.DataFrame(
                {"h": 4, "type": ["zero", "other"], "particle_share": 0.5, "relevance_share": 0.5}
            )
        ),
        "digits": attribution.attribution_images(
            pd.DataFrame({"digit": [0, 0, 1, 1], "pixel": [0, 1] * 2, "mean": 0.5, "own": 0.1}),
            "own",
        ),
        "variance": trajectories.explained_variance(explained),
        "graph": connectivity.connectivity_graph(graph),
        "signed graph": connectivity.connectivity_graph(graph, color="weight"),
        "thinning": survivors.survivors_over_epochs(
            graphs.thinning(history, SHAPE, [0, 9]), SHAPE.particles, 16, 9
        ),
        "layers": survivors.survivors_per_layer(graphs.survivors_per_layer(history, SHAPE, [0, 9])),
        "pixels": survivors.pixel_map(np.arange(16) % 4, 3),
        "dropout": dropout.dropout_bars(drops),
        "dropout by layer": dropout.dropout_layers(drops),
        "histogram": membership.scalar_histogram(np.linspace(-1, 1, SHAPE.particles), MIXED),
        "types map": membership.type_maps(maps, np.zeros(16)),
        "scalar map": membership.scalar_maps(scalars, np.zeros(16)),
    }


FIGURES = all_figures()


def test_the_cube_is_seen_as_on_the_stage():
    """There a point's nearness to the eye is −(c sin p + (a sin y + b cos y) cos p)."""
    eye = cube(against_epoch=False, camera=(0.0, 0.0, 2.0)).layout.scene.camera.eye
    assert (eye.x, eye.y, eye.z) == pytest.approx((0, -1.2, 0))  # b runs away from the eye
    eye = cube(against_epoch=False, camera=(math.pi / 2, math.pi / 6, 1.0)).layout.scene.camera.eye
    assert (eye.x, eye.y, eye.z) == pytest.approx((-2.4 * 0.75**0.5, 0, -1.2))


@pytest.mark.parametrize("name", FIGURES)
def test_everything_lies_inside_its_axes_and_every_label_inside_the_figure(name):
    assert_within_axes(FIGURES[name])
    assert_labels_inside(FIGURES[name])


def test_the_checks_find_what_is_outside():
    figure = go.Figure(go.Scatter(x=[1, 2], y=[0, 5]), {"yaxis": {"range": [0, 4]}})
    with pytest.raises(AssertionError, match="above"):
        assert_within_axes(figure)
    stack = go.Figure([go.Bar(x=[1], y=[3]), go.Bar(x=[1], y=[2])])
    stack.update_layout(barmode="stack", yaxis={"range": [0, 4]})
    with pytest.raises(AssertionError, match="above"):
        assert_within_axes(stack)
    wide = style.blank().add_annotation(x=1.01, xref="paper", xanchor="left", text="m" * 40)
    with pytest.raises(AssertionError, match="wider"):
        assert_labels_inside(wide)


def test_every_maker_of_figures_is_called_by_a_test_and_is_checked_there():
    """What :func:`figure_checks.check_all_makers` has wrapped is checked whenever it is called."""
    called = "".join(file.read_text("utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    found = list(makers())
    assert len(found) > 40
    for module, name, function in found:
        if name in ("subplots", "rows_high"):  # pieces of others
            continue
        assert re.search(rf"\b{name}\(", called), f"{name} of {module}"
        assert hasattr(function, "__wrapped__"), f"{name} of {module} is not checked"


def test_a_signed_figure_says_where_it_comes_from_below_everything():
    for figure in FIGURES.values():
        signed = style.signed(figure, "run 0 · epoch 2 · epsilon 1e-05")
        assert signed.layout.title.text.startswith("run 0") and signed.layout.title.y == 0
        assert signed.layout.height == (figure.layout.height or 420) + style.SIGNATURE
        assert figure.layout.title.text is None


def test_paths_side_by_side_have_one_panel_each_and_colours_by_rank():
    points = np.random.default_rng(0).normal(size=(4, 9, 3)).astype(np.float32)
    figure = trajectories.path_grid(points, [0, 1, 5, 200], np.resize([1, 4], 9), list("abcdefghi"))
    assert len(figure.data) == 9
    assert list(figure.data[0].marker.color) == [0, 1, 2, 3]
    assert figure.layout.coloraxis.colorbar.ticktext == ("0", "1", "5", "200")


def test_epochs_colour_the_cube_by_how_much_of_the_way_is_gone():
    points = np.zeros((4, 2, 3), dtype=np.float32)
    points[1:, 0, 0] = [7, 8.5, 10]  # the other particle rests
    about = [0, 1, 50, 200], [4, 1], ["a", "b"]
    figure = trajectories.trajectory_cube(points, *about, against_epoch=False, color="epoch")
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    np.testing.assert_allclose(lines[0].line.color, [0, 0.35, 0.425, 0.5, 0.5], rtol=1e-5)
    scale = figure.layout.coloraxis
    assert scale.colorbar.ticktext == ("0", "1", "50", "200") and scale.cmax == pytest.approx(0.5)
    assert list(scale.colorbar.tickvals) == pytest.approx([0, 0.35, 0.425, 0.5])


@pytest.mark.parametrize(
    ("values", "step"),
    [([0.1, 5], "D2"), ([1e-3, 9], 1), ([1e-9, 0, float("nan"), 1], 2), ([], "D2")],
)
def test_labels_of_a_logarithmic_axis_do_not_crowd(values, step):
    assert style.log_axis(values) == {"type": "log", "exponentformat": "power", "dtick": step}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_can_be_written_and_has_the_common_template(name):
    figure = FIGURES[name]
    assert json.loads(figure.to_json())["data"]
    assert figure.layout.template.layout.font.family == style.FONT


@pytest.mark.parametrize("name", FIGURES)
def test_the_dark_twin_keeps_the_data_and_leads_back(name):
    figure = FIGURES[name]
    dark = style.themed(figure, True)
    assert dark.layout.template.layout.paper_bgcolor == style.themed_color(style.PAPER, True)
    assert len(dark.data) == len(figure.data)
    assert not re.search(rf"{style.INK}|{style.PALETTE['divergent']}", _own_colors(dark))
    assert style.themed(dark, False).to_json() == style.themed(figure, False).to_json()


def _own_colors(figure: go.Figure) -> str:
    spec = json.loads(figure.to_json())
    spec["layout"].pop("template")
    return json.dumps(spec)


def test_every_type_has_its_look():
    for palette in (style.PALETTE, style.DARK_PALETTE, style.LABELS, style.DASHES):
        assert set(palette) == set(style.TYPES)


def test_figures_import_no_torch():
    code = (
        "import sys, pkgutil, importlib, srnn.figures as f\n"
        "for m in pkgutil.iter_modules(f.__path__):\n"
        "    importlib.import_module(f'srnn.figures.{m.name}')\n"
        "assert 'torch' not in sys.modules and 'streamlit' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_colour_with_a_twin_has_one_of_its_own():
    assert len(set(style._DARK.values())) == len(style._DARK)
    assert not set(style._DARK) & set(style._DARK.values())


def test_types_that_do_not_occur_are_not_drawn():
    assert [line.name for line in types.type_lines(counts()).data] == ["zero", "identity", "other"]
    stacked = types.type_stack(counts())
    assert [line.name for line in stacked.data] == ["other", "identity", "zero"]
    assert sum(line.y[-1] for line in stacked.data) == 10
    assert {line.line.color for line in stacked.data} <= set(style.PALETTE.values())


def test_epoch_0_has_a_place_on_a_logarithmic_axis():
    axis = epochs.axis([0, 1, 20])
    assert epochs.positions([0, 1, 20]).tolist() == [epochs.ZERO, 1, 20]
    assert axis["ticktext"] == ["0", "1", "2", "5", "10", "20"]
    assert "type" not in epochs.axis([0, 1, 20], "linear")
    with pytest.raises(ValueError, match="log, linear"):
        epochs.axis([0, 1], "square")


def test_losses_are_on_a_logarithmic_axis_and_accuracies_on_the_second():
    figure = training.training_plot(records())
    assert figure.layout.yaxis.type == "log"
    by_name = {line.name: line for line in figure.data}
    assert by_name["test accuracy"].yaxis == "y2"
    assert list(by_name["test accuracy"].y) == pytest.approx([10, 30, 60])
    assert np.isnan(by_name["self-replication loss × alpha"].y[2])  # 0 has no logarithm
    assert not {line.line.color for line in figure.data} & set(style.PALETTE.values())
    silent = training.training_plot(records().assign(replication_loss=0.0))
    assert "self-replication loss" in texts(silent)


def test_a_cube_has_one_trace_per_type_with_gaps_between_particles():
    figure = cube()
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    assert [line.name for line in lines] == ["zero (4)", "identity (4)", "other (4)"]
    for line in lines:
        gaps = np.isnan(np.asarray(line.x, dtype=float)).reshape(4, 5)
        assert gaps[:, 4].all()
        assert not gaps[:, :4].any()
        assert np.asarray(line.x).dtype == np.float32
    assert lines[0].text[1] == "L0_C0_W0, epoch 1"
    assert np.nanmax(lines[0].z) == 20


def test_a_cube_says_who_is_missing():
    assert "2 left out" in texts(cube(left_out=2))
    assert "diverged" in texts(cube(0, left_out=3))
    assert "Widen" in texts(cube(0))
    with pytest.raises(ValueError, match="colours"):
        cube(color="loss")


def test_a_cube_of_a_whole_network_is_built_in_few_traces():
    figure = cube(1518)
    assert len(figure.data) <= 10
    assert figure.data[0].text is None


def edges_drawn(figure: go.Figure) -> int:
    return sum(
        int(np.isnan(np.asarray(trace.x, dtype=float)).sum())
        for trace in figure.data
        if trace.mode == "lines" and len(trace.x) > 1 and trace.name is None
    )


def test_the_graph_draws_every_edge_once_and_in_its_types_colour():
    graph = graphs.macro_graph(WEIGHTS, MIXED, SHAPE, "all")
    figure = connectivity.connectivity_graph(graph)
    assert edges_drawn(figure) == SHAPE.particles
    named = {trace.name: trace.line.color for trace in figure.data if trace.mode == "lines"}
    number = int((MIXED == OTHER).sum())
    assert named[f"other ({number})"] == style.PALETTE["other"]
    assert len(figure.data) < 40


def test_a_huge_graph_draws_the_strongest_and_says_so(monkeypatch):
    monkeypatch.setattr(connectivity, "MOST_EDGES", 20)
    graph = graphs.macro_graph(WEIGHTS, MIXED, SHAPE, "all")
    figure = connectivity.connectivity_graph(graph)
    assert edges_drawn(figure) == 20
    assert "20 strongest" in texts(figure)


def test_isolated_cells_and_unread_pixels_are_marked():
    codes = np.full(SHAPE.particles, ZERO, dtype=np.uint8)
    codes[0] = OTHER
    graph = graphs.macro_graph(WEIGHTS, codes, SHAPE)
    nodes = graphs.node_table(~is_replicator(codes), SHAPE)
    names = {trace.name for trace in connectivity.connectivity_graph(graph, nodes).data}
    assert {"pixel not read (15)", "pixel read (1)", "isolated cell (13)"} <= names


EMPTY = {
    "lines": lambda: types.type_lines(counts(0)),
    "stack": lambda: types.type_stack(counts(0)),
    "training": lambda: training.training_plot(records().iloc[:0]),
    "variance": lambda: trajectories.explained_variance(
        pd.DataFrame({"group": [], "component": [], "share": []})
    ),
    "graph": lambda: connectivity.connectivity_graph(
        graphs.macro_graph(WEIGHTS, np.full(SHAPE.particles, ZERO, np.uint8), SHAPE)
    ),
    "thinning": lambda: survivors.survivors_over_epochs(
        pd.DataFrame({"epoch": [], "survivors": []}), 10, 4
    ),
    "layers": lambda: survivors.survivors_per_layer(
        graphs.survivors_per_layer(CODES[None][:0], SHAPE, [])
    ),
    "dropout": lambda: dropout.dropout_bars(pd.DataFrame({"type": []})),
    "histogram": lambda: membership.scalar_histogram(np.full(3, np.nan), np.zeros(3, np.uint8)),
}


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_to_show_is_said_in_the_figure(name):
    assert texts(EMPTY[name]())


@pytest.mark.parametrize("scale", epochs.SCALES)
def test_a_single_snapshot_is_shown_and_said(scale):
    for figure in (types.type_lines(counts(1), scale), types.type_stack(counts(1), scale=scale)):
        assert "One snapshot only" in texts(figure)
        assert len(figure.data) == 1
    points = np.zeros((1, 2, 3), dtype=np.float32)
    one = trajectories.trajectory_cube(points, [7], np.array([2, 4]), ["a", "b"], scale=scale)
    assert {trace.mode for trace in one.data} == {"markers"}
    thin = graphs.thinning(MIXED[None], SHAPE, [3])
    assert survivors.survivors_over_epochs(thin, SHAPE.particles, 16, 3).data


def test_diverged_particles_are_counted_not_drawn():
    scalars = np.linspace(-1, 1, SHAPE.particles)
    scalars[:3] = np.nan
    assert "3 left out" in texts(membership.scalar_histogram(scalars, MIXED))
    weights = WEIGHTS.copy()
    weights[:, 0] = np.nan
    codes = MIXED.copy()
    codes[0] = 0
    graph = graphs.macro_graph(weights, codes, SHAPE, "all")
    for color in ("type", "weight"):
        assert edges_drawn(connectivity.connectivity_graph(graph, color=color)) == SHAPE.particles


def test_membership_maps_show_every_cell_of_the_first_layer_beside_the_mean():
    figure = FIGURES["types map"]
    maps = [trace for trace in figure.data if trace.type == "heatmap"]
    assert [np.asarray(trace.z).shape for trace in maps] == [(4, 4)] * 4 + [(3, 3), (3, 3), (4, 3)]
    assert np.array_equal(np.asarray(maps[1].z).ravel(), MIXED[:16])
    signed = [t for t in FIGURES["scalar map"].data if t.type == "heatmap" and t.meta == "layer"]
    assert all(trace.zmin == -trace.zmax for trace in signed)


def test_numbers_are_written_as_people_read_them():
    assert style.percent(0.8534) == "85.3\u00a0%"
    assert style.points(-0.0005) == "−0.05\u00a0pp"
    assert style.points(0.01) == "+1.00\u00a0pp"
    assert style.points(-1e-9) == "±0.00\u00a0pp"
    assert style.count(1518) == "1,518"


def test_labels_are_spread_but_keep_their_order():
    placed = style.spread([10.0, 10.5, 100.0], 5.0)
    assert placed[1] - placed[0] == pytest.approx(5.0)
    assert sum(placed[:2]) / 2 == pytest.approx(10.25)
    assert placed[2] == 100.0


def test_a_figure_for_one_column_is_one_column_wide():
    figure = style.sized(FIGURES["lines"], "single")
    assert (figure.layout.width, FIGURES["lines"].layout.width) == (480, None)
    assert style.config("types")["toImageButtonOptions"]["scale"] == 3
    with pytest.raises(ValueError, match="single, double"):
        style.sized(figure, "triple")


@pytest.mark.parametrize("dark", [False, True])
def test_the_schematic_is_one_drawing_inside_its_own_frame(dark):
    drawing = schematic(dark)
    assert ("#FFFFFF" in drawing, "#1F2328" in drawing) == (False, not dark)
    root = ElementTree.fromstring(drawing)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    dots = [item for item in root.iter() if item.tag.endswith("circle")]
    assert len(dots) > 10
    for dot in dots:
        x, y, r = (float(dot.attrib[name]) for name in ("cx", "cy", "r"))
        assert r <= x <= width - r and r <= y <= height - r
