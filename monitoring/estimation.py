"""The metric before labels arrive: what it should be, if what was learned on the reference holds.

Classification: scores are calibrated on the reference, and labels drawn from them
(confidence-based estimation). Regression: the size of an error is predicted from features and
score by gradient boosting, out of fold (direct loss estimation), and errors of that size are drawn.
Either way labels are drawn many times and the project's own metric is evaluated on each draw, so
that any metric can be estimated and the interval holds the chance in the labels themselves. Every
draw calibrates on another resample of the reference's days.

It sees what moves with the inputs and nothing else: where the same inputs come to mean something
else (concept drift) it goes on promising what held before. So it says whether to be believed:
`flags` name inputs unlike the reference, and labels that contradict it once they come.

References
----------
Garg et al. (2022), ICLR, "Leveraging unlabeled data to predict out-of-distribution performance".
Ben-David et al. (2010), Machine Learning 79, 151-175 (what no estimate without labels can see).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor
from scipy import stats
from sklearn.linear_model import LogisticRegression

from monitoring.domain import encode_features
from monitoring.evidence import DomainEvidence, Estimate, EstimatedPerformance
from monitoring.performance import Metric
from monitoring.windows import Window, block_starts

N_DRAWS = 100
MAX_ROWS = 5_000
LEVEL = 0.9
MIN_REFERENCE = 200
MIN_EFFECTIVE_SHARE = 0.2
"""Share of the reference's rows that must be worth something as a sample of the current window."""

ALPHA = 0.01
N_FOLDS = 3

Draw = Callable[[np.random.Generator], np.ndarray]


def estimate_performance(
    reference: Window,
    current: Window,
    *,
    metric: Metric,
    metric_name: str,
    are_probabilities: bool,
    domain: DomainEvidence | None,
    seed: int,
) -> EstimatedPerformance | None:
    """Estimate the project's metric on the current window without its labels.

    Parameters
    ----------
    reference
        At least `MIN_REFERENCE` labelled rows the champion was not fitted on, else None.
    current
        Labels, where known, only contradict the estimate: they do not enter it.
    domain
        How unlike the two windows are, see `monitoring.domain`.
    """
    known = reference.is_labelled
    if known.sum() < MIN_REFERENCE or current.n_rows == 0:
        return None
    rng = np.random.default_rng(seed)
    reference = reference.take(_thin(np.flatnonzero(known)))
    current = current.take(_thin(np.arange(current.n_rows)))
    make = _classified if are_probabilities else _regressed
    draw = make(reference, current, seed)
    drawn = np.stack([draw(rng) for _ in range(N_DRAWS)])
    values = _evaluate(metric, drawn, current.scores)
    if len(values) < N_DRAWS // 2:
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    flags = [*_input_flags(domain), *_label_flags(metric, metric_name, drawn, current)]
    return EstimatedPerformance(
        name=metric_name,
        estimate=Estimate(value=float(np.median(values)), low=float(low), high=float(high)),
        n_current=current.n_rows,
        flags=tuple(flags),
    )


