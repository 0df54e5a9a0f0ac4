"""Losses: how wrong each prediction turned out, one bounded number per row."""

import numpy as np


def row_losses(scores: np.ndarray, labels: np.ndarray, *, are_probabilities: bool) -> np.ndarray:
    """Return the Brier score of probabilities, the absolute error of values, shape (n_rows,).

    Both are proper or robust, and neither lets one row outweigh a day: the logarithmic loss of a
    sure and wrong prediction does.

    Parameters
    ----------
    scores
        Shape (n_rows,) or, for several classes, (n_rows, n_classes).
    labels
        Known labels: 0 or 1, codes of classes, or values, shape (n_rows,).
    are_probabilities
        Whether the task is a classification.

    Examples
    --------
    >>> row_losses(np.array([0.9, 0.9]), np.array([1.0, 0.0]), are_probabilities=True).round(2)
    array([0.01, 0.81])
    """
    if scores.ndim == 2:
        hit = np.eye(scores.shape[1])[labels.astype(int)]
        return np.asarray(((scores - hit) ** 2).sum(axis=1) / 2)
    off = scores - labels
    return np.asarray(off**2 if are_probabilities else np.abs(off))
