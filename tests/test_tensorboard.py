"""A run as TensorBoard reads it."""

import csv
import sys

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from srnn.cli import main
from srnn.config import RunConfig
from srnn.runs import obtain


def test_curves_histograms_and_particles_are_those_of_the_run(tmp_path, small: RunConfig):
    run, out = obtain(small)[0], tmp_path / "board"
    assert main(["export", run.run_id, "--format", "tensorboard", "--out", str(out)]) == 0
    events = EventAccumulator(str(out), size_guidance={"scalars": 0, "histograms": 0})
    events.Reload()
    for tag, column in (("test_accuracy", "test_accuracy"), ("types/zero", "zero")):
        points = events.Scalars(tag)
        assert [point.step for point in points] == run.records["epoch"].tolist()
        np.testing.assert_allclose([point.value for point in points], run.records[column])
    weights = events.Histograms("weights")
    assert [one.step for one in weights] == run.snapshot_epochs
    last = weights[-1].histogram_value
    assert last.num == run.weights.size and last.max == pytest.approx(run.weights.max())
    tags = events.Tags()["histograms"]
    assert f"scalar weights/layer {run.config.depth - 1}" in tags
    (vectors,) = out.rglob("tensors.tsv")
    rows = list(csv.reader(vectors.open(), delimiter="\t"))
    np.testing.assert_allclose(np.array(rows, dtype=float), run.weights.T, rtol=1e-4, atol=1e-6)
    (about,) = out.rglob("metadata.tsv")
    names = list(csv.DictReader(about.open(), delimiter="\t"))
    assert len(names) == run.shape.particles and names[1]["particle"] == "L0_C0_W1"


def test_without_tensorboard_it_says_what_to_install(
    tmp_path, small: RunConfig, monkeypatch, capsys
):
    run = obtain(small)[0]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    out = ["--out", str(tmp_path / "board")]
    assert main(["export", run.run_id, "--format", "tensorboard", *out]) == 1
    assert 'pip install "srnn[tensorboard]"' in capsys.readouterr().err
    assert not (tmp_path / "board").exists()
