"""A random forest whose trees disagree where little is known.

References
----------
Hutter, Hoos, Leyton-Brown: Sequential Model-Based Optimization for General Algorithm
Configuration (LION 2011), section 4.1; Lindauer et al.: SMAC3 (JMLR 2022).
"""

import numpy as np
from sklearn.ensemble import RandomForestRegressor

N_TREES = 30
FEATURE_SHARE = 5 / 6
"""Columns tried at a split, as in SMAC."""


class Forest:
    """Scikit-learn's forest: the mean of its trees, and their deviation."""

    def __init__(self, seed: int) -> None:
        self._model = RandomForestRegressor(
            n_estimators=N_TREES,
            max_features=FEATURE_SHARE,
            min_samples_split=3,
            random_state=seed,
            n_jobs=1,
        )

    def fit(self, X: np.ndarray, gains: np.ndarray) -> None:
        """Grow the trees, each on rows drawn with replacement."""
        self._model.fit(X, gains)

    def predict(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give mean and deviation over the trees."""
        inputs = X.astype(np.float32)
        trees = np.array([tree.predict(inputs) for tree in self._model.estimators_])
        return trees.mean(axis=0), trees.std(axis=0)
