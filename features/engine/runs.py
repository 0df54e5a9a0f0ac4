"""The longest run of flagged rows, and of values beyond a bound, in ranges.

Heads and tails are those of `moments`. What they need to be joined is the run at the border
between them.
"""

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel
from features.engine.moments import Blocks, middles

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@kernel
def _take(state: tuple[int, int, int, int], flag: int) -> tuple[int, int, int, int]:
    """Take one more row into (longest run, current run, run at the border, whether it ended)."""
    best, run, border, ended = state
    if flag < 0:
        return state
    run = run + 1 if flag == 1 else 0
    if flag == 0:
        ended = 1
    return max(best, run), run, border if ended else run, ended


@kernel
def longest_run(flags: npt.NDArray[np.int8], blocks: Blocks) -> Ints:
    """Return the length of the longest run of flagged rows in each query.

    Parameters
    ----------
    flags
        1 in a run, 0 breaks it, -1 is as if the row were not there; in range order, shape
        (n_rows,).
    blocks
        Of the rows, and the queries.
    """
    low, high = blocks.low, blocks.high
    middle, longest = middles(blocks)
    tails = np.empty((longest, 2), np.int64)
    nothing = (0, 0, 0, 0)
    head, start, stop = nothing, -1, -1
    tail_from, tail_to = -1, -1
    out = np.zeros(len(low), np.int64)
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        if middle[i] != start or high[i] < stop:
            head, start, stop = nothing, middle[i], middle[i]
        for j in range(stop, high[i]):
            head = _take(head, flags[j])
        stop = high[i]
        out[i] = head[0]
        if low[i] < middle[i]:
            if middle[i] != tail_to or low[i] < tail_from:
                tail, tail_from, tail_to = nothing, low[i], middle[i]
                for j in range(middle[i] - 1, low[i] - 1, -1):
                    tail = _take(tail, flags[j])
                    tails[j - low[i], 0], tails[j - low[i], 1] = tail[0], tail[2]
            best, border = tails[low[i] - tail_from]
            out[i] = max(best, head[0], border + head[2])
    return out


@kernel
def longest_beyond(x: Floats, blocks: Blocks, bounds: Floats, sign: float) -> Ints:
    """Return the length of the longest run of values beyond the bound of each query.

    Beyond is above for a `sign` of 1, below for -1; NaN is as if the row were not there.
    NOTE: the bound is the query's own, so that nothing can be kept from one to the next: a query
    costs one step for each row it sees.
    """
    out = np.zeros(len(blocks.low), np.int64)
    for i in range(len(blocks.low)):
        run, best = 0, 0
        for j in range(blocks.low[i], blocks.high[i]):
            if not np.isnan(x[j]):
                run = run + 1 if sign * x[j] > sign * bounds[i] else 0
                best = max(best, run)
        out[i] = best
    return out
