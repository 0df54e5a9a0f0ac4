"""Extremely randomised trees: many random trees, averaged."""

from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

from models.families.family import Fit, FitTask, Parameters, Shape
from models.preprocessing import Encoding
from models.space import Real, Space, Whole
from models.task import Problem

MAX_LEAVES = 2_000
"""Per tree: 100 trees of 4,000 nodes of about 70 bytes stay below 30 MB."""

MAX_ROWS_PER_TREE = 25_000
"""A tree sees at most this many rows, drawn anew for each: the cost is bounded, the trees differ
more (80,000 rows × 100 columns, 50 trees: 3 instead of 12 CPU seconds)."""

MANY_CELLS = 2_000_000


class ExtraTrees:
    """Little to tune, errors unlike boosting's."""

    name = "extra_trees"
    relative_cost = 2.0
    can_stop_early = False

    def portfolio(self, problem: Problem, shape: Shape) -> tuple[Parameters, ...]:
        """Give trees whose leaves hold a few rows."""
        large = shape.n_cells > MANY_CELLS
        return (
            {
                "n_trees": 60 if large else 100,
                "min_rows_in_leaf": 5 if shape.n_rows > 5_000 else 2,
                "feature_fraction": 0.15 if large else 0.3,
            },
        )

    def space(self, problem: Problem, shape: Shape) -> Space:
        """Vary leaf size and the share of columns tried at a split."""
        return {
            "min_rows_in_leaf": Whole(low=1, high=60, log=True),
            "feature_fraction": Real(low=0.05, high=0.5 if shape.n_cells > MANY_CELLS else 1.0),
        }

    def encoding(self, parameters: Parameters) -> Encoding:
        """Take codes; scikit-learn's trees send missing numbers where they fit best."""
        return "ordinal"

    def fit(self, task: FitTask) -> Fit:
        """Grow the trees."""
        estimator = _unfitted(task)
        # float32 is what the trees work on; converted once here instead of inside every call.
        estimator.fit(np.asarray(task.X, dtype=np.float32), task.y)
        # Served from one thread: starting threads costs a small batch more than it gains.
        estimator.set_params(n_jobs=1)
        return Fit(estimator=estimator)


def _unfitted(task: FitTask) -> Any:
    few = len(task.X) <= MAX_ROWS_PER_TREE
    kind = ExtraTreesClassifier if task.problem.is_classification else ExtraTreesRegressor
    return kind(
        n_estimators=int(task.parameters["n_trees"]),
        min_samples_leaf=int(task.parameters["min_rows_in_leaf"]),
        max_features=float(task.parameters["feature_fraction"]),
        max_leaf_nodes=None if len(task.X) < MAX_LEAVES else MAX_LEAVES,
        bootstrap=not few,
        max_samples=None if few else MAX_ROWS_PER_TREE,
        n_jobs=task.n_threads,
        random_state=task.seed,
    )
