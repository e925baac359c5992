"""The command line as a user types it: a process, its exit status, and the last line of JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sets import write_set

from srnn.cli import main
from srnn.presets import PRESETS

SMALL = ["--dataset=digits", "--neurons=3", "--depth=3", "--width=3", "--batch-size=100"]
SMALL += ["--epochs=2"]
ROOT = Path(__file__).parent.parent


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "srnn", *arguments],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def last(text: str) -> dict:
    return json.loads(text.strip().splitlines()[-1])


def test_train_then_the_same_again_is_cached(capsys):
    first = run("train", *SMALL, "--json")
    assert first.returncode == 0, first.stderr
    result = last(first.stdout)
    assert result["cached"] is False
    assert result["particles"] == 64 * 3 + 9 + 30 == sum(result["types"].values())
    assert result["weights_per_particle"] == 27
    assert result["epochs"] == 2
    assert 0 <= result["test_accuracy"] <= 1
    assert set(result["types"]) == {"divergent", "zero", "identity", "second_order", "other"}
    assert first.stderr == ""  # a bar is for terminals
    assert main(["train", *SMALL, "--json"]) == 0
    again = last(capsys.readouterr().out)
    assert again["cached"] is True
    assert {**again, "cached": False} == result


def test_presets_name_the_logs_runs(capsys):
    assert main(["presets", "--json"]) == 0
    names = {row["name"]: row["config"] for row in json.loads(capsys.readouterr().out)}
    assert set(names) == set(PRESETS)
    assert names["log-connectivity-h4"]["neurons"] == 4
    assert names["log-h8-residual"]["residual"] == "each"
    assert names["log-h8-no-residual"]["residual"] == "none"
    assert names["quick"]["dataset"] == "digits"


def test_datasets_and_runs_are_listed(capsys):
    assert main(["datasets", "--json"]) == 0
    sizes = {row["name"]: row["inputs"] for row in json.loads(capsys.readouterr().out)}
    assert sizes == {"mnist": 225, "digits": 64}
    main(["train", *SMALL])
    capsys.readouterr()
    assert main(["runs", "--json"]) == 0
    mine = [row for row in json.loads(capsys.readouterr().out) if not row["bundled"]]
    assert [row["config"]["width"] for row in mine] == [3]
    assert main(["runs"]) == 0
    assert mine[0]["run_id"] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "each"),
        (["--no-residual"], "none"),
        (["--residual"], "each"),
        (["--residual", "--recipe", "2022-03"], "pairs"),
        (["--residual-kind", "pairs"], "pairs"),
        (["--preset", "log-h8-no-residual"], "none"),
        (["--preset", "log-h8-no-residual", "--residual"], "each"),
    ],
)
def test_residual_options(arguments, expected, capsys):
    arguments = [*arguments, "--dataset", "digits", "--epochs", "0", "--json"]
    assert main(["train", *arguments]) == 0
    assert last(capsys.readouterr().out)["config"]["residual"] == expected


def test_what_is_not_given_comes_from_the_recipe(capsys):
    assert main(["train", "--dataset", "digits", "--epochs", "0", "--json"]) == 0
    config = last(capsys.readouterr().out)["config"]
    assert (config["neurons"], config["alpha"], config["lr"]) == (4, 100.0, 0.008)
    arguments = ["--recipe", "2022-03", "--lr", "0.01", "--dataset", "digits", "--epochs", "0"]
    assert main(["train", *arguments, "--json"]) == 0
    config = last(capsys.readouterr().out)["config"]
    assert (config["neurons"], config["alpha"], config["depth"]) == (5, 1.0, 3)
    assert config["lr"] == config["replication_lr"] == 0.01


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--neurons", "0"], "from 1 to 64"),
        (["--lr", "nan"], "finite"),
        (["--dataset", "no/such/folder"], "no such"),
        (["--no-residual", "--residual-kind", "each"], "contradict"),
        (["--engine", "warp", "--dataset", "digits"], "engines:"),
    ],
)
def test_a_wrong_setting_says_what_is_right(arguments, message, capsys):
    assert main(["train", *arguments]) != 0
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err


def test_a_folder_of_idx_files_trains(tmp_path, capsys):
    folder = write_set(tmp_path, image=(28, 28), classes=10)
    arguments = ["--dataset", str(folder), "--epochs", "1", "--batch-size", "20", "--json"]
    assert main(["train", *arguments]) == 0
    result = last(capsys.readouterr().out)
    assert result["particles"] == 1518
    assert result["config"]["dataset_digest"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["train", "--dataset", "~nosuchuser/x"], "there is no such user"),
        (["train", "--dataset", "{loop}"], "round in circles"),
        (["import", "{loop}"], "links"),
        (["import", "a" * 5000], "too long"),
        (["sweep", "a" * 5000], "too long"),
        (["verify", "{file}"], "with NAME.json beside it"),
        (["rivals", "--run", ""], "not the name of a run"),
        (["train", "--dataset", "digits", "--epochs", "1", "--engine", "nope"], "unknown engine"),
        (["sweep", "{file}", "--out", "{file}"], "is there already"),
        (["sweep", "{file}", "--out", "/dev/null"], "is a device"),
        (["reproduce", "--row", "10", "--quick", "--out", "{file}"], "is no folder"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(arguments, reason, tmp_path, capsys):
    loop, other, file = tmp_path / "loop", tmp_path / "other", tmp_path / "x.npy"
    loop.symlink_to(other)
    other.symlink_to(loop)
    file.write_text("junk")
    assert main([text.format(loop=loop, file=file) for text in arguments]) != 0
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and said[0].startswith("srnn: ") and len(said[0]) < 600
    assert reason in said[0] and "Errno" not in said[0] and "Traceback" not in said[0]


@pytest.mark.parametrize(("flags", "engine"), [([], "auto"), (["-OO"], "manual")])
def test_it_works_without_docstrings_and_without_a_place_to_complain(flags, engine, tmp_path):
    settings = ["--dataset", "digits", "--epochs", "1", "--depth", "3", "--width", "3"]
    settings += ["--engine", engine]  # fused, all kernels would be compiled once more for -OO
    command = [sys.executable, *flags, "-m", "srnn", "train", *settings, "--json"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", *command],
        env=os.environ | {"SRNN_CACHE": str(tmp_path)},
        cwd=Path(__file__).resolve().parent.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0 and json.loads(done.stdout)["epochs"] == 1


def test_a_full_memory_is_said(monkeypatch, capsys):
    def full(options):
        raise MemoryError

    monkeypatch.setattr("srnn.cli.listing._runs", full)
    assert main(["runs"]) == 1
    assert "no memory is left" in capsys.readouterr().err
