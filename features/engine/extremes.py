"""The greatest value of ranges, how often it is there, and where first.

Heads and tails are those of `moments`.
"""

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel
from features.engine.moments import Blocks, middles

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@kernel
def _join(
    x: Floats, sign: float, older: tuple[int, int], newer: tuple[int, int]
) -> tuple[int, int]:
    """Join two of (count, first place of the greatest), of which -1 is none."""
    if older[1] < 0 or (newer[1] >= 0 and sign * x[newer[1]] > sign * x[older[1]]):
        return newer
    if newer[1] >= 0 and x[newer[1]] == x[older[1]]:
        return older[0] + newer[0], older[1]
    return older


@kernel
def extremes(x: Floats, blocks: Blocks, sign: float) -> tuple[Ints, Ints]:
    """Return how often the greatest of `sign` times the values is there, and its first place.

    Parameters
    ----------
    x
        Values in range order, shape (n_rows,); NaN is no value.
    blocks
        Of the rows, and the queries.

    Returns
    -------
    tuple
        0 and -1 where a query has no value; each of shape (n_queries,).
    """
    low, high = blocks.low, blocks.high
    middle, longest = middles(blocks)
    tails = np.empty((longest, 2), np.int64)
    nothing = (0, -1)
    head, start, stop = nothing, -1, -1
    tail_from, tail_to = -1, -1
    counts, places = np.zeros(len(low), np.int64), np.full(len(low), -1, np.int64)
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        if middle[i] != start or high[i] < stop:
            head, start, stop = nothing, middle[i], middle[i]
        for j in range(stop, high[i]):
            if not np.isnan(x[j]):
                head = _join(x, sign, head, (1, j))
        stop = high[i]
        whole = head
        if low[i] < middle[i]:
            if middle[i] != tail_to or low[i] < tail_from:
                tail, tail_from, tail_to = nothing, low[i], middle[i]
                for j in range(middle[i] - 1, low[i] - 1, -1):
                    if not np.isnan(x[j]):
                        tail = _join(x, sign, (1, j), tail)
                    tails[j - low[i], 0], tails[j - low[i], 1] = tail
            t = tails[low[i] - tail_from]
            whole = _join(x, sign, (t[0], t[1]), head)
        counts[i], places[i] = whole
    return counts, places
