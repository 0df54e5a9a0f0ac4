"""Counting and finding the flagged rows of ranges, by one pass over the rows.

Flags are booleans in range order, shape (n_rows,); answers have one element for each query.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from features.engine.moments import Blocks

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def count(flags: Flags, ranges: Blocks) -> Ints:
    """Count the flagged rows of each query."""
    counts = np.zeros(len(flags) + 1, np.int64)
    np.cumsum(flags, out=counts[1:])
    found: Ints = counts[ranges.high] - counts[ranges.low]
    return found


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
