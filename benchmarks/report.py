"""What was measured, as text and as plots."""

from pathlib import Path
from typing import Any, NamedTuple

import plotly.graph_objects as go

from benchmarks.contenders import LOOP, PLAIN

GREYS = ("#c9ced6", "#97a0ae", "#667085", "#1d2939", "#e4e7ec")
"""Colours mean particle types elsewhere, so engines are told apart by grey."""

WHERE = "225-6-6-6-6-10 on MNIST, batch 500"


WAITS = {
    "classify": 5.0,
    "epsilon slider": 200.0,
    "components and cube": 300.0,
    "open": 1000.0,
    "a step of a soup": 1000 / 30,
    "robustness table": 10_000.0,
    "self-application table": 10_000.0,
    "500 x 500 map": 5_000.0,
    "selection of 50": 1_800_000.0,
}
"""Milliseconds that a page may wait for what begins with these words."""


class Goal(NamedTuple):
    """A ratio (or milliseconds) and what it should be at most."""

    name: str
    value: float
    limit: float


def goals(found: dict[str, Any]) -> list[Goal]:
    """The goals that this machine can say something about."""
    pairs = {(row["h"], row["variant"]): row for row in found["step_pairs"]}
    grown = {(row["particles"], row["variant"]): row for row in found["growth"]}
    batched = {(row["variant"], row["h"], row["seeds"]): row for row in found["seeds"]}
    wide = {(row["particles"], row["variant"]): row for row in found["wide"]}
    run = found["whole_run"]
    wanted = [
        *(
            (f"step pair, h={h}, fused to plain dense", pairs.get((h, "fused")), limit)
            for h, limit in ((4, 0.35), (8, 0.55), (16, 1.1))
        ),
        *(
            (f"8 seeds, h={h}, per seed to one alone, {name}", batched.get((name, h, 8)), limit)
            for name, h, limit in (
                ("manual", 4, 0.4),
                ("manual", 8, 0.6),
                ("fused", 4, 1.0),
                ("fused", 8, 1.0),
            )
        ),
        ("a step at 109,400 particles, h=8, fused to manual", grown.get((109_400, "fused")), 1.0),
        ("33,500 particles, h=4, one thread to plain dense", wide.get((33_500, "1 threads")), 1.5),
        (f"{run['preset']}, {run['epochs']} epochs, to plain dense", run, 0.8),
    ]
    found_goals = [Goal(name, row["ratio"], limit) for name, row, limit in wanted if row]
    waits = [
        Goal(f"milliseconds: {row['what']}", row["median"], limit)
        for row in found["interactive"]
        for name, limit in WAITS.items()
        if row["what"].startswith(name)
    ]
    pair = wide.get((33_500, "2 threads"))
    if pair:
        name = "33,500 particles, h=4, two threads to one"
        found_goals.append(Goal(name, 1 / pair["speedup"], 1 / 1.7))
    return [*found_goals, *waits]


