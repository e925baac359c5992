"""Export: the compact network gives the same answers, in a process that does not know srnn."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from srnn.cli import main
from srnn.config import RunConfig
from srnn.export import FORMATS, CompactNet, MissingPackage, export
from srnn.export.compact import compact, living_cells
from srnn.metanet import MacroShape, forward
from srnn.pruning.criteria import order_of
from srnn.pruning.masks import drop_first
from srnn.pruning.subject import Subject
from srnn.runs import obtain

KINDS = [
    (residual, activation)
    for residual in ("none", "each", "pairs")
    for activation in ("none", "relu", "tanh")
]


def random_network(seed: int, residual: str, activation: str, sparsity: float):
    """Scalars, mask and shape of a random network, pruned at random."""
    shape = MacroShape(20, 5, 6, 4, residual, activation)
    random = np.random.default_rng(seed)
    scalars = random.standard_normal(shape.particles).astype(np.float32) / 3
    return scalars, random.random(shape.particles) >= sparsity, shape


@pytest.mark.parametrize(("residual", "activation"), KINDS)
@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.8, 0.95, 1.0])
def test_the_compact_network_gives_the_same_answers(
    residual: str, activation: str, sparsity: float
):
    for seed in range(5):
        scalars, mask, shape = random_network(seed, residual, activation, sparsity)
        network = compact(scalars, mask, shape)
        x = torch.from_numpy(np.random.default_rng(9).random((50, 20), dtype=np.float32))
        expected = forward(torch.from_numpy(scalars * mask).double(), x.double(), shape)
        torch.testing.assert_close(CompactNet(network)(x).double(), expected, rtol=0, atol=1e-6)


def test_a_dead_neuron_and_an_unread_pixel_go_and_a_skip_keeps_its_ends():
    shape = MacroShape(3, 3, 2, 2, "each", "none")
    first = np.array([[1, 0, 0], [0, 0, 0]])  # cell 1 reads nothing; pixels 1, 2 are not read
    middle = np.zeros((2, 2))  # only the skip leads on
    last = np.array([[2, 0], [0, 0]])
    scalars = np.concatenate([part.ravel() for part in (first, middle, last)]).astype(np.float32)
    network = compact(scalars, np.ones(len(scalars), dtype=bool), shape)
    assert network.sizes == (1, 1, 1, 2)
    assert network.pixels.tolist() == [0]
    assert network.neurons_removed == 2 and network.connections == 2
    x = torch.tensor([[3.0, 1.0, 1.0]])
    assert CompactNet(network)(x).tolist() == [[6.0, 0.0]]


def test_a_neuron_that_is_never_read_goes():
    shape = MacroShape(2, 2, 2, 2, "none", "none")
    mask = np.array([1, 1, 1, 1, 1, 0, 1, 0], dtype=bool)  # the outputs read cell 0 only
    living = living_cells(mask, shape)
    assert [cells.tolist() for cells in living] == [[True, True], [True, False], [True, True]]


def test_a_diverged_survivor_cannot_be_exported():
    scalars, mask, shape = random_network(0, "none", "none", 0.0)
    scalars[3] = np.nan
    with pytest.raises(ValueError, match="diverged"):
        compact(scalars, mask, shape)
    mask[3] = False
    assert compact(scalars, mask, shape).connections == shape.particles - 1


def trained(config: RunConfig, **changes: object) -> Subject:
    return Subject.of(obtain(config.replace(**changes))[0])


def without_srnn(scripts: list[Path]) -> list[str]:
    """What programs print, run one after the other in one isolated process that does not have
    ``srnn`` on its path; one text each."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    root = str(Path(__file__).parent.parent)
    guard = (
        "import importlib.util, runpy, sys\n"
        f"sys.path = [one for one in sys.path if one not in ('', {root!r})]\n"
        "assert importlib.util.find_spec('srnn') is None\n"
        f"for script in {[str(one) for one in scripts]!r}:\n"
        "    runpy.run_path(script, run_name='__main__')\n"
        "    print('-----')\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", guard],
        cwd=scripts[0].parent,
        env=clean,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return done.stdout.split("-----\n")[:-1]


