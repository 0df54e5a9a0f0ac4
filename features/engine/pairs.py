"""Blocks written out as (child row, cutoff) pairs, for aggregations of values that change.

The pairs are born in child order: the queries that see one child row stand side by side, because
both ends of their ranges only move upward. They are therefore a frame of the child table as
they come, without sorting; `place` reads them back in the order of the queries.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel
from features.engine.moments import Blocks
from features.engine.ranges import Frame, Index, segments

Ints = npt.NDArray[np.int64]

MAX_PAIRS = 2_000_000
"""Pairs taken at a time: about 16 MB for each value that is aggregated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The pairs of the queries `first` to `last`.

    Attributes
    ----------
    frame
        Pairs in child order, shape (n_pairs,).
    place
        Where each pair of a query stands in the frame, query after query, shape (n_pairs,).
    ranges
        Segment of each query in `place`.
    """

    first: int
    last: int
    frame: Frame
    place: Ints
    ranges: Blocks


def expand(index: Index, queries: Frame, ranges: Blocks) -> Iterator[Pairs]:
    """Yield the pairs of all queries, about `MAX_PAIRS` at a time."""
    ends = np.cumsum(ranges.high - ranges.low)
    first = 0
    while first < len(queries):
        done = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + MAX_PAIRS, side="right")))
        yield _expand(index, queries, ranges, first, last)
        first = last


def _expand(index: Index, queries: Frame, ranges: Blocks, first: int, last: int) -> Pairs:
    """Write out the queries `first` to `last`."""
    low, high = ranges.low[first:last], ranges.high[first:last]
    cutoffs = queries.cutoffs[first:last]
    ends = np.cumsum(high - low)
    position, cutoff, place = _transpose(low, high, cutoffs, queries.rows[first:last], ends)
    return Pairs(
        first=first,
        last=last,
        frame=Frame(rows=index.order[position].astype(np.int64), cutoffs=cutoff),
        place=place,
        ranges=segments(ends - (high - low), ends),
    )


@kernel
def _transpose(
    low: Ints, high: Ints, cutoffs: Ints, groups: Ints, ends: Ints
) -> tuple[Ints, Ints, Ints]:
    """List (position, cutoff) by position, and the place of each pair by query."""
    n = ends[-1] if len(ends) else 0
    position = np.empty(n, np.int64)
    cutoff = np.empty(n, np.int64)
    place = np.empty(n, np.int64)
    k, start = 0, 0
    while start < len(low):
        stop = start
        while stop < len(low) and groups[stop] == groups[start]:
            stop += 1
        first, last = start, start
        for j in range(low[start], high[stop - 1]):
            while first < stop and high[first] <= j:
                first += 1
            last = max(last, first)
            while last < stop and low[last] <= j:
                last += 1
            for i in range(first, last):
                position[k], cutoff[k] = j, cutoffs[i]
                place[ends[i] - high[i] + j] = k
                k += 1
        start = stop
    return position, cutoff, place
