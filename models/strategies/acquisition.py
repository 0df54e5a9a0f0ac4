"""Acquisitions: how promising a point is, from what is expected there and how surely.

References
----------
Mockus: On Bayesian Methods for Seeking the Extremum (1975), expected improvement.
Srinivas, Krause, Kakade, Seeger: Gaussian Process Optimization in the Bandit Setting (ICML 2010),
the upper confidence bound.
"""

import numpy as np
from scipy.stats import norm

CONFIDENCE = 2.0
"""Deviations above the mean; the theory's grows with the trials, practice keeps it about here."""


def expected_improvement(mean: np.ndarray, deviation: np.ndarray, best: float) -> np.ndarray:
    """Give how far above the best a point is expected to come, counting what is below as 0.

    Examples
    --------
    >>> expected_improvement(np.array([0.0, 1.0]), np.array([0.0, 0.0]), 0.5)
    array([0. , 0.5])
    """
    above = mean - best
    safe = np.where(deviation > 0, deviation, 1.0)
    z = above / safe
    improvement = above * norm.cdf(z) + safe * norm.pdf(z)
    return np.where(deviation > 0, improvement, np.maximum(above, 0.0))


def upper_confidence_bound(mean: np.ndarray, deviation: np.ndarray, best: float) -> np.ndarray:
    """Give what a point may well reach."""
    return np.asarray(mean + CONFIDENCE * deviation)
