"""A small neural network: scikit-learn's multi-layer perceptron, epoch by epoch.

References
----------
Gorishniy et al.: Revisiting Deep Learning Models for Tabular Data (NeurIPS 2021), for the ranges
of width, rate and decay. Holzmüller et al.: Better by Default, RealMLP (NeurIPS 2024), for small
batches and robust scaling of the input; here it is each number's normal score.
"""

import time
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from models.families.encodings import (
    encoding_space,
    scaled_encoding,
    usual_encoding,
    usual_words,
    word_space,
)
from models.families.family import Fit, FitTask, Parameters, Shape
from models.metrics import log_loss, rmse
from models.preprocessing import Encoding
from models.space import Choice, Real, Space, Whole
from models.task import Problem

MAX_EPOCHS = 100
PATIENCE = 8
MIN_BATCH, MAX_BATCH = 16, 256
STEPS_PER_EPOCH = 50
"""Batches are as large as gives so many steps per epoch, between the limits."""

MAX_CELLS = 30_000_000


class Network:
    """Smooth where trees step; the partner with the most unlike errors."""

    name = "network"
    relative_cost = 6.0
    can_stop_early = True

    def portfolio(self, problem: Problem, shape: Shape) -> tuple[Parameters, ...]:
        """Give two layers; nothing on data so large that an epoch takes long."""
        if shape.n_cells > MAX_CELLS:
            return ()
        start: Parameters = {"width": 128, "n_layers": 2, "rate": 2e-3, "decay": 1e-2}
        usual = usual_encoding(shape) | usual_words(shape)
        return (start | {"scaling": "quantile"} | usual,)

    def space(self, problem: Problem, shape: Shape) -> Space:
        """Vary depth, width, learning rate, weight decay and the scaling."""
        if shape.n_cells > MAX_CELLS:
            return {}
        return {
            "width": Whole(low=16, high=256, log=True),
            "n_layers": Whole(low=1, high=3),
            "rate": Real(low=3e-4, high=1e-2, log=True),
            "decay": Real(low=1e-5, high=10.0, log=True),
            "scaling": Choice(options=("quantile", "standard")),
            **encoding_space(shape),
            **word_space(shape),
        }

    def encoding(self, parameters: Parameters) -> Encoding:
        """Follow the scaling."""
        return scaled_encoding(parameters)

    def fit(self, task: FitTask) -> Fit:
        """Train until the validation rows stop gaining, the given epochs, or the time.

        The weights of the best epoch are kept.
        """
        stop = time.monotonic() + task.seconds
        training = _Training(task)
        for _ in range(task.n_rounds or MAX_EPOCHS):
            training.run_epoch()
            if training.is_stale or time.monotonic() > stop:
                break
        return training.finish()


class _Training:
    """A perceptron while it is trained, with its best weights so far."""

    def __init__(self, task: FitTask) -> None:
        self._task = task
        # float32 halves the memory that every step reads.
        self._X = np.asarray(task.X, dtype=np.float32)
        self._valid = None if task.X_valid is None else np.asarray(task.X_valid, np.float32)
        self._classes = np.unique(task.y) if task.problem.is_classification else None
        self._centre, self._spread = 0.0, 1.0
        if self._classes is None:
            self._centre, self._spread = float(task.y.mean()), float(task.y.std()) or 1.0
        self._given = {} if task.weight is None else {"sample_weight": task.weight}
        self._estimator = _unfitted(task)
        self._epoch = self._best_epoch = 0
        self._least = float("inf")
        self._weights: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])

    @property
    def is_stale(self) -> bool:
        """Whether the loss has not fallen for a while."""
        return self._epoch - self._best_epoch >= PATIENCE

    def run_epoch(self) -> None:
        """See every row once; keep the weights when they are the best so far."""
        if self._classes is None:
            y = (self._task.y - self._centre) / self._spread
            self._estimator.partial_fit(self._X, y, **self._given)
        else:
            y, given = self._task.y, self._given
            self._estimator.partial_fit(self._X, y, classes=self._classes, **given)
        self._epoch += 1
        loss = self._loss()
        if loss < self._least or not self._best_epoch:
            self._least, self._best_epoch = loss, self._epoch
            self._weights = tuple(  # type: ignore[assignment]
                [array.copy() for array in arrays]
                for arrays in (self._estimator.coefs_, self._estimator.intercepts_)
            )

    def finish(self) -> Fit:
        """Give the network with its best weights, which answers in the target's own unit."""
        estimator, (weights, biases) = self._estimator, self._weights
        weights[-1] = weights[-1] * self._spread
        biases[-1] = biases[-1] * self._spread + self._centre
        estimator.coefs_, estimator.intercepts_ = weights, biases
        del estimator._optimizer, estimator._random_state  # of no use to a finished network
        return Fit(estimator=estimator, n_rounds=self._best_epoch)

    def _loss(self) -> float:
        """Measure validation rows; without any, every epoch is better than the one before."""
        if self._valid is None or self._task.y_valid is None:
            return -float(self._epoch)
        y, weight = self._task.y_valid, self._task.weight_valid
        if self._classes is None:
            y = (y - self._centre) / self._spread
            return rmse(y, self._estimator.predict(self._valid), weight)
        known = np.isin(y, self._classes)
        probability = self._estimator.predict_proba(self._valid[known])
        counted = None if weight is None else weight[known]
        return log_loss(np.searchsorted(self._classes, y[known]), probability, counted)


def _unfitted(task: FitTask) -> Any:
    parameters = task.parameters
    batch = np.clip(len(task.X) // STEPS_PER_EPOCH, MIN_BATCH, MAX_BATCH)
    kind = MLPClassifier if task.problem.is_classification else MLPRegressor
    return kind(
        hidden_layer_sizes=(int(parameters["width"]),) * int(parameters["n_layers"]),
        learning_rate_init=float(parameters["rate"]),
        alpha=float(parameters["decay"]),
        batch_size=int(min(len(task.X), batch)),
        random_state=task.seed,
    )
