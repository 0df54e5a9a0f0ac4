"""Stacking: one linear layer over the members that greedy selection chose.

For labels of two classes the layer is `p = σ(Σ wᵢ logit pᵢ + b)`, for values `Σ wᵢ vᵢ + b`, with
weights of zero or more; for several classes `p ∝ exp(Σ wᵢ Mᵢ log pᵢ + b)`, where a member's matrix
says what its chance of each class is worth for each class. The layer minimises the log loss or the
squared error, plus a penalty that draws the weights to those that selection gave the members, and
the matrices to the identity: a few rows hardly move them, many do. It needs no member more than
selection chose. What it is worth: `benchmarks/search/PORTFOLIO.md`.

References
----------
Wolpert: Stacked generalization (Neural Networks 5, 1992). Breiman: Stacked regressions (Machine
Learning 24, 1996), for weights that are not negative. Kull et al.: Beyond temperature scaling:
Obtaining well-calibrated multi-class probabilities with Dirichlet calibration (NeurIPS 2019), for a
matrix on the logarithms of probabilities.

Notation: m members, n out-of-fold rows, k classes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize

from models.ensemble import OutOfFold, mix
from models.metrics import Metric, log_losses
from models.serving.calibration import Calibration
from models.serving.pooling import Pooling, to_scale

STRENGTH = 150.0
"""The penalty on the distance from what selection gave weighs as much as so many rows."""

OFFSET_STRENGTH = 5.0
"""Likewise for what is added for each of several classes: none that is rare is ruled out."""

MAX_ERRORS, MAX_ERRORS_BAGGED = 1.0, 8.0
"""The layer is refused where rows it was not fitted on lose more than so many standard errors.
Where fold models are averaged, such rows are too strict a judge, as one fold's model answers them:
on dry_bean, 2,142 rows, they lost 3 errors (log loss 0.218 to 0.234) by a layer that took the log
loss of sealed rows from 0.203 to 0.198."""

PROPER = frozenset({"roc_auc", "average_precision", "log_loss", "brier", "rmse", "r2"})
"""Metrics that gain as the loss does. By any other the layer has to win on rows it was not fitted
on."""

LEAST_SHARE = 1e-3
"""A member of less weight is left out."""

MAX_CLASSES = 12
"""With more classes there is no layer: its matrices would have thousands of numbers."""

MAX_ROWS, MAX_CELLS = 12_000, 2_000_000
"""Rows, and rows times numbers of the layer, that it is fitted on; beyond, evenly spaced rows."""

MAX_ITERATIONS = 100

Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A linear layer, as shares that add up to one and a line on what they give.

    Attributes
    ----------
    weights
        By trial number, above zero.
    matrices
        By trial number, of shape `(k, k)`; none unless there are several classes.
    """

    weights: Mapping[int, float]
    pooling: Pooling
    calibration: Calibration
    matrices: Mapping[int, np.ndarray] = field(default_factory=dict)

    def answer(self, predictions: Mapping[int, np.ndarray]) -> np.ndarray:
        """Join the predictions of the members."""
        mean = mix(predictions, self.weights, self.pooling, self.matrices)
        return self.calibration.apply(mean)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stacked:
    """A layer that was kept.

    Attributes
    ----------
    losses
        Log losses, or root mean squared errors, of the members' mean, and of layers that were not
        fitted on the rows they are judged by.
    """

    layer: Layer
    losses: tuple[float, float]


def stack(
    rows: OutOfFold,
    metric: Metric,
    predictions: Mapping[int, np.ndarray],
    weights: Mapping[int, float],
) -> Stacked | None:
    """Fit the layer, and keep it if rows it is not fitted on do not speak against it.

    Parameters
    ----------
    predictions
        By trial number, on the out-of-fold rows.
    weights
        Of the members by trial number, which add up to one; a single one needs no layer.
    """
    mean = mix(predictions, weights)
    if len(weights) < 2 or (mean.ndim == 2 and mean.shape[1] > MAX_CLASSES):
        return None
    crossed = np.empty_like(mean)
    for cut in rows.cuts():
        known = {number: predictions[number][cut.learned] for number in weights}
        asked = {number: predictions[number][cut.judged] for number in weights}
        crossed[cut.judged] = fit_layer(cut.rest, metric, known, weights).answer(asked)
    before, after = (_losses(rows, metric, each) for each in (mean, crossed))
    lost, noise = _mean_and_error(after - before, rows.weight)
    wins = metric.is_better(rows.score(metric, crossed), rows.score(metric, mean))
    most = MAX_ERRORS_BAGGED if rows.bagged else MAX_ERRORS
    if lost > most * noise or not (wins or metric.name in PROPER):
        return None
    told = [_mean_and_error(each, rows.weight)[0] for each in (before, after)]
    if metric.needs == "value":
        told = [float(np.sqrt(each)) for each in told]
    layer = fit_layer(rows, metric, predictions, weights)
    return Stacked(layer=layer, losses=(told[0], told[1]))


