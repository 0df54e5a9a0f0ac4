"""K nearest neighbours: rows like this one, the nearer the weightier. For small data.

Rows that count more than others are kept more often: a row's copies follow its weight.

References
----------
AutoGluon and TabArena (arXiv 2506.16791) keep it as a partner in ensembles; alone it is among
their weakest. The space is theirs: 1 to 200 neighbours, weighted by distance or not.
"""

import numpy as np
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from models.families.encodings import (
    encoding_space,
    informative_columns,
    scaled_encoding,
    usual_encoding,
    usual_words,
    word_space,
)
from models.families.family import Fit, FitTask, Parameters, Shape
from models.preprocessing import Encoding
from models.space import Choice, Space, Whole
from models.task import Problem

MAX_ROWS = 10_000
MAX_CELLS = 500_000
"""The rows are the model: they are stored with it, and all of them are read for every answer."""


class Neighbours:
    """Local means; what it gets wrong is unlike what trees get wrong."""

    name = "neighbours"
    relative_cost = 0.5
    can_stop_early = False

    def portfolio(self, problem: Problem, shape: Shape) -> tuple[Parameters, ...]:
        """Give two dozen weighted neighbours, of some columns of many; nothing on larger data."""
        if not _applies(shape):
            return ()
        return (
            {
                "n_neighbours": 24,
                "weights": "distance",
                "scaling": "quantile",
                **usual_encoding(shape),
                **informative_columns(shape),
                **usual_words(shape),
            },
        )

    def space(self, problem: Problem, shape: Shape) -> Space:
        """Vary their number and weights, and the scaling that says what is near."""
        if not _applies(shape):
            return {}
        return {
            "n_neighbours": Whole(low=1, high=200, log=True),
            "weights": Choice(options=("distance", "uniform")),
            "scaling": Choice(options=("quantile", "standard")),
            **encoding_space(shape),
            **word_space(shape),
        }

    def encoding(self, parameters: Parameters) -> Encoding:
        """Follow the scaling."""
        return scaled_encoding(parameters)

    def fit(self, task: FitTask) -> Fit:
        """Keep the rows; there are never more neighbours than a third of them."""
        kind = KNeighborsClassifier if task.problem.is_classification else KNeighborsRegressor
        neighbours = kind(
            n_neighbors=max(1, min(int(task.parameters["n_neighbours"]), len(task.X) // 3)),
            weights=str(task.parameters["weights"]),
            # NOTE: a tree of rows would be faster in few dimensions, but is no plain array and
            # could not be stored among trusted types.
            algorithm="brute",
        )
        rows = _as_often_as_they_count(task)
        return Fit(estimator=neighbours.fit(task.X[rows], task.y[rows]))


def _as_often_as_they_count(task: FitTask) -> np.ndarray:
    """Draw as many rows as there are, each as often as its weight says, to within one.

    Systematic resampling: one random start, then even steps through the cumulated weights.
    """
    n_rows = len(task.X)
    if task.weight is None:
        return np.arange(n_rows)
    start = np.random.default_rng(task.seed).random()
    marks = (start + np.arange(n_rows)) * task.weight.sum() / n_rows
    drawn = np.searchsorted(np.cumsum(task.weight), marks, side="right")
    return np.asarray(np.minimum(drawn, n_rows - 1))


def _applies(shape: Shape) -> bool:
    return shape.n_rows <= MAX_ROWS and shape.n_cells <= MAX_CELLS
