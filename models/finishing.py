"""Finishing: from an ensemble's members to answers, by what out-of-fold rows say.

Several members are joined by a linear layer (`models.stacking`) unless other rows speak against
it. Without it, probabilities are calibrated where that lowers the log loss of rows the calibration
was not fitted on. For a metric of decisions, which class is called is tuned (`models.decisions`).

Notation: n out-of-fold rows, k classes; predictions are `(n,)` or `(n, k)`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import minimize

from models.decisions import tune_decision
from models.ensemble import OutOfFold, mix
from models.metrics import Metric, log_losses
from models.serving.calibration import SMALLEST, Calibration, log_odds
from models.serving.decision import LIKELIEST, Decision
from models.serving.pooling import Pooling
from models.stacking import Stacked, stack

MAX_LOG_SLOPE, MAX_INTERCEPT = np.log(20), 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """How members become an answer.

    Attributes
    ----------
    weights
        By trial number, largest first; they add up to one.
    pooling, matrices
        As a layer has them (`models.stacking`).
    stacked
        Whether weights and calibration are those of a linear layer.
    calibration
        None where the members' mean stays as it is.
    decision
        Which class is called.
    losses
        Log losses, or root mean squared errors, of the members' mean as selection weighs them, and
        of what comes instead, each fold's by what was fitted on the others.
    """

    weights: Mapping[int, float] = field(default_factory=dict)
    pooling: Pooling = "mean"
    matrices: Mapping[int, np.ndarray] = field(default_factory=dict)
    stacked: bool = False
    calibration: Calibration | None = None
    decision: Decision = LIKELIEST
    losses: tuple[float, float] | None = None

    def answer(self, predictions: Mapping[int, np.ndarray]) -> np.ndarray:
        """Give what is answered for the members' predictions."""
        mean = mix(predictions, self.weights, self.pooling, self.matrices)
        return mean if self.calibration is None else self.calibration.apply(mean)

    def call(self, predictions: Mapping[int, np.ndarray]) -> np.ndarray:
        """Give what the metric is asked about: the answer, or the class that is called."""
        return self.decision.weigh(self.answer(predictions))

    @property
    def sentence(self) -> str | None:
        """Say what is done with the members' mean; None where it is left alone."""
        if self.calibration is None or self.losses is None:
            return None
        loss = "RMSE" if self.calibration.scale == "values" else "log loss"
        what = "members joined by a linear layer" if self.stacked else "probabilities calibrated"
        before, after = self.losses
        said = f"{what} ({self.calibration.formula}): {loss} {after:.4g} instead of {before:.4g}"
        return said if after < before else f"{said} by single fold models, not by their mean"


def finish(
    rows: OutOfFold,
    metric: Metric,
    predictions: Mapping[int, np.ndarray],
    weights: Mapping[int, float],
) -> Finish:
    """Choose how the members of an ensemble are joined.

    Parameters
    ----------
    predictions
        By trial number, on the out-of-fold rows.
    weights
        Of the members by trial number, as they were selected.
    """
    stacked = stack(rows, metric, predictions, weights)
    if stacked is not None:
        found = _of_layer(stacked)
    elif metric.needs == "probability":
        calibration, losses = _calibration(rows, metric, mix(predictions, weights))
        found = Finish(weights=weights, calibration=calibration, losses=losses)
    else:
        found = Finish(weights=weights)
    if not metric.decides:
        return found
    return replace(found, decision=tune_decision(rows, metric, found.answer(predictions)))


def _of_layer(stacked: Stacked) -> Finish:
    layer = stacked.layer
    return Finish(
        weights=layer.weights,
        pooling=layer.pooling,
        matrices=layer.matrices,
        stacked=True,
        calibration=layer.calibration,
        losses=stacked.losses,
    )


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
