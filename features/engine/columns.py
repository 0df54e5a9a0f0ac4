"""From Arrow columns to the plain arrays that the engine holds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.engine.graph import NAT, ValueType
from features.engine.keys import find_among, gather, locate, rank_numbers
from features.errors import FeatureError

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """A column's values; codes come with their categories, in ascending order."""

    data: Array
    categories: pa.Array | None = None


def encode(column: pa.ChunkedArray, type_: ValueType) -> Values:
    """Bring a column into the engine's form."""
    match type_:
        case ValueType.TIME:
            return Values(data=to_microseconds(column))
        case ValueType.CODE | ValueType.OBJECT:
            return _encode_categories(column)
        case ValueType.NUMBER | ValueType.BOOLEAN:
            if pa.types.is_boolean(column.type):
                column = column.cast(pa.uint8())
            return Values(data=_to_numpy(column.cast(pa.float64(), safe=False), np.nan))


def _encode_categories(column: pa.ChunkedArray) -> Values:
    ranked = rank_numbers(column)
    if ranked is not None:
        return Values(data=ranked[0], categories=ranked[1])
    encoded = column.combine_chunks()
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    order = pc.array_sort_indices(encoded.dictionary)
    rank = np.empty(len(order) + 1, dtype=np.int32)
    rank[np.asarray(order)] = np.arange(len(order), dtype=np.int32)
    rank[-1] = -1
    codes = np.asarray(pc.fill_null(encoded.indices.cast(pa.int32()), -1))
    return Values(data=rank[codes], categories=encoded.dictionary.take(order))


def to_microseconds(column: pa.ChunkedArray) -> Ints:
    """Return a date or timestamp column as microseconds since 1970; null is the smallest."""
    moments = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    return _to_numpy(moments, NAT)


def _to_numpy(column: pa.ChunkedArray, null: Any) -> Array:
    filled = pc.fill_null(column, pa.scalar(null, column.type)) if column.null_count else column
    return np.ascontiguousarray(filled.to_numpy())


def find_rows(keys: pa.ChunkedArray, wanted: pa.ChunkedArray | pd.Series) -> Rows:
    """Return where each wanted value stands among unique keys, -1 where it does not.

    Raises
    ------
    FeatureError
        When wanted values and keys cannot be of one type.
    """
    sought = to_keys(wanted, keys.type)
    located = locate(keys, sought)
    if located is not None:
        return located
    places = pc.index_in(sought, value_set=keys.combine_chunks(), skip_nulls=True)
    return np.asarray(pc.fill_null(places, -1)).astype(np.int32)


def rows_among(keys: pa.ChunkedArray, sought: pa.ChunkedArray) -> Ints:
    """Return the rows of `sought`, ascending, whose value is one of some keys."""
    return find_among(keys.combine_chunks(), to_keys(sought, keys.type))


def to_keys(wanted: pa.ChunkedArray | pd.Series, type_: pa.DataType) -> pa.Array:
    """Bring values into the type that a table's key has.

    Raises
    ------
    FeatureError
        When they cannot be of this type.
    """
    try:
        sought = pa.Array.from_pandas(wanted) if isinstance(wanted, pd.Series) else wanted
        return sought.cast(type_)
    except pa.ArrowInvalid as error:
        raise FeatureError(
            f"Expected keys of type {type_}, got values that cannot be such: {error}. "
            "Use the type that the table's key has."
        ) from error


def read_flags(column: pa.ChunkedArray) -> npt.NDArray[np.int8]:
    """Return booleans as 0, 1, and -1 for null."""
    numbers = column.cast(pa.int8())
    flags: npt.NDArray[np.int8] = np.asarray(_to_numpy(numbers, -1))
    return flags


def look_up(array: Array, rows: Array, missing: Any) -> Array:
    """Return the element at each row number; row number -1 has `missing`."""
    return gather(array, rows, missing)
