"""Support vector machines with a Gaussian kernel, for small data: a fit costs rows squared.

References
----------
Cortes, Vapnik: Support-Vector Networks (Machine Learning 20, 1995). Platt: Probabilistic Outputs
for Support Vector Machines (1999), for the sigmoid from distances to probabilities. C and gamma
vary as in auto-sklearn's space, gamma relative to scikit-learn's `scale`.
"""

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from models.families.encodings import (
    scaled_encoding,
    selection_space,
    usual_selection,
    usual_words,
    word_space,
)
from models.families.family import Fit, FitTask, Parameters, Shape
from models.preprocessing import Encoding
from models.space import Real, Space
from models.task import Problem

MAX_ROWS = 3_000
MAX_COLUMNS = 200
N_FOLDS = 3
CACHE_MEGABYTES = 200


class SupportVectors:
    """Smooth borders; strong on small numeric tables."""

    name = "support_vectors"
    relative_cost = 2.0
    can_stop_early = False

    def portfolio(self, problem: Problem, shape: Shape) -> tuple[Parameters, ...]:
        """Give the usual cost and width; nothing on larger data."""
        if not _applies(shape):
            return ()
        return ({"cost": 1.0, "width": 1.0, **usual_selection(shape), **usual_words(shape)},)

    def space(self, problem: Problem, shape: Shape) -> Space:
        """Vary the cost of errors and gamma, in multiples of one over the total variance."""
        if not _applies(shape):
            return {}
        return {
            "cost": Real(low=0.03, high=300.0, log=True),
            "width": Real(low=0.03, high=10.0, log=True),
            **selection_space(shape),
            **word_space(shape),
        }

    def encoding(self, parameters: Parameters) -> Encoding:
        """Take normal scores: distances are not ruled by outliers."""
        return scaled_encoding(parameters)

    def fit(self, task: FitTask) -> Fit:
        """Fit on standardised targets, or fit and learn probabilities out of fold."""
        usual = {
            "C": float(task.parameters["cost"]),
            "gamma": float(task.parameters["width"]) / max(1e-9, task.X.shape[1] * task.X.var()),
            "cache_size": CACHE_MEGABYTES,
        }
        if not task.problem.is_classification:
            machine = TransformedTargetRegressor(SVR(**usual), transformer=StandardScaler())
            return Fit(estimator=machine.fit(task.X, task.y, sample_weight=task.weight))
        rows = _with_every_class_often(task.y)
        weight = None if task.weight is None else task.weight[rows]
        calibrated = CalibratedClassifierCV(SVC(**usual), ensemble=False, cv=N_FOLDS)
        return Fit(estimator=calibrated.fit(task.X[rows], task.y[rows], sample_weight=weight))


def _applies(shape: Shape) -> bool:
    return shape.n_rows <= MAX_ROWS and shape.n_columns <= MAX_COLUMNS


def _with_every_class_often(y: np.ndarray) -> np.ndarray:
    """Give the positions of all rows, those of classes with too few rows for the folds again."""
    labels, counts = np.unique(y, return_counts=True)
    more = [
        np.resize(np.flatnonzero(y == label), N_FOLDS - count)
        for label, count in zip(labels, counts, strict=True)
        if count < N_FOLDS
    ]
    return np.concatenate([np.arange(len(y)), *more])