def test_every_example_runs_without_srnn_and_agrees(small: RunConfig, tmp_path: Path):
    scripts, expected = [], []
    for activation, residual in (("none", "each"), ("tanh", "pairs"), ("relu", "none")):
        one = trained(small, activation=activation, residual=residual, depth=5, epochs=4)
        for share in (0.5, 0.97, 1.0):
            count = int(share * one.particles)
            mask = drop_first(order_of("magnitude", one), count)
            right = (one.task.y_test == one.logits(mask).argmax(1).numpy())[:500]
            for format_, kind in FORMATS.items():
                name = f"my {format_} {activation} {count}{kind.suffix}"
                done = export(one, mask, format_, tmp_path / name)
                assert done.max_logit_difference < 1e-5
                assert done.accuracy == one.accuracy(mask)
                assert len(done.example.read_text().splitlines()) < 45
                scripts.append(done.example)
                expected.append(f"accuracy {right.mean():.4f}")
    for said, accuracy in zip(without_srnn(scripts), expected, strict=True):
        assert accuracy in said
        assert float(re.search(r"difference (\S+)", said).group(1)) < 1e-5


def test_an_empty_network_can_be_exported(small: RunConfig, tmp_path: Path):
    one = trained(small)
    nothing = np.zeros(one.particles, dtype=bool)
    for format_ in FORMATS:
        done = export(one, nothing, format_, tmp_path / f"empty-{format_}")
        assert done.network.connections == 0 and done.max_logit_difference == 0


def test_sizes_are_those_of_the_files_and_fewer_connections_are_fewer_bytes(
    small: RunConfig, tmp_path: Path
):
    one = trained(small)
    order = order_of("magnitude", one)
    for format_ in FORMATS:
        sizes = []
        for count in (0, one.particles - 20):
            path = tmp_path / f"{format_}-{count}"
            done = export(one, drop_first(order, count), format_, path)
            table = done.table.set_index("network")
            assert table.loc["compact", "bytes"] == path.stat().st_size
            assert (table[["ms_one", "ms_all"]] > 0).all(axis=None)
            assert table.loc["particles", "parameters"] == one.weights.size
            sizes.append(path.stat().st_size)
        assert sizes[1] < sizes[0], format_


def test_a_torch_file_holds_tensors_only(small: RunConfig, tmp_path: Path):
    one = trained(small)
    mask = np.ones(one.particles, dtype=bool)
    path = export(one, mask, "torch", tmp_path / "net.pt").path
    state = torch.load(path, weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    assert set(state) == {"pixels", *(f"layers.{layer}.weight" for layer in range(3))}


def test_a_missing_package_is_named(
    small: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    one = trained(small)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackage, match="pip install onnx"):
        export(one, np.ones(one.particles, dtype=bool), "onnx", tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()


def test_export_from_the_command_line(
    small: RunConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run, _ = obtain(small)
    path = tmp_path / "net.safetensors"
    arguments = ["export", run.run_id, "--format", "safetensors", "--out", str(path)]
    assert main([*arguments, "--criterion", "magnitude", "--count", "100", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts["dropped"] == 100 and facts["path"] == str(path)
    assert facts["max_logit_difference"] < 1e-5
    assert [row["network"] for row in facts["measured"]] == ["particles", "dense", "compact"]
    assert main([*arguments[:-1], str(tmp_path)]) == 2
    assert "folder" in capsys.readouterr().err
    assert main([*arguments, "--criterion", "none"]) == 2
    assert "there already" in capsys.readouterr().err
    assert main([*arguments, "--criterion", "none", "--force"]) == 0
    assert "logit difference" in capsys.readouterr().out
