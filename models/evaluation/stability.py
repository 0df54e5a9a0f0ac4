"""Stability: the metric in spans of time, and whether it varies more than chance makes it.

Whether it does is asked by dealing the blocks of rows that move together (`models.blocks`) anew to
the periods: where nothing differs, every deal is as likely as the one that was. Intervals cannot
answer it: five days in a period give standard errors that are too small, and Cochran's Q on them
cried wolf in 12 of 60 worlds at 5 %.
"""

from dataclasses import replace

import numpy as np

from models.blocks import Resamples, draw_resamples
from models.evaluation.records import Period
from models.evaluation.scores import score_interval
from models.resampled import resampled_scores
from models.task import Problem

MAX_PERIODS = 8
MIN_ROWS = 20
"""Of a period: with fewer its interval says nothing."""

N_RESAMPLES = 400
N_DEALS, LEAST_DEALS = 400, 99
MAX_CELLS = 80_000_000
"""Rows of all deals: 100,000 rows of average precision take 1 second more, not 3."""


def by_period(
    y: np.ndarray, prediction: np.ndarray, problem: Problem, cutoff_time: np.ndarray, seed: int
) -> tuple[Period, ...]:
    """Score spans of whole days; where there are fewer than three days, of equal counts."""
    periods = []
    for rows in spans(cutoff_time):
        moments, some = cutoff_time[rows], (y[rows], prediction[rows])
        resamples = draw_resamples(
            some[0],
            moments,
            seed=seed,
            classes=problem.is_classification,
            n_resamples=N_RESAMPLES,
        )
        periods.append(
            Period(
                first=str(moments.min().astype("datetime64[m]")),
                last=str(moments.max().astype("datetime64[m]")),
                n_rows=len(rows),
                score=score_interval(problem.metric, *some, resamples),
                mean_label=_mean_label(*some),
            )
        )
    return tuple(periods)


def steadiness(
    y: np.ndarray,
    prediction: np.ndarray,
    metric: str,
    cutoff_time: np.ndarray,
    resamples: Resamples,
    *,
    seed: int,
) -> float | None:
    """Give the chance of scores so different where nothing differs; None for one period."""
    periods = spans(cutoff_time)
    if len(periods) < 2:
        return None
    of_block = np.full(resamples.n_blocks, -1)
    for number, rows in enumerate(periods):
        of_block[resamples.codes[rows]] = number
    rng = np.random.default_rng(seed)
    n_deals = max(LEAST_DEALS, min(N_DEALS, MAX_CELLS // (len(y) * len(periods))))
    deals = np.stack([of_block, *(rng.permutation(of_block) for _ in range(n_deals))])
    within = deals[:, None, :] == np.arange(len(periods))[:, None]
    dealt = replace(resamples, counts=within.reshape(-1, resamples.n_blocks).astype(float))
    scores = resampled_scores(metric, y, prediction, dealt).reshape(within.shape[:2])
    n_rows = dealt.sums(np.ones((len(y), 1))).reshape(within.shape[:2])
    told = np.isfinite(scores)
    scores, weights = np.where(told, scores, 0.0), np.where(told, n_rows, 0.0)
    means = (weights * scores).sum(axis=1) / weights.sum(axis=1)
    spread = (weights * (scores - means[:, None]) ** 2).sum(axis=1)
    as_wide = int((spread[1:] >= spread[0] * (1 - 1e-9)).sum())
    return (as_wide + 1) / (n_deals + 1)


def spans(cutoff_time: np.ndarray) -> list[np.ndarray]:
    """Give the rows of each period, oldest first; none where there are too few rows."""
    order = np.argsort(cutoff_time, kind="stable")
    n_spans = min(MAX_PERIODS, len(order) // MIN_ROWS)
    if n_spans < 2:
        return []
    days, codes = np.unique(cutoff_time[order].astype("datetime64[D]"), return_inverse=True)
    if len(days) < 3:
        return np.array_split(order, n_spans)
    group = np.arange(len(days)) * min(n_spans, len(days)) // len(days)
    found = (order[group[codes] == number] for number in range(group[-1] + 1))
    return [rows for rows in found if len(rows) >= MIN_ROWS]


def _mean_label(y: np.ndarray, prediction: np.ndarray) -> float:
    if prediction.ndim == 2:
        return float((prediction.argmax(axis=1) == y).mean())
    return float(y.mean())