def markdown(found: dict[str, Any]) -> str:
    """All tables."""
    machine, run = found["machine"], found["whole_run"]
    about = ", ".join(f"{key} {value}" for key, value in machine.items())
    effort = "--quick" if found["quick"] else "the full measurement"
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"Written by `python -m benchmarks` ({effort}). Machine: {about}.",
            "",
            "All contenders take turns in one process, on one thread. Times are medians, quartiles "
            "in brackets; ratios are medians of the ratios within a turn. A step pair is one "
            f"replication step and one task step, {WHERE} unless said otherwise; the plain dense "
            "network makes the task step alone. The fused engine was ready in "
            f"{found['prepare_seconds']:.1f} s.",
            "",
            "## Goals",
            "",
            *_table(
                ("ratio", "measured", "goal", ""),
                [
                    (one.name, f"{one.value:.2f}", f"<= {one.limit:g}", _verdict(one))
                    for one in goals(found)
                ],
            ),
            "",
            "## A step pair",
            "",
            "![A step pair, to the plain dense network's step](step_pairs.png)",
            "",
            *_table(
                ("h", "variant", "milliseconds", "to plain dense"),
                [
                    (row["h"], row["variant"], _spread(row), _ratio(row))
                    for row in found["step_pairs"]
                ],
            ),
            "",
            "## More particles",
            "",
            "784 inputs (225 for the smallest), four hidden layers, h = 8, random images.",
            "",
            "![Time of a step pair against the number of particles](growth.png)",
            "",
            *_table(
                ("particles", "engine", "milliseconds", "us a particle", "to manual"),
                [
                    (
                        f"{row['particles']:,}",
                        row["variant"],
                        _spread(row),
                        f"{row['per_particle_us']:.2f}",
                        _ratio(row),
                    )
                    for row in found["growth"]
                ],
            ),
            "",
            "## Wide networks",
            "",
            "Three layers with ReLU, h = 4, random images; threads of the fused engine (its bits "
            "do not depend on their number), the plain dense network on one. Peak memory is that "
            "of a process that does nothing else, its images included.",
            "",
            *_table(
                ("particles", "", "milliseconds", "us a particle", "to plain", "faster", "MB"),
                [
                    (
                        f"{row['particles']:,}",
                        row["variant"],
                        _spread(row),
                        f"{row['per_particle_us']:.3f}",
                        _ratio(row),
                        "" if row["variant"] == PLAIN else f"{row['speedup']:.2f}",
                        f"{row['mb']:.0f}",
                    )
                    for row in found["wide"]
                ],
            ),
            "",
            "## Several seeds at once",
            "",
            "A population saves the gathering of batches and the cost of calls, not arithmetic: "
            "the faster one network alone is, the less there is to save.",
            "",
            *_table(
                ("h", "engine", "seeds", "milliseconds a seed", "to one alone", "to plain dense"),
                [
                    (
                        row["h"],
                        row["variant"],
                        row["seeds"],
                        _spread(row),
                        _ratio(row),
                        f"{row['to_plain']:.2f}",
                    )
                    for row in found["seeds"]
                ],
            ),
            "",
            "## What a page waits for",
            "",
            "1,518 particles, h = 8, on a trained network. A history is opened by a fresh process, "
            "checksums and all.",
            "",
            *_table(
                ("", "milliseconds"), [(row["what"], _spread(row)) for row in found["interactive"]]
            ),
            "",
            f"## A whole run: `{run['preset']}`, {run['epochs']} epochs",
            "",
            "Evaluation, history and checkpoints included; its epochs took turns with the plain "
            "dense network's. Peak memory is that of processes of their own, data included.",
            "",
            *_table(
                ("", "seconds", "peak MB"),
                [
                    (f"MetaNet, engine {run['engine']}", f"{run['seconds']:.1f}", _mb(run, "")),
                    (PLAIN, f"{run['plain_seconds']:.1f}", _mb(run, "plain_")),
                ],
            ),
            "",
        ]
    )


def plots(found: dict[str, Any], folder: Path) -> None:
    """``step_pairs.png`` and ``growth.png``.

    Raises:
        RuntimeError: no browser to draw with (kaleido needs Chrome or Chromium).
    """
    bars, lines = go.Figure(), go.Figure()
    pairs, grown = found["step_pairs"], found["growth"]
    for name in dict.fromkeys(row["variant"] for row in pairs if row["variant"] != LOOP):
        rows = [row for row in pairs if row["variant"] == name]
        bars.add_bar(
            name=name, x=[f"h = {row['h']}" for row in rows], y=[row["ratio"] for row in rows]
        )
    bars.update_yaxes(type="log", dtick=1, title="to the plain dense network's step")
    for name in dict.fromkeys(row["variant"] for row in grown):
        rows = [row for row in grown if row["variant"] == name]
        lines.add_scatter(
            name=name, x=[row["particles"] for row in rows], y=[row["median"] for row in rows]
        )
    lines.update_yaxes(type="log", dtick=1, title="milliseconds a step pair")
    lines.update_xaxes(type="log", dtick=1, title="particles")
    for figure, name in ((bars, "step_pairs"), (lines, "growth")):
        figure.update_layout(
            template="plotly_white",
            colorway=GREYS,
            legend={"orientation": "h", "y": 1.12},
            margin={"l": 70, "r": 20, "t": 50, "b": 50},
        )
        figure.write_image(folder / f"{name}.png", width=900, height=420, scale=2)


def _table(head: tuple[str, ...], rows: list[tuple]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return [f"| {' | '.join(str(cell) for cell in line)} |" for line in lines]


def _spread(row: dict[str, Any]) -> str:
    return f"{row['median']:.3g} ({row['low']:.3g}..{row['high']:.3g})"


def _ratio(row: dict[str, Any]) -> str:
    return f"{row['ratio']:.2f}"


def _verdict(goal: Goal) -> str:
    return "met" if goal.value <= goal.limit else "missed"


def _mb(run: dict[str, Any], which: str) -> str:
    return f"{run[f'{which}peak_mb']:.0f}"