def fit_layer(
    rows: OutOfFold,
    metric: Metric,
    predictions: Mapping[int, np.ndarray],
    weights: Mapping[int, float],
) -> Layer:
    """Fit the layer on all the rows given."""
    given = [predictions[number] for number in weights]
    few = _few(len(rows.y), sum(values[0].size ** 2 for values in given))
    y, prior = rows.y[few], np.array(list(weights.values()))
    share = np.ones(len(y)) if rows.weight is None else rows.weight[few]
    share = share / share.sum()
    if metric.needs == "value":
        found, line = _fit_values(y, np.stack([values[few] for values in given]), prior, share)
        return Layer(weights=_shares(weights, found), pooling="mean", calibration=line)
    inputs = np.stack([to_scale(values[few], "log_odds") for values in given])
    if inputs.ndim == 2:
        found, line = _fit_two(y, inputs, prior, share)
        return Layer(weights=_shares(weights, found), pooling="log_odds", calibration=line)
    matrices, line = _fit_several(y, inputs, prior, share)
    return Layer(
        weights=dict(weights),
        pooling="log_odds",
        calibration=line,
        matrices=dict(zip(weights, matrices, strict=True)),
    )


def _few(n_rows: int, n_numbers: int) -> slice:
    """Give evenly spaced rows, as many as the layer is fitted on."""
    most = min(MAX_ROWS, max(1, MAX_CELLS // n_numbers))
    return slice(None, None, -(-n_rows // most))


def _shares(weights: Mapping[int, float], found: np.ndarray) -> dict[int, float]:
    """Turn fitted weights into shares that add up to one, largest first."""
    total = found.sum()
    kept = np.where(found >= LEAST_SHARE * total, found, 0.0)
    if total <= 0:
        return dict(weights)
    shares = {n: float(share) for n, share in zip(weights, kept / kept.sum(), strict=True) if share}
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))


def _fit_values(
    y: np.ndarray, inputs: np.ndarray, prior: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, Calibration]:
    middle = float(share @ y)
    spread = float(np.sqrt(share @ (y - middle) ** 2)) or 1.0
    given, wanted, m = (inputs - middle) / spread, (y - middle) / spread, len(inputs)

    def objective(v: np.ndarray) -> tuple[float, np.ndarray]:
        error = v[:m] @ given + v[m] - wanted
        return float(share @ error**2) / 2, np.append(given @ (share * error), share @ error)

    v = _minimise(objective, np.append(prior, 0.0), m, len(y))
    slope = float(v[:m].sum())
    intercept = float(spread * v[m] + middle * (1 - slope))
    return v[:m], Calibration(slope=slope, intercept=intercept, scale="values")


def _fit_two(
    y: np.ndarray, inputs: np.ndarray, prior: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, Calibration]:
    happened, m = (y > 0).astype(float), len(inputs)

    def objective(v: np.ndarray) -> tuple[float, np.ndarray]:
        line = v[:m] @ inputs + v[m]
        error = share * (1 / (1 + np.exp(-line)) - happened)
        value = float(share @ (np.logaddexp(0, line) - happened * line))
        return value, np.append(inputs @ error, error.sum())

    v = _minimise(objective, np.append(prior, 0.0), m, len(y))
    return v[:m], Calibration(slope=float(v[:m].sum()), intercept=float(v[m]))


def _fit_several(
    y: np.ndarray, inputs: np.ndarray, prior: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, Calibration]:
    """Give each member's matrix, shape `(m, k, k)`, and the line that adds the offsets."""
    (m, n, k), codes = inputs.shape, y.astype(np.intp)
    side_by_side = inputs.transpose(1, 0, 2).reshape(n, m * k)
    happened = np.zeros((n, k))
    happened[np.arange(n), codes] = 1.0

    def objective(v: np.ndarray) -> tuple[float, np.ndarray]:
        line = side_by_side @ v[: m * k * k].reshape(m * k, k) + v[m * k * k :]
        line -= line.max(axis=1, keepdims=True)
        chances = np.exp(line)
        sums = chances.sum(axis=1, keepdims=True)
        error = share[:, None] * (chances / sums - happened)
        value = float(share @ (np.log(sums[:, 0]) - line[np.arange(n), codes]))
        return value, np.append((side_by_side.T @ error).ravel(), error.sum(axis=0))

    start = np.append((prior[:, None, None] * np.eye(k)).ravel(), np.zeros(k))
    v = _minimise(objective, start, m * k * k, n, bounded=False)
    matrices = v[: m * k * k].reshape(m, k, k) / prior[:, None, None]
    return matrices, Calibration(slope=1.0, offsets=tuple(v[m * k * k :].tolist()))


def _minimise(
    objective: Objective, start: np.ndarray, n_weights: int, n: int, *, bounded: bool = True
) -> np.ndarray:
    """Minimise a mean loss of n rows and the penalties, from the prior weights on."""
    n_offsets = len(start) - n_weights
    free = OFFSET_STRENGTH if n_offsets > 1 else 0.0
    strengths = np.append(np.full(n_weights, STRENGTH / n), np.full(n_offsets, free / n))

    def penalised(v: np.ndarray) -> tuple[float, np.ndarray]:
        value, slopes = objective(v)
        away = v - start
        return value + float(strengths @ away**2), slopes + 2 * strengths * away

    least = 0.0 if bounded else None
    bounds = [(least, None)] * n_weights + [(None, None)] * n_offsets
    found = minimize(
        penalised,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": MAX_ITERATIONS},
    )
    return np.asarray(found.x)


def _losses(rows: OutOfFold, metric: Metric, answer: np.ndarray) -> np.ndarray:
    """Give each row's loss."""
    if metric.needs == "value":
        return np.asarray((rows.y - answer) ** 2)
    return log_losses(rows.y, answer)


def _mean_and_error(values: np.ndarray, weight: np.ndarray | None) -> tuple[float, float]:
    mean = float(np.average(values, weights=weight))
    variance = float(np.average((values - mean) ** 2, weights=weight))
    return mean, float(np.sqrt(variance / len(values)))
