"""Calibration: probabilities brought to what happened so often, by a line on their log odds."""

from dataclasses import dataclass

import numpy as np

SMALLEST = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A line on log odds (two classes), or a power of each probability (more).

    Attributes
    ----------
    slope
        Above zero; below one makes probabilities less extreme, above one more.
    intercept
        0 for more than two classes.

    References
    ----------
    Platt: Probabilistic Outputs for Support Vector Machines (1999). Guo et al.: On Calibration of
    Modern Neural Networks (ICML 2017), for the one slope of several classes ("temperature").
    """

    slope: float
    intercept: float = 0.0

    def apply(self, chances: np.ndarray) -> np.ndarray:
        """Calibrate P(class 1), shape (n,), or rows of probabilities, shape (n, n_classes)."""
        if chances.ndim == 1:
            odds = self.slope * log_odds(chances) + self.intercept
            return np.asarray(1 / (1 + np.exp(-odds)))
        powers = self.slope * np.log(np.clip(chances, SMALLEST, 1.0))
        shares = np.exp(powers - powers.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def log_odds(chances: np.ndarray) -> np.ndarray:
    """Give log(p / (1 - p)), bounded."""
    p = np.clip(chances, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(p) - np.log1p(-p))
