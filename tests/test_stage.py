"""The stage: what the browser gets is what the package knows, and what it tells is understood."""

import ast
import dataclasses
import json
import re
import subprocess
import sys
import time

import numpy as np
import pytest

from srnn import paths
from srnn.config import RunConfig
from srnn.files import json_number
from srnn.fixpoints import classify_measures
from srnn.metanet import macro_shape
from srnn.runs import Job, Progress, find_run
from srnn.runs.draft import Draft, kept_so_far
from srnn.runs.jobs import Request
from srnn.runs.lock import Lock
from srnn.tasks import task_of
from srnn.training import train
from ui.stage import READY
from ui.stage.blob import amended, encode, look, rungs
from ui.stage.bundle import FOLDER, MODULES, bundle
from ui.stage.source import of_job, of_run
from ui.state import EPSILONS


def decode(block: bytes) -> tuple[dict, dict[str, np.ndarray]]:
    """The block as ``data.js`` reads it."""
    length = int.from_bytes(block[:4], "little")
    header = json.loads(block[4 : 4 + length])
    arrays = {
        one["name"]: np.frombuffer(block, one["kind"], one["count"], 4 + length + one["at"])
        for one in header["arrays"]
    }
    return header, arrays


def test_a_block_holds_its_header_and_arrays_each_at_a_multiple_of_four_bytes() -> None:
    arrays = {
        "a": np.array([1, 2, 255], dtype=np.uint8),
        "b": np.array([[0.5, np.nan]], dtype=np.float32),
        "c": np.array([1.5], dtype=np.float16),
        "d": np.array([-2.0], dtype=np.float32),
    }
    header, found = decode(encode({"id": "ü"}, arrays))
    assert header["id"] == "ü"
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array.ravel())
    assert [one["at"] % 4 for one in header["arrays"]] == [0, 0, 0, 0]


@pytest.mark.parametrize("rung", range(len(EPSILONS)))
def test_types_from_rungs_are_the_types_at_every_epsilon_of_the_ladder(rung: int) -> None:
    edges = np.array([0, *EPSILONS, 7.0, np.nan], dtype=np.float32)
    edges = np.unique(np.concatenate([edges, np.nextafter(edges, np.float32(9))]))
    size, error, second = (part.ravel() for part in np.meshgrid(edges, edges, edges))
    at = [rungs(part, EPSILONS).astype(int) for part in (size, error, second)]
    by_rung = np.select(
        [at[0] == 255, at[0] <= rung, at[1] <= rung, at[2] <= rung], [0, 1, 2, 3], 4
    )
    np.testing.assert_array_equal(by_rung, classify_measures(size, error, second, EPSILONS[rung]))


def test_the_modules_become_one_without_imports_and_with_one_way_in() -> None:
    text = bundle()
    assert not re.search(r"^\s*import ", text, re.MULTILINE)
    assert re.findall(r"^export .*$", text, re.MULTILINE) == ["export default main.mount;"]
    assert {file.stem for file in FOLDER.glob("*.js")} == set(MODULES)
    for name in MODULES:  # what a module takes is made by an earlier one
        body = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
        for names, source in re.findall(r"^import \{([^}]*)\} from \"\./(\w+)\.js\";", body, re.M):
            assert MODULES.index(source) < MODULES.index(name)
            made = (FOLDER / f"{source}.js").read_text(encoding="utf-8")
            for one in filter(None, map(str.strip, names.split(","))):
                assert re.search(rf"^export (const|function|class) {one}\b", made, re.M), one


def test_nothing_is_asked_of_any_host_and_no_text_becomes_html() -> None:
    for file in FOLDER.iterdir():
        if file.suffix in (".js", ".css", ".html"):
            text = file.read_text(encoding="utf-8")
            assert not re.search(
                r"https?:|//cdn|fetch\(|XMLHttp|WebSocket|innerHTML|eval\(|@import|url\(", text
            ), file


def test_the_look_has_a_colour_for_every_type_on_both_grounds() -> None:
    for colors in look().values():
        assert len(set(colors["types"].values())) == 5
        assert all(re.fullmatch("#[0-9A-F]{6}", color) for color in colors["types"].values())


def test_the_bundled_runs_picture_is_the_one_that_would_be_made_now() -> None:
    block = READY.read_bytes()
    ready, arrays = decode(block)
    made, fresh = decode(of_run(ready["id"]))
    assert find_run(ready["id"]).bundled
    assert {name: made[name] for name in ("epochs", "sizes", "ladder", "before", "after")} == {
        name: ready[name] for name in ("epochs", "sizes", "ladder", "before", "after")
    }
    assert json.loads(json.dumps(EPSILONS)) == ready["ladder"] and ready["rung"] == 14
    for name in ("size", "error", "second"):
        np.testing.assert_array_equal(arrays[name], fresh[name])
    np.testing.assert_allclose(arrays["scalar"], fresh["scalar"], atol=1e-6)
    assert amended(block, autoplay=True).endswith(block[-1000:])
    assert decode(amended(block, autoplay=True))[0] == ready | {"autoplay": True}


def test_pages_that_ask_nothing_of_a_network_need_no_torch() -> None:
    """The imports of all of them, in one process."""
    root, lines = FOLDER.parent.parent, ["import sys, ui.overview"]
    for page in ("runs", "compare", "phase_map"):
        parts = ast.parse((root / "pages" / f"{page}.py").read_text()).body
        lines += [ast.unparse(one) for one in parts if isinstance(one, ast.Import | ast.ImportFrom)]
    code = "\n".join([*lines, "sys.exit('torch' in sys.modules)"])
    done = subprocess.run([sys.executable, "-c", code], cwd=root, check=False)
    assert done.returncode == 0


def test_a_training_is_seen_as_far_as_it_has_come(small: RunConfig) -> None:
    config, task = small.replace(epochs=5), task_of(small)
    particles = macro_shape(config).particles
    assert kept_so_far(config, particles)[1] == []
    lock = Lock(paths.run_folder(config.run_id) / "lock")
    lock.path.parent.mkdir(parents=True)
    assert lock.take()
    draft = Draft(config, lock)
    seen = []
    for record in train(config, task, engine="manual"):
        draft.add(record)
        snapshots, epochs = kept_so_far(config, particles)
        np.testing.assert_array_equal(snapshots[-1], record.state.weights)
        seen.append(epochs[-1])
        asked = Request(command=["train"], config=config.to_dict(), at=time.time())
        job = Job(config.run_id, draft.folder, "running", asked)
        progress = Progress(done=record.epoch, total=5, what="training", rows=[record.row()])
        block = of_job(dataclasses.replace(job, progress=_clean(progress)), 1e-5, EPSILONS)
        header, arrays = decode(block)
        assert header["training"] == {"epoch": record.epoch, "epochs": 5}
        assert len(arrays["size"]) == len(epochs) * particles
    lock.release()
    assert seen == [0, 1, 2, 3, 4, 5]


def _clean(progress: Progress) -> Progress:
    rows = [{name: json_number(value) for name, value in row.items()} for row in progress.rows]
    return progress.model_copy(update={"rows": rows})
