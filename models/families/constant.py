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
            return Fit(estimator=DummyClassifier(strategy="prior").fit(task.X, task.y))
        constant = DummyRegressor(strategy="constant", constant=_centre(task))
        return Fit(estimator=constant.fit(task.X, task.y))


def _centre(task: FitTask) -> float:
    if task.problem.metric == "mae":
        return float(np.median(task.y))
    if task.problem.metric == "rmsle":
        return float(np.expm1(np.log1p(task.y).mean()))
    return float(task.y.mean())
