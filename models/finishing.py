"""Finishing: from an ensemble's mean to answers, by what out-of-fold rows say.

Probabilities are calibrated where that lowers the log loss of rows the calibration was not fitted
on. For a metric of decisions, the probability from which on the second class is called is tuned,
where that gains on rows it was not tuned on.

Notation: n out-of-fold rows, k classes; predictions are `(n,)` or `(n, k)`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from models.ensemble import OutOfFold
from models.metrics import Metric, log_losses
from models.serving.calibration import SMALLEST, Calibration, log_odds

HALF = 0.5
N_THRESHOLDS = 100
"""Midpoints between quantiles of the predictions that are tried as thresholds."""

FEW_THRESHOLDS = 25
"""For a metric of others, which may take a millisecond however few the rows."""

MAX_LOG_SLOPE, MAX_INTERCEPT = np.log(20), 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """What is done with an ensemble's mean.

    Attributes
    ----------
    calibration
        None where probabilities stay as they are.
    threshold
        Above it the second of two classes is called.
    log_losses
        Without and with calibration, each fold's by a calibration of the others.
    """

    calibration: Calibration | None = None
    threshold: float = HALF
    log_losses: tuple[float, float] | None = None

    def apply(self, prediction: np.ndarray) -> np.ndarray:
        """Give what is answered for a mean of members."""
        return prediction if self.calibration is None else self.calibration.apply(prediction)

    def score(self, metric: Metric, rows: OutOfFold, prediction: np.ndarray) -> float:
        """Score a mean of members after it was finished."""
        return rows.score(metric, called(self.apply(prediction), self.threshold))

    @property
    def sentence(self) -> str | None:
        """Say what calibration does; None where there is none."""
        if self.calibration is None or self.log_losses is None:
            return None
        line, (before, after) = self.calibration, self.log_losses
        what = f"log odds x {line.slope:.3g} {line.intercept:+.3g}"
        return f"probabilities calibrated ({what}): log loss {after:.4f} instead of {before:.4f}"


def finish(rows: OutOfFold, metric: Metric, prediction: np.ndarray) -> Finish:
    """Choose how the mean of an ensemble is finished.

    Parameters
    ----------
    prediction
        The mean on the out-of-fold rows; values are left as they are.
    """
    if metric.needs != "probability":
        return Finish()
    calibration, losses = _calibration(rows, metric, prediction)
    threshold = HALF
    if metric.decides and prediction.ndim == 1:
        chances = prediction if calibration is None else calibration.apply(prediction)
        threshold = _threshold(rows, metric, chances)
    return Finish(calibration=calibration, threshold=threshold, log_losses=losses)


def called(chances: np.ndarray, threshold: float) -> np.ndarray:
    """Give what a metric of decisions is asked about; probabilities as they are at one half."""
    return chances if threshold == HALF else (chances > threshold).astype(float)


def _calibration(
    rows: OutOfFold, metric: Metric, prediction: np.ndarray
) -> tuple[Calibration | None, tuple[float, float] | None]:
    """Calibrate if other rows gain more than their noise, and the metric loses nothing."""
    crossed = np.empty_like(prediction)
    for cut in rows.cuts():
        part = fit_calibration(cut.rest, prediction[cut.learned])
        crossed[cut.judged] = part.apply(prediction[cut.judged])
    before, after = (log_losses(rows.y, each) for each in (prediction, crossed))
    gained = before - after
    mean = float(np.average(gained, weights=rows.weight))
    noise = float(np.sqrt(np.average((gained - mean) ** 2, weights=rows.weight) / len(gained)))
    whole = fit_calibration(rows, prediction)
    scores = [rows.score(metric, each) for each in (prediction, crossed, whole.apply(prediction))]
    losing = any(metric.is_better(scores[0], each) for each in scores[1:])
    if not mean > noise or losing:
        return None, None
    told = (float(np.average(each, weights=rows.weight)) for each in (before, after))
    return whole, (next(told), next(told))


def fit_calibration(rows: OutOfFold, prediction: np.ndarray) -> Calibration:
    """Minimise the log loss over slope and, for two classes, intercept."""
    counted = np.ones(len(rows.y)) if rows.weight is None else rows.weight
    total = counted.sum()
    if prediction.ndim == 2:
        return _power(rows.y.astype(np.intp), prediction, counted / total)
    y, odds = (rows.y > 0).astype(float), log_odds(prediction)

    def loss(given: np.ndarray) -> tuple[float, np.ndarray]:
        slope = np.exp(given[0])
        line = slope * odds + given[1]
        value = float(counted @ (np.logaddexp(0, line) - y * line) / total)
        error = counted * (1 / (1 + np.exp(-line)) - y) / total
        return value, np.array([slope * (error @ odds), error.sum()])

    bounds = [(-MAX_LOG_SLOPE, MAX_LOG_SLOPE), (-MAX_INTERCEPT, MAX_INTERCEPT)]
    found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=bounds)
    return Calibration(slope=float(np.exp(found.x[0])), intercept=float(found.x[1]))


def _power(y: np.ndarray, prediction: np.ndarray, share: np.ndarray) -> Calibration:
    logs, each = np.log(np.clip(prediction, SMALLEST, 1.0)), np.arange(len(y))

    def loss(given: np.ndarray) -> tuple[float, np.ndarray]:
        slope = np.exp(given[0])
        powers = slope * logs
        powers -= powers.max(axis=1, keepdims=True)
        shares = np.exp(powers)
        sums = shares.sum(axis=1)
        value = float(share @ (np.log(sums) - powers[each, y]))
        expected = (shares * logs).sum(axis=1) / sums
        return value, np.array([slope * (share @ (expected - logs[each, y]))])

    bounds = [(-MAX_LOG_SLOPE, MAX_LOG_SLOPE)]
    found = minimize(loss, np.zeros(1), jac=True, method="L-BFGS-B", bounds=bounds)
    return Calibration(slope=float(np.exp(found.x[0])))


def _threshold(rows: OutOfFold, metric: Metric, chances: np.ndarray) -> float:
    """Tune on all rows if tuning gains where each block is called by what the others chose."""
    crossed = np.empty_like(chances)
    for cut in rows.cuts():
        threshold = tune_threshold(cut.rest, metric, chances[cut.learned])
        crossed[cut.judged] = chances[cut.judged] > threshold
    if not metric.is_better(rows.score(metric, crossed), rows.score(metric, chances)):
        return HALF
    return tune_threshold(rows, metric, chances)


def tune_threshold(rows: OutOfFold, metric: Metric, chances: np.ndarray) -> float:
    """Give the threshold with the best score, on ties the one nearest to one half."""
    n_tried = FEW_THRESHOLDS if metric.source else N_THRESHOLDS
    levels = np.unique(np.quantile(chances, np.linspace(0, 1, n_tried)))
    tried = sorted({HALF, *((levels[1:] + levels[:-1]) / 2)}, key=lambda t: (abs(t - HALF), t))
    gains = [metric.gain(rows.score(metric, (chances > t).astype(float))) for t in tried]
    return float(tried[int(np.argmax(np.nan_to_num(gains, nan=-np.inf)))])
