"""Central moments up to the fourth over ranges, for skewness and kurtosis.

Heads and tails are those of `moments`, and so is the notation: sums of powers of the distances
to the first value (the pivot) are kept as pairs, and shifted to the mean when a query asks.
Since the pivot is one of the values, the mean is at most sqrt(n) standard deviations away from
it, and the shift loses no more than the data itself is uncertain by. Heads and tails are joined
by the update of Pébay [1]_ (eq. 2.1), never subtracted.

References
----------
.. [1] P. Pébay (2008), "Formulas for robust, one-pass parallel computation of covariances and
   arbitrary-order statistical moments", Sandia report SAND2008-6212.
"""

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel
from features.engine.moments import Blocks, _gap, _lost, middles

Floats = npt.NDArray[np.float64]
Powers = tuple[float, float, float, float, float, float, float, float, float, float]
"""n, the pivot, and as pairs the sums of the first four powers of the distances to it."""
Shape = tuple[float, float, float, float, float, float]
"""n, the pivot, the mean's distance to it, m2, m3 and m4."""


@kernel
def _take(state: Powers, value: float) -> Powers:
    """Take in one more value."""
    n, pivot, s1, c1, s2, c2, s3, c3, s4, c4 = state
    if np.isnan(value):
        return state
    if n == 0.0:
        pivot = value
    d = value - pivot
    square = d * d
    t1, t2, t3, t4 = s1 + d, s2 + square, s3 + square * d, s4 + square * square
    return (
        n + 1.0,
        pivot,
        t1,
        c1 + _lost(t1, s1, d),
        t2,
        c2 + _lost(t2, s2, square),
        t3,
        c3 + _lost(t3, s3, square * d),
        t4,
        c4 + _lost(t4, s4, square * square),
    )


@kernel
def _settle(state: Powers) -> Shape:
    """Shift the sums to the mean."""
    n, pivot, s1, c1, s2, c2, s3, c3, s4, c4 = state
    if n < 2.0:
        return n, pivot, 0.0, 0.0, 0.0, 0.0
    mean = (s1 + c1) / n
    square = mean * mean
    m2 = (s2 - n * square) + c2
    m3 = (s3 - 3.0 * mean * s2 + 2.0 * n * square * mean) + (c3 - 3.0 * mean * c2)
    m4 = s4 - 4.0 * mean * s3 + 6.0 * square * s2 - 3.0 * n * square * square
    m4 += c4 - 4.0 * mean * c3 + 6.0 * square * c2
    return n, pivot, mean, 0.0 if m2 < 0.0 else m2, m3, 0.0 if m4 < 0.0 else m4


@kernel
def _join(a: Shape, b: Shape) -> Shape:
    """Join the shapes of two sets of values."""
    if a[0] == 0.0:
        return b
    if b[0] == 0.0:
        return a
    d = _gap(a[1], a[2], b[1], b[2])
    n = a[0] + b[0]
    p, q = a[0] / n, b[0] / n
    within = d * d * a[0] * q
    m2 = a[3] + b[3] + within
    m3 = a[4] + b[4] + within * d * (p - q) + 3.0 * d * (p * b[3] - q * a[3])
    m4 = a[5] + b[5] + within * d * d * (p * p - p * q + q * q)
    m4 += 6.0 * d * d * (p * p * b[3] + q * q * a[3]) + 4.0 * d * (p * b[4] - q * a[4])
    return n, a[1], a[2] + d * q, m2, m3, m4


@kernel
def shapes(x: Floats, blocks: Blocks) -> Floats:
    """Return count, m2, m3 and m4 of the values of each query; NaN is no value.

    Parameters
    ----------
    x
        Values in range order, shape (n_rows,).
    blocks
        Of the rows, and the queries.

    Returns
    -------
    Floats
        Shape (n_queries, 4). m2, m3 and m4 are NaN where an infinite value was met among others.
    """
    low, high = blocks.low, blocks.high
    middle, longest = middles(blocks)
    tails = np.empty((longest, 6))
    empty = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    head, start, stop = empty, -1, -1
    tail_from, tail_to = -1, -1
    out = np.zeros((len(low), 4))
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        if middle[i] != start or high[i] < stop:
            head, start, stop = empty, middle[i], middle[i]
        for j in range(stop, high[i]):
            head = _take(head, x[j])
        stop = high[i]
        whole = _settle(head)
        if low[i] < middle[i]:
            if middle[i] != tail_to or low[i] < tail_from:
                tail, tail_from, tail_to = empty, low[i], middle[i]
                for j in range(middle[i] - 1, low[i] - 1, -1):
                    tail = _take(tail, x[j])
                    settled = _settle(tail)
                    for k in range(6):
                        tails[j - low[i], k] = settled[k]
            t = tails[low[i] - tail_from]
            whole = _join((t[0], t[1], t[2], t[3], t[4], t[5]), whole)
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = whole[0], whole[3], whole[4], whole[5]
    return out
