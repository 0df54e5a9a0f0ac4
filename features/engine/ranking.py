"""Quantiles of ranges, and how many of their values lie below a bound.

The rows of a group are ranked once. Each query moves both ends of its range upward; a Fenwick
tree [1]_ over the ranks counts what is inside. A row that comes or goes, and a question, cost
one step for each doubling of the group. Counts are whole numbers: sliding loses nothing.

References
----------
.. [1] P. M. Fenwick (1994), "A new data structure for cumulative frequency tables", Software:
   Practice and Experience 24(3).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel
from features.engine.moments import Blocks

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Ranks(NamedTuple):
    """The values of each group in order, made once for all questions about them.

    Attributes
    ----------
    rank
        Of each row in its group, from 1; 0 for no value, shape (n_rows,).
    ascending
        The values of each group in order from its first row on, shape (n_rows,).
    sizes
        Number of values of each group, shape (n_groups,).
    """

    rank: npt.NDArray[np.int32]
    ascending: Floats
    sizes: Ints


@kernel
def _sort(x: Floats, places: Ints, spare: Ints, n: int) -> None:
    """Sort the first `n` places by value, merging ever longer stretches.

    NOTE: numba takes seconds to compile its own argsort, and this one a tenth of that.
    """
    width = 1
    while width < n:
        for start in range(0, n, 2 * width):
            middle, end = min(start + width, n), min(start + 2 * width, n)
            a, b = start, middle
            for k in range(start, end):
                if a < middle and (b == end or x[places[a]] <= x[places[b]]):
                    spare[k], a = places[a], a + 1
                else:
                    spare[k], b = places[b], b + 1
        for k in range(n):
            places[k] = spare[k]
        width *= 2


@kernel
def rank_values(x: Floats, blocks: Blocks) -> Ranks:
    """Rank the values of each group; NaN is no value. `x` is in range order, shape (n_rows,)."""
    begin, end = blocks.begin, blocks.end
    longest = 0
    for g in range(len(begin)):
        longest = max(longest, end[g] - begin[g])
    places, spare = np.empty(longest, np.int64), np.empty(longest, np.int64)
    rank, ascending = np.zeros(len(x), np.int32), np.empty(len(x))
    sizes = np.zeros(len(begin), np.int64)
    for g in range(len(begin)):
        n = 0
        for j in range(begin[g], end[g]):
            if not np.isnan(x[j]):
                places[n] = j
                n += 1
        _sort(x, places, spare, n)
        for k in range(n):
            rank[places[k]] = k + 1
            ascending[begin[g] + k] = x[places[k]]
        sizes[g] = n
    return Ranks(rank, ascending, sizes)


@kernel
def _step(tree: Ints, size: int, rank: int, step: int) -> None:
    """Count a value of this rank in (1) or out (-1)."""
    if rank > 0:
        while rank <= size:
            tree[rank] += step
            rank += rank & -rank


@kernel
def _slide(
    tree: Ints,
    size: int,
    rank: npt.NDArray[np.int32],
    old: tuple[int, int],
    new: tuple[int, int],
) -> None:
    """Move the counted rows from the range `old` to `new`."""
    for j in range(old[0], min(new[0], old[1])):
        _step(tree, size, rank[j], -1)
    for j in range(max(old[1], new[0]), new[1]):
        _step(tree, size, rank[j], 1)


@kernel
def _smallest(tree: Ints, size: int, k: int) -> int:
    """Return the rank of the k-th smallest of the counted values, k from 1."""
    leap, rank = 1, 0
    while 2 * leap <= size:
        leap *= 2
    while leap > 0:
        if rank + leap <= size and tree[rank + leap] < k:
            rank += leap
            k -= tree[rank]
        leap //= 2
    return rank + 1


@kernel
def _count(tree: Ints, rank: int) -> int:
    """Count the values of this rank and below."""
    n = 0
    while rank > 0:
        n += tree[rank]
        rank -= rank & -rank
    return n


@kernel
def _between(a: float, b: float, share: float) -> float:
    """Return the point so far on the way from a to b, two values in order."""
    if a == b or share == 0.0:
        return a
    if share == 0.5 and np.isfinite(a + b):
        return (a + b) / 2
    return a * (1.0 - share) + b * share


@kernel
def quantiles(ranks: Ranks, blocks: Blocks, q: float) -> Floats:
    """Return a quantile of the values of each query, NaN where there is none.

    Parameters
    ----------
    ranks
        Of the values, by `rank_values`.
    blocks
        Of the rows, and the queries.
    q
        Share of the values below, from 0 to 1: of n values in order it is the one at (n - 1) q,
        between two of them on the line from the one to the other.
    """
    begin, end, low, high = blocks.begin, blocks.end, blocks.low, blocks.high
    rank, ascending, sizes = ranks
    tree = np.zeros(sizes.max() + 1 if len(sizes) else 1, np.int64)
    out = np.full(len(low), np.nan)
    g, size, old = -1, 0, (0, 0)
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        if g < 0 or low[i] >= end[g]:
            g = max(g, 0)
            while low[i] >= end[g]:
                g += 1
            size = sizes[g]
            tree[: size + 1] = 0
            old = (begin[g], begin[g])
        new = (low[i], high[i])
        _slide(tree, size, rank, old, new)
        old = new
        n = _count(tree, size)
        if n > 0:
            whole = int((n - 1) * q)
            a = ascending[begin[g] + _smallest(tree, size, whole + 1) - 1]
            b = ascending[begin[g] + _smallest(tree, size, min(whole + 2, n)) - 1]
            out[i] = _between(a, b, (n - 1) * q - whole)
    return out


@kernel
def count_below(ranks: Ranks, blocks: Blocks, bounds: Floats, inclusive: bool) -> Ints:
    """Count the values of each query below its bound, or up to and with it.

    Parameters
    ----------
    ranks
        Of the values, by `rank_values`.
    blocks
        Of the rows, and the queries.
    bounds
        One for each query; nothing lies below NaN.
    """
    begin, end, low, high = blocks.begin, blocks.end, blocks.low, blocks.high
    rank, ascending, sizes = ranks
    tree = np.zeros(sizes.max() + 1 if len(sizes) else 1, np.int64)
    out = np.zeros(len(low), np.int64)
    g, size, old = -1, 0, (0, 0)
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        if g < 0 or low[i] >= end[g]:
            g = max(g, 0)
            while low[i] >= end[g]:
                g += 1
            size = sizes[g]
            tree[: size + 1] = 0
            old = (begin[g], begin[g])
        new = (low[i], high[i])
        _slide(tree, size, rank, old, new)
        old = new
        left, right = 0, size
        while left < right:
            middle = (left + right) // 2
            value = ascending[begin[g] + middle]
            if value < bounds[i] or (inclusive and value == bounds[i]):
                left = middle + 1
            else:
                right = middle
        out[i] = _count(tree, left)
    return out
