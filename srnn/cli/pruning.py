"""``prune``, ``export``, ``rivals``, ``limits``: drop connections, write the compact network,
compare with rival criteria, find where it breaks."""

import argparse
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from srnn.cli.output import answer, command, number, show_progress
from srnn.config import ConfigError
from srnn.files import check_target
from srnn.presets import COMPARED, PRESETS
from srnn.pruning.criteria import CRITERIA
from srnn.vocabulary import EPSILON

FORMATS = ("torch", "safetensors", "onnx", "npz")
"""The names of :data:`srnn.export.FORMATS`, known here before torch is loaded."""


def add(commands: Any) -> None:
    prune = command(commands, "prune", "drop particles of a run, measure the accuracy", _prune)
    _add_choice(prune, CRITERIA)
    prune.add_argument(
        "--retrain",
        type=number(0),
        default=0,
        metavar="E",
        help="then train the survivors E epochs",
    )

    export = command(commands, "export", "write a pruned run as a compact network", _export)
    export.add_argument(
        "--format",
        choices=(*FORMATS, "tensorboard"),
        required=True,
        help="the file's format; tensorboard: a folder with the whole run's history",
    )
    export.add_argument("--out", type=Path, required=True, metavar="PATH", help="what to write")
    export.add_argument("--force", action="store_true", help="replace a file that is there")
    _add_choice(export, (*CRITERIA, "none"))

    rivals = command(
        commands, "rivals", "make the table rival x sparsity, with the control tests", _rivals
    )
    chosen = rivals.add_mutually_exclusive_group()
    chosen.add_argument("--preset", choices=PRESETS, default=COMPARED, help=f"default: {COMPARED}")
    chosen.add_argument("--run", dest="run_id", metavar="RUN", help="a run's configuration")
    rivals.add_argument("--seeds", type=int, default=5, help="seeds, from 1 (default 5)")
    rivals.add_argument(
        "--epochs", type=number(2), help="epochs of every training (default: its own)"
    )
    rivals.add_argument(
        "--retrain", type=int, help="epochs of retraining (default: a twentieth, 1 at least)"
    )

    limits = command(commands, "limits", "where it breaks: one row per setting", _limits)
    limits.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="FOLDER",
        help="also a data set of one's own: a folder of IDX files, at 15x15 and at its own size",
    )
    limits.add_argument("--seeds", type=int, default=3, help="seeds of every row (default 3)")
    limits.add_argument("--epochs", type=int, default=200, help="epochs (default 200)")
    for table in (rivals, limits):
        table.add_argument(
            "--ship", action="store_true", help="also put it into the package, for the app to show"
        )


def _add_choice(parser: argparse.ArgumentParser, criteria: Iterable[str]) -> None:
    parser.add_argument("run_id", metavar="RUN", help="a finished run (see: runs)")
    parser.add_argument(
        "--criterion",
        choices=criteria,
        default="replicators",
        help="what goes first (default: replicators)",
    )
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--count", type=number(0), metavar="K", help="drop exactly K particles")
    amount.add_argument(
        "--fraction", type=number(0, 1, float), metavar="F", help="drop this share, 0 to 1"
    )
    parser.add_argument(
        "--epsilon",
        type=number(0, kind=float),
        default=EPSILON,
        help="tolerance of the fixpoint types (default 1e-5)",
    )
    parser.add_argument(
        "--seed", type=number(0), default=0, help="seed of a random order (default 0)"
    )


def _chosen(options: argparse.Namespace) -> tuple[Any, Any, Any]:
    """The run, its subject and the mask that the options ask for.

    Raises:
        ConfigError: more particles are to be dropped than there are.
    """
    import numpy as np
    import torch

    from srnn.pruning.criteria import order_of
    from srnn.pruning.masks import count_of, drop_first, natural_count
    from srnn.pruning.subject import Subject
    from srnn.runs import get_run

    torch.set_num_threads(1)
    run = get_run(options.run_id)
    subject = Subject.of(run, options.epsilon)
    if options.criterion == "none":
        return run, subject, np.ones(subject.particles, dtype=bool)
    if options.count is not None:
        count = options.count
    elif options.fraction is not None:
        count = count_of(options.fraction, subject.particles)
    else:
        count = natural_count(options.criterion, subject)
    if count > subject.particles:
        raise ConfigError(f"--count {count}: the network has {subject.particles} particles")
    return run, subject, drop_first(order_of(options.criterion, subject, options.seed), count)


def _facts(options: argparse.Namespace, subject: Any, mask: Any) -> dict[str, Any]:
    return {
        "run_id": options.run_id,
        "criterion": options.criterion,
        "particles": subject.particles,
        "dropped": int((~mask).sum()),
        "surviving": int(mask.sum()),
        "base_accuracy": subject.accuracy(),
        "accuracy": subject.accuracy(mask),
    }


