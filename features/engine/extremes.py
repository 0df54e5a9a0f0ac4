"""The greatest value of ranges, how often it is there, and where first.

Blocks, heads and tails are those of `moments`.
"""

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel
from features.engine.moments import Blocks

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@kernel
def extremes(x: Floats, blocks: Blocks) -> tuple[Floats, Ints, Ints]:
    """Return the greatest value of each query, its count, and its first position.

    Parameters
    ----------
    x
        Values in range order, shape (n_rows,); NaN is no value.
    blocks
        Of the rows, and the queries.

    Returns
    -------
    tuple
        NaN, 0 and -1 where a query has no value; each of shape (n_queries,).
    """
    block, begin, end, low, high, at, windowed = blocks
    head_n = np.zeros(len(x), np.int64)
    head_first = np.full(len(x), -1, np.int64)
    tail_n = np.zeros(len(x) if windowed else 0, np.int64)
    tail_first = np.full(len(x) if windowed else 0, -1, np.int64)
    for g in range(len(begin)):
        n, first = 0, -1
        for j in range(begin[g], end[g]):
            if j == begin[g] or block[j] != block[j - 1]:
                n, first = 0, -1
            if not np.isnan(x[j]):
                if first < 0 or x[j] > x[first]:
                    n, first = 1, j
                elif x[j] == x[first]:
                    n += 1
            head_n[j], head_first[j] = n, first
        if windowed:
            n, first = 0, -1
            for j in range(end[g] - 1, begin[g] - 1, -1):
                if j == end[g] - 1 or block[j] != block[j + 1]:
                    n, first = 0, -1
                if not np.isnan(x[j]):
                    if first < 0 or x[j] > x[first]:
                        n, first = 1, j
                    elif x[j] == x[first]:
                        n, first = n + 1, j
                tail_n[j], tail_first[j] = n, first
    best = np.full(len(low), np.nan)
    counts = np.zeros(len(low), np.int64)
    places = np.full(len(low), -1, np.int64)
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        n, first = 0, -1
        if windowed and block[low[i]] != at[i]:
            n, first = tail_n[low[i]], tail_first[low[i]]
        if block[high[i] - 1] == at[i]:
            m, other = head_n[high[i] - 1], head_first[high[i] - 1]
            if other >= 0:
                if first < 0 or x[other] > x[first]:
                    n, first = m, other
                elif x[other] == x[first]:
                    n += m
        if first >= 0:
            best[i], counts[i], places[i] = x[first], n, first
    return best, counts, places
