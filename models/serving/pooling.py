"""Pooling: the predictions of members become one, by a weighted mean on one of two scales."""

from typing import Literal

import numpy as np

Pooling = Literal["mean", "log_odds"]
"""`mean`: of probabilities or values. `log_odds`: of the log odds of two classes, or of the
logarithms of several classes' probabilities, which add up to one again afterwards."""

LEAST = 1e-4
"""Probabilities are kept so far from 0 and 1 on the scale of log odds: one member that is sure, as
a nearest neighbour is, must not outvote all others."""


def to_scale(
    prediction: np.ndarray, pooling: Pooling, matrix: np.ndarray | None = None
) -> np.ndarray:
    """Bring a member's prediction, `(n,)` or `(n, n_classes)`, to the scale of the mean.

    Parameters
    ----------
    matrix
        What each class's logarithm is worth for each class, of shape `(n_classes, n_classes)`.
    """
    if pooling == "mean":
        return prediction
    if prediction.ndim == 1:
        chances = np.clip(prediction, LEAST, 1 - LEAST)
        return np.asarray(np.log(chances) - np.log1p(-chances))
    logarithms = np.log(np.clip(prediction, LEAST, 1.0))
    return np.asarray(logarithms if matrix is None else logarithms @ matrix)


def from_scale(mean: np.ndarray, pooling: Pooling) -> np.ndarray:
    """Bring a mean back to what the members predict."""
    if pooling == "mean":
        return mean
    if mean.ndim == 1:
        return np.asarray(1 / (1 + np.exp(-mean)))
    shares = np.exp(mean - mean.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
