"""Slopes over ranges: sums of squares and products of points, as `moments` has those of values."""

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel
from features.engine.graph import NAT
from features.engine.moments import Blocks, _gap, _lost, middles

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


Points = tuple[float, float, float, float, float, float, float, float, float, float, float]
"""n, pivots of x and y, and as pairs the sums of x, y, x squared and x y, all from the pivots."""


@kernel
def _point(state: Points, x: float, y: float) -> Points:
    """Take one more point."""
    n, px, py, sx, cx, sy, cy, sxx, cxx, sxy, cxy = state
    if np.isnan(x) or np.isnan(y):
        return state
    if n == 0.0:
        px, py = x, y
    dx, dy = x - px, y - py
    xx, xy = dx * dx, dx * dy
    tx, ty, txx, txy = sx + dx, sy + dy, sxx + xx, sxy + xy
    cx, cy = cx + _lost(tx, sx, dx), cy + _lost(ty, sy, dy)
    cxx, cxy = cxx + _lost(txx, sxx, xx), cxy + _lost(txy, sxy, xy)
    return n + 1.0, px, py, tx, cx, ty, cy, txx, cxx, txy, cxy


@kernel
def _abscissa(x: float) -> float:
    """Return a number, or a moment as one; the null of either is NaN."""
    return np.nan if x == NAT else float(x)


@kernel
def _slope(a: Points) -> tuple[float, float, float]:
    """Return n, m_xx and m_xy."""
    n, sx, sy = a[0], a[3] + a[4], a[5] + a[6]
    if n < 2.0:
        return n, 0.0 * sx, 0.0 * sy
    m_xx = (a[7] - sx * (sx / n)) + a[8]
    return n, 0.0 if m_xx < 0.0 else m_xx, (a[9] - sx * (sy / n)) + a[10]


@kernel
def _join_slopes(a: Points, b: Points) -> tuple[float, float, float]:
    """Return n, m_xx and m_xy of the points of both."""
    n, m_xx, m_xy = _slope(a)
    m, b_xx, b_xy = _slope(b)
    if n == 0.0 or m == 0.0:
        return n + m, m_xx + b_xx, m_xy + b_xy
    dx = _gap(a[1], (a[3] + a[4]) / n, b[1], (b[3] + b[4]) / m)
    dy = _gap(a[2], (a[5] + a[6]) / n, b[2], (b[5] + b[6]) / m)
    weight = n * m / (n + m)
    return n + m, m_xx + b_xx + dx * dx * weight, m_xy + b_xy + dx * dy * weight


@kernel
def trends(y: Floats, x: Floats | Ints, blocks: Blocks) -> Floats:
    """Return count, m_xx and m_xy of the points of each query; a point with a NaN is none.

    `y` and `x`, numbers or moments, have shape (n_rows,), the result has shape (n_queries, 3).
    """
    low, high = blocks.low, blocks.high
    middle, longest = middles(blocks)
    tails = np.empty((longest, 11))
    empty = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    head, start, stop = empty, -1, -1
    tail_from, tail_to = -1, -1
    out = np.zeros((len(low), 3))
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        if middle[i] != start or high[i] < stop:
            head, start, stop = empty, middle[i], middle[i]
        for j in range(stop, high[i]):
            head = _point(head, _abscissa(x[j]), y[j])
        stop = high[i]
        if low[i] == middle[i]:
            out[i, 0], out[i, 1], out[i, 2] = _slope(head)
            continue
        if middle[i] != tail_to or low[i] < tail_from:
            tail, tail_from, tail_to = empty, low[i], middle[i]
            for j in range(middle[i] - 1, low[i] - 1, -1):
                tail = _point(tail, _abscissa(x[j]), y[j])
                for k in range(11):
                    tails[j - low[i], k] = tail[k]
        t = tails[low[i] - tail_from]
        older = (t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9], t[10])
        out[i, 0], out[i, 1], out[i, 2] = _join_slopes(older, head)
    return out
