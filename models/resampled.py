"""Scores on every resample at once: the metrics of `models.metrics` with weighted rows.

Most metrics are formulas of sums over rows, so sums per block suffice. The area under the ROC
curve is a bilinear form of the block counts `c`: AUC = cᵀU c / (cᵀp · cᵀq), where U[a, b] counts
the pairs (positive of block a, negative of block b) in the right order, ties half, and p, q
count positives and negatives per block. So 1,000 resamples cost one pass over the pairs' ranks.
"""

from collections.abc import Callable, Mapping

import numpy as np

from models.blocks import Resamples
from models.metrics import METRICS, decided

_SMALLEST = 1e-15
_MAX_CELLS = 262_144
"""Rows times resamples that are looked at together: what fits a processor's cache."""

Resampled = Callable[[np.ndarray, np.ndarray, Resamples], np.ndarray]


def resampled_scores(
    metric: str, y: np.ndarray, prediction: np.ndarray, resamples: Resamples
) -> np.ndarray:
    """Score every resample; shape `(n_resamples,)`, NaN where the metric is undefined.

    A metric without a formula here is scored resample by resample, which is slow but the same.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return RESAMPLED.get(metric, _one_by_one(metric))(y, prediction, resamples)


def _one_by_one(metric: str) -> Resampled:
    def scores(y: np.ndarray, prediction: np.ndarray, resamples: Resamples) -> np.ndarray:
        times = resamples.counts[:, resamples.codes].astype(np.intp)
        rows = np.arange(len(y))
        drawn = (np.repeat(rows, each) for each in times)
        return np.array([METRICS[metric].score(y[i], prediction[i]) for i in drawn])

    return scores


def _mean_of(loss: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Resampled:
    def scores(y: np.ndarray, prediction: np.ndarray, resamples: Resamples) -> np.ndarray:
        losses = np.asarray(loss(y, prediction), dtype=float)
        sums = resamples.sums(np.column_stack([losses, np.ones(len(y))]))
        return np.asarray(sums[:, 0] / sums[:, 1])

    return scores


def _root(scores: Resampled) -> Resampled:
    return lambda y, prediction, resamples: np.sqrt(scores(y, prediction, resamples))


def _balanced_accuracy(y: np.ndarray, prediction: np.ndarray, resamples: Resamples) -> np.ndarray:
    of_class = y.astype(int)[:, None] == np.unique(y).astype(int)
    right = of_class & (decided(prediction) == y)[:, None]
    recalls = resamples.sums(right) / resamples.sums(of_class)
    return _mean_of_defined(recalls)


def _f1(y: np.ndarray, prediction: np.ndarray, resamples: Resamples) -> np.ndarray:
    positive, called = y > 0, decided(prediction) > 0
    both, either = resamples.sums(
        np.column_stack([positive & called, positive.astype(int) + called])
    ).T
    return np.asarray(2 * both / either)


def _mcc(y: np.ndarray, prediction: np.ndarray, resamples: Resamples) -> np.ndarray:
    answer = decided(prediction)
    codes = np.arange(int(max(y.max(), answer.max())) + 1)
    truths, answers = (resamples.sums(each[:, None] == codes) for each in (y, answer))
    right = resamples.sums((y == answer)[:, None])[:, 0]
    total = truths.sum(axis=1)
    agreed = right * total - (truths * answers).sum(axis=1)
    squares = [total**2 - (each**2).sum(axis=1) for each in (truths, answers)]
    spread = np.sqrt(squares[0] * squares[1])
    return np.asarray(np.divide(agreed, spread, out=np.zeros(len(spread)), where=spread > 0))


def _r2(y: np.ndarray, prediction: np.ndarray, resamples: Resamples) -> np.ndarray:
    centred = y - np.mean(y)
    rows = np.column_stack([(y - prediction) ** 2, centred, centred**2, np.ones(len(y))])
    squared_error, total, total_squares, n = resamples.sums(rows).T
    return np.asarray(1 - squared_error / (total_squares - total**2 / n))


def _roc_auc(y: np.ndarray, prediction: np.ndarray, resamples: Resamples) -> np.ndarray:
    if prediction.ndim == 1:
        return _area(y > 0, prediction, resamples)
    areas = [_area(y == k, prediction[:, k], resamples) for k in range(prediction.shape[1])]
    return _mean_of_defined(np.column_stack(areas))


def _area(positive: np.ndarray, score: np.ndarray, resamples: Resamples) -> np.ndarray:
    pairs = _right_pairs(positive, score, resamples)
    counts = resamples.counts
    both = resamples.sums(np.column_stack([positive, ~positive]))
    in_order = np.einsum("ra,ra->r", counts @ pairs, counts)
    return np.asarray(in_order / (both[:, 0] * both[:, 1]))


def _right_pairs(positive: np.ndarray, score: np.ndarray, resamples: Resamples) -> np.ndarray:
    codes, n_blocks = resamples.codes, resamples.n_blocks
    of_positive, positive_score = codes[positive], score[positive]
    order = np.argsort(positive_score, kind="stable")
    of_positive, positive_score = of_positive[order], positive_score[order]
    pairs = np.zeros((n_blocks, n_blocks))
    negative_code, negative_score = codes[~positive], score[~positive]
    by_block = np.argsort(negative_code, kind="stable")
    ends = np.cumsum(np.bincount(negative_code, minlength=n_blocks))
    for block, rows in enumerate(np.split(by_block, ends[:-1])):
        below = np.sort(negative_score[rows])
        lower = np.searchsorted(below, positive_score, side="left")
        upper = np.searchsorted(below, positive_score, side="right")
        pairs[:, block] = np.bincount(of_positive, (lower + upper) / 2, minlength=n_blocks)
    return pairs


def _average_precision(y: np.ndarray, prediction: np.ndarray, resamples: Resamples) -> np.ndarray:
    """Go down the predictions with all resamples side by side.

    Precision is asked for where positives are. Rows are therefore taken in stretches that end
    with a tie (mostly a single row) that has positives.
    """
    order = np.argsort(-prediction, kind="stable")
    positive, codes = y[order] > 0, resamples.codes[order]
    ties = np.append(np.flatnonzero(np.diff(prediction[order])) + 1, len(order))
    ends = ties[np.diff(np.cumsum(positive)[ties - 1], prepend=0) > 0]
    starts, drawn = np.append(0, ends[:-1]), np.ascontiguousarray(resamples.counts.T)
    of_positive = codes[positive]
    hit_starts, hit_ends = (np.append(0, np.cumsum(positive))[at] for at in (starts, ends))
    seen, hits, total = np.zeros((3, drawn.shape[1]))
    step, first = max(1, _MAX_CELLS // drawn.shape[1]), 0
    while first < len(ends):
        last = max(first + 1, int(np.searchsorted(ends, starts[first] + step, side="right")))
        rows = _stretches(drawn, codes, starts[first:last], ends[last - 1])
        gained = _stretches(drawn, of_positive, hit_starts[first:last], hit_ends[last - 1])
        caught = np.cumsum(gained, axis=0) + hits
        reached = np.cumsum(rows, axis=0) + seen
        # Before the first row that was drawn there is nothing to be precise about.
        precision = np.divide(caught, reached, out=np.zeros_like(caught), where=reached > 0)
        total += np.einsum("sr,sr->r", gained, precision)
        seen, hits, first = reached[-1], caught[-1], last
    return np.asarray(total / hits)


def _stretches(drawn: np.ndarray, codes: np.ndarray, starts: np.ndarray, end: int) -> np.ndarray:
    """Count the rows of each stretch, the last of which ends at `end`, in every resample."""
    if len(starts) == 1:  # which may be all rows
        times = np.bincount(codes[starts[0] : end], minlength=len(drawn))
        return np.asarray(times @ drawn)[None]
    return np.add.reduceat(drawn[codes[starts[0] : end]], starts - starts[0], axis=0)


def _mean_of_defined(values: np.ndarray) -> np.ndarray:
    defined = np.isfinite(values)
    return np.asarray(np.where(defined, values, 0.0).sum(axis=1) / defined.sum(axis=1))


def _log_losses(y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    codes = y.astype(np.intp)
    if prediction.ndim == 2:
        chance = prediction[np.arange(len(codes)), codes]
    else:
        chance = np.where(codes > 0, prediction, 1.0 - prediction)
    return np.asarray(-np.log(np.clip(chance, _SMALLEST, 1.0)))


def _squared_logs(y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return np.asarray((np.log1p(y) - np.log1p(np.clip(prediction, 0.0, None))) ** 2)


_squares = _mean_of(lambda y, prediction: (y - prediction) ** 2)

RESAMPLED: Mapping[str, Resampled] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "log_loss": _mean_of(_log_losses),
    "brier": _squares,
    "accuracy": _mean_of(lambda y, prediction: decided(prediction) == y),
    "balanced_accuracy": _balanced_accuracy,
    "f1": _f1,
    "mcc": _mcc,
    "rmse": _root(_squares),
    "mae": _mean_of(lambda y, prediction: np.abs(y - prediction)),
    "r2": _r2,
    "rmsle": _root(_mean_of(_squared_logs)),
}
