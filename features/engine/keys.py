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

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

_SPARSEST = 16
"""Numbers there may be for each key, so that the table is not greater than a hash table."""


def locate(keys: pa.ChunkedArray, sought: pa.Array | pa.ChunkedArray) -> Codes | None:
    """Return where each sought value stands among unique keys, -1 where it does not.

    Returns
    -------
    Codes or None
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
    places = _places(wanted, table, bounds[0])
    if there is not None:
        places[~there] = -1
    return places


def find_among(keys: pa.Array, sought: pa.ChunkedArray) -> Ints:
    """Return the places, ascending, of values that are among some keys of their type."""
    bounds = _bounds(keys, _SPARSEST * len(sought))
    table = np.full(0 if bounds is None else bounds[1] - bounds[0] + 1, -1, dtype=np.int32)
    if bounds is not None:
        table[keys.drop_null().to_numpy().astype(np.int64, copy=False) - bounds[0]] = 0
    found, first = [np.empty(0, np.int64)], 0
    for chunk in sought.chunks:
        if bounds is None:
            among = np.asarray(pc.is_in(chunk, value_set=keys, skip_nulls=True))
        else:
            wanted, there = _numbers(chunk, bounds[0])
            among = _places(wanted, table, bounds[0]) >= 0
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
    if there is None and _ascend(frozen(numbers)):
        return np.arange(len(numbers), dtype=np.int32), column.combine_chunks()
    ranks = np.zeros(bounds[1] - bounds[0] + 1, dtype=np.int32)
    seen = numbers if there is None else numbers[there]
    distinct = np.empty(min(len(ranks), len(seen)), np.int64)
    n_distinct = _rank(frozen(seen), bounds[0], ranks, distinct)
    codes = _places(numbers, ranks, bounds[0])
    if there is not None:
        codes[~there] = -1
    return codes, pa.array(distinct[:n_distinct]).cast(column.type)


@kernel
def _ascend(numbers: Ints) -> bool:
    """Tell whether each number is greater than the one before, as keys that were counted up."""
    i = 1
    while i < len(numbers) and numbers[i] > numbers[i - 1]:
        i += 1
    return i >= len(numbers)


@kernel
def _rank(seen: Ints, least: int, ranks: Codes, distinct: Ints) -> int:
    """Fill in the rank of each number that is seen, and what is seen, ascending; count it."""
    for i in range(len(seen)):
        ranks[seen[i] - least] = 1
    n_distinct = 0
    for place in range(len(ranks)):
        if ranks[place]:
            ranks[place] = n_distinct
            distinct[n_distinct] = place + least
            n_distinct += 1
    return n_distinct


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
        return column.to_numpy().astype(np.int64, copy=False), None
    there = column.is_valid().to_numpy(zero_copy_only=False)
    filled = pc.fill_null(column, pa.scalar(filler, column.type))
    return filled.to_numpy().astype(np.int64, copy=False), there


def frozen(array: Array) -> Array:
    """Return a view that cannot be written to.

    NOTE: what Arrow holds is such, and kernels are compiled once more for arrays that are not.
    """
    view = array.view()
    view.flags.writeable = False
    return view


def _places(wanted: Ints, table: Codes, least: int) -> Codes:
    places = np.empty(len(wanted), np.int32)
    _locate(frozen(wanted), frozen(table), least, places)
    return places


@kernel
def _locate(wanted: Ints, table: Codes, least: int, places: Codes) -> None:
    for i in range(len(wanted)):
        # NOTE: compared before subtracting, which may overflow.
        inside = least <= wanted[i] <= least + (len(table) - 1)
        places[i] = table[wanted[i] - least] if inside else -1


def gather(array: Array, rows: Array, missing: Any, dtype: npt.DTypeLike | None = None) -> Array:
    """Return the element at each row number, as `dtype`; row number -1 has `missing`.

    NOTE: numpy makes large arrays of large pages, which cost a third of those a kernel would make.
    """
    found = np.empty(len(rows), array.dtype if dtype is None else dtype)
    _gather(frozen(array), frozen(rows), found.dtype.type(missing), found)
    return found


@kernel
def _gather(array: Array, rows: Array, missing: Any, found: Array) -> None:
    for i in range(len(rows)):
        found[i] = array[rows[i]] if rows[i] >= 0 else missing


def gather_flags(flags: npt.NDArray[np.int8], rows: Array) -> npt.NDArray[np.float64]:
    """Return the flag (null -1) at each row number as a float, NaN for null."""
    found = np.empty(len(rows), np.float64)
    _gather_flags(frozen(flags), frozen(rows), found)
    return found


@kernel
def _gather_flags(flags: npt.NDArray[np.int8], rows: Array, found: Array) -> None:
    for i in range(len(rows)):
        found[i] = flags[rows[i]] if flags[rows[i]] >= 0 else np.nan
