"""The numbers in the sentences of the pages, each worked out anew."""

import numpy as np
import pandas as pd
import pytest
from app_pages import alone, words
from streamlit.testing.v1 import AppTest

from srnn.analysis import attribution, dropout
from srnn.analysis.collapse import compare, scalars
from srnn.analysis.types import history_measures
from srnn.config import RunConfig
from srnn.figures.style import percent, points
from srnn.life import basins, replications
from srnn.life.fertility import spectral_radius
from srnn.life.recipes import Recipe, identity
from srnn.pruning.criteria import order_of
from srnn.pruning.masks import drop_first
from srnn.pruning.subject import Subject
from srnn.runs import Run, obtain
from srnn.tasks import Task, task_of
from srnn.vocabulary import DIVERGENT, IDENTITY, OTHER, SECOND_ORDER, ZERO, is_replicator
from ui import around
from ui.text import escape

EPSILON = 0.003
"""At which a network of three epochs has particles of several types."""


@pytest.fixture
def run(small: RunConfig) -> Run:
    return obtain(small.replace(seed=3))[0]


@pytest.fixture
def codes(run: Run) -> np.ndarray:
    found = history_measures(run.snapshots[-1:], run.encoding).codes(EPSILON)[0]
    assert {ZERO, IDENTITY, OTHER} <= set(found.tolist())
    return found


@pytest.fixture
def task(run: Run) -> Task:
    return task_of(run.config)


def said(file: str, run: Run, **address: str) -> str:
    """What a page says of a run."""
    return words(alone(f"pages/{file}.py", run=run.run_id, epsilon=str(EPSILON), **address))


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
        f"(the largest is {seen.largest_logit:.1f}), and 100.0\u00a0% of {seen.images} answers"
        in words
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


def test_compare_tells_the_best_and_how_many_replicate(small: RunConfig):
    small = small.replace(epochs=20)  # until some replicate
    configs = [small.replace(seed=3), small.replace(seed=4), small.replace(seed=3, alpha=0.1)]
    runs = [obtain(config)[0] for config in configs]
    counts, accuracies = [], []
    for run in runs:
        codes = history_measures(run.snapshots[-1:], run.encoding).codes()[
            0
        ]  # at 1e-05, whatever is asked
        counts.append(int(is_replicator(codes).sum()))
        accuracies.append(left(run, task_of(run.config), np.zeros(codes.size, dtype=bool)))
    best = runs[int(np.argmax(accuracies))]
    assert len(set(counts)) > 1 and len(set(accuracies)) == 3
    words = said("compare", best, compared=",".join(run.run_id for run in runs))
    assert (
        f"3 runs, 2 settings. Highest test accuracy: **{percent(max(accuracies))}** "
        f"({escape(best.name)}); replicators: {min(counts)} to {max(counts)}, each at its last "
        "epoch and epsilon 1e-05." in words
    )


def test_fates_of_clones_are_counted_and_what_is_kept_is_measured_near_the_parent():
    fates = ["back", "elsewhere", "elsewhere", "lost"]
    distances = {"before": [0.01, 0.02, 1, 2], "after": [0.005, 0.014, 9, 9]}
    words = around.clones(pd.DataFrame({"fate": fates, **distances}))[0]
    assert "Of 4 clones put at a distance" in words
    assert (
        "25.0\u00a0% come back, **50.0\u00a0% become another replicator**, 25.0\u00a0% become none"
        in words
    )
    assert f"parent {np.sqrt((0.5**2 + 0.7**2) / 2):.3f} of the distance is kept" in words


def test_the_line_between_two_counts_the_points_that_replicate():
    kinds = ["identity", "other", "identity", "zero", "divergent"]
    table = pd.DataFrame({"share": np.linspace(0, 1, 5), "type": kinds, "to_one": 1, "to_other": 2})
    assert "**40.0\u00a0%** of the points on the line" in around.between(table)[0]


def test_offspring_are_told_with_their_radii_and_their_rank_correlation():
    table = pd.DataFrame(
        {"radius": [4.0, 5.5, 9.25], "noise 0": [3, 9, 1], "noise 1e-05": [9, 2, 5]}
    )
    words = around.offspring(table)[0]
    assert "3 replicators, radius **4.00** to 9.2: none below 1, where errors shrink." in words
    assert "(rank correlation −0.50 at noise 1e−05)" in words
    assert "to 3.0: 1 below 1" in around.offspring(table.assign(radius=[0.9, 2, 3]))[0]


def test_drift_tells_how_far_forty_generations_lead():
    steps = np.arange(41.0)
    lineages = {"50 trainings a generation": 2 * steps, "no training": 2.0**steps}
    table = pd.concat(
        pd.DataFrame({"generation": steps, "distance": distance, "lineage": name})
        for name, distance in lineages.items()
    )
    assert "**4.0 times** as far after 40 generations as after 10" in around.drift(table)[0]


@pytest.fixture(scope="module")
def soup_lab() -> AppTest:
    return alone("pages/soup_lab.py")


def test_the_slice_counts_where_its_points_end(soup_lab: AppTest):
    recipe = Recipe()
    centre, axes = identity(recipe), basins.directions(recipe.weights, 0)
    codes, _ = basins.slice_map(centre, axes, recipe, 2.0)
    shares = [percent(float((codes == code).mean())) for code in (ZERO, DIVERGENT)]
    assert f"Of {codes.size:,} points {shares[0]} become zero and {shares[1]} diverge." in words(
        soup_lab
    )


def test_errors_of_the_hand_made_replicator_grow_as_the_lab_says(soup_lab: AppTest):
    recipe = Recipe()
    radius = spectral_radius(identity(recipe)[None], recipe)[0]
    assert f"grow **{radius:.0f}-fold** a generation" in words(soup_lab)
    soup_lab.segmented_control("around").set_value("Noise").run()
    assert f"**{np.log(10) / np.log(radius):.2f} generations** longer" in words(soup_lab)
    trials = replications.noise_trials(500)
    kept = [trials[noise][:, 1].mean() for noise in (1e-5, 1e-6, 1e-7)]  # not beyond float32
    assert np.diff(kept).mean() == pytest.approx(np.log(10) / np.log(radius), abs=0.2)
