"""The longest run of flagged rows in ranges.

Blocks, heads and tails are those of `moments`. What a head and a tail need to be joined is the
run at the border between them.
"""

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel
from features.engine.moments import Blocks

Ints = npt.NDArray[np.int64]


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
    block, begin, end, low, high, at, windowed = blocks
    heads = np.zeros((len(flags), 2), np.int64)
    tails = np.zeros((len(flags) if windowed else 0, 2), np.int64)
    for g in range(len(begin)):
        run, best, border, whole = 0, 0, 0, True
        for j in range(begin[g], end[g]):
            if j == begin[g] or block[j] != block[j - 1]:
                run, best, border, whole = 0, 0, 0, True
            if flags[j] >= 0:
                run = run + 1 if flags[j] == 1 else 0
                whole = whole and flags[j] == 1
                border = run if whole else border
                best = max(best, run)
            heads[j, 0], heads[j, 1] = best, border
        if windowed:
            for j in range(end[g] - 1, begin[g] - 1, -1):
                if j == end[g] - 1 or block[j] != block[j + 1]:
                    run, best, border, whole = 0, 0, 0, True
                if flags[j] >= 0:
                    run = run + 1 if flags[j] == 1 else 0
                    whole = whole and flags[j] == 1
                    border = run if whole else border
                    best = max(best, run)
                tails[j, 0], tails[j, 1] = best, border
    out = np.zeros(len(low), np.int64)
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        best, border = 0, 0
        if windowed and block[low[i]] != at[i]:
            best, border = tails[low[i], 0], tails[low[i], 1]
        if block[high[i] - 1] == at[i]:
            best = max(best, heads[high[i] - 1, 0], border + heads[high[i] - 1, 1])
        out[i] = best
    return out
