"""Turning: whether the past misleads, so that only the newest validation rows should judge.

The ensemble is chosen on all validation blocks as long as the world stays as it was. Where a
candidate that learned from less history is surely better on the newest block than the same one
with all of it, the older blocks speak of a world that is gone: then the newest alone judges.

Notation: n rows of the newest block in P consecutive parts; d_p is the mean over part p of
(loss with all history - loss with less). t = mean(d) / (sd(d) / sqrt(P)); means over consecutive
rows are nearly independent where single rows are not (Carlstein, The use of subseries values,
Annals of Statistics 14, 1986).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from models.ensemble import OutOfFold
from models.leaderboard import TrialRecord
from models.recency import EVERYTHING, history_of, with_history

N_PARTS = 20
MIN_ROWS = 10 * N_PARTS
"""Rows that the newest block needs to be asked at all."""

MIN_T = 3.5
"""For 19 degrees of freedom by chance in 1.2 of a thousand, for each pair that is asked."""


def has_turned(
    records: Iterable[TrialRecord],
    predictions: Mapping[int, np.ndarray],
    newest: OutOfFold,
    order: np.ndarray,
) -> bool:
    """Whether less history is surely better for rows of the newest block.

    Parameters
    ----------
    records
        Trials; those with less history are compared with the same candidate that has all.
    predictions
        By trial number, for the newest block.
    newest
        Labels of that block.
    order
        Positions of its rows, oldest first.
    """
    if len(order) < MIN_ROWS:
        return False
    done = {r.candidate.fingerprint: r for r in records if r.number in predictions}
    losses: dict[int, np.ndarray] = {}
    for record in done.values():
        whole = done.get(with_history(record.candidate, EVERYTHING).fingerprint)
        if whole is None or history_of(record.candidate) == EVERYTHING:
            continue
        for number in (whole.number, record.number):
            if number not in losses:
                losses[number] = _losses(newest.y, predictions[number])[order]
        if _t_value(losses[whole.number] - losses[record.number]) >= MIN_T:
            return True
    return False


def newest_of(rows: OutOfFold) -> OutOfFold:
    """Give the newest block alone."""
    size = rows.sizes[-1]
    weight = None if rows.weight is None else rows.weight[-size:]
    return replace(rows, y=rows.y[-size:], sizes=(size,), weight=weight)


def _t_value(gained: np.ndarray) -> float:
    means = np.array([part.mean() for part in np.array_split(gained, N_PARTS)])
    spread = means.std(ddof=1)
    return float(means.mean() / (spread / np.sqrt(N_PARTS))) if spread > 0 else 0.0


def _losses(y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Give the loss of each row: logarithmic for classes, absolute for values."""
    if y.dtype.kind not in "biu":
        return np.asarray(np.abs(y - prediction))
    likely = y.astype(int)
    if prediction.ndim == 1:
        told = np.where(likely == 1, prediction, 1 - prediction)
    else:
        told = prediction[np.arange(len(y)), likely]
    return np.asarray(-np.log(np.clip(told, 1e-6, 1)))
