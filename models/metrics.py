"""Metrics: how well predictions meet labels, in the metric's own sign.

Shapes: binary predictions are P(class 1), `(n,)`; multiclass ones are `(n, k)` with rows that
add up to one; regression ones are `(n,)`. Labels are codes or values, `(n,)`. A metric that is
undefined on the rows given (one class only, no rows) is NaN rather than an error, because block
bootstraps and thin windows meet such rows by chance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import rankdata

_SMALLEST = 1e-15
_BOTH = frozenset({"binary", "multiclass"})
_BINARY = frozenset({"binary"})
_REGRESSION = frozenset({"regression"})

Score = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A named score.

    Attributes
    ----------
    tasks
        Tasks it is defined for.
    greater_is_better
        False for losses, whose values are reported as they are, not negated.
    needs
        `probability` or `value`: what a prediction must be.
    score
        `(labels, predictions) -> float`; NaN where undefined.
    """

    name: str
    tasks: frozenset[str]
    greater_is_better: bool
    needs: Literal["probability", "value"]
    score: Score

    def gain(self, score: float) -> float:
        """Turn a score so that greater is better."""
        return score if self.greater_is_better else -score

    def is_better(self, challenger: float, champion: float) -> bool:
        """Say whether one score beats another."""
        return self.gain(challenger) > self.gain(champion)


def metrics_of(task: str) -> Mapping[str, Metric]:
    """Give the metrics that are defined for a task."""
    return {name: metric for name, metric in METRICS.items() if task in metric.tasks}


def roc_auc(y: np.ndarray, prediction: np.ndarray) -> float:
    """Area under the ROC curve; for several classes the mean over one-versus-rest areas.

    Ties count half (the Mann-Whitney statistic), so 100,000 rows take one sort.

    Examples
    --------
    >>> roc_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    if prediction.ndim == 2:
        areas = [roc_auc(y == code, prediction[:, code]) for code in range(prediction.shape[1])]
        defined = [area for area in areas if np.isfinite(area)]
        return float(np.mean(defined)) if defined else float("nan")
    positive = np.asarray(y) > 0
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    rank_sum = float(rankdata(prediction)[positive].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def average_precision(y: np.ndarray, prediction: np.ndarray) -> float:
    """Precision averaged over the recalls at which it is reached (no interpolation)."""
    positive = np.asarray(y) > 0
    if not positive.any():
        return float("nan")
    order = np.argsort(-prediction, kind="stable")
    descending = prediction[order]
    last_of_tie = np.append(np.flatnonzero(np.diff(descending)), len(descending) - 1)
    hits = np.cumsum(positive[order])[last_of_tie]
    precision = hits / (last_of_tie + 1)
    return float(np.sum(np.diff(hits, prepend=0) * precision) / hits[-1])


def log_loss(y: np.ndarray, prediction: np.ndarray) -> float:
    """Mean negative logarithm of the probability given to what happened (natural log)."""
    chance = _chance_of_truth(y, prediction)
    return float(-np.mean(np.log(np.clip(chance, _SMALLEST, 1.0)))) if len(y) else float("nan")


def brier(y: np.ndarray, prediction: np.ndarray) -> float:
    """Mean squared distance between the probability of class 1 and what happened."""
    return float(np.mean((np.asarray(y, float) - prediction) ** 2)) if len(y) else float("nan")


def accuracy(y: np.ndarray, prediction: np.ndarray) -> float:
    """Share of rows whose most probable class (binary: at one half) is the true one."""
    return float(np.mean(_decided(prediction) == y)) if len(y) else float("nan")


def balanced_accuracy(y: np.ndarray, prediction: np.ndarray) -> float:
    """Mean over the classes present of the share of their rows that were recognised."""
    right = _decided(prediction) == y
    codes = np.asarray(y).astype(np.intp)
    totals = np.bincount(codes)
    present = totals > 0
    if not present.any():
        return float("nan")
    return float(np.mean(np.bincount(codes, weights=right)[present] / totals[present]))


def f1(y: np.ndarray, prediction: np.ndarray) -> float:
    """Harmonic mean of precision and recall of class 1, decided at one half."""
    positive, called = np.asarray(y) > 0, _decided(prediction) > 0
    denominator = int(positive.sum()) + int(called.sum())
    return float(2 * np.sum(positive & called) / denominator) if denominator else float("nan")


def rmse(y: np.ndarray, prediction: np.ndarray) -> float:
    """Root of the mean squared error, in the label's unit."""
    return float(np.sqrt(np.mean((y - prediction) ** 2))) if len(y) else float("nan")


def mae(y: np.ndarray, prediction: np.ndarray) -> float:
    """Mean absolute error, in the label's unit."""
    return float(np.mean(np.abs(y - prediction))) if len(y) else float("nan")


def r2(y: np.ndarray, prediction: np.ndarray) -> float:
    """Share of the labels' variance explained; NaN when the labels do not vary."""
    spread = float(np.sum((y - np.mean(y)) ** 2)) if len(y) else 0.0
    return float(1 - np.sum((y - prediction) ** 2) / spread) if spread > 0 else float("nan")


def rmsle(y: np.ndarray, prediction: np.ndarray) -> float:
    """Root of the mean squared difference of log(1 + x); negative predictions count as zero."""
    if not len(y) or np.min(y) <= -1:
        return float("nan")
    distance = np.log1p(y) - np.log1p(np.clip(prediction, 0.0, None))
    return float(np.sqrt(np.mean(distance**2)))


def _chance_of_truth(y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    codes = np.asarray(y).astype(np.intp)
    if prediction.ndim == 2:
        chances: np.ndarray = prediction[np.arange(len(codes)), codes]
        return chances
    return np.where(codes > 0, prediction, 1.0 - prediction)


def _decided(prediction: np.ndarray) -> np.ndarray:
    return prediction.argmax(axis=1) if prediction.ndim == 2 else (prediction > 0.5).astype(int)


def _probability(name: str, tasks: frozenset[str], score: Score, *, greater: bool) -> Metric:
    return Metric(
        name=name, tasks=tasks, greater_is_better=greater, needs="probability", score=score
    )


def _value(name: str, score: Score, *, greater: bool = False) -> Metric:
    return Metric(
        name=name, tasks=_REGRESSION, greater_is_better=greater, needs="value", score=score
    )


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        _probability("roc_auc", _BOTH, roc_auc, greater=True),
        _probability("average_precision", _BINARY, average_precision, greater=True),
        _probability("log_loss", _BOTH, log_loss, greater=False),
        _probability("brier", _BINARY, brier, greater=False),
        _probability("accuracy", _BOTH, accuracy, greater=True),
        _probability("balanced_accuracy", _BOTH, balanced_accuracy, greater=True),
        _probability("f1", _BINARY, f1, greater=True),
        _value("rmse", rmse),
        _value("mae", mae),
        _value("r2", r2, greater=True),
        _value("rmsle", rmsle),
    )
}
