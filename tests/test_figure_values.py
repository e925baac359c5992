"""The numbers in the figures: traces, error bars, bands and labels, value by value.

A figure with a turned sign, swapped ends of a band or another unit passes every test of its form.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from srnn.figures import (
    attribution,
    dropout,
    epochs,
    membership,
    rows,
    style,
    survivors,
    training,
    trajectories,
    types,
)
from srnn.vocabulary import IDENTITY, OTHER, ZERO

BLUE, GREY, ORANGE = (style.PALETTE[name] for name in ("identity", "zero", "other"))


def texts(figure: go.Figure) -> list[str]:
    return [note.text for note in figure.layout.annotations]


def named(figure: go.Figure, name: str) -> go.Figure:
    (trace,) = (one for one in figure.data if one.name == name)
    return trace


# means over seeds: rows of the log

SEEDS = pd.DataFrame(
    {"arm": ["a", "a", "a", "b", "b", "b"], "x": [0.1, 0.2, 0.6, 0.5, 0.5, 0.5], "y": 0.25}
)
"""Means 0.3 (0.1 to 0.6) and 0.5."""


def test_a_dot_stands_at_the_mean_with_a_line_from_the_lowest_to_the_highest():
    drawn = rows.panels(1)
    rows.dots(drawn, SEEDS, "x", "arm", scale=100, form="{:.1f} %", notes=["one", "two"])
    (dots,) = drawn.data
    assert list(dots.y) == ["a", "b"] and list(dots.x) == pytest.approx([30, 50])
    assert list(dots.error_x.array) == pytest.approx([30, 0])
    assert list(dots.error_x.arrayminus) == pytest.approx([20, 0])
    assert list(dots.text) == ["30.0 %  one", "50.0 %  two"]


def test_signed_dots_have_their_label_on_the_roomier_side():
    drawn, table = rows.panels(1), pd.DataFrame({"arm": ["a", "b"], "x": [-80.0, -0.001]})
    rows.dots(drawn, table, "x", "arm", form="{:+.2f} pp", position="beside")
    assert list(drawn.data[0].text) == ["−80.00 pp", "−0.00 pp"]
    assert list(drawn.data[0].textposition) == ["middle right", "middle left"]


def test_a_line_is_the_mean_over_seeds_in_a_band_of_all():
    table = pd.DataFrame({"epoch": [0, 0, 5, 5], "acc": [0.1, 0.3, 0.5, 0.9]})
    drawn = go.Figure()
    rows.mean_line(drawn, rows.Line(table, "acc", "accuracy", BLUE, scale=100), {})
    band, line = drawn.data
    assert list(line.x) == [epochs.ZERO, 5] and list(line.y) == pytest.approx([20, 70])
    assert list(band.x) == [epochs.ZERO, 5, 5, epochs.ZERO]
    assert list(band.y) == pytest.approx([30, 90, 50, 10])
    assert (line.line.color, band.fillcolor) == (BLUE, BLUE)
    alone = go.Figure()
    rows.mean_line(alone, rows.Line(table[::2], "acc", "one seed"), {}, log_epochs=False)
    assert [list(one.x) for one in alone.data] == [[0, 5]]


def test_courses_show_lines_and_what_the_log_says_in_their_own_panel():
    table = pd.DataFrame({"epoch": [0, 1, 5], "acc": [0.1, 0.5, 0.6], "n": [10, 4, 2]})
    lines = [rows.Line(table, "acc", "accuracy", scale=100, log={1: 0.4, 5: 0.7})]
    counts = [rows.Line(table, "n", "zero", GREY, log={9: 3.0})]  # the log went further
    drawn = rows.courses([("left", "Test accuracy (%)", lines), ("right", "Particles", counts)])
    accuracy, log, zero = drawn.data
    assert list(accuracy.y) == pytest.approx([10, 50, 60]) and accuracy.yaxis == "y"
    assert (list(log.x), list(log.y)) == ([1, 5], pytest.approx([40, 70]))
    assert log.name == "the log" and log.yaxis == "y"
    assert list(zero.y) == [10, 4, 2] and (zero.yaxis, zero.line.color) == ("y2", GREY)
    assert drawn.layout.yaxis.range == (-2, 102)
    assert drawn.layout.yaxis2.range == pytest.approx((-0.2, 10.5))
    assert (drawn.layout.yaxis.title.text, drawn.layout.yaxis2.title.text) == (
        "Test accuracy (%)",
        "Particles",
    )
    assert texts(drawn)[:2] == ["left", "right"]


def test_types_that_occur_are_lines_in_their_colours():
    table = pd.DataFrame({"epoch": [0], "zero": [0], "identity": [2], "other": [1]})
    lines = rows.typed(table, "zero", "identity", "other")
    assert [(one.column, one.color) for one in lines] == [("identity", BLUE), ("other", ORANGE)]


def test_a_ranking_and_shares_are_in_percent_of_their_own_column():
    drawn = rows.ranking(SEEDS.assign(accuracy=SEEDS["x"], p=7.0), "{p:.0f} weights")
    assert list(drawn.data[0].x) == pytest.approx([30, 50])
    assert drawn.data[0].y[1].startswith("b<br>") and "7 weights" in drawn.data[0].y[0]
    draw = rows.shares({"x": ("X", BLUE, "circle"), "y": ("Y", GREY, "square")})
    both = draw({"numbers": SEEDS})
    assert list(named(both, "X").x) == pytest.approx([30, 50])
    assert list(named(both, "Y").x) == pytest.approx([25, 25])
    assert (named(both, "X").marker.color, named(both, "Y").marker.symbol) == (BLUE, "square")


def test_a_claim_is_drawn_with_its_tolerance_and_both_intervals():
    row = {"claim": "q", "here": "5.0", "low": 4.0, "high": np.inf}
    row |= {"here_mean": 5.0, "here_low": 4.5, "here_high": 5.7}
    row |= {"placebo_mean": 9.0, "placebo_low": 8.0, "placebo_high": np.nan}
    gone = dict.fromkeys(row, np.nan) | {"claim": "not measured"}
    drawn = rows.claims({"claims": pd.DataFrame([row, gone])})
    here, placebo = drawn.data
    assert (here.x[0], here.error_x.array[0], here.error_x.arrayminus[0]) == pytest.approx(
        (5.0, 0.7, 0.5)
    )
    assert (placebo.x[0], placebo.error_x.array[0], placebo.error_x.arrayminus[0]) == (9, 0, 1)
    assert (here.marker.symbol, placebo.marker.symbol) == ("circle", "circle-open")
    (band,) = drawn.layout.shapes
    right = 9.0 + 0.08 * 5.0
    assert (band.x0, band.x1) == (4.0, pytest.approx(right))
    assert drawn.layout.xaxis.range == pytest.approx((4.0 - 0.4, right))
    assert texts(drawn) == ["q:<br>5.0"]
    assert texts(rows.claims({"claims": pd.DataFrame([gone])})) == ["No claim has a number."]


# one run


DROPS = pd.DataFrame(
    {
        "layer": [0, 0, 1, 1],
        "type": ["other", "zero", "other", "divergent"],
        "count": [20, 9, 5, 0],
        "accuracy": [0.1, 0.805, 0.3, 0.8],
        "difference": [-0.7, 0.005, -0.5, 0.0],
    }
)


def test_dropping_is_signed_in_points_and_says_what_is_left():
    drawn = dropout.dropout_bars(DROPS[:2])
    (bars,) = drawn.data
    assert list(bars.x) == pytest.approx([0.5, -70])  # zero first
    assert list(bars.marker.color) == [GREY, ORANGE]
    assert [label.split("<br>")[0] for label in bars.y] == ["zero", "other"]
    assert "9 dropped" in bars.y[0] and "20 dropped" in bars.y[1]
    assert texts(drawn) == ["+0.50\u00a0pp<br>to 80.5\u00a0%", "−70.00\u00a0pp<br>to 10.0\u00a0%"]
    assert [note.x for note in drawn.layout.annotations] == [pytest.approx(0.5), 0]
    assert drawn.layout.xaxis.range == pytest.approx((-70 - 0.04 * 70.5, 0.5 + 0.42 * 70.5))
    assert list(drawn.layout.xaxis.tickvals) == [-60, -40, -20, 0]
    nobody = dropout.dropout_bars(DROPS[3:])
    assert texts(nobody) == ["none there"]


def test_dropping_by_layer_has_a_bar_per_type_that_is_there():
    drawn = dropout.dropout_layers(DROPS)
    assert [bar.name for bar in drawn.data] == ["zero", "other"]
    assert list(named(drawn, "other").y) == pytest.approx([-70, -50])
    assert list(named(drawn, "other").x) == ["layer 0", "layer 1"]
    assert list(named(drawn, "zero").customdata) == [9]
    assert "No layer has a particle" in texts(dropout.dropout_layers(DROPS[3:]))[0]


def test_the_survivors_over_the_epochs_end_in_their_numbers():
    table = pd.DataFrame(
        {
            "epoch": [0, 1, 9],
            "survivors": [1500, 80, 120],
            "unread_pixels": [0, 3, 2],
            "isolated_cells": [0, 1, 4],
        }
    )
    drawn = survivors.survivors_over_epochs(table, 1500, 225, epoch=9)
    assert [list(line.y) for line in drawn.data] == [[1500, 80, 120], [0, 3, 2], [0, 1, 4]]
    assert list(drawn.data[0].x) == [epochs.ZERO, 1, 9]
    assert texts(drawn) == ["120 of 1,500", "2 of 225", "4"]
    assert drawn.layout.yaxis.range == pytest.approx((0, 1620))
    assert {shape.x0 for shape in drawn.layout.shapes} == {9}


def test_survivors_per_layer_are_those_of_the_epoch():
    frame = pd.DataFrame(
        {
            "epoch": [0, 0, 5, 5],
            "layer": [0, 1, 0, 1],
            "connections": [40, 10, 40, 10],
            "survivors": [40, 10, 4, 5],
            "share": [1.0, 1.0, 0.1, 0.5],
        }
    )
    drawn = survivors.survivors_per_layer(frame)
    assert list(drawn.data[1].y) == pytest.approx([10, 50])
    assert texts(drawn) == ["4 of 40<br>10.0\u00a0%", "5 of 10<br>50.0\u00a0%"]
    assert list(survivors.survivors_per_layer(frame, 0).data[1].y) == [100, 100]
    assert texts(survivors.survivors_per_layer(frame, 3)) == ["No snapshot of epoch 3."]


def test_pixels_no_longer_read_are_crossed_where_they_are():
    drawn = survivors.pixel_map(np.array([3, 0, 1, 2, 2, 0, 1, 1, 1]), 3)
    image, crosses = drawn.data
    assert np.asarray(image.z).tolist() == [[3, 0, 1], [2, 2, 0], [1, 1, 1]]
    assert (list(crosses.x), list(crosses.y)) == ([1, 2], [0, 1])  # column, row
    assert (image.zmin, image.zmax) == (0, 3)
    assert texts(drawn) == ["2 of 9 pixels are no longer read (×)."]
    assert drawn.layout.yaxis.autorange == "reversed"


def test_losses_and_accuracies_of_the_training():
    table = pd.DataFrame(
        {
            "epoch": [0, 1],
            "replication_loss": [1e4, 1.0],
            "task_loss": [2.0, 0.5],
            "train_accuracy": [np.nan, 0.7],
            "test_accuracy": [0.1, 0.6],
        }
    )
    drawn = training.training_plot(table, [1])
    assert list(named(drawn, "self-replication loss × alpha").y) == [1e4, 1.0]
    assert list(named(drawn, "task loss").y) == [2.0, 0.5]
    assert list(named(drawn, "training accuracy").y)[1] == pytest.approx(70)
    assert list(named(drawn, "test accuracy").y) == pytest.approx([10, 60])
    assert list(named(drawn, "weights kept").x) == [1]
    assert drawn.layout.yaxis.dtick == 1 and drawn.layout.xaxis.range == (0, 1)
    wide = training.training_plot(table.assign(replication_loss=[1e30, 1.0]))
    assert wide.layout.yaxis.dtick == 3


COUNTS = pd.DataFrame(
    {
        "epoch": [0, 1, 9],
        "divergent": 0,
        "zero": [0, 50, 60],
        "identity": [0, 30, 20],
        "second_order": 0,
        "other": [100, 20, 20],
    }
)


def test_types_as_lines_and_as_stacked_shares_end_in_their_numbers():
    lines = types.type_lines(COUNTS, epoch=1)
    assert list(named(lines, "zero").y) == [0, 50, 60]
    assert named(lines, "identity").line.color == BLUE
    assert [text.split("</span> ")[1] for text in texts(lines)] == [
        "zero  60",
        "identity  20",
        "other  20",
    ]
    assert {shape.x0 for shape in lines.layout.shapes} == {1}
    assert lines.layout.yaxis.range == pytest.approx((-2, 105))
    half = COUNTS.assign(**{name: COUNTS[name] / 2 for name in ("zero", "identity", "other")})
    stack = types.type_stack(half, shares=True)
    assert list(named(stack, "zero").y) == pytest.approx([0, 50, 60])
    assert [text.split("</span> ")[1] for text in texts(stack)] == [
        "other  20.0\u00a0%",
        "identity  20.0\u00a0%",
        "zero  60.0\u00a0%",
    ]
    assert [note.y for note in stack.layout.annotations] == pytest.approx([10, 30, 70])
    assert stack.layout.yaxis.range == (0, 100)


def test_paths_go_where_the_particles_went():
    points = np.arange(12, dtype=np.float32).reshape(2, 2, 3)  # two snapshots, two particles
    codes, names = np.array([IDENTITY, OTHER]), ["p", "q"]
    drawn = trajectories.trajectory_cube(points, [0, 7], codes, names, shares=[0.6, 0.3, 0.1])
    path = next(one for one in drawn.data if one.mode == "lines" and one.name == "other (1)")
    assert (list(path.x)[:2], list(path.y)[:2]) == ([3, 9], [4, 10])
    assert list(path.z)[:2] == pytest.approx([epochs.ZERO, 7])
    assert "60.0\u00a0%" in drawn.layout.scene.xaxis.title.text
    assert "30.0\u00a0%" in drawn.layout.scene.yaxis.title.text
    deep = trajectories.trajectory_cube(points, [0, 7], codes, names, against_epoch=False)
    path = next(one for one in deep.data if one.mode == "lines" and one.name == "other (1)")
    assert list(path.z)[:2] == [5, 11]
    grid = trajectories.path_grid(points, [0, 7], codes, names)
    assert (list(grid.data[1].x), list(grid.data[1].y)) == ([3, 9], [4, 10])
    assert grid.layout.xaxis2.range == pytest.approx((6 - 3.6, 6 + 3.6))
    assert list(grid.data[1].text) == ["epoch 0", "epoch 7"]


def test_explained_variance_is_a_bar_or_a_median_in_percent():
    one = pd.DataFrame({"group": "all", "component": [1, 2], "share": [0.75, 0.25]})
    drawn = trajectories.explained_variance(one)
    assert list(drawn.data[0].y) == [75, 25] and list(drawn.data[0].text) == [
        "75.0\u00a0%",
        "25.0\u00a0%",
    ]
    three = pd.DataFrame({"group": list("abc"), "component": 1, "share": [0.1, 0.2, 0.9]})
    bars, dots = trajectories.explained_variance(three).data
    assert list(bars.y) == pytest.approx([20]) and list(dots.y) == pytest.approx([10, 20, 90])
    assert np.abs(np.asarray(dots.x) - 1).max() < 0.3


def test_scalar_weights_are_counted_by_type():
    scalars = np.array([-1.0, -0.9, 0.9, 1.0, 0.0, np.nan])
    codes = np.array([OTHER, OTHER, OTHER, IDENTITY, ZERO, OTHER])
    drawn = membership.scalar_histogram(scalars, codes, bins=4)
    other = named(drawn, "other (3)")
    assert list(other.customdata) == [2, 0, 0, 1, 1]  # the last one closes the step
    assert list(other.x) == [-1, -0.5, 0, 0.5, 1]
    assert list(other.y) == [2, 0.5, 0.5, 1, 1]
    assert list(named(drawn, "identity (1)").customdata)[:4] == [0, 0, 0, 1]
    assert texts(drawn) == ["1 left out: not finite."]


def test_maps_of_the_scalar_weights_are_centred_and_cut_at_a_percentile():
    maps = [np.linspace(-1, 0.5, 32).reshape(2, 16), np.zeros((3, 2))]
    drawn = membership.scalar_maps(maps, np.arange(16.0))
    mean, first, second, later = drawn.data
    assert np.asarray(mean.z).ravel().tolist() == list(range(16))
    np.testing.assert_allclose(np.asarray(first.z).ravel(), maps[0][0])
    np.testing.assert_allclose(np.asarray(second.z).ravel(), maps[0][1])
    assert np.asarray(later.z).shape == (3, 2)
    top = np.quantile(np.abs(maps[0]), 0.95)
    assert (first.zmin, first.zmax) == (pytest.approx(-top), pytest.approx(top))
    assert [one.showscale for one in (first, second, later)] == [True, False, False]
    kinds = membership.type_maps([np.full((1, 2), ZERO), np.array([[OTHER, ZERO]])])
    legend = {one.name for one in kinds.data if one.type == "scatter"}
    assert legend == {"zero (3)", "other (1)"}


def test_relevance_and_share_of_the_particles_are_two_bars_per_size():
    table = pd.DataFrame(
        {
            "h": [4, 4, 8, 8],
            "type": ["zero", "other"] * 2,
            "particle_share": [0.7, 0.3, 0.4, 0.6],
            "relevance_share": [0.1, 0.9, 0.0, 1.0],
        }
    )
    drawn = attribution.relevance_shares(table)
    assert list(named(drawn, "zero").x) == pytest.approx([10, 70, 0, 40])
    assert list(named(drawn, "other").x) == pytest.approx([90, 30, 100, 60])
    assert list(drawn.data[0].y) == [
        "h = 4: share of relevance",
        "h = 4: share of particles",
        "h = 8: share of relevance",
        "h = 8: share of particles",
    ]


def test_a_digit_lies_above_its_attribution():
    table = pd.DataFrame(
        {"digit": [0] * 4 + [1] * 4, "pixel": list(range(4)) * 2, "mean": np.arange(8) / 8}
    )
    table["deeplift"] = [0, 0, -2.0, 1, 0, 0, 0, 0.5]
    drawn = attribution.attribution_images(table, "deeplift")
    zero, _, below, one = sorted(drawn.data, key=lambda image: int(image.xaxis[1:] or 1))
    assert np.asarray(zero.z).tolist() == [[0, 1 / 8], [2 / 8, 3 / 8]]
    assert np.asarray(below.z).tolist() == [[0, 0], [-2, 1]]
    assert (below.zmin, below.zmax) == (-2, 2) and np.asarray(one.z)[1, 1] == 0.5
    assert texts(drawn) == ["mean digit", "attribution"]
    many = pd.DataFrame({"digit": 0, "mean": 0.5, "own": np.r_[np.linspace(-1, 1, 399), 50]})
    assert attribution.attribution_images(many, "own").data[1].zmax < 1.01  # not 50


def test_one_particle_over_the_epochs():
    size, error = np.array([1.0, 0.1, 0.0]), np.array([0.5, 1e-3, 0.0])
    codes = np.array([OTHER, IDENTITY, ZERO])
    drawn = types.particle_history([0, 1, 5], size, error, codes, 1e-5)
    assert list(named(drawn, "largest |weight|").y) == [1.0, 0.1, types.LEAST]
    assert list(named(drawn, "self-application error").y) == [0.5, 1e-3, types.LEAST]
    mark = named(drawn, "identity")
    assert (list(mark.x), list(mark.y), mark.marker.color) == ([1], [1e-3], BLUE)
    assert {shape.y0 for shape in drawn.layout.shapes} == {1e-5}
    assert drawn.layout.yaxis.range == pytest.approx((-12.3, 0.3))


def test_answers_before_and_after_pruning_are_in_percent():
    table = pd.DataFrame({"class": [0, 1], "before": [0.1, 0.9], "after": [0.8, 0.2]})
    drawn = attribution.answer_bars(table)
    assert list(named(drawn, "before pruning").y) == pytest.approx([10, 90])
    assert list(named(drawn, "after pruning").y) == pytest.approx([80, 20])
    assert list(drawn.data[0].x) == [0, 1]
