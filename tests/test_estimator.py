"""MetaNetClassifier as a member of scikit-learn's family."""

import io
import os
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from srnn import MetaNetClassifier
from srnn.config import ConfigError

X, Y = load_digits(return_X_y=True)
TRAIN, TEST = slice(0, 1400), slice(1400, None)


@pytest.fixture(scope="module")
def trained() -> MetaNetClassifier:
    net = MetaNetClassifier(epochs=40, settle_steps=1000, random_state=0)
    return net.fit(X[TRAIN], Y[TRAIN])


def test_scikit_learn_accepts_it_without_exemptions():
    """All of its checks, also that of arrays of other libraries, which this variable turns on."""
    program = (
        "from sklearn.utils.estimator_checks import check_estimator\n"
        "from srnn import MetaNetClassifier\n"
        "done = check_estimator(MetaNetClassifier(), on_skip=None, on_fail='raise')\n"
        "assert {check['status'] for check in done} == {'passed'} and len(done) > 40\n"
    )
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, env=environment
    )
    assert ended.returncode == 0, ended.stderr.decode()[-2000:]


def test_importing_the_package_imports_neither_torch_nor_scikit_learn():
    program = "import srnn, sys; print({'torch', 'sklearn', 'numpy', 'pandas'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert said.stdout.decode().strip() == "set()"
    import srnn

    assert srnn.__all__ == ["MetaNetClassifier"]
    with pytest.raises(AttributeError, match="no attribute 'MetaNet'"):
        srnn.MetaNet  # noqa: B018


def test_it_learns_and_its_settled_replicators_carry_the_task(trained):
    assert trained.score(X[TEST], Y[TEST]) > 0.85
    assert trained.n_iter_ == 40 and trained.loss_curve_[-1] < trained.loss_curve_[0] / 3
    types = trained.census()
    assert sum(types.values()) == 65 * 20 + 20 * 10
    assert types["zero"] + types["identity"] > 1300


def test_pruning_drops_replicators_and_further_training_leaves_them_dropped():
    net = MetaNetClassifier(epochs=20, target_gradient=True, random_state=0).fit(X[TRAIN], Y[TRAIN])
    before = net.census(1e-4)
    dropped = before["zero"] + before["identity"]
    assert 100 < dropped < 1400
    weights = net.prune(1e-4).weights_.copy()
    dead = (weights == 0).all(0)
    assert dead.sum() == dropped
    net.partial_fit(X[TRAIN], Y[TRAIN])
    assert (net.weights_[:, dead] == 0).all() and not np.array_equal(net.weights_, weights)


def test_probabilities_are_of_the_labels_whatever_they_are_called():
    names = np.array(["even", "odd"])[Y % 2]
    net = MetaNetClassifier(epochs=20, random_state=1).fit(X[TRAIN], names[TRAIN])
    share = net.predict_proba(X[TEST])
    np.testing.assert_allclose(share.sum(1), 1)
    assert (net.predict(X[TEST]) == net.classes_[share.argmax(1)]).all()
    assert net.score(X[TEST], names[TEST]) > 0.8


def test_epochs_in_parts_are_a_fit():
    """Five partial fits visit the data in the same order as a fit of five epochs."""
    parts, whole = (MetaNetClassifier(epochs=5, random_state=3) for _ in range(2))
    for _ in range(5):
        parts.partial_fit(X[TRAIN], Y[TRAIN], classes=range(10))
    whole.fit(X[TRAIN], Y[TRAIN])
    assert np.array_equal(parts.weights_, whole.weights_) and parts.n_iter_ == 5
    with pytest.raises(ValueError, match="not among the classes"):
        parts.partial_fit(X[:2], [3, 12])
    with pytest.raises(ValueError, match="first call"):
        parts.partial_fit(X[:2], Y[:2], classes=range(11))


def test_pipelines_searches_and_joblib():
    pipeline = make_pipeline(StandardScaler(), MetaNetClassifier(epochs=8, random_state=0))
    search = GridSearchCV(
        pipeline, {"metanetclassifier__width": np.array([2, 16])}, cv=2, n_jobs=1
    ).fit(X[:600], Y[:600])
    assert search.best_params_ == {"metanetclassifier__width": 16}
    file = io.BytesIO()
    joblib.dump(search, file)
    file.seek(0)
    again = joblib.load(file)
    assert np.array_equal(again.predict_proba(X[TEST]), search.predict_proba(X[TEST]))
    scores = cross_val_score(MetaNetClassifier(epochs=8, random_state=0), X[:600], Y[:600], cv=2)
    assert scores.min() > 0.6


def test_a_divergence_ends_training_with_the_last_finite_state_and_a_warning():
    net = MetaNetClassifier(lr=10.0, alpha=1e4, epochs=5, random_state=0)
    with pytest.warns(ConvergenceWarning, match="diverged in epoch 1"):
        net.fit(X[:200], Y[:200])
    assert net.n_iter_ == 0 and np.isfinite(net.predict_proba(X[TEST])).all()


def test_settings_are_those_of_the_lab():
    with pytest.raises(ConfigError, match="depth = 1"):
        MetaNetClassifier(depth=1).fit(X[:50], Y[:50])
    with pytest.raises(ValueError, match="unknown engine"):
        MetaNetClassifier(engine="none").fit(X[:50], Y[:50])
