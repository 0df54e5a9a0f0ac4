"""Metrics: how well predictions meet labels, in the metric's own sign.

Shapes: binary predictions are P(class 1), `(n,)`; multiclass ones are `(n, k)` with rows that
add up to one; regression ones are `(n,)`. Labels are codes or values, `(n,)`. Weights, `(n,)` and
above zero, count a row as so many; without them every row counts once. A metric that is
undefined on the rows given (one class only, no rows) is NaN rather than an error, because block
bootstraps and thin windows meet such rows by chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from scipy.stats import rankdata

_SMALLEST = 1e-15
_BOTH = frozenset({"binary", "multiclass"})
_BINARY = frozenset({"binary"})
_REGRESSION = frozenset({"regression"})

Weight = np.ndarray | None


class Score(Protocol):
    """Says how well predictions meet labels."""

    def __call__(self, y: np.ndarray, prediction: np.ndarray, weight: Weight = None) -> float:
        """Score rows; see the module for shapes."""


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
        `(labels, predictions, weights or None) -> float`; NaN where undefined.
    trained_as
        Name of the metric of `METRICS` that models are trained for; None for this one.
    decides
        Whether it looks at the class that is called, not at probabilities.
    takes_weight
        Whether rows may have weights.
    source
        What tells it from another metric of its name; empty in `METRICS`.
    """

    name: str
    tasks: frozenset[str]
    greater_is_better: bool
    needs: Literal["probability", "value"]
    score: Score
    trained_as: str | None = None
    decides: bool = False
    takes_weight: bool = True
    source: str = ""

    def gain(self, score: float) -> float:
        """Turn a score so that greater is better."""
        return score if self.greater_is_better else -score

    def is_better(self, challenger: float, champion: float) -> bool:
        """Say whether one score beats another."""
        return self.gain(challenger) > self.gain(champion)


def metrics_of(task: str) -> Mapping[str, Metric]:
    """Give the metrics that are defined for a task."""
    return {name: metric for name, metric in METRICS.items() if task in metric.tasks}


def roc_auc(y: np.ndarray, prediction: np.ndarray, weight: Weight = None) -> float:
    """Area under the ROC curve; for several classes the mean over one-versus-rest areas.

    Ties count half (the Mann-Whitney statistic), so 100,000 rows take one sort.

    Examples
    --------
    >>> roc_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    if prediction.ndim == 2:
        codes = range(prediction.shape[1])
        areas = [roc_auc(y == code, prediction[:, code], weight) for code in codes]
        defined = [area for area in areas if np.isfinite(area)]
        return float(np.mean(defined)) if defined else float("nan")
    positive = np.asarray(y) > 0
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    if weight is not None:
        return _weighted_area(positive, prediction, weight)
    rank_sum = float(rankdata(prediction)[positive].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def average_precision(y: np.ndarray, prediction: np.ndarray, weight: Weight = None) -> float:
    """Precision averaged over the recalls at which it is reached (no interpolation)."""
    positive = np.asarray(y) > 0
    if not positive.any():
        return float("nan")
    order = np.argsort(-prediction, kind="stable")
    descending = prediction[order]
    last_of_tie = np.append(np.flatnonzero(np.diff(descending)), len(descending) - 1)
    counted = np.ones(len(order)) if weight is None else weight[order]
    hits = np.cumsum(counted * positive[order])[last_of_tie]
    precision = hits / np.cumsum(counted)[last_of_tie]
    return float(np.sum(np.diff(hits, prepend=0) * precision) / hits[-1])


def log_loss(y: np.ndarray, prediction: np.ndarray, weight: Weight = None) -> float:
    """Mean negative logarithm of the probability given to what happened (natural log)."""
    return _mean(log_losses(y, prediction), weight)


def log_losses(y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Give what each row adds to the log loss."""
    return np.asarray(-np.log(np.clip(_chance_of_truth(y, prediction), _SMALLEST, 1.0)))


def brier(y: np.ndarray, prediction: np.ndarray, weight: Weight = None) -> float:
    """Mean squared distance between the probability of class 1 and what happened."""
    return _mean((np.asarray(y, float) - prediction) ** 2, weight)


def accuracy(y: np.ndarray, prediction: np.ndarray, weight: Weight = None) -> float:
    """Share of rows whose most probable class (binary: at one half) is the true one."""
    return _mean(decided(prediction) == y, weight)


def balanced_accuracy(y: np.ndarray, prediction: np.ndarray, weight: Weight = None) -> float:
    """Mean over the classes present of the share of their rows that were recognised."""
    counted = np.ones(len(y)) if weight is None else weight
    right = counted * (decided(prediction) == y)
    codes = np.asarray(y).astype(np.intp)
    totals = np.bincount(codes, weights=counted)
    present = totals > 0
    if not present.any():
        return float("nan")
    return float(np.mean(np.bincount(codes, weights=right)[present] / totals[present]))


