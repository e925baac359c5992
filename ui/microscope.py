"""The microscope: one particle from near, and acts on the chosen ones with their consequences.

What an act leads to is shown at once (:mod:`ui.stage.source`); the acts stand in the state as text,
so undoing, redoing and a link to them are changes of a text.
"""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
import torch

from srnn.analysis.connectivity import node_name
from srnn.config import RunConfig
from srnn.figures.style import percent, points
from srnn.fixpoints import classify_measures, measures
from srnn.interactions import LEVELS
from srnn.lineage import ALL, Act, LineageError, pack, read_acts, write_acts
from srnn.particles import composite, matrices
from srnn.runs import RunError, get_run, obtain
from srnn.runs.fork import forked
from srnn.tasks import DataError, task_of
from srnn.vocabulary import LABELS, TYPES, count_replicators
from ui import cached, state
from ui.stage.source import measured, performed
from ui.state import View
from ui.text import escape, many

UNDONE = "undone_acts"
IMAGES = 500
STEPS = (1, 10, 100, 500)
NOISE = (0.001, 0.01, 0.1, 1.0)
RATIOS = (0.001, 0.01, 0.1, 0.5, 1.0)
DISTURBANCES = {
    "attack": "This share of all particles each turn another one of their cell, of their layer or "
    "from anywhere into what they make of its weights.",
    "melt": "This share of all particles each take over half of their weights from another one.",
}


def microscope(view: View) -> None:
    """What is known of the chosen particles, and what can be done to them; the acts done so far
    with what each changed. Part of the stage's fragment."""
    acts = state.get("acts")
    if not view.picked and not acts:
        return
    st.header("Microscope", anchor=False)
    try:
        _bench(view, acts)
        if acts:
            _ledger(view, acts)
        if len(view.picked) == 1:
            _particle(view, acts, view.picked[0])
    except (ValueError, DataError, RunError, OSError) as error:
        st.error(f"{escape(str(error))}\n\nUndo the last act to go on.")


def _bench(view: View, acts: str) -> None:
    chosen = pack(view.picked)
    name = many(len(view.picked), "particle")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if view.picked:
            _button("Drop", Act("drop", chosen), f"Set all weights of {name} to zero.")
            about = (
                "The nearest weights with v0 = 1 and v1, v2, v3 = 0; the scalar weight v4 stays."
            )
            _button("Make perfect", Act("perfect", chosen), about)
            deviation = st.selectbox("Noise", NOISE, 1, key="noise", width=100)
            seed = float(len(read_acts(acts)))
            _button("Add noise", Act("noise", chosen, (deviation, seed)), "To every weight.")
            steps = st.selectbox("Steps", STEPS, 2, key="settle", width=100)
            about = "Replication steps only: who can replicate, does."
            _button("Settle", Act("settle", chosen, (float(steps),)), about)
        epochs = st.selectbox("Epochs", (1, 2, 5, 10), key="retrain", width=90)
        if view.picked:
            about = "Train these; all others keep their weights."
            _button("Retrain alone", Act("retrain", chosen, (float(epochs),)), about)
        _button("Retrain all", Act("retrain", ALL, (float(epochs),)), "Train the whole network on.")
        level = st.selectbox("Among", LEVELS, key="among", width=120)
        ratio = st.selectbox("Ratio", RATIOS, 1, key="ratio", width=90)
        for kind, about in DISTURBANCES.items():
            act = Act(f"{kind}-{level}", ALL, (ratio, float(len(read_acts(acts)))))
            _button(f"{kind.title()} all", act, about)
    with st.container(horizontal=True, gap="small"):
        undone: list[str] = st.session_state.get(UNDONE, [])
        st.button("Undo", on_click=_undo, disabled=not acts, key="undo", icon=":material/undo:")
        st.button("Redo", on_click=_redo, disabled=not undone, key="redo", icon=":material/redo:")
        about = "The network as it is now, with where it comes from and what was done to it."
        if st.button("Keep as a new run", disabled=not acts, help=about, key="keep-run"):
            _keep(view, acts)


def _button(label: str, act: Act, about: str) -> None:
    st.button(label, on_click=_do, args=(str(act),), help=about, key=f"act-{label}")


def _do(act: str) -> None:
    st.session_state[UNDONE] = []
    _add(act)


def _add(act: str) -> None:
    acts = state.get("acts")
    state.change(acts=f"{acts}; {act}" if acts else act)


def _undo() -> None:
    try:
        *kept, last = read_acts(state.get("acts"))
    except LineageError:  # of an address
        state.change(acts=None)
        return
    st.session_state.setdefault(UNDONE, []).append(str(last))
    state.change(acts=write_acts(kept) or None)


def _redo() -> None:
    if undone := st.session_state.get(UNDONE):
        _add(undone.pop())


def _keep(view: View, acts: str) -> None:
    """Make the network after the acts a run of its own, and show it."""
    with st.spinner("Keeping it"):
        run, _ = obtain(_kept(view, acts))
    st.session_state[UNDONE] = []
    state.change(run=run.run_id, acts=None, epoch=None)
    st.rerun()


def _kept(view: View, acts: str) -> RunConfig:
    """The settings of the run that the acts make."""
    epochs = performed(view.run.run_id, view.index, acts).epoch
    return forked(f"{view.run.run_id}@{view.epoch}", acts=acts, epochs=epochs)


