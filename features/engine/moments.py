"""Sums, spreads and extremes over ranges, at a cost per query that no window changes.

Rows lie in one order: by group, then by the moment they became visible. A query asks for the
range [low, high) of one group. Rows are cut into blocks: without a window a group is one block;
with a window of length w a block spans [k w, (k + 1) w) in time, so that [cutoff - w, cutoff]
touches at most two of them [1]_. A query is therefore a *tail*, the older block's rows from its
newest down to `low`, joined to a *head*, the newer block's rows from its oldest up to
`high - 1`. Queries of a group come with both ends ascending, so that a head grows from query to
query, and tails that end together are folded once.
States are joined, never subtracted, so that a monstrous value outside a window cannot spoil
what is inside it; and blocks follow from the data alone, so that a query's answer is the same
to the bit, whatever else is asked with it.

Notation: n values seen; their sum as an unevaluated pair (total, rest) of doubles [2]_; the
squares of their distances to the first of them (the pivot) as a pair too. m2, the sum of
squared deviations from the mean, follows by shifting; heads and tails are joined by the update
of Chan et al. [3]_ with the difference of means taken in the paired arithmetic.

References
----------
.. [1] M. van Herk (1992), "A fast algorithm for local minimum and maximum filters on
   rectangular and octagonal kernels", Pattern Recognition Letters 13(7).
.. [2] T. Ogita, S. M. Rump, S. Oishi (2005), "Accurate sum and dot product", SIAM Journal on
   Scientific Computing 26(6), algorithm 4.4.
.. [3] T. F. Chan, G. H. Golub, R. J. LeVeque (1983), "Algorithms for computing the sample
   variance", The American Statistician 37(3), eq. 1.3 and 2.1.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
State = tuple[float, float, float, float, float, float]

_SPLITTER = 134217729.0


class Blocks(NamedTuple):
    """Rows cut into groups and blocks, and the ranges that are asked for.

    NOTE: a named tuple, because compiled code takes no dataclass.

    Attributes
    ----------
    block
        Block of each row, ascending within a group, shape (n_rows,).
    begin, end
        Bounds of each group that is asked about, shape (n_groups,).
    low, high, at
        Range and newest block of each query, shape (n_queries,).
    windowed
        Whether a range may begin before its newest block.
    """

    block: Ints
    begin: Ints
    end: Ints
    low: Ints
    high: Ints
    at: Ints
    windowed: bool


@kernel
def middles(blocks: Blocks) -> tuple[Ints, int]:
    """Find where the tail of each query ends and its head begins, and the longest tail."""
    block, _, _, low, high, at, windowed = blocks
    if not windowed:
        return low, 0
    out = low.copy()
    middle, longest = 0, 0
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        # NOTE: within a group both `low` and `at` only move upward.
        if low[i] > middle or (i > 0 and low[i] < low[i - 1]):
            middle = low[i]
        while middle < high[i] and block[middle] < at[i]:
            middle += 1
        out[i] = middle
        longest = max(longest, middle - low[i])
    return out, longest


@kernel
def _add(total: float, rest: float, value: float) -> tuple[float, float]:
    """Add a double to a pair; an infinite sum keeps no rest."""
    s = total + value
    if not np.isfinite(s):
        return s, 0.0
    b = s - total
    rest += (total - (s - b)) + (value - b)
    t = s + rest
    return t, rest - (t - s)


@kernel
def _mean(total: float, rest: float, n: float) -> tuple[float, float]:
    """Divide a pair by a count below 2**26; the quotient is a pair."""
    q = total / n
    c = _SPLITTER * q
    upper = c - (c - q)
    lower = q - upper
    p = q * n
    remainder = (total - p) - ((upper * n - p) + lower * n)
    return q, (remainder + rest) / n


@kernel
def _gap(a: float, a_rest: float, b: float, b_rest: float) -> float:
    """Return b - a of two pairs."""
    d = b - a
    z = d - b
    error = (b - (d - z)) - (a + z)
    return d + (error + (b_rest - a_rest))


@kernel
def _lost(s: float, a: float, b: float) -> float:
    """Return what rounding took from s = a + b."""
    c = s - a
    return (a - (s - c)) + (b - c)


@kernel
def _take(state: State, value: float) -> State:
    """Take one more value into (n, total, rest, squares, their rest, pivot)."""
    n, total, rest, squares, squares_rest, pivot = state
    if np.isnan(value):
        return state
    if n == 0.0:
        pivot = value
    s = total + value
    square = (value - pivot) * (value - pivot)
    t = squares + square
    return (
        n + 1.0,
        s,
        rest + _lost(s, total, value),
        t,
        squares_rest + _lost(t, squares, square),
        pivot,
    )


@kernel
def _settle(state: State) -> tuple[float, float, float, float]:
    """Return n, the sum as a pair, and m2."""
    n, total, rest, squares, squares_rest, pivot = state
    if n < 2.0 or not np.isfinite(total):
        return n, total, 0.0, squares
    total, rest = _add(total, 0.0, rest)
    mean, mean_rest = _mean(total, rest, n)
    shift = _gap(pivot, 0.0, mean, mean_rest)
    m2 = (squares - n * shift * shift) + squares_rest
    return n, total, rest, 0.0 if m2 < 0.0 else m2


@kernel
def _join(
    a: tuple[float, float, float, float], b: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """Join two of (n, total, rest, m2)."""
    if a[0] == 0.0:
        return b
    if b[0] == 0.0:
        return a
    a_mean, a_rest = _mean(a[1], a[2], a[0])
    b_mean, b_rest = _mean(b[1], b[2], b[0])
    d = _gap(a_mean, a_rest, b_mean, b_rest)
    total, rest = _add(a[1], a[2], b[1])
    total, rest = _add(total, rest, b[2])
    return a[0] + b[0], total, rest, a[3] + b[3] + d * d * (a[0] * b[0] / (a[0] + b[0]))


@kernel
def moments(x: Floats, blocks: Blocks) -> Floats:
    """Return count, sum and m2 of the values of each query; NaN is no value.

    Parameters
    ----------
    x
        Values in range order, shape (n_rows,).
    blocks
        Of the rows, and the queries.

    Returns
    -------
    Floats
        Shape (n_queries, 3). m2 is NaN where an infinite value was met.
    """
    low, high = blocks.low, blocks.high
    middle, longest = middles(blocks)
    tails = np.empty((longest, 6))
    empty = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    head, start, stop = empty, -1, -1
    tail_from, tail_to = -1, -1
    out = np.zeros((len(low), 3))
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        if middle[i] != start or high[i] < stop:
            head, start, stop = empty, middle[i], middle[i]
        for j in range(stop, high[i]):
            head = _take(head, x[j])
        stop = high[i]
        n, total, rest, m2 = _settle(head)
        if low[i] < middle[i]:
            if middle[i] != tail_to or low[i] < tail_from:
                tail, tail_from, tail_to = empty, low[i], middle[i]
                for j in range(middle[i] - 1, low[i] - 1, -1):
                    tail = _take(tail, x[j])
                    for k in range(6):
                        tails[j - low[i], k] = tail[k]
            t = tails[low[i] - tail_from]
            older = _settle((t[0], t[1], t[2], t[3], t[4], t[5]))
            n, total, rest, m2 = _join(older, (n, total, rest, m2))
        out[i, 0], out[i, 1], out[i, 2] = n, total + rest, m2
    return out


@kernel
def _greater(best: float, value: float) -> float:
    """Return the greater of two; NaN is less than all."""
    # NOTE: not (value <= best) is also true while best is NaN.
    return value if not (np.isnan(value) or value <= best) else best


@kernel
def greatest(x: Floats, blocks: Blocks, sign: float = 1.0) -> Floats:
    """Return the greatest of `sign` times the values of each query, NaN where there is none.

    `x` has shape (n_rows,), the result has shape (n_queries,).
    """
    low, high = blocks.low, blocks.high
    middle, longest = middles(blocks)
    tails = np.empty(longest)
    head, start, stop = np.nan, -1, -1
    tail_from, tail_to = -1, -1
    out = np.full(len(low), np.nan)
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        if middle[i] != start or high[i] < stop:
            head, start, stop = np.nan, middle[i], middle[i]
        for j in range(stop, high[i]):
            head = _greater(head, sign * x[j])
        stop = high[i]
        out[i] = head
        if low[i] < middle[i]:
            if middle[i] != tail_to or low[i] < tail_from:
                tail, tail_from, tail_to = np.nan, low[i], middle[i]
                for j in range(middle[i] - 1, low[i] - 1, -1):
                    tail = _greater(tail, sign * x[j])
                    tails[j - low[i]] = tail
            out[i] = _greater(tails[low[i] - tail_from], head)
    return out
