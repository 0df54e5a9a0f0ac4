"""Counting and finding the flagged rows of ranges, by one pass over the rows.

Flags are booleans in range order, shape (n_rows,); answers have one element for each query.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel
from features.engine.moments import Blocks

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def count(flags: Flags, ranges: Blocks) -> Ints:
    """Count the flagged rows of each query."""
    found: Ints = _count(flags, ranges.low, ranges.high)
    return found


@kernel
def _count(flags: Flags, low: Ints, high: Ints) -> Ints:
    """Count on from the query before, adding what came and taking what went."""
    out = np.zeros(len(low), np.int64)
    first, last, n = 0, 0, 0
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        if not (first <= low[i] < last and high[i] >= last):
            first, last, n = low[i], low[i], 0
        for j in range(last, high[i]):
            n += flags[j]
        for j in range(first, low[i]):
            n -= flags[j]
        first, last = low[i], high[i]
        out[i] = n
    return out


def previous(flags: Flags) -> Ints:
    """Return for each row the last flagged row up to and with it, -1 where there is none."""
    return np.maximum.accumulate(np.where(flags, np.arange(len(flags)), -1))


def last(flags: Flags, ranges: Blocks) -> Ints:
    """Return the last flagged row of each query, -1 where there is none."""
    places = np.append(previous(flags), -1)[ranges.high - 1]
    return np.where((places >= ranges.low) & (ranges.high > ranges.low), places, -1)


def first(flags: Flags, ranges: Blocks) -> Ints:
    """Return the first flagged row of each query, -1 where there is none."""
    n = len(flags)
    following = np.minimum.accumulate(np.where(flags, np.arange(n), n)[::-1])[::-1]
    places = np.append(following, n)[ranges.low]
    return np.where(places < ranges.high, places, -1)


def take(values: Array, places: Ints, missing: Any) -> Array:
    """Return the value at each place, `missing` at place -1."""
    return np.append(values, np.asarray([missing], dtype=values.dtype))[places]
