"""Sampling: Shapley values of any model, by going from background rows to the row explained.

| symbol | meaning |
|---|---|
| x, z | a row that is explained, a background row |
| π | an order of the columns |
| v(k) | the answer where the first k columns of π are x's and the others z's |

Column π(k) is given v(k) − v(k − 1), and its Shapley value is the mean over orders and background
rows. Orders come in pairs, one the other's reverse, which cancels much of the noise. All rows go
through the same pairs of order and background row, so the values of each row add up to its answer
minus the mean answer of those background rows, exactly.

References
----------
Štrumbelj and Kononenko: Explaining prediction models and individual predictions with feature
contributions (KAIS 2014); Mitchell et al.: Sampling permutations for Shapley value estimation
(JMLR 2022), for pairs of orders.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

Answer = Callable[[pd.DataFrame, np.ndarray], np.ndarray]
"""From rows, and the number of the explained row that each was made for, to answers `(n,)`."""

MAX_CALL_ROWS = 20_000
MAX_PAIRS = 32


def sample_contributions(
    answer: Answer,
    X: pd.DataFrame,
    background: pd.DataFrame,
    columns: Sequence[str],
    *,
    rng: np.random.Generator,
    max_seconds: float,
) -> tuple[np.ndarray, float]:
    """Give contributions `(n_rows, n_columns)`, and the mean answer they start from.

    At least one pair of orders is gone through, as many as fit into `max_seconds`, at the most
    `MAX_PAIRS`.
    """
    total = np.zeros((len(X), len(columns)))
    start, deadline, started = 0.0, time.monotonic() + max_seconds, time.monotonic()
    chosen = rng.permutation(np.resize(np.arange(len(background)), MAX_PAIRS))
    n_pairs = 0
    for row in chosen:
        order = rng.permutation(len(columns))
        for way in (order, order[::-1]):
            found, begun = _along(answer, X, background.iloc[[row]], columns, way)
            total += found
            start += begun
        n_pairs += 1
        each = (time.monotonic() - started) / n_pairs
        if time.monotonic() + each > deadline:
            break
    return total / (2 * n_pairs), start / (2 * n_pairs)


def _along(
    answer: Answer,
    X: pd.DataFrame,
    start: pd.DataFrame,
    columns: Sequence[str],
    order: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Go from one background row to every row, a column at a time."""
    n_steps = len(columns) + 1
    steps = np.arange(n_steps)
    place = np.empty(len(columns), dtype=int)
    place[order] = np.arange(len(columns))
    at_once = max(1, MAX_CALL_ROWS // n_steps)
    answers = []
    for first in range(0, len(X), at_once):
        some = X.iloc[first : first + at_once]
        mixed = {}
        for number, name in enumerate(columns):
            values = some[name].to_numpy()
            given = np.where(steps > place[number], values[:, None], start[name].to_numpy()[0])
            mixed[name] = given.astype(values.dtype, copy=False).ravel()
        for name in X.columns.difference(list(columns)):
            mixed[name] = np.repeat(some[name].to_numpy(), n_steps)
        rows = np.repeat(np.arange(first, first + len(some)), n_steps)
        answers.append(answer(pd.DataFrame(mixed), rows).reshape(len(some), n_steps))
    path = np.concatenate(answers)
    found = np.empty((len(X), len(columns)))
    found[:, order] = np.diff(path, axis=1)
    return found, float(path[:, 0].mean())
