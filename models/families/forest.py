"""Forests of scikit-learn: what growing and storing them has in common."""

from typing import Any

import numpy as np

from models.families.family import Fit, FitTask

MAX_LEAVES = 2_000
"""Per tree: 100 trees of 4,000 nodes of about 70 bytes stay below 30 MB."""

MAX_ROWS_PER_TREE = 25_000
"""A tree sees at most this many rows, drawn anew for each: the cost is bounded, the trees differ
more (80,000 rows × 100 columns, 50 extremely randomised trees: 3 instead of 12 CPU seconds)."""

MANY_CELLS = 2_000_000


def grow(kind: Any, task: FitTask, *, bootstrap: bool) -> Fit:
    """Grow a forest of a kind; one with `bootstrap` draws rows for every tree even of few."""
    few = len(task.X) <= MAX_ROWS_PER_TREE
    estimator = kind(
        n_estimators=int(task.parameters["n_trees"]),
        min_samples_leaf=int(task.parameters["min_rows_in_leaf"]),
        max_features=float(task.parameters["feature_fraction"]),
        max_leaf_nodes=None if len(task.X) < MAX_LEAVES else MAX_LEAVES,
        bootstrap=bootstrap or not few,
        max_samples=None if few else MAX_ROWS_PER_TREE,
        n_jobs=task.n_threads,
        random_state=task.seed,
    )
    # float32 is what the trees work on; converted once here instead of inside every call.
    estimator.fit(np.asarray(task.X, dtype=np.float32), task.y, sample_weight=task.weight)
    # Served from one thread: starting threads costs a small batch more than it gains.
    estimator.set_params(n_jobs=1)
    return Fit(estimator=estimator)
