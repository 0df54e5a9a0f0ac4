"""Importance: how much worse a model gets when a column's values are shuffled."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from models.decisions import asked
from models.errors import ModelError
from models.serving.decision import LIKELIEST, Decision
from models.task import Problem

MAX_ROWS = 3_000
SCREEN_ROWS = 300
N_TOP = 30
MAX_CALL_ROWS = 12_000
"""Rows predicted in one call."""


Gain = Callable[[np.ndarray], float]
"""From predictions of some rows to how good they are, greater being better."""


class Predictor(Protocol):
    """Predicts rows from some of their columns: an ensemble, or one with its conversion."""

    @property
    def used_columns(self) -> frozenset[str]:
        """Name the columns that matter at all."""

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predict in the metrics' shape."""


def permutation_importance(
    model: Predictor,
    X: pd.DataFrame,
    y: np.ndarray,
    problem: Problem,
    *,
    seed: int,
    weight: np.ndarray | None = None,
    decision: Decision = LIKELIEST,
    n_top: int = N_TOP,
    max_rows: int = MAX_ROWS,
    max_seconds: float = 10.0,
) -> tuple[tuple[str, float], ...]:
    """Measure the drop of the metric for the most important columns, largest first.

    Every column a member uses is shuffled on a few rows; the `n_top` of them are shuffled again
    on up to `max_rows` rows, and that is what is reported. Correlated columns share their
    importance, so each may look small.

    Parameters
    ----------
    X, y
        Rows the model was not fitted on; a sample is drawn by `seed`.
    weight
        How much each row counts; None for all the same.
    decision
        The model's own: which class is called, for a metric that looks at calls.
    max_seconds
        Columns that are not measured by then are left out. Below this limit the answer depends
        on model, rows and seed alone.

    Returns
    -------
    tuple of (str, float)
        Column and drop in the metric's better direction (a useless column is about zero).
    """
    if len(X) != len(y) or not len(X):
        raise ModelError(f"Expected as many rows as labels, got {len(X)} rows and {len(y)}.")
    deadline = time.monotonic() + max_seconds
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(X))[:max_rows]
    columns = [str(name) for name in X.columns if name in model.used_columns]
    few = rows[:SCREEN_ROWS]
    gains = [
        _gain_of(problem, decision, y[some], None if weight is None else weight[some])
        for some in (few, rows)
    ]
    # Half of the time at most for the screening, so that the answer itself is measured.
    half = time.monotonic() + max_seconds / 2
    screened = _drops(model, X.iloc[few], gains[0], columns, rng, half)
    top = sorted(screened, key=lambda name: -screened[name])[:n_top]
    drops = _drops(model, X.iloc[rows], gains[1], top, rng, deadline)
    return tuple(sorted(drops.items(), key=lambda item: -item[1]))


def _gain_of(
    problem: Problem, decision: Decision, y: np.ndarray, weight: np.ndarray | None
) -> Gain:
    metric = problem.scoring
    return lambda chances: metric.gain(metric.score(y, asked(metric, chances, decision), weight))


def _drops(
    model: Predictor,
    X: pd.DataFrame,
    gain_of: Gain,
    columns: Sequence[str],
    rng: np.random.Generator,
    deadline: float,
) -> dict[str, float]:
    score = gain_of(model.predict(X))
    rows = X.reset_index(drop=True)
    # NOTE: several columns share a call, as an ensemble's cost per call is that of thousands of
    # rows.
    step = max(1, MAX_CALL_ROWS // len(rows))
    drops: dict[str, float] = {}
    for first in range(0, len(columns), step):
        group = columns[first : first + step]
        shuffled = [_shuffled(rows, name, rng) for name in group]
        if time.monotonic() > deadline:
            break
        predictions = np.split(model.predict(pd.concat(shuffled)), len(group))
        for name, prediction in zip(group, predictions, strict=True):
            drops[name] = score - gain_of(prediction)
    return drops


def _shuffled(rows: pd.DataFrame, name: str, rng: np.random.Generator) -> pd.DataFrame:
    return rows.assign(**{name: rows[name].to_numpy()[rng.permutation(len(rows))]})
