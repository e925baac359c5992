"""One task of a sweep: train a run (or load it), measure it, give back a row. On any worker.

A task and its answer are JSON values, so that a local process and a worker on another machine get
the same, and nothing needs a shared disk. Before it works, a worker compares its versions with the
driver's: another package, engine or library would give other numbers under the same name.

As a program (``python -m srnn.sweeps.work``) it is a local worker: tasks come in by lines of
standard input, answers go out by lines; it ends when its input does, so it never outlives its
driver by more than one line of tasks.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from srnn.config import RunConfig
from srnn.files import json_number


class VersionsDiffer(RuntimeError):
    """A worker has other versions than the driver; the message lists them."""


def versions() -> dict[str, str]:
    """What the numbers depend on beside the configuration: engine, package, libraries, measures;
    not the processor, which a cluster may mix (a run's own provenance names it)."""
    from srnn.engines import choose
    from srnn.runs.record import provenance
    from srnn.sweeps.measures import VERSION

    engine = choose("auto")
    found = provenance(engine).model_dump(exclude={"processor", "python"})
    return {"engine": engine, "measures": str(VERSION), **found}


def compare(here: dict[str, str], there: dict[str, str]) -> None:
    """
    Raises:
        VersionsDiffer: the versions here are not those wanted.
    """
    other = [name for name in there if here.get(name) != there[name]]
    if other:
        differences = ", ".join(f"{name} {here.get(name)} not {there[name]}" for name in other)
        raise VersionsDiffer(f"this worker has {differences}; install what the driver has")


ROW = "sweep"
"""The name of a kept row among the results."""


def row_key(run_id: str, measures: dict[str, str]) -> dict[str, Any]:
    """What names a row: its run, the measures and their version."""
    from srnn.sweeps.measures import VERSION

    return {"run": run_id, "version": VERSION, "measures": measures}


def make_task(
    config: RunConfig,
    measures: dict[str, str],
    history: str,
    wanted: dict[str, str],
) -> dict[str, Any]:
    """The task of a run: ``measures`` of one's own, and where its history goes: nowhere but the
    worker's cache (empty), back with the answer (``driver``), or to a folder or object store (an
    fsspec URL). ``wanted`` are the :func:`versions` it must be done with."""
    return {
        "run_id": config.run_id,
        "config": config.to_dict(),
        "measures": measures,
        "history": history,
        "versions": wanted,
    }


def do(task: dict[str, Any]) -> dict[str, Any]:
    """Do a task: ``run_id``, ``row`` (all fields, the measures with NaN as None, ``stopped``,
    ``seconds`` of training), ``cached``, and with history ``driver`` its ``archive`` (bytes).

    Raises:
        VersionsDiffer: this worker would give other numbers.
        Exception: whatever :func:`srnn.runs.obtain` and the measures raise.
    """
    import torch

    from srnn.runs import obtain
    from srnn.runs.results import Computed, remember
    from srnn.sweeps.measures import measure

    torch.set_num_threads(1)
    compare(versions(), task["versions"])
    run, cached = obtain(RunConfig.from_dict(task["config"]))

    def row() -> Computed:
        measured = measure(run, task["measures"]).items()
        facts = {"run_id": run.run_id, **dict(run.config)}
        facts |= {name: json_number(value) for name, value in measured}
        return facts | {"stopped": run.stopped or "", "seconds": run.record.seconds}, {}

    # Kept here as well: a run that a restarted driver hands out again is not measured again.
    kept, _ = remember(ROW, row_key(run.run_id, task["measures"]), row)
    answer = {"run_id": run.run_id, "row": kept.facts, "cached": cached}
    if task["history"]:
        from srnn.runs.share import export_bytes

        archive = export_bytes(run)
        if task["history"] == "driver":
            answer["archive"] = archive
        else:
            import fsspec

            url = f"{task['history'].rstrip('/')}/{run.run_id}.zip"
            with fsspec.open(url, "wb", auto_mkdir=True) as file:
                file.write(archive)
    return answer


def attempt(task: dict[str, Any]) -> dict[str, Any]:
    """:func:`do`, or ``run_id`` and the ``error`` that it ended with."""
    try:
        return do(task)
    except Exception as error:
        return failed(task, error)


def failed(task: dict[str, Any], error: Exception) -> dict[str, Any]:
    """The answer to a task that has failed for good."""
    return {"run_id": task["run_id"], "error": f"{type(error).__name__}: {error}"}


def together(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Answers to tasks whose runs differ in their seed only, in order: those that are not there are
    trained as one population first."""
    from srnn.runs import find_run, obtain_seeds

    trained: set[str] = set()
    with contextlib.suppress(Exception):  # the task that it comes from will say it
        if len(tasks) > 1:
            compare(versions(), tasks[0]["versions"])
            trained = {task["run_id"] for task in tasks if find_run(task["run_id"]) is None}
            obtain_seeds([RunConfig.from_dict(task["config"]) for task in tasks])
    for task in tasks:
        answer = attempt(task)
        yield answer | ({"cached": False} if task["run_id"] in trained else {})


def main() -> None:
    """Work off lists of tasks from standard input, one in a line, until it ends; a line for each
    task's answer, or ``error``."""
    import torch

    torch.set_num_threads(1)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not look like an answer
    for line in sys.stdin:
        tasks = json.loads(line)
        for task in tasks:
            if task["history"] == "driver":  # the cache is the same
                task["history"] = ""
        for answer in together(tasks):
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
