"""Whole-number keys by address: where each stands, and its rank, without hashing or sorting.

Keys that a database counts up lie close together. A table of all numbers between the least and
the greatest is then small, and one reading of it answers what a hash table answers in several.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.engine.compiler import kernel

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

_SPARSEST = 16
"""Numbers there may be for each key, so that the table is not greater than a hash table."""


def locate(keys: pa.ChunkedArray, sought: pa.Array | pa.ChunkedArray) -> Ints | None:
    """Return where each sought value stands among unique keys, -1 where it does not.

    Returns
    -------
    Ints or None
        None where the keys are no whole numbers, or lie too far apart.
    """
    bounds = _bounds(keys)
    if bounds is None or sought.type != keys.type:
        return None
    table = np.full(bounds[1] - bounds[0] + 1, -1, dtype=np.int32)
    # NOTE: null keys name no row; of equal keys the first counts, as in a hash table.
    numbers, there = _numbers(keys, bounds[0])
    rows = np.flatnonzero(there)[::-1] if there is not None else np.arange(len(keys))[::-1]
    table[numbers[rows] - bounds[0]] = rows
    wanted, there = _numbers(sought, bounds[0])
    places = _locate(wanted, table, bounds[0])
    if there is not None:
        places[~there] = -1
    return places


def find_among(keys: pa.Array, sought: pa.ChunkedArray) -> Ints:
    """Return the places, ascending, of values that are among some keys of their type."""
    bounds = _bounds(keys, _SPARSEST * len(sought))
    table = np.full(0 if bounds is None else bounds[1] - bounds[0] + 1, -1, dtype=np.int32)
    if bounds is not None:
        table[own(keys.drop_null().to_numpy()) - bounds[0]] = 0
    found, first = [np.empty(0, np.int64)], 0
    for chunk in sought.chunks:
        if bounds is None:
            among = np.asarray(pc.is_in(chunk, value_set=keys, skip_nulls=True))
        else:
            wanted, there = _numbers(chunk, bounds[0])
            among = _locate(wanted, table, bounds[0]) >= 0
            among &= True if there is None else there
        found.append(np.flatnonzero(among) + first)
        first += len(chunk)
    return np.concatenate(found)


def rank_numbers(column: pa.ChunkedArray) -> tuple[Codes, pa.Array] | None:
    """Return the rank of each whole number among the distinct ones, null -1, and those.

    Returns
    -------
    tuple or None
        None where the values are no whole numbers, or lie too far apart.
    """
    bounds = _bounds(column)
    if bounds is None:
        return None
    numbers, there = _numbers(column, bounds[0])
    seen = np.zeros(bounds[1] - bounds[0] + 1, dtype=np.int32)
    seen[numbers - bounds[0] if there is None else numbers[there] - bounds[0]] = 1
    ranks = np.cumsum(seen, dtype=np.int32)
    ranks -= 1
    codes = ranks[numbers - bounds[0]]
    if there is not None:
        codes[~there] = -1
    distinct = np.flatnonzero(seen) + bounds[0]
    return codes, pa.array(distinct).cast(column.type)


def _bounds(column: pa.Array | pa.ChunkedArray, room: int = 0) -> tuple[int, int] | None:
    """Return the least and the greatest number, where a table of all between them is small.

    Parameters
    ----------
    room
        Numbers that there may be at any rate.
    """
    if not pa.types.is_integer(column.type) or len(column) == column.null_count:
        return None
    least, greatest = pc.min_max(column).as_py().values()
    close = greatest - least < max(_SPARSEST * len(column) + 1_024, room)
    return (least, greatest) if close and greatest < 2**63 else None


def _numbers(
    column: pa.Array | pa.ChunkedArray, filler: int
) -> tuple[Ints, npt.NDArray[np.bool_] | None]:
    """Return whole numbers, nulls filled, and which are none; None where there is no null."""
    if column.null_count == 0:
        return own(column.to_numpy()), None
    there = column.is_valid().to_numpy(zero_copy_only=False)
    filled = pc.fill_null(column, pa.scalar(filler, column.type))
    return own(filled.to_numpy()), there


def own(numbers: npt.NDArray[Any]) -> Ints:
    """Return numbers as writable int64.

    NOTE: kernels are compiled once more for arrays that are not, which takes longer than a copy.
    """
    return numbers.astype(np.int64, copy=not numbers.flags.writeable)


@kernel
def _locate(wanted: Ints, table: Codes, least: int) -> Ints:
    places = np.empty(len(wanted), np.int64)
    for i in range(len(wanted)):
        # NOTE: compared before subtracting, which may overflow.
        inside = least <= wanted[i] <= least + (len(table) - 1)
        places[i] = table[wanted[i] - least] if inside else -1
    return places


@kernel
def gather(array: Ints, rows: Ints, missing: int) -> Ints:
    """Return the element at each row number; row number -1 has `missing`."""
    found = np.empty(len(rows), array.dtype)
    for i in range(len(rows)):
        found[i] = array[rows[i]] if rows[i] >= 0 else missing
    return found
