"""The numbers in the sentences of the pages about one network, each worked out anew."""

from __future__ import annotations

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from srnn.analysis import attribution, dropout
from srnn.analysis.collapse import compare, scalars
from srnn.analysis.types import type_history
from srnn.config import RunConfig
from srnn.figures.style import percent, points
from srnn.pruning import Subject, drop_first, order_of
from srnn.runs import Run, obtain
from srnn.tasks import Task, task_of
from srnn.vocabulary import IDENTITY, OTHER, SECOND_ORDER, ZERO, is_replicator
from ui.menu import ROOT

EPSILON = 0.003
"""At which a network of three epochs has particles of several types."""


@pytest.fixture
def run(small: RunConfig) -> Run:
    st.cache_data.clear()
    st.cache_resource.clear()
    return obtain(small.replace(seed=3))[0]


@pytest.fixture
def codes(run: Run) -> np.ndarray:
    found = type_history(run.snapshots[-1:], run.encoding, EPSILON)[0]
    assert {ZERO, IDENTITY, OTHER} <= set(found.tolist())
    return found


@pytest.fixture
def task(run: Run) -> Task:
    return task_of(run.config)


def said(file: str, run: Run, **address: str) -> str:
    """What a page says of a run."""
    app = AppTest.from_file(str(ROOT / "pages" / f"{file}.py"), default_timeout=60)
    app.query_params.update({"run": run.run_id, "epsilon": str(EPSILON), **address})
    app.run()
    assert not app.exception, [one.message for one in app.exception]
    return "\n".join(one.value for one in [*app.markdown, *app.caption])


def left(run: Run, task: Task, gone: np.ndarray) -> float:
    """Accuracy without some particles."""
    weights = dropout.drop(run.weights, gone)
    return dropout.accuracy_of(weights, task.x_test, task.y_test, run.shape)


def test_particle_types_counts_them(run: Run, codes: np.ndarray):
    zero, identity, second, other = (
        int((codes == code).sum()) for code in (ZERO, IDENTITY, SECOND_ORDER, OTHER)
    )
    words = said("particle_types", run)
    share = percent((zero + identity) / codes.size)
    assert f"After 3 epochs **{zero + identity} of {codes.size} particles ({share})**" in words
    assert f"replicators: {zero} zero + {identity} identity. {second} are second-order" in words
    assert f"{other} other, 0 divergent (epsilon 3e-03)" in words
    accuracy = run.records["test_accuracy"]
    assert (
        f"went from {percent(accuracy.iloc[0])} to **{percent(accuracy.iloc[-1])}** in 3 epochs"
        in words
    )


def test_connectivity_tells_the_accuracy_before_and_after(run: Run, codes: np.ndarray, task: Task):
    gone = is_replicator(codes)
    before, after = left(run, task, gone & False), left(run, task, gone)
    words = said("connectivity", run)
    assert f"**{gone.sum()} of {gone.size} connections** are replicators" in words
    assert f"from {percent(before)} to **{percent(after)}** ({points(after - before)})" in words
    assert f"{(~gone).sum()} survive." in words
    words = said("connectivity", run, keep="identity")
    kept = codes == IDENTITY
    only = left(run, task, ~kept)
    assert f"{kept.sum()} of {kept.size} connections are identity. Keeping only these" in words
    assert f"**{percent(only)}** ({points(only - before)})" in words


def test_the_dropout_test_is_after_minus_before(run: Run, codes: np.ndarray, task: Task):
    gone, workers = is_replicator(codes), codes == OTHER
    before, after = left(run, task, gone & False), left(run, task, gone)
    words = said("dropout_test", run, types="zero,other", layers="0", rank="0-25")
    assert (
        f"Without its **{gone.sum()} replicators** the network's accuracy changes by "
        f"**{points(after - before)}**; without its {workers.sum()} others "
        f"{percent(left(run, task, workers))} are left." in words
    )
    chosen = np.flatnonzero(np.isin(codes, (ZERO, OTHER)) & (run.shape.layer == 0))
    size = np.abs(scalars(run.weights[:, chosen]))
    rank = np.argsort(np.argsort(size, kind="stable"), kind="stable")
    smallest = np.zeros(gone.size, dtype=bool)
    smallest[chosen[100 * rank / (len(chosen) - 1) <= 25]] = True
    chance = np.zeros(gone.size, dtype=bool)
    chance[np.random.default_rng(3).permutation(gone.size)[: smallest.sum()]] = True
    own, random = left(run, task, smallest), left(run, task, chance)
    assert (
        f"Without these **{smallest.sum()} particles** accuracy goes from {percent(before)} to "
        f"{percent(own)} (**{points(own - before)}**); without as many at random it changes by "
        f"{points(random - before)}." in words
    )


def test_membership_tells_the_layers_apart_and_the_largest_weight(
    run: Run, codes: np.ndarray, task: Task
):
    words, gone, first = said("membership", run), is_replicator(codes), run.shape.layer == 0
    assert (
        f"**{percent(gone[first].mean())}** of the particles are replicators, in the later layers "
        f"{percent(gone[~first].mean())}." in words
    )
    assert f"the largest is {np.abs(scalars(run.weights)).max():.2f} " in words
    seen = compare(run.weights, task.x_test[:500], run.shape)
    assert f"differ by at most **{seen.difference:.1e}**" in words
    assert (
        f"(the largest is {seen.largest_logit:.1f}), and 100.0 % of {seen.images} answers" in words
    )


def test_explain_shares_the_relevance_and_answers_a_picture(
    run: Run, codes: np.ndarray, task: Task
):
    x, y = task.x_test[:500], task.y_test[:500]
    size = np.abs(attribution.explain_particles(run.weights, x, y, run.shape)).mean(0)
    gone, share = is_replicator(codes), size / size.sum()
    words = said("explain", run, image="4")
    assert (
        f"Replicators are **{percent(gone.mean())}** of the particles and carry "
        f"**{percent(share[gone].sum())}** of the relevance." in words
    )
    assert f"carries {percent(share.max())} alone." in words
    answers = []
    for weights in (run.weights, dropout.drop(run.weights, gone)):
        logits = Subject(weights, run.encoding, run.shape, task).logits(None)[3]
        chances = logits.softmax(0)
        answers.append((int(chances.argmax()), percent(float(chances.max()))))
    (best, sure), (pruned, less) = answers
    assert (
        f"The network answers **{best}** ({sure}), without its replicators **{pruned}** ({less}); "
        f"it is a **{y[3]}**." in words
    )


def test_the_pruning_lab_drops_the_replicators_first(run: Run, codes: np.ndarray):
    one = Subject.of(run, EPSILON)
    count = int(is_replicator(codes).sum())
    before = one.accuracy()
    after = one.accuracy(drop_first(order_of("replicators", one), count))
    assert (
        f"**{count} of {one.particles} connections dropped** ({percent(count / one.particles)}), "
        f"replicators first: accuracy {percent(before)} → **{percent(after)}** "
        f"({points(after - before)})." in said("pruning_lab", run)
    )
