"""Distinct values and the most frequent value of ranges, by counts that slide along.

Queries of one group stand side by side, and both ends of their ranges only move upward. The
counts of one query are therefore those of the one before, plus the rows that came and less the
rows that went. Counts are whole numbers: sliding loses nothing.
"""

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]


@kernel
def _overlaps(first: int, last: int, low: int, high: int) -> bool:
    """Tell whether the range [low, high) carries on from [first, last)."""
    return first <= low < last and high >= last


@kernel
def distinct(codes: Codes, n_codes: int, low: Ints, high: Ints) -> Ints:
    """Count the distinct codes of each query; a negative code is no value.

    Parameters
    ----------
    codes
        Codes in range order, below `n_codes`, shape (n_rows,).
    low, high
        Range of each query, both ascending within a group, shape (n_queries,).
    """
    counts = np.zeros(n_codes, np.int64)
    out = np.zeros(len(low), np.int64)
    first, last, n = 0, 0, 0
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        if not _overlaps(first, last, low[i], high[i]):
            for j in range(first, last):
                if codes[j] >= 0:
                    counts[codes[j]] = 0
            first, last, n = low[i], low[i], 0
        for j in range(last, high[i]):
            if codes[j] >= 0:
                n += counts[codes[j]] == 0
                counts[codes[j]] += 1
        for j in range(first, low[i]):
            if codes[j] >= 0:
                counts[codes[j]] -= 1
                n -= counts[codes[j]] == 0
        first, last = low[i], high[i]
        out[i] = n
    return out


@kernel
def _rise(tree: Ints, counts: Ints, size: int, code: int) -> None:
    """Mend the winners above `code`; of equal counts the smaller code wins."""
    node = (size + code) // 2
    while node >= 1:
        left, right = tree[2 * node], tree[2 * node + 1]
        tree[node] = left if counts[left] >= counts[right] else right
        node //= 2


@kernel
def _tournament(size: int) -> Ints:
    """Return the winners among `size` codes (a power of two, or 0) while all counts are 0."""
    tree = np.zeros(2 * size, np.int64)
    for code in range(size):
        tree[size + code] = code
    for node in range(size - 1, 0, -1):
        tree[node] = tree[2 * node]
    return tree


@kernel
def most_frequent(codes: Codes, n_codes: int, low: Ints, high: Ints, windowed: bool) -> Codes:
    """Return the most frequent code of each query, the smallest of equals, -1 where none is.

    Parameters are those of `distinct`. Where rows only come (not `windowed`) the winner is
    followed in constant time; where they also go, a tournament over the codes finds it in
    logarithmic time.
    """
    size = 1
    while size < n_codes:
        size *= 2
    counts = np.zeros(size, np.int64)
    tree = _tournament(size if windowed else 0)
    out = np.full(len(low), -1, np.int32)
    first, last, best = 0, 0, 0
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        if not _overlaps(first, last, low[i], high[i]):
            for j in range(first, last):
                if codes[j] >= 0 and counts[codes[j]] > 0:
                    counts[codes[j]] = 0
                    if windowed:
                        _rise(tree, counts, size, codes[j])
            first, last, best = low[i], low[i], 0
        for j in range(last, high[i]):
            code = codes[j]
            if code >= 0:
                counts[code] += 1
                if windowed:
                    _rise(tree, counts, size, code)
                elif counts[code] > counts[best] or (counts[code] == counts[best] and code < best):
                    best = code
        for j in range(first, low[i]):
            if codes[j] >= 0:
                counts[codes[j]] -= 1
                _rise(tree, counts, size, codes[j])
        first, last = low[i], high[i]
        if windowed:
            best = tree[1]
        if counts[best] > 0:
            out[i] = best
    return out
