"""A MetaNet as a scikit-learn classifier: for pipelines, searches and anything built on them.

>>> from sklearn.datasets import load_digits
>>> x, y = load_digits(return_X_y=True)
>>> net = MetaNetClassifier(epochs=5, random_state=0).fit(x, y)
>>> before = net.score(x, y)
>>> replicators = net.census()["zero"] + net.census()["identity"]
>>> after = net.prune().score(x, y)
"""

import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from srnn.config import RunConfig, make_config
from srnn.engines import Engine, Problem, make_engine
from srnn.fixpoints import classify
from srnn.metanet import MacroShape, forward
from srnn.particles import initial_weights, position_encoding, scalar_weights
from srnn.vocabulary import EPSILON, count_types, is_replicator


@dataclass(kw_only=True, eq=False, repr=False)
class MetaNetClassifier(ClassifierMixin, BaseEstimator):
    """A MetaNet that learns to classify while its particles learn to replicate themselves.

    Recipe 2022-02 (see :mod:`srnn.config`), with defaults for a small table of data rather than
    the log's, and detached targets, with which particles stay alive. Features are scaled to 0..1
    by the range seen at the first fit, and a constant input of 1 is added to them, because MetaNets
    have no bias.

    Args:
        neurons: per hidden layer of a particle (h).
        depth: weight layers of the macro network, at least 2.
        width: cells of a hidden layer.
        activation: after every hidden layer: ``none``, ``relu`` or ``tanh``.
        residual: skips: ``none``, ``each`` or ``pairs``.
        alpha: weight of the replication loss against the task.
        lr: learning rate of both.
        momentum: of both.
        target_gradient: True (coupled): many particles die, and the network thins out; False
            (detached): hardly any does, and accuracy is higher.
        batch_size: samples per step.
        epochs: passes over the data in ``fit``; ``partial_fit`` makes one.
        settle_steps: replication-only steps at the end of ``fit``.
        random_state: seed of the initial weights and the order of the data.
        engine: an engine of :mod:`srnn.engines`.

    Attributes:
        classes_: the labels.
        weights_, momentum_: ``(n, P)`` float32, one column per particle.
        shape_: the macro network's shape.
        scaler_: how features are scaled.
        loss_curve_: mean cross-entropy of every epoch.
        n_iter_: epochs trained.

    If the training diverges, it ends with a warning and the last finite state.
    """

    neurons: int = 4
    depth: int = 2
    width: int = 20
    activation: str = "relu"
    residual: str = "none"
    alpha: float = 1.0
    lr: float = 0.05
    momentum: float = 0.9
    target_gradient: bool = False
    batch_size: int = 50
    epochs: int = 100
    settle_steps: int = 0
    random_state: int | np.random.RandomState | None = None
    engine: str = "auto"

    def fit(self, X: Any, y: Any) -> Self:
        """Train from the start, for ``epochs`` epochs, then settle.

        Raises:
            ValueError: a setting is out of range (:class:`srnn.config.ConfigError`), or the data
                are not a table of finite numbers with labels of at least two classes.
        """
        X, y = self._start(X, y, None)
        self._train(X, y, self.epochs, self.settle_steps)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Train one epoch on these samples; what was pruned stays dropped.

        ``classes`` names all labels; needed at the first call if ``y`` lacks some.

        Raises:
            ValueError: as :meth:`fit`, or ``y`` holds a label that is not among the classes.
        """
        if not hasattr(self, "weights_"):
            X, y = self._start(X, y, classes)
        else:
            if classes is not None and not np.array_equal(np.unique(classes), self.classes_):
                raise ValueError(f"classes = {classes} is not what it was at the first call")
            X, y = validate_data(self, X, y, reset=False)
        self._train(X, y, 1, 0)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities ``(samples, classes)``, the softmax of the logits."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        scalars = scalar_weights(torch.from_numpy(self.weights_).double())
        logits = forward(scalars, torch.from_numpy(self._inputs(X)), self.shape_)
        return torch.softmax(logits, -1).numpy()

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest label of every sample."""
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(1)]

    def census(self, epsilon: float = EPSILON) -> dict[str, int]:
        """How many particles are of each type (:mod:`srnn.fixpoints`)."""
        return count_types(self._types(epsilon))

    def prune(self, epsilon: float = EPSILON) -> Self:
        """Drop all replicators: their weights become zero, and stay zero in further training
        (a particle of zeros has no gradient)."""
        dropped = is_replicator(self._types(epsilon))
        self.weights_[:, dropped] = self.momentum_[:, dropped] = 0
        return self

    # --- inside ------------------------------------------------------------------------------

    def _types(self, epsilon: float) -> np.ndarray:
        check_is_fitted(self)
        encoding = torch.from_numpy(position_encoding(self.neurons))
        return classify(torch.from_numpy(self.weights_), encoding, epsilon)

    def _start(self, X: Any, y: Any, classes: Any) -> tuple[np.ndarray, np.ndarray]:
        """Checked data; and the untrained network for them."""
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        self.classes_ = np.unique(y if classes is None else classes)
        if len(self.classes_) < 2:
            raise ValueError("needs samples of at least 2 classes; these are of one class")
        config, inputs = self._config(), X.shape[1] + 1
        self._random = check_random_state(self.random_state)
        self.shape_ = MacroShape(
            inputs, self.depth, self.width, len(self.classes_), self.residual, self.activation
        )
        seed = int(self._random.randint(2**31 - 1))
        self.weights_ = initial_weights(config.neurons, self.shape_.particles, seed)
        self.momentum_ = np.zeros_like(self.weights_)
        self.scaler_ = MinMaxScaler().fit(X)
        self.loss_curve_: list[float] = []
        self.n_iter_ = 0
        return X, y

    def _config(self) -> RunConfig:
        """The settings, checked by the lab's own rules."""
        rest = ("settle_steps", "random_state", "engine")
        plain = {  # a search hands out NumPy's numbers
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in self.get_params().items()
            if name not in rest
        }
        return make_config(**plain)

    def _inputs(self, X: np.ndarray) -> np.ndarray:
        scaled = self.scaler_.transform(X)
        return np.concatenate([scaled, np.ones((len(X), 1), scaled.dtype)], 1, dtype=np.float64)

    def _train(self, X: np.ndarray, y: np.ndarray, epochs: int, settle: int) -> None:
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"y holds {unknown.tolist()}, which is not among the classes")
        config, inputs = self._config(), self._inputs(X).astype(np.float32)
        problem = Problem.on(config, self.shape_, inputs, np.searchsorted(self.classes_, y))
        engine = make_engine(self.engine, problem, self.weights_[None], self.momentum_[None])
        for _ in range(epochs):
            order = self._random.permutation(len(X))
            log = engine.train(order, min(config.batch_size, len(X)), np.array([True]))
            if not self._keep(engine):
                break
            self.loss_curve_.append(float(log.task.mean()))
            self.n_iter_ += 1
        else:
            if settle:
                engine.replicate(settle)
                self._keep(engine)

    def _keep(self, engine: Engine) -> bool:
        """Take over the engine's state, if it is finite."""
        weights, momentum = engine.weights()[0], engine.momentum()[0]
        fine = bool(np.isfinite(weights).all() and np.isfinite(momentum).all())
        if fine:
            self.weights_, self.momentum_ = weights, momentum
        else:
            warnings.warn(
                f"a particle diverged in epoch {self.n_iter_ + 1}; the state before it is kept. "
                "A smaller lr or alpha may help.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return fine