def _thin(rows: np.ndarray) -> np.ndarray:
    return rows[:: -(-len(rows) // MAX_ROWS)] if len(rows) else rows


def _evaluate(metric: Metric, drawn: np.ndarray, scores: np.ndarray) -> np.ndarray:
    values = [float(metric(y, scores)) for y in drawn if len(np.unique(y)) > 1]
    found = np.asarray(values)
    return np.asarray(found[np.isfinite(found)])


def _classified(reference: Window, current: Window, seed: int) -> Draw:
    blocks, y = _blocks(reference), np.asarray(reference.labels, dtype=float)
    before, after = _columns(reference.scores), _columns(current.scores)

    def draw(rng: np.random.Generator) -> np.ndarray:
        rows = _resample(blocks, rng)
        if before.shape[1] == 1:
            p = _calibrate(before[rows, 0], y[rows], after[:, 0])
            return np.asarray(rng.random(len(p)) < p, dtype=float)
        p = np.column_stack(
            [_calibrate(before[rows, k], y[rows] == k, after[:, k]) for k in range(before.shape[1])]
        )
        p = np.cumsum(p / np.maximum(p.sum(axis=1, keepdims=True), 1e-12), axis=1)
        codes = (rng.random((len(p), 1)) > p).sum(axis=1)
        return np.asarray(np.minimum(codes, before.shape[1] - 1), dtype=float)

    return draw


def _calibrate(scores: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return the probability at each asked score, by Platt's two parameters on the log odds.

    Isotonic regression was tried: it follows the chance in the labels, so that labels drawn from it
    are easier to predict than real ones.
    """
    if len(np.unique(y)) < 2:
        return np.full(len(asked), float(np.mean(y)))
    fitted = LogisticRegression(C=1e6, max_iter=200).fit(_log_odds(scores)[:, None], y)
    return np.asarray(fitted.predict_proba(_log_odds(asked)[:, None])[:, 1])


def _log_odds(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(p / (1 - p)))


def _columns(scores: np.ndarray) -> np.ndarray:
    scores = np.asarray(scores, dtype=float)
    return scores[:, None] if scores.ndim == 1 else scores


def _regressed(reference: Window, current: Window, seed: int) -> Draw:
    """Draw errors of a predicted size, those of one day from one day of the reference."""
    before, after = encode_features(reference, current)
    error = np.asarray(reference.labels, dtype=float) - reference.scores
    blocks = _blocks(reference)
    size = np.empty(len(error))
    fold = blocks % N_FOLDS if blocks.max() >= N_FOLDS else np.arange(len(error)) % N_FOLDS
    for k in range(N_FOLDS):
        size[fold == k] = (
            _size_model(seed)
            .fit(before[fold != k], abs(error[fold != k]))
            .predict(before[fold == k])
        )
    least = max(float(np.quantile(np.abs(error), 0.02)), 1e-9)
    standard = error / np.maximum(size, least)
    ahead = np.maximum(_size_model(seed).fit(before, abs(error)).predict(after), least)
    members = [np.flatnonzero(blocks == b) for b in range(int(blocks.max()) + 1)]
    of_current = _blocks(current)

    def draw(rng: np.random.Generator) -> np.ndarray:
        pools = rng.integers(0, len(members), int(of_current.max()) + 1)
        drawn = np.empty(len(ahead))
        for b, pool in enumerate(pools):
            rows = of_current == b
            drawn[rows] = rng.choice(standard[members[pool]], int(rows.sum()))
        return np.asarray(current.scores + ahead * drawn)

    return draw


def _size_model(seed: int) -> LGBMRegressor:
    return LGBMRegressor(
        n_estimators=60,
        num_leaves=15,
        learning_rate=0.08,
        min_child_samples=30,
        random_state=seed,
        n_jobs=1,
        verbose=-1,
    )


def _blocks(window: Window) -> np.ndarray:
    """Return the number of each row's time block; twenty stretches where there are none."""
    starts, _ = block_starts(window.cutoff_time, window.cutoff_time)
    if starts is None:
        return np.arange(window.n_rows) * min(20, window.n_rows) // max(1, window.n_rows)
    return np.asarray(pd.factorize(starts)[0])


def _resample(blocks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n_blocks = int(blocks.max()) + 1
    counts = np.bincount(rng.integers(0, n_blocks, n_blocks), minlength=n_blocks)
    return np.repeat(np.arange(len(blocks)), counts[blocks])


def _input_flags(domain: DomainEvidence | None) -> list[str]:
    if domain is None or domain.effective_share >= MIN_EFFECTIVE_SHARE:
        return []
    return [
        f"inputs unlike the reference: its rows are worth {domain.effective_share:.0%} of their "
        f"number as a sample of this window (AUC {domain.auc:.2f} between the windows)"
    ]


def _label_flags(metric: Metric, metric_name: str, drawn: np.ndarray, current: Window) -> list[str]:
    """Compare the metric on the labels that came with what was expected of the same rows."""
    known = current.is_labelled
    if known.sum() < MIN_REFERENCE // 2 or len(np.unique(current.labels[known])) < 2:
        return []
    expected = _evaluate(metric, drawn[:, known], current.scores[known])
    if len(expected) < N_DRAWS // 2:
        return []
    realised = float(metric(np.asarray(current.labels, dtype=float)[known], current.scores[known]))
    off = (realised - expected.mean()) / max(float(expected.std()), 1e-12)
    p_value = 2 * stats.t.sf(abs(off), max(1, len(np.unique(_blocks(current))) - 1))
    if p_value >= ALPHA:
        return []
    return [
        f"labels contradict it: {metric_name} {realised:.3g} on {int(known.sum()):,} rows, "
        f"{expected.mean():.3g} expected of them"
    ]
