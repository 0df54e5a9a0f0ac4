"""Miscalibration: how far probabilities are, on average, from how often it happens.

Probabilities p are recalibrated on the rows themselves by logistic regression of what happened on
logit(p) (Cox 1958: intercept 0 and slope 1 mean calibrated), and the number is the mean of
|p − recalibrated p|: the integrated calibration index of Austin & Steyerberg with Cox's line.
Rows are put into bins of similar p first, so that a thousand resamples are fitted at once.

References
----------
Cox (1958), "Two further applications of a model for binary regression", Biometrika 45.
Austin & Steyerberg (2019), "The Integrated Calibration Index (ICI) and related metrics for
quantifying the calibration of logistic regression models", Statistics in Medicine 38.
"""

import numpy as np
from scipy.special import expit, logit

from models.blocks import Resamples

N_BINS = 50
_SMALLEST = 1e-6
_N_STEPS = 25
_ENOUGH = 1e-8
_PRIOR = 1.0
"""Rows' worth of belief in intercept 0 and slope 1, so that separated classes have a fit."""


def as_binary(y: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give what happened and its probability; of several classes that of the likeliest one."""
    if prediction.ndim == 1:
        return np.asarray(y, dtype=float), np.asarray(prediction, dtype=float)
    return (prediction.argmax(axis=1) == y).astype(float), prediction.max(axis=1)


def miscalibration(y: np.ndarray, p: np.ndarray) -> float:
    """Give the mean distance of probabilities from recalibrated ones, 0 … 1.

    Examples
    --------
    >>> y = np.tile([0, 0, 0, 1], 500)
    >>> round(miscalibration(y, np.full(2_000, 0.25)), 3)
    0.0
    >>> round(miscalibration(y, np.full(2_000, 0.45)), 2)
    0.2
    """
    every_row_once = Resamples(
        codes=np.zeros(len(y), dtype=np.intp), counts=np.ones((1, 1)), description="rows"
    )
    return float(resampled_miscalibration(y, p, every_row_once)[0])


def resampled_miscalibration(y: np.ndarray, p: np.ndarray, resamples: Resamples) -> np.ndarray:
    """Give it for every resample, `(n_resamples,)`."""
    p = np.clip(p, _SMALLEST, 1 - _SMALLEST)
    order = np.argsort(p, kind="stable")
    bins = np.empty(len(p), dtype=np.intp)
    bins[order] = np.arange(len(p)) * N_BINS // len(p)
    x = logit(np.bincount(bins, p, N_BINS) / np.maximum(np.bincount(bins, minlength=N_BINS), 1.0))
    x = np.where(np.isfinite(x), x, 0.0)
    within = bins[:, None] == np.arange(N_BINS)
    n = resamples.sums(within.astype(float))
    happened = resamples.sums(within * y[:, None])
    a, b = _fit(x, n, happened)
    distance = np.abs(expit(x) - expit(a[:, None] + b[:, None] * x))
    return np.asarray((n * distance).sum(axis=1) / n.sum(axis=1))


def _fit(x: np.ndarray, n: np.ndarray, happened: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit intercept and slope of every resample; each `(n_resamples,)`.

    Newton's steps, halved where they would make the fit worse: full ones swing for ever between
    two wrong lines where probabilities are far too sure.
    """
    line, scale = np.tile([0.0, 1.0], (len(n), 1)), np.ones(len(n))
    reached = _likelihood(line, x, n, happened)
    for _ in range(_N_STEPS):
        tried = line + scale[:, None] * _newton(line, x, n, happened)
        likelihood = _likelihood(tried, x, n, happened)
        better = likelihood >= reached
        if (better & (likelihood - reached < _ENOUGH)).all():
            break
        line = np.where(better[:, None], tried, line)
        reached = np.where(better, likelihood, reached)
        scale = np.where(better, np.minimum(1.0, 2 * scale), scale / 4)
    return line[:, 0], line[:, 1]


def _newton(line: np.ndarray, x: np.ndarray, n: np.ndarray, happened: np.ndarray) -> np.ndarray:
    a, b = line.T
    mean = expit(a[:, None] + b[:, None] * x)
    left, weight = happened - n * mean, n * mean * (1 - mean)
    up_a = left.sum(axis=1) - _PRIOR * a
    up_b = (left * x).sum(axis=1) - _PRIOR * (b - 1)
    aa, ab = weight.sum(axis=1) + _PRIOR, (weight * x).sum(axis=1)
    bb = (weight * x**2).sum(axis=1) + _PRIOR
    step = np.column_stack([bb * up_a - ab * up_b, aa * up_b - ab * up_a])
    return np.asarray(step / (aa * bb - ab**2)[:, None])


def _likelihood(line: np.ndarray, x: np.ndarray, n: np.ndarray, happened: np.ndarray) -> np.ndarray:
    a, b = line.T
    odds = a[:, None] + b[:, None] * x
    fit = happened * odds - n * np.logaddexp(0.0, odds)
    return np.asarray(fit.sum(axis=1) - _PRIOR / 2 * (a**2 + (b - 1) ** 2))