def _ledger(view: View, text: str) -> None:
    """One row for each act: what the network was after it."""
    acts = read_acts(text)
    rows: list[dict[str, Any]] = []
    for done in range(len(acts) + 1):
        after = measured(view.run.run_id, view.index, write_acts(acts[:done]), view.epsilon)
        act = str(acts[done - 1]) if done else f"epoch {view.epoch:,}, as trained"
        rows.append(
            {
                "act": act if len(act) < 60 else f"{act[:45]} ...",
                "replicators": count_replicators(after.types),
                "replication loss": f"{after.loss:.3g}",
                "accuracy": percent(after.before),
                "without replicators": percent(after.after),
                "change": points(after.before - rows[-1]["_"]) if rows else "",
                "_": after.before,
            }
        )
    st.table(pd.DataFrame(rows).drop(columns="_").set_index("act"), width="content")
    last = rows[-1]
    st.markdown(
        f"After {many(len(acts), 'act')} the accuracy is **{last['accuracy']}** (it was "
        f"{rows[0]['accuracy']}), with {last['replicators']:,} replicators; dropping these leaves "
        f"{last['without replicators']} ({view.at})."
    )
    config = _kept(view, text)
    with st.expander("The same from the shell"):
        st.code(
            f"python -m srnn train --fork {config.fork} --epochs {config.epochs} "
            f"--acts '{config.acts}'",
            language="bash",
            wrap_lines=True,
        )


def _particle(view: View, acts: str, particle: int) -> None:
    """One particle from near."""
    run, shape = view.run, view.run.shape
    weights = performed(run.run_id, view.index, acts).weights[:, particle : particle + 1]
    tensor = torch.from_numpy(np.array(weights))
    size, error, second = measures(tensor, torch.from_numpy(run.encoding))
    kind = TYPES[classify_measures(size, error, second, view.epsilon)[0]]
    v = composite(tensor)[:, 0].tolist()
    row = cached.particles(run.run_id).iloc[particle]
    layer, index, side = int(row["layer"]), int(row["input"]), round(shape.inputs**0.5)
    reads = node_name(layer, index, shape)
    if layer == 0 and side * side == shape.inputs:
        reads = f"the pixel in row {index // side}, column {index % side}"
    st.markdown(
        f"**{row['particle']}** is **{LABELS[kind]}** ({view.at}). It reads {reads} and feeds "
        f"{node_name(layer + 1, int(row['cell']), shape)}, with scalar weight "
        f"**{v[4]:.4g}**. Its largest weight is {size[0]:.3g}; applied to itself it misses its own "
        f"weights by at most {error[0]:.2g}."
    )
    st.html(_sheet(weights, v))
    share, rank = relevance(view.run.run_id, view.index, acts)
    st.markdown(
        f"Relevance: **{percent(float(share[particle]))}** of what all particles contribute to the "
        f"right answers' logits over {IMAGES} test images (rank {rank[particle] + 1:,} of "
        f"{len(rank):,}; integrated gradients over gates)."
    )


@st.cache_data(max_entries=40, show_spinner=f"Explaining {IMAGES} test images")
def relevance(run_id: str, index: int, acts: str) -> tuple[np.ndarray, np.ndarray]:
    """Share of all relevance (0..1) of every particle, and its rank from 0, ``(P,)`` each."""
    from srnn.analysis.attribution import explain_particles, relevance_table  # Captum is slow

    run = get_run(run_id)
    weights, task = performed(run_id, index, acts).weights, task_of(run.config)
    x, target = task.x_test[:IMAGES], task.y_test[:IMAGES]
    found = explain_particles(weights, x, target, run.shape)
    codes = np.zeros(run.shape.particles, dtype=np.uint8)
    share = relevance_table(found, codes, run.shape)["share"].to_numpy()
    return share, np.argsort(np.argsort(-np.nan_to_num(share), kind="stable"), kind="stable")


_STYLE = """<style>
.lens {display: flex; flex-wrap: wrap; gap: 0.75rem 1.5rem; font-size: 0.8rem}
.lens table {border-collapse: separate; border-spacing: 2px; font-variant-numeric: tabular-nums}
.lens caption {text-align: left; font-weight: 600; padding-bottom: 0.2rem}
.lens td {min-width: 3.1rem; padding: 0.15rem 0.3rem; text-align: right; border-radius: 3px}
</style>"""
_MEANING = ("1 if perfect", "0 if perfect", "0 if perfect", "0 if perfect", "scalar weight")


def _sheet(weights: np.ndarray, v: list[float]) -> str:
    """The particle's three matrices and its composite, as small tables; darker is larger."""
    parts = matrices(torch.from_numpy(np.array(weights)))
    top = float(np.nanmax(np.abs(weights), initial=1e-12))
    tables = []
    for number, part in enumerate(parts, start=1):
        values = np.atleast_2d(part[..., 0].numpy())
        name = f"W{number} ({len(values)}×{len(values[0])})"
        rows = ("".join(_cell(float(value), top) for value in row) for row in values)
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        tables.append(f"<table><caption>{name}</caption>{body}</table>")
    head = "".join(f"<td>v{index}</td>" for index in range(5))
    foot = "".join(f"<td><small>{text}</small></td>" for text in _MEANING)
    body = "".join(_cell(value, max(1.0, *map(abs, v))) for value in v)
    tables.append(
        f"<table><caption>Composite v = W3 W2 W1</caption><tr>{head}</tr><tr>{body}</tr>"
        f"<tr>{foot}</tr></table>"
    )
    return f"{_STYLE}<div class='lens'>{''.join(tables)}</div>"


def _cell(value: float, top: float) -> str:
    share = min(1.0, abs(value) / top) if np.isfinite(value) and top else 0.0
    ink = "#1B7837" if value > 0 else "#762A83"
    text = f"{value:.3f}".replace("-", "−") if np.isfinite(value) else "not finite"
    mixed = f"color-mix(in srgb, {ink} {45 * share:.0f}%, transparent)"
    return f"<td style='background: {mixed}'>{text}</td>"
