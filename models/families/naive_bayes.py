"""Naive Bayes: a normal distribution per class and column, as if columns were independent.

Classification of small data only: there its few parameters are an advantage.
"""

from sklearn.naive_bayes import GaussianNB

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

MAX_ROWS = 10_000


class NaiveBayes:
    """Instant and crude; its columns are normal scores, so that normal is what they are."""

    name = "naive_bayes"
    relative_cost = 0.3
    can_stop_early = False

    def portfolio(self, problem: Problem, shape: Shape) -> tuple[Parameters, ...]:
        """Give one smoothing; nothing for regression or larger data."""
        if not _applies(problem, shape):
            return ()
        return ({"smoothing": 1e-2, **usual_selection(shape), **usual_words(shape)},)

    def space(self, problem: Problem, shape: Shape) -> Space:
        """Vary the share of the largest variance that is added to all, and the columns."""
        if not _applies(problem, shape):
            return {}
        smoothing = Real(low=1e-4, high=1.0, log=True)
        return {"smoothing": smoothing, **selection_space(shape), **word_space(shape)}

    def encoding(self, parameters: Parameters) -> Encoding:
        """Take normal scores, which naive Bayes assumes."""
        return scaled_encoding(parameters)

    def fit(self, task: FitTask) -> Fit:
        """Take means and variances per class."""
        smoothing = float(task.parameters["smoothing"])
        estimator = GaussianNB(var_smoothing=smoothing)
        return Fit(estimator=estimator.fit(task.X, task.y, sample_weight=task.weight))


def _applies(problem: Problem, shape: Shape) -> bool:
    return problem.is_classification and shape.n_rows <= MAX_ROWS
