"""Sums, spreads, trends and extremes over ranges, at a cost per query that no window changes.

Rows lie in one order: by group, then by the moment they became visible. A query asks for the
range [low, high) of one group. Rows are cut into blocks, and each row keeps two states: that of
its block's rows up to and with it (*head*), and that of its rows from it to the block's end
(*tail*). Without a window a group is one block, and a query is the head at `high - 1`. With a
window of length w a block spans [k w, (k + 1) w) in time, so that [cutoff - w, cutoff] touches
at most two of them: a query is the tail at `low` joined to the head at `high - 1` [1]_.
States are joined, never subtracted, so that a monstrous value outside a window cannot spoil
what is inside it; and blocks follow from the data alone, so that a query's answer is the same
to the bit, whatever else is asked with it.

Notation: n values seen, their sum as an unevaluated pair (total, rest) of doubles, m2 the sum
of squared deviations from the mean, joined by the update of Chan et al. [2]_ with the
difference of means taken in the paired arithmetic.

References
----------
.. [1] M. van Herk (1992), "A fast algorithm for local minimum and maximum filters on
   rectangular and octagonal kernels", Pattern Recognition Letters 13(7).
.. [2] T. F. Chan, G. H. Golub, R. J. LeVeque (1983), "Algorithms for computing the sample
   variance", The American Statistician 37(3), eq. 2.1.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

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
def _join_moments(state: Floats, n: float, total: float, rest: float, m2: float) -> None:
    """Join (n, total, rest, m2) to `state` (4,) in place."""
    if n == 0.0:
        return
    if state[0] == 0.0:
        state[0], state[1], state[2], state[3] = n, total, rest, m2
        return
    a, a_rest = _mean(state[1], state[2], state[0])
    b, b_rest = _mean(total, rest, n)
    d = _gap(a, a_rest, b, b_rest)
    state[3] += m2 + d * d * (state[0] * n / (state[0] + n))
    state[1], state[2] = _add(state[1], state[2], total)
    state[1], state[2] = _add(state[1], state[2], rest)
    state[0] += n


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
    block, begin, end, low, high, at, windowed = blocks
    heads = np.empty((len(x), 4))
    tails = np.empty((len(x) if windowed else 0, 4))
    state = np.zeros(4)
    for g in range(len(begin)):
        for j in range(begin[g], end[g]):
            if j == begin[g] or block[j] != block[j - 1]:
                state[:] = 0.0
            if not np.isnan(x[j]):
                _join_moments(state, 1.0, x[j], 0.0, 0.0)
            heads[j] = state
        if windowed:
            for j in range(end[g] - 1, begin[g] - 1, -1):
                if j == end[g] - 1 or block[j] != block[j + 1]:
                    state[:] = 0.0
                if not np.isnan(x[j]):
                    _join_moments(state, 1.0, x[j], 0.0, 0.0)
                tails[j] = state
    out = np.zeros((len(low), 3))
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        state[:] = 0.0
        if windowed and block[low[i]] != at[i]:
            state[:] = tails[low[i]]
        if block[high[i] - 1] == at[i]:
            head = heads[high[i] - 1]
            _join_moments(state, head[0], head[1], head[2], head[3])
        out[i, 0] = state[0]
        out[i, 1] = state[1] + state[2]
        out[i, 2] = state[3]
    return out


@kernel
def _join_trends(a: Floats, b: Floats) -> None:
    """Join `b` to `a`, both (n, x total, x rest, y total, y rest, m_xx, m_xy), in place."""
    if b[0] == 0.0:
        return
    if a[0] == 0.0:
        a[:] = b
        return
    ax, ax_rest = _mean(a[1], a[2], a[0])
    bx, bx_rest = _mean(b[1], b[2], b[0])
    ay, ay_rest = _mean(a[3], a[4], a[0])
    by, by_rest = _mean(b[3], b[4], b[0])
    dx = _gap(ax, ax_rest, bx, bx_rest)
    dy = _gap(ay, ay_rest, by, by_rest)
    weight = a[0] * b[0] / (a[0] + b[0])
    a[5] += b[5] + dx * dx * weight
    a[6] += b[6] + dx * dy * weight
    for k in (1, 3):
        a[k], a[k + 1] = _add(a[k], a[k + 1], b[k])
        a[k], a[k + 1] = _add(a[k], a[k + 1], b[k + 1])
    a[0] += b[0]


@kernel
def _point(state: Floats, x: float, y: float) -> None:
    """Make `state` that of one point."""
    state[:] = 0.0
    state[0], state[1], state[3] = 1.0, x, y


@kernel
def trends(y: Floats, x: Floats, blocks: Blocks) -> Floats:
    """Return count, m_xx and m_xy of the points of each query; a point with a NaN is none.

    `x` and `y` have shape (n_rows,), the result has shape (n_queries, 3).
    """
    block, begin, end, low, high, at, windowed = blocks
    heads = np.empty((len(y), 7))
    tails = np.empty((len(y) if windowed else 0, 7))
    state = np.zeros(7)
    point = np.zeros(7)
    for g in range(len(begin)):
        for j in range(begin[g], end[g]):
            if j == begin[g] or block[j] != block[j - 1]:
                state[:] = 0.0
            if not (np.isnan(y[j]) or np.isnan(x[j])):
                _point(point, x[j], y[j])
                _join_trends(state, point)
            heads[j] = state
        if windowed:
            for j in range(end[g] - 1, begin[g] - 1, -1):
                if j == end[g] - 1 or block[j] != block[j + 1]:
                    state[:] = 0.0
                if not (np.isnan(y[j]) or np.isnan(x[j])):
                    _point(point, x[j], y[j])
                    _join_trends(state, point)
                tails[j] = state
    out = np.zeros((len(low), 3))
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        state[:] = 0.0
        if windowed and block[low[i]] != at[i]:
            state[:] = tails[low[i]]
        if block[high[i] - 1] == at[i]:
            _join_trends(state, heads[high[i] - 1])
        out[i, 0], out[i, 1], out[i, 2] = state[0], state[5], state[6]
    return out


@kernel
def greatest(x: Floats, blocks: Blocks) -> Floats:
    """Return the greatest value of each query, NaN where there is none.

    `x` has shape (n_rows,), the result has shape (n_queries,).
    """
    block, begin, end, low, high, at, windowed = blocks
    heads = np.empty(len(x))
    tails = np.empty(len(x) if windowed else 0)
    for g in range(len(begin)):
        best = np.nan
        for j in range(begin[g], end[g]):
            if j == begin[g] or block[j] != block[j - 1]:
                best = np.nan
            # NOTE: not (x <= best) is also true while best is NaN.
            if not np.isnan(x[j]) and not (x[j] <= best):
                best = x[j]
            heads[j] = best
        if windowed:
            best = np.nan
            for j in range(end[g] - 1, begin[g] - 1, -1):
                if j == end[g] - 1 or block[j] != block[j + 1]:
                    best = np.nan
                if not np.isnan(x[j]) and not (x[j] <= best):
                    best = x[j]
                tails[j] = best
    out = np.full(len(low), np.nan)
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        if windowed and block[low[i]] != at[i]:
            out[i] = tails[low[i]]
        if block[high[i] - 1] == at[i]:
            head = heads[high[i] - 1]
            if not np.isnan(head) and not (head <= out[i]):
                out[i] = head
    return out
