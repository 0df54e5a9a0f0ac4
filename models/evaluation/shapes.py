"""Shapes: how predictions lie against what happened, as tables and lines."""

import numpy as np

from models.blocks import Resamples
from models.evaluation.records import Band, Bin, Curve, Decile
from models.evaluation.scores import bounds

N_BINS = 10
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_OUTER = (0.1, 0.5, 0.9)
MAX_POINTS = 80
"""Of a curve: more cannot be seen, and a page carries them."""


def calibrate(y: np.ndarray, prediction: np.ndarray, resamples: Resamples) -> tuple[Bin, ...]:
    """Give tenths of the rows by their prediction, with what happened."""
    predicted, observed = prediction, y
    if prediction.ndim == 2:
        predicted = prediction.max(axis=1)
        observed = (prediction.argmax(axis=1) == y).astype(float)
    parts = np.array_split(np.argsort(predicted, kind="stable"), min(N_BINS, len(y)))
    return tuple(_bin(rows, predicted, observed, resamples) for rows in parts)


def _bin(
    rows: np.ndarray, predicted: np.ndarray, observed: np.ndarray, resamples: Resamples
) -> Bin:
    within = np.zeros(len(observed))
    within[rows] = 1.0
    sums = resamples.sums(np.column_stack([within * observed, within]))
    drawn = np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=sums[:, 1] > 0)
    low, high = bounds(drawn)
    return Bin(
        n=len(rows),
        predicted=float(predicted[rows].mean()),
        observed=float(observed[rows].mean()),
        low=low,
        high=high,
    )


def lift(y: np.ndarray, prediction: np.ndarray) -> tuple[Decile, ...]:
    """Give tenths of the rows, highest predictions first, with what they catch."""
    overall = float(np.mean(y))
    if overall == 0:
        return ()
    parts = np.array_split(y[np.argsort(-prediction, kind="stable")], min(N_BINS, len(y)))
    captured = np.cumsum([part.sum() for part in parts]) / y.sum()
    return tuple(
        Decile(
            n=len(part),
            rate=float(part.mean()),
            lift=float(part.mean() / overall),
            captured=float(share),
        )
        for part, share in zip(parts, captured, strict=True)
    )


def residuals(y: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """Give quantiles of label minus prediction."""
    values = np.quantile(y - prediction, QUANTILES)
    return {f"{quantile:.0%}": float(v) for quantile, v in zip(QUANTILES, values, strict=True)}


def roc_curve(y: np.ndarray, prediction: np.ndarray) -> Curve:
    """Give the share of negatives and of positives above each threshold."""
    hits, misses = _counted(y, prediction)
    if not hits[-1] or not misses[-1]:
        return Curve((), ())
    few = _few(len(hits))
    return Curve(
        _plain(np.append(0.0, misses[few] / misses[-1])),
        _plain(np.append(0.0, hits[few] / hits[-1])),
    )


def precision_recall_curve(y: np.ndarray, prediction: np.ndarray) -> Curve:
    """Give recall and precision above each threshold."""
    hits, misses = _counted(y, prediction)
    if not hits[-1]:
        return Curve((), ())
    few = _few(len(hits))
    return Curve(_plain(hits[few] / hits[-1]), _plain(hits[few] / (hits + misses)[few]))


def confusion(y: np.ndarray, prediction: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """Give for each class the shares of its rows that are called each class."""
    n_classes = prediction.shape[1]
    counts = np.zeros((n_classes, n_classes))
    np.add.at(counts, (y.astype(int), prediction.argmax(axis=1)), 1.0)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    return tuple(_plain(row) for row in shares)


def bands(y: np.ndarray, prediction: np.ndarray) -> tuple[Band, ...]:
    """Give label minus prediction for tenths of the predictions, lowest first."""
    parts = np.array_split(np.argsort(prediction, kind="stable"), min(N_BINS, len(y)))
    missed = y - prediction
    return tuple(
        Band(
            len(rows),
            float(prediction[rows].mean()),
            *map(float, np.quantile(missed[rows], _OUTER)),
        )
        for rows in parts
    )


def _counted(y: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count positives and negatives at or above each distinct prediction, highest first."""
    order = np.argsort(-prediction, kind="stable")
    last_of_tie = np.append(np.flatnonzero(np.diff(prediction[order])), len(order) - 1)
    positive = y[order] > 0
    return np.cumsum(positive)[last_of_tie], np.cumsum(~positive)[last_of_tie]


def _few(n_points: int) -> np.ndarray:
    return np.unique(np.linspace(0, n_points - 1, min(n_points, MAX_POINTS)).round().astype(int))


def _plain(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(round(value, 6)) for value in values)
