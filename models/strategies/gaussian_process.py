"""A Gaussian process with a Matérn kernel, one length per column.

References
----------
Rasmussen, Williams: Gaussian Processes for Machine Learning (2006), chapters 2 and 5.
Snoek, Larochelle, Adams: Practical Bayesian Optimization of Machine Learning Algorithms (NIPS
2012), for the Matérn kernel of order 5/2.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

MAX_STEPS = 25
"""Of the search for the kernel's parameters: the cost of a proposal stays bounded."""

MAX_POINTS = 200
"""The cost grows with the cube of the points: of more, the best half and the newest are kept."""

_LENGTHS = (0.1, 10.0)
_NOISE = (1e-4, 1.0)


class GaussianProcess:
    """Scikit-learn's regressor, with a bounded search for the kernel's parameters."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def fit(self, X: np.ndarray, gains: np.ndarray) -> None:
        """Learn the kernel's parameters by maximum likelihood, from one start."""
        kept = _kept(gains)
        n_columns = X.shape[1]
        kernel = ConstantKernel(1.0, (0.05, 20.0)) * Matern(
            length_scale=np.full(n_columns, 1.0), length_scale_bounds=_LENGTHS, nu=2.5
        ) + WhiteKernel(0.05, _NOISE)
        self._model = GaussianProcessRegressor(
            kernel=kernel, optimizer=_optimize, random_state=self._seed
        )
        with warnings.catch_warnings():
            # A length at its bound is an answer: the column does not matter.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._model.fit(X[kept], gains[kept])

    def predict(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give mean and deviation, without the noise of a single trial."""
        mean, deviation = self._model.predict(X, return_std=True)
        noise = float(self._model.kernel_.k2.noise_level)
        return mean, np.sqrt(np.maximum(deviation**2 - noise, 1e-12))


def _kept(gains: np.ndarray) -> np.ndarray:
    if len(gains) <= MAX_POINTS:
        return np.arange(len(gains))
    best = np.argsort(-gains, kind="stable")[: MAX_POINTS // 2]
    newest = np.setdiff1d(np.arange(len(gains)), best)[-(MAX_POINTS - len(best)) :]
    return np.sort(np.concatenate([best, newest]))


def _optimize(
    objective: Callable[..., Any], start: np.ndarray, bounds: np.ndarray
) -> tuple[np.ndarray, float]:
    found = minimize(
        objective, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": MAX_STEPS}
    )
    return found.x, float(found.fun)