def f1(y: np.ndarray, prediction: np.ndarray, weight: Weight = None) -> float:
    """Harmonic mean of precision and recall of class 1, decided at one half."""
    positive, called = np.asarray(y) > 0, decided(prediction) > 0
    counted = np.ones(len(positive)) if weight is None else weight
    denominator = float(counted @ positive + counted @ called)
    return float(2 * (counted @ (positive & called)) / denominator) if denominator else float("nan")


def mcc(y: np.ndarray, prediction: np.ndarray, weight: Weight = None) -> float:
    """Correlation of what is called with what is; 0 when one of them never varies.

    References
    ----------
    Gorodkin: Comparing two K-category assignments by a K-category correlation coefficient (2004),
    equation 8.
    """
    if not len(y):
        return float("nan")
    counted = np.ones(len(y)) if weight is None else weight
    truth, answer = np.asarray(y).astype(np.intp), decided(prediction)
    width = int(max(truth.max(), answer.max())) + 1
    of_truth, of_answer = (np.bincount(codes, counted, width) for codes in (truth, answer))
    total = counted.sum()
    agreed = float(counted @ (truth == answer)) * total - float(of_truth @ of_answer)
    spreads = (total**2 - of_truth @ of_truth) * (total**2 - of_answer @ of_answer)
    return float(agreed / np.sqrt(spreads)) if spreads > 0 else 0.0


def rmse(y: np.ndarray, prediction: np.ndarray, weight: Weight = None) -> float:
    """Root of the mean squared error, in the label's unit."""
    return float(np.sqrt(_mean((y - prediction) ** 2, weight)))


def mae(y: np.ndarray, prediction: np.ndarray, weight: Weight = None) -> float:
    """Mean absolute error, in the label's unit."""
    return _mean(np.abs(y - prediction), weight)


def r2(y: np.ndarray, prediction: np.ndarray, weight: Weight = None) -> float:
    """Share of the labels' variance explained; NaN when the labels do not vary."""
    spread = _mean((y - _mean(y, weight)) ** 2, weight)
    return 1 - _mean((y - prediction) ** 2, weight) / spread if spread > 0 else float("nan")


def rmsle(y: np.ndarray, prediction: np.ndarray, weight: Weight = None) -> float:
    """Root of the mean squared difference of log(1 + x); negative predictions count as zero."""
    if not len(y) or np.min(y) <= -1:
        return float("nan")
    distance = np.log1p(y) - np.log1p(np.clip(prediction, 0.0, None))
    return float(np.sqrt(_mean(distance**2, weight)))


def _mean(values: np.ndarray, weight: Weight) -> float:
    if not len(values):
        return float("nan")
    return float(np.mean(values) if weight is None else np.average(values, weights=weight))


def _weighted_area(positive: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> float:
    """Weigh the pairs (positive, negative) in the right order by the product of their weights."""
    levels, places = np.unique(prediction, return_inverse=True)
    above, below = (
        np.bincount(places, weight * rows, minlength=len(levels)) for rows in (positive, ~positive)
    )
    in_order = above @ (np.cumsum(below) - below / 2)
    return float(in_order / (above.sum() * below.sum()))


def _chance_of_truth(y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    codes = np.asarray(y).astype(np.intp)
    if prediction.ndim == 2:
        chances: np.ndarray = prediction[np.arange(len(codes)), codes]
        return chances
    return np.where(codes > 0, prediction, 1.0 - prediction)


def decided(prediction: np.ndarray) -> np.ndarray:
    """Give the most probable class of each row; for two classes the second above one half."""
    return prediction.argmax(axis=1) if prediction.ndim == 2 else (prediction > 0.5).astype(int)


def _probability(name: str, tasks: frozenset[str], score: Score, *, greater: bool) -> Metric:
    return Metric(
        name=name, tasks=tasks, greater_is_better=greater, needs="probability", score=score
    )


def _decision(name: str, tasks: frozenset[str], score: Score) -> Metric:
    return replace(_probability(name, tasks, score, greater=True), decides=True)


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
        _decision("accuracy", _BOTH, accuracy),
        _decision("balanced_accuracy", _BOTH, balanced_accuracy),
        _decision("f1", _BINARY, f1),
        _decision("mcc", _BOTH, mcc),
        _value("rmse", rmse),
        _value("mae", mae),
        _value("r2", r2, greater=True),
        _value("rmsle", rmsle),
    )
}
