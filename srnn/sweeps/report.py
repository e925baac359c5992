"""Runs beside each other: what differs in their settings, what came out, and all of it as one HTML
file that needs nothing else to be read.
"""

import html
from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import plotly.io

from srnn.config import DEFAULT_RECIPE, make_config
from srnn.figures.sweeps import overlaid, phase_map, words
from srnn.runs import Run
from srnn.sweeps.plan import Plan
from srnn.sweeps.work import versions
from srnn.vocabulary import count_replicators

CURVES = {
    "test_accuracy": "Test accuracy (%)",
    "replicators": "Replicators",
    "task_loss": "Task loss",
    "replication_loss": "Self-replication loss × alpha",
}
"""What is compared over the epochs: a column of :func:`records`, and its axis."""


def records(run: Run) -> pd.DataFrame:
    """A run's records with the number of its replicators."""
    return run.records.assign(replicators=count_replicators(run.records))


def groups_of(runs: Sequence[Run]) -> list[tuple[str, list[Run]]]:
    """Runs that differ only in their seeds together, each group named by what sets it apart."""
    groups: dict[object, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.config.replace(seed=0, data_seed=0), []).append(run)
    varied = [name for name in differences(runs).columns if name not in ("seed", "data_seed")]
    named = []
    for members in groups.values():
        values = dict(members[0].config)
        told = {name: f"{v:g}" if isinstance(v := values[name], float) else v for name in varied}
        text = ", ".join(f"{words(name)} {value}" for name, value in told.items())
        named.append((text or members[0].name, members))
    return named


def differences(runs: Sequence[Run]) -> pd.DataFrame:
    """The settings that are not the same in all runs: one row a run, one column a setting."""
    table = pd.DataFrame([dict(run.config) for run in runs], index=[r.run_id for r in runs])
    return table.loc[:, (table.astype(str) != table.astype(str).iloc[0]).any()]


def outcome(runs: Sequence[Run]) -> pd.DataFrame:
    """What came out at the end: one row a run, with its census and accuracy (0..1)."""
    rows = []
    for run in runs:
        types = run.record.results.types
        rows.append(
            {"run_id": run.run_id, "name": run.name, "epochs": run.record.results.epochs}
            | {"test_accuracy": run.record.results.test_accuracy}
            | {"replicators": count_replicators(types)}
            | types
        )
    return pd.DataFrame(rows)


def curves(runs: Sequence[Run]) -> list[tuple[str, go.Figure]]:
    """The figures of a comparison: title and figure."""
    groups = [(name, [records(run) for run in members]) for name, members in groups_of(runs)]
    return [(title, overlaid(groups, column, title)) for column, title in CURVES.items()]


def comparison_report(runs: Sequence[Run]) -> bytes:
    """A comparison as one HTML file: figures, outcomes, differences, versions, commands."""
    commands = [command_of(run) for run in runs]
    tables = [("What came out", outcome(runs)), ("What differs", differences(runs).reset_index())]
    return _page("Comparison of runs", curves(runs), tables, commands)


def sweep_report(plan: Plan, table: pd.DataFrame, text: str) -> bytes:
    """A sweep as one HTML file; ``text`` is its plan, ``table`` its rows."""
    measure = plan.measure or "replicator_share"
    figures = []
    if len(plan.varied) >= 2:
        x, y = list(plan.varied)[:2]
        figures.append((words(measure), phase_map(table, x, y, measure, plan.level)))
        figures.append((words("test_accuracy"), phase_map(table, x, y, "test_accuracy")))
    commands = [
        "cat > sweep.toml <<'END'",
        *text.strip().splitlines(),
        "END",
        "srnn sweep sweep.toml",
    ]
    return _page(plan.title or "Sweep", figures, [("All runs", table)], commands)


def command_of(run: Run) -> str:
    """The command that makes a run again: what differs from the default recipe."""
    default = dict(make_config(DEFAULT_RECIPE))
    options = []
    for name, value in dict(run.config).items():
        if value == default[name] or name == "dataset_digest":
            continue
        flag = "--" + name.replace("_", "-")
        if name == "residual":
            options += ["--no-residual"] if value == "none" else ["--residual-kind", value]
        elif isinstance(value, bool):
            options.append(flag if value else flag.replace("--", "--no-", 1))
        else:
            options += [flag, str(value)]
    return " ".join(["srnn train", *options])


STYLE = """body {font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto}
table {border-collapse: collapse; font-size: 0.8rem; display: block; overflow-x: auto}
td, th {padding: 0.2rem 0.6rem; border-bottom: 1px solid #d5d9df; text-align: right}
pre {background: #f3f4f6; padding: 0.75rem; overflow-x: auto}"""


def _page(
    title: str,
    figures: Sequence[tuple[str, go.Figure]],
    tables: Sequence[tuple[str, pd.DataFrame]],
    commands: Sequence[str],
) -> bytes:
    parts = [f"<h1>{html.escape(title)}</h1>"]
    for index, (name, figure) in enumerate(figures):
        plot = plotly.io.to_html(figure, full_html=False, include_plotlyjs=index == 0)
        parts.append(f"<h2>{html.escape(name)}</h2>{plot}")
    for name, table in tables:
        parts.append(f"<h2>{html.escape(name)}</h2>{table.to_html(index=False, escape=True)}")
    parts.append("<h2>Versions</h2>" + pd.DataFrame([versions()]).to_html(index=False))
    parts.append(f"<h2>To make it again</h2><pre>{html.escape(chr(10).join(commands))}</pre>")
    head = f"<meta charset='utf-8'><title>{html.escape(title)}</title><style>{STYLE}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(parts)}".encode()
