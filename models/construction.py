"""Construction: sums, differences, products and ratios of columns, those that help.

Which help is found on training rows alone: a quick model that sees the columns and all that can be
made of the best of them learns from one half of the rows, and each constructed column is credited
with the loss it saves on the other half, and the other way round.

References
----------
Kanter, Veeramachaneni: Deep Feature Synthesis (DSAA 2015) and Horn, Pack, Rieger: The autofeat
Python library (2019), for constructing many and keeping few.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from features.usefulness import measure_use
from models.serving.formulas import OPERATIONS, Formula

MAX_FORMULAS = 30
N_COMBINED = 8
"""Columns that are combined, those of most use alone: 8 make 140 candidates."""

MAX_ROWS = 4_000
MAX_COLUMNS = 300
"""Of more columns the first so many are looked at."""


def find_formulas(
    X: pd.DataFrame, y: np.ndarray, *, ordered: bool, seed: int = 0, n_threads: int = 1
) -> tuple[Formula, ...]:
    """Find what is worth constructing, most useful first.

    Parameters
    ----------
    X
        Numeric columns of training rows, float64.
    y
        Their labels: class codes, or a regression's floats.
    ordered
        Whether the rows are in the order of time; otherwise they are shuffled first.

    Returns
    -------
    tuple of Formula
        At most `MAX_FORMULAS`; empty where nothing helps.
    """
    rows = sample_rows(len(X), ordered=ordered, seed=seed)
    names = list(X.columns)[:MAX_COLUMNS]
    known, labels = X[names].iloc[rows], y[rows]
    values = known.to_numpy(dtype=np.float32)
    use = measure_use(values, labels, seed=seed, n_threads=n_threads)
    best = [names[i] for i in np.argsort(-use, kind="stable")[:N_COMBINED] if use[i] > 0]
    formulas = [formula for formula in _candidates(best) if formula.name not in X.columns]
    if not formulas:
        return ()
    made = np.column_stack([formula.of(known) for formula in formulas]).astype(np.float32)
    use = measure_use(np.hstack([values, made]), labels, seed=seed, n_threads=n_threads)
    use = use[values.shape[1] :]
    order = np.argsort(-use, kind="stable")[:MAX_FORMULAS]
    return tuple(formulas[i] for i in order if use[i] > 0)


def sample_rows(n_rows: int, *, ordered: bool, seed: int) -> np.ndarray:
    """Draw positions of rows for a quick model: in their own order, or shuffled."""
    rows = np.random.default_rng(seed).permutation(n_rows)[:MAX_ROWS]
    return np.sort(rows) if ordered else rows


def _candidates(names: Sequence[str]) -> Iterator[Formula]:
    for left, right in combinations(names, 2):
        for operation in OPERATIONS:
            yield Formula(operation=operation, left=left, right=right)
        yield Formula(operation="ratio", left=right, right=left)
