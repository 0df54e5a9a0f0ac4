"""Entropy and the most common codes of ranges, by counts that slide along as in `counting`."""

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel
from features.engine.counting import _overlaps, _rise, _tournament

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

_UNIT = 274877906944.0
"""2**38 parts make one: sums over 2**25 different codes stay whole numbers of 64 bits."""


@kernel
def _weigh(count: int) -> tuple[int, int]:
    """Return count * log(count) as a whole number and parts of one."""
    if count < 2:
        return 0, 0
    weight = count * np.log(float(count))
    whole = int(weight)
    return whole, int((weight - whole) * _UNIT)


@kernel
def entropy(codes: Codes, n_codes: int, low: Ints, high: Ints) -> Floats:
    """Return the entropy of the codes of each query in nats, NaN where it has no rows.

    Parameters are those of `counting.distinct`. The sum of count * log(count) is kept in whole
    numbers, so that sliding loses nothing; the error of an entropy is below 1e-11.
    """
    counts = np.zeros(n_codes, np.int64)
    out = np.full(len(low), np.nan)
    first, last, n, kinds, whole, part = 0, 0, 0, 0, 0, 0
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        if not _overlaps(first, last, low[i], high[i]):
            for j in range(first, last):
                if codes[j] >= 0:
                    counts[codes[j]] = 0
            first, last, n, kinds, whole, part = low[i], low[i], 0, 0, 0, 0
        for j in range(last, high[i]):
            if codes[j] >= 0:
                old, new = counts[codes[j]], counts[codes[j]] + 1
                counts[codes[j]] = new
                n, kinds = n + 1, kinds + (old == 0)
                whole += _weigh(new)[0] - _weigh(old)[0]
                part += _weigh(new)[1] - _weigh(old)[1]
        for j in range(first, low[i]):
            if codes[j] >= 0:
                old, new = counts[codes[j]], counts[codes[j]] - 1
                counts[codes[j]] = new
                n, kinds = n - 1, kinds - (new == 0)
                whole += _weigh(new)[0] - _weigh(old)[0]
                part += _weigh(new)[1] - _weigh(old)[1]
        first, last = low[i], high[i]
        out[i] = np.log(float(n)) - (whole + part / _UNIT) / n if kinds > 1 else 0.0
    return out


@kernel
def most_common(codes: Codes, n_codes: int, low: Ints, high: Ints, n: int) -> tuple[Codes, Ints]:
    """Return the `n` most frequent codes of each query and how often they are there.

    Of equally frequent codes the smaller comes first; where there are fewer than `n`, the rest
    are -1 and 0. Both results have shape (n_queries, n); parameters are those of
    `counting.distinct`. A tournament over the codes is played anew along the path of each
    winner that is set aside.
    """
    size = 1
    while size < n_codes:
        size *= 2
    counts = np.zeros(size, np.int64)
    tree = _tournament(size)
    winners = np.full((len(low), n), -1, np.int32)
    frequencies = np.zeros((len(low), n), np.int64)
    first, last = 0, 0
    for i in range(len(low)):
        if low[i] == high[i]:
            continue
        if not _overlaps(first, last, low[i], high[i]):
            for j in range(first, last):
                if codes[j] >= 0 and counts[codes[j]] > 0:
                    counts[codes[j]] = 0
                    _rise(tree, counts, size, codes[j])
            first, last = low[i], low[i]
        for j in range(last, high[i]):
            if codes[j] >= 0:
                counts[codes[j]] += 1
                _rise(tree, counts, size, codes[j])
        for j in range(first, low[i]):
            if codes[j] >= 0:
                counts[codes[j]] -= 1
                _rise(tree, counts, size, codes[j])
        first, last = low[i], high[i]
        found = 0
        while found < n and counts[tree[1]] > 0:
            winners[i, found], frequencies[i, found] = tree[1], counts[tree[1]]
            counts[tree[1]] = 0
            _rise(tree, counts, size, winners[i, found])
            found += 1
        for k in range(found):
            counts[winners[i, k]] = frequencies[i, k]
            _rise(tree, counts, size, winners[i, k])
    return winners, frequencies
