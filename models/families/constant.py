"""The constant model: what can be said without looking at a row."""

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor

from models.families.family import Fit, FitTask, Parameters, Shape
from models.space import Space
from models.task import Problem


class Constant:
    """Class shares, or the constant that minimises the metric: the baseline of every search."""

    name = "constant"
    relative_cost = 0.0
    can_stop_early = False

    def portfolio(self, problem: Problem, shape: Shape) -> tuple[Parameters, ...]:
        """Give nothing: the search begins with this model anyway."""
        return ()

    def space(self, problem: Problem, shape: Shape) -> Space:
        """Vary nothing."""
        return {}

    def encoding(self, parameters: Parameters) -> None:
        """Take no columns."""
        return

    def fit(self, task: FitTask) -> Fit:
        """Remember the labels' centre."""
        if task.problem.is_classification:
            shares = DummyClassifier(strategy="prior")
            return Fit(estimator=shares.fit(task.X, task.y, sample_weight=task.weight))
        constant = DummyRegressor(strategy="constant", constant=_centre(task))
        return Fit(estimator=constant.fit(task.X, task.y))


def _centre(task: FitTask) -> float:
    if task.problem.metric == "mae":
        return _median(task.y, task.weight)
    if task.problem.metric == "rmsle":
        return float(np.expm1(np.average(np.log1p(task.y), weights=task.weight)))
    return float(np.average(task.y, weights=task.weight))


def _median(y: np.ndarray, weight: np.ndarray | None) -> float:
    """Give the value with as much weight below as above."""
    if weight is None:
        return float(np.median(y))
    order = np.argsort(y, kind="stable")
    heavier = np.cumsum(weight[order]) >= weight.sum() / 2
    return float(y[order][np.argmax(heavier)])
