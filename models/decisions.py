"""Decisions: which class is called is tuned, where that gains on rows it was not tuned on.

Of two classes: the probability from which on the second is called. Of several: each probability is
weighed by a power of how rare its class is, which is 1 where all classes are to be found equally
often (Bayes' rule for balanced accuracy on true probabilities) and 0 for accuracy; one number for
all classes, as one for each would follow the chance of few rows.
"""

from collections.abc import Callable

import numpy as np

from models.ensemble import OutOfFold
from models.metrics import Metric
from models.serving.decision import HALF, LIKELIEST, Decision

N_THRESHOLDS = 100
"""Midpoints between quantiles of the predictions that are tried as thresholds."""

FEW_THRESHOLDS = 25
"""For a metric of others, which may take a millisecond however few the rows."""

POWERS = tuple(i / 10 for i in range(13))

Tune = Callable[[OutOfFold, Metric, np.ndarray], Decision]


def asked(metric: Metric, chances: np.ndarray, decision: Decision) -> np.ndarray:
    """Give what a metric is asked about: for one of decisions the calls, else the predictions.

    Examples
    --------
    >>> from models.metrics import METRICS
    >>> chances, early = np.array([0.1, 0.3, 0.6]), Decision(threshold=0.2)
    >>> asked(METRICS["f1"], chances, early), asked(METRICS["roc_auc"], chances, early)
    (array([0., 1., 1.]), array([0.1, 0.3, 0.6]))
    """
    return decision.weigh(chances) if metric.decides else chances


def tune_decision(rows: OutOfFold, metric: Metric, chances: np.ndarray) -> Decision:
    """Tune on all rows if tuning gains where each block is called by what the others chose.

    Parameters
    ----------
    chances
        Probabilities of the out-of-fold rows, `(n,)` or `(n, k)`.
    """
    tune: Tune = tune_threshold if chances.ndim == 1 else tune_factors
    crossed = np.empty_like(chances)
    for cut in rows.cuts():
        chosen = tune(cut.rest, metric, chances[cut.learned])
        crossed[cut.judged] = _decided(chosen, chances[cut.judged])
    gains = metric.is_better(rows.score(metric, crossed), rows.score(metric, chances))
    return tune(rows, metric, chances) if gains else LIKELIEST


def tune_threshold(rows: OutOfFold, metric: Metric, chances: np.ndarray) -> Decision:
    """Give the threshold with the best score, on ties the one nearest to one half."""
    n_tried = FEW_THRESHOLDS if metric.source else N_THRESHOLDS
    levels = np.unique(np.quantile(chances, np.linspace(0, 1, n_tried)))
    tried = sorted({HALF, *((levels[1:] + levels[:-1]) / 2)}, key=lambda t: (abs(t - HALF), t))
    return _best(rows, metric, chances, [Decision(threshold=float(t)) for t in tried])


def tune_factors(rows: OutOfFold, metric: Metric, chances: np.ndarray) -> Decision:
    """Give the factors with the best score, on ties those that change least."""
    weight = np.ones(len(rows.y)) if rows.weight is None else rows.weight
    counts = np.bincount(rows.y.astype(np.intp), weights=weight, minlength=chances.shape[1])
    rarity = counts.sum() / np.maximum(counts, weight.mean())
    powers = [rarity**power for power in POWERS]
    tried = [Decision(factors=tuple((each / each.min()).tolist())) for each in powers[1:]]
    return _best(rows, metric, chances, [LIKELIEST, *tried])


def _best(rows: OutOfFold, metric: Metric, chances: np.ndarray, tried: list[Decision]) -> Decision:
    gains = [metric.gain(rows.score(metric, _decided(each, chances))) for each in tried]
    return tried[int(np.argmax(np.nan_to_num(gains, nan=-np.inf)))]


def _decided(decision: Decision, chances: np.ndarray) -> np.ndarray:
    """Give what a metric is asked about; a class that is called is called at one half, too."""
    if chances.ndim == 2:
        return decision.weigh(chances)
    return (chances > decision.threshold).astype(float)
