"""Scores with their intervals, of one set of predictions or of two on the same rows."""

import numpy as np

from models.blocks import Resamples
from models.errors import ModelError
from models.evaluation.records import Interval, PairedDifference
from models.metrics import METRICS
from models.resampled import resampled_scores
from models.sampling import Origin, Sampling, sample_rows
from models.task import Problem

_LOW, _HIGH = 2.5, 97.5


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
    classes = METRICS[metric].needs == "probability"
    sampling = sample_rows(y, Origin(cutoff_time=cutoff_time), seed=seed, classes=classes)
    return compare(y, prediction_a, prediction_b, metric, sampling)


def compare(
    y: np.ndarray,
    prediction_a: np.ndarray,
    prediction_b: np.ndarray,
    metric: str,
    sampling: Sampling,
) -> PairedDifference:
    """Say how much better a is than b over resamples that were drawn before.

    Raises
    ------
    ModelError
        When shapes differ, or predictions are not finite.
    """
    y = check_predictions(y, prediction_a)
    check_predictions(y, prediction_b)
    scoring = METRICS[metric]
    sign = 1.0 if scoring.greater_is_better else -1.0

    def differences(resamples: Resamples) -> np.ndarray:
        of_a = resampled_scores(metric, y, prediction_a, resamples)
        return np.asarray(sign * (of_a - resampled_scores(metric, y, prediction_b, resamples)))

    value = sign * (scoring.score(y, prediction_a) - scoring.score(y, prediction_b))
    return PairedDifference(*sampling.estimate(value, differences), sampling.level)


def constant_prediction(y: np.ndarray, problem: Problem) -> np.ndarray:
    """Give the constant that suits the metric best on these very rows: hard to beat fairly."""
    if problem.task == "multiclass":
        shares = np.bincount(y.astype(int), minlength=problem.n_outputs) / len(y)
        return np.tile(shares, (len(y), 1))
    if problem.metric == "f1":  # calling nobody scores nothing, calling everybody does
        return np.ones(len(y))
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


def score_interval(
    metric: str, y: np.ndarray, prediction: np.ndarray, resamples: Resamples
) -> Interval:
    """Score predictions, with the 95 % interval over resamples."""
    value = METRICS[metric].score(y, prediction)
    return Interval(value, *bounds(resampled_scores(metric, y, prediction, resamples)))


def bounds(drawn: np.ndarray) -> tuple[float, float]:
    """Give the ends of the 95 % interval of what was drawn; NaN where nothing is defined."""
    defined = drawn[np.isfinite(drawn)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.percentile(defined, [_LOW, _HIGH])
    return float(low), float(high)
