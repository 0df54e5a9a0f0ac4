"""Central moments up to the fourth over ranges, for skewness and kurtosis.

Blocks, heads and tails are those of `moments`, and so is the notation: the mean is held as a
pair of doubles (total, rest) over n. States (n, total, rest, m2, m3, m4) are joined by the
update of Pébay [1]_ (eq. 2.1), never subtracted.

References
----------
.. [1] P. Pébay (2008), "Formulas for robust, one-pass parallel computation of covariances and
   arbitrary-order statistical moments", Sandia report SAND2008-6212.
"""

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel
from features.engine.moments import Blocks, _add, _gap, _mean

Floats = npt.NDArray[np.float64]


@kernel
def _join(a: Floats, b: Floats) -> None:
    """Join the state `b` to `a` in place."""
    if b[0] == 0.0:
        return
    if a[0] == 0.0:
        a[:] = b
        return
    a_mean, a_rest = _mean(a[1], a[2], a[0])
    b_mean, b_rest = _mean(b[1], b[2], b[0])
    d = _gap(a_mean, a_rest, b_mean, b_rest)
    n = a[0] + b[0]
    p, q = a[0] / n, b[0] / n
    within = d * d * a[0] * q
    a[5] += b[5] + within * d * d * (p * p - p * q + q * q)
    a[5] += 6.0 * d * d * (p * p * b[3] + q * q * a[3]) + 4.0 * d * (p * b[4] - q * a[4])
    a[4] += b[4] + within * d * (p - q) + 3.0 * d * (p * b[3] - q * a[3])
    a[3] += b[3] + within
    a[1], a[2] = _add(a[1], a[2], b[1])
    a[1], a[2] = _add(a[1], a[2], b[2])
    a[0] = n


@kernel
def shapes(x: Floats, blocks: Blocks) -> Floats:
    """Return count, mean, m2, m3 and m4 of the values of each query; NaN is no value.

    Parameters
    ----------
    x
        Values in range order, shape (n_rows,).
    blocks
        Of the rows, and the queries.

    Returns
    -------
    Floats
        Shape (n_queries, 5). m2, m3 and m4 are NaN where an infinite value was met.
    """
    block, begin, end, low, high, at, windowed = blocks
    heads = np.empty((len(x), 6))
    tails = np.empty((len(x) if windowed else 0, 6))
    state = np.zeros(6)
    point = np.zeros(6)
    point[0] = 1.0
    for g in range(len(begin)):
        for j in range(begin[g], end[g]):
            if j == begin[g] or block[j] != block[j - 1]:
                state[:] = 0.0
            if not np.isnan(x[j]):
                point[1] = x[j]
                _join(state, point)
            heads[j] = state
        if windowed:
            for j in range(end[g] - 1, begin[g] - 1, -1):
                if j == end[g] - 1 or block[j] != block[j + 1]:
                    state[:] = 0.0
                if not np.isnan(x[j]):
                    point[1] = x[j]
                    _join(state, point)
                tails[j] = state
    out = np.zeros((len(low), 5))
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        state[:] = 0.0
        if windowed and block[low[i]] != at[i]:
            state[:] = tails[low[i]]
        if block[high[i] - 1] == at[i]:
            _join(state, heads[high[i] - 1])
        out[i, 0] = state[0]
        if state[0] > 0.0:
            out[i, 1] = (state[1] + state[2]) / state[0]
        out[i, 2], out[i, 3], out[i, 4] = state[3], state[4], state[5]
    return out