def _prune(options: argparse.Namespace) -> int:
    run, subject, mask = _chosen(options)
    facts = _facts(options, subject, mask)
    lines = [
        f"{facts['dropped']:,} of {facts['particles']:,} particles dropped "
        f"({options.criterion}), {facts['surviving']:,} survive",
        f"test accuracy {facts['base_accuracy']:.2%} before, {facts['accuracy']:.2%} after",
    ]
    if options.retrain:
        from srnn.pruning.retrain import retrain

        (weights,) = retrain(run.config, subject.task, [run.state], mask[None], options.retrain)
        accuracy = replace(subject, weights=weights).accuracy()
        facts |= {"retrain_epochs": options.retrain, "retrained_accuracy": accuracy}
        lines.append(f"{accuracy:.2%} after {options.retrain} epochs of retraining")
    return answer(options, facts, *lines)


def _export(options: argparse.Namespace) -> int:
    if options.format == "tensorboard":
        return _tensorboard(options)
    from srnn.export import export

    _, subject, mask = _chosen(options)
    check_target(options.out, options.force)
    done = export(subject, mask, options.format, options.out, force=options.force)
    facts = _facts(options, subject, mask) | done.facts()
    sizes = "-".join(str(size) for size in done.network.sizes)
    return answer(
        options,
        facts,
        f"wrote {done.path} ({sizes}, {done.network.connections:,} connections)",
        f"accuracy {facts['base_accuracy']:.2%} before, {facts['accuracy']:.2%} in the file",
        f"largest logit difference to the pruned MetaNet {done.max_logit_difference:.1e} "
        f"(logits up to {done.largest_logit:.0f}), over all test images",
        done.table.to_string(index=False, float_format="{:.3f}".format),
        f"try it without srnn: python {done.example}",
    )


def _tensorboard(options: argparse.Namespace) -> int:
    from srnn.export.tensorboard import write_tensorboard
    from srnn.runs import get_run

    if options.out.is_file():
        raise ConfigError(f"--out {options.out}: this is a file; name a folder")
    run = get_run(options.run_id)
    history = run.snapshots, run.snapshot_epochs
    write_tensorboard(options.out, run.records, *history, run.encoding, run.shape, options.epsilon)
    facts = {"run_id": run.run_id, "path": str(options.out)}
    return answer(options, facts, f"see it: tensorboard --logdir {options.out}")


def _rivals(options: argparse.Namespace) -> int:
    from srnn.experiments.rivals import STUDY, Study, study_says
    from srnn.pruning.answers import grid, natural_table, summary
    from srnn.runs import get_run

    named = options.run_id is not None
    config = get_run(options.run_id).config if named else PRESETS[options.preset].config
    if options.epochs is not None:
        config = config.replace(epochs=options.epochs)
    study = Study(config, seeds=options.seeds, retrain=options.retrain)
    tables, seconds = _made(STUDY, study, study if options.ship else None)
    natural = natural_table(tables["natural"], config.particle_weights)
    said = study_says(tables)
    facts = {
        "run_ids": [one.run_id for one in study.configs],
        "seeds": study.seeds,
        "epochs": config.epochs,
        "retrain": study.again,
        "seconds": seconds,
        "sentences": said,
        "table": summary(tables["points"]),
        "compared": natural,
        **{name: tables[name] for name in ("natural", "controls", "epsilon")},
    }
    return answer(
        options,
        facts,
        natural.to_string(index=False),
        "as many dropped as each run has replicators; difference: to dropping these, in points",
        grid(tables["points"]).to_string(index=False),
        "test accuracy in %, mean and 95 % interval over seeds, by share of dropped connections",
        *(f"- {sentence}" for sentence in said),
    )


def _limits(options: argparse.Namespace) -> int:
    from srnn.experiments.limits import LIMITS, Limits, limits_finding, limits_table

    asked = Limits(tuple(options.data), options.seeds, options.epochs)
    everywhere = replace(asked, folders=())  # the app shows it whatever folder there is
    tables, seconds = _made(LIMITS, asked, everywhere if options.ship else None)
    numbers = tables["numbers"]
    said = limits_finding(numbers)
    facts = {"numbers": numbers, "sentences": said, "seconds": seconds}
    table = limits_table(numbers).to_string(index=False)
    return answer(options, facts, table, *(f"- {sentence}" for sentence in said))


def _made(experiment: Any, asked: Any, ship_as: Any = None) -> tuple[Any, float]:
    """An experiment's tables and the seconds it took; put into the package as the outcome of
    ``ship_as``, if that is given."""
    import torch

    from srnn.experiments.engine import outcome_of
    from srnn.experiments.shipped import ship

    torch.set_num_threads(1)
    started = time.perf_counter()
    outcome = outcome_of(experiment, asked, show_progress(" pieces"))
    if ship_as is not None:
        ship(experiment, ship_as, outcome)
    return outcome.tables, time.perf_counter() - started
