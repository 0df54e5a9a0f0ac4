"""Slices: the metric of groups of rows, beside that of all."""

from collections.abc import Iterable

import numpy as np

from models.blocks import draw_resamples
from models.evaluation.records import SliceScore
from models.evaluation.scores import score_interval
from models.evaluation.stability import MIN_ROWS, N_RESAMPLES
from models.task import Problem

Named = tuple[str, str, np.ndarray]
"""Column, level, and which rows are in it."""


def score_slices(
    slices: Iterable[Named],
    y: np.ndarray,
    prediction: np.ndarray,
    problem: Problem,
    cutoff_time: np.ndarray | None,
    *,
    seed: int,
) -> tuple[SliceScore, ...]:
    """Score the rows of each slice, in the order given; those with fewer than 20 are left out.

    Parameters
    ----------
    prediction
        What the metric is asked about (`models.decisions.asked`).
    """
    scored = []
    y = np.asarray(y, dtype=float)
    for column, level, rows in slices:
        if rows.sum() < MIN_ROWS:
            continue
        some, moments = (y[rows], prediction[rows]), None
        if cutoff_time is not None:
            moments = cutoff_time[rows]
        classes = problem.is_classification
        resamples = draw_resamples(
            some[0], moments, seed=seed, classes=classes, n_resamples=N_RESAMPLES
        )
        mean = (prediction[rows].argmax(axis=1) == y[rows]) if prediction.ndim == 2 else y[rows]
        scored.append(
            SliceScore(
                column,
                level,
                len(some[0]),
                score_interval(problem.metric, *some, resamples),
                float(np.mean(mean)),
            )
        )
    return tuple(scored)
