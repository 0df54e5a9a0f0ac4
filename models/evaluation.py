"""Evaluation: how good predictions are on rows nobody chose by, and how sure one can be."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from models.blocks import Resamples, draw_resamples
from models.errors import ModelError
from models.metrics import METRICS
from models.resampled import resampled_scores
from models.task import Problem

COMPANIONS: Mapping[str, tuple[str, ...]] = {
    "binary": ("roc_auc", "average_precision", "log_loss", "brier", "accuracy", "f1"),
    "multiclass": ("log_loss", "accuracy", "balanced_accuracy", "roc_auc"),
    "regression": ("rmse", "mae", "r2"),
}
N_BINS = 10
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_LOW, _HIGH = 2.5, 97.5


class Interval(NamedTuple):
    """A score with its 95 % interval (NaN where undefined)."""

    value: float
    low: float
    high: float


class PairedDifference(NamedTuple):
    """How much better a is than b on the same rows; above zero means better.

    For losses the sign is turned, so greater is better for every metric. `p` is two-sided.
    """

    difference: float
    low: float
    high: float
    p: float


class Bin(NamedTuple):
    """Rows with similar predictions: mean prediction, mean outcome and its 95 % interval.

    For multiclass the prediction is the chance of the likeliest class and the outcome whether
    it happened.
    """

    n: int
    predicted: float
    observed: float
    low: float
    high: float


class Decile(NamedTuple):
    """A tenth of the rows, highest predictions first.

    `lift` is its rate of positives over everybody's; `captured` the share of all positives in
    this and the earlier tenths.
    """

    n: int
    rate: float
    lift: float
    captured: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What predictions are worth on a set of rows.

    Attributes
    ----------
    metric
        The problem's metric; first in `scores`.
    scores
        Interval by metric name.
    baseline
        The metric's value for the best constant prediction.
    gain
        How much better than that constant, in the metric's better direction.
    blocks
        What was resampled as a whole: `"31 days"`.
    """

    metric: str
    n_rows: int
    blocks: str
    scores: Mapping[str, Interval]
    baseline: float
    gain: PairedDifference
    calibration: tuple[Bin, ...]
    lift: tuple[Decile, ...]
    residuals: Mapping[str, float]

    @property
    def score(self) -> Interval:
        """The problem's metric."""
        return self.scores[self.metric]

    def to_dict(self) -> dict[str, Any]:
        """Give the evaluation as JSON."""
        plain = asdict(self)
        plain["scores"] = {name: score._asdict() for name, score in self.scores.items()}
        plain["gain"] = self.gain._asdict()
        plain["calibration"] = [each._asdict() for each in self.calibration]
        plain["lift"] = [each._asdict() for each in self.lift]
        return plain


def evaluate(
    y: np.ndarray,
    prediction: np.ndarray,
    problem: Problem,
    cutoff_time: np.ndarray | None,
    seed: int,
) -> Evaluation:
    """Score predictions with block-bootstrap intervals.

    Parameters
    ----------
    prediction
        As the metrics take it: `(n_rows,)`, or `(n_rows, n_classes)` for multiclass.
    cutoff_time
        Days are drawn as blocks; None when rows have no time.

    Raises
    ------
    ModelError
        When there are no rows, shapes differ, or predictions are not finite.
    """
    y = check_predictions(y, prediction)
    resamples = draw_resamples(y, cutoff_time, seed=seed, classes=problem.is_classification)
    names = dict.fromkeys((problem.metric, *COMPANIONS[problem.task]))
    constant = constant_prediction(y, problem)
    return Evaluation(
        metric=problem.metric,
        n_rows=len(y),
        blocks=resamples.description,
        scores={name: _interval(name, y, prediction, resamples) for name in names},
        baseline=METRICS[problem.metric].score(y, constant),
        gain=_paired(problem.metric, y, prediction, constant, resamples),
        calibration=_calibrate(y, prediction, resamples),
        lift=_lift(y, prediction) if problem.task == "binary" else (),
        residuals=_residuals(y, prediction) if problem.task == "regression" else {},
    )


def paired_difference(
    y: np.ndarray,
    prediction_a: np.ndarray,
    prediction_b: np.ndarray,
    metric: str,
    cutoff_time: np.ndarray | None,
    seed: int,
) -> PairedDifference:
    """Say how much better a is than b on the same rows and the same resamples of them.

    Raises
    ------
    ModelError
        When shapes differ, or predictions are not finite.
    """
    y = check_predictions(y, prediction_a)
    check_predictions(y, prediction_b)
    classes = METRICS[metric].needs == "probability"
    resamples = draw_resamples(y, cutoff_time, seed=seed, classes=classes)
    return _paired(metric, y, prediction_a, prediction_b, resamples)


def constant_prediction(y: np.ndarray, problem: Problem) -> np.ndarray:
    """Give the constant that suits the metric best on these very rows: hard to beat fairly."""
    if problem.task == "multiclass":
        shares = np.bincount(y.astype(int), minlength=problem.n_outputs) / len(y)
        return np.tile(shares, (len(y), 1))
    if problem.metric == "mae":
        return np.full(len(y), np.median(y))
    if problem.metric == "rmsle":
        return np.full(len(y), np.expm1(np.mean(np.log1p(np.clip(y, 0, None)))))
    return np.full(len(y), np.mean(y))


def check_predictions(y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Refuse predictions that cannot be scored; give the labels as floats."""
    if len(y) == 0 or len(prediction) != len(y):
        raise ModelError(
            f"Expected as many predictions as labels and at least one, got {len(prediction)} "
            f"predictions for {len(y)} labels."
        )
    if not np.isfinite(prediction).all():
        bad = int((~np.isfinite(prediction)).sum())
        raise ModelError(f"Expected finite predictions, got {bad} that are NaN or infinite.")
    return np.asarray(y, dtype=float)


def _interval(metric: str, y: np.ndarray, prediction: np.ndarray, resamples: Resamples) -> Interval:
    value = METRICS[metric].score(y, prediction)
    return Interval(value, *_bounds(resampled_scores(metric, y, prediction, resamples)))


def _paired(
    metric: str, y: np.ndarray, a: np.ndarray, b: np.ndarray, resamples: Resamples
) -> PairedDifference:
    scoring = METRICS[metric]
    sign = 1.0 if scoring.greater_is_better else -1.0
    drawn = sign * (
        resampled_scores(metric, y, a, resamples) - resampled_scores(metric, y, b, resamples)
    )
    drawn = drawn[np.isfinite(drawn)]
    difference = sign * (scoring.score(y, a) - scoring.score(y, b))
    low, high = _bounds(drawn)
    tail = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return PairedDifference(difference, low, high, min(1.0, 2 * (tail + 1) / (len(drawn) + 1)))


def _bounds(drawn: np.ndarray) -> tuple[float, float]:
    defined = drawn[np.isfinite(drawn)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.percentile(defined, [_LOW, _HIGH])
    return float(low), float(high)


def _calibrate(y: np.ndarray, prediction: np.ndarray, resamples: Resamples) -> tuple[Bin, ...]:
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
    low, high = _bounds(drawn)
    return Bin(
        n=len(rows),
        predicted=float(predicted[rows].mean()),
        observed=float(observed[rows].mean()),
        low=low,
        high=high,
    )


def _lift(y: np.ndarray, prediction: np.ndarray) -> tuple[Decile, ...]:
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


def _residuals(y: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    values = np.quantile(y - prediction, QUANTILES)
    return {f"{quantile:.0%}": float(v) for quantile, v in zip(QUANTILES, values, strict=True)}
