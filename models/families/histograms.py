"""Gradient boosting on histograms by scikit-learn: LightGBM's idea in another hand.

References
----------
Ke et al.: LightGBM (NIPS 2017), after which scikit-learn built it. The space is what LightGBM's
is in TabArena (arXiv 2506.16791), as far as the parameters exist here.
"""

import time
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from models.families.encodings import code_encoding, encoding_space, usual_encoding
from models.families.family import Fit, FitTask, Parameters, Shape
from models.preprocessing import Encoding
from models.space import Real, Space, Whole
from models.task import Problem

MAX_ROUNDS = 1_000
PATIENCE = 15
PROBE_ROUNDS = 10
"""What they take tells how many rounds there is time for: it cannot be stopped from outside."""


class Histograms:
    """Close to LightGBM, so it adds little beside it; it splits and samples a little otherwise."""

    name = "histograms"
    relative_cost = 3.0
    can_stop_early = True

    def portfolio(self, problem: Problem, shape: Shape) -> tuple[Parameters, ...]:
        """Give a robust start; the learning rate follows the size."""
        leaves, least = (31, 20) if shape.n_rows > 5_000 else (15, 10)
        return (
            {
                **usual_encoding(shape, repeated="number"),
                "learning_rate": 0.1 if shape.n_cells > 500_000 else 0.06,
                "num_leaves": leaves,
                "min_rows_in_leaf": least,
                "feature_fraction": 0.5,
                "l2": 1.0,
            },
        )

    def space(self, problem: Problem, shape: Shape) -> Space:
        """Vary the rate, the size of trees and leaves, sampled columns and the penalty."""
        return {
            "learning_rate": Real(low=0.03, high=0.3, log=True),
            "num_leaves": Whole(low=7, high=127, log=True),
            "min_rows_in_leaf": Whole(low=3, high=200, log=True),
            "feature_fraction": Real(low=0.2, high=1.0),
            "l2": Real(low=1e-3, high=100.0, log=True),
            **encoding_space(shape),
        }

    def encoding(self, parameters: Parameters) -> Encoding:
        """Take codes, and split them as numbers.

        NOTE: told of categories, scikit-learn keeps a function of its own beside the trees, which
        is no type to load with trust. LightGBM splits them as sets.
        """
        return code_encoding(parameters)

    def fit(self, task: FitTask) -> Fit:
        """Boost until the validation rows stop gaining, the given rounds, or the time."""
        limit = task.n_rounds or MAX_ROUNDS
        estimator = _unfitted(task)
        with threadpool_limits(task.n_threads, user_api="openmp"):
            start = time.monotonic()
            X = _without_empty_columns(task.X)
            _boost(estimator, X, task, min(PROBE_ROUNDS, limit))
            taken = time.monotonic() - start
            room = (task.seconds - taken) / (taken / PROBE_ROUNDS)
            rounds = int(min(limit, PROBE_ROUNDS + max(0.0, room)))
            if rounds > PROBE_ROUNDS:
                _boost(estimator, X, task, rounds)
        return Fit(estimator=estimator, n_rounds=int(estimator.n_iter_))


def _boost(estimator: Any, X: np.ndarray, task: FitTask, rounds: int) -> None:
    estimator.set_params(max_iter=rounds)
    if task.X_valid is None or task.y_valid is None:
        estimator.fit(X, task.y, sample_weight=task.weight)
        return
    known = np.ones(len(task.y_valid), dtype=bool)
    if task.problem.is_classification:
        known = np.isin(task.y_valid, task.y)  # a class that was not learnt cannot be judged
    estimator.fit(
        X,
        task.y,
        sample_weight=task.weight,
        X_val=task.X_valid[known],
        y_val=task.y_valid[known],
        sample_weight_val=None if task.weight_valid is None else task.weight_valid[known],
    )


def _without_empty_columns(X: np.ndarray) -> np.ndarray:
    """Fill columns that are missing throughout, in which scikit-learn 1.9 finds no bins.

    No tree splits them then, so what they hold later does not matter.
    """
    empty = np.isnan(X).all(axis=0)
    return np.where(empty, 0.0, X) if empty.any() else X


def _unfitted(task: FitTask) -> Any:
    given: dict[str, Any] = {
        "learning_rate": float(task.parameters["learning_rate"]),
        "max_leaf_nodes": int(task.parameters["num_leaves"]),
        "min_samples_leaf": int(task.parameters["min_rows_in_leaf"]),
        "max_features": float(task.parameters["feature_fraction"]),
        "l2_regularization": float(task.parameters["l2"]),
        "categorical_features": None,
        "early_stopping": task.X_valid is not None,
        "n_iter_no_change": PATIENCE,
        "tol": 0.0,
        "warm_start": True,
        "random_state": task.seed,
    }
    if task.problem.is_classification:
        return HistGradientBoostingClassifier(**given)
    loss = "absolute_error" if task.problem.metric == "mae" else "squared_error"
    return HistGradientBoostingRegressor(loss=loss, **given)
